// syscalls: mremap
#include "memory/faults.h"

int main(void) {
    catch_faults();
    section("shrink and grow in place");
    char *at = map_anonymous(9 * PAGE, PROT_READ | PROT_WRITE);
    CHECK_OK(mprotect(at + 8 * PAGE, PAGE, PROT_NONE));
    for (int i = 0; i < 8; i++) at[i * PAGE] = (char)(i + 1);
    CHECK(mremap(at, 8 * PAGE, 4 * PAGE, 0) == at);
    CHECK_FAULT(READ(at + 4 * PAGE), SIGSEGV, SEGV_MAPERR, at + 4 * PAGE);
    CHECK(mremap(at, 4 * PAGE, 8 * PAGE, 0) == at);
    CHECK_EQ(at[3 * PAGE], 4);
    CHECK_EQ(at[4 * PAGE], 0);

    section("may move");
    CHECK_ERR(mremap(at, 8 * PAGE, 16 * PAGE, 0), ENOMEM);
    char *moved = mremap(at, 8 * PAGE, 16 * PAGE, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED && moved != at);
    for (int i = 0; i < 4; i++) CHECK_EQ(moved[i * PAGE], i + 1);
    CHECK_EQ(moved[15 * PAGE], 0);
    CHECK_FAULT(READ(at), SIGSEGV, SEGV_MAPERR, at);

    section("fixed");
    char *target = map_anonymous(16 * PAGE, PROT_READ);
    CHECK(mremap(moved, 16 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
    CHECK_EQ(target[PAGE], 2);
    WRITE(target, 5);
    CHECK_EQ(target[2 * PAGE], 0);
    CHECK_FAULT(WRITE(target + 2 * PAGE, 1), SIGSEGV, SEGV_ACCERR, target + 2 * PAGE);
    CHECK_FAULT(READ(moved + 8 * PAGE), SIGSEGV, SEGV_MAPERR, moved + 8 * PAGE);

    section("part of a mapping");
    char *whole = map_anonymous(4 * PAGE, PROT_READ | PROT_WRITE);
    for (int i = 0; i < 4; i++) whole[i * PAGE] = (char)(10 + i);
    char *part = mremap(whole + PAGE, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    CHECK(part != MAP_FAILED);
    CHECK_EQ(part[0], 11);
    CHECK_EQ(whole[0], 10);
    CHECK_EQ(whole[2 * PAGE], 12);
    CHECK_FAULT(READ(whole + PAGE), SIGSEGV, SEGV_MAPERR, whole + PAGE);

    section("errors");
    CHECK_ERR(mremap(whole + 1, PAGE, PAGE, 0), EINVAL);
    CHECK_ERR(mremap(whole, PAGE, 0, 0), EINVAL);
    CHECK_ERR(mremap(whole + PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
    CHECK_ERR(mremap(whole, PAGE, PAGE, MREMAP_FIXED, target), EINVAL);
    CHECK_ERR(mremap(whole, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, whole), EINVAL);
    return verdict();
}
