// syscalls: getrandom
#include "check.h"
#include <sys/random.h>

int main(void) {
    char buffer[64], zeroes[64] = {0};
    section("/dev/null");
    int fd = CHECK_OK(open("/dev/null", O_RDWR));
    CHECK_EQ(write(fd, "gone", 4), 4);
    CHECK_EQ(read(fd, buffer, 4), 0);
    close(fd);

    section("/dev/zero");
    fd = CHECK_OK(open("/dev/zero", O_RDWR));
    memset(buffer, 1, sizeof buffer);
    CHECK_EQ(read(fd, buffer, 64), 64);
    CHECK_MEM(buffer, zeroes, 64);
    CHECK_EQ(write(fd, "gone", 4), 4);
    close(fd);

    section("/dev/full");
    fd = CHECK_OK(open("/dev/full", O_RDWR));
    CHECK_ERR(write(fd, "x", 1), ENOSPC);
    CHECK_EQ(read(fd, buffer, 8), 8);
    CHECK_MEM(buffer, zeroes, 8);
    close(fd);

    section("/dev/urandom");
    fd = CHECK_OK(open("/dev/urandom", O_RDONLY));
    CHECK_EQ(read(fd, buffer, 64), 64);
    CHECK(memcmp(buffer, zeroes, 64) != 0);
    close(fd);

    section("getrandom");
    char other[64] = {0};
    CHECK_EQ(getrandom(buffer, 64, 0), 64);
    CHECK_EQ(getrandom(other, 64, GRND_NONBLOCK), 64);
    CHECK(memcmp(buffer, other, 64) != 0);
    CHECK_EQ(getrandom(buffer, 0, 0), 0);
    CHECK_ERR(getrandom(buffer, 4, 0x80), EINVAL);
    CHECK_ERR(syscall(SYS_getrandom, NOWHERE, 4, 0), EFAULT);

    section("/dev/fd");
    int p[2];
    CHECK_OK(pipe(p));
    char path[32];
    sprintf(path, "/dev/fd/%d", p[0]);
    CHECK_OK(access(path, F_OK));
    CHECK_OK(access("/dev/stdin", F_OK));
    return verdict();
}
