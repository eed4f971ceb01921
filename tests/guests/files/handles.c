// syscalls: name_to_handle_at open_by_handle_at vmsplice renameat2 fcntl
// oracle: linux; qemu's user mode passes none of the first three on
//
// Handles of files, pages for pipes, whiteouts, and waits that would never end.
#include "check.h"
#include <sys/sysmacros.h>
#include <sys/uio.h>

static struct {
    struct file_handle header;
    unsigned char bytes[MAX_HANDLE_SZ];
} handle;

static int lock(int fd, int cmd, int type, off_t start) {
    struct flock flock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = 1};
    return fcntl(fd, cmd, &flock);
}

int main(void) {
    scratch();
    int mount = -1;
    char text[32] = "";

    section("handles");
    put_file("file", "content");
    handle.header.handle_bytes = 0;
    CHECK_ERR(name_to_handle_at(AT_FDCWD, "file", &handle.header, &mount, 0), EOVERFLOW);
    CHECK(handle.header.handle_bytes > 0 && handle.header.handle_bytes <= MAX_HANDLE_SZ);
    CHECK_OK(name_to_handle_at(AT_FDCWD, "file", &handle.header, &mount, 0));
    CHECK_OK(rename("file", "other"));
    int fd = CHECK_OK(open_by_handle_at(AT_FDCWD, &handle.header, O_RDONLY));
    CHECK_EQ(read(fd, text, 7), 7);
    CHECK_MEM(text, "content", 7);
    close(fd);
    fd = CHECK_OK(open_by_handle_at(AT_FDCWD, &handle.header, O_PATH | O_CLOEXEC));
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    handle.header.handle_bytes = MAX_HANDLE_SZ;
    CHECK_OK(name_to_handle_at(fd, "", &handle.header, &mount, AT_EMPTY_PATH));
    close(fd);
    CHECK_OK(unlink("other"));
    CHECK_ERR(open_by_handle_at(AT_FDCWD, &handle.header, O_RDONLY), ESTALE);
    CHECK_ERR(name_to_handle_at(AT_FDCWD, "absent", &handle.header, &mount, 0), ENOENT);
    CHECK_ERR(name_to_handle_at(AT_FDCWD, ".", &handle.header, &mount, 0x10), EINVAL);
    handle.header.handle_bytes = MAX_HANDLE_SZ + 1;
    CHECK_ERR(name_to_handle_at(AT_FDCWD, ".", &handle.header, &mount, 0), EINVAL);
    handle.header.handle_bytes = 0;
    CHECK_ERR(open_by_handle_at(AT_FDCWD, &handle.header, O_RDONLY), EINVAL);
    handle.header.handle_bytes = 8;
    CHECK_ERR(open_by_handle_at(-1, &handle.header, O_RDONLY), EBADF);
    CHECK_ERR(open_by_handle_at(AT_FDCWD, NOWHERE, O_RDONLY), EFAULT);
    CHECK_EXITED(IN_CHILD({
        CHECK_OK(setuid(1000));
        CHECK_ERR(open_by_handle_at(AT_FDCWD, &handle.header, O_RDONLY), EPERM);
    }), 0);

    section("pages for pipes");
    int ends[2];
    CHECK_OK(pipe(ends));
    struct iovec out[2] = {{"hello ", 6}, {"world", 5}}, in = {text, sizeof text};
    CHECK_EQ(vmsplice(ends[1], out, 2, 0), 11);
    CHECK_EQ(vmsplice(ends[0], &in, 1, 0), 11);
    CHECK_MEM(text, "hello world", 11);
    CHECK_ERR(vmsplice(ends[0], &in, 1, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK_EQ(vmsplice(ends[1], out, 0, 0), 0);
    CHECK_ERR(vmsplice(ends[1], out, 1, 0x100), EINVAL);
    CHECK_ERR(vmsplice(ends[1], out, 1025, 0), EINVAL);
    CHECK_ERR(vmsplice(ends[1], NOWHERE, 1, 0), EFAULT);
    CHECK_ERR(vmsplice(-1, out, 1, 0), EBADF);
    fd = MUST(open("plain", O_RDWR | O_CREAT, 0644));
    CHECK_ERR(vmsplice(fd, out, 1, 0), EBADF);

    section("whiteouts");
    put_file("old", "x");
    CHECK_OK(syscall(SYS_renameat2, AT_FDCWD, "old", AT_FDCWD, "new", 4));
    struct stat s;
    CHECK_OK(lstat("old", &s));
    CHECK(S_ISCHR(s.st_mode));
    CHECK_EQ(s.st_mode & 07777, 0);
    CHECK_EQ(s.st_rdev, makedev(0, 0));
    CHECK_OK(stat("new", &s));
    CHECK(S_ISREG(s.st_mode));
    CHECK_ERR(syscall(SYS_renameat2, AT_FDCWD, "new", AT_FDCWD, "newer", 4 | 2), EINVAL);
    CHECK_ERR(syscall(SYS_renameat2, AT_FDCWD, "new", AT_FDCWD, "newer", 8), EINVAL);
    CHECK_EXITED(IN_CHILD({
        CHECK_OK(chmod(".", 0777));
        CHECK_OK(setuid(1000));
        CHECK_OK(syscall(SYS_renameat2, AT_FDCWD, "new", AT_FDCWD, "newer", 4));
    }), 0);

    section("a circle of waits");
    CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0));
    int ready[2];
    CHECK_OK(pipe(ready));
    pid_t child = MUST(fork());
    if (child == 0) {
        int own = open("plain", O_RDWR);
        int failed = lock(own, F_SETLK, F_WRLCK, 1) != 0;
        if (write(ready[1], "r", 1) != 1) _exit(2);
        _exit(failed || lock(own, F_SETLKW, F_WRLCK, 0) != 0);
    }
    CHECK_EQ(read(ready[0], text, 1), 1);
    // The child waits soon; before that the lock is only busy.
    int result;
    do {
        sleep_ms(10);
        alarm(5);
        result = lock(fd, F_SETLKW, F_WRLCK, 1);
    } while (result == 0);
    alarm(0);
    CHECK_EQ(errno, EDEADLK);
    CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0));
    CHECK_EXITED(wait_status(child), 0);
    return verdict();
}
