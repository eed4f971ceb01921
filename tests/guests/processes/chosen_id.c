// syscalls: clone3
// oracle: linux; qemu's user mode does not pass the fields on
//
// What `clone3` adds: an id of one's choice, handlers cleared, and control groups, of which there are none here.
#include "check.h"
#include <linux/sched.h>

static void handler(int number) { (void)number; }

static pid_t clone3(struct clone_args args, pid_t *ids, size_t count) {
    args.exit_signal = SIGCHLD;
    args.set_tid = (uint64_t)ids;
    args.set_tid_size = count;
    pid_t pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0) {
        struct sigaction action;
        sigaction(SIGUSR1, NULL, &action);
        _exit((action.sa_handler == SIG_DFL) + 2 * (ids != NULL && getpid() == ids[0]));
    }
    return pid;
}

int main(void) {
    struct clone_args none = {0};
    signal(SIGUSR1, handler);
    section("an id of one's choice");
    pid_t ids[2] = {31007, 31008};
    CHECK_EQ(clone3(none, ids, 1), 31007);
    CHECK_ERR(clone3(none, ids, 1), EEXIST);
    CHECK_EXITED(wait_status(31007), 2);
    CHECK_EQ(clone3(none, ids, 1), 31007);
    CHECK_EXITED(wait_status(31007), 2);
    CHECK_ERR(clone3(none, ids, 2), EINVAL);
    CHECK_ERR(clone3(none, ids, 0), EINVAL);
    CHECK_ERR(clone3(none, NULL, 1), EINVAL);
    CHECK_ERR(clone3(none, NOWHERE, 1), EFAULT);
    ids[0] = -1;
    CHECK_ERR(clone3(none, ids, 1), EINVAL);
    ids[0] = getpid();
    CHECK_ERR(clone3(none, ids, 1), EEXIST);
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(setuid(1000));
                     ids[0] = 31009;
                     CHECK_ERR(clone3(none, ids, 1), EPERM);
                 }),
                 0);

    section("cleared handlers");
    struct clone_args clears = {.flags = CLONE_CLEAR_SIGHAND};
    CHECK_EXITED(wait_status(clone3(clears, NULL, 0)), 1);

    section("control groups");
    int null = MUST(open("/dev/null", O_RDONLY));
    struct clone_args into = {.flags = 0x200000000ULL, .cgroup = null};
    CHECK_ERR(clone3(into, NULL, 0), EBADF);
    into.cgroup = 1ULL << 40;
    CHECK_ERR(clone3(into, NULL, 0), EINVAL);
    return verdict();
}
