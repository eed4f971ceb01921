// syscalls: kill rt_sigreturn
//
// Two processes send one another signals while working and making system calls; nothing is lost that counts.
#include "check.h"
#include <sys/mman.h>

static volatile long got;
static void note(int number) {
    (void)number;
    got++;
}

int main(void) {
    section("a storm");
    atomic_long *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    sigaction(SIGRTMIN + 3, &action, NULL);
    pid_t parent = getpid(), child = MUST(fork());
    pid_t other = child ? child : parent;
    long sum = 0;
    for (int i = 0; i < 2000; i++) {
        while (kill(other, SIGRTMIN + 3) == -1 && errno == EAGAIN) sched_yield();
        for (int k = 0; k < 100; k++) sum += k ^ i;
        sum += getppid() > 0;
    }
    atomic_fetch_add(&shared[child ? 0 : 1], 1);
    while (!shared[0] || !shared[1] || got < 2000) sched_yield();
    CHECK_EQ(got, 2000);
    if (child == 0) _exit(check_failures != 0);
    CHECK_EXITED(wait_status(child), 0);
    return verdict();
}
