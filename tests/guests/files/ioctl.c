// syscalls: ioctl
#include "check.h"
#include <sys/ioctl.h>
#include <termios.h>

int main(void) {
    scratch();
    int p[2], value;
    struct termios t;
    struct winsize w;
    CHECK_OK(pipe(p));
    int fd = MUST(open("file", O_RDWR | O_CREAT, 0644)), dir = MUST(open(".", O_RDONLY));

    section("not a terminal");
    int fds[] = {p[0], fd, dir};
    for (int i = 0; i < 3; i++) {
        CHECK_ERR(ioctl(fds[i], TCGETS, &t), ENOTTY);
        CHECK_ERR(ioctl(fds[i], TIOCGWINSZ, &w), ENOTTY);
        CHECK_ERR(ioctl(fds[i], TIOCGPGRP, &value), ENOTTY);
        CHECK_EQ(isatty(fds[i]), 0);
    }
    CHECK_ERR(ioctl(-1, TCGETS, &t), EBADF);
    CHECK_ERR(ioctl(fd, 0x12345678, &value), ENOTTY);

    section("FIONREAD");
    CHECK_EQ(write(fd, "123456", 6), 6);
    CHECK_EQ(lseek(fd, 2, SEEK_SET), 2);
    CHECK_OK(ioctl(fd, FIONREAD, &value));
    CHECK_EQ(value, 4);
    CHECK_ERR(ioctl(p[0], FIONREAD, NOWHERE), EFAULT);

    section("descriptor flags");
    value = 1;
    CHECK_OK(ioctl(p[0], FIONBIO, &value));
    CHECK_EQ(fcntl(p[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    value = 0;
    CHECK_OK(ioctl(p[0], FIONBIO, &value));
    CHECK_EQ(fcntl(p[0], F_GETFL) & O_NONBLOCK, 0);
    CHECK_OK(ioctl(p[0], FIOCLEX));
    CHECK_EQ(fcntl(p[0], F_GETFD), FD_CLOEXEC);
    CHECK_OK(ioctl(p[0], FIONCLEX));
    CHECK_EQ(fcntl(p[0], F_GETFD), 0);
    return verdict();
}
