// only: riscv64
// syscalls: write
#include "isa/isa.h"

#define IMMEDIATES(op)                                                                                  \
    do {                                                                                                \
        isa_begin(op);                                                                                  \
        IMMEDIATE(op, 0) IMMEDIATE(op, 1) IMMEDIATE(op, -1) IMMEDIATE(op, 2047) IMMEDIATE(op, -2048)    \
        IMMEDIATE(op, 0x555) IMMEDIATE(op, -0x555)                                                      \
        isa_end();                                                                                      \
    } while (0)

#define SHIFTS64(op)                                                                                    \
    do {                                                                                                \
        isa_begin(op);                                                                                  \
        IMMEDIATE(op, 0) IMMEDIATE(op, 1) IMMEDIATE(op, 7) IMMEDIATE(op, 31) IMMEDIATE(op, 32)          \
        IMMEDIATE(op, 33) IMMEDIATE(op, 62) IMMEDIATE(op, 63)                                           \
        isa_end();                                                                                      \
    } while (0)

#define SHIFTS32(op)                                                                                    \
    do {                                                                                                \
        isa_begin(op);                                                                                  \
        IMMEDIATE(op, 0) IMMEDIATE(op, 1) IMMEDIATE(op, 7) IMMEDIATE(op, 30) IMMEDIATE(op, 31)          \
        isa_end();                                                                                      \
    } while (0)

#define UPPER(op, immediate)                                                                            \
    do {                                                                                                \
        uint64_t r;                                                                                     \
        __asm__ volatile(op " %0, %1" : "=r"(r) : "i"(immediate));                                      \
        CASE(immediate, r);                                                                             \
    } while (0)

// auipc shows where it is; what can be compared is the difference from the next one.
#define AUIPC(immediate)                                                                                \
    do {                                                                                                \
        uint64_t here, there;                                                                           \
        __asm__ volatile(".option push\n.option norvc\nauipc %0, 0\nauipc %1, %2\n.option pop"          \
                         : "=&r"(here), "=r"(there) : "i"(immediate));                                  \
        CASE(immediate, there - here);                                                                  \
    } while (0)

static void zero_register(void) {
    isa_begin("x0");
    uint64_t r;
    __asm__ volatile("li t0, 5\n add zero, t0, t0\n mul zero, t0, t0\n addi %0, zero, 0" : "=r"(r) : : "t0");
    CASE(r);
    __asm__ volatile("lla t0, 1f\n ld zero, 0(t0)\n mv %0, zero\n j 2f\n .balign 8\n1: .dword 77\n2:"
                     : "=r"(r) : : "t0");
    CASE(r);
    __asm__ volatile("auipc zero, 1\n lui zero, 5\n jal zero, 1f\n nop\n1: sub %0, zero, zero" : "=r"(r));
    CASE(r);
    __asm__ volatile("frflags zero\n csrrs zero, fflags, zero\n mv %0, zero" : "=r"(r));
    CASE(r);
    isa_end();
}

// Source and destination in one register, which a three-operand table never shows.
#define SAME(op)                                                                                        \
    EACH(a, INTEGERS) {                                                                                 \
        uint64_t r = a;                                                                                 \
        __asm__ volatile(op " %0, %0, %0" : "+r"(r));                                                   \
        CASE(a, r);                                                                                     \
    }

int main(int argc, char **argv) {
    isa_wanted = argc > 1 ? argv[1] : NULL;
    REGISTERS2("add");
    REGISTERS2("sub");
    REGISTERS2("sll");
    REGISTERS2("slt");
    REGISTERS2("sltu");
    REGISTERS2("xor");
    REGISTERS2("srl");
    REGISTERS2("sra");
    REGISTERS2("or");
    REGISTERS2("and");
    REGISTERS2("addw");
    REGISTERS2("subw");
    REGISTERS2("sllw");
    REGISTERS2("srlw");
    REGISTERS2("sraw");
    REGISTERS2("mul");
    REGISTERS2("mulh");
    REGISTERS2("mulhsu");
    REGISTERS2("mulhu");
    REGISTERS2("div");
    REGISTERS2("divu");
    REGISTERS2("rem");
    REGISTERS2("remu");
    REGISTERS2("mulw");
    REGISTERS2("divw");
    REGISTERS2("divuw");
    REGISTERS2("remw");
    REGISTERS2("remuw");
    IMMEDIATES("addi");
    IMMEDIATES("slti");
    IMMEDIATES("sltiu");
    IMMEDIATES("xori");
    IMMEDIATES("ori");
    IMMEDIATES("andi");
    IMMEDIATES("addiw");
    SHIFTS64("slli");
    SHIFTS64("srli");
    SHIFTS64("srai");
    SHIFTS32("slliw");
    SHIFTS32("srliw");
    SHIFTS32("sraiw");
    isa_begin("lui");
    UPPER("lui", 0);
    UPPER("lui", 1);
    UPPER("lui", 0x7ffff);
    UPPER("lui", 0x80000);
    UPPER("lui", 0xfffff);
    isa_end();
    isa_begin("auipc");
    AUIPC(0);
    AUIPC(1);
    AUIPC(0x7ffff);
    AUIPC(0x80000);
    AUIPC(0xfffff);
    isa_end();
    isa_begin("rd=rs1=rs2");
    SAME("add") SAME("sub") SAME("sll") SAME("mulhu") SAME("div") SAME("rem") SAME("sltu") SAME("addw")
    isa_end();
    zero_register();
    return 0;
}
