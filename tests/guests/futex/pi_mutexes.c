// oracle: linux; qemu hands the operations to a host whose thread ids are others
// syscalls: futex
// The C library's mutexes that inherit priorities, robust ones too.
#include "check.h"
#include <pthread.h>
#include <sys/mman.h>

static void prepare(pthread_mutex_t *mutex, int kind, int robust, int shared) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    CHECK_ZERO(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT));
    CHECK_ZERO(pthread_mutexattr_settype(&attributes, kind));
    if (robust) CHECK_ZERO(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
    if (shared) CHECK_ZERO(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    CHECK_ZERO(pthread_mutex_init(mutex, &attributes));
}

static pthread_mutex_t mutex;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long counter;
static int stage;

static void *counts(void *unused) {
    (void)unused;
    for (int i = 0; i < 2000; i++) {
        CHECK_ZERO(pthread_mutex_lock(&mutex));
        counter++;
        if (i % 16 == 0) sched_yield();
        CHECK_ZERO(pthread_mutex_unlock(&mutex));
    }
    return NULL;
}

static void *dies_holding(void *held) {
    CHECK_ZERO(pthread_mutex_lock(held));
    return NULL;
}

static void *answers(void *unused) {
    (void)unused;
    pthread_mutex_lock(&mutex);
    while (stage != 1) pthread_cond_wait(&cond, &mutex);
    stage = 2;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void) {
    pthread_t threads[4];
    section("contended");
    prepare(&mutex, PTHREAD_MUTEX_NORMAL, 0, 0);
    for (int i = 0; i < 4; i++) CHECK_ZERO(pthread_create(&threads[i], NULL, counts, NULL));
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    CHECK_EQ(counter, 8000);

    section("with a condition variable");
    CHECK_ZERO(pthread_create(&threads[0], NULL, answers, NULL));
    sleep_ms(10);
    pthread_mutex_lock(&mutex);
    stage = 1;
    pthread_cond_broadcast(&cond);
    while (stage != 2) pthread_cond_wait(&cond, &mutex);
    pthread_mutex_unlock(&mutex);
    pthread_join(threads[0], NULL);

    section("kinds");
    pthread_mutex_t other;
    prepare(&other, PTHREAD_MUTEX_ERRORCHECK, 0, 0);
    CHECK_ZERO(pthread_mutex_lock(&other));
    CHECK_EQ(pthread_mutex_lock(&other), EDEADLK);
    CHECK_ZERO(pthread_mutex_unlock(&other));
    CHECK_EQ(pthread_mutex_unlock(&other), EPERM);
    prepare(&other, PTHREAD_MUTEX_RECURSIVE, 0, 0);
    CHECK_ZERO(pthread_mutex_lock(&other));
    CHECK_ZERO(pthread_mutex_lock(&other));
    CHECK_ZERO(pthread_mutex_unlock(&other));
    CHECK_ZERO(pthread_mutex_unlock(&other));
    CHECK_EQ(pthread_mutex_unlock(&other), EPERM);

    section("time limits");
    struct timespec soon;
    prepare(&other, PTHREAD_MUTEX_NORMAL, 1, 0);
    CHECK_ZERO(pthread_create(&threads[0], NULL, dies_holding, &other));
    pthread_join(threads[0], NULL);
    clock_gettime(CLOCK_REALTIME, &soon);
    CHECK_EQ(pthread_mutex_timedlock(&other, &soon), EOWNERDEAD);
    CHECK_ZERO(pthread_mutex_consistent(&other));
    CHECK_ZERO(pthread_mutex_unlock(&other));
    CHECK_ZERO(pthread_mutex_trylock(&other));
    CHECK_ZERO(pthread_mutex_unlock(&other));

    section("robust, between processes");
    pthread_mutex_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    prepare(shared, PTHREAD_MUTEX_NORMAL, 1, 1);
    int p[2];
    char byte;
    CHECK_OK(pipe(p));
    pid_t child = MUST(fork());
    if (child == 0) {
        pthread_mutex_lock(shared);
        write(p[1], "x", 1);
        for (;;) pause();
    }
    CHECK_EQ(read(p[0], &byte, 1), 1);
    CHECK_EQ(pthread_mutex_trylock(shared), EBUSY);
    clock_gettime(CLOCK_REALTIME, &soon);
    CHECK_EQ(pthread_mutex_timedlock(shared, &soon), ETIMEDOUT);
    clock_gettime(CLOCK_MONOTONIC, &soon);
    CHECK_EQ(pthread_mutex_clocklock(shared, CLOCK_MONOTONIC, &soon), ETIMEDOUT);
    pid_t killer = MUST(fork());
    if (killer == 0) {
        sleep_ms(20);
        kill(child, SIGKILL);
        _exit(0);
    }
    CHECK_EQ(pthread_mutex_lock(shared), EOWNERDEAD);
    CHECK_ZERO(pthread_mutex_unlock(shared));
    CHECK_EQ(pthread_mutex_lock(shared), ENOTRECOVERABLE);
    CHECK_KILLED(wait_status(child), SIGKILL);
    CHECK_EXITED(wait_status(killer), 0);

    section("robust, a program that is executed lets go");
    prepare(&shared[1], PTHREAD_MUTEX_NORMAL, 1, 1);
    prepare(&shared[2], PTHREAD_MUTEX_NORMAL, 1, 1);
    child = MUST(fork());
    if (child == 0) {
        pthread_mutex_lock(&shared[1]);
        write(p[1], "x", 1);
        sleep_ms(20);
        execl("/proc/self/exe", "pi_mutexes", "-", NULL);
        _exit(97);
    }
    CHECK_EQ(read(p[0], &byte, 1), 1);
    CHECK_EQ(pthread_mutex_lock(&shared[1]), EOWNERDEAD);
    CHECK_ZERO(pthread_mutex_consistent(&shared[1]));
    CHECK_ZERO(pthread_mutex_unlock(&shared[1]));
    kill(child, SIGKILL);
    wait_status(child);
    return verdict();
}

// What is executed above sleeps until it is killed.
__attribute__((constructor)) static void executed(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "-") == 0)
        for (;;) pause();
}
