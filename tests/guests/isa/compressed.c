// only: riscv64
// syscalls: write
#include "isa/isa.h"

#define RVC(text) ".option push\n.option rvc\n" text "\n.option pop"

// c.op rd', imm on s1, which is one of the eight registers that all forms can name.
#define IMM(op, immediate)                                                                  \
    EACH(a, INTEGERS) {                                                                     \
        register uint64_t r __asm__("s1") = a;                                              \
        __asm__ volatile(RVC(op " s1, " #immediate) : "+r"(r));                             \
        CASE(a, (uint64_t)(immediate), r);                                                  \
    }

#define REG(op)                                                                             \
    do {                                                                                    \
        isa_begin(op);                                                                      \
        EACH(a, INTEGERS) EACH(b, INTEGERS) {                                               \
            register uint64_t r __asm__("a0") = a;                                          \
            register uint64_t s __asm__("a5") = b;                                          \
            __asm__ volatile(RVC(op " a0, a5") : "+r"(r) : "r"(s));                         \
            CASE(a, b, r);                                                                  \
        }                                                                                   \
        isa_end();                                                                          \
    } while (0)

static uint64_t memory[64];

#define LOAD(op, offset)                                                                    \
    do {                                                                                    \
        register uint64_t r __asm__("a0");                                                  \
        register uint64_t base __asm__("a1") = (uint64_t)memory;                            \
        __asm__ volatile(RVC(op " a0, " #offset "(a1)") : "=r"(r) : "r"(base) : "memory");  \
        CASE(offset, r);                                                                    \
    } while (0)

#define STORE(op, offset)                                                                   \
    do {                                                                                    \
        register uint64_t r __asm__("a0") = 0xfedcba9876543210;                             \
        register uint64_t base __asm__("a1") = (uint64_t)memory;                            \
        uint64_t old = memory[(offset) / 8];                                                \
        __asm__ volatile(RVC(op " a0, " #offset "(a1)") : : "r"(r), "r"(base) : "memory");  \
        CASE(offset, memory[(offset) / 8]);                                                 \
        memory[(offset) / 8] = old;                                                         \
    } while (0)

static void stack_relative(void) {
    isa_begin("c.*sp");
    register uint64_t r __asm__("a0");
    __asm__ volatile(RVC("mv t0, sp\n andi sp, sp, -16\n c.addi16sp sp, -512\n li a0, 0x123456789\n c.sdsp a0, 0(sp)\n"
                         " c.sdsp a0, 504(sp)\n c.swsp a0, 252(sp)\n c.lwsp a0, 252(sp)\n mv t1, a0\n c.ldsp a0, 504(sp)\n"
                         " add a0, a0, t1\n c.addi4spn a1, sp, 1020\n sub a1, a1, sp\n add a0, a0, a1\n"
                         " c.addi4spn a1, sp, 4\n sub a1, a1, sp\n add a0, a0, a1\n mv sp, t0")
                     : "=r"(r) : : "a1", "t0", "t1", "memory");
    CASE(r);
    uint64_t difference;
    __asm__ volatile(RVC("mv t0, sp\n c.addi16sp sp, 496\n mv t1, sp\n mv sp, t0\n sub %0, t1, t0")
                     : "=r"(difference) : : "t0", "t1");
    CASE(difference);
    isa_end();
}

static void floats(void) {
    isa_begin("c.fl/fs");
    uint64_t out;
    memory[8] = 0x400921fb54442d18;
    __asm__ volatile(RVC("mv a1, %1\n c.fld fa0, 64(a1)\n c.fsd fa0, 248(a1)\n ld %0, 248(a1)")
                     : "=r"(out) : "r"(memory) : "a1", "fa0", "memory");
    CASE(out);
    __asm__ volatile(RVC("addi sp, sp, -512\n li a1, 0x1234567\n c.sdsp a1, 504(sp)\n c.fldsp fa0, 504(sp)\n"
                         " c.fsdsp fa0, 8(sp)\n c.ldsp a1, 8(sp)\n mv %0, a1\n addi sp, sp, 512")
                     : "=r"(out) : : "a1", "fa0", "memory");
    CASE(out);
    isa_end();
}

static void jumps(void) {
    isa_begin("c.beqz/bnez");
    EACH(a, INTEGERS) {
        register uint64_t s __asm__("a0") = a;
        uint64_t z, n;
        __asm__ volatile(RVC("li %0, 1\n c.beqz a0, 1f\n li %0, 0\n1: li %1, 1\n c.bnez a0, 2f\n li %1, 0\n2:")
                         : "=&r"(z), "=&r"(n) : "r"(s));
        CASE(a, z, n);
    }
    isa_end();
    isa_begin("c.j/jr");
    uint64_t r;
    __asm__ volatile(RVC("li %0, 0\n c.j 1f\n addi %0, %0, 100\n1: lla t0, 2f\n addi %0, %0, 1\n c.jr t0\n addi %0, %0, 100\n2:"
                         " addi %0, %0, 1")
                     : "=&r"(r) : : "t0");
    CASE(r);
    isa_end();
}

int main(int argc, char **argv) {
    isa_wanted = argc > 1 ? argv[1] : NULL;
    for (unsigned i = 0; i < COUNT(memory); i++) memory[i] = (i + 1) * 0x9e3779b97f4a7c15;

#define CI(op, ...) isa_begin(op); __VA_ARGS__ isa_end()
    CI("c.addi", IMM("c.addi", 1) IMM("c.addi", -1) IMM("c.addi", 31) IMM("c.addi", -32));
    CI("c.addiw", IMM("c.addiw", 0) IMM("c.addiw", 1) IMM("c.addiw", -1) IMM("c.addiw", 31) IMM("c.addiw", -32));
    CI("c.li", IMM("c.li", 0) IMM("c.li", -1) IMM("c.li", 31) IMM("c.li", -32));
    CI("c.lui", IMM("c.lui", 1) IMM("c.lui", 31) IMM("c.lui", 0xfffe0) IMM("c.lui", 0xfffff));
    CI("c.andi", IMM("c.andi", 0) IMM("c.andi", -1) IMM("c.andi", 31) IMM("c.andi", -32));
    CI("c.slli", IMM("c.slli", 1) IMM("c.slli", 31) IMM("c.slli", 32) IMM("c.slli", 63));
    CI("c.srli", IMM("c.srli", 1) IMM("c.srli", 31) IMM("c.srli", 32) IMM("c.srli", 63));
    CI("c.srai", IMM("c.srai", 1) IMM("c.srai", 31) IMM("c.srai", 32) IMM("c.srai", 63));
    REG("c.mv");
    REG("c.add");
    REG("c.sub");
    REG("c.xor");
    REG("c.or");
    REG("c.and");
    REG("c.subw");
    REG("c.addw");
    CI("c.lw", LOAD("c.lw", 0); LOAD("c.lw", 4); LOAD("c.lw", 64); LOAD("c.lw", 124););
    CI("c.ld", LOAD("c.ld", 0); LOAD("c.ld", 8); LOAD("c.ld", 64); LOAD("c.ld", 248););
    CI("c.sw", STORE("c.sw", 0); STORE("c.sw", 4); STORE("c.sw", 64); STORE("c.sw", 124););
    CI("c.sd", STORE("c.sd", 0); STORE("c.sd", 8); STORE("c.sd", 64); STORE("c.sd", 248););
    stack_relative();
    floats();
    jumps();
    return 0;
}
