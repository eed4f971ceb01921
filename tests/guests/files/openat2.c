// oracle: linux; qemu's user mode knows neither openat2 nor fchmodat2
// syscalls: openat2 fchmodat2
#include "check.h"
#include <linux/openat2.h>

static long openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return syscall(SYS_openat2, dir, path, &how, sizeof how);
}

int main(void) {
    scratch();
    umask(022);
    struct stat s;
    CHECK_OK(mkdir("dir", 0755));
    put_file("file", "0123456789");
    CHECK_OK(symlink("../file", "dir/up"));
    CHECK_OK(symlink("file", "link"));
    int dir = MUST(open("dir", O_RDONLY | O_DIRECTORY));

    section("openat2");
    int fd = CHECK_OK(openat2(AT_FDCWD, "new", O_RDWR | O_CREAT, 0600, 0));
    CHECK_OK(fstat(fd, &s));
    CHECK_EQ(s.st_mode, S_IFREG | 0600);
    close(fd);
    close(CHECK_OK(openat2(dir, "up", O_RDONLY, 0, 0)));
    CHECK_ERR(openat2(AT_FDCWD, "absent", O_RDONLY, 0, 0), ENOENT);
    // Unlike openat, it passes over nothing.
    CHECK_ERR(openat2(AT_FDCWD, "file", O_RDONLY, 0600, 0), EINVAL);
    CHECK_ERR(openat2(AT_FDCWD, "file", 1ULL << 40, 0, 0), EINVAL);
    CHECK_ERR(openat2(AT_FDCWD, "file", O_RDONLY, 0, 1ULL << 40), EINVAL);
    CHECK_ERR(syscall(SYS_openat2, AT_FDCWD, "file", &s, 8), EINVAL);
    CHECK_ERR(syscall(SYS_openat2, AT_FDCWD, "file", NOWHERE, sizeof(struct open_how)), EFAULT);

    section("fchmodat2");
    CHECK_OK(syscall(452, AT_FDCWD, "file", 0640, 0));
    CHECK_OK(stat("file", &s));
    CHECK_EQ(s.st_mode & 07777, 0640);
    CHECK_OK(syscall(452, dir, "", 0700, AT_EMPTY_PATH));
    CHECK_OK(fstat(dir, &s));
    CHECK_EQ(s.st_mode & 07777, 0700);
    CHECK_ERR(syscall(452, AT_FDCWD, "link", 0600, AT_SYMLINK_NOFOLLOW), EOPNOTSUPP);
    CHECK_ERR(syscall(452, AT_FDCWD, "absent", 0600, 0), ENOENT);
    CHECK_ERR(syscall(452, AT_FDCWD, "file", 0600, 0x8000), EINVAL);

    return verdict();
}
