// syscalls: newfstatat fstat statx
#include "check.h"
#include <sys/sysmacros.h>

static void regular(void) {
    section("regular file");
    struct stat a, b;
    put_file("file", "12345");
    CHECK_OK(stat("file", &a));
    CHECK_EQ(a.st_mode, S_IFREG | 0644);
    CHECK_EQ(a.st_size, 5);
    CHECK_EQ(a.st_nlink, 1);
    CHECK_EQ(a.st_uid, getuid());
    CHECK_EQ(a.st_gid, getgid());
    CHECK(a.st_blksize > 0);
    CHECK(a.st_ino != 0);
    CHECK(labs(a.st_mtime - time(NULL)) < 100);
    CHECK(a.st_mtim.tv_nsec >= 0 && a.st_mtim.tv_nsec < 1000000000);

    int fd = MUST(open("file", O_RDONLY));
    CHECK_OK(fstat(fd, &b));
    CHECK_EQ(b.st_ino, a.st_ino);
    CHECK_EQ(b.st_dev, a.st_dev);
    CHECK_OK(fstatat(fd, "", &b, AT_EMPTY_PATH));
    CHECK_EQ(b.st_ino, a.st_ino);
    close(fd);
    put_file("other", "");
    CHECK_OK(stat("other", &b));
    CHECK(b.st_ino != a.st_ino);
    CHECK_EQ(b.st_dev, a.st_dev);
}

static void other_kinds(void) {
    section("other kinds");
    struct stat s;
    CHECK_OK(mkdir("dir", 0750));
    CHECK_OK(symlink("file", "link"));
    CHECK_OK(stat("dir", &s));
    CHECK_EQ(s.st_mode, S_IFDIR | 0750);
    CHECK_OK(lstat("link", &s));
    CHECK_EQ(s.st_mode, S_IFLNK | 0777);
    CHECK_EQ(s.st_size, 4);
    CHECK_OK(stat("link", &s));
    CHECK_EQ(s.st_mode, S_IFREG | 0644);
    CHECK_OK(stat("/dev/null", &s));
    CHECK(S_ISCHR(s.st_mode));
    CHECK_EQ(major(s.st_rdev), 1);
    CHECK_EQ(minor(s.st_rdev), 3);
    int ends[2];
    CHECK_OK(pipe(ends));
    CHECK_OK(fstat(ends[0], &s));
    CHECK(S_ISFIFO(s.st_mode));
    CHECK_EQ(s.st_size, 0);
    close(ends[0]), close(ends[1]);
}

static void errors(void) {
    section("errors");
    struct stat s;
    CHECK_ERR(stat("absent", &s), ENOENT);
    CHECK_ERR(stat("", &s), ENOENT);
    CHECK_ERR(stat("file/x", &s), ENOTDIR);
    CHECK_ERR(stat("file/", &s), ENOTDIR);
    CHECK_ERR(fstat(-1, &s), EBADF);
    CHECK_ERR(fstatat(-7, "file", &s, 0), EBADF);
    CHECK_ERR(syscall(SYS_newfstatat, AT_FDCWD, "file", NOWHERE, 0), EFAULT);
    CHECK_ERR(syscall(SYS_newfstatat, AT_FDCWD, NOWHERE, &s, 0), EFAULT);
    CHECK_ERR(fstatat(AT_FDCWD, "file", &s, 0x8000), EINVAL);
}

static void extended(void) {
    section("statx");
    struct stat s;
    struct statx x;
    CHECK_OK(stat("file", &s));
    CHECK_OK(statx(AT_FDCWD, "file", 0, STATX_BASIC_STATS, &x));
    CHECK_EQ(x.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
    CHECK_EQ(x.stx_mode, S_IFREG | 0644);
    CHECK_EQ(x.stx_size, 5);
    CHECK_EQ(x.stx_ino, s.st_ino);
    CHECK_EQ(x.stx_nlink, 1);
    CHECK_EQ(makedev(x.stx_dev_major, x.stx_dev_minor), s.st_dev);
    CHECK_EQ(x.stx_mtime.tv_sec, s.st_mtim.tv_sec);
    CHECK_EQ(x.stx_mtime.tv_nsec, s.st_mtim.tv_nsec);
    CHECK_EQ(x.stx_blocks, s.st_blocks);
    CHECK_OK(statx(AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, STATX_MODE, &x));
    CHECK(S_ISLNK(x.stx_mode));
    int fd = MUST(open("file", O_RDONLY));
    CHECK_OK(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &x));
    CHECK_EQ(x.stx_size, 5);
    close(fd);
    CHECK_ERR(statx(AT_FDCWD, "absent", 0, STATX_ALL, &x), ENOENT);
    CHECK_ERR(statx(AT_FDCWD, "", 0, STATX_ALL, &x), ENOENT);
}

static void times(void) {
    section("times move as the manual says");
    struct stat before, after;
    put_file("timed", "x");
    struct timespec old[2] = {{1000, 5}, {2000, 7}};
    CHECK_OK(utimensat(AT_FDCWD, "timed", old, 0));
    CHECK_OK(stat("timed", &before));
    CHECK_EQ(before.st_atim.tv_sec, 1000);
    CHECK_EQ(before.st_mtim.tv_sec, 2000);
    CHECK(before.st_ctim.tv_sec > 1000000);

    int fd = MUST(open("timed", O_WRONLY));
    CHECK_EQ(write(fd, "y", 1), 1);
    close(fd);
    CHECK_OK(stat("timed", &after));
    CHECK(after.st_mtim.tv_sec > 1000000);
    CHECK_EQ(after.st_atim.tv_sec, 1000);

    struct stat folder;
    CHECK_OK(mkdir("changing", 0755));
    CHECK_OK(utimensat(AT_FDCWD, "changing", old, 0));
    put_file("changing/new", "");
    CHECK_OK(stat("changing", &folder));
    CHECK(folder.st_mtim.tv_sec > 1000000);
}

int main(void) {
    scratch();
    umask(022);
    regular();
    other_kinds();
    errors();
    extended();
    times();
    return verdict();
}
