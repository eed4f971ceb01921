// syscalls: sched_setattr sched_getattr sched_setscheduler sched_getscheduler sched_setaffinity sched_getaffinity ioprio_set ioprio_get getcpu
// oracle: linux; qemu's user mode knows neither sched_setattr nor ioprio_get
//
// What threads ask of the scheduler is kept, told and inherited.
#include "check.h"
#include <sys/resource.h>

struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t min, max;
};

static long setattr(pid_t pid, struct attributes *a, int flags) { return syscall(SYS_sched_setattr, pid, a, flags); }
static long getattr(pid_t pid, struct attributes *a, unsigned size, int flags) {
    return syscall(SYS_sched_getattr, pid, a, size, flags);
}

int main(void) {
    section("policies");
    struct sched_param zero = {0};
    static const int policies[] = {SCHED_BATCH, SCHED_IDLE, SCHED_OTHER};
    for (int i = 0; i < 3; i++) {
        CHECK_OK(sched_setscheduler(0, policies[i], &zero));
        CHECK_EQ(sched_getscheduler(0), policies[i]);
        CHECK_EXITED(IN_CHILD(CHECK_EQ(sched_getscheduler(0), policies[i])), 0);
        CHECK_EQ(sched_get_priority_max(policies[i]), 0);
        CHECK_EQ(sched_get_priority_min(policies[i]), 0);
    }
    CHECK_EXITED(IN_CHILD({
        CHECK_OK(sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &zero));
        CHECK_EQ(sched_getscheduler(0), SCHED_BATCH | SCHED_RESET_ON_FORK);
        CHECK_EXITED(IN_CHILD(CHECK_EQ(sched_getscheduler(0), SCHED_BATCH)), 0);
    }), 0);
    CHECK_ERR(sched_setscheduler(0, -1, &zero), EINVAL);
    CHECK_ERR(sched_setscheduler(0, SCHED_OTHER, NULL), EINVAL);
    CHECK_ERR(sched_setscheduler(0, SCHED_OTHER, NOWHERE), EFAULT);
    CHECK_ERR(sched_setscheduler(0, SCHED_FIFO, &zero), EINVAL);
    CHECK_ERR(sched_setscheduler(0, 4, &zero), EINVAL);
    CHECK_ERR(sched_setscheduler(0, 6, &zero), EINVAL);
    CHECK_ERR(sched_getparam(0, NULL), EINVAL);
    CHECK_ERR(sched_getscheduler(4000000), ESRCH);

    section("attributes");
    struct attributes a = {.size = sizeof a, .policy = SCHED_BATCH};
    CHECK_OK(setattr(0, &a, 0));
    memset(&a, 0xff, sizeof a);
    CHECK_OK(getattr(0, &a, sizeof a, 0));
    CHECK_EQ(a.size, 56);
    CHECK_EQ(a.policy, SCHED_BATCH);
    CHECK_EQ(a.flags, 0);
    CHECK_EQ(a.priority, 0);
    memset(&a, 0xff, sizeof a);
    CHECK_OK(getattr(0, &a, 48, 0));
    CHECK_EQ(a.size, 48);
    CHECK_EQ(a.min, 0xffffffff);
    CHECK_EXITED(IN_CHILD({
        struct attributes n = {.size = 48, .policy = SCHED_OTHER, .nice = 7};
        CHECK_OK(setattr(0, &n, 0));
        CHECK_EQ(getpriority(PRIO_PROCESS, 0), 7);
        CHECK_OK(getattr(0, &n, sizeof n, 0));
        CHECK_EQ(n.nice, 7);
    }), 0);
    a = (struct attributes){.size = sizeof a, .policy = SCHED_OTHER};
    CHECK_ERR(setattr(0, &a, 1), EINVAL);
    CHECK_ERR(setattr(-1, &a, 0), EINVAL);
    CHECK_ERR(setattr(4000000, &a, 0), ESRCH);
    CHECK_ERR(setattr(0, NULL, 0), EINVAL);
    CHECK_ERR(setattr(0, NOWHERE, 0), EFAULT);
    a.flags = 0x1000;
    CHECK_ERR(setattr(0, &a, 0), EINVAL);
    a = (struct attributes){.size = 40, .policy = SCHED_OTHER};
    CHECK_ERR(setattr(0, &a, 0), E2BIG);
    CHECK_EQ(a.size, 56);
    a = (struct attributes){.size = sizeof a, .policy = 99};
    CHECK_ERR(setattr(0, &a, 0), EINVAL);
    a = (struct attributes){.size = sizeof a, .policy = 6, .runtime = 10, .deadline = 5, .period = 1};
    CHECK_ERR(setattr(0, &a, 0), EINVAL);
    CHECK_ERR(getattr(0, &a, 47, 0), EINVAL);
    CHECK_ERR(getattr(0, &a, sizeof a, 1), EINVAL);
    CHECK_ERR(getattr(-1, &a, sizeof a, 0), EINVAL);
    CHECK_ERR(getattr(4000000, &a, sizeof a, 0), ESRCH);
    CHECK_OK(sched_setscheduler(0, SCHED_OTHER, &zero));

    section("affinity");
    cpu_set_t all, one, told;
    CHECK_OK(sched_getaffinity(0, sizeof all, &all));
    CPU_ZERO(&one);
    int cpu = 0;
    for (int i = 0; i < 64; i++)
        if (CPU_ISSET(i, &all)) cpu = i;
    CPU_SET(cpu, &one);
    CHECK_OK(sched_setaffinity(0, sizeof one, &one));
    CHECK_OK(sched_getaffinity(0, sizeof told, &told));
    CHECK(CPU_EQUAL(&one, &told));
    CHECK_EQ(sched_getcpu(), cpu);
    CHECK_EXITED(IN_CHILD({
        CHECK_OK(sched_getaffinity(0, sizeof told, &told));
        CHECK(CPU_EQUAL(&one, &told));
    }), 0);
    CHECK_OK(sched_setaffinity(0, sizeof all, &all));
    CHECK_OK(sched_getaffinity(0, sizeof told, &told));
    CHECK(CPU_EQUAL(&all, &told));
    CPU_ZERO(&one);
    CHECK_ERR(sched_setaffinity(0, sizeof one, &one), EINVAL);
    CHECK_ERR(sched_setaffinity(4000000, sizeof all, &all), ESRCH);
    CHECK_ERR(sched_setaffinity(0, sizeof all, NOWHERE), EFAULT);
    CHECK_ERR(sched_getaffinity(0, 4, &told), EINVAL);
    CHECK_ERR(sched_getaffinity(4000000, sizeof told, &told), ESRCH);
    CHECK_ERR(syscall(SYS_sched_getaffinity, 0, 8, NOWHERE), EFAULT);
    CHECK_EXITED(IN_CHILD({
        pid_t parent = getppid();
        CHECK_OK(setuid(1000));
        CHECK_ERR(sched_setaffinity(parent, sizeof all, &all), EPERM);
        CHECK_ERR(sched_setscheduler(parent, SCHED_BATCH, &zero), EPERM);
        CHECK_ERR(sched_setparam(parent, &zero), EPERM);
        CHECK_ERR(setpriority(PRIO_PROCESS, parent, 5), EPERM);
        CHECK_ERR(setpriority(PRIO_PROCESS, 0, -5), EACCES);
    }), 0);

    section("priority of I/O");
    enum { PROCESS = 1, GROUP, USER };
