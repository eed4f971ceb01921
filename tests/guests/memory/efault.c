// syscalls: write read pipe2 newfstatat getcwd clock_gettime wait4 rt_sigaction rt_sigprocmask futex
//
// The kernel refuses bad addresses with EFAULT, never with a signal, also where only part of the range is bad.
#include "memory/faults.h"
#include <linux/futex.h>
#include <sys/time.h>

int main(void) {
    catch_faults();
    char *two = map_anonymous(2 * PAGE, PROT_READ | PROT_WRITE);
    char *edge = two + PAGE;
    int p[2];
    CHECK_OK(pipe2(p, O_NONBLOCK));
    CHECK_OK(mprotect(edge, PAGE, PROT_NONE));
    void *kernel = (void *)(intptr_t)hidden(-4096);

    section("wholly bad");
    void *bad[] = {NOWHERE, edge, kernel, (void *)(intptr_t)hidden(1L << 55)};
    for (int i = 0; i < 4; i++) {
        CHECK_ERR(syscall(SYS_write, p[1], bad[i], 1), EFAULT);
        CHECK_ERR(syscall(SYS_newfstatat, AT_FDCWD, "/", bad[i], 0), EFAULT);
        CHECK_ERR(syscall(SYS_newfstatat, AT_FDCWD, bad[i], two, 0), EFAULT);
        CHECK_ERR(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, bad[i]), EFAULT);
        CHECK_ERR(syscall(SYS_rt_sigaction, SIGUSR1, bad[i], NULL, 8), EFAULT);
        CHECK_ERR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, bad[i], NULL, 8), EFAULT);
        CHECK_ERR(syscall(SYS_futex, bad[i], FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
    }
    CHECK_EQ(write(p[1], "12345678", 8), 8);
    for (int i = 0; i < 4; i++) CHECK_ERR(syscall(SYS_read, p[0], bad[i], 1), EFAULT);

    section("a range whose end is bad");
    CHECK_ERR(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, edge - 8), EFAULT);
    CHECK_ERR(syscall(SYS_newfstatat, AT_FDCWD, "/", edge - 16, 0), EFAULT);
    CHECK_ERR(syscall(SYS_pipe2, edge - 4, 0), EFAULT);
    memset(edge - 4, '/', 4);
    CHECK_ERR(open(edge - 4, O_RDONLY), EFAULT);
    edge[-1] = 0;
    CHECK_OK(access(edge - 4, F_OK));
    CHECK_ERR(syscall(SYS_getcwd, edge - 1, 1), ERANGE);

    section("read-only memory is not written");
    CHECK_OK(mprotect(two, PAGE, PROT_READ));
    CHECK_ERR(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, two), EFAULT);
    CHECK_ERR(syscall(SYS_read, p[0], two, 1), EFAULT);
    CHECK_EQ(syscall(SYS_write, p[1], two, 1), 1);

    section("part of a read from a file");
    scratch();
    CHECK_OK(mprotect(two, PAGE, PROT_READ | PROT_WRITE));
    put_file("file", "0123456789");
    int fd = MUST(open("file", O_RDWR));
    long count = syscall(SYS_read, fd, edge - 4, 10);
    CHECK(count == 4 || (count == -1 && errno == EFAULT));
    if (count == 4) CHECK_MEM(edge - 4, "0123", 4);
    return verdict();
}
