// Runs an instruction that may trap, and tells which signal it raised, with which code and address.
#ifndef TRAPS_H
#define TRAPS_H
#include "isa/isa.h"
#include <setjmp.h>
#include <ucontext.h>

static sigjmp_buf trap_return;
static volatile int trap_signal, trap_code;
static volatile uintptr_t trap_address, trap_pc;

static void on_trap(int number, siginfo_t *info, void *context) {
    ucontext_t *machine = context;
    trap_signal = number;
    trap_code = info->si_code;
    trap_address = (uintptr_t)info->si_addr;
#ifdef __riscv
    trap_pc = machine->uc_mcontext.__gregs[REG_PC];
#else
    (void)machine;
#endif
    siglongjmp(trap_return, 1);
}

__attribute__((unused)) static void catch_traps(void) {
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE};
    for (unsigned i = 0; i < COUNT(signals); i++) sigaction(signals[i], &action, NULL);
}

// The signal that statements raise, 0 for none.
#define TRAP_OF(...)                                    \
    ({                                                  \
        trap_signal = 0;                                \
        if (sigsetjmp(trap_return, 1) == 0) {           \
            __VA_ARGS__;                                \
        }                                               \
        trap_signal;                                    \
    })

#define CHECK_TRAP(statements, number, code)            \
    do {                                                \
        CHECK_EQ(TRAP_OF(statements), number);          \
        if (trap_signal) CHECK_EQ(trap_code, code);     \
    } while (0)

#endif
