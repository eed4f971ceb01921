// syscalls: rt_sigaction rt_sigtimedwait wait4 waitid futex setrlimit
//
// What a parent that ignores SIGCHLD is told, what a death without a core file says, and which waits are restarted.
#include "check.h"
#include <linux/futex.h>
#include <sys/resource.h>
#include <sys/time.h>

static void on_signal(int number) { (void)number; }

static int next_child_signal(void) {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    return sigtimedwait(&child, NULL, &(struct timespec){0, 0});
}

static void alarm_in_ms(int ms) {
    struct itimerval timer = {.it_value = {0, ms * 1000}};
    MUST(setitimer(ITIMER_REAL, &timer, NULL));
}

int main(void) {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    MUST(sigprocmask(SIG_BLOCK, &child, NULL));

    section("SIGCHLD, blocked and caught");
    signal(SIGCHLD, on_signal);
    CHECK_EXITED(IN_CHILD(), 0);
    CHECK_EQ(next_child_signal(), SIGCHLD);

    section("SIGCHLD, blocked and ignored");
    signal(SIGCHLD, SIG_IGN);
    if (MUST(fork()) == 0) _exit(0);
    CHECK_ERR(wait(NULL), ECHILD);
    CHECK_ERR(next_child_signal(), EAGAIN);
    signal(SIGCHLD, SIG_DFL);

    section("no core file, no word of one");
    CHECK_OK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}));
    for (int number = SIGHUP; number < SIGCHLD; number++) {
        int status = IN_CHILD(signal(number, SIG_DFL); raise(number); pause());
        CHECK_KILLED(status, number);
        CHECK_EQ(WCOREDUMP(status), 0);
    }
    pid_t pid = MUST(fork());
    if (pid == 0) abort();
    siginfo_t info;
    CHECK_OK(waitid(P_PID, pid, &info, WEXITED));
    CHECK_EQ(info.si_code, CLD_KILLED);
    CHECK_EQ(info.si_status, SIGABRT);

    section("SA_RESTART does not restart a limited wait");
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    uint32_t word = 0;
    alarm_in_ms(50);
    CHECK_ERR(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &(struct timespec){10, 0}, NULL, 0), EINTR);
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += 10;
    alarm_in_ms(50);
    CHECK_ERR(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &end, NULL, FUTEX_BITSET_MATCH_ANY), EINTR);
    return verdict();
}
