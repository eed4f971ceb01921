// oracle: linux; qemu's user mode cannot exec a riscv64 program
// syscalls: execve clone wait4
//
// exec of a process with running threads: they end, and the new program has the process to itself.
#include "litmus/litmus.h"

static atomic_long counters[3];

static void *spin(void *counter) {
    for (;;) atomic_fetch_add((atomic_long *)counter, 1);
    return NULL;
}

static void *exec_here(void *unused) {
    execl("/proc/self/exe", "x", "again", NULL);
    return unused;
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) {
        for (int i = 0; i < 3; i++)
            if (counters[i] != 0) return 50;
        return gettid() == getpid() ? 31 : 51;
    }
    section("exec by the first thread");
    for (int i = 0; i < 20; i++)
        CHECK_EXITED(IN_CHILD({
                         for (int k = 0; k < 3; k++) start(spin, &counters[k]);
                         while (atomic_load(&counters[2]) == 0) sched_yield();
                         exec_here(NULL);
                     }),
                     31);
    section("exec by another");
    for (int i = 0; i < 20; i++)
        CHECK_EXITED(IN_CHILD({
                         start(spin, &counters[0]);
                         while (atomic_load(&counters[0]) == 0) sched_yield();
                         start(exec_here, NULL);
                         spin(&counters[1]);
                     }),
                     31);
    section("two at once");
    for (int i = 0; i < 20; i++)
        CHECK_EXITED(IN_CHILD({
                         start(exec_here, NULL);
                         exec_here(NULL);
                     }),
                     31);
    return verdict();
}
