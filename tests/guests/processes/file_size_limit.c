// syscalls: prlimit64 write pwrite64 writev ftruncate truncate fallocate sendfile splice copy_file_range execve
// oracle: linux; qemu's user mode leaves execve to the host, which can't run a riscv64 program
//
// setrlimit(2), RLIMIT_FSIZE: a write stops at the limit; one beyond it is answered by SIGXFSZ, and EFBIG if that is survived.
#include "check.h"
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

// Sizes are in units, so that standard output, which may be a file too, stays below all limits.
enum { U = 100, LIMIT = 100 * U, LARGE = 3000 * U, LARGE_LIMIT = 1500 * U + 1 };

static volatile int signals;

static void count_signal(int number) { signals += number == SIGXFSZ; }

static void limit_to(rlim_t bytes) {
    struct rlimit set = {bytes, RLIM_INFINITY};
    CHECK_OK(setrlimit(RLIMIT_FSIZE, &set));
}

// A call that is refused, and the signal with it.
#define CHECK_SIGNALLED(call)    \
    do {                         \
        signals = 0;             \
        CHECK_ERR(call, EFBIG);  \
        CHECK_EQ(signals, 1);    \
    } while (0)

static off_t size_of(int fd) { return lseek(fd, 0, SEEK_END); }

int main(int count, char **args) {
    static char data[LARGE];
    if (count > 1) {
        // What was executed: the limit is kept, and the signal kills.
        write(MUST(open(args[1], O_WRONLY | O_APPEND)), data, 1);
        return 0;
    }
    char self[4096];
    self[MUST(readlink("/proc/self/exe", self, sizeof self - 1))] = 0;
    scratch();
    struct sigaction action = {.sa_handler = count_signal};
    sigaction(SIGXFSZ, &action, NULL);
    int fd = MUST(open("file", O_RDWR | O_CREAT, 0644));

    section("a write stops at the limit");
    limit_to(LIMIT);
    CHECK_EQ(write(fd, data, 150 * U), LIMIT);
    CHECK_EQ(signals, 0);
    CHECK_SIGNALLED(write(fd, data, 1));
    CHECK_EQ(write(fd, data, 0), 0);
    CHECK_EQ(pwrite(fd, data, 50 * U, 60 * U), 40 * U);
    CHECK_EQ(pwrite(fd, data, 50 * U, 10 * U), 50 * U);
    CHECK_SIGNALLED(pwrite(fd, data, 1, 1000 * U));
    CHECK_EQ(size_of(fd), LIMIT);
    struct iovec parts[] = {{data, 30 * U}, {data, 30 * U}};
    CHECK_EQ(lseek(fd, 55 * U, SEEK_SET), 55 * U);
    CHECK_EQ(writev(fd, parts, 2), 45 * U);
    CHECK_SIGNALLED(writev(fd, parts, 2));
    int appending = MUST(open("file", O_WRONLY | O_APPEND));
    CHECK_SIGNALLED(write(appending, data, 1));
    CHECK_SIGNALLED(pwrite(appending, data, 1, 0));
    CHECK_OK(ftruncate(fd, 90 * U));
    CHECK_EQ(write(appending, data, 50 * U), 10 * U);
    section("in many steps");
    limit_to(LARGE_LIMIT);
    CHECK_EQ(pwrite(fd, data, LARGE, 0), LARGE_LIMIT);
    CHECK_EQ(size_of(fd), LARGE_LIMIT);
    CHECK_OK(ftruncate(fd, LIMIT));
    limit_to(LIMIT);

    section("setting the size");
    CHECK_SIGNALLED(ftruncate(fd, LIMIT + 1));
    CHECK_SIGNALLED(truncate("file", LIMIT + 1));
    CHECK_OK(ftruncate(fd, 10 * U));
    CHECK_OK(truncate("file", LIMIT));
    CHECK_SIGNALLED(fallocate(fd, 0, 50 * U, 51 * U));
    CHECK_OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, LIMIT + 1));
    CHECK_EQ(size_of(fd), LIMIT);
    limit_to(10 * U);
    // A file that is longer already can be made shorter, and written below the limit.
    CHECK_OK(ftruncate(fd, 50 * U));
    CHECK_EQ(pwrite(fd, data, 20 * U, 0), 10 * U);
    CHECK_SIGNALLED(pwrite(fd, data, 1, 20 * U));

    section("copying");
    limit_to(RLIM_INFINITY);
    CHECK_OK(ftruncate(fd, 0));
    int source = MUST(open("source", O_RDWR | O_CREAT, 0644));
    CHECK_EQ(write(source, data, LARGE), LARGE);
    limit_to(LIMIT);
    off_t from = 0, to = 50 * U;
    CHECK_EQ(copy_file_range(source, &from, fd, &to, 80 * U, 0), 50 * U);
    CHECK_SIGNALLED(copy_file_range(source, &from, fd, &to, 80 * U, 0));
    CHECK_EQ(from, 50 * U);
    from = 0;
    CHECK_EQ(lseek(fd, 80 * U, SEEK_SET), 80 * U);
    CHECK_EQ(sendfile(fd, source, &from, 80 * U), 20 * U);
    CHECK_EQ(from, 20 * U);
    CHECK_SIGNALLED(sendfile(fd, source, &from, 80 * U));
    int ends[2];
    CHECK_OK(pipe(ends));
    CHECK_EQ(write(ends[1], data, 80 * U), 80 * U);
    to = 40 * U;
    CHECK_EQ(splice(ends[0], NULL, fd, &to, 80 * U, 0), 60 * U);
    CHECK_SIGNALLED(splice(ends[0], NULL, fd, &to, 80 * U, 0));
    CHECK_EQ(read(ends[0], data, 80 * U), 20 * U);

    section("only regular files");
    CHECK_EQ(write(ends[1], data, 200 * U), 200 * U);
    CHECK_EQ(write(MUST(open("/dev/null", O_WRONLY)), data, 200 * U), 200 * U);

    section("inherited");
    signal(SIGXFSZ, SIG_DFL);
    CHECK_KILLED(IN_CHILD(pwrite(fd, data, 1, LIMIT)), SIGXFSZ);
    CHECK_KILLED(IN_CHILD(execl(self, self, "file", NULL)), SIGXFSZ);
    CHECK_EXITED(IN_CHILD({
                     signal(SIGXFSZ, SIG_IGN);
                     CHECK_ERR(pwrite(fd, data, 1, LIMIT), EFBIG);
                 }),
                 0);
    return verdict();
}
