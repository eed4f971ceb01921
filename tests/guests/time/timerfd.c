// syscalls: timerfd_create timerfd_settime timerfd_gettime
#include "check.h"
#include <poll.h>
#include <sys/timerfd.h>

int main(void) {
    uint64_t ticks = 0;
    struct itimerspec set = {0}, got;
    section("once");
    int fd = CHECK_OK(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_ERR(read(fd, &ticks, 8), EAGAIN);
    int64_t start = monotonic_ns();
    set.it_value.tv_nsec = 20000000;
    CHECK_OK(timerfd_settime(fd, 0, &set, NULL));
    CHECK_OK(timerfd_gettime(fd, &got));
    CHECK(got.it_value.tv_nsec > 0 && got.it_value.tv_nsec <= 20000000);
    struct pollfd poll_fd = {fd, POLLIN, 0};
    CHECK_EQ(poll(&poll_fd, 1, 5000), 1);
    CHECK(monotonic_ns() - start >= 20000000);
    CHECK_EQ(read(fd, &ticks, 8), 8);
    CHECK_EQ(ticks, 1);
    CHECK_ERR(read(fd, &ticks, 8), EAGAIN);
    CHECK_OK(timerfd_gettime(fd, &got));
    CHECK_EQ(got.it_value.tv_sec + got.it_value.tv_nsec, 0);

    section("again and again, counted");
    set.it_interval.tv_nsec = 5000000;
    set.it_value.tv_nsec = 5000000;
    CHECK_OK(timerfd_settime(fd, 0, &set, NULL));
    sleep_ms(40);
    CHECK_EQ(read(fd, &ticks, 8), 8);
    CHECK(ticks >= 7);
    CHECK_OK(fcntl(fd, F_SETFL, 0));
    CHECK_EQ(read(fd, &ticks, 8), 8);
    CHECK(ticks >= 1);
    struct itimerspec none = {0};
    CHECK_OK(timerfd_settime(fd, 0, &none, &got));
    CHECK_EQ(got.it_interval.tv_nsec, 5000000);

    section("absolute");
    clock_gettime(CLOCK_MONOTONIC, &set.it_value);
    set.it_interval.tv_nsec = 0;
    CHECK_OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &set, NULL));
    CHECK_EQ(read(fd, &ticks, 8), 8);
    CHECK_EQ(ticks, 1);

    section("errors");
    CHECK_ERR(read(fd, &ticks, 4), EINVAL);
    CHECK_ERR(timerfd_create(99, 0), EINVAL);
    CHECK_ERR(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
    CHECK_ERR(timerfd_settime(1, 0, &none, NULL), EINVAL);
    CHECK_ERR(timerfd_settime(-1, 0, &none, NULL), EBADF);
    set.it_value.tv_nsec = 1000000000;
    CHECK_ERR(timerfd_settime(fd, 0, &set, NULL), EINVAL);
    CHECK_ERR(timerfd_settime(fd, 0, NOWHERE, NULL), EFAULT);
    return verdict();
}
