// oracle: linux; qemu's user mode does not know openat2
// syscalls: openat2
#include "check.h"
#include <linux/openat2.h>

static long openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return syscall(SYS_openat2, dir, path, &how, sizeof how);
}

int main(void) {
    scratch();
    CHECK_OK(mkdir("dir", 0755));
    put_file("file", "0123456789");
    CHECK_OK(symlink("../file", "dir/up"));
    CHECK_OK(symlink("/etc", "absolute"));
    CHECK_OK(symlink("file", "link"));
    int dir = MUST(open("dir", O_RDONLY | O_DIRECTORY));

    section("how a path may resolve");
    CHECK_ERR(openat2(AT_FDCWD, "link", O_RDONLY, 0, RESOLVE_NO_SYMLINKS), ELOOP);
    CHECK_ERR(openat2(dir, "up", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    CHECK_ERR(openat2(dir, "../file", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    CHECK_ERR(openat2(AT_FDCWD, "/tmp", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    CHECK_ERR(openat2(AT_FDCWD, "absolute", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    close(CHECK_OK(openat2(AT_FDCWD, "dir/../file", O_RDONLY, 0, RESOLVE_BENEATH)));
    // With RESOLVE_IN_ROOT the folder is the root.
    put_file("dir/inside", "x");
    close(CHECK_OK(openat2(dir, "/inside", O_RDONLY, 0, RESOLVE_IN_ROOT)));
    close(CHECK_OK(openat2(dir, "../../inside", O_RDONLY, 0, RESOLVE_IN_ROOT)));
    CHECK_ERR(openat2(dir, "up", O_RDONLY, 0, RESOLVE_IN_ROOT), ENOENT);
    return verdict();
}
