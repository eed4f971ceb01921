// syscalls: linkat symlinkat readlinkat
#include "check.h"

static void hard(void) {
    section("hard links");
    struct stat a, b;
    put_file("file", "text");
    CHECK_OK(link("file", "second"));
    CHECK_OK(stat("file", &a));
    CHECK_OK(stat("second", &b));
    CHECK_EQ(a.st_ino, b.st_ino);
    CHECK_EQ(a.st_nlink, 2);
    CHECK_OK(unlink("file"));
    CHECK_OK(stat("second", &b));
    CHECK_EQ(b.st_nlink, 1);
    CHECK_EQ(b.st_size, 4);
    CHECK_ERR(link("absent", "x"), ENOENT);
    CHECK_OK(mkdir("dir", 0755));
    CHECK_ERR(link("dir", "x"), EPERM);
    CHECK_OK(symlink("second", "soft"));
    CHECK_ERR(link("second", "soft"), EEXIST);
    CHECK_OK(link("soft", "soft2"));
    CHECK_OK(lstat("soft2", &a));
    CHECK(S_ISLNK(a.st_mode));
    CHECK_OK(linkat(AT_FDCWD, "soft", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
    CHECK_OK(lstat("followed", &a));
    CHECK(S_ISREG(a.st_mode));
    CHECK_EQ(a.st_ino, b.st_ino);
    CHECK_ERR(linkat(AT_FDCWD, "second", AT_FDCWD, "x", 0x8000), EINVAL);
}

static void symbolic(void) {
    section("symbolic links");
    char text[64];
    memset(text, '#', sizeof text);
    CHECK_OK(symlink("some/where", "s"));
    CHECK_EQ(readlink("s", text, sizeof text), 10);
    CHECK_MEM(text, "some/where#", 11);
    memset(text, '#', sizeof text);
    CHECK_EQ(readlink("s", text, 4), 4);
    CHECK_MEM(text, "some#", 5);
    CHECK_ERR(readlink("s", text, 0), EINVAL);
    CHECK_ERR(readlink("second", text, 64), EINVAL);
    CHECK_ERR(readlink("dir", text, 64), EINVAL);
    CHECK_ERR(readlink("absent", text, 64), ENOENT);
    CHECK_ERR(symlink("x", "s"), EEXIST);
    CHECK_ERR(symlink("", "empty"), ENOENT);
    CHECK_ERR(symlink("x", "absent/s"), ENOENT);
    int fd = CHECK_OK(open("s", O_PATH | O_NOFOLLOW));
    CHECK_EQ(readlinkat(fd, "", text, 64), 10);
    close(fd);
    struct stat s;
    CHECK_OK(lstat("s", &s));
    CHECK_EQ(s.st_size, 10);
}

static void following(void) {
    section("following");
    put_file("dir/target", "deep");
    CHECK_OK(symlink("dir", "to-dir"));
    CHECK_OK(symlink("../dir/target", "dir/up-and-down"));
    CHECK_OK(symlink("to-dir/up-and-down", "chain"));
    struct stat s;
    CHECK_OK(stat("to-dir/target", &s));
    CHECK_OK(stat("chain", &s));
    CHECK_EQ(s.st_size, 4);
    CHECK_OK(lstat("to-dir/", &s));
    CHECK(S_ISDIR(s.st_mode));
    CHECK_ERR(lstat("chain/", &s), ENOTDIR);
    // path_resolution(7): at most 40 links in one resolution.
    char from[16], to[16] = "second";
    for (int i = 1; i <= 41; i++) {
        sprintf(from, "n%d", i);
        CHECK_OK(symlink(to, from));
        strcpy(to, from);
    }
    CHECK_OK(stat("n40", &s));
    CHECK_ERR(stat("n41", &s), ELOOP);
    CHECK_OK(lstat("n41", &s));
    CHECK_OK(symlink("self", "self"));
    CHECK_ERR(stat("self", &s), ELOOP);
    CHECK_ERR(stat("self/x", &s), ELOOP);
    CHECK_OK(symlink("/dev/null", "absolute"));
    CHECK_OK(stat("absolute", &s));
    CHECK(S_ISCHR(s.st_mode));
}

int main(void) {
    scratch();
    hard();
    symbolic();
    following();
    return verdict();
}
