// syscalls: timer_create timer_settime timer_gettime timer_getoverrun timer_delete
#include "check.h"

static volatile int count, value, code;

static void note(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    count++;
    value = info->si_value.sival_int;
    code = info->si_code;
}

int main(void) {
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    timer_t timer;
    struct itimerspec set = {0}, got;

    section("a signal with a value");
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 4321};
    CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
    CHECK_OK(timer_gettime(timer, &got));
    CHECK_EQ(got.it_value.tv_nsec, 0);
    int64_t start = monotonic_ns();
    set.it_value.tv_nsec = 20000000;
    CHECK_OK(timer_settime(timer, 0, &set, NULL));
    while (count == 0) sleep_ms(1);
    CHECK(monotonic_ns() - start >= 20000000);
    CHECK_EQ(value, 4321);
    CHECK_EQ(code, SI_TIMER);

    section("overruns while blocked");
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    sigprocmask(SIG_BLOCK, &one, NULL);
    count = 0;
    set.it_value.tv_nsec = set.it_interval.tv_nsec = 2000000;
    CHECK_OK(timer_settime(timer, 0, &set, NULL));
    sleep_ms(30);
    siginfo_t info;
    CHECK_EQ(sigwaitinfo(&one, &info), SIGUSR1);
    CHECK_EQ(info.si_code, SI_TIMER);
    CHECK(info.si_overrun >= 10);
    CHECK(timer_getoverrun(timer) >= 10);
    CHECK_OK(timer_delete(timer));
    CHECK_ERR(timer_delete(timer), EINVAL);
    sigprocmask(SIG_UNBLOCK, &one, NULL);

    section("SIGEV_NONE, SIGALRM by default");
    event.sigev_notify = SIGEV_NONE;
    CHECK_OK(timer_create(CLOCK_REALTIME, &event, &timer));
    set = (struct itimerspec){.it_value = {100, 0}};
    CHECK_OK(timer_settime(timer, 0, &set, NULL));
    CHECK_OK(timer_gettime(timer, &got));
    CHECK(got.it_value.tv_sec >= 99);
    CHECK_OK(timer_delete(timer));
    count = 0;
    CHECK_OK(timer_create(CLOCK_MONOTONIC, NULL, &timer));
    set = (struct itimerspec){.it_value = {0, 1000000}};
    CHECK_OK(timer_settime(timer, 0, &set, NULL));
    while (count == 0) sleep_ms(1);
    CHECK_OK(timer_delete(timer));

    section("errors");
    CHECK_ERR(timer_create(99, NULL, &timer), EINVAL);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = 100;
    CHECK_ERR(timer_create(CLOCK_MONOTONIC, &event, &timer), EINVAL);
    CHECK_ERR(syscall(SYS_timer_settime, 12345, 0, &set, NULL), EINVAL);
    return verdict();
}
