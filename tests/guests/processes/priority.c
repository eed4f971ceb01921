// oracle: linux; qemu's process has threads of its own
// syscalls: getpriority setpriority sched_getscheduler sched_getparam sched_get_priority_max sched_get_priority_min
// syscalls: sched_setparam sched_setscheduler sched_rr_get_interval
#include "check.h"
#include <pthread.h>
#include <sys/resource.h>

static pid_t first;

static void *another(void *unused) {
    (void)unused;
    pid_t me = gettid();
    CHECK_EQ(getpriority(PRIO_PROCESS, me), 2);
    CHECK_OK(setpriority(PRIO_PROCESS, 0, 7));
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 7);
    CHECK_EQ(getpriority(PRIO_PROCESS, me), 7);
    CHECK_EQ(getpriority(PRIO_PROCESS, first), 2);
    CHECK_OK(setpriority(PRIO_PROCESS, first, 4));
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 7);
    // Of a group the best there is.
    CHECK_EQ(getpriority(PRIO_PGRP, 0), 4);
    CHECK_EXITED(IN_CHILD(CHECK_EQ(getpriority(PRIO_PROCESS, 0), 7)), 0);
    return NULL;
}

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

    section("each thread has its own");
    CHECK_EXITED(IN_CHILD({
                     pthread_t thread;
                     CHECK_OK(setpgid(0, 0));
                     CHECK_OK(setpriority(PRIO_PROCESS, 0, 2));
                     first = getpid();
                     CHECK_ZERO(pthread_create(&thread, NULL, another, NULL));
                     pthread_join(thread, NULL);
                     CHECK_EQ(getpriority(PRIO_PROCESS, 0), 4);
                     CHECK_OK(setpriority(PRIO_PGRP, 0, 9));
                     CHECK_EQ(getpriority(PRIO_PROCESS, 0), 9);
                 }),
                 0);
    pid_t child = MUST(fork());
    if (child == 0) _exit(setpriority(PRIO_PROCESS, 0, 3));
    siginfo_t info;
    CHECK_OK(waitid(P_PID, child, &info, WEXITED | WNOWAIT));
    CHECK_EQ(getpriority(PRIO_PROCESS, child), 3);
    CHECK_EXITED(wait_status(child), 0);

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
    parameters.sched_priority = 0;
    CHECK_OK(sched_setparam(0, &parameters));
    CHECK_OK(sched_setscheduler(0, SCHED_OTHER, &parameters));
    parameters.sched_priority = 5;
    CHECK_ERR(sched_setparam(0, &parameters), EINVAL);
    CHECK_ERR(sched_setscheduler(0, SCHED_OTHER, &parameters), EINVAL);
    CHECK_ERR(sched_setscheduler(0, 99, &parameters), EINVAL);
    CHECK_ERR(sched_setscheduler(4000000, SCHED_OTHER, &(struct sched_param){0}), ESRCH);
    CHECK_ERR(sched_setparam(-1, &parameters), EINVAL);
    // A real-time policy may be had or refused, but is never pretended.
    CHECK_EXITED(IN_CHILD({
                     int result = sched_setscheduler(0, SCHED_FIFO, &parameters);
                     CHECK(result == 0 || errno == EPERM);
                     CHECK_EQ(sched_getscheduler(0), result == 0 ? SCHED_FIFO : SCHED_OTHER);
                 }),
                 0);
    struct timespec slice = {-1, -1};
    CHECK_OK(sched_rr_get_interval(0, &slice));
    CHECK(slice.tv_sec >= 0 && slice.tv_nsec >= 0 && slice.tv_nsec < 1000000000);
    CHECK_ERR(sched_rr_get_interval(-1, &slice), EINVAL);
    return verdict();
}
