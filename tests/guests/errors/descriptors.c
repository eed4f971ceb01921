// syscalls: read write close dup fstat fsync fdatasync syncfs sync_file_range fadvise64 readahead lseek flock fcntl fchdir ftruncate
// oracle: linux; qemu's user mode knows other descriptors than the program
//
// Descriptors that are not open, or not for this: -1, and one that is only a path (open(2), O_PATH).
#include "errors.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>

#define RAW(name, ...) TRY(name, syscall(SYS_##name, __VA_ARGS__))

static char text[256];

static void each(int fd) {
    struct iovec buffer = {text, 4};
    struct msghdr message = {.msg_iov = &buffer, .msg_iovlen = 1};
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "x"};
    socklen_t length = sizeof name;
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(0), ends[2];
    CHECK_OK(pipe(ends));
    RAW(read, fd, text, 4);
    RAW(write, fd, text, 4);
    RAW(pread64, fd, text, 4, 0);
    RAW(pwrite64, fd, text, 4, 0);
    RAW(readv, fd, &buffer, 1);
    RAW(writev, fd, &buffer, 1);
    RAW(preadv, fd, &buffer, 1, 0, 0);
    RAW(pwritev, fd, &buffer, 1, 0, 0);
    TRY(preadv2, preadv2(fd, &buffer, 1, 0, 0));
    TRY(pwritev2, pwritev2(fd, &buffer, 1, 0, 0));
    RAW(lseek, fd, 0, SEEK_SET);
    RAW(getdents64, fd, text, sizeof text);
    RAW(ftruncate, fd, 0);
    RAW(fallocate, fd, 0, 0, 10);
    RAW(fsync, fd);
    RAW(fdatasync, fd);
    RAW(syncfs, fd);
    RAW(sync_file_range, fd, 0, 0, 0);
    RAW(readahead, fd, 0, 10);
    RAW(flock, fd, LOCK_SH);
    RAW(ioctl, fd, 0x541b, text);
    RAW(fchmod, fd, 0600);
    RAW(fchown, fd, -1, -1);
    RAW(fsetxattr, fd, "user.x", "", 0, 0);
    RAW(fgetxattr, fd, "user.x", text, 10);
    RAW(flistxattr, fd, text, 10);
    RAW(fremovexattr, fd, "user.x");
    RAW(sendfile, fd, ends[0], NULL, 4);
    RAW(splice, fd, NULL, ends[1], NULL, 4, 0);
    RAW(tee, fd, ends[1], 4, 0);
    RAW(copy_file_range, fd, NULL, fd, NULL, 4, 0);
    RAW(mmap, NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    RAW(epoll_ctl, epoll, EPOLL_CTL_ADD, fd, &event);
    RAW(epoll_ctl, fd, EPOLL_CTL_ADD, ends[0], &event);
    RAW(epoll_pwait, fd, &event, 1, 0, NULL, 0);
    TRY(epoll_pwait2, syscall(441, fd, &event, 1, NULL, NULL, 0));
    RAW(timerfd_gettime, fd, text);
    RAW(timerfd_settime, fd, 0, text, NULL);
    RAW(signalfd4, fd == -1 ? -2 : fd, text, 8, 0);
    RAW(inotify_add_watch, fd, ".", 1);
    RAW(inotify_rm_watch, fd, 1);
    RAW(bind, fd, &name, sizeof name);
    RAW(connect, fd, &name, sizeof name);
    RAW(listen, fd, 1);
    RAW(accept, fd, NULL, NULL);
    RAW(accept4, fd, NULL, NULL, 0);
    RAW(getsockname, fd, &name, &length);
    RAW(getpeername, fd, &name, &length);
    RAW(getsockopt, fd, SOL_SOCKET, SO_TYPE, text, &length);
    RAW(setsockopt, fd, SOL_SOCKET, SO_SNDBUF, text, 4);
    RAW(sendto, fd, text, 4, 0, NULL, 0);
    RAW(recvfrom, fd, text, 4, 0, NULL, NULL);
    RAW(sendmsg, fd, &message, 0);
    RAW(recvmsg, fd, &message, 0);
    RAW(sendmmsg, fd, &message, 1, 0);
    RAW(recvmmsg, fd, &message, 1, 0, NULL);
    RAW(shutdown, fd, 0);
    RAW(pidfd_send_signal, fd, 0, NULL, 0);
    RAW(vmsplice, fd, &buffer, 1, 0);
    RAW(fcntl, fd, F_GETLK, text);
    close(epoll);
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    scratch();
    put_file("file", "text");
    section("not open");
    each(-1);
    RAW(close, -1);
    RAW(dup, -1);
    RAW(dup3, -1, 50, 0);
    RAW(fstat, -1, text);
    RAW(fstatfs, -1, text);
    RAW(fchdir, -1);
    RAW(fadvise64, -1, 0, 0, 0);
    RAW(fcntl, -1, F_GETFD);
    RAW(openat, -1, "x", O_RDONLY);
    RAW(pidfd_getfd, -1, 0, 0);
    RAW(setns, -1, 0);
    section("only a path");
    each(MUST(open("file", O_PATH)));
    section("a regular file");
    int file = MUST(open("file", O_RDWR));
    RAW(listen, file, 1);
    RAW(fchdir, file);
    RAW(getdents64, file, text, sizeof text);
    RAW(signalfd4, file, text, 8, 0);
    RAW(timerfd_gettime, file, text);
    RAW(epoll_pwait, file, text, 1, 0, NULL, 0);
    RAW(splice, file, NULL, file, NULL, 4, 0);
    RAW(tee, file, file, 4, 0);
    section("a folder");
    int folder = MUST(open(".", O_RDONLY));
    RAW(read, folder, text, 4);
    RAW(write, folder, text, 4);
    RAW(ftruncate, folder, 0);
    RAW(mmap, NULL, 4096, PROT_READ, MAP_PRIVATE, folder, 0);
    RAW(copy_file_range, folder, NULL, file, NULL, 4, 0);
    section("a pipe");
    int ends[2];
    CHECK_OK(pipe(ends));
    RAW(lseek, ends[0], 0, SEEK_SET);
    RAW(pread64, ends[0], text, 4, 0);
    RAW(pwrite64, ends[1], text, 4, 0);
    RAW(preadv, ends[0], text, 0, 0, 0);
    RAW(pwritev, ends[1], text, 0, 0, 0);
    RAW(fallocate, ends[1], 0, 0, 10);
    RAW(ftruncate, ends[1], 0);
    RAW(fsync, ends[0]);
    RAW(fdatasync, ends[0]);
    RAW(sync_file_range, ends[0], 0, 0, 0);
    RAW(fadvise64, ends[0], 0, 0, 0);
    RAW(readahead, ends[0], 0, 10);
    RAW(mmap, NULL, 4096, PROT_READ, MAP_PRIVATE, ends[0], 0);
    RAW(splice, ends[0], text, file, NULL, 4, 0);
    RAW(sendfile, ends[1], ends[0], NULL, 4);
    RAW(sendfile, ends[1], ends[0], text, 4);
    return verdict();
}
