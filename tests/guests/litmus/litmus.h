// Two threads that meet before each round, so that what they do in a round overlaps.
#ifndef LITMUS_H
#define LITMUS_H
#include "check.h"
#include <pthread.h>

typedef struct {
    _Alignas(64) atomic_int arrived;
    _Alignas(64) atomic_int round;
} meeting;

// Spins, with a yield now and then: both threads may be on one processor.
__attribute__((unused)) static void meet(meeting *m) {
    int round = atomic_load(&m->round);
    if (atomic_fetch_add(&m->arrived, 1) == 1) {
        atomic_store(&m->arrived, 0);
        atomic_fetch_add(&m->round, 1);
        return;
    }
    for (int spins = 0; atomic_load(&m->round) == round; spins++)
        if (spins % 1000 == 999) sched_yield();
}

__attribute__((unused)) static pthread_t start(void *(*body)(void *), void *argument) {
    pthread_t thread;
    CHECK_ZERO(pthread_create(&thread, NULL, body, argument));
    return thread;
}

#endif
