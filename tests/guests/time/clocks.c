// syscalls: clock_gettime clock_getres gettimeofday clock_settime
#include "check.h"
#include <pthread.h>
#include <sys/time.h>

static int64_t ns(clockid_t clock) {
    struct timespec t = {0};
    CHECK_OK(syscall(SYS_clock_gettime, clock, &t));
    CHECK(t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(void) {
    clockid_t all[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
                       CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI};
    section("none goes back");
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        int64_t last = ns(all[i]);
        for (int k = 0; k < 1000; k++) {
            int64_t now = ns(all[i]);
            if (now < last) CHECK_FAILED("  clock %d went back", all[i]);
            last = now;
        }
    }

    section("they pass while sleeping, the processor's hardly");
    int64_t before[9];
    for (int i = 0; i < 9; i++) before[i] = ns(all[i]);
    sleep_ms(50);
    for (int i = 0; i < 9; i++) {
        int64_t passed = ns(all[i]) - before[i];
        if (all[i] == CLOCK_PROCESS_CPUTIME_ID || all[i] == CLOCK_THREAD_CPUTIME_ID)
            CHECK(passed < 40000000);
        else if (passed < 40000000 || passed > 20000000000)
            CHECK_FAILED("  clock %d passed %lld ns", all[i], (long long)passed);
    }
    CHECK(ns(CLOCK_REALTIME) > 1700000000LL * 1000000000);
    CHECK(ns(CLOCK_BOOTTIME) >= ns(CLOCK_MONOTONIC) - 1000000);

    section("the processor's pass with work");
    int64_t process = ns(CLOCK_PROCESS_CPUTIME_ID), thread = ns(CLOCK_THREAD_CPUTIME_ID);
    int64_t until = monotonic_ns() + 30000000;
    while (monotonic_ns() < until) continue;
    CHECK(ns(CLOCK_PROCESS_CPUTIME_ID) > process);
    CHECK(ns(CLOCK_THREAD_CPUTIME_ID) > thread);
    clockid_t own;
    CHECK_ZERO(pthread_getcpuclockid(pthread_self(), &own));
    CHECK(ns(own) > 0);
    CHECK_ZERO(clock_getcpuclockid(getpid(), &own));
    CHECK(ns(own) > 0);

    section("resolution");
    struct timespec fine;
    for (int i = 0; i < 9; i++) {
        CHECK_OK(syscall(SYS_clock_getres, all[i], &fine));
        CHECK(fine.tv_sec == 0 && fine.tv_nsec > 0 && fine.tv_nsec <= 10000000);
    }
    CHECK_OK(syscall(SYS_clock_getres, CLOCK_MONOTONIC, NULL));

    section("gettimeofday is the real-time clock");
    struct timeval day;
    int64_t first = ns(CLOCK_REALTIME) / 1000;
    CHECK_OK(syscall(SYS_gettimeofday, &day, NULL));
    int64_t middle = day.tv_sec * 1000000LL + day.tv_usec;
    CHECK(first <= middle && middle <= ns(CLOCK_REALTIME) / 1000);
    CHECK_EQ(gettimeofday(&day, NULL), 0);
    CHECK(day.tv_sec * 1000000LL + day.tv_usec >= middle);
    CHECK(labs(time(NULL) - day.tv_sec) <= 1);

    section("errors");
    CHECK_ERR(syscall(SYS_clock_gettime, 99, &fine), EINVAL);
    CHECK_ERR(syscall(SYS_clock_getres, 99, &fine), EINVAL);
    CHECK_ERR(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, NOWHERE), EFAULT);
    CHECK_ERR(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &fine), EINVAL);
    return verdict();
}
