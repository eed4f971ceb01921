// only: riscv64
// oracle: man page; qemu's user mode aborts on a misaligned AMO
// syscalls: rt_sigaction
//
// Unprivileged ISA, "A" chapter: a misaligned AMO, LR or SC raises an address-misaligned or an access-fault exception.
// Linux, arch/riscv/kernel/traps.c: do_trap_load_misaligned and do_trap_store_misaligned send SIGBUS, BUS_ADRALN, si_addr = pc
// where they can't emulate; an access fault is SIGSEGV, SEGV_ACCERR. Tidemark answers as hardware without Zam.
#include "isa/traps.h"

static _Alignas(16) char memory[32];

#define MISALIGNED(op, at)                                                                      \
    do {                                                                                        \
        CHECK_EQ(TRAP_OF(__asm__ volatile(op : : "r"(memory + (at)) : "t0", "t1", "memory")), SIGBUS); \
        CHECK_EQ(trap_code, BUS_ADRALN);                                                        \
    } while (0)

int main(void) {
    catch_traps();
    section("misaligned atomics");
    MISALIGNED("amoadd.w t0, zero, (%0)", 1);
    MISALIGNED("amoadd.w t0, zero, (%0)", 2);
    MISALIGNED("amoadd.d t0, zero, (%0)", 4);
    MISALIGNED("amoswap.d t0, zero, (%0)", 1);
    MISALIGNED("lr.w t0, (%0)", 2);
    MISALIGNED("lr.d t0, (%0)", 4);
    MISALIGNED("sc.w t0, zero, (%0)", 2);
    MISALIGNED("sc.d t0, zero, (%0)", 4);

    section("aligned ones");
    CHECK_EQ(TRAP_OF(__asm__ volatile("amoadd.w t0, zero, (%0)" : : "r"(memory + 4) : "t0", "memory")), 0);
    CHECK_EQ(TRAP_OF(__asm__ volatile("lr.d t0, (%0)" : : "r"(memory + 8) : "t0", "memory")), 0);
    return verdict();
}
