// syscalls: renameat2
#include "check.h"

static ino_t inode(const char *path) {
    struct stat s;
    CHECK_OK(lstat(path, &s));
    return s.st_ino;
}

int main(void) {
    scratch();
    put_file("a", "A");
    put_file("b", "B");

    section("files");
    ino_t a = inode("a");
    CHECK_OK(rename("a", "c"));
    CHECK_ERR(access("a", F_OK), ENOENT);
    CHECK_EQ(inode("c"), a);
    CHECK_OK(rename("c", "b"));
    CHECK_EQ(inode("b"), a);
    CHECK_ERR(access("c", F_OK), ENOENT);
    CHECK_OK(rename("b", "b"));
    CHECK_ERR(rename("absent", "b"), ENOENT);
    CHECK_ERR(rename("b", "absent/b"), ENOENT);
    CHECK_ERR(rename("b", "x/"), ENOTDIR);

    section("hard links of one file");
    CHECK_OK(link("b", "same"));
    CHECK_OK(rename("b", "same"));
    CHECK_OK(access("b", F_OK));
    CHECK_OK(access("same", F_OK));

    section("folders");
    CHECK_OK(mkdir("d", 0755));
    CHECK_OK(mkdir("d/sub", 0755));
    CHECK_OK(mkdir("empty", 0755));
    CHECK_ERR(rename("d", "d/sub/x"), EINVAL);
    CHECK_ERR(rename("b", "d"), EISDIR);
    CHECK_ERR(rename("d", "b"), ENOTDIR);
    CHECK_ERR(rename("empty", "d"), ENOTEMPTY);
    CHECK_OK(rename("d", "empty"));
    CHECK_OK(access("empty/sub", F_OK));
    CHECK_OK(rename("empty/sub", "up"));
    struct stat s;
    CHECK_OK(stat("empty", &s));
    CHECK_EQ(s.st_nlink, 2);
    char path[256];
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(chdir("up"));
                     CHECK_OK(rename("../up", "../empty/moved"));
                     CHECK(getcwd(path, sizeof path) != NULL);
                     CHECK_STR(path + strlen(path) - 12, "/empty/moved");
                     CHECK_OK(chdir(".."));
                     CHECK_OK(access("moved", F_OK));
                 }),
                 0);

    section("symbolic links are moved, not followed");
    CHECK_OK(symlink("b", "link"));
    CHECK_OK(rename("link", "link2"));
    CHECK_OK(lstat("link2", &s));
    CHECK(S_ISLNK(s.st_mode));
    put_file("over", "x");
    CHECK_OK(rename("over", "link2"));
    CHECK_OK(lstat("link2", &s));
    CHECK(S_ISREG(s.st_mode));
    CHECK_OK(access("b", F_OK));

    section("flags");
    put_file("one", "1");
    put_file("two", "22");
    CHECK_ERR(renameat2(AT_FDCWD, "one", AT_FDCWD, "two", RENAME_NOREPLACE), EEXIST);
    CHECK_OK(renameat2(AT_FDCWD, "one", AT_FDCWD, "three", RENAME_NOREPLACE));
    CHECK_OK(renameat2(AT_FDCWD, "two", AT_FDCWD, "three", RENAME_EXCHANGE));
    CHECK_OK(stat("three", &s));
    CHECK_EQ(s.st_size, 2);
    CHECK_OK(stat("two", &s));
    CHECK_EQ(s.st_size, 1);
    CHECK_ERR(renameat2(AT_FDCWD, "two", AT_FDCWD, "none", RENAME_EXCHANGE), ENOENT);
    CHECK_ERR(renameat2(AT_FDCWD, "two", AT_FDCWD, "x", RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL);
    CHECK_ERR(renameat2(AT_FDCWD, "two", AT_FDCWD, "x", 0x1000), EINVAL);
    CHECK_OK(renameat2(AT_FDCWD, "two", AT_FDCWD, "empty", RENAME_EXCHANGE));
    CHECK_OK(access("two/moved", F_OK));
    return verdict();
}
