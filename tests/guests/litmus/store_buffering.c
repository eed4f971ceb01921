// only: riscv64
// syscalls: clone futex
//
// With a full fence between each thread's store and load, at least one of the two sees the other's store.
#include "litmus/litmus.h"

enum { ROUNDS = 20000 };
static _Alignas(64) volatile int x, y;
static _Alignas(64) int seen_x;
static _Alignas(64) int seen_y;
static meeting before, after, again;

static void *other(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        meet(&before);
        y = 1;
        __asm__ volatile("fence rw, rw" : : : "memory");
        seen_x = x;
        meet(&after);
        meet(&again);
    }
    return unused;
}

int main(void) {
    section("store buffering with fences");
    int neither = 0;
    pthread_t thread = start(other, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        meet(&before);
        x = 1;
        __asm__ volatile("fence rw, rw" : : : "memory");
        seen_y = y;
        meet(&after);
        neither += !seen_x && !seen_y;
        x = y = 0;
        meet(&again);
    }
    CHECK_ZERO(pthread_join(thread, NULL));
    CHECK_EQ(neither, 0);
    return verdict();
}
