// oracle: linux; qemu's user mode does not pass SA_NOCLDWAIT and SA_NOCLDSTOP on
// syscalls: wait4 rt_sigaction
#include "check.h"

static volatile int count;
static void note(int number) {
    (void)number;
    count++;
}

int main(void) {
    int status;
    section("SIGCHLD ignored: children are not kept");
    signal(SIGCHLD, SIG_IGN);
    pid_t child = MUST(fork());
    if (child == 0) _exit(1);
    CHECK_ERR(waitpid(child, &status, 0), ECHILD);

    section("SA_NOCLDWAIT: nor then, but the signal comes");
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_NOCLDWAIT | SA_RESTART};
    sigaction(SIGCHLD, &action, NULL);
    child = MUST(fork());
    if (child == 0) _exit(1);
    CHECK_ERR(waitpid(child, &status, 0), ECHILD);
    CHECK_EQ(count, 1);

    section("SA_NOCLDSTOP: only ends are told");
    count = 0;
    action.sa_flags = SA_NOCLDSTOP | SA_RESTART;
    sigaction(SIGCHLD, &action, NULL);
    child = MUST(fork());
    if (child == 0) {
        raise(SIGSTOP);
        _exit(2);
    }
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(count, 0);
    kill(child, SIGCONT);
    CHECK_EXITED(wait_status(child), 2);
    CHECK_EQ(count, 1);

    section("without it: stops and continues too");
    count = 0;
    action.sa_flags = SA_RESTART;
    sigaction(SIGCHLD, &action, NULL);
    child = MUST(fork());
    if (child == 0) {
        raise(SIGSTOP);
        _exit(3);
    }
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK_EQ(count, 1);
    kill(child, SIGCONT);
    CHECK_EXITED(wait_status(child), 3);
    CHECK(count >= 2);

    section("SIGCONT resumes though blocked, SIGKILL kills the stopped");
    child = MUST(fork());
    if (child == 0) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        raise(SIGSTOP);
        _exit(4);
    }
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    kill(child, SIGCONT);
    CHECK_EXITED(wait_status(child), 4);
    child = MUST(fork());
    if (child == 0) {
        raise(SIGSTOP);
        _exit(5);
    }
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    kill(child, SIGTERM);
    sleep_ms(10);
    CHECK_EQ(waitpid(child, &status, WNOHANG), 0);
    kill(child, SIGKILL);
    CHECK_KILLED(wait_status(child), SIGKILL);
    return verdict();
}
