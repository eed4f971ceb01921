// Runs statements that may fault, and tells which signal they raised, with which code and address.
#ifndef FAULTS_H
#define FAULTS_H
#include "check.h"
#include <setjmp.h>
#include <sys/mman.h>

static sigjmp_buf fault_return;
static volatile int fault_signal, fault_code;
static volatile uintptr_t fault_address;

static void on_fault(int number, siginfo_t *info, void *context) {
    (void)context;
    fault_signal = number;
    fault_code = info->si_code;
    fault_address = (uintptr_t)info->si_addr;
    siglongjmp(fault_return, 1);
}

__attribute__((unused)) static void catch_faults(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

// The signal that statements raise, 0 for none.
#define FAULT_OF(...)                                   \
    ({                                                  \
        fault_signal = 0;                               \
        if (sigsetjmp(fault_return, 1) == 0) {          \
            __VA_ARGS__;                                \
        }                                               \
        fault_signal;                                   \
    })

#define CHECK_FAULT(access, number, code, address)              \
    do {                                                        \
        CHECK_EQ(FAULT_OF(access), number);                     \
        if (fault_signal) {                                     \
            CHECK_EQ(fault_code, code);                         \
            CHECK_EQ(fault_address, (uintptr_t)(address));      \
        }                                                       \
    } while (0)

#define READ(address) ((void)*(volatile char *)(address))
#define WRITE(address, value) (*(volatile char *)(address) = (value))

__attribute__((unused)) static char *map_anonymous(size_t bytes, int protection) {
    char *at = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED);
    return at;
}

enum { PAGE = 4096 };

#endif
