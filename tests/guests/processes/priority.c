// syscalls: getpriority setpriority sched_getscheduler sched_getparam sched_get_priority_max sched_get_priority_min
#include "check.h"
#include <sys/resource.h>

int main(void) {
    section("nice");
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 0);
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(setpriority(PRIO_PROCESS, 0, 5));
                     CHECK_EQ(getpriority(PRIO_PROCESS, 0), 5);
                     CHECK_OK(setpriority(PRIO_PROCESS, 0, 100));
                     CHECK_EQ(getpriority(PRIO_PROCESS, 0), 19);
                     CHECK_EXITED(IN_CHILD(CHECK_EQ(getpriority(PRIO_PROCESS, 0), 19)), 0);
                 }),
                 0);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 0);
    // The raw call answers 20 - nice, so that it is never negative.
    CHECK_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 20);
    CHECK_ERR(getpriority(7, 0), EINVAL);
    CHECK_ERR(getpriority(PRIO_PROCESS, 4000000), ESRCH);

    section("scheduling policy");
    struct sched_param parameters = {-1};
    CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
    CHECK_OK(sched_getparam(0, &parameters));
    CHECK_EQ(parameters.sched_priority, 0);
    CHECK_EQ(sched_get_priority_max(SCHED_FIFO), 99);
    CHECK_EQ(sched_get_priority_min(SCHED_FIFO), 1);
    CHECK_EQ(sched_get_priority_max(SCHED_OTHER), 0);
    CHECK_ERR(sched_get_priority_max(99), EINVAL);
    CHECK_ERR(sched_getscheduler(-1), EINVAL);
    return verdict();
}
