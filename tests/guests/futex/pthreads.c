// syscalls: futex clone mprotect sched_yield
#include "check.h"
#include <pthread.h>
#include <semaphore.h>

enum { THREADS = 4, STEPS = 2000 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER, emptied = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_spinlock_t spin;
static sem_t semaphore;
static long guarded, spun, inside, produced_sum, consumed_sum, pair_a, pair_b;
static int queue[8], queued, once_count, serial, torn;

static void only_once(void) { once_count++; }

static void *worker(void *argument) {
    long id = (long)argument;
    pthread_once(&once, only_once);
    for (int i = 0; i < STEPS; i++) {
        pthread_mutex_lock(&mutex);
        guarded++;
        pthread_mutex_unlock(&mutex);
    }
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) __atomic_fetch_add(&serial, 1, __ATOMIC_SEQ_CST);
    if (guarded != THREADS * STEPS) CHECK_FAILED("  after the barrier: %ld", guarded);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < STEPS; i++) {
        if ((i + id) % 8 == 0) {
            pthread_rwlock_wrlock(&rwlock);
            pair_a++;
            pair_b++;
            pthread_rwlock_unlock(&rwlock);
        } else {
            pthread_rwlock_rdlock(&rwlock);
            if (pair_a != pair_b) __atomic_fetch_add(&torn, 1, __ATOMIC_SEQ_CST);
            pthread_rwlock_unlock(&rwlock);
        }
    }
    for (int i = 0; i < 200; i++) {
        pthread_spin_lock(&spin);
        spun++;
        pthread_spin_unlock(&spin);
    }
    for (int i = 0; i < 200; i++) {
        sem_wait(&semaphore);
        long now = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
        if (now > 2) CHECK_FAILED("  %ld inside", now);
        __atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
        sem_post(&semaphore);
    }
    return (void *)(id * 10);
}

static void *producer(void *unused) {
    for (int i = 1; i <= STEPS; i++) {
        pthread_mutex_lock(&mutex);
        while (queued == 8) pthread_cond_wait(&emptied, &mutex);
        queue[queued++] = i;
        produced_sum += i;
        pthread_cond_signal(&filled);
        pthread_mutex_unlock(&mutex);
    }
    return unused;
}

static void *consumer(void *unused) {
    for (int i = 1; i <= STEPS; i++) {
        pthread_mutex_lock(&mutex);
        while (queued == 0) pthread_cond_wait(&filled, &mutex);
        consumed_sum += queue[--queued];
        pthread_cond_signal(&emptied);
        pthread_mutex_unlock(&mutex);
    }
    return unused;
}

static void *cancelled(void *unused) {
    for (;;) pause();
    return unused;
}

static void *detached(void *flag) {
    atomic_store((atomic_int *)flag, 1);
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS], other;
    pthread_barrier_init(&barrier, NULL, THREADS);
    pthread_spin_init(&spin, 0);
    sem_init(&semaphore, 0, 2);

    section("mutexes, barriers, read-write locks, semaphores");
    for (long i = 0; i < THREADS; i++) CHECK_ZERO(pthread_create(&threads[i], NULL, worker, (void *)i));
    for (long i = 0; i < THREADS; i++) {
        void *result;
        CHECK_ZERO(pthread_join(threads[i], &result));
        CHECK_EQ((long)result, i * 10);
    }
    CHECK_EQ(guarded, THREADS * STEPS);
    CHECK_EQ(serial, 1);
    CHECK_EQ(once_count, 1);
    CHECK_EQ(torn, 0);
    CHECK_EQ(pair_a, THREADS * STEPS / 8);
    CHECK_EQ(spun, THREADS * 200);

    section("condition variables");
    CHECK_ZERO(pthread_create(&threads[0], NULL, producer, NULL));
    CHECK_ZERO(pthread_create(&threads[1], NULL, consumer, NULL));
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    CHECK_EQ(consumed_sum, produced_sum);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 10000000;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_mutex_lock(&mutex);
    CHECK_EQ(pthread_cond_timedwait(&filled, &mutex, &until), ETIMEDOUT);
    CHECK_EQ(pthread_mutex_trylock(&mutex), EBUSY);
    pthread_mutex_unlock(&mutex);
    pthread_mutex_lock(&mutex);
    CHECK_EQ(pthread_mutex_timedlock(&mutex, &until), ETIMEDOUT);
    pthread_mutex_unlock(&mutex);

    section("cancellation");
    void *result;
    CHECK_ZERO(pthread_create(&other, NULL, cancelled, NULL));
    CHECK_ZERO(pthread_cancel(other));
    CHECK_ZERO(pthread_join(other, &result));
    CHECK(result == PTHREAD_CANCELED);

    section("detached");
    atomic_int flag = 0;
    CHECK_ZERO(pthread_create(&other, NULL, detached, &flag));
    CHECK_ZERO(pthread_detach(other));
    while (!atomic_load(&flag)) sched_yield();

    section("kinds of mutex");
    pthread_mutexattr_t attributes;
    pthread_mutex_t recursive, checked;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&recursive, &attributes);
    CHECK_ZERO(pthread_mutex_lock(&recursive));
    CHECK_ZERO(pthread_mutex_lock(&recursive));
    CHECK_ZERO(pthread_mutex_unlock(&recursive));
    CHECK_ZERO(pthread_mutex_unlock(&recursive));
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&checked, &attributes);
    CHECK_ZERO(pthread_mutex_lock(&checked));
    CHECK_EQ(pthread_mutex_lock(&checked), EDEADLK);
    CHECK_ZERO(pthread_mutex_unlock(&checked));
    CHECK_EQ(pthread_mutex_unlock(&checked), EPERM);

    section("many threads, one after another and together");
    for (int i = 0; i < 100; i++) {
        CHECK_ZERO(pthread_create(&other, NULL, detached, &flag));
        CHECK_ZERO(pthread_join(other, NULL));
    }
    static pthread_t many[200];
    for (int i = 0; i < 200; i++) CHECK_ZERO(pthread_create(&many[i], NULL, detached, &flag));
    for (int i = 0; i < 200; i++) CHECK_ZERO(pthread_join(many[i], NULL));
    return verdict();
}
