// oracle: linux; qemu passes over bad advice and holes
// syscalls: madvise mincore mlock mlock2 munlock mlockall munlockall
#include "memory/faults.h"

int main(void) {
    scratch();
    section("MADV_DONTNEED gives zeroes");
    char *at = map_anonymous(4 * PAGE, PROT_READ | PROT_WRITE);
    memset(at, 'x', 4 * PAGE);
    CHECK_OK(madvise(at + PAGE, 2 * PAGE, MADV_DONTNEED));
    CHECK_EQ(at[PAGE - 1], 'x');
    CHECK_EQ(at[PAGE], 0);
    CHECK_EQ(at[3 * PAGE - 1], 0);
    CHECK_EQ(at[3 * PAGE], 'x');
    at[PAGE] = 'y';
    CHECK_EQ(at[PAGE], 'y');

    section("of a private file, the file's bytes");
    put_file("file", "from the file");
    int fd = MUST(open("file", O_RDWR));
    char *private = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    private[0] = 'X';
    CHECK_OK(madvise(private, PAGE, MADV_DONTNEED));
    CHECK_EQ(private[0], 'f');

    section("of shared memory, nothing is lost");
    char *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared[0] = 's';
    CHECK_OK(madvise(shared, PAGE, MADV_DONTNEED));
    CHECK_EQ(shared[0], 's');

    section("hints");
    int hints[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_FREE, MADV_DONTFORK, MADV_DOFORK,
                   MADV_DONTDUMP, MADV_DODUMP};
    for (unsigned i = 0; i < sizeof hints / sizeof *hints; i++) CHECK_OK(madvise(at, PAGE, hints[i]));
    CHECK_ERR(madvise(at + 1, PAGE, MADV_DONTNEED), EINVAL);
    CHECK_ERR(madvise(at, PAGE, 12345), EINVAL);
    CHECK_OK(munmap(at + PAGE, PAGE));
    CHECK_ERR(madvise(at, 4 * PAGE, MADV_DONTNEED), ENOMEM);
    CHECK_EQ(at[3 * PAGE], 0);

    section("mincore");
    unsigned char resident[4] = {0xff, 0xff, 0xff, 0xff};
    at[0] = 1;
    CHECK_OK(mincore(at, PAGE, resident));
    CHECK_EQ(resident[0] & 1, 1);
    CHECK_ERR(mincore(at + 1, PAGE, resident), EINVAL);
    CHECK_ERR(mincore(at, 2 * PAGE, resident), ENOMEM);
    CHECK_ERR(syscall(SYS_mincore, at, PAGE, NOWHERE), EFAULT);

    section("locks");
    CHECK_OK(mlock(at, PAGE));
    CHECK_OK(munlock(at, PAGE));
    CHECK_ERR(mlock(at, 2 * PAGE), ENOMEM);
    CHECK_OK(mlock2(at, PAGE, MLOCK_ONFAULT));
    CHECK_ERR(mlock2(at, PAGE, 0x80), EINVAL);
    CHECK_OK(munlock(at, PAGE));
    CHECK_OK(mlockall(MCL_CURRENT));
    CHECK_OK(munlockall());
    CHECK_ERR(mlockall(0), EINVAL);
    return verdict();
}
