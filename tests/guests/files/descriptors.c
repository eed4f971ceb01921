// syscalls: dup dup3 fcntl close_range
#include "check.h"
#include <sys/resource.h>

static void duplicates(void) {
    section("duplicates share the position and flags");
    int a = MUST(open("file", O_RDWR | O_CREAT, 0644));
    CHECK_EQ(write(a, "abcdef", 6), 6);
    int b = CHECK_OK(dup(a));
    CHECK_EQ(b, a + 1);
    CHECK_EQ(lseek(b, 2, SEEK_SET), 2);
    CHECK_EQ(lseek(a, 0, SEEK_CUR), 2);
    CHECK_OK(fcntl(b, F_SETFL, O_APPEND));
    CHECK_EQ(fcntl(a, F_GETFL) & O_APPEND, O_APPEND);
    CHECK_OK(fcntl(b, F_SETFD, FD_CLOEXEC));
    CHECK_EQ(fcntl(a, F_GETFD), 0);
    int c = MUST(open("file", O_RDWR));
    CHECK_EQ(lseek(c, 0, SEEK_CUR), 0);
    CHECK_EXITED(IN_CHILD(CHECK_EQ(lseek(a, 5, SEEK_SET), 5)), 0);
    CHECK_EQ(lseek(a, 0, SEEK_CUR), 5);

    section("dup2 and dup3");
    CHECK_EQ(dup2(a, 77), 77);
    CHECK_EQ(lseek(77, 0, SEEK_CUR), 5);
    CHECK_EQ(dup2(c, 77), 77);
    CHECK_EQ(lseek(77, 0, SEEK_CUR), 0);
    CHECK_EQ(dup2(77, 77), 77);
    CHECK_ERR(dup2(78, 78), EBADF);
    CHECK_ERR(dup2(78, 79), EBADF);
    CHECK_ERR(dup2(a, -1), EBADF);
    CHECK_EQ(dup3(a, 80, O_CLOEXEC), 80);
    CHECK_EQ(fcntl(80, F_GETFD), FD_CLOEXEC);
    CHECK_ERR(dup3(a, a, 0), EINVAL);
    CHECK_ERR(dup3(a, 81, O_APPEND), EINVAL);
    CHECK_ERR(dup(-1), EBADF);

    section("fcntl");
    CHECK_EQ(fcntl(a, F_DUPFD, 90), 90);
    CHECK_EQ(fcntl(a, F_DUPFD, 90), 91);
    CHECK_EQ(fcntl(a, F_DUPFD_CLOEXEC, 90), 92);
    CHECK_EQ(fcntl(91, F_GETFD), 0);
    CHECK_EQ(fcntl(92, F_GETFD), FD_CLOEXEC);
    CHECK_ERR(fcntl(a, F_DUPFD, -1), EINVAL);
    CHECK_ERR(fcntl(-1, F_GETFD), EBADF);
    CHECK_ERR(fcntl(a, 9999), EINVAL);
    CHECK_EQ(fcntl(a, F_GETFL) & O_ACCMODE, O_RDWR);
    // F_SETFL changes neither the access mode nor creation flags.
    CHECK_OK(fcntl(a, F_SETFL, O_RDONLY | O_NONBLOCK | O_CREAT | O_EXCL));
    CHECK_EQ(fcntl(a, F_GETFL) & (O_ACCMODE | O_NONBLOCK | O_APPEND | O_CREAT | O_EXCL), O_RDWR | O_NONBLOCK);
}

static void ranges(void) {
    section("close_range");
    for (int fd = 100; fd < 110; fd++) CHECK_EQ(dup2(1, fd), fd);
    CHECK_OK(syscall(SYS_close_range, 102, 105, 0));
    CHECK_EQ(fcntl(101, F_GETFD), 0);
    CHECK_ERR(fcntl(102, F_GETFD), EBADF);
    CHECK_ERR(fcntl(105, F_GETFD), EBADF);
    CHECK_EQ(fcntl(106, F_GETFD), 0);
    CHECK_OK(syscall(SYS_close_range, 107, 108, 4 /* CLOSE_RANGE_CLOEXEC */));
    CHECK_EQ(fcntl(107, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(109, F_GETFD), 0);
    CHECK_ERR(syscall(SYS_close_range, 109, 108, 0), EINVAL);
    CHECK_ERR(syscall(SYS_close_range, 109, 110, 0x80), EINVAL);
    CHECK_OK(syscall(SYS_close_range, 70, ~0U, 0));
    CHECK_ERR(fcntl(109, F_GETFD), EBADF);
    CHECK_EQ(fcntl(1, F_GETFD), 0);
}

static void limit(void) {
    section("RLIMIT_NOFILE");
    struct rlimit old, low;
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &old));
    low = old;
    low.rlim_cur = 20;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &low));
    int last = -1, fd;
    while ((fd = dup(1)) >= 0) last = fd;
    CHECK_EQ(errno, EMFILE);
    CHECK_EQ(last, 19);
    CHECK_ERR(open("file", O_RDONLY), EMFILE);
    int ends[2];
    CHECK_ERR(pipe(ends), EMFILE);
    CHECK_ERR(dup2(1, 20), EBADF);
    CHECK_ERR(fcntl(1, F_DUPFD, 20), EINVAL);
    CHECK_OK(syscall(SYS_close_range, 10, 100, 0));
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &old));
}

int main(void) {
    scratch();
    duplicates();
    ranges();
    limit();
    return verdict();
}
