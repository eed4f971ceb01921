// syscalls: pidfd_open pidfd_send_signal waitid
#include "check.h"
#include <poll.h>

int main(void) {
    section("a descriptor of a process");
    pid_t child = MUST(fork());
    if (child == 0)
        for (;;) pause();
    int fd = CHECK_OK(syscall(SYS_pidfd_open, child, 0));
    if (fd == -1) {
        kill(child, SIGKILL);
        return verdict();
    }
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    struct pollfd poll_fd = {fd, POLLIN, 0};
    CHECK_EQ(poll(&poll_fd, 1, 0), 0);
    CHECK_OK(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    CHECK_OK(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
    CHECK_EQ(poll(&poll_fd, 1, 5000), 1);
    CHECK_EQ(poll_fd.revents, POLLIN);
    siginfo_t info;
    CHECK_OK(waitid(P_PIDFD, fd, &info, WEXITED));
    CHECK_EQ(info.si_pid, child);
    CHECK_EQ(info.si_status, SIGTERM);
    CHECK_ERR(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH);

    section("errors");
    CHECK_ERR(syscall(SYS_pidfd_open, child, 0), ESRCH);
    CHECK_ERR(syscall(SYS_pidfd_open, -1, 0), EINVAL);
    CHECK_ERR(syscall(SYS_pidfd_open, getpid(), 1), EINVAL);
    CHECK_ERR(syscall(SYS_pidfd_send_signal, 1, 0, NULL, 0), EBADF);
    return verdict();
}
