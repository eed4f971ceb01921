// syscalls: getrusage times
#include "check.h"
#include <sys/resource.h>
#include <sys/times.h>

static int64_t user_us(int who) {
    struct rusage usage;
    CHECK_OK(getrusage(who, &usage));
    return usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_sec * 1000000 +
           usage.ru_stime.tv_usec;
}

static void burn(int ms) {
    int64_t until = user_us(RUSAGE_SELF) + ms * 1000;
    for (int i = 0; i < 1000000 && user_us(RUSAGE_SELF) < until; i++)
        for (volatile int k = 0; k < 10000; k++) continue;
}

int main(void) {
    section("getrusage");
    struct rusage usage;
    burn(30);
    CHECK(user_us(RUSAGE_SELF) >= 30000);
    CHECK(user_us(RUSAGE_THREAD) > 0);
    CHECK_EQ(user_us(RUSAGE_CHILDREN), 0);
    CHECK_ERR(getrusage(5, &usage), EINVAL);
    CHECK_ERR(syscall(SYS_getrusage, 0, NOWHERE), EFAULT);

    section("times");
    struct tms t;
    clock_t before = CHECK_OK(times(&t));
    CHECK(t.tms_utime + t.tms_stime > 0);
    CHECK_EQ(t.tms_cutime + t.tms_cstime, 0);
    sleep_ms(30);
    CHECK(times(NULL) - before >= 1);
    CHECK_EQ(sysconf(_SC_CLK_TCK), 100);

    section("of children once waited for");
    CHECK_EXITED(IN_CHILD(burn(30)), 0);
    CHECK(user_us(RUSAGE_CHILDREN) >= 25000);
    times(&t);
    CHECK(t.tms_cutime + t.tms_cstime >= 1);
    return verdict();
}
