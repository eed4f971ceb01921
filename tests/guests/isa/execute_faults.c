// only: riscv64
// syscalls: mprotect rt_sigaction
#include "isa/traps.h"
#include <sys/mman.h>

int main(void) {
    unsigned char *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    catch_traps();
    void (*at_pages)(void) = (void (*)(void))pages;

    section("a page that may not be executed");
    memcpy(pages, (uint16_t[]){0x8082}, 2);
    CHECK_OK(mprotect(pages, 4096, PROT_READ | PROT_WRITE));
    CHECK_TRAP(at_pages(), SIGSEGV, SEGV_ACCERR);
    CHECK_EQ(trap_address, (uintptr_t)pages);
    CHECK_EQ(trap_pc, (uintptr_t)pages);
    CHECK_OK(mprotect(pages, 4096, PROT_READ | PROT_EXEC));
    CHECK_EQ(TRAP_OF(at_pages()), 0);

    section("a page that is not there");
    CHECK_OK(munmap(pages + 8192, 4096));
    CHECK_TRAP(((void (*)(void))(pages + 8192))(), SIGSEGV, SEGV_MAPERR);
    CHECK_EQ(trap_address, (uintptr_t)pages + 8192);
    CHECK_TRAP(((void (*)(void))NOWHERE)(), SIGSEGV, SEGV_MAPERR);
    CHECK_EQ(trap_address, (uintptr_t)NOWHERE);
    CHECK_EQ(trap_pc, (uintptr_t)NOWHERE);

    section("running off the end of a page");
    uint16_t nops[4] = {1, 1, 1, 1};
    memcpy(pages + 8192 - 8, nops, 8);
    CHECK_TRAP(((void (*)(void))(pages + 8192 - 8))(), SIGSEGV, SEGV_MAPERR);
    CHECK_EQ(trap_address, (uintptr_t)pages + 8192);
    CHECK_EQ(trap_pc, (uintptr_t)pages + 8192);

    section("an instruction across two pages");
    CHECK_OK(mprotect(pages, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
    uint32_t addi = 0x00150513; // addi a0, a0, 1
    memcpy(pages + 4096 - 2, &addi, 4);
    memcpy(pages + 4096 + 2, (uint16_t[]){0x8082}, 2);
    long (*crossing)(long) = (long (*)(long))(pages + 4096 - 2);
    __builtin___clear_cache((char *)pages, (char *)pages + 8192);
    CHECK_EQ(crossing(41), 42);
    CHECK_OK(mprotect(pages + 4096, 4096, PROT_NONE));
    CHECK_TRAP(crossing(1), SIGSEGV, SEGV_ACCERR);
    CHECK_EQ(trap_pc, (uintptr_t)pages + 4096 - 2);
    CHECK_EQ(trap_address, (uintptr_t)pages + 4096);
    // Its second half changes alone.
    CHECK_OK(mprotect(pages + 4096, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
    pages[4096 + 1] = 0x00 | 0x20; // the immediate becomes 0x201
    __builtin___clear_cache((char *)pages, (char *)pages + 8192);
    CHECK_EQ(crossing(0), 0x201);
    return verdict();
}
