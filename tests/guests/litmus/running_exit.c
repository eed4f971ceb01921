// syscalls: exit_group clone wait4 kill
//
// A process with running threads exits, is killed, dies of a fault.
#include "litmus/litmus.h"

static void *spin(void *counter) {
    for (;;) atomic_fetch_add((atomic_long *)counter, 1);
    return NULL;
}

static void *leave(void *code) {
    sleep_ms(2);
    _exit((int)(intptr_t)code);
    return NULL;
}

static void *fault(void *unused) {
    sleep_ms(2);
    *(volatile int *)NOWHERE = 1;
    return unused;
}

static void spinning(int threads) {
    static atomic_long counters[4];
    for (int i = 0; i < threads; i++) start(spin, &counters[i]);
    while (atomic_load(&counters[threads - 1]) == 0) sched_yield();
}

int main(void) {
    section("exit of the first thread");
    for (int i = 0; i < 20; i++) CHECK_EXITED(IN_CHILD({ spinning(2); _exit(21); }), 21);

    section("exit of another while the first spins");
    for (int i = 0; i < 20; i++)
        CHECK_EXITED(IN_CHILD({
                         static atomic_long counter;
                         start(leave, (void *)22);
                         spin(&counter);
                     }),
                     22);

    section("killed while all spin");
    for (int i = 0; i < 20; i++) {
        int p[2];
        char byte;
        CHECK_OK(pipe(p));
        pid_t child = MUST(fork());
        if (child == 0) {
            static atomic_long counter;
            spinning(2);
            write(p[1], "x", 1);
            spin(&counter);
        }
        CHECK_EQ(read(p[0], &byte, 1), 1);
        CHECK_OK(kill(child, SIGKILL));
        CHECK_KILLED(wait_status(child), SIGKILL);
        close(p[0]), close(p[1]);
    }

    section("a fault in one ends all");
    for (int i = 0; i < 20; i++)
        CHECK_KILLED(IN_CHILD({
                         static atomic_long counter;
                         start(fault, NULL);
                         spin(&counter);
                     }),
                     SIGSEGV);

    section("return from main with threads running");
    for (int i = 0; i < 20; i++) CHECK_EXITED(IN_CHILD({ spinning(3); exit(23); }), 23);
    return verdict();
}
