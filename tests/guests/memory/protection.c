// syscalls: mprotect
#include "memory/faults.h"

int main(void) {
    catch_faults();
    char *at = map_anonymous(4 * PAGE, PROT_READ | PROT_WRITE);
    memset(at, 'x', 4 * PAGE);

    section("read-only");
    CHECK_OK(mprotect(at + PAGE, PAGE, PROT_READ));
    READ(at + PAGE);
    CHECK_FAULT(WRITE(at + PAGE + 77, 'y'), SIGSEGV, SEGV_ACCERR, at + PAGE + 77);
    CHECK_EQ(at[PAGE + 77], 'x');
    WRITE(at + PAGE - 1, 'a');
    WRITE(at + 2 * PAGE, 'b');

    section("none, and back");
    CHECK_OK(mprotect(at + PAGE, 2 * PAGE, PROT_NONE));
    CHECK_FAULT(READ(at + PAGE), SIGSEGV, SEGV_ACCERR, at + PAGE);
    CHECK_FAULT(WRITE(at + 2 * PAGE, 1), SIGSEGV, SEGV_ACCERR, at + 2 * PAGE);
    CHECK_OK(mprotect(at, 4 * PAGE, PROT_READ | PROT_WRITE));
    CHECK_EQ(at[2 * PAGE], 'b');
    WRITE(at + PAGE, 'z');

    section("a misaligned access across into a forbidden page");
    CHECK_OK(mprotect(at + PAGE, PAGE, PROT_READ));
    uint64_t *crossing = (uint64_t *)(at + PAGE - 4);
    memset(at + PAGE - 4, 'm', 4);
    CHECK_EQ(FAULT_OF(*(volatile uint64_t *)crossing = 0), SIGSEGV);
    CHECK_EQ(fault_code, SEGV_ACCERR);
    // si_addr is the first byte that could not be written, or the access's first byte.
    CHECK(fault_address == (uintptr_t)crossing || fault_address == (uintptr_t)at + PAGE);
    CHECK_EQ(at[PAGE], 'z');

    section("PROT_WRITE alone may be read too");
    CHECK_OK(mprotect(at, PAGE, PROT_WRITE));
    WRITE(at, 'w');
    CHECK_EQ(FAULT_OF(READ(at)), 0);

    section("errors");
    CHECK_ERR(mprotect(at + 1, PAGE, PROT_READ), EINVAL);
    CHECK_OK(mprotect(at, 0, PROT_READ));
    CHECK_OK(munmap(at + 2 * PAGE, PAGE));
    CHECK_ERR(mprotect(at, 4 * PAGE, PROT_READ), ENOMEM);
    CHECK_ERR(mprotect((void *)0, PAGE, PROT_READ), ENOMEM);
    CHECK_ERR(mprotect(at, PAGE, 0x1000), EINVAL);

    section("uncaught");
    signal(SIGSEGV, SIG_DFL);
    CHECK_KILLED(IN_CHILD(READ(at + 2 * PAGE)), SIGSEGV);
    CHECK_KILLED(IN_CHILD(READ(NOWHERE)), SIGSEGV);
    return verdict();
}
