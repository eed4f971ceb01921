// syscalls: rt_sigqueueinfo rt_tgsigqueueinfo rt_sigtimedwait
#include "check.h"

static volatile int values[64], seen, code;

static void note(int number, siginfo_t *info, void *context) {
    (void)context;
    values[seen++] = number * 1000 + info->si_value.sival_int;
    code = info->si_code;
}

int main(void) {
    sigset_t some;
    sigemptyset(&some);
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
    int numbers[] = {SIGRTMIN, SIGRTMIN + 1, SIGUSR1};
    for (int i = 0; i < 3; i++) sigaddset(&some, numbers[i]);
    action.sa_mask = some;
    for (int i = 0; i < 3; i++) sigaction(numbers[i], &action, NULL);

    section("real-time signals queue, ordinary ones do not");
    sigprocmask(SIG_BLOCK, &some, NULL);
    for (int i = 1; i <= 5; i++) CHECK_OK(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}));
    for (int i = 1; i <= 3; i++) CHECK_OK(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = i}));
    siginfo_t info;
    CHECK_EQ(sigtimedwait(&some, &info, &(struct timespec){0}), SIGUSR1);
    CHECK_EQ(info.si_value.sival_int, 1);
    CHECK_EQ(info.si_code, SI_QUEUE);
    CHECK_EQ(info.si_pid, getpid());
    CHECK_EQ(info.si_uid, getuid());
    for (int i = 1; i <= 5; i++) {
        CHECK_EQ(sigwaitinfo(&some, &info), SIGRTMIN);
        CHECK_EQ(info.si_value.sival_int, i);
    }
    CHECK_ERR(sigtimedwait(&some, &info, &(struct timespec){0}), EAGAIN);
    CHECK_ERR(sigtimedwait(&some, &info, &(struct timespec){0, 2000000}), EAGAIN);
    CHECK_ERR(sigtimedwait(&some, &info, &(struct timespec){0, 1000000000}), EINVAL);

    section("lower numbers first");
    for (int i = 0; i < 3; i++) CHECK_OK(sigqueue(getpid(), SIGRTMIN + 1 - i % 2, (union sigval){.sival_int = i}));
    CHECK_EQ(sigwaitinfo(&some, NULL), SIGRTMIN);
    CHECK_EQ(sigwaitinfo(&some, NULL), SIGRTMIN + 1);
    CHECK_EQ(sigwaitinfo(&some, NULL), SIGRTMIN + 1);

    section("values reach the handler");
    CHECK_OK(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 7}));
    sigprocmask(SIG_UNBLOCK, &some, NULL);
    CHECK_EQ(seen, 1);
    CHECK_EQ(values[0], SIGUSR1 * 1000 + 7);
    CHECK_EQ(code, SI_QUEUE);

    section("sigtimedwait is woken");
    sigprocmask(SIG_BLOCK, &some, NULL);
    pid_t child = MUST(fork());
    if (child == 0) {
        sleep_ms(20);
        sigqueue(getppid(), SIGRTMIN, (union sigval){.sival_int = 99});
        _exit(0);
    }
    CHECK_EQ(sigtimedwait(&some, &info, &(struct timespec){20, 0}), SIGRTMIN);
    CHECK_EQ(info.si_value.sival_int, 99);
    CHECK_EQ(info.si_pid, child);
    CHECK_EXITED(wait_status(child), 0);

    section("errors");
    CHECK_ERR(sigqueue(getpid(), 100, (union sigval){0}), EINVAL);
    CHECK_OK(sigqueue(getpid(), 0, (union sigval){0}));
    CHECK_ERR(sigqueue(4000000, SIGUSR1, (union sigval){0}), ESRCH);
    return verdict();
}
