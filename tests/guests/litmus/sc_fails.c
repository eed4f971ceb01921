// only: riscv64
// syscalls: clone futex
//
// Unprivileged ISA, "A": an SC must fail if another hart wrote the reserved bytes between the LR and it. Emulators
// detect a write by comparing values and miss one of the same value; what is asserted is that another value makes it fail.
#include "litmus/litmus.h"

enum { ROUNDS = 2000 };
static _Alignas(64) volatile uint64_t cell;
static meeting reserved, written;

static void *writer(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        meet(&reserved);
        cell += 2;
        meet(&written);
    }
    return unused;
}

int main(void) {
    section("sc after another's write");
    pthread_t other = start(writer, NULL);
    int wrong = 0;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t old, failed;
        // The meeting between the two makes a constrained loop of this, which may also fail for no reason.
        __asm__ volatile("lr.d %0, (%1)" : "=r"(old) : "r"(&cell) : "memory");
        meet(&reserved);
        meet(&written);
        __asm__ volatile("sc.d %0, %2, (%1)" : "=r"(failed) : "r"(&cell), "r"(old + 1) : "memory");
        wrong += failed == 0;
    }
    CHECK_ZERO(pthread_join(other, NULL));
    CHECK_EQ(wrong, 0);
    CHECK_EQ(cell, 2 * ROUNDS);
    return verdict();
}
