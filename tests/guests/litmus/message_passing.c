// only: riscv64
// syscalls: clone futex
//
// Unprivileged ISA, RVWMO: a store, a fence and a store are seen in that order by a load, a fence and a load.
#include "litmus/litmus.h"

enum { ROUNDS = 20000 };
static _Alignas(64) volatile uint64_t data;
static _Alignas(64) volatile uint64_t flag;
static meeting before, after;
static int stale, stale_release;

static void *writer(void *unused) {
    for (int i = 1; i <= ROUNDS; i++) {
        meet(&before);
        data = (uint64_t)i;
        if (i % 2)
            __asm__ volatile("fence w, w" : : : "memory");
        else
            __asm__ volatile("amoswap.d.rl zero, %1, (%0)" : : "r"(&flag), "r"((uint64_t)i) : "memory");
        flag = (uint64_t)i;
        meet(&after);
    }
    return unused;
}

int main(void) {
    section("message passing");
    pthread_t other = start(writer, NULL);
    for (int i = 1; i <= ROUNDS; i++) {
        uint64_t seen, value;
        meet(&before);
        if (i % 2) {
            seen = flag;
            __asm__ volatile("fence r, r" : : : "memory");
            value = data;
            if (seen == (uint64_t)i && value != (uint64_t)i) stale++;
        } else {
            __asm__ volatile("lr.d.aq %0, (%1)" : "=r"(seen) : "r"(&flag) : "memory");
            value = data;
            if (seen == (uint64_t)i && value != (uint64_t)i) stale_release++;
        }
        meet(&after);
    }
    CHECK_ZERO(pthread_join(other, NULL));
    CHECK_EQ(stale, 0);
    CHECK_EQ(stale_release, 0);
    return verdict();
}
