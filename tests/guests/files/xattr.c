// syscalls: setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr
//
// A filesystem may have extended attributes or answer EOPNOTSUPP; programs (ls, cp, tar) take both. What is asserted is that the
// answers agree with one another.
#include "check.h"
#include <sys/xattr.h>

int main(void) {
    scratch();
    char value[64] = "", names[256];
    put_file("file", "x");
    CHECK_OK(symlink("file", "link"));
    int fd = MUST(open("file", O_RDWR));

    section("extended attributes");
    int supported = setxattr("file", "user.one", "first", 5, 0) == 0;
    if (!supported) {
        CHECK_EQ(errno, EOPNOTSUPP);
        ssize_t n = listxattr("file", names, sizeof names);
        CHECK(n == 0 || (n == -1 && errno == EOPNOTSUPP));
        n = llistxattr("link", names, sizeof names);
        CHECK(n == 0 || (n == -1 && errno == EOPNOTSUPP));
        n = flistxattr(fd, names, sizeof names);
        CHECK(n == 0 || (n == -1 && errno == EOPNOTSUPP));
        CHECK(getxattr("file", "user.one", value, 64) == -1 && (errno == EOPNOTSUPP || errno == ENODATA));
        CHECK(lgetxattr("file", "user.one", value, 64) == -1 && (errno == EOPNOTSUPP || errno == ENODATA));
        CHECK(fgetxattr(fd, "user.one", value, 64) == -1 && (errno == EOPNOTSUPP || errno == ENODATA));
        CHECK(fsetxattr(fd, "user.one", "x", 1, 0) == -1 && errno == EOPNOTSUPP);
        CHECK(lsetxattr("file", "user.one", "x", 1, 0) == -1 && errno == EOPNOTSUPP);
        CHECK(removexattr("file", "user.one") == -1 && (errno == EOPNOTSUPP || errno == ENODATA));
        CHECK(lremovexattr("file", "user.one") == -1 && (errno == EOPNOTSUPP || errno == ENODATA));
        CHECK(fremovexattr(fd, "user.one") == -1 && (errno == EOPNOTSUPP || errno == ENODATA));
    } else {
        CHECK_EQ(getxattr("link", "user.one", value, 64), 5);
        CHECK_STR(value, "first");
        CHECK_EQ(fgetxattr(fd, "user.one", NULL, 0), 5);
        CHECK_ERR(getxattr("file", "user.one", value, 3), ERANGE);
        CHECK_ERR(lgetxattr("file", "user.two", value, 3), ENODATA);
        CHECK_ERR(setxattr("file", "user.one", "x", 1, XATTR_CREATE), EEXIST);
        CHECK_ERR(lsetxattr("file", "user.two", "x", 1, XATTR_REPLACE), ENODATA);
        CHECK_OK(fsetxattr(fd, "user.two", "", 0, XATTR_CREATE));
        CHECK(listxattr("file", names, sizeof names) >= 18);
        CHECK(flistxattr(fd, names, sizeof names) >= 18);
        CHECK(llistxattr("file", NULL, 0) >= 18);
        CHECK_OK(removexattr("file", "user.one"));
        CHECK_OK(fremovexattr(fd, "user.two"));
        CHECK_ERR(lremovexattr("file", "user.one"), ENODATA);
    }
    CHECK_ERR(getxattr("absent", "user.one", value, 64), ENOENT);
    CHECK_ERR(listxattr("absent", names, sizeof names), ENOENT);
    CHECK_ERR(flistxattr(-1, names, sizeof names), EBADF);
    return verdict();
}
