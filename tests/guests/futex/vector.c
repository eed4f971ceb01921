// oracle: linux; qemu does not know the calls
// syscalls: futex_waitv futex_wait futex_wake futex_requeue
#include "check.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>

#ifndef SYS_futex_wake
#define SYS_futex_wake 454
#define SYS_futex_wait 455
#define SYS_futex_requeue 456
#endif

struct wait {
    uint64_t value, word;
    uint32_t flags, reserved;
};
enum { U32 = 2, PRIVATE = 128 };

static _Atomic unsigned words[130];
static atomic_int tid, answer;

static void until_asleep(void) {
    char path[64], line[256];
    while (!tid) sched_yield();
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    for (;;) {
        int fd = MUST(open(path, O_RDONLY));
        ssize_t length = read(fd, line, sizeof line - 1);
        close(fd);
        line[length > 0 ? length : 0] = 0;
        char *state = strrchr(line, ')');
        if (state && state[2] == 'S') return;
        sleep_ms(2);
    }
}

static long futex_waitv(struct wait *list, unsigned count, unsigned flags, struct timespec *until, int clock) {
    return syscall(SYS_futex_waitv, list, count, flags, until, clock);
}

static void *waits_for_many(void *unused) {
    (void)unused;
    struct wait list[128];
    for (int i = 0; i < 128; i++) list[i] = (struct wait){0, (uint64_t)&words[i], U32 | PRIVATE, 0};
    tid = gettid();
    answer = futex_waitv(list, 128, 0, NULL, 0);
    return NULL;
}

static void *waits_for_one(void *mask) {
    tid = gettid();
    answer = syscall(SYS_futex_wait, &words[5], 0UL, (unsigned long)mask, U32 | PRIVATE, NULL, 0);
    return NULL;
}

static pthread_t start(void *(*body)(void *), long argument) {
    pthread_t thread;
    tid = 0;
    answer = 77;
    CHECK_ZERO(pthread_create(&thread, NULL, body, (void *)argument));
    until_asleep();
    return thread;
}

