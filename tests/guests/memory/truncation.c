// syscalls: ftruncate mmap
#include "memory/faults.h"

int main(void) {
    scratch();
    catch_faults();
    int fd = MUST(open("file", O_RDWR | O_CREAT, 0644));
    CHECK_OK(ftruncate(fd, 6 * PAGE));
    char *private = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    char *shared = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(private != MAP_FAILED && shared != MAP_FAILED);
    memset(shared, 'W', 4 * PAGE);
    CHECK_EQ(private[2 * PAGE], 'W');

    section("truncation takes pages away");
    CHECK_EQ(shared[PAGE], 'W');
    CHECK_OK(ftruncate(fd, PAGE));
    CHECK_FAULT(READ(shared + PAGE), SIGBUS, BUS_ADRERR, shared + PAGE);
    CHECK_FAULT(READ(private + 2 * PAGE), SIGBUS, BUS_ADRERR, private + 2 * PAGE);
    CHECK_OK(ftruncate(fd, 3 * PAGE));
    CHECK_EQ(shared[PAGE], 0);
    // What followed the end in the last page is not kept either.
    CHECK_OK(ftruncate(fd, 10));
    CHECK_OK(ftruncate(fd, PAGE));
    CHECK_EQ(shared[16], 0);
    return verdict();
}
