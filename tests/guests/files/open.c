// syscalls: openat close
#include "check.h"

static void flags(void) {
    section("flags");
    CHECK_ERR(open("absent", O_RDONLY), ENOENT);
    int fd = CHECK_OK(open("file", O_RDWR | O_CREAT | O_EXCL, 0640));
    CHECK_EQ(write(fd, "hello", 5), 5);
    CHECK_OK(close(fd));
    CHECK_ERR(close(fd), EBADF);
    CHECK_ERR(open("file", O_RDWR | O_CREAT | O_EXCL, 0640), EEXIST);

    fd = CHECK_OK(open("file", O_WRONLY | O_APPEND));
    CHECK_EQ(write(fd, " you", 4), 4);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 9);
    close(fd);

    fd = CHECK_OK(open("file", O_WRONLY | O_TRUNC));
    struct stat status;
    CHECK_OK(fstat(fd, &status));
    CHECK_EQ(status.st_size, 0);
    CHECK_EQ(status.st_mode, S_IFREG | 0640);
    close(fd);
}

static void kinds(void) {
    section("kinds");
    CHECK_OK(mkdir("dir", 0755));
    CHECK_ERR(open("dir", O_WRONLY), EISDIR);
    CHECK_ERR(open("dir", O_RDWR), EISDIR);
    CHECK_ERR(open("dir", O_RDONLY | O_CREAT, 0644), EISDIR);
    CHECK_ERR(open("file", O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_ERR(open("file/below", O_RDONLY), ENOTDIR);
    CHECK_ERR(open("file/", O_RDONLY), ENOTDIR);
    CHECK_ERR(open("", O_RDONLY), ENOENT);
    CHECK_ERR(open("absent/file", O_CREAT | O_RDWR, 0644), ENOENT);
    int fd = CHECK_OK(open("dir", O_RDONLY | O_DIRECTORY));
    char byte;
    CHECK_ERR(read(fd, &byte, 1), EISDIR);
    CHECK_ERR(write(fd, &byte, 1), EBADF);
    close(fd);
}

static void links(void) {
    section("links");
    CHECK_OK(symlink("file", "link"));
    CHECK_OK(symlink("loop", "loop"));
    CHECK_OK(symlink("made", "dangling"));
    close(CHECK_OK(open("link", O_RDONLY)));
    CHECK_ERR(open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK_ERR(open("loop", O_RDONLY), ELOOP);
    CHECK_ERR(open("dangling", O_RDONLY), ENOENT);
    CHECK_ERR(open("dangling", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
    close(CHECK_OK(open("dangling", O_WRONLY | O_CREAT, 0644)));
    CHECK_OK(access("made", F_OK));
}

static void relative(void) {
    section("relative to a descriptor");
    int dir = CHECK_OK(open("dir", O_PATH | O_DIRECTORY));
    int fd = CHECK_OK(openat(dir, "inside", O_CREAT | O_RDWR, 0600));
    close(fd);
    CHECK_OK(access("dir/inside", F_OK));
    CHECK_ERR(openat(-5, "inside", O_RDONLY), EBADF);
    int file = CHECK_OK(open("file", O_RDONLY));
    CHECK_ERR(openat(file, "inside", O_RDONLY), ENOTDIR);
    close(CHECK_OK(openat(-5, "/", O_RDONLY)));
    close(CHECK_OK(openat(dir, "../file", O_RDONLY)));

    char byte;
    CHECK_ERR(read(dir, &byte, 1), EBADF);
    struct stat status;
    CHECK_OK(fstat(dir, &status));
    CHECK(S_ISDIR(status.st_mode));
    CHECK_ERR(fchmod(dir, 0700), EBADF);
    close(dir), close(file);
}

static void numbers(void) {
    section("descriptor numbers");
    int a = CHECK_OK(open("file", O_RDONLY)), b = CHECK_OK(open("file", O_RDONLY | O_CLOEXEC));
    CHECK_EQ(b, a + 1);
    close(a);
    CHECK_EQ(open("file", O_RDONLY), a);
    CHECK_EQ(fcntl(a, F_GETFD), 0);
    CHECK_EQ(fcntl(b, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(a, F_GETFL) & O_ACCMODE, O_RDONLY);
    close(a), close(b);
    CHECK_ERR(close(-1), EBADF);
    CHECK_ERR(close(1 << 20), EBADF);
}

static void bad_paths(void) {
    section("bad paths");
    static char path[5000];
    memset(path, 'a', 256);
    CHECK_ERR(open(path, O_RDONLY | O_CREAT, 0644), ENAMETOOLONG);
    path[255] = 0;
    close(CHECK_OK(open(path, O_RDONLY | O_CREAT, 0644)));
    for (int i = 0; i + 2 < (int)sizeof path; i += 2) memcpy(path + i, "./", 2);
    CHECK_ERR(open(path, O_RDONLY), ENAMETOOLONG);
    strcpy(path + 4000, "file");
    close(CHECK_OK(open(path, O_RDONLY)));
    CHECK_ERR(open(NOWHERE, O_RDONLY), EFAULT);
}

static void temporary(void) {
    section("O_TMPFILE");
    int fd = open("dir", O_TMPFILE | O_RDWR, 0600);
    if (fd == -1) {
        CHECK(errno == EOPNOTSUPP || errno == EISDIR);
        return;
    }
    struct stat status;
    CHECK_OK(fstat(fd, &status));
    CHECK_EQ(status.st_nlink, 0);
    CHECK_EQ(write(fd, "x", 1), 1);
    close(fd);
}

int main(void) {
    scratch();
    umask(022);
    flags();
    kinds();
    links();
    relative();
    numbers();
    bad_paths();
    temporary();
    return verdict();
}