int main(void) {
    struct wait two[2] = {{0, (uint64_t)&words[0], U32 | PRIVATE, 0}, {0, (uint64_t)&words[1], U32 | PRIVATE, 0}};
    struct timespec past = {0, 0}, soon;

    section("one of many");
    pthread_t thread = start(waits_for_many, 0);
    CHECK_EQ(syscall(SYS_futex_wake, &words[129], 0xffffffffUL, 1, U32 | PRIVATE), 0);
    CHECK_EQ(syscall(SYS_futex_wake, &words[93], 0xffffffffUL, 1, U32 | PRIVATE), 1);
    pthread_join(thread, NULL);
    CHECK_EQ(answer, 93);
    // It left the others.
    CHECK_EQ(syscall(SYS_futex_wake, &words[92], 0xffffffffUL, 1, U32 | PRIVATE), 0);
    thread = start(waits_for_many, 0);
    CHECK_EQ(syscall(SYS_futex, &words[0], FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0), 1);
    pthread_join(thread, NULL);
    CHECK_EQ(answer, 0);

    section("values and time limits");
    words[1] = 1;
    CHECK_ERR(futex_waitv(two, 2, 0, NULL, 0), EAGAIN);
    words[1] = 0;
    CHECK_ERR(futex_waitv(two, 2, 0, &past, CLOCK_MONOTONIC), ETIMEDOUT);
    CHECK_ERR(futex_waitv(two, 2, 0, &past, CLOCK_REALTIME), ETIMEDOUT);
    clock_gettime(CLOCK_MONOTONIC, &soon);
    soon.tv_nsec += 10000000;
    if (soon.tv_nsec >= 1000000000) soon.tv_sec++, soon.tv_nsec -= 1000000000;
    CHECK_ERR(futex_waitv(two, 2, 0, &soon, CLOCK_MONOTONIC), ETIMEDOUT);
    CHECK_ERR(syscall(SYS_futex_wait, &words[0], 0UL, 0xffffffffUL, U32 | PRIVATE, &soon, CLOCK_MONOTONIC), ETIMEDOUT);
    CHECK_ERR(syscall(SYS_futex_wait, &words[0], 1UL, 0xffffffffUL, U32 | PRIVATE, NULL, 0), EAGAIN);

    section("errors of futex_waitv");
    CHECK_ERR(futex_waitv(two, 0, 0, NULL, 0), EINVAL);
    CHECK_ERR(futex_waitv(two, 129, 0, NULL, 0), EINVAL);
    CHECK_ERR(futex_waitv(two, 2, 1, NULL, 0), EINVAL);
    CHECK_ERR(futex_waitv(NULL, 2, 0, NULL, 0), EINVAL);
    CHECK_ERR(futex_waitv((struct wait *)NOWHERE, 2, 0, NULL, 0), EFAULT);
    CHECK_ERR(futex_waitv(two, 2, 0, &past, CLOCK_BOOTTIME), EINVAL);
    CHECK_ERR(futex_waitv(two, 2, 0, NOWHERE, CLOCK_MONOTONIC), EFAULT);
    struct timespec wrong = {0, 1000000000};
    CHECK_ERR(futex_waitv(two, 2, 0, &wrong, CLOCK_MONOTONIC), EINVAL);
    two[1].reserved = 1;
    CHECK_ERR(futex_waitv(two, 2, 0, NULL, 0), EINVAL);
    two[1].reserved = 0, two[1].flags = PRIVATE;
    CHECK_ERR(futex_waitv(two, 2, 0, NULL, 0), EINVAL);
    two[1].flags = U32 | 0x40;
    CHECK_ERR(futex_waitv(two, 2, 0, NULL, 0), EINVAL);
    two[1].flags = U32, two[1].value = 1UL << 32;
    CHECK_ERR(futex_waitv(two, 2, 0, NULL, 0), EINVAL);
    two[1].value = 0, two[1].word++;
    CHECK_ERR(futex_waitv(two, 2, 0, NULL, 0), EINVAL);
    two[1].word = (uint64_t)NOWHERE;
    CHECK_ERR(futex_waitv(two, 2, 0, NULL, 0), EFAULT);
    two[1] = (struct wait){0, (uint64_t)&words[1], U32 | PRIVATE, 0};

    section("masks");
    thread = start(waits_for_one, 2);
    CHECK_EQ(syscall(SYS_futex_wake, &words[5], 1UL, 1, U32 | PRIVATE), 0);
    CHECK_EQ(syscall(SYS_futex_wake, &words[5], 3UL, 0, U32 | PRIVATE), 0);
    CHECK_EQ(syscall(SYS_futex_wake, &words[5], 3UL, 1, U32), 0);
    CHECK_EQ(syscall(SYS_futex_wake, &words[5], 3UL, 1, U32 | PRIVATE), 1);
    pthread_join(thread, NULL);
    CHECK_EQ(answer, 0);

    section("moving");
    thread = start(waits_for_one, 2);
    two[0].word = (uint64_t)&words[5];
    CHECK_EQ(syscall(SYS_futex_requeue, two, 0, 0, 1), 1);
    CHECK_EQ(syscall(SYS_futex_wake, &words[5], 0xffffffffUL, 1, U32 | PRIVATE), 0);
    CHECK_EQ(syscall(SYS_futex_wake, &words[1], 0xffffffffUL, 1, U32 | PRIVATE), 1);
    pthread_join(thread, NULL);
    words[5] = 4;
    CHECK_ERR(syscall(SYS_futex_requeue, two, 0, 0, 1), EAGAIN);
    CHECK_ERR(syscall(SYS_futex_requeue, two, 1, 0, 1), EINVAL);
    CHECK_ERR(syscall(SYS_futex_requeue, NULL, 0, 0, 1), EINVAL);
    CHECK_ERR(syscall(SYS_futex_requeue, two, 0, -1, 1), EINVAL);

    section("errors of the others");
    CHECK_ERR(syscall(SYS_futex_wake, &words[5], 0UL, 1, U32), EINVAL);
    CHECK_ERR(syscall(SYS_futex_wake, &words[5], 1UL << 32, 1, U32), EINVAL);
    CHECK_ERR(syscall(SYS_futex_wake, &words[5], 1UL, 1, 3), EINVAL);
    CHECK_ERR(syscall(SYS_futex_wait, &words[5], 1UL << 32, 1UL, U32, NULL, 0), EINVAL);
    CHECK_ERR(syscall(SYS_futex_wait, &words[5], 4UL, 0UL, U32, NULL, 0), EINVAL);
    CHECK_ERR(syscall(SYS_futex_wait, &words[5], 4UL, 1UL, U32, &past, 7), EINVAL);

    section("words of a kind are apart");
    // To a process's private word only calls that say so come; a word that is not there needs them to.
    CHECK_EQ(syscall(SYS_futex, NOWHERE, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0), 0);
    CHECK_ERR(syscall(SYS_futex, NOWHERE, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
    CHECK_ERR(syscall(SYS_futex, (void *)~0xfffUL, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0), EFAULT);
    words[5] = 0;
    thread = start(waits_for_one, 1);
    CHECK_EQ(syscall(SYS_futex, &words[5], FUTEX_WAKE, 1, NULL, NULL, 0), 0);
    CHECK_EQ(syscall(SYS_futex, &words[5], FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0), 1);
    pthread_join(thread, NULL);
    return verdict();
}
