// flags: -O2 -march=rv64gc
// only: riscv64
// bench: 1 100
// bench: 2 100
// syscalls: clone futex
//
// Busy threads that share nothing: each turns the same generator. Arguments: threads (default 2), steps in millions
// of each (default 2). With enough processors two take as long as one.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static long steps = 2000000;

static void *work(void *argument) {
    uint64_t state = (uint64_t)(uintptr_t)argument, sum = 0;
    for (long i = 0; i < steps; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        sum += state >> 60;
    }
    return (void *)(uintptr_t)(sum ^ state);
}

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 2;
    if (argc > 2) steps = atol(argv[2]) * 1000000;
    pthread_t threads[16];
    if (count < 1 || count > 16) return 2;
    uint64_t all = 0;
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)(i + 1)) != 0) return 3;
    for (int i = 0; i < count; i++) {
        void *result;
        pthread_join(threads[i], &result);
        all = all * 31 + (uint64_t)(uintptr_t)result;
    }
    printf("%d threads: %016llx\n", count, (unsigned long long)all);
    return 0;
}
