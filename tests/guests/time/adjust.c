// syscalls: adjtimex clock_adjtime
#include "check.h"
#include <sys/timex.h>

int main(void) {
    section("reading");
    struct timex state;
    memset(&state, 0, sizeof state);
    int result = CHECK_OK(adjtimex(&state));
    CHECK(result >= TIME_OK && result <= TIME_ERROR);
    CHECK(state.tick >= 9000 && state.tick <= 11000);
    CHECK(labs(state.time.tv_sec - time(NULL)) <= 1);
    memset(&state, 0, sizeof state);
    result = CHECK_OK(clock_adjtime(CLOCK_REALTIME, &state));
    CHECK(result >= TIME_OK && result <= TIME_ERROR);
    CHECK(labs(state.time.tv_sec - time(NULL)) <= 1);

    section("errors");
    CHECK_ERR(syscall(SYS_adjtimex, NOWHERE), EFAULT);
    CHECK_ERR(syscall(SYS_clock_adjtime, 99, &state), EINVAL);
    return verdict();
}
