// What every guest test shares: checks that say what failed and with which values, children and their
// statuses, and a scratch folder. A program ends with `return verdict();`, and its standard output is then the
// names of its sections and "pass"; a failed check adds a line and the last line becomes "FAIL".
//
// Output goes through write(2), a line at a time, so that nothing is printed twice after a fork and a failing
// stdio does not hide a failing kernel.
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static atomic_int check_failures;
static char check_scratch[64];

__attribute__((unused, format(printf, 1, 2))) static void say(const char *format, ...) {
    char line[512];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(line, sizeof line - 1, format, values);
    va_end(values);
    if (length > (int)sizeof line - 2) length = sizeof line - 2;
    line[length++] = '\n';
    if (write(1, line, length) != length) _exit(99);
}

// Names what the next checks are about.
__attribute__((unused)) static void section(const char *name) { say("%s", name); }

__attribute__((unused)) static void count_failure(void) { check_failures++; }
#define CHECK_FAILED(...) (count_failure(), say(__VA_ARGS__))

// An address and a number that the compiler can't see through, for calls that must be refused.
static void *volatile check_nowhere = (void *)16;
#define NOWHERE check_nowhere
__attribute__((unused)) static long hidden(volatile long number) { return number; }

#define CHECK(condition)                                                                    \
    do {                                                                                    \
        if (!(condition)) CHECK_FAILED("  line %d: not so: %s", __LINE__, #condition);      \
    } while (0)

#define CHECK_EQ(actual, expected)                                                          \
    do {                                                                                    \
        long long actual_ = (long long)(actual), expected_ = (long long)(expected);         \
        if (actual_ != expected_)                                                           \
            CHECK_FAILED("  line %d: %s is %lld (%#llx), not %lld (%#llx)", __LINE__,       \
                         #actual, actual_, actual_, expected_, expected_);                  \
    } while (0)

#define CHECK_STR(actual, expected)                                                         \
    do {                                                                                    \
        const char *actual_ = (actual), *expected_ = (expected);                            \
        if (strcmp(actual_, expected_) != 0)                                                \
            CHECK_FAILED("  line %d: %s is \"%s\", not \"%s\"", __LINE__, #actual, actual_, \
                         expected_);                                                        \
    } while (0)

#define CHECK_MEM(actual, expected, length)                                                 \
    do {                                                                                    \
        if (memcmp(actual, expected, length) != 0)                                          \
            CHECK_FAILED("  line %d: %s and %s differ", __LINE__, #actual, #expected);      \
    } while (0)

// The value of a call that must not answer -1.
#define CHECK_OK(call)                                                                      \
    ({                                                                                      \
        errno = 0;                                                                          \
        __typeof__(call) value_ = (call);                                                   \
        if ((long)value_ == -1)                                                             \
            CHECK_FAILED("  line %d: %s failed: %s", __LINE__, #call,                       \
                         strerrorname_np(errno));                                           \
        value_;                                                                             \
    })

// A call that must answer -1 and this errno.
#define CHECK_ERR(call, error)                                                              \
    do {                                                                                    \
        errno = 0;                                                                          \
        long value_ = (long)(call);                                                         \
        int got_ = errno;                                                                   \
        if (value_ != -1)                                                                   \
            CHECK_FAILED("  line %d: %s gave %ld, not %s", __LINE__, #call, value_, #error);\
        else if (got_ != (error))                                                           \
            CHECK_FAILED("  line %d: %s failed with %s, not %s", __LINE__, #call,           \
                         strerrorname_np(got_), #error);                                    \
    } while (0)

// A call without which the rest of the program makes no sense.
#define MUST(call)                                                                          \
    ({                                                                                      \
        errno = 0;                                                                          \
        __typeof__(call) value_ = (call);                                                   \
        if ((long)value_ == -1) {                                                           \
            CHECK_FAILED("  line %d: %s failed: %s; cannot go on", __LINE__, #call,         \
                         strerrorname_np(errno));                                           \
            _exit(98);                                                                      \
        }                                                                                   \
        value_;                                                                             \
    })

// A pthread call that must answer 0.
#define CHECK_ZERO(call)                                                                    \
    do {                                                                                    \
        int error_ = (call);                                                                \
        if (error_ != 0)                                                                    \
            CHECK_FAILED("  line %d: %s gave %s", __LINE__, #call, strerrorname_np(error_));\
    } while (0)

__attribute__((unused)) static int wait_status(pid_t child) {
    int status = -1;
    while (waitpid(child, &status, 0) == -1)
        if (errno != EINTR) {
            CHECK_FAILED("  waitpid(%d) failed: %s", (int)child, strerrorname_np(errno));
            break;
        }
    return status;
}

// Runs statements in a forked child, which exits 0 (or 1 after a failed check), and gives its wait status.
#define IN_CHILD(...)                                                                       \
    ({                                                                                      \
        pid_t child_ = MUST(fork());                                                        \
        if (child_ == 0) {                                                                  \
            check_failures = 0;                                                             \
            __VA_ARGS__;                                                                    \
            _exit(check_failures != 0);                                                     \
        }                                                                                   \
        wait_status(child_);                                                                \
    })

#define CHECK_EXITED(status, code)                                                          \
    do {                                                                                    \
        int status_ = (status);                                                             \
        if (!WIFEXITED(status_) || WEXITSTATUS(status_) != (code))                          \
            CHECK_FAILED("  line %d: wait status is %#x, not an exit with %d", __LINE__,    \
                         status_, (int)(code));                                             \
    } while (0)

#define CHECK_KILLED(status, number)                                                        \
    do {                                                                                    \
        int status_ = (status);                                                             \
        if (!WIFSIGNALED(status_) || WTERMSIG(status_) != (number))                         \
            CHECK_FAILED("  line %d: wait status is %#x, not a death by signal %d",         \
                         __LINE__, status_, (int)(number));                                 \
    } while (0)

__attribute__((unused)) static int remove_entry(const char *path, const struct stat *s, int type, struct FTW *f) {
    (void)s, (void)type, (void)f;
    remove(path);
    return 0;
}

// Makes an empty folder of the program's own the working directory; `verdict` removes it.
__attribute__((unused)) static void scratch(void) {
    strcpy(check_scratch, "/tmp/guest-XXXXXX");
    if (mkdtemp(check_scratch) == NULL || chdir(check_scratch) != 0) {
        CHECK_FAILED("  no scratch folder: %s", strerrorname_np(errno));
        _exit(98);
    }
}

// Writes a file of the given text.
__attribute__((unused)) static void put_file(const char *path, const char *text) {
    int fd = MUST(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

// Waits without judging how long it took.
__attribute__((unused)) static void sleep_ms(int ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
    while (nanosleep(&time, &time) == -1 && errno == EINTR) {
    }
}

__attribute__((unused)) static int64_t monotonic_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

__attribute__((unused)) static int verdict(void) {
    if (check_scratch[0] && chdir("/") == 0)
        nftw(check_scratch, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    say(check_failures ? "FAIL" : "pass");
    return check_failures != 0;
}

#endif
