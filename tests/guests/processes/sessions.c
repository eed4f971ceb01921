// syscalls: getpgid setpgid getsid setsid
#include "check.h"

int main(void) {
    section("process groups");
    pid_t group = getpgrp();
    CHECK_EQ(getpgid(0), group);
    CHECK_EQ(getpgid(getpid()), group);
    int p[2];
    char byte;
    CHECK_OK(pipe(p));
    pid_t child = MUST(fork());
    if (child == 0) {
        close(p[1]);
        read(p[0], &byte, 1);
        _exit(0);
    }
    close(p[0]);
    CHECK_EQ(getpgid(child), group);
    CHECK_EQ(getsid(child), getsid(0));
    CHECK_OK(setpgid(child, 0));
    CHECK_EQ(getpgid(child), child);
    CHECK_OK(setpgid(child, group));
    CHECK_EQ(getpgid(child), group);
    CHECK_ERR(setpgid(child, -1), EINVAL);
    CHECK_ERR(setpgid(child, child + 100000), EPERM);
    close(p[1]);
    CHECK_EXITED(wait_status(child), 0);
    CHECK_ERR(getpgid(child), ESRCH);
    CHECK_ERR(setpgid(child, 0), ESRCH);
    CHECK_ERR(getsid(child), ESRCH);

    section("sessions");
    CHECK_EXITED(IN_CHILD({
                     CHECK_EQ(setsid(), getpid());
                     CHECK_EQ(getsid(0), getpid());
                     CHECK_EQ(getpgrp(), getpid());
                     CHECK_ERR(setsid(), EPERM);
                     CHECK_ERR(setpgid(0, 0), EPERM);
                     CHECK_ERR(setpgid(0, group), EPERM);
                     // A child of this session can't join a group of another.
                     CHECK_EXITED(IN_CHILD(CHECK_ERR(setpgid(0, group), EPERM)), 0);
                 }),
                 0);
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(setpgid(0, 0));
                     CHECK_EQ(getpgrp(), getpid());
                     CHECK_ERR(setsid(), EPERM);
                 }),
                 0);

    section("a child that has exec'd keeps its group");
    child = MUST(fork());
    if (child == 0) {
        CHECK_OK(setpgid(0, 0));
        CHECK_OK(setpgid(0, 0));
        _exit(check_failures != 0);
    }
    CHECK_EXITED(wait_status(child), 0);
    return verdict();
}
