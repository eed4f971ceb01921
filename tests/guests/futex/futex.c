// syscalls: futex
#include "check.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>

static long futex(void *word, int op, unsigned value, const void *timeout, void *second, unsigned third) {
    return syscall(SYS_futex, word, op, value, timeout, second, third);
}

static _Atomic unsigned a, b;
static atomic_int asleep, woken;

static void *sleeper(void *word) {
    asleep++;
    CHECK_OK(futex(word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0));
    woken++;
    return NULL;
}

static void *bit_sleeper(void *bits) {
    asleep++;
    CHECK_OK(futex(&a, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, (unsigned)(uintptr_t)bits));
    woken++;
    return NULL;
}

// Starts n sleepers and waits until they sleep.
static void sleepers(pthread_t *threads, int n, void *(*body)(void *), void *argument) {
    asleep = woken = 0;
    for (int i = 0; i < n; i++) CHECK_ZERO(pthread_create(&threads[i], NULL, body, argument));
    while (asleep < n) sched_yield();
    sleep_ms(50);
    CHECK_EQ(woken, 0);
}

static void settled(int n) {
    while (woken < n) sched_yield();
    sleep_ms(20);
    CHECK_EQ(woken, n);
}

int main(void) {
    pthread_t threads[8];
    section("WAIT compares");
    CHECK_ERR(futex(&a, FUTEX_WAIT, 1, NULL, NULL, 0), EAGAIN);
    CHECK_EQ(futex(&a, FUTEX_WAKE, 1, NULL, NULL, 0), 0);

    section("timeouts");
    struct timespec time = {0, 20000000};
    int64_t start = monotonic_ns();
    CHECK_ERR(futex(&a, FUTEX_WAIT, 0, &time, NULL, 0), ETIMEDOUT);
    CHECK(monotonic_ns() - start >= 20000000);
    clock_gettime(CLOCK_MONOTONIC, &time);
    CHECK_ERR(futex(&a, FUTEX_WAIT_BITSET, 0, &time, NULL, ~0U), ETIMEDOUT);
    // Not below zero where the clock began just now.
    time.tv_sec -= time.tv_sec < 100 ? time.tv_sec : 100;
    CHECK_ERR(futex(&a, FUTEX_WAIT_BITSET, 0, &time, NULL, ~0U), ETIMEDOUT);
    clock_gettime(CLOCK_REALTIME, &time);
    CHECK_ERR(futex(&a, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &time, NULL, ~0U), ETIMEDOUT);
    time = (struct timespec){0, 1000000000};
    CHECK_ERR(futex(&a, FUTEX_WAIT, 0, &time, NULL, 0), EINVAL);
    time = (struct timespec){0, 0};
    CHECK_ERR(futex(&a, FUTEX_WAIT, 0, &time, NULL, 0), ETIMEDOUT);

    section("WAKE wakes as many as asked");
    sleepers(threads, 5, sleeper, &a);
    CHECK_EQ(futex(&a, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 2, NULL, NULL, 0), 2);
    settled(2);
    CHECK_EQ(futex(&a, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 100, NULL, NULL, 0), 3);
    for (int i = 0; i < 5; i++) pthread_join(threads[i], NULL);

    section("bits select");
    sleepers(threads, 2, bit_sleeper, (void *)1);
    CHECK_EQ(futex(&a, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 100, NULL, NULL, 2), 0);
    CHECK_EQ(futex(&a, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 100, NULL, NULL, 3), 2);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    CHECK_ERR(futex(&a, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERR(futex(&a, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), EINVAL);

    section("REQUEUE moves the rest");
    sleepers(threads, 4, sleeper, &a);
    // futex(2): how many were woken. Linux counts those that were moved, too.
    long told = futex(&a, FUTEX_REQUEUE | FUTEX_PRIVATE_FLAG, 1, (void *)100, &b, 0);
    CHECK(told == 1 || told == 4);
    settled(1);
    CHECK_EQ(futex(&a, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 100, NULL, NULL, 0), 0);
    CHECK_EQ(futex(&b, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 100, NULL, NULL, 0), 3);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);

    section("CMP_REQUEUE compares first");
    sleepers(threads, 3, sleeper, &a);
    CHECK_ERR(futex(&a, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 1, (void *)1, &b, 77), EAGAIN);
    CHECK_EQ(futex(&a, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 1, (void *)1, &b, 0), 2);
    settled(1);
    CHECK_EQ(futex(&b, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 100, NULL, NULL, 0), 1);
    CHECK_EQ(futex(&a, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 100, NULL, NULL, 0), 1);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);

    section("WAKE_OP");
    b = 5;
    sleepers(threads, 2, sleeper, &a);
    CHECK_EQ(futex(&b, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 1, (void *)100, &a,
                   FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0)), 2);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    CHECK_EQ(futex(&a, FUTEX_WAKE_OP, 1, (void *)1, &b, FUTEX_OP(FUTEX_OP_SET, 9, FUTEX_OP_CMP_GT, 100)), 0);
    CHECK_EQ(b, 9);
    // An unknown comparison is noticed when the operation is done.
    CHECK_ERR(futex(&a, FUTEX_WAKE_OP, 1, (void *)1, &b, FUTEX_OP(FUTEX_OP_SET, 3, 6, 0)), ENOSYS);
    CHECK_EQ(b, 3);

    section("between processes");
    _Atomic unsigned *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = MUST(fork());
    if (child == 0) {
        while (*shared == 0)
            if (futex(shared, FUTEX_WAIT, 0, NULL, NULL, 0) == -1) CHECK_EQ(errno, EAGAIN);
        _exit(check_failures != 0);
    }
    sleep_ms(20);
    *shared = 1;
    CHECK(futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0) <= 1);
    CHECK_EXITED(wait_status(child), 0);

    section("errors");
    CHECK_ERR(futex((char *)&a + 1, FUTEX_WAIT, 0, NULL, NULL, 0), EINVAL);
    CHECK_ERR(futex(NOWHERE, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
    CHECK_ERR(futex(&a, 99, 0, NULL, NULL, 0), ENOSYS);
    CHECK_ERR(futex(&a, FUTEX_WAIT, 0, NOWHERE, NULL, 0), EFAULT);
    return verdict();
}
