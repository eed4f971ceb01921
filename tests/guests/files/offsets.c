// syscalls: lseek read write linkat
// oracle: linux; qemu's user mode cuts lengths
//
// What has no offset, lengths that no memory has, and names in /proc.
#include "check.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static void stays(int fd) {
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
    CHECK_EQ(lseek(fd, 5, SEEK_SET), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 0);
    CHECK_ERR(lseek(fd, 0, 9), EINVAL);
    CHECK_ERR(pread(fd, "", 0, 0), ESPIPE);
    close(fd);
}

static void has_none(int fd) {
    CHECK_ERR(lseek(fd, 0, SEEK_CUR), ESPIPE);
    CHECK_ERR(lseek(fd, 0, SEEK_END), ESPIPE);
    CHECK_ERR(lseek(fd, 0, 9), EINVAL);
    close(fd);
}

int main(void) {
    scratch();
    section("an offset that stays");
    sigset_t none;
    sigemptyset(&none);
    stays(MUST(eventfd(0, EFD_NONBLOCK)));
    stays(MUST(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)));
    stays(MUST(signalfd(-1, &none, SFD_NONBLOCK)));
    stays(MUST(epoll_create1(0)));
    stays(MUST(inotify_init1(IN_NONBLOCK)));
    section("none at all");
    int ends[2];
    MUST(pipe(ends));
    has_none(ends[0]), has_none(ends[1]);
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    has_none(ends[0]), has_none(ends[1]);
    section("lengths beyond all memory");
    char data[8];
    put_file("empty", "");
    int file = MUST(open("empty", O_RDWR));
    MUST(pipe(ends));
    CHECK_ERR(read(file, data, hidden(-1)), EFAULT);
    CHECK_ERR(write(file, data, hidden(-1)), EFAULT);
    CHECK_ERR(pread(file, data, hidden(-1), 0), EFAULT);
    CHECK_ERR(pwrite(file, data, hidden(-1), 0), EFAULT);
    CHECK_ERR(read(ends[0], data, hidden(-1)), EFAULT);
    CHECK_ERR(read(ends[1], data, hidden(-1)), EBADF);
    section("names in /proc");
    CHECK_ERR(link("empty", "/proc/self/new"), ENOENT);
    CHECK_ERR(link("empty", "/proc/self/status"), EEXIST);
    CHECK_ERR(link("/proc/self/status", "new"), EXDEV);
    CHECK_ERR(link("/proc/self/status", "/proc/self/new"), ENOENT);
    CHECK_ERR(symlink("x", "/proc/self/new"), ENOENT);
    CHECK_ERR(mkdir("/proc/new", 0700), ENOENT);
    CHECK_ERR(open("/proc/new", O_CREAT | O_RDWR, 0700), ENOENT);
    CHECK_ERR(rename("/proc/self/status", "/proc/self/new"), ENOENT);
    CHECK_ERR(unlink("/proc/self/status"), EPERM);
    close(file), close(ends[0]), close(ends[1]);
    return verdict();
}
