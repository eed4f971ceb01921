// syscalls: eventfd2 epoll_create1 dup dup3 fcntl inotify_init1 signalfd4 timerfd_create pipe2 socket socketpair accept accept4
// syscalls: memfd_create pidfd_open pidfd_getfd openat open_by_handle_at truncate ftruncate fallocate write clone clone3 copy_file_range
// oracle: linux; qemu's user mode keeps descriptors of its own
//
// What gives out what is used up: descriptors, processes, the length of files, signals.
#include "errors.h"
#include <linux/sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

int main(void) {
    scratch();
    sigset_t set;
    sigemptyset(&set);
    int pair[2], listener = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), client = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "socket"};
    CHECK_OK(bind(listener, (struct sockaddr *)&name, sizeof name));
    CHECK_OK(listen(listener, 4));
    CHECK_OK(connect(client, (struct sockaddr *)&name, sizeof name));
    int pidfd = MUST(syscall(SYS_pidfd_open, getpid(), 0));
    struct {
        struct file_handle header;
        unsigned char bytes[MAX_HANDLE_SZ];
    } handle = {.header.handle_bytes = MAX_HANDLE_SZ};
    int mount;
    CHECK_OK(name_to_handle_at(AT_FDCWD, "socket", &handle.header, &mount, 0));
    int top = dup(0);
    close(top);

    section("descriptors");
    WITH_LIMIT(RLIMIT_NOFILE, top, {
        TRY(eventfd2, eventfd(0, 0));
        TRY(epoll_create1, epoll_create1(0));
        TRY(dup, dup(0));
        TRY(dup3, dup3(0, top, 0));
        TRY(fcntl, fcntl(0, F_DUPFD, 0));
        TRY(fcntl, fcntl(0, F_DUPFD, 100000000));
        TRY(inotify_init1, inotify_init1(0));
        TRY(signalfd4, signalfd(-1, &set, 0));
        TRY(timerfd_create, timerfd_create(CLOCK_MONOTONIC, 0));
        TRY(pipe2, pipe(pair));
        TRY(socket, socket(AF_UNIX, SOCK_STREAM, 0));
        TRY(socketpair, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
        TRY(accept, accept(listener, NULL, NULL));
        TRY(accept4, accept4(listener, NULL, NULL, 0));
        TRY(memfd_create, memfd_create("name", 0));
        TRY(pidfd_open, syscall(SYS_pidfd_open, getpid(), 0));
        TRY(pidfd_getfd, syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, getpid(), 0), 0, 0));
        TRY(pidfd_getfd, syscall(SYS_pidfd_getfd, pidfd, 0, 0));
        TRY(openat, open("/", O_RDONLY));
        TRY(open_by_handle_at, open_by_handle_at(AT_FDCWD, &handle.header, O_PATH));
    });

    section("the length of files");
    int file = MUST(open("file", O_RDWR | O_CREAT, 0644));
    CHECK_EQ(write(file, "0123456789", 10), 10);
    signal(SIGXFSZ, SIG_IGN);
    // Standard output may be a file too, so the limit is far from it.
    enum { LIMIT = 1 << 20 };
    WITH_LIMIT(RLIMIT_FSIZE, LIMIT, {
        TRY(truncate, truncate("file", LIMIT + 1));
        TRY(ftruncate, ftruncate(file, LIMIT + 1));
        TRY(fallocate, fallocate(file, 0, LIMIT, 100));
        TRY(pwrite64, pwrite(file, "x", 1, LIMIT));
        CHECK_EQ(lseek(file, LIMIT, SEEK_SET), LIMIT);
        TRY(write, write(file, "x", 1));
        loff_t from = 0, to = LIMIT;
        TRY(copy_file_range, copy_file_range(file, &from, file, &to, 5, 0));
    });
    TRY(fallocate, fallocate(file, 0, INT64_MAX, 1));

    section("processes");
    WITH_LIMIT(RLIMIT_NPROC, 1, {
        // The superuser is not bound; a second process of another user is one too many.
        if (setuid(54321)) _exit(98);
        if (fork() == 0) _exit(0);
        TRY(clone, fork());
        struct clone_args args = {.exit_signal = SIGCHLD};
        TRY(clone3, syscall(SYS_clone3, &args, sizeof args));
    });

    section("signals");
    WITH_LIMIT(RLIMIT_SIGPENDING, 1, {
        if (setuid(54322)) _exit(98);
        sigaddset(&set, SIGRTMIN);
        sigprocmask(SIG_BLOCK, &set, NULL);
        sigqueue(getpid(), SIGRTMIN, (union sigval){0});
        TRY(rt_sigqueueinfo, sigqueue(getpid(), SIGRTMIN, (union sigval){0}));
        siginfo_t info = {.si_code = SI_QUEUE};
        TRY(rt_tgsigqueueinfo, syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGRTMIN, &info));
        TRY(tgkill, syscall(SYS_tgkill, getpid(), getpid(), SIGRTMIN));
        TRY(tkill, syscall(SYS_tkill, getpid(), SIGRTMIN));
    });
    return verdict();
}
