// syscalls: execve
#include "memory/faults.h"
#include <sys/resource.h>

static __attribute__((noinline)) long deep(int levels) {
    volatile char frame[4096];
    frame[0] = (char)levels;
    long below = levels > 0 ? deep(levels - 1) : 0;
    return below + frame[0] - (char)levels + 1;
}

int main(void) {
    section("the stack grows by use");
    CHECK_EQ(deep(1000), 1001);
    CHECK_EXITED(IN_CHILD(CHECK_EQ(deep(1500), 1501)), 0);

    section("and overflows at its limit");
    CHECK_KILLED(IN_CHILD(deep(1 << 20)), SIGSEGV);

    section("caught on another stack");
    CHECK_EXITED(IN_CHILD({
                     static char other[65536];
                     stack_t alternate = {.ss_sp = other, .ss_size = sizeof other};
                     CHECK_OK(sigaltstack(&alternate, NULL));
                     catch_faults();
                     CHECK_EQ(FAULT_OF(deep(1 << 20)), SIGSEGV);
                     // And once more, as the handler was left by a jump.
                     CHECK_EQ(FAULT_OF(deep(1 << 20)), SIGSEGV);
                 }),
                 0);

    section("RLIMIT_STACK");
    struct rlimit limit;
    CHECK_OK(getrlimit(RLIMIT_STACK, &limit));
    CHECK_EQ(limit.rlim_cur, 8 << 20);
    return verdict();
}
