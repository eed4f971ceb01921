// syscalls: fcntl ioctl
// oracle: linux; qemu's user mode does not translate the owner's signals
//
// Signals of open files: O_ASYNC, F_SETOWN, F_SETOWN_EX, F_SETSIG, FIOASYNC, SIGURG (fcntl(2), "Managing signals").
#include "check.h"
#include <asm/ioctls.h>
#include <asm/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static sigset_t all;

// The next signal that is pending, with what it says.
static void next_signal(void) {
    siginfo_t info;
    struct timespec none = {0, 0};
    int signal = sigtimedwait(&all, &info, &none);
    if (signal < 0)
        say("  none");
    else if (info.si_code == SI_KERNEL)
        say("  %s from the kernel", strsignal(signal));
    else
        say("  %s, code %d, band %#lx, fd %s", signal >= SIGRTMIN ? "real-time" : strsignal(signal), info.si_code,
            info.si_band, info.si_fd > 2 ? "known" : "unknown");
}

static void start(int fd) {
    CHECK_OK(fcntl(fd, F_SETOWN, getpid()));
    CHECK_OK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC));
}

static void owners(void) {
    section("owners");
    int ends[2];
    MUST(pipe(ends));
    struct f_owner_ex owner = {7, 7};
    CHECK_EQ(fcntl(ends[0], F_GETOWN), 0);
    CHECK_OK(fcntl(ends[0], F_SETOWN, getpid()));
    CHECK_EQ(fcntl(ends[0], F_GETOWN), getpid());
    CHECK_OK(fcntl(ends[0], F_GETOWN_EX, &owner));
    CHECK_EQ(owner.type, F_OWNER_PID);
    CHECK_EQ(owner.pid, getpid());
    CHECK_OK(fcntl(ends[0], F_SETOWN, -getpgrp()));
    CHECK_OK(fcntl(ends[0], F_GETOWN_EX, &owner));
    CHECK_EQ(owner.type, F_OWNER_PGRP);
    CHECK_EQ(owner.pid, getpgrp());
    owner.type = F_OWNER_TID, owner.pid = gettid();
    CHECK_OK(fcntl(ends[0], F_SETOWN_EX, &owner));
    owner.type = 9, owner.pid = 9;
    CHECK_OK(fcntl(ends[0], F_GETOWN_EX, &owner));
    CHECK_EQ(owner.type, F_OWNER_TID);
    CHECK_EQ(owner.pid, gettid());
    uid_t ids[2] = {99, 99};
    CHECK_OK(fcntl(ends[0], 17, ids));
    CHECK_EQ(ids[0], getuid());
    CHECK_EQ(ids[1], geteuid());
    CHECK_OK(fcntl(ends[0], F_SETOWN, 0));
    CHECK_EQ(fcntl(ends[0], F_GETOWN), 0);
    pid_t child = MUST(fork());
    if (child == 0) _exit(0);
    CHECK_OK(fcntl(ends[0], F_SETOWN, child));
    CHECK_EXITED(wait_status(child), 0);
    CHECK_EQ(fcntl(ends[0], F_GETOWN), 0);
    section("refused");
    CHECK_ERR(fcntl(ends[0], F_SETOWN, 1 << 22), ESRCH);
    CHECK_ERR(fcntl(ends[0], F_SETOWN, -(1 << 22)), ESRCH);
    CHECK_ERR(fcntl(ends[0], F_SETOWN, INT32_MIN), EINVAL);
    owner.type = 3;
    CHECK_ERR(fcntl(ends[0], F_SETOWN_EX, &owner), EINVAL);
    owner.type = F_OWNER_PID, owner.pid = 1 << 22;
    CHECK_ERR(fcntl(ends[0], F_SETOWN_EX, &owner), ESRCH);
    CHECK_ERR(fcntl(ends[0], F_SETOWN_EX, NOWHERE), EFAULT);
    CHECK_ERR(fcntl(ends[0], F_SETSIG, 65), EINVAL);
    CHECK_EQ(fcntl(ends[0], F_GETSIG), 0);
    CHECK_OK(fcntl(ends[0], F_SETSIG, SIGUSR1));
    CHECK_EQ(fcntl(ends[0], F_GETSIG), SIGUSR1);
    close(ends[0]), close(ends[1]);
}

