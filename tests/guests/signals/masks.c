// syscalls: rt_sigprocmask rt_sigpending rt_sigsuspend
#include "check.h"
#include <pthread.h>

static volatile int order[16], seen;

static void note(int number) { order[seen++] = number; }

static void *inherits(void *unused) {
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    CHECK_EQ(sigismember(&mask, SIGUSR1), 1);
    sigemptyset(&mask);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    return unused;
}

int main(void) {
    sigset_t some, old, pending, none;
    sigemptyset(&none);
    int numbers[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGHUP};
    sigemptyset(&some);
    for (int i = 0; i < 4; i++) {
        signal(numbers[i], note);
        sigaddset(&some, numbers[i]);
    }

    section("blocked signals wait");
    CHECK_OK(sigprocmask(SIG_BLOCK, &some, &old));
    CHECK_EQ(sigismember(&old, SIGUSR1), 0);
    raise(SIGUSR2);
    raise(SIGTERM);
    raise(SIGUSR2);
    raise(SIGHUP);
    CHECK_EQ(seen, 0);
    CHECK_OK(sigpending(&pending));
    CHECK_EQ(sigismember(&pending, SIGUSR2), 1);
    CHECK_EQ(sigismember(&pending, SIGUSR1), 0);

    section("and come once, the lowest last to begin and first to end");
    // All are delivered at one return to the program: each handler's frame is built upon the one before,
    // so the frame built last runs first. Blocked inside one another, they run in this order.
    struct sigaction action = {.sa_handler = note, .sa_mask = some};
    for (int i = 0; i < 4; i++) sigaction(numbers[i], &action, NULL);
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &some, NULL));
    CHECK_EQ(seen, 3);
    CHECK_EQ(order[0], SIGHUP);
    CHECK_EQ(order[1], SIGUSR2);
    CHECK_EQ(order[2], SIGTERM);
    CHECK_OK(sigpending(&pending));
    CHECK_EQ(sigismember(&pending, SIGUSR2), 0);

    section("sigsuspend");
    seen = 0;
    CHECK_OK(sigprocmask(SIG_BLOCK, &some, NULL));
    raise(SIGUSR1);
    CHECK_ERR(sigsuspend(&none), EINTR);
    CHECK_EQ(seen, 1);
    sigprocmask(SIG_BLOCK, NULL, &old);
    CHECK_EQ(sigismember(&old, SIGUSR1), 1);
    pid_t child = MUST(fork());
    if (child == 0) {
        sleep_ms(20);
        kill(getppid(), SIGUSR2);
        _exit(0);
    }
    CHECK_ERR(sigsuspend(&none), EINTR);
    CHECK_EQ(seen, 2);
    CHECK_EXITED(wait_status(child), 0);

    section("KILL and STOP can't be blocked");
    sigset_t all;
    sigfillset(&all);
    CHECK_OK(sigprocmask(SIG_SETMASK, &all, NULL));
    sigprocmask(SIG_BLOCK, NULL, &old);
    CHECK_EQ(sigismember(&old, SIGKILL) + sigismember(&old, SIGSTOP), 0);
    CHECK_EQ(sigismember(&old, SIGTERM), 1);

    section("a mask is a thread's own, inherited at its start");
    pthread_t thread;
    CHECK_OK(sigprocmask(SIG_SETMASK, &some, NULL));
    CHECK_ZERO(pthread_create(&thread, NULL, inherits, NULL));
    CHECK_ZERO(pthread_join(thread, NULL));
    sigprocmask(SIG_BLOCK, NULL, &old);
    CHECK_EQ(sigismember(&old, SIGUSR1), 1);
    // A child inherits the mask but not what is pending.
    raise(SIGUSR1);
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(sigpending(&pending));
                     CHECK_EQ(sigismember(&pending, SIGUSR1), 0);
                     sigprocmask(SIG_BLOCK, NULL, &old);
                     CHECK_EQ(sigismember(&old, SIGUSR1), 1);
                 }),
                 0);

    section("errors");
    CHECK_ERR(sigprocmask(77, &some, NULL), EINVAL);
    CHECK_ERR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &some, NULL, 16), EINVAL);
    CHECK_ERR(syscall(SYS_rt_sigpending, NOWHERE, 8), EFAULT);
    return verdict();
}
