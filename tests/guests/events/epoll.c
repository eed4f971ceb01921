// syscalls: epoll_create1 epoll_ctl epoll_pwait epoll_pwait2
#include "check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int ready(int epoll, struct epoll_event *events) { return CHECK_OK(epoll_wait(epoll, events, 8, 0)); }

int main(void) {
    scratch();
    int p[2];
    char byte;
    struct epoll_event event, events[8];
    CHECK_OK(pipe(p));
    int epoll = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
    CHECK_EQ(fcntl(epoll, F_GETFD), FD_CLOEXEC);

    section("level-triggered");
    event = (struct epoll_event){EPOLLIN, {.u64 = 0x123456789abcdef0}};
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, p[0], &event));
    CHECK_EQ(ready(epoll, events), 0);
    CHECK_EQ(write(p[1], "ab", 2), 2);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(ready(epoll, events), 1);
        CHECK_EQ(events[0].events, EPOLLIN);
        CHECK_EQ(events[0].data.u64, 0x123456789abcdef0);
    }
    CHECK_EQ(read(p[0], &byte, 1), 1);
    CHECK_EQ(ready(epoll, events), 1);
    CHECK_EQ(read(p[0], &byte, 1), 1);
    CHECK_EQ(ready(epoll, events), 0);

    section("edge-triggered");
    event.events = EPOLLIN | EPOLLET;
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_MOD, p[0], &event));
    CHECK_EQ(write(p[1], "ab", 2), 2);
    CHECK_EQ(ready(epoll, events), 1);
    CHECK_EQ(ready(epoll, events), 0);
    CHECK_EQ(read(p[0], &byte, 1), 1);
    CHECK_EQ(ready(epoll, events), 0);
    CHECK_EQ(write(p[1], "c", 1), 1);
    CHECK_EQ(ready(epoll, events), 1);
    CHECK_EQ(ready(epoll, events), 0);
    // Modifying looks again.
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_MOD, p[0], &event));
    CHECK_EQ(ready(epoll, events), 1);

    section("one-shot");
    event.events = EPOLLIN | EPOLLONESHOT;
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_MOD, p[0], &event));
    CHECK_EQ(ready(epoll, events), 1);
    CHECK_EQ(ready(epoll, events), 0);
    CHECK_EQ(write(p[1], "d", 1), 1);
    CHECK_EQ(ready(epoll, events), 0);
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_MOD, p[0], &event));
    CHECK_EQ(ready(epoll, events), 1);

    section("nested, and polled");
    int outer = CHECK_OK(epoll_create1(0));
    event = (struct epoll_event){EPOLLIN, {.u32 = 5}};
    CHECK_OK(epoll_ctl(outer, EPOLL_CTL_ADD, epoll, &event));
    CHECK_EQ(ready(outer, events), 0);
    event.events = EPOLLIN;
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_MOD, p[0], &event));
    CHECK_EQ(ready(outer, events), 1);
    CHECK_EQ(events[0].data.u32, 5);
    struct pollfd poll_fd = {epoll, POLLIN, 0};
    CHECK_EQ(poll(&poll_fd, 1, 0), 1);
    CHECK_ERR(epoll_ctl(epoll, EPOLL_CTL_ADD, outer, &event), ELOOP);

    section("hang-up");
    event = (struct epoll_event){0, {.u32 = 6}};
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_MOD, p[0], &event));
    close(p[1]);
    CHECK_EQ(ready(epoll, events), 1);
    CHECK_EQ(events[0].events, EPOLLHUP);

    section("closing the last descriptor takes it out");
    int copy = MUST(dup(p[0]));
    close(p[0]);
    CHECK_EQ(ready(epoll, events), 1);
    close(copy);
    CHECK_EQ(ready(epoll, events), 0);

    section("several at once, no more than asked for, by turns");
    int counters[5];
    for (int i = 0; i < 5; i++) {
        counters[i] = MUST(eventfd(1, 0));
        event = (struct epoll_event){EPOLLIN, {.u32 = (uint32_t)i}};
        CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, counters[i], &event));
    }
    CHECK_EQ(ready(epoll, events), 5);
    unsigned seen = 0;
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(epoll_wait(epoll, events, 2, -1), 2);
        seen |= 1U << events[0].data.u32 | 1U << events[1].data.u32;
    }
    CHECK_EQ(seen, 31);
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_DEL, counters[0], NULL));
    CHECK_EQ(ready(epoll, events), 4);

    section("waiting");
    int quiet = MUST(epoll_create1(0));
    int64_t start = monotonic_ns();
    CHECK_EQ(epoll_wait(quiet, events, 1, 20), 0);
    CHECK(monotonic_ns() - start >= 20000000);
    int wake = MUST(eventfd(0, 0));
    event = (struct epoll_event){EPOLLIN, {.u32 = 9}};
    CHECK_OK(epoll_ctl(quiet, EPOLL_CTL_ADD, wake, &event));
    pid_t child = MUST(fork());
    if (child == 0) {
        sleep_ms(20);
        _exit(eventfd_write(wake, 1) != 0);
    }
    CHECK_EQ(epoll_wait(quiet, events, 1, 10000), 1);
    CHECK_EXITED(wait_status(child), 0);
    long n = syscall(SYS_epoll_pwait2, quiet, events, 1, &(struct timespec){0, 0}, NULL, 8);
    CHECK(n == 1 || (n == -1 && errno == ENOSYS));

    section("errors");
    CHECK_ERR(epoll_create1(1), EINVAL);
    CHECK_ERR(epoll_ctl(quiet, EPOLL_CTL_ADD, wake, &event), EEXIST);
    CHECK_ERR(epoll_ctl(quiet, EPOLL_CTL_DEL, counters[1], &event), ENOENT);
    CHECK_ERR(epoll_ctl(quiet, EPOLL_CTL_MOD, counters[1], &event), ENOENT);
    CHECK_ERR(epoll_ctl(quiet, EPOLL_CTL_ADD, 500, &event), EBADF);
    CHECK_ERR(epoll_ctl(500, EPOLL_CTL_ADD, wake, &event), EBADF);
    CHECK_ERR(epoll_ctl(wake, EPOLL_CTL_ADD, wake, &event), EINVAL);
    CHECK_ERR(epoll_ctl(quiet, EPOLL_CTL_ADD, quiet, &event), EINVAL);
    CHECK_ERR(epoll_ctl(quiet, 77, wake, &event), EINVAL);
    int fd = MUST(open("file", O_RDWR | O_CREAT, 0644));
    CHECK_ERR(epoll_ctl(quiet, EPOLL_CTL_ADD, fd, &event), EPERM);
    CHECK_ERR(epoll_wait(quiet, events, 0, 0), EINVAL);
    CHECK_ERR(epoll_wait(wake, events, 1, 0), EINVAL);
    CHECK_ERR(syscall(SYS_epoll_pwait, quiet, NOWHERE, 1, 0, NULL, 8), EFAULT);
    return verdict();
}
