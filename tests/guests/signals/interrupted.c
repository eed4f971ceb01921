// syscalls: rt_sigaction read write nanosleep wait4 futex ppoll restart_syscall
//
// signal(7), "Interruption of system calls and library functions by signal handlers": which calls begin again with
// SA_RESTART, and which never do.
#include "check.h"
#include <linux/futex.h>
#include <poll.h>
#include <sys/time.h>

static volatile int count;

static void note(int number) {
    (void)number;
    count++;
}

static void arm(int flags) {
    struct sigaction action = {.sa_handler = note, .sa_flags = flags};
    sigaction(SIGALRM, &action, NULL);
    count = 0;
    struct itimerval timer = {.it_value = {0, 20000}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

// A child that writes a byte after a while.
static pid_t later(int fd, int ms) {
    pid_t child = MUST(fork());
    if (child == 0) {
        sleep_ms(ms);
        _exit(write(fd, "x", 1) != 1);
    }
    return child;
}

int main(void) {
    int p[2];
    char byte;
    CHECK_OK(pipe(p));

    section("without SA_RESTART");
    arm(0);
    CHECK_ERR(read(p[0], &byte, 1), EINTR);
    CHECK_EQ(count, 1);
    arm(0);
    struct pollfd poll_fd = {p[0], POLLIN, 0};
    CHECK_ERR(poll(&poll_fd, 1, 5000), EINTR);
    arm(0);
    int word = 0;
    CHECK_ERR(syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0), EINTR);
    arm(0);
    pid_t child = later(p[1], 100);
    int status;
    CHECK_ERR(waitpid(child, &status, 0), EINTR);
    CHECK_EXITED(wait_status(child), 0);
    CHECK_EQ(read(p[0], &byte, 1), 1);

    section("with SA_RESTART");
    arm(SA_RESTART);
    child = later(p[1], 100);
    CHECK_EQ(read(p[0], &byte, 1), 1);
    CHECK_EQ(count, 1);
    CHECK_EXITED(wait_status(child), 0);
    child = later(p[1], 100);
    arm(SA_RESTART);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(count, 1);
    CHECK_EQ(read(p[0], &byte, 1), 1);

    section("never restarted");
    arm(SA_RESTART);
    CHECK_ERR(poll(&poll_fd, 1, 5000), EINTR);
    arm(SA_RESTART);
    CHECK_ERR(pause(), EINTR);
    arm(SA_RESTART);
    struct timespec left = {0}, request = {5, 0};
    CHECK_ERR(nanosleep(&request, &left), EINTR);
    CHECK(left.tv_sec == 4);
    arm(SA_RESTART);
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &request, &left), EINTR);
    CHECK(left.tv_sec == 4);

    section("a futex wait is restarted without a timeout, and not with one");
    arm(SA_RESTART);
    struct timespec timeout = {5, 0};
    CHECK_ERR(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &timeout, NULL, 0), EINTR);

    section("an ignored signal interrupts nothing");
    signal(SIGALRM, SIG_IGN);
    struct itimerval timer = {.it_value = {0, 10000}};
    setitimer(ITIMER_REAL, &timer, NULL);
    CHECK_EQ(poll(&poll_fd, 1, 50), 0);

    section("a stop and a continue are not seen");
    child = MUST(fork());
    if (child == 0) {
        int64_t start = monotonic_ns();
        struct timespec time = {0, 150000000};
        CHECK_OK(nanosleep(&time, NULL));
        CHECK(monotonic_ns() - start >= 150000000);
        _exit(check_failures != 0);
    }
    sleep_ms(20);
    kill(child, SIGSTOP);
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    sleep_ms(20);
    kill(child, SIGCONT);
    CHECK_EXITED(wait_status(child), 0);

    section("a write that was begun reports what it wrote");
    static char large[200000];
    arm(0);
    CHECK_EQ(write(p[1], large, sizeof large), 65536);
    CHECK_EQ(count, 1);
    return verdict();
}
