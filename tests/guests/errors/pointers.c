// syscalls: getresuid getresgid getgroups setgroups getrlimit setrlimit times gettimeofday getcpu setitimer getitimer timer_gettime
// syscalls: timer_settime clock_getres capget sched_rr_get_interval fstat fstatfs accept accept4 connect getsockopt getpeername recvmsg
// syscalls: epoll_pwait2 utimensat sendfile rt_sigsuspend get_robust_list clock_nanosleep timerfd_gettime fcntl sched_getparam
// oracle: linux; qemu's user mode faults itself on some of these
//
// Pointers to memory that is not there.
#include "errors.h"
#include <linux/openat2.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/xattr.h>

#define RAW(name, ...) TRY(name, syscall(SYS_##name, __VA_ARGS__))

int main(void) {
    scratch();
    put_file("file", "text");
    int file = MUST(open("file", O_RDWR)), pair[2], ends[2], epoll = MUST(epoll_create1(0)), listener, client;
    int timer = MUST(timerfd_create(CLOCK_MONOTONIC, 0)), queue = MUST(msgget(IPC_PRIVATE, 0600));
    int semaphore = MUST(semget(IPC_PRIVATE, 1, 0600)), segment = MUST(shmget(IPC_PRIVATE, 4096, 0600));
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    CHECK_OK(pipe(ends));
    CHECK_EQ(write(ends[1], "text", 4), 4);
    CHECK_EQ(write(pair[1], "text", 4), 4);
    listener = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    client = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "socket"};
    CHECK_OK(bind(listener, (struct sockaddr *)&name, sizeof name));
    CHECK_OK(listen(listener, 4));
    char text[64];
    void *none = NOWHERE;
    timer_t posix;
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    CHECK_OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &posix));
    int id = (int)(intptr_t)posix;

    section("files");
    RAW(read, ends[0], none, 4);
    RAW(write, file, none, 4);
    RAW(pread64, file, none, 4, 0);
    RAW(pwrite64, file, none, 4, 0);
    RAW(readv, file, none, 1);
    RAW(writev, file, none, 1);
    RAW(preadv, file, none, 1, 0, 0);
    RAW(pwritev, file, none, 1, 0, 0);
    RAW(getdents64, open(".", O_RDONLY), none, 1000);
    RAW(fstat, file, none);
    RAW(fstatfs, file, none);
    RAW(statfs, ".", none);
    RAW(getcwd, none, 1000);
    RAW(readlinkat, AT_FDCWD, "/proc/self/exe", none, 100);
    RAW(utimensat, AT_FDCWD, "file", none, 0);
    RAW(fcntl, file, F_GETLK, none);
    RAW(fcntl, file, F_SETLK, none);
    RAW(sendfile, pair[0], file, none, 4);
    RAW(splice, ends[0], NULL, file, none, 4, 0);
    RAW(copy_file_range, file, none, file, NULL, 4, 0);
    RAW(pipe2, none, 0);
    RAW(ioctl, ends[0], 0x541b /* FIONREAD */, none);
    TRY(openat2, syscall(437, AT_FDCWD, "file", none, sizeof(struct open_how)));
    RAW(fsetxattr, file, "user.x", none, 4, 0);
    RAW(setxattr, "file", none, "", 0, 0);
    RAW(getxattr, "file", none, text, 4);
    RAW(name_to_handle_at, AT_FDCWD, "file", none, text, 0);

    section("readiness");
    RAW(epoll_ctl, epoll, EPOLL_CTL_ADD, ends[0], none);
    struct epoll_event watched = {.events = EPOLLIN};
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &watched));
    RAW(epoll_pwait, epoll, none, 1, 0, NULL, 0);
    TRY(epoll_pwait2, syscall(441, epoll, &watched, 1, none, NULL, 0));
    RAW(ppoll, none, 1, NULL, NULL, 0);
    RAW(pselect6, 1, none, NULL, NULL, NULL, NULL);
    RAW(signalfd4, -1, none, 8, 0);
    RAW(timerfd_settime, timer, 0, none, NULL);
    RAW(timerfd_gettime, timer, none);

    section("processes");
    RAW(getresuid, none, none, none);
    RAW(getresgid, none, none, none);
    gid_t groups[2] = {1, 2};
    CHECK_OK(syscall(SYS_setgroups, 2, groups));
    RAW(getgroups, 2, none);
    RAW(setgroups, 2, none);
    RAW(getrlimit, RLIMIT_NOFILE, none);
    RAW(setrlimit, RLIMIT_NOFILE, none);
    RAW(prlimit64, 0, RLIMIT_NOFILE, none, NULL);
    RAW(getrusage, RUSAGE_SELF, none);
    RAW(times, none);
    RAW(sysinfo, none);
    RAW(uname, none);
    RAW(sethostname, none, 4);
    RAW(prctl, 15 /* PR_SET_NAME */, none);
    RAW(prctl, 2 /* PR_GET_PDEATHSIG */, none);
    RAW(capget, none, none);
    RAW(capset, none, none);
    RAW(sched_getparam, 0, none);
    RAW(sched_setparam, 0, none);
    RAW(sched_rr_get_interval, 0, none);
    RAW(sched_getaffinity, 0, 8, none);
    RAW(getcpu, none, NULL);
    RAW(get_robust_list, 0, none, none);
    RAW(execve, "/proc/self/exe", none, NULL);
    if (fork() == 0) _exit(0);
    RAW(wait4, -1, none, 0, NULL);
    if (fork() == 0) _exit(0);
    RAW(waitid, P_ALL, 0, none, WEXITED, NULL);
    RAW(getrandom, none, 8, 0);
    RAW(clone3, none, 64);

    section("signals and time");
    RAW(rt_sigaction, SIGUSR1, none, NULL, 8);
    RAW(rt_sigprocmask, SIG_BLOCK, none, NULL, 8);
    RAW(rt_sigpending, none, 8);
    RAW(rt_sigsuspend, none, 8);
    RAW(rt_sigtimedwait, none, NULL, NULL, 8);
    RAW(rt_sigqueueinfo, getpid(), SIGUSR1, none);
    RAW(rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, none);
    RAW(sigaltstack, none, NULL);
    RAW(gettimeofday, none, NULL);
    RAW(clock_gettime, CLOCK_MONOTONIC, none);
    RAW(clock_getres, CLOCK_MONOTONIC, none);
    RAW(clock_settime, CLOCK_REALTIME, none);
    RAW(clock_nanosleep, CLOCK_MONOTONIC, 0, none, NULL);
    RAW(nanosleep, none, NULL);
    RAW(getitimer, ITIMER_REAL, none);
    RAW(setitimer, ITIMER_REAL, none, NULL);
    RAW(timer_create, CLOCK_MONOTONIC, none, text);
    RAW(timer_gettime, id, none);
    RAW(timer_settime, id, 0, none, NULL);
    RAW(adjtimex, none);
    RAW(clock_adjtime, CLOCK_REALTIME, none);
    RAW(futex, none, 0 /* WAIT */, 0, NULL, NULL, 0);

    section("sockets");
    RAW(bind, client, none, 10);
    RAW(connect, client, none, 10);
    CHECK_OK(connect(client, (struct sockaddr *)&name, sizeof name));
    RAW(accept, listener, none, none);
    CHECK_OK(close(client));
    client = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_OK(connect(client, (struct sockaddr *)&name, sizeof name));
    RAW(accept4, listener, none, none, 0);
    RAW(getsockname, listener, none, none);
    RAW(getpeername, pair[0], none, none);
    RAW(getsockopt, listener, SOL_SOCKET, SO_TYPE, none, none);
    RAW(setsockopt, listener, SOL_SOCKET, SO_SNDBUF, none, 4);
    RAW(sendto, pair[0], none, 4, 0, NULL, 0);
    RAW(recvfrom, pair[0], none, 4, 0, NULL, NULL);
    RAW(sendmsg, pair[0], none, 0);
    RAW(recvmsg, pair[0], none, 0);
    RAW(sendmmsg, pair[0], none, 1, 0);
    RAW(recvmmsg, pair[0], none, 1, 0, NULL);
    RAW(socketpair, AF_UNIX, SOCK_STREAM, 0, none);

    section("System V");
    RAW(msgsnd, queue, none, 4, 0);
    RAW(msgctl, queue, IPC_STAT, none);
    RAW(semctl, semaphore, 0, IPC_STAT, none);
    TRY(semop, semop(semaphore, none, 1));
    RAW(semtimedop, semaphore, none, 1, NULL);
    RAW(shmctl, segment, IPC_STAT, none);
    CHECK_OK(msgsnd(queue, &(struct { long type; char text[4]; }){1, "abc"}, 4, 0));
    RAW(msgrcv, queue, none, 4, 0, 0);
    CHECK_OK(msgctl(queue, IPC_RMID, NULL));
    CHECK_OK(semctl(semaphore, 0, IPC_RMID));
    CHECK_OK(shmctl(segment, IPC_RMID, NULL));
    return verdict();
}
