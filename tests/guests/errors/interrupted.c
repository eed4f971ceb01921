// syscalls: epoll_pwait epoll_pwait2 flock fcntl write read openat waitid wait4 accept accept4 connect sendto sendmsg recvfrom recvmsg
// syscalls: rt_sigtimedwait clock_nanosleep nanosleep futex msgsnd msgrcv semop semtimedop ppoll mq_timedsend mq_timedreceive pselect6 rt_sigsuspend
// oracle: linux; qemu's user mode restarts some of them
//
// Calls that wait, and a signal whose handler ends the wait (signal(7), "Interruption of system calls").
#include "errors.h"
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

static void nothing(int number) { (void)number; }

// A wait that is interrupted: signals come again and again, so that none can come too early.
#define WAIT(name, ...)                                                                             \
    do {                                                                                            \
        setitimer(ITIMER_REAL, &(struct itimerval){{0, 20000}, {0, 20000}}, NULL);                  \
        TRY(name, __VA_ARGS__);                                                                     \
        setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);                                       \
    } while (0)

int main(void) {
    scratch();
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = nothing}, NULL);
    char byte = 0, many[4096] = "";

    section("files and pipes");
    int ends[2];
    CHECK_OK(pipe(ends));
    WAIT(read, read(ends[0], &byte, 1));
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    while (write(ends[1], many, sizeof many) > 0) {
    }
    fcntl(ends[1], F_SETFL, 0);
    WAIT(write, write(ends[1], many, sizeof many));
    CHECK_OK(mkfifo("fifo", 0600));
    WAIT(openat, open("fifo", O_RDONLY));
    int one = MUST(open("file", O_RDWR | O_CREAT, 0644)), two = MUST(open("file", O_RDWR));
    CHECK_OK(flock(one, LOCK_EX));
    WAIT(flock, flock(two, LOCK_EX));
    struct flock lock = {.l_type = F_WRLCK};
    CHECK_OK(fcntl(one, F_OFD_SETLK, &lock));
    WAIT(fcntl, fcntl(two, F_OFD_SETLKW, &lock));
    WAIT(fcntl, fcntl(two, F_SETLKW, &lock));
    TRY(fcntl, fcntl(two, F_SETLK, &lock));

    section("readiness");
    int empty[2], epoll = MUST(epoll_create1(0));
    CHECK_OK(pipe(empty));
    struct epoll_event event = {.events = EPOLLIN};
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, empty[0], &event));
    WAIT(epoll_pwait, epoll_wait(epoll, &event, 1, -1));
    WAIT(epoll_pwait2, syscall(441, epoll, &event, 1, NULL, NULL, 0));
    struct pollfd poll_fd = {empty[0], POLLIN, 0};
    WAIT(ppoll, poll(&poll_fd, 1, -1));
    fd_set set;
    FD_ZERO(&set);
    FD_SET(empty[0], &set);
    WAIT(pselect6, select(empty[0] + 1, &set, NULL, NULL, NULL));

    section("processes, signals and time");
    pid_t child = MUST(fork());
    if (child == 0)
        for (;;) pause();
    siginfo_t info;
    WAIT(wait4, waitpid(child, NULL, 0));
    WAIT(waitid, waitid(P_PID, child, &info, WEXITED));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    sigset_t usr1;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    WAIT(rt_sigtimedwait, sigtimedwait(&usr1, &info, NULL));
    WAIT(rt_sigsuspend, sigsuspend(&usr1));
    struct timespec span = {100, 0};
    WAIT(nanosleep, syscall(SYS_nanosleep, &span, NULL));
    WAIT(clock_nanosleep, syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &span, NULL));
    WAIT(clock_nanosleep, syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &(struct timespec){INT32_MAX, 0}, NULL));
    static int word;
    WAIT(futex, syscall(SYS_futex, &word, FUTEX_WAIT, 0, &span, NULL, 0));

    section("sockets");
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int listener = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), pair[2];
    CHECK_OK(bind(listener, (struct sockaddr *)&name, sizeof name));
    CHECK_OK(listen(listener, 0));
    WAIT(accept, accept(listener, NULL, NULL));
    WAIT(accept4, accept4(listener, NULL, NULL, 0));
    int first = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), second = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_OK(connect(first, (struct sockaddr *)&name, sizeof name));
    WAIT(connect, connect(second, (struct sockaddr *)&name, sizeof name));
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    struct iovec buffer = {many, sizeof many};
    struct msghdr message = {.msg_iov = &buffer, .msg_iovlen = 1};
    WAIT(recvfrom, recv(pair[0], &byte, 1, 0));
    WAIT(recvmsg, recvmsg(pair[0], &message, 0));
    TRY(recvmsg, recvmsg(pair[0], &message, MSG_DONTWAIT));
    TRY(recvfrom, recv(pair[0], &byte, 1, MSG_DONTWAIT));
    while (send(pair[0], many, sizeof many, MSG_DONTWAIT) > 0) {
    }
    WAIT(sendto, send(pair[0], many, sizeof many, 0));
    WAIT(sendmsg, sendmsg(pair[0], &message, 0));
    TRY(sendmsg, sendmsg(pair[0], &message, MSG_DONTWAIT));

    section("message queues");
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 16};
    mqd_t posix = MUST(mq_open("/guest-errors", O_RDWR | O_CREAT | O_EXCL, 0600, &attributes));
    CHECK_OK(mq_unlink("/guest-errors"));
    WAIT(mq_timedreceive, mq_receive(posix, many, 16, NULL));
    CHECK_OK(mq_send(posix, "x", 1, 0));
    WAIT(mq_timedsend, mq_send(posix, "x", 1, 0));

    section("System V");
    int queue = MUST(msgget(IPC_PRIVATE, 0600)), semaphore = MUST(semget(IPC_PRIVATE, 1, 0600));
    struct {
        long type;
        char text[16];
    } text = {1, ""};
    WAIT(msgrcv, msgrcv(queue, &text, 16, 0, 0));
    TRY(msgrcv, msgrcv(queue, &text, 16, 0, IPC_NOWAIT));
    struct msqid_ds state;
    CHECK_OK(msgctl(queue, IPC_STAT, &state));
    state.msg_qbytes = 16;
    CHECK_OK(msgctl(queue, IPC_SET, &state));
    CHECK_OK(msgsnd(queue, &text, 16, 0));
    WAIT(msgsnd, msgsnd(queue, &text, 16, 0));
    struct sembuf down = {0, -1, 0};
    WAIT(semop, semop(semaphore, &down, 1));
    WAIT(semtimedop, semtimedop(semaphore, &down, 1, &span));
    CHECK_OK(msgctl(queue, IPC_RMID, NULL));
    CHECK_OK(semctl(semaphore, 0, IPC_RMID));
    TRY(msgsnd, msgsnd(queue, &text, 16, 0));
    TRY(semop, semop(semaphore, &down, 1));
    return verdict();
}
