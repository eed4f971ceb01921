// syscalls: setitimer getitimer
#include "check.h"
#include <sys/time.h>

static volatile int count;
static void note(int number) {
    (void)number;
    count++;
}

int main(void) {
    struct itimerval timer, old;
    signal(SIGALRM, note);
    signal(SIGVTALRM, note);
    signal(SIGPROF, note);

    section("alarm");
    CHECK_EQ(alarm(100), 0);
    CHECK(alarm(0) >= 99);
    CHECK_EQ(alarm(0), 0);

    section("once");
    int64_t start = monotonic_ns();
    timer = (struct itimerval){.it_value = {0, 30000}};
    CHECK_OK(setitimer(ITIMER_REAL, &timer, NULL));
    CHECK_OK(getitimer(ITIMER_REAL, &old));
    CHECK(old.it_value.tv_usec > 0 && old.it_value.tv_usec <= 30000);
    while (count == 0) pause();
    CHECK(monotonic_ns() - start >= 30000000);
    CHECK_OK(getitimer(ITIMER_REAL, &old));
    CHECK_EQ(old.it_value.tv_sec + old.it_value.tv_usec, 0);

    section("again and again");
    count = 0;
    start = monotonic_ns();
    timer.it_interval.tv_usec = 5000;
    timer.it_value.tv_usec = 5000;
    CHECK_OK(setitimer(ITIMER_REAL, &timer, NULL));
    while (count < 5) pause();
    CHECK(monotonic_ns() - start >= 25000000);
    memset(&timer, 0, sizeof timer);
    CHECK_OK(setitimer(ITIMER_REAL, &timer, &old));
    CHECK_EQ(old.it_interval.tv_usec, 5000);
    count = 0;
    sleep_ms(20);
    CHECK_EQ(count, 0);

    section("of the processor's time");
    int which[] = {ITIMER_VIRTUAL, ITIMER_PROF};
    for (int i = 0; i < 2; i++) {
        count = 0;
        timer.it_value.tv_usec = 10000;
        CHECK_OK(setitimer(which[i], &timer, NULL));
        sleep_ms(40);
        CHECK_EQ(count, 0);
        start = monotonic_ns();
        while (count == 0 && monotonic_ns() - start < 10000000000) continue;
        CHECK_EQ(count, 1);
    }

    section("not inherited");
    timer.it_value.tv_sec = 100;
    CHECK_OK(setitimer(ITIMER_REAL, &timer, NULL));
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(getitimer(ITIMER_REAL, &old));
                     CHECK_EQ(old.it_value.tv_sec, 0);
                 }),
                 0);
    CHECK(alarm(0) > 0);

    section("errors");
    timer.it_value.tv_usec = 1000000;
    CHECK_ERR(setitimer(ITIMER_REAL, &timer, NULL), EINVAL);
    CHECK_ERR(getitimer(7, &old), EINVAL);
    CHECK_ERR(syscall(SYS_getitimer, ITIMER_REAL, NOWHERE), EFAULT);
    return verdict();
}
