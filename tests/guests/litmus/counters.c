// only: riscv64
// syscalls: clone futex
#include "litmus/litmus.h"

enum { STEPS = 200000 };
static meeting ready;
static _Alignas(64) uint64_t by_amo;
static _Alignas(64) uint32_t halves[2];
static _Alignas(64) uint64_t by_reservation;
static _Alignas(64) uint32_t by_reservation_word;
static _Alignas(64) uint64_t lock, guarded;
static _Alignas(64) uint64_t maximum, bits;

static void *count(void *argument) {
    uint64_t who = (uintptr_t)argument;
    meet(&ready);
    for (uint64_t i = 1; i <= STEPS; i++) {
        __asm__ volatile("amoadd.d zero, %1, (%0)" : : "r"(&by_amo), "r"(3UL) : "memory");
        // Neighbouring words of one doubleword, one for each thread: neither loses the other's.
        __asm__ volatile("amoadd.w zero, %1, (%0)" : : "r"(&halves[who]), "r"(1UL) : "memory");
        __asm__ volatile("1: lr.d t0, (%0)\n addi t0, t0, 1\n sc.d t1, t0, (%0)\n bnez t1, 1b"
                         : : "r"(&by_reservation) : "t0", "t1", "memory");
        __asm__ volatile("1: lr.w t0, (%0)\n addi t0, t0, 1\n sc.w t1, t0, (%0)\n bnez t1, 1b"
                         : : "r"(&by_reservation_word) : "t0", "t1", "memory");
        __asm__ volatile("amomaxu.d zero, %1, (%0)" : : "r"(&maximum), "r"(i * 2 + who) : "memory");
        __asm__ volatile("amoxor.d zero, %1, (%0)" : : "r"(&bits), "r"(1UL << (i % 32 + who * 32)) : "memory");
        // A lock by amoswap, holding an ordinary addition.
        uint64_t taken;
        int spins = 0;
        do {
            __asm__ volatile("amoswap.d.aq %0, %2, (%1)" : "=r"(taken) : "r"(&lock), "r"(1UL) : "memory");
            if (taken && ++spins % 100 == 0) sched_yield();
        } while (taken);
        guarded++;
        __asm__ volatile("amoswap.d.rl zero, zero, (%0)" : : "r"(&lock) : "memory");
    }
    return NULL;
}

int main(void) {
    section("counters of two threads");
    pthread_t other = start(count, (void *)1);
    count(NULL);
    CHECK_ZERO(pthread_join(other, NULL));
    CHECK_EQ(by_amo, 6 * STEPS);
    CHECK_EQ(halves[0], STEPS);
    CHECK_EQ(halves[1], STEPS);
    CHECK_EQ(by_reservation, 2 * STEPS);
    CHECK_EQ(by_reservation_word, 2 * STEPS);
    CHECK_EQ(guarded, 2 * STEPS);
    CHECK_EQ(maximum, 2 * STEPS + 1);
    uint64_t expected = 0;
    for (uint64_t i = 1; i <= STEPS; i++) expected ^= 1UL << i % 32 | 1UL << (i % 32 + 32);
    CHECK_EQ(bits, expected);
    return verdict();
}