#define IOPRIO(class, level) ((class) << 13 | (level))
    CHECK_OK(syscall(SYS_ioprio_set, PROCESS, 0, IOPRIO(2, 6)));
    CHECK_EQ(syscall(SYS_ioprio_get, PROCESS, 0), IOPRIO(2, 6));
    CHECK_EQ(syscall(SYS_ioprio_get, PROCESS, getpid()), IOPRIO(2, 6));
    CHECK_OK(syscall(SYS_ioprio_set, PROCESS, 0, IOPRIO(3, 0)));
    CHECK_EQ(syscall(SYS_ioprio_get, PROCESS, 0), IOPRIO(3, 0));
    CHECK_OK(syscall(SYS_ioprio_set, PROCESS, 0, IOPRIO(1, 3)));
    CHECK_EQ(syscall(SYS_ioprio_get, PROCESS, 0), IOPRIO(1, 3));
    CHECK_OK(syscall(SYS_ioprio_set, PROCESS, 0, IOPRIO(2, 1)));
    CHECK(syscall(SYS_ioprio_get, GROUP, 0) <= IOPRIO(2, 1));
    CHECK(syscall(SYS_ioprio_get, USER, 0) <= IOPRIO(2, 1));
    CHECK_ERR(syscall(SYS_ioprio_set, PROCESS, 0, IOPRIO(4, 0)), EINVAL);
    CHECK_ERR(syscall(SYS_ioprio_set, PROCESS, 0, IOPRIO(0, 1)), EINVAL);
    CHECK_ERR(syscall(SYS_ioprio_set, 0, 0, IOPRIO(2, 0)), EINVAL);
    CHECK_ERR(syscall(SYS_ioprio_get, 4, 0), EINVAL);
    CHECK_ERR(syscall(SYS_ioprio_get, PROCESS, 4000000), ESRCH);
    CHECK_ERR(syscall(SYS_ioprio_get, GROUP, 4000000), ESRCH);
    CHECK_EXITED(IN_CHILD({
        pid_t parent = getppid();
        CHECK_OK(setuid(1000));
        CHECK_ERR(syscall(SYS_ioprio_set, PROCESS, parent, IOPRIO(2, 0)), EPERM);
        CHECK_ERR(syscall(SYS_ioprio_set, PROCESS, 0, IOPRIO(1, 0)), EPERM);
    }), 0);

    section("process 1");
    struct sched_param param;
    cpu_set_t processors;
    CHECK_EQ(sched_getscheduler(1) & ~SCHED_RESET_ON_FORK, SCHED_OTHER);
    CHECK_OK(sched_getparam(1, &param));
    CHECK_EQ(param.sched_priority, 0);
    CHECK(sched_getaffinity(1, sizeof processors, &processors) == 0 && CPU_COUNT(&processors) > 0);
    CHECK_OK(getattr(1, &a, sizeof a, 0));
    CHECK_EQ(a.policy, SCHED_OTHER);
    CHECK(syscall(SYS_ioprio_get, PROCESS, 1) >= 0);
    CHECK_EXITED(IN_CHILD({
        CHECK_OK(setuid(1000));
        CHECK_ERR(sched_setscheduler(1, SCHED_BATCH, &zero), EPERM);
        CHECK_ERR(sched_setaffinity(1, sizeof processors, &processors), EPERM);
    }), 0);
    return verdict();
}
