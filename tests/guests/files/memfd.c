// syscalls: memfd_create
#include "check.h"
#include <sys/mman.h>

int main(void) {
    section("a file without a name");
    int fd = CHECK_OK(memfd_create("name", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_OK(ftruncate(fd, 8192));
    char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(map != MAP_FAILED);
    strcpy(map + 4096, "through the mapping");
    char buffer[20];
    CHECK_EQ(pread(fd, buffer, 20, 4096), 20);
    CHECK_STR(buffer, "through the mapping");
    CHECK_EQ(pwrite(fd, "X", 1, 4096), 1);
    CHECK_EQ(map[4096], 'X');
    struct stat s;
    CHECK_OK(fstat(fd, &s));
    CHECK(S_ISREG(s.st_mode));
    CHECK_EQ(s.st_nlink, 0);
    CHECK_EQ(s.st_size, 8192);

    section("seals");
    CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
    CHECK_OK(munmap(map, 8192));
    CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
    CHECK_ERR(ftruncate(fd, 4096), EPERM);
    CHECK_OK(ftruncate(fd, 12288));
    CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    CHECK_ERR(ftruncate(fd, 20000), EPERM);
    CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    CHECK_ERR(write(fd, "x", 1), EPERM);
    CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
    CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    close(fd);
    fd = CHECK_OK(memfd_create("sealed", 0));
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
    CHECK_ERR(memfd_create("x", 0x8000), EINVAL);
    CHECK_ERR(syscall(SYS_memfd_create, NOWHERE, 0), EFAULT);
    return verdict();
}
