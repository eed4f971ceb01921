// syscalls: memfd_create mmap fcntl
//
// fcntl(2), F_SEAL_WRITE: EBUSY while a shared writable mapping exists; afterwards there can be none.
#include "check.h"
#include <sys/mman.h>

int main(void) {
    section("F_SEAL_WRITE and mappings");
    int fd = MUST(memfd_create("name", MFD_ALLOW_SEALING));
    CHECK_OK(ftruncate(fd, 8192));
    char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(map != MAP_FAILED);
    CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    CHECK_OK(munmap(map, 8192));
    CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) != MAP_FAILED);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
    return verdict();
}
