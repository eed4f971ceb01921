// syscalls: clone
// oracle: linux; qemu makes vfork a fork, whose child does not share memory
#include "check.h"
#include <spawn.h>

extern char **environ;

int main(int argc, char **argv) {
    if (argc > 1) return 7;

    section("vfork shares memory until exit");
    volatile int seen = 0;
    pid_t child = vfork();
    if (child == 0) {
        seen = 1;
        _exit(5);
    }
    CHECK_EQ(seen, 1);
    CHECK_EXITED(wait_status(child), 5);

    section("vfork waits until exec");
    child = vfork();
    if (child == 0) {
        seen = 2;
        execl("/proc/self/exe", argv[0], "again", NULL);
        _exit(99);
    }
    CHECK_EQ(seen, 2);
    CHECK_EXITED(wait_status(child), 7);

    section("posix_spawn");
    char *arguments[] = {argv[0], "again", NULL};
    CHECK_ZERO(posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ));
    CHECK_EXITED(wait_status(child), 7);
    CHECK_EQ(posix_spawn(&child, "/absent", NULL, NULL, arguments, environ), ENOENT);
    return verdict();
}
