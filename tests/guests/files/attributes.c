// syscalls: fchmod fchmodat fchown fchownat utimensat umask
#include "check.h"

static mode_t mode(const char *path) {
    struct stat s;
    CHECK_OK(lstat(path, &s));
    return s.st_mode & 07777;
}

static void modes(void) {
    section("modes");
    put_file("file", "x");
    CHECK_OK(chmod("file", 0));
    CHECK_EQ(mode("file"), 0);
    CHECK_OK(chmod("file", 06751));
    CHECK_EQ(mode("file"), 06751);
    int fd = MUST(open("file", O_RDONLY));
    CHECK_OK(fchmod(fd, 0644));
    CHECK_EQ(mode("file"), 0644);
    close(fd);
    CHECK_OK(mkdir("dir", 0777));
    CHECK_OK(chmod("dir", 01777));
    CHECK_EQ(mode("dir"), 01777);
    CHECK_OK(symlink("file", "link"));
    CHECK_OK(chmod("link", 0600));
    CHECK_EQ(mode("file"), 0600);
    CHECK_EQ(mode("link"), 0777);
    CHECK_ERR(chmod("absent", 0600), ENOENT);
    CHECK_ERR(fchmod(-1, 0600), EBADF);
    CHECK_ERR(syscall(SYS_fchmodat, AT_FDCWD, NOWHERE, 0600), EFAULT);
}

static void creation_mask(void) {
    section("umask");
    mode_t old = umask(027);
    CHECK_EQ(umask(0777), 027);
    put_file("masked", "");
    CHECK_EQ(mode("masked"), 0);
    CHECK_EQ(umask(0), 0777);
    CHECK_OK(mkdir("open", 0777));
    CHECK_EQ(mode("open"), 0777);
    CHECK_EQ(umask(07777 | 022), 0);
    CHECK_EQ(umask(old), 0777);
    umask(026);
    CHECK_EXITED(IN_CHILD(CHECK_EQ(umask(0), 026)), 0);
    CHECK_EQ(umask(old), 026);
}

static void owners(void) {
    section("owners");
    struct stat s;
    put_file("owned", "x");
    CHECK_OK(chown("owned", -1, -1));
    CHECK_OK(stat("owned", &s));
    CHECK_EQ(s.st_uid, getuid());
    CHECK_OK(chown("owned", getuid(), getgid()));
    int fd = MUST(open("owned", O_RDONLY));
    CHECK_OK(fchown(fd, getuid(), -1));
    close(fd);
    CHECK_ERR(chown("absent", 0, 0), ENOENT);
    CHECK_ERR(fchown(-1, 0, 0), EBADF);
    if (getuid() == 0) {
        CHECK_OK(chown("owned", 12, 34));
        CHECK_OK(stat("owned", &s));
        CHECK_EQ(s.st_uid, 12);
        CHECK_EQ(s.st_gid, 34);
        CHECK_OK(symlink("owned", "soft"));
        CHECK_OK(lchown("soft", 56, 78));
        CHECK_OK(lstat("soft", &s));
        CHECK_EQ(s.st_uid, 56);
        CHECK_OK(stat("soft", &s));
        CHECK_EQ(s.st_uid, 12);
        // chown(2): an executable file loses its set-ID bits, root's too.
        CHECK_OK(chmod("owned", 06755));
        CHECK_OK(chown("owned", 12, 35));
        CHECK_EQ(mode("owned"), 0755);
    }
}

static void times(void) {
    section("times");
    struct stat s;
    put_file("timed", "x");
    struct timespec both[2] = {{123, 456}, {789, 12}};
    CHECK_OK(utimensat(AT_FDCWD, "timed", both, 0));
    CHECK_OK(stat("timed", &s));
    CHECK_EQ(s.st_atim.tv_sec, 123);
    CHECK_EQ(s.st_atim.tv_nsec, 456);
    CHECK_EQ(s.st_mtim.tv_sec, 789);
    CHECK_EQ(s.st_mtim.tv_nsec, 12);
    struct timespec one[2] = {{0, UTIME_OMIT}, {1000, 0}};
    CHECK_OK(utimensat(AT_FDCWD, "timed", one, 0));
    CHECK_OK(stat("timed", &s));
    CHECK_EQ(s.st_atim.tv_sec, 123);
    CHECK_EQ(s.st_mtim.tv_sec, 1000);
    struct timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
    CHECK_OK(utimensat(AT_FDCWD, "timed", now, 0));
    CHECK_OK(stat("timed", &s));
    CHECK(labs(s.st_atim.tv_sec - time(NULL)) < 100);
    CHECK_EQ(s.st_mtim.tv_sec, 1000);
    CHECK_OK(utimensat(AT_FDCWD, "timed", NULL, 0));
    CHECK_OK(stat("timed", &s));
    CHECK(labs(s.st_mtim.tv_sec - time(NULL)) < 100);
    int fd = MUST(open("timed", O_RDONLY));
    CHECK_OK(futimens(fd, both));
    CHECK_OK(fstat(fd, &s));
    CHECK_EQ(s.st_mtim.tv_sec, 789);
    close(fd);
    CHECK_OK(symlink("timed", "timed-link"));
    CHECK_OK(utimensat(AT_FDCWD, "timed-link", one, AT_SYMLINK_NOFOLLOW));
    CHECK_OK(stat("timed-link", &s));
    CHECK_EQ(s.st_mtim.tv_sec, 789);
    CHECK_OK(lstat("timed-link", &s));
    CHECK_EQ(s.st_mtim.tv_sec, 1000);
    struct timespec bad[2] = {{0, 1000000000}, {0, 0}};
    CHECK_ERR(utimensat(AT_FDCWD, "timed", bad, 0), EINVAL);
    CHECK_ERR(utimensat(AT_FDCWD, "absent", NULL, 0), ENOENT);
}

int main(void) {
    scratch();
    umask(022);
    modes();
    creation_mask();
    owners();
    times();
    return verdict();
}
