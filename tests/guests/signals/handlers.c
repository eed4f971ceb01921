// syscalls: rt_sigaction rt_sigreturn kill
#include "check.h"

static volatile int count, depth, deepest, last;
static volatile sig_atomic_t blocked_inside;

static void plain(int number) {
    last = number;
    count++;
}

static void nested(int number) {
    if (++depth > deepest) deepest = depth;
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    blocked_inside = sigismember(&mask, number) | sigismember(&mask, SIGUSR2) << 1;
    if (count++ < 2) raise(number);
    depth--;
}

static void set(int number, void (*handler)(int), int flags, int also_blocked) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    if (also_blocked) sigaddset(&action.sa_mask, also_blocked);
    CHECK_OK(sigaction(number, &action, NULL));
}

int main(void) {
    struct sigaction old;
    section("a handler runs");
    set(SIGUSR1, plain, 0, 0);
    raise(SIGUSR1);
    CHECK_EQ(count, 1);
    CHECK_EQ(last, SIGUSR1);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(count, 2);
    CHECK_OK(sigaction(SIGUSR1, NULL, &old));
    CHECK(old.sa_handler == plain);

    section("its own signal and sa_mask are blocked while it runs");
    count = deepest = 0;
    set(SIGUSR1, nested, 0, SIGUSR2);
    raise(SIGUSR1);
    CHECK_EQ(deepest, 1);
    CHECK_EQ(count, 3);
    CHECK_EQ(blocked_inside, 3);
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    CHECK_EQ(sigismember(&mask, SIGUSR1) + sigismember(&mask, SIGUSR2), 0);

    section("SA_NODEFER");
    count = deepest = 0;
    set(SIGUSR1, nested, SA_NODEFER, 0);
    raise(SIGUSR1);
    CHECK_EQ(deepest, 3);
    CHECK_EQ(blocked_inside, 0);

    section("SA_RESETHAND");
    count = 0;
    set(SIGUSR1, plain, SA_RESETHAND, 0);
    raise(SIGUSR1);
    CHECK_EQ(count, 1);
    CHECK_OK(sigaction(SIGUSR1, NULL, &old));
    CHECK(old.sa_handler == SIG_DFL);
    CHECK_KILLED(IN_CHILD(raise(SIGUSR1)), SIGUSR1);

    section("ignored");
    set(SIGUSR1, SIG_IGN, 0, 0);
    raise(SIGUSR1);
    set(SIGUSR1, plain, 0, 0);
    // Ignoring throws away what is pending.
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    count = 0;
    sigprocmask(SIG_BLOCK, &one, NULL);
    raise(SIGUSR1);
    set(SIGUSR1, SIG_IGN, 0, 0);
    set(SIGUSR1, plain, 0, 0);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    CHECK_EQ(count, 0);

    section("kept by fork");
    CHECK_EXITED(IN_CHILD({
                     raise(SIGUSR1);
                     CHECK_EQ(count, 1);
                 }),
                 0);
    CHECK_EQ(count, 0);

    section("errors");
    struct sigaction action = {.sa_handler = plain};
    CHECK_ERR(sigaction(SIGKILL, &action, NULL), EINVAL);
    CHECK_ERR(sigaction(SIGSTOP, &action, NULL), EINVAL);
    CHECK_ERR(sigaction(0, &action, NULL), EINVAL);
    CHECK_ERR(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8), EINVAL);
    CHECK_ERR(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4), EINVAL);
    CHECK_OK(sigaction(SIGKILL, NULL, &old));
    return verdict();
}
