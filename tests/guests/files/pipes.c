// syscalls: pipe2 ioctl
#include "check.h"
#include <sys/ioctl.h>

static char block[70000];

static void ends_of_file(void) {
    section("order and end of file");
    int p[2];
    CHECK_OK(pipe(p));
    CHECK_EQ(fcntl(p[0], F_GETFL) & O_ACCMODE, O_RDONLY);
    CHECK_EQ(fcntl(p[1], F_GETFL) & O_ACCMODE, O_WRONLY);
    CHECK_EQ(write(p[1], "one", 3), 3);
    CHECK_EQ(write(p[1], "two", 3), 3);
    int waiting = 0;
    CHECK_OK(ioctl(p[0], FIONREAD, &waiting));
    CHECK_EQ(waiting, 6);
    CHECK_EQ(read(p[0], block, 4), 4);
    CHECK_MEM(block, "onet", 4);
    CHECK_EQ(read(p[0], block, 100), 2);
    CHECK_MEM(block, "wo", 2);
    CHECK_ERR(write(p[0], "x", 1), EBADF);
    CHECK_ERR(read(p[1], block, 1), EBADF);
    CHECK_EQ(write(p[1], "", 0), 0);
    CHECK_EQ(write(p[1], "end", 3), 3);
    close(p[1]);
    CHECK_EQ(read(p[0], block, 100), 3);
    CHECK_EQ(read(p[0], block, 100), 0);
    CHECK_EQ(read(p[0], block, 100), 0);
    close(p[0]);
}

static void not_blocking(void) {
    section("O_NONBLOCK and capacity");
    int p[2];
    CHECK_OK(pipe2(p, O_NONBLOCK | O_CLOEXEC));
    CHECK_EQ(fcntl(p[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(p[1], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    CHECK_ERR(read(p[0], block, 1), EAGAIN);
    // pipe(7): 16 pages; a write of more than PIPE_BUF may be cut short.
    CHECK_EQ(fcntl(p[1], F_GETPIPE_SZ), 65536);
    CHECK_EQ(write(p[1], block, sizeof block), 65536);
    CHECK_ERR(write(p[1], block, 1), EAGAIN);
    CHECK_EQ(read(p[0], block, 4096), 4096);
    // A write of PIPE_BUF or less is all or nothing.
    CHECK_EQ(write(p[1], block, 4000), 4000);
    CHECK_ERR(write(p[1], block, 4096), EAGAIN);
    long left = 0, n;
    while ((n = read(p[0], block, sizeof block)) > 0) left += n;
    CHECK_EQ(left, 65536 - 4096 + 4000);
    CHECK_EQ(fcntl(p[1], F_SETPIPE_SZ, 5000), 8192);
    CHECK_EQ(write(p[1], block, sizeof block), 8192);
    CHECK_ERR(fcntl(p[1], F_SETPIPE_SZ, 4096), EBUSY);
    close(p[0]), close(p[1]);
    CHECK_ERR(pipe2(p, O_APPEND), EINVAL);
    CHECK_ERR(syscall(SYS_pipe2, NOWHERE, 0), EFAULT);
}

static void broken(void) {
    section("no reader");
    int p[2];
    CHECK_OK(pipe(p));
    close(p[0]);
    CHECK_KILLED(IN_CHILD(write(p[1], "x", 1)), SIGPIPE);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERR(write(p[1], "x", 1), EPIPE);
    CHECK_EQ(write(p[1], "x", 0), 0);
    signal(SIGPIPE, SIG_DFL);
    close(p[1]);
}

static void between_processes(void) {
    section("a megabyte between processes");
    int p[2];
    CHECK_OK(pipe(p));
    pid_t child = MUST(fork());
    if (child == 0) {
        close(p[0]);
        for (int i = 0; i < 1 << 20;) {
            int n = i % 7919 + 1;
            if (n > (1 << 20) - i) n = (1 << 20) - i;
            for (int k = 0; k < n; k++) block[k] = (char)((i + k) % 251);
            CHECK_EQ(write(p[1], block, n), n);
            i += n;
        }
        _exit(check_failures != 0);
    }
    close(p[1]);
    long total = 0, wrong = 0, n;
    while ((n = read(p[0], block, 9973)) > 0)
        for (long k = 0; k < n; k++) wrong += block[k] != (char)(total++ % 251);
    CHECK_EQ(total, 1 << 20);
    CHECK_EQ(wrong, 0);
    CHECK_EXITED(wait_status(child), 0);
    close(p[0]);
}

static void blocked_writer(void) {
    section("a blocked writer and its reader's death");
    int p[2];
    CHECK_OK(pipe(p));
    pid_t child = MUST(fork());
    if (child == 0) {
        close(p[0]);
        signal(SIGPIPE, SIG_IGN);
        // What was taken before the reader left is counted; the next write fails.
        CHECK_EQ(write(p[1], block, sizeof block), 65536);
        CHECK_ERR(write(p[1], block, 1), EPIPE);
        _exit(check_failures != 0);
    }
    close(p[1]);
    int waiting = 0;
    while (waiting < 65536) {
        CHECK_OK(ioctl(p[0], FIONREAD, &waiting));
        sleep_ms(1);
    }
    sleep_ms(20);
    close(p[0]);
    CHECK_EXITED(wait_status(child), 0);
}

int main(void) {
    ends_of_file();
    not_blocking();
    broken();
    between_processes();
    blocked_writer();
    return verdict();
}
