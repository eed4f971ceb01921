// syscalls: prlimit64 getrlimit setrlimit
#include "check.h"
#include <sys/resource.h>

int main(void) {
    struct rlimit limit, set;
    section("every resource has limits");
    for (int resource = 0; resource < 16; resource++) {
        CHECK_OK(getrlimit(resource, &limit));
        CHECK(limit.rlim_cur <= limit.rlim_max);
    }
    CHECK_OK(getrlimit(RLIMIT_STACK, &limit));
    CHECK(limit.rlim_cur >= 1 << 20);
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
    CHECK(limit.rlim_cur >= 256);

    section("errors");
    CHECK_ERR(getrlimit(16, &limit), EINVAL);
    CHECK_ERR(syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, NOWHERE), EFAULT);
    CHECK_ERR(syscall(SYS_prlimit64, 0, RLIMIT_CORE, NOWHERE, NULL), EFAULT);
    set = (struct rlimit){10, 5};
    CHECK_ERR(setrlimit(RLIMIT_CORE, &set), EINVAL);
    CHECK_ERR(prlimit(-1, RLIMIT_CORE, NULL, &limit), ESRCH);

    section("set, kept by fork");
    set = (struct rlimit){0, RLIM_INFINITY};
    CHECK_OK(getrlimit(RLIMIT_CORE, &limit));
    set.rlim_max = limit.rlim_max;
    CHECK_OK(setrlimit(RLIMIT_CORE, &set));
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(getrlimit(RLIMIT_CORE, &limit));
                     CHECK_EQ(limit.rlim_cur, 0);
                 }),
                 0);
    struct rlimit old;
    set.rlim_cur = 0;
    CHECK_OK(prlimit(getpid(), RLIMIT_CORE, &set, &old));
    CHECK_EQ(old.rlim_cur, 0);
    return verdict();
}
