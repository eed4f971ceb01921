// syscalls: chroot
#include "check.h"

int main(void) {
    scratch();
    CHECK_OK(mkdir("jail", 0755));
    put_file("jail/file", "x");
    CHECK_OK(symlink("/file", "jail/link"));
    put_file("plain", "x");

    section("errors");
    CHECK_ERR(chroot("absent"), ENOENT);
    CHECK_ERR(chroot("plain"), ENOTDIR);
    CHECK_ERR(chroot(NOWHERE), EFAULT);

    section("another root");
    if (getuid() == 0)
        CHECK_EXITED(IN_CHILD({
                         CHECK_OK(chroot("jail"));
                         CHECK_OK(access("/file", F_OK));
                         CHECK_OK(access("/link", F_OK));
                         CHECK_OK(chdir("/"));
                         CHECK_OK(access("../../file", F_OK));
                         CHECK_ERR(access("/tmp", F_OK), ENOENT);
                         char path[64];
                         CHECK(getcwd(path, sizeof path) != NULL);
                         CHECK_STR(path, "/");
                         CHECK_EXITED(IN_CHILD(CHECK_OK(access("/file", F_OK))), 0);
                     }),
                     0);
    CHECK_OK(access("/tmp", F_OK));
    return verdict();
}
