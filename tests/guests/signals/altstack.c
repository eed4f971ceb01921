// syscalls: sigaltstack
#include "check.h"

static char stack[65536];
static volatile int on_stack, flags_inside;
static stack_t inside;

static void where(int number) {
    (void)number;
    char here;
    on_stack = &here >= stack && &here < stack + sizeof stack;
    sigaltstack(NULL, &inside);
    flags_inside = inside.ss_flags;
    // It can't be changed while in use.
    stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    if (on_stack) CHECK_ERR(sigaltstack(&other, NULL), EPERM);
}

int main(void) {
    stack_t old, new = {.ss_sp = stack, .ss_size = sizeof stack};
    section("set and ask");
    CHECK_OK(sigaltstack(NULL, &old));
    CHECK_EQ(old.ss_flags, SS_DISABLE);
    CHECK_OK(sigaltstack(&new, &old));
    CHECK_OK(sigaltstack(NULL, &old));
    CHECK(old.ss_sp == stack);
    CHECK_EQ(old.ss_size, sizeof stack);
    CHECK_EQ(old.ss_flags, 0);

    section("a handler with SA_ONSTACK, and one without");
    struct sigaction action = {.sa_handler = where, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    CHECK_EQ(on_stack, 1);
    CHECK_EQ(flags_inside, SS_ONSTACK);
    action.sa_flags = 0;
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    CHECK_EQ(on_stack, 0);
    CHECK_EQ(flags_inside, 0);

    section("kept by fork, disabled on request");
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(sigaltstack(NULL, &old));
                     CHECK(old.ss_sp == stack);
                 }),
                 0);
    new.ss_flags = SS_DISABLE;
    CHECK_OK(sigaltstack(&new, NULL));
    CHECK_OK(sigaltstack(NULL, &old));
    CHECK_EQ(old.ss_flags, SS_DISABLE);
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    CHECK_EQ(on_stack, 0);

    section("errors");
    new = (stack_t){.ss_sp = stack, .ss_size = 1000};
    CHECK_ERR(sigaltstack(&new, NULL), ENOMEM);
    new = (stack_t){.ss_sp = stack, .ss_size = sizeof stack, .ss_flags = 0x100};
    CHECK_ERR(sigaltstack(&new, NULL), EINVAL);
    CHECK_ERR(syscall(SYS_sigaltstack, NOWHERE, NULL), EFAULT);
    return verdict();
}
