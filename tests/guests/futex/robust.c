// oracle: linux; qemu's user mode does not walk the list of robust futexes
// syscalls: set_robust_list get_robust_list
#include "check.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>

static void *dies_holding(void *mutex) {
    CHECK_ZERO(pthread_mutex_lock(mutex));
    return NULL;
}

static void prepare(pthread_mutex_t *mutex) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    CHECK_ZERO(pthread_mutex_init(mutex, &attributes));
}

int main(void) {
    pthread_t thread;
    static pthread_mutex_t mutex;
    section("the holder's thread ended");
    prepare(&mutex);
    CHECK_ZERO(pthread_create(&thread, NULL, dies_holding, &mutex));
    CHECK_ZERO(pthread_join(thread, NULL));
    CHECK_EQ(pthread_mutex_lock(&mutex), EOWNERDEAD);
    CHECK_ZERO(pthread_mutex_consistent(&mutex));
    CHECK_ZERO(pthread_mutex_unlock(&mutex));
    CHECK_ZERO(pthread_mutex_lock(&mutex));
    CHECK_ZERO(pthread_mutex_unlock(&mutex));

    section("the holder's process was killed while others wait");
    pthread_mutex_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    prepare(shared);
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
    pid_t killer = MUST(fork());
    if (killer == 0) {
        sleep_ms(30);
        kill(child, SIGKILL);
        _exit(0);
    }
    CHECK_EQ(pthread_mutex_lock(shared), EOWNERDEAD);
    // Not made consistent: from now on it can't be had.
    CHECK_ZERO(pthread_mutex_unlock(shared));
    CHECK_EQ(pthread_mutex_lock(shared), ENOTRECOVERABLE);
    CHECK_KILLED(wait_status(child), SIGKILL);
    CHECK_EXITED(wait_status(killer), 0);

    section("the list itself");
    struct robust_list_head *head = NULL;
    size_t size = 0;
    CHECK_OK(syscall(SYS_get_robust_list, 0, &head, &size));
    CHECK(head != NULL);
    CHECK_EQ(size, sizeof *head);
    CHECK_ERR(syscall(SYS_set_robust_list, head, 8), EINVAL);
    CHECK_OK(syscall(SYS_set_robust_list, head, sizeof *head));
    CHECK_ERR(syscall(SYS_get_robust_list, 4000000, &head, &size), ESRCH);
    return verdict();
}
