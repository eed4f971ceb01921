// What the programs of this family share: a line for each call tried, its name and the error it gave.
//
// `coverage.rs` reads those lines in the expected files: they are what is proved of the errors that manual pages document.
#ifndef ERRORS_H
#define ERRORS_H

#include "check.h"

// Says which error a call gave; what does not fail is said too, as it ought to.
#define TRY(name, ...)                                                                              \
    do {                                                                                            \
        errno = 0;                                                                                  \
        long tried_ = (long)(__VA_ARGS__);                                                          \
        say("%s: %s", #name, tried_ == -1 ? strerrorname_np(errno) : "no error");                   \
    } while (0)

// Statements of a process without privilege.
#define AS_USER(...)                                                                                \
    do {                                                                                            \
        pid_t user_ = MUST(fork());                                                                 \
        if (user_ == 0) {                                                                           \
            if (setgid(1000) || setuid(1000)) _exit(98);                                            \
            __VA_ARGS__;                                                                            \
            _exit(0);                                                                               \
        }                                                                                           \
        CHECK_EXITED(wait_status(user_), 0);                                                        \
    } while (0)

#define WITH_LIMIT(resource, value, ...)                                                            \
    do {                                                                                            \
        pid_t limited_ = MUST(fork());                                                              \
        if (limited_ == 0) {                                                                        \
            if (setrlimit(resource, &(struct rlimit){value, value})) _exit(98);                     \
            __VA_ARGS__;                                                                            \
            _exit(0);                                                                               \
        }                                                                                           \
        CHECK_EXITED(wait_status(limited_), 0);                                                     \
    } while (0)

#endif
