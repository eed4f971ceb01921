// syscalls: eventfd2
#include "check.h"
#include <poll.h>
#include <sys/eventfd.h>

int main(void) {
    uint64_t value;
    section("a counter");
    int fd = CHECK_OK(eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC));
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    value = 4;
    CHECK_EQ(write(fd, &value, 8), 8);
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 7);
    CHECK_ERR(read(fd, &value, 8), EAGAIN);

    section("full");
    value = 0xfffffffffffffffe;
    CHECK_EQ(write(fd, &value, 8), 8);
    struct pollfd poll_fd = {fd, POLLIN | POLLOUT, 0};
    CHECK_EQ(poll(&poll_fd, 1, 0), 1);
    CHECK_EQ(poll_fd.revents, POLLIN);
    value = 1;
    CHECK_ERR(write(fd, &value, 8), EAGAIN);
    value = ~0UL;
    CHECK_ERR(write(fd, &value, 8), EINVAL);
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 0xfffffffffffffffe);
    CHECK_EQ(poll(&poll_fd, 1, 0), 1);
    CHECK_EQ(poll_fd.revents, POLLOUT);

    section("a semaphore");
    int semaphore = CHECK_OK(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(read(semaphore, &value, 8), 8);
        CHECK_EQ(value, 1);
    }
    CHECK_ERR(read(semaphore, &value, 8), EAGAIN);

    section("blocking");
    int blocking = CHECK_OK(eventfd(0, 0));
    pid_t child = MUST(fork());
    if (child == 0) {
        sleep_ms(20);
        value = 11;
        _exit(write(blocking, &value, 8) != 8);
    }
    CHECK_EQ(read(blocking, &value, 8), 8);
    CHECK_EQ(value, 11);
    CHECK_EXITED(wait_status(child), 0);

    section("errors");
    CHECK_ERR(read(fd, &value, 4), EINVAL);
    CHECK_ERR(write(fd, &value, 4), EINVAL);
    CHECK_ERR(eventfd(0, 0x8000), EINVAL);
    return verdict();
}
