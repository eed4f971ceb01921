// syscalls: truncate ftruncate fallocate
#include "check.h"

static off_t size(const char *path) {
    struct stat s;
    CHECK_OK(stat(path, &s));
    return s.st_size;
}

int main(void) {
    scratch();
    char buffer[16], zeroes[16] = {0};
    put_file("file", "0123456789");

    section("truncate");
    CHECK_OK(truncate("file", 4));
    CHECK_EQ(size("file"), 4);
    CHECK_OK(truncate("file", 10000));
    int fd = MUST(open("file", O_RDWR));
    CHECK_EQ(pread(fd, buffer, 8, 0), 8);
    CHECK_MEM(buffer, "0123\0\0\0\0", 8);
    CHECK_EQ(pread(fd, buffer, 16, 9995), 5);
    CHECK_MEM(buffer, zeroes, 5);
    CHECK_ERR(truncate("file", -1), EINVAL);
    CHECK_ERR(truncate("absent", 1), ENOENT);
    CHECK_OK(mkdir("dir", 0755));
    CHECK_ERR(truncate("dir", 1), EISDIR);

    section("ftruncate");
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
    CHECK_EQ(lseek(fd, 100, SEEK_SET), 100);
    CHECK_OK(ftruncate(fd, 0));
    CHECK_EQ(size("file"), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 100);
    CHECK_EQ(write(fd, "x", 1), 1);
    CHECK_EQ(size("file"), 101);
    CHECK_EQ(pread(fd, buffer, 4, 0), 4);
    CHECK_MEM(buffer, zeroes, 4);
    int reader = MUST(open("file", O_RDONLY));
    CHECK_ERR(ftruncate(reader, 0), EINVAL);
    CHECK_ERR(ftruncate(fd, -1), EINVAL);
    CHECK_ERR(ftruncate(-1, 0), EBADF);
    int ends[2];
    CHECK_OK(pipe(ends));
    CHECK_ERR(ftruncate(ends[1], 0), EINVAL);

    section("no stale data after shrinking and growing");
    memset(buffer, 'z', 16);
    for (int i = 0; i < 600; i++) CHECK_EQ(pwrite(fd, buffer, 16, i * 16), 16);
    CHECK_OK(ftruncate(fd, 4100));
    CHECK_OK(ftruncate(fd, 9600));
    CHECK_EQ(pread(fd, buffer, 8, 4096), 8);
    CHECK_MEM(buffer, "zzzz\0\0\0\0", 8);
    CHECK_EQ(pread(fd, buffer, 16, 8192), 16);
    CHECK_MEM(buffer, zeroes, 16);

    section("fallocate");
    CHECK_OK(ftruncate(fd, 10));
    CHECK_OK(fallocate(fd, 0, 0, 5000));
    CHECK_EQ(size("file"), 5000);
    CHECK_OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 9000));
    CHECK_EQ(size("file"), 5000);
    CHECK_ERR(fallocate(fd, 0, 0, 0), EINVAL);
    CHECK_ERR(fallocate(fd, 0, -1, 10), EINVAL);
    CHECK_ERR(fallocate(reader, 0, 0, 10), EBADF);
    CHECK_ERR(fallocate(ends[1], 0, 0, 10), ESPIPE);
    CHECK_EQ(pwrite(fd, "abcdefgh", 8, 0), 8);
    CHECK_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 3));
    CHECK_EQ(pread(fd, buffer, 8, 0), 8);
    CHECK_MEM(buffer, "ab\0\0\0fgh", 8);
    CHECK_ERR(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 2, 3), EOPNOTSUPP);
    return verdict();
}
