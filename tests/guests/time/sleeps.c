// syscalls: nanosleep clock_nanosleep
#include "check.h"

int main(void) {
    struct timespec request, now;
    section("relative");
    int64_t start = monotonic_ns();
    request = (struct timespec){0, 20000000};
    CHECK_OK(nanosleep(&request, NULL));
    CHECK(monotonic_ns() - start >= 20000000);
    start = monotonic_ns();
    CHECK_ZERO(clock_nanosleep(CLOCK_REALTIME, 0, &request, NULL));
    CHECK(monotonic_ns() - start >= 19000000);
    request = (struct timespec){0, 0};
    CHECK_OK(nanosleep(&request, NULL));

    section("absolute");
    clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME};
    for (int i = 0; i < 3; i++) {
        clock_gettime(clocks[i], &request);
        request.tv_nsec += 20000000;
        if (request.tv_nsec >= 1000000000) request.tv_sec++, request.tv_nsec -= 1000000000;
        CHECK_ZERO(clock_nanosleep(clocks[i], TIMER_ABSTIME, &request, NULL));
        clock_gettime(clocks[i], &now);
        CHECK(now.tv_sec > request.tv_sec || (now.tv_sec == request.tv_sec && now.tv_nsec >= request.tv_nsec));
    }
    request = (struct timespec){1, 0};
    CHECK_ZERO(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &request, NULL));

    section("errors");
    request = (struct timespec){0, 1000000000};
    CHECK_ERR(nanosleep(&request, NULL), EINVAL);
    request = (struct timespec){-1, 0};
    CHECK_ERR(nanosleep(&request, NULL), EINVAL);
    CHECK_ERR(nanosleep(NOWHERE, NULL), EFAULT);
    request = (struct timespec){0, 1};
    CHECK_EQ(clock_nanosleep(99, 0, &request, NULL), EINVAL);
    CHECK_EQ(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &request, NULL), EINVAL);
    return verdict();
}
