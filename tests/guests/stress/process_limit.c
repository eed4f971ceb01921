// oracle: man page; Linux spares root and qemu's user mode asks the host
// syscalls: prlimit64 clone
//
// setrlimit(2), RLIMIT_NPROC: fork fails with EAGAIN beyond it. Linux spares CAP_SYS_ADMIN and CAP_SYS_RESOURCE; so the test
// gives root up first, where it has it.
#include "check.h"
#include <sys/resource.h>

int main(void) {
    section("RLIMIT_NPROC");
    CHECK_EXITED(IN_CHILD({
                     if (getuid() == 0) CHECK_OK(syscall(SYS_setresuid, 12345, 12345, 12345));
                     struct rlimit limit = {5, 5};
                     CHECK_OK(setrlimit(RLIMIT_NPROC, &limit));
                     pid_t children[10];
                     int made = 0;
                     while (made < 10 && (children[made] = fork()) > 0) made++;
                     if (made < 10 && children[made] == 0)
                         for (;;) pause();
                     CHECK_EQ(errno, EAGAIN);
                     CHECK_EQ(made, 4);
                     for (int i = 0; i < made; i++) kill(children[i], SIGKILL);
                     for (int i = 0; i < made; i++) CHECK_KILLED(wait_status(children[i]), SIGKILL);
                     CHECK_EXITED(IN_CHILD(_exit(3)), 3);
                 }),
                 0);
    return verdict();
}