static void pipes(void) {
    section("a pipe: nothing without an owner");
    int ends[2];
    char byte;
    MUST(pipe(ends));
    CHECK_OK(fcntl(ends[0], F_SETFL, O_ASYNC));
    CHECK_EQ(write(ends[1], "x", 1), 1);
    next_signal();
    section("written");
    start(ends[0]);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    next_signal();
    next_signal();
    section("with a signal that says more");
    CHECK_OK(fcntl(ends[0], F_SETSIG, SIGRTMIN));
    CHECK_EQ(write(ends[1], "x", 1), 1);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    next_signal();
    next_signal();
    next_signal();
    section("with SIGIO itself, and one with codes of its own");
    CHECK_OK(fcntl(ends[0], F_SETSIG, SIGIO));
    CHECK_EQ(write(ends[1], "x", 1), 1);
    next_signal();
    CHECK_OK(fcntl(ends[0], F_SETSIG, SIGCHLD));
    CHECK_EQ(write(ends[1], "x", 1), 1);
    next_signal();
    section("switched off");
    CHECK_OK(fcntl(ends[0], F_SETFL, 0));
    CHECK_EQ(write(ends[1], "x", 1), 1);
    next_signal();
    section("the writer's end");
    CHECK_OK(fcntl(ends[1], F_SETSIG, SIGRTMIN + 1));
    start(ends[1]);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    next_signal();
    section("the reader goes");
    close(ends[0]);
    next_signal();
    close(ends[1]);
    section("the writer goes");
    MUST(pipe(ends));
    CHECK_OK(fcntl(ends[0], F_SETSIG, SIGRTMIN));
    start(ends[0]);
    close(ends[1]);
    next_signal();
    close(ends[0]);
}

static void sockets(void) {
    section("a socket");
    int s[2], on = 1, off = 0, mine = getpid(), got = -1;
    char byte;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_OK(ioctl(s[0], FIOSETOWN, &mine));
    CHECK_OK(ioctl(s[0], SIOCGPGRP, &got));
    CHECK_EQ(got, mine);
    CHECK_OK(ioctl(s[0], FIOASYNC, &on));
    CHECK_EQ(fcntl(s[0], F_GETFL) & O_ASYNC, O_ASYNC);
    CHECK_OK(fcntl(s[0], F_SETSIG, SIGRTMIN));
    CHECK_EQ(write(s[1], "x", 1), 1);
    next_signal();
    CHECK_EQ(read(s[0], &byte, 1), 1);
    next_signal();
    section("half closed, and closed");
    CHECK_OK(shutdown(s[1], SHUT_WR));
    next_signal();
    close(s[1]);
    next_signal();
    CHECK_OK(ioctl(s[0], FIOASYNC, &off));
    CHECK_EQ(fcntl(s[0], F_GETFL) & O_ASYNC, 0);
    close(s[0]);
    section("a listener");
    struct sockaddr_un address = {AF_UNIX, "\0async-io"};
    int listener = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), client = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_OK(bind(listener, (void *)&address, sizeof address));
    CHECK_OK(listen(listener, 1));
    CHECK_OK(fcntl(listener, F_SETSIG, SIGRTMIN));
    start(listener);
    CHECK_OK(connect(client, (void *)&address, sizeof address));
    next_signal();
    close(listener), close(client);
    section("an urgent byte");
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_EQ(send(s[1], "u", 1, MSG_OOB), 1);
    next_signal();
    CHECK_OK(fcntl(s[0], F_SETOWN, getpid()));
    CHECK_EQ(send(s[1], "u", 1, MSG_OOB), 1);
    next_signal();
    next_signal();
    close(s[0]), close(s[1]);
}

static void others(void) {
    section("a terminal's file belongs to who switches it on");
    int master = MUST(posix_openpt(O_RDWR | O_NOCTTY));
    CHECK_OK(unlockpt(master) | grantpt(master));
    char *name = ptsname(master);
    int slave = MUST(open(name, O_RDWR | O_NOCTTY));
    CHECK_OK(fcntl(slave, F_SETFL, O_RDWR | O_ASYNC));
    CHECK_EQ(fcntl(slave, F_GETOWN), getpid());
    CHECK_EQ(write(master, "a\n", 2), 2);
    sleep_ms(20);
    next_signal();
    close(slave), close(master);
    section("files that tell nothing");
    int file = MUST(open("/dev/null", O_RDWR)), on = 1;
    CHECK_OK(fcntl(file, F_SETFL, O_ASYNC));
    close(file);
    file = MUST(open("/dev/null", O_RDWR));
    CHECK_ERR(ioctl(file, FIOASYNC, &on), ENOTTY);
    close(file);
    section("the owner must be one's to signal");
    if (geteuid() == 0) {
        int ends[2];
        MUST(pipe(ends));
        int status = IN_CHILD({
            MUST(setresuid(1000, 1000, 1000));
            MUST(fcntl(ends[0], F_SETOWN, getppid()));
            MUST(fcntl(ends[0], F_SETFL, O_ASYNC));
        });
        CHECK_EXITED(status, 0);
        sigset_t pending;
        siginfo_t info;
        struct timespec none = {0, 0};
        while (sigtimedwait(&all, &info, &none) == SIGCHLD) {
        }
        CHECK_EQ(write(ends[1], "x", 1), 1);
        CHECK_OK(sigpending(&pending));
        CHECK_EQ(sigismember(&pending, SIGIO), 0);
        close(ends[0]), close(ends[1]);
    }
}

int main(void) {
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    owners();
    sigset_t chld;
    siginfo_t info;
    sigemptyset(&chld), sigaddset(&chld, SIGCHLD);
    struct timespec none = {0, 0};
    sigtimedwait(&chld, &info, &none);
    pipes();
    sockets();
    others();
    return verdict();
}
