// oracle: linux; qemu hands the operations to a host whose thread ids are others
// syscalls: futex
#include "check.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>

static long futex(void *word, int op, unsigned value, const void *timeout, void *word2, unsigned value3) {
    return syscall(SYS_futex, word, op, value, timeout, word2, value3);
}

static _Atomic unsigned lock, condition, lock2;
static atomic_int ready, got;
static atomic_int tids[4];
#define LOCK(word) futex(word, FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0)
#define UNLOCK(word) futex(word, FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0)

// Waits until a thread sleeps in the kernel.
static void until_asleep(int tid) {
    char path[64], line[256];
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

static void *locker(void *index) {
    tids[(long)index] = gettid();
    ready++;
    CHECK_OK(LOCK(&lock));
    CHECK_EQ(lock & FUTEX_TID_MASK, gettid());
    got++;
    CHECK_OK(UNLOCK(&lock));
    return NULL;
}

static void start(pthread_t *thread, void *(*body)(void *), long index) {
    int before = ready;
    CHECK_ZERO(pthread_create(thread, NULL, body, (void *)index));
    while (ready == before) sched_yield();
    until_asleep(tids[index]);
}

static void *dies(void *unused) {
    (void)unused;
    CHECK_OK(LOCK(&lock));
    ready++;
    while (!(lock & FUTEX_WAITERS)) sched_yield();
    return NULL;
}

static void *waits_for_lock(void *index) {
    tids[(long)index] = gettid();
    ready++;
    long told = futex(&condition, FUTEX_WAIT_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 0, NULL, &lock, 0);
    CHECK_EQ(told, 0);
    CHECK_EQ(lock & FUTEX_TID_MASK, gettid());
    got++;
    CHECK_OK(UNLOCK(&lock));
    return NULL;
}

static void *crosses(void *unused) {
    (void)unused;
    tids[0] = gettid();
    CHECK_OK(LOCK(&lock2));
    ready++;
    CHECK_OK(LOCK(&lock));
    CHECK_OK(UNLOCK(&lock));
    CHECK_OK(UNLOCK(&lock2));
    return NULL;
}

static void *plain_waiter(void *unused) {
    (void)unused;
    tids[0] = gettid();
    ready++;
    CHECK_OK(futex(&lock, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, lock, NULL, NULL, 0));
    return NULL;
}

static void on_signal(int number) { (void)number; }

int main(void) {
    pthread_t thread[3];
    struct timespec past = {0, 0}, soon;
    unsigned me = gettid();

    section("alone");
    CHECK_OK(LOCK(&lock));
    CHECK_EQ(lock, me);
    CHECK_ERR(LOCK(&lock), EDEADLK);
    CHECK_ERR(futex(&lock, FUTEX_TRYLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0), EDEADLK);
    CHECK_OK(UNLOCK(&lock));
    CHECK_EQ(lock, 0);
    CHECK_ERR(UNLOCK(&lock), EPERM);
    CHECK_OK(futex(&lock, FUTEX_TRYLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0));
    CHECK_EQ(lock, me);
    lock = FUTEX_WAITERS;
    CHECK_OK(LOCK(&lock));
    CHECK_EQ(lock, me);
    lock = FUTEX_OWNER_DIED;
    CHECK_OK(LOCK(&lock));
    CHECK_EQ(lock, me | FUTEX_OWNER_DIED);
    CHECK_OK(UNLOCK(&lock));
    CHECK_EQ(lock, 0);

    section("an owner that is not there");
    lock = 4000000;
    CHECK_ERR(LOCK(&lock), ESRCH);
    lock = 4000000;
    CHECK_ERR(futex(&lock, FUTEX_TRYLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0), ESRCH);

    section("handed over in order");
    lock = 0;
    CHECK_OK(LOCK(&lock));
    for (int i = 0; i < 3; i++) start(&thread[i], locker, i);
    CHECK_EQ(lock, me | FUTEX_WAITERS);
    CHECK_ERR(futex(&lock, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERR(futex(&lock, FUTEX_REQUEUE | FUTEX_PRIVATE_FLAG, 1, (void *)1, &condition, 0), EINVAL);
    CHECK_ERR(futex(&lock, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, (void *)1, &condition, lock), EINVAL);
    CHECK_EQ(got, 0);
    CHECK_OK(UNLOCK(&lock));
    for (int i = 0; i < 3; i++) pthread_join(thread[i], NULL);
    CHECK_EQ(got, 3);
    CHECK_EQ(lock, 0);

    section("a circle of owners");
    CHECK_OK(LOCK(&lock));
    ready = 0;
    start(&thread[0], crosses, 0);
    CHECK_ERR(LOCK(&lock2), EDEADLK);
    CHECK_ERR(futex(&lock2, FUTEX_TRYLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0), EAGAIN);
    CHECK_ERR(futex(&lock2, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, lock2, &past, NULL, ~0U), ETIMEDOUT);
    CHECK_OK(UNLOCK(&lock));
    pthread_join(thread[0], NULL);
    CHECK_EQ(lock, 0);
    // The failed call left its mark; who lets go clears it.
    CHECK_EQ(lock2, 0);

    section("the owner ends");
    ready = 0;
    CHECK_ZERO(pthread_create(&thread[0], NULL, dies, NULL));
    while (!ready) sched_yield();
    CHECK_OK(LOCK(&lock));
    CHECK_EQ(lock, me | FUTEX_WAITERS | FUTEX_OWNER_DIED);
    pthread_join(thread[0], NULL);
    CHECK_OK(UNLOCK(&lock));
    CHECK_EQ(lock, 0);

    section("words that say something else");
    CHECK_OK(LOCK(&lock));
    ready = 0;
    start(&thread[0], locker, 0);
    lock = 0;
    CHECK_ERR(LOCK(&lock), EINVAL);
    CHECK_ERR(UNLOCK(&lock), EPERM);
    lock = me | FUTEX_WAITERS;
    CHECK_OK(UNLOCK(&lock));
    pthread_join(thread[0], NULL);
    CHECK_OK(LOCK(&lock));
    ready = 0;
    start(&thread[0], plain_waiter, 0);
    CHECK_ERR(UNLOCK(&lock), EINVAL);
    CHECK_EQ(futex(&lock, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0), 1);
    pthread_join(thread[0], NULL);
    CHECK_OK(UNLOCK(&lock));

    section("conditions");
    CHECK_ERR(futex(&condition, FUTEX_WAIT_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 0, NULL, &condition, 0), EINVAL);
    CHECK_ERR(futex(&condition, FUTEX_WAIT_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, NULL, &lock, 0), EAGAIN);
    CHECK_ERR(futex(&condition, FUTEX_WAIT_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 0, &past, &lock, 0), ETIMEDOUT);
    CHECK_EQ(futex(&condition, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, (void *)9, &lock, 0), 0);
    CHECK_ERR(futex(&condition, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 2, (void *)9, &lock, 0), EINVAL);
    CHECK_ERR(futex(&condition, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, (void *)9, &lock, 5), EAGAIN);
    CHECK_ERR(futex(&condition, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, (void *)9, &condition, 0), EINVAL);
    CHECK_OK(LOCK(&lock));
    ready = got = 0;
    for (int i = 0; i < 3; i++) start(&thread[i], waits_for_lock, i);
    CHECK_ERR(futex(&condition, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERR(futex(&condition, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, (void *)9, &lock2, 0), EINVAL);
    CHECK_EQ(futex(&condition, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, (void *)0, &lock, 0), 1);
    CHECK_EQ(futex(&condition, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, (void *)9, &lock, 0), 2);
    CHECK_EQ(got, 0);
    CHECK_OK(UNLOCK(&lock));
    for (int i = 0; i < 3; i++) pthread_join(thread[i], NULL);
    CHECK_EQ(got, 3);
    // A free lock is the first one's at once.
    ready = got = 0;
    start(&thread[0], waits_for_lock, 0);
    CHECK_EQ(futex(&condition, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, (void *)9, &lock, 0), 1);
    pthread_join(thread[0], NULL);
    CHECK_EQ(got, 1);

    section("signals");
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    CHECK_OK(LOCK(&lock));
    ready = got = 0;
    start(&thread[0], locker, 0);
    for (int i = 0; i < 3; i++) {
        pthread_kill(thread[0], SIGUSR1);
        sleep_ms(5);
    }
    CHECK_EQ(got, 0);
    CHECK_OK(UNLOCK(&lock));
    pthread_join(thread[0], NULL);
    CHECK_EQ(got, 1);

    section("between processes, with a time limit");
    _Atomic unsigned *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int p[2];
    char byte;
    CHECK_OK(pipe(p));
    pid_t child = MUST(fork());
    if (child == 0) {
        CHECK_OK(futex(&shared[3], FUTEX_LOCK_PI, 0, NULL, NULL, 0));
        write(p[1], "x", 1);
        for (;;) pause();
    }
    CHECK_EQ(read(p[0], &byte, 1), 1);
    CHECK_ERR(futex(&shared[3], FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EAGAIN);
    CHECK_ERR(futex(&shared[3], FUTEX_LOCK_PI, 0, &past, NULL, 0), ETIMEDOUT);
    clock_gettime(CLOCK_MONOTONIC, &soon);
    soon.tv_nsec += 20000000;
    if (soon.tv_nsec >= 1000000000) soon.tv_sec++, soon.tv_nsec -= 1000000000;
    CHECK_ERR(futex(&shared[3], 13 /* FUTEX_LOCK_PI2 */, 0, &soon, NULL, 0), ETIMEDOUT);
    clock_gettime(CLOCK_REALTIME, &soon);
    CHECK_ERR(futex(&shared[3], 13 | FUTEX_CLOCK_REALTIME, 0, &soon, NULL, 0), ETIMEDOUT);
    CHECK_EQ(shared[3], child | FUTEX_WAITERS);
    CHECK_ERR(futex(&shared[3], FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), EPERM);
    pid_t killer = MUST(fork());
    if (killer == 0) {
        sleep_ms(20);
        kill(child, SIGKILL);
        _exit(0);
    }
    CHECK_OK(futex(&shared[3], FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    CHECK_EQ(shared[3], me | FUTEX_WAITERS | FUTEX_OWNER_DIED);
    CHECK_OK(futex(&shared[3], FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    CHECK_EQ(shared[3], 0);
    CHECK_KILLED(wait_status(child), SIGKILL);
    CHECK_EXITED(wait_status(killer), 0);

    section("errors");
    CHECK_ERR(LOCK((char *)&lock + 1), EINVAL);
    CHECK_ERR(LOCK(NOWHERE), EFAULT);
    CHECK_ERR(UNLOCK(NOWHERE), EFAULT);
    CHECK_ERR(futex(&lock, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0), ENOSYS);
    CHECK_ERR(futex(&lock, FUTEX_LOCK_PI, 0, NOWHERE, NULL, 0), EFAULT);
    past.tv_nsec = 1000000000;
    CHECK_ERR(futex(&lock, FUTEX_LOCK_PI, 0, &past, NULL, 0), EINVAL);
    return verdict();
}
