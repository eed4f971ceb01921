// syscalls: clock_nanosleep setrlimit getrlimit
// oracle: linux; qemu's user mode counts its own time
//
// Sleeping on CPU time, and the limit on it.
#include "check.h"
#include <pthread.h>
#include <sys/resource.h>

static atomic_int stop;

static void *spin(void *none) {
    while (!stop) {
    }
    return none;
}

static int64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static volatile int signals;
static void count(int number) {
    (void)number;
    signals++;
}

int main(void) {
    section("sleep until others have worked");
    pthread_t worker;
    CHECK_ZERO(pthread_create(&worker, NULL, spin, NULL));
    int64_t before = cpu_ns();
    struct timespec span = {0, 30000000}, left;
    CHECK_ZERO(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &span, &left));
    CHECK(cpu_ns() - before >= 30000000);
    int64_t until = cpu_ns() + 20000000;
    struct timespec at = {until / 1000000000, until % 1000000000};
    CHECK_ZERO(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &at, NULL));
    CHECK(cpu_ns() >= until);
    CHECK_ZERO(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &at, NULL));
    clockid_t clock;
    CHECK_ZERO(pthread_getcpuclockid(worker, &clock));
    CHECK_ZERO(clock_nanosleep(clock, 0, &span, NULL));
    stop = 1;
    pthread_join(worker, NULL);
    CHECK_EQ(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &span, NULL), EINVAL);
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC_COARSE, 0, &span, NULL), EOPNOTSUPP);

    section("a signal ends it");
    struct sigaction action = {.sa_handler = count};
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    span = (struct timespec){100, 0};
    left = (struct timespec){0, 0};
    CHECK_EQ(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &span, &left), EINTR);
    CHECK(left.tv_sec >= 98);
    CHECK_EQ(signals, 1);

    section("a limit on CPU time");
    CHECK_KILLED(IN_CHILD({
        setrlimit(RLIMIT_CPU, &(struct rlimit){1, 100});
        for (;;) {
        }
    }), SIGXCPU);
    int status = IN_CHILD({
        signals = 0;
        sigaction(SIGXCPU, &action, NULL);
        CHECK_OK(setrlimit(RLIMIT_CPU, &(struct rlimit){1, 100}));
        while (signals == 0) {
        }
        struct rlimit limit;
        CHECK_OK(getrlimit(RLIMIT_CPU, &limit));
        CHECK_EQ(limit.rlim_cur, 2);
        CHECK(cpu_ns() >= 800000000);
    });
    CHECK_EXITED(status, 0);
    CHECK_KILLED(IN_CHILD({
        sigaction(SIGXCPU, &action, NULL);
        setrlimit(RLIMIT_CPU, &(struct rlimit){1, 2});
        for (;;) {
        }
    }), SIGKILL);
    return verdict();
}
