// syscalls: faccessat faccessat2
#include "check.h"

int main(void) {
    scratch();
    put_file("plain", "");
    put_file("program", "");
    CHECK_OK(chmod("program", 0755));
    CHECK_OK(symlink("absent", "dangling"));

    section("faccessat");
    CHECK_OK(access("plain", F_OK));
    CHECK_OK(access("plain", R_OK | W_OK));
    CHECK_ERR(access("plain", X_OK), EACCES);
    CHECK_OK(access("program", X_OK));
    CHECK_OK(access(".", R_OK | W_OK | X_OK));
    CHECK_ERR(access("absent", F_OK), ENOENT);
    CHECK_ERR(access("plain/x", F_OK), ENOTDIR);
    CHECK_ERR(access("dangling", F_OK), ENOENT);
    CHECK_ERR(access("plain", 8), EINVAL);
    CHECK_ERR(syscall(SYS_faccessat, -9, "plain", F_OK), EBADF);
    CHECK_ERR(syscall(SYS_faccessat, AT_FDCWD, NOWHERE, F_OK), EFAULT);
    // Root may read and write without permission bits, and execute if any of the three is set.
    if (getuid() == 0) {
        CHECK_OK(chmod("plain", 0));
        CHECK_OK(access("plain", R_OK | W_OK));
        CHECK_OK(chmod("plain", 01));
        CHECK_OK(access("plain", X_OK));
    }

    section("faccessat2");
    CHECK_OK(syscall(SYS_faccessat2, AT_FDCWD, "program", X_OK, AT_EACCESS));
    CHECK_OK(syscall(SYS_faccessat2, AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW));
    CHECK_ERR(syscall(SYS_faccessat2, AT_FDCWD, "dangling", F_OK, 0), ENOENT);
    CHECK_ERR(syscall(SYS_faccessat2, AT_FDCWD, "program", X_OK, 0x8000), EINVAL);
    int dir = MUST(open(".", O_RDONLY));
    CHECK_OK(syscall(SYS_faccessat2, dir, "program", R_OK, 0));
    close(dir);
    return verdict();
}
