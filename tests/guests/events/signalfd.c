// syscalls: signalfd4
#include "check.h"
#include <poll.h>
#include <sys/signalfd.h>

int main(void) {
    sigset_t some;
    struct signalfd_siginfo info[4];
    sigemptyset(&some);
    sigaddset(&some, SIGUSR1);
    sigaddset(&some, SIGRTMIN);
    sigaddset(&some, SIGCHLD);
    sigprocmask(SIG_BLOCK, &some, NULL);

    section("signals are read");
    int fd = CHECK_OK(signalfd(-1, &some, SFD_NONBLOCK | SFD_CLOEXEC));
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_ERR(read(fd, info, sizeof info), EAGAIN);
    struct pollfd poll_fd = {fd, POLLIN, 0};
    CHECK_EQ(poll(&poll_fd, 1, 0), 0);
    CHECK_OK(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 55}));
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(poll(&poll_fd, 1, 0), 1);
    CHECK_EQ(read(fd, info, sizeof info), 2 * sizeof *info);
    CHECK_EQ(info[0].ssi_signo, SIGUSR1);
    CHECK_EQ(info[0].ssi_code, SI_USER);
    CHECK_EQ(info[0].ssi_pid, getpid());
    CHECK_EQ(info[1].ssi_signo, SIGRTMIN);
    CHECK_EQ(info[1].ssi_int, 55);
    CHECK_ERR(read(fd, info, sizeof info), EAGAIN);

    section("SIGCHLD");
    CHECK_OK(fcntl(fd, F_SETFL, 0));
    pid_t child = MUST(fork());
    if (child == 0) _exit(3);
    CHECK_EQ(read(fd, info, sizeof *info), sizeof *info);
    CHECK_EQ(info[0].ssi_signo, SIGCHLD);
    CHECK_EQ(info[0].ssi_pid, child);
    CHECK_EQ(info[0].ssi_status, 3);
    CHECK_EXITED(wait_status(child), 3);

    section("another mask");
    sigdelset(&some, SIGUSR1);
    CHECK_EQ(signalfd(fd, &some, 0), fd);
    CHECK_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_ERR(read(fd, info, sizeof info), EAGAIN);

    section("errors");
    CHECK_ERR(read(fd, info, 10), EINVAL);
    CHECK_ERR(signalfd(1, &some, 0), EINVAL);
    CHECK_ERR(signalfd(500, &some, 0), EBADF);
    CHECK_ERR(signalfd(-1, &some, 1), EINVAL);
    return verdict();
}
