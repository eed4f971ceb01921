// only: riscv64
// qemu: -cpu rv64,v=off,zfa=off,zawrs=off,zicbom=off,zicboz=off,zicfilp=off,zicfiss=off
// syscalls: rt_sigaction rt_sigreturn
#include "isa/traps.h"
#include <sys/mman.h>

static uint32_t *code;

// Runs one instruction, followed by a return, from memory.
static int run(uint32_t instruction) {
    code[0] = instruction;
    if ((instruction & 3) == 3) {
        code[1] = 0x00008067;
    } else {
        code[0] = (instruction & 0xffff) | 0x80820000;
    }
    __builtin___clear_cache((char *)code, (char *)(code + 2));
    return TRAP_OF(((void (*)(void))code)());
}

static void check(const char *what, uint32_t instruction, int number, int code_) {
    int got = run(instruction);
    if (got != number || (got && (trap_code != code_ || trap_pc != (uintptr_t)code || trap_address != (uintptr_t)code)))
        CHECK_FAILED("  %s %#x: signal %d code %d, pc and address off by %ld and %ld; not signal %d code %d", what, instruction,
                     got, trap_code, (long)(trap_pc - (uintptr_t)code), (long)(trap_address - (uintptr_t)code), number, code_);
}

int main(void) {
    code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(code != MAP_FAILED);
    catch_traps();

    section("allowed");
    check("nop", 0x00000013, 0, 0);
    check("c.nop", 0x0001, 0, 0);

    section("illegal");
    check("all zero", 0x00000000, SIGILL, ILL_ILLOPC);
    check("all ones", 0xffffffff, SIGILL, ILL_ILLOPC);
    check("c.addi4spn with 0", 0x0004, SIGILL, ILL_ILLOPC);
    check("c.lwsp to x0", 0x4002, SIGILL, ILL_ILLOPC);
    check("c.ldsp to x0", 0x6002, SIGILL, ILL_ILLOPC);
    check("c.jr x0", 0x8002, SIGILL, ILL_ILLOPC);
    check("c.addiw x0", 0x2001, SIGILL, ILL_ILLOPC);
    check("c.addi16sp 0", 0x6101, SIGILL, ILL_ILLOPC);
    check("c.lui with 0", 0x6081, SIGILL, ILL_ILLOPC);
    check("branch funct3 2", 0x00002063, SIGILL, ILL_ILLOPC);
    check("load funct3 7", 0x00007003, SIGILL, ILL_ILLOPC);
    check("store funct3 7", 0x00007023, SIGILL, ILL_ILLOPC);
    check("jalr funct3 1", 0x00001067, SIGILL, ILL_ILLOPC);
    check("op funct7", 0x7e000033, SIGILL, ILL_ILLOPC);
    check("slliw with bit 25", 0x0200101b, SIGILL, ILL_ILLOPC);
    check("amo funct3 0", 0x0000002f, SIGILL, ILL_ILLOPC);
    check("lr with rs2", 0x1015302f, SIGILL, ILL_ILLOPC);
    check("custom-0", 0x0000000b, SIGILL, ILL_ILLOPC);
    check("vector", 0x02000057, SIGILL, ILL_ILLOPC);
    check("fadd.q", 0x06000053, SIGILL, ILL_ILLOPC);
    check("rounding mode 5", 0x02005053, SIGILL, ILL_ILLOPC);
    check("rounding mode 6", 0x02006053, SIGILL, ILL_ILLOPC);

    section("privileged");
    check("mret", 0x30200073, SIGILL, ILL_ILLOPC);
    check("sret", 0x10200073, SIGILL, ILL_ILLOPC);
    check("wfi", 0x10500073, SIGILL, ILL_ILLOPC);
    check("sfence.vma", 0x12000073, SIGILL, ILL_ILLOPC);
    check("csrr mstatus", 0x30002573, SIGILL, ILL_ILLOPC);
    check("csrr sstatus", 0x10002573, SIGILL, ILL_ILLOPC);
    check("csrw cycle", 0xc0001073, SIGILL, ILL_ILLOPC);
    check("an absent csr", 0x80002573, SIGILL, ILL_ILLOPC);

    section("a bad rounding mode in frm");
    __asm__ volatile("fsrm %0" : : "r"(5));
    check("fadd.d, dyn", 0x02007053, SIGILL, ILL_ILLOPC);
    check("fsgnj.d needs none", 0x22000053, 0, 0);
    __asm__ volatile("fsrm zero");
    check("fadd.d, dyn", 0x02007053, 0, 0);

    section("breakpoints");
    check("ebreak", 0x00100073, SIGTRAP, TRAP_BRKPT);
    check("c.ebreak", 0x9002, SIGTRAP, TRAP_BRKPT);

    section("uncaught");
    signal(SIGILL, SIG_DFL);
    signal(SIGTRAP, SIG_DFL);
    CHECK_KILLED(IN_CHILD(run(0)), SIGILL);
    CHECK_KILLED(IN_CHILD(__asm__ volatile("ebreak")), SIGTRAP);
    // A blocked or ignored signal that the program itself raised kills all the same.
    signal(SIGILL, SIG_IGN);
    CHECK_KILLED(IN_CHILD(run(0)), SIGILL);
    CHECK_KILLED(IN_CHILD({
                     catch_traps();
                     sigset_t all;
                     sigfillset(&all);
                     sigprocmask(SIG_BLOCK, &all, NULL);
                     run(0);
                 }),
                 SIGILL);
    return verdict();
}
