// syscalls: mmap msync ftruncate
#include "memory/faults.h"
#include <sys/stat.h>

static struct stat told(int fd) {
    struct stat stat;
    MUST(fstat(fd, &stat));
    return stat;
}

// Mapping counts as reading, the first store to a page as writing (mmap(2), "Timestamps changes for file-backed mappings").
static void times(void) {
    section("times");
    int fd = MUST(open("timed", O_RDWR | O_CREAT, 0644));
    MUST(ftruncate(fd, 2 * PAGE));
    const struct timespec past[] = {{1000, 0}, {2000, 0}};
    MUST(futimens(fd, past));
    char *private = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(private != MAP_FAILED);
    CHECK(told(fd).st_atime > 2000);
    private[0] = 'x';
    CHECK_EQ(told(fd).st_mtime, 2000);
    MUST(futimens(fd, past));
    char *shared = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(shared != MAP_FAILED);
    CHECK(told(fd).st_atime > 2000);
    CHECK_EQ(shared[0], 0);
    CHECK_EQ(told(fd).st_mtime, 2000);
    shared[PAGE] = 'y';
    CHECK_OK(msync(shared, 2 * PAGE, MS_SYNC));
    CHECK(told(fd).st_mtime > 2000);
    CHECK(told(fd).st_ctime >= told(fd).st_mtime);
    MUST(futimens(fd, past));
    int quiet = MUST(open("timed", O_RDONLY | O_NOATIME));
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, quiet, 0) != MAP_FAILED);
    CHECK_EQ(told(fd).st_atime, 1000);
}

int main(void) {
    scratch();
    catch_faults();
    int fd = MUST(open("file", O_RDWR | O_CREAT, 0644));
    for (int i = 0; i < 3 * PAGE; i += 16) {
        char line[17];
        sprintf(line, "%015d\n", i);
        CHECK_EQ(write(fd, line, 16), 16);
    }
    CHECK_EQ(write(fd, "tail", 4), 4);

    section("private");
    char *private = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(private != MAP_FAILED);
    CHECK_MEM(private + 4096, "000000000004096", 15);
    CHECK_MEM(private + 3 * PAGE, "tail\0\0\0", 8);
    private[0] = 'X';
    char text[16];
    CHECK_EQ(pread(fd, text, 15, 0), 15);
    CHECK_MEM(text, "000000000000000", 15);

    section("shared");
    char *shared = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *second = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
    CHECK(shared != MAP_FAILED && second != MAP_FAILED);
    memcpy(shared + PAGE, "SHARED", 6);
    CHECK_MEM(second, "SHARED", 6);
    CHECK_EQ(pread(fd, text, 6, PAGE), 6);
    CHECK_MEM(text, "SHARED", 6);
    CHECK_EQ(pwrite(fd, "WRITTEN", 7, PAGE), 7);
    CHECK_MEM(second, "WRITTEN", 7);
    CHECK_OK(msync(shared, 4 * PAGE, MS_SYNC));
    CHECK_OK(msync(shared, PAGE, MS_ASYNC));
    CHECK_ERR(msync(shared, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
    CHECK_ERR(msync(shared + 1, PAGE, MS_SYNC), EINVAL);

    section("a page written privately no longer follows the file");
    CHECK_EQ(pwrite(fd, "new", 3, 100), 3);
    CHECK_EQ(private[0], 'X');
    CHECK_MEM(private + 100, "00", 2);

    section("beyond the end of the file");
    char *past = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK_FAULT(READ(past + 4 * PAGE + 8), SIGBUS, BUS_ADRERR, past + 4 * PAGE + 8);
    CHECK_FAULT(WRITE(past + 7 * PAGE, 1), SIGBUS, BUS_ADRERR, past + 7 * PAGE);
    CHECK_ERR(write(1, past + 5 * PAGE, 1), EFAULT);
    CHECK_OK(ftruncate(fd, 6 * PAGE));
    WRITE(past + 5 * PAGE, 9);
    CHECK_EQ(pread(fd, text, 1, 5 * PAGE), 1);
    CHECK_EQ(text[0], 9);

    section("permissions");
    int reader = MUST(open("file", O_RDONLY)), writer = MUST(open("file", O_WRONLY));
    CHECK_ERR(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0), EACCES);
    CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, writer, 0), EACCES);
    CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, reader, 0) != MAP_FAILED);
    char *read_only = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0);
    CHECK_ERR(mprotect(read_only, PAGE, PROT_READ | PROT_WRITE), EACCES);
    CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 100), EINVAL);
    int p[2];
    CHECK_OK(pipe(p));
    CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, p[0], 0), ENODEV);
    int dir = MUST(open(".", O_RDONLY));
    CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, dir, 0), ENODEV);

    section("between processes");
    close(fd);
    CHECK_EXITED(IN_CHILD({
                     shared[0] = 'c';
                     private[0] = 'p';
                 }),
                 0);
    CHECK_EQ(shared[0], 'c');
    CHECK_EQ(private[0], 'X');
    times();
    return verdict();
}
