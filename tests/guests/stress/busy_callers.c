// syscalls: lseek nanosleep
//
// More processes than processors, each of which does nothing but call: all of them get on, and so does who only sleeps.
#include "check.h"
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

enum { CALLERS = 12, PATIENCE_NAPS = 2000 };

int main(void) {
    section("callers");
    atomic_long *calls = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t callers[CALLERS];
    for (int i = 0; i < CALLERS; i++)
        if ((callers[i] = MUST(fork())) == 0)
            for (;;) {
                lseek(-1, 0, SEEK_SET);
                atomic_fetch_add(&calls[i], 1);
            }
    int waiting = CALLERS, naps = 0;
    for (; waiting > 0 && naps < PATIENCE_NAPS; naps++) {
        struct timespec nap = {.tv_nsec = 5000000};
        nanosleep(&nap, NULL);
        waiting = 0;
        for (int i = 0; i < CALLERS; i++) waiting += calls[i] == 0;
    }
    CHECK_EQ(waiting, 0);
    for (int i = 0; i < CALLERS; i++) {
        CHECK_OK(kill(callers[i], SIGKILL));
        CHECK_KILLED(wait_status(callers[i]), SIGKILL);
    }
    return verdict();
}
