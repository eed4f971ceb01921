// syscalls: statfs fstatfs
#include "check.h"
#include <sys/vfs.h>

int main(void) {
    scratch();
    struct statfs a, b;
    section("statfs");
    CHECK_OK(statfs(".", &a));
    CHECK(a.f_type != 0);
    CHECK(a.f_bsize > 0);
    CHECK_EQ(a.f_namelen, 255);
    CHECK(a.f_bfree <= a.f_blocks || a.f_blocks == 0);
    CHECK(a.f_bavail <= a.f_bfree);
    CHECK_ERR(statfs("absent", &a), ENOENT);
    CHECK_ERR(statfs("x/y", &a), ENOENT);
    CHECK_ERR(syscall(SYS_statfs, ".", NOWHERE), EFAULT);

    section("fstatfs");
    int fd = MUST(open(".", O_RDONLY));
    CHECK_OK(fstatfs(fd, &b));
    CHECK_EQ(b.f_type, a.f_type);
    CHECK_EQ(b.f_bsize, a.f_bsize);
    CHECK_ERR(fstatfs(-1, &b), EBADF);

    section("/proc");
    CHECK_OK(statfs("/proc", &b));
    CHECK_EQ(b.f_type, 0x9fa0);
    return verdict();
}
