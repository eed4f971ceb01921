// syscalls: mmap munmap
#include "memory/faults.h"

int main(void) {
    catch_faults();
    section("zeroed, and where asked");
    char *at = map_anonymous(5 * PAGE, PROT_READ | PROT_WRITE);
    CHECK_EQ((uintptr_t)at % PAGE, 0);
    for (int i = 0; i < 5 * PAGE; i += 512) CHECK_EQ(at[i], 0);
    for (int i = 0; i < 5; i++) at[i * PAGE] = (char)(i + 1);
    CHECK(mmap(at + PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at + PAGE);
    CHECK_EQ(at[PAGE], 0);
    CHECK_EQ(at[0], 1);
    CHECK_EQ(at[2 * PAGE], 3);

    section("a hint that is taken, and one that is not");
    CHECK_OK(munmap(at + 2 * PAGE, PAGE));
    char *hinted = mmap(at + 2 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(hinted == at + 2 * PAGE);
    char *elsewhere = mmap(at, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(elsewhere != at && elsewhere != MAP_FAILED);
    CHECK_EQ(at[0], 1);

    section("MAP_FIXED_NOREPLACE");
    CHECK_ERR(mmap(at, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
    CHECK_ERR(mmap(at - PAGE + PAGE, 6 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
    CHECK_OK(munmap(at + PAGE, PAGE));
    CHECK(mmap(at + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == at + PAGE);

    section("holes");
    CHECK_OK(munmap(at + 3 * PAGE, 1));
    CHECK_FAULT(READ(at + 3 * PAGE + 5), SIGSEGV, SEGV_MAPERR, at + 3 * PAGE + 5);
    CHECK_EQ(at[4 * PAGE], 5);
    CHECK_OK(munmap(at, 5 * PAGE));
    CHECK_OK(munmap(at, 5 * PAGE));
    CHECK_FAULT(READ(at), SIGSEGV, SEGV_MAPERR, at);
    CHECK_FAULT(WRITE(at + 4 * PAGE, 1), SIGSEGV, SEGV_MAPERR, at + 4 * PAGE);

    section("errors");
    CHECK_ERR(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
    CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL);
    CHECK_ERR(mmap((void *)1, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EINVAL);
    CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0), EBADF);
    CHECK_ERR(mmap(NULL, 1UL << 62, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
    CHECK_ERR(mmap(NULL, ~0UL - 100, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
    CHECK_ERR(munmap((void *)123, PAGE), EINVAL);
    CHECK_ERR(munmap(at, 0), EINVAL);

    section("a large reservation costs nothing");
    char *reserved = mmap(NULL, 1UL << 34, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(reserved != MAP_FAILED);
    CHECK_OK(mprotect(reserved + (1UL << 33), PAGE, PROT_READ | PROT_WRITE));
    WRITE(reserved + (1UL << 33), 7);
    CHECK_EQ(reserved[1UL << 33], 7);
    CHECK_FAULT(READ(reserved), SIGSEGV, SEGV_ACCERR, reserved);
    CHECK_OK(munmap(reserved, 1UL << 34));

    section("many small mappings");
    static char *small[2000];
    for (int i = 0; i < 2000; i++) {
        small[i] = map_anonymous(PAGE, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE);
        if (i % 2 == 0) *small[i] = (char)i;
    }
    for (int i = 0; i < 2000; i += 2) CHECK_EQ(*small[i], (char)i);
    for (int i = 0; i < 2000; i++) CHECK_OK(munmap(small[i], PAGE));
    return verdict();
}
