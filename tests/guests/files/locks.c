// syscalls: flock fcntl
#include "check.h"
#include <sys/file.h>

static int record(int fd, int command, int type, off_t start, off_t length) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    return fcntl(fd, command, &lock);
}

int main(void) {
    scratch();
    put_file("file", "0123456789");
    int a = MUST(open("file", O_RDWR)), b = MUST(open("file", O_RDWR));

    section("flock belongs to the open file");
    CHECK_OK(flock(a, LOCK_EX));
    CHECK_ERR(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    CHECK_ERR(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
    CHECK_OK(flock(a, LOCK_SH));
    CHECK_OK(flock(b, LOCK_SH | LOCK_NB));
    CHECK_ERR(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    CHECK_OK(flock(b, LOCK_UN));
    CHECK_OK(flock(a, LOCK_EX | LOCK_NB));
    int c = MUST(dup(a));
    close(a);
    CHECK_ERR(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    close(c);
    CHECK_OK(flock(b, LOCK_EX | LOCK_NB));
    CHECK_ERR(flock(b, 0), EINVAL);
    CHECK_ERR(flock(-1, LOCK_EX), EBADF);
    CHECK_OK(flock(b, LOCK_UN));

    section("flock waits");
    a = MUST(open("file", O_RDWR));
    CHECK_OK(flock(a, LOCK_EX));
    pid_t child = MUST(fork());
    if (child == 0) {
        int own = MUST(open("file", O_RDWR));
        close(a), close(b);
        CHECK_OK(flock(own, LOCK_EX));
        _exit(check_failures != 0);
    }
    sleep_ms(20);
    CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
    CHECK_OK(flock(a, LOCK_UN));
    CHECK_EXITED(wait_status(child), 0);

    section("record locks belong to the process");
    CHECK_OK(record(a, F_SETLK, F_WRLCK, 0, 5));
    CHECK_OK(record(b, F_SETLK, F_WRLCK, 3, 5));
    pid_t parent = getpid();
    CHECK_EXITED(IN_CHILD({
                     CHECK_ERR(record(a, F_SETLK, F_RDLCK, 4, 1), EAGAIN);
                     CHECK_OK(record(a, F_SETLK, F_WRLCK, 8, 1));
                     struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = 1};
                     CHECK_OK(fcntl(a, F_GETLK, &lock));
                     CHECK_EQ(lock.l_type, F_WRLCK);
                     CHECK_EQ(lock.l_pid, parent);
                     CHECK_EQ(lock.l_start, 0);
                     CHECK_EQ(lock.l_len, 8);
                     lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 20, .l_len = 0};
                     CHECK_OK(fcntl(a, F_GETLK, &lock));
                     CHECK_EQ(lock.l_type, F_UNLCK);
                 }),
                 0);
    // Closing any descriptor of the file gives up all of the process's locks on it.
    close(b);
    CHECK_EXITED(IN_CHILD(CHECK_OK(record(a, F_SETLK, F_WRLCK, 0, 0))), 0);
    int reader = MUST(open("file", O_RDONLY));
    CHECK_ERR(record(reader, F_SETLK, F_WRLCK, 0, 1), EBADF);
    CHECK_ERR(record(a, F_SETLK, 77, 0, 1), EINVAL);
    return verdict();
}
