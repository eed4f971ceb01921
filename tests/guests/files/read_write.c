// syscalls: read write pread64 pwrite64 lseek
#include "check.h"

static char buffer[64];

static void positions(void) {
    section("positions");
    int fd = MUST(open("file", O_RDWR | O_CREAT | O_TRUNC, 0644));
    CHECK_EQ(write(fd, "0123456789", 10), 10);
    CHECK_EQ(read(fd, buffer, 4), 0);
    CHECK_EQ(lseek(fd, 2, SEEK_SET), 2);
    CHECK_EQ(read(fd, buffer, 4), 4);
    CHECK_MEM(buffer, "2345", 4);
    CHECK_EQ(lseek(fd, 1, SEEK_CUR), 7);
    CHECK_EQ(read(fd, buffer, 64), 3);
    CHECK_EQ(lseek(fd, -10, SEEK_END), 0);
    CHECK_ERR(lseek(fd, -11, SEEK_END), EINVAL);
    CHECK_ERR(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_ERR(lseek(fd, 0, 77), EINVAL);
    CHECK_EQ(read(fd, buffer, 0), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
    close(fd);
}

static void at_an_offset(void) {
    section("at an offset");
    int fd = MUST(open("file", O_RDWR));
    CHECK_EQ(pread(fd, buffer, 3, 7), 3);
    CHECK_MEM(buffer, "789", 3);
    CHECK_EQ(pread(fd, buffer, 3, 9), 1);
    CHECK_EQ(pread(fd, buffer, 3, 10), 0);
    CHECK_EQ(pread(fd, buffer, 3, 1 << 20), 0);
    CHECK_ERR(pread(fd, buffer, 3, -1), EINVAL);
    CHECK_EQ(pwrite(fd, "AB", 2, 4), 2);
    CHECK_ERR(pwrite(fd, "AB", 2, -1), EINVAL);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
    CHECK_EQ(read(fd, buffer, 64), 10);
    CHECK_MEM(buffer, "0123AB6789", 10);
    close(fd);
}

static void holes(void) {
    section("holes");
    int fd = MUST(open("holes", O_RDWR | O_CREAT, 0644));
    CHECK_EQ(lseek(fd, 100000, SEEK_SET), 100000);
    CHECK_EQ(write(fd, "x", 1), 1);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 100001);
    CHECK_EQ(pread(fd, buffer, 64, 50000), 64);
    char zeroes[64] = {0};
    CHECK_MEM(buffer, zeroes, 64);
    // Where holes are is the filesystem's to tell; what holds for all is the end of the file.
    CHECK(lseek(fd, 0, SEEK_DATA) >= 0);
    CHECK_EQ(lseek(fd, 100000, SEEK_DATA), 100000);
    CHECK_EQ(lseek(fd, 100000, SEEK_HOLE), 100001);
    CHECK_ERR(lseek(fd, 100001, SEEK_DATA), ENXIO);
    CHECK_ERR(lseek(fd, 100001, SEEK_HOLE), ENXIO);
    close(fd);
}

static void append(void) {
    section("append");
    int fd = MUST(open("file", O_RDWR | O_APPEND));
    CHECK_EQ(lseek(fd, 3, SEEK_SET), 3);
    CHECK_EQ(write(fd, "!", 1), 1);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 11);
    // pwrite(2), BUGS: with O_APPEND, Linux appends whatever the offset.
    CHECK_EQ(pwrite(fd, "?", 1, 0), 1);
    CHECK_EQ(pread(fd, buffer, 64, 0), 12);
    CHECK_MEM(buffer, "0123AB6789!?", 12);
    close(fd);
}

static void errors(void) {
    section("errors");
    int reader = MUST(open("file", O_RDONLY)), writer = MUST(open("file", O_WRONLY));
    CHECK_ERR(write(reader, "x", 1), EBADF);
    CHECK_ERR(pwrite(reader, "x", 1, 0), EBADF);
    CHECK_ERR(read(writer, buffer, 1), EBADF);
    CHECK_ERR(pread(writer, buffer, 1, 0), EBADF);
    CHECK_ERR(read(-1, buffer, 1), EBADF);
    CHECK_ERR(write(999, buffer, 1), EBADF);
    CHECK_ERR(lseek(-1, 0, SEEK_SET), EBADF);
    CHECK_ERR(read(reader, NOWHERE, 4), EFAULT);
    CHECK_ERR(write(writer, NOWHERE, 4), EFAULT);
    CHECK_ERR(syscall(SYS_read, reader, (void *)-4096, 4), EFAULT);
    int ends[2];
    CHECK_OK(pipe(ends));
    CHECK_ERR(lseek(ends[0], 0, SEEK_CUR), ESPIPE);
    CHECK_ERR(pread(ends[0], buffer, 1, 0), ESPIPE);
    CHECK_ERR(pwrite(ends[1], buffer, 1, 0), ESPIPE);
    close(ends[0]), close(ends[1]), close(reader), close(writer);
}

static void large(void) {
    section("large");
    size_t size = 3 << 20;
    unsigned char *data = malloc(size), *back = malloc(size);
    for (size_t i = 0; i < size; i++) data[i] = (unsigned char)(i * 2654435761u >> 16);
    int fd = MUST(open("large", O_RDWR | O_CREAT, 0644));
    CHECK_EQ(write(fd, data, size), size);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(read(fd, back, size), size);
    CHECK(memcmp(data, back, size) == 0);
    CHECK_EQ(pread(fd, back, 8192, 4095), 8192);
    CHECK(memcmp(data + 4095, back, 8192) == 0);
    CHECK_EQ(pwrite(fd, data, 5000, 4093), 5000);
    CHECK_EQ(pread(fd, back, size, 0), size);
    CHECK(memcmp(back, data, 4093) == 0);
    CHECK(memcmp(back + 4093, data, 5000) == 0);
    CHECK(memcmp(back + 9093, data + 9093, size - 9093) == 0);
    close(fd);
}

int main(void) {
    scratch();
    positions();
    at_an_offset();
    holes();
    append();
    errors();
    large();
    return verdict();
}
