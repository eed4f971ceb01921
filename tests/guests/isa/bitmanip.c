// only: riscv64
// syscalls: write
// Zba, Zbb, Zbs and Zicond. The last is written as numbers: the assembler at hand is older than it.
#include "isa/isa.h"

__asm__(".option arch, +zba, +zbb, +zbs");

#define SHIFTS(op, last)                                                                                \
    do {                                                                                                \
        isa_begin(op);                                                                                  \
        IMMEDIATE(op, 0) IMMEDIATE(op, 1) IMMEDIATE(op, 13) IMMEDIATE(op, 31) IMMEDIATE(op, last)       \
        isa_end();                                                                                      \
    } while (0)

#define ZICOND(name, funct3)                                                                            \
    do {                                                                                                \
        isa_begin(name);                                                                                \
        EACH(a, INTEGERS) EACH(b, INTEGERS) {                                                           \
            uint64_t r;                                                                                 \
            __asm__ volatile(".insn r 0x33, " #funct3 ", 0x07, %0, %1, %2" : "=r"(r) : "r"(a), "r"(b)); \
            CASE(a, b, r);                                                                              \
        }                                                                                               \
        isa_end();                                                                                      \
    } while (0)

int main(int argc, char **argv) {
    isa_wanted = argc > 1 ? argv[1] : NULL;
    REGISTERS2("add.uw");
    REGISTERS2("sh1add");
    REGISTERS2("sh2add");
    REGISTERS2("sh3add");
    REGISTERS2("sh1add.uw");
    REGISTERS2("sh2add.uw");
    REGISTERS2("sh3add.uw");
    SHIFTS("slli.uw", 63);
    REGISTERS2("andn");
    REGISTERS2("orn");
    REGISTERS2("xnor");
    REGISTERS1("clz");
    REGISTERS1("ctz");
    REGISTERS1("cpop");
    REGISTERS1("clzw");
    REGISTERS1("ctzw");
    REGISTERS1("cpopw");
    REGISTERS2("max");
    REGISTERS2("maxu");
    REGISTERS2("min");
    REGISTERS2("minu");
    REGISTERS1("sext.b");
    REGISTERS1("sext.h");
    REGISTERS1("zext.h");
    REGISTERS2("rol");
    REGISTERS2("ror");
    REGISTERS2("rolw");
    REGISTERS2("rorw");
    SHIFTS("rori", 63);
    SHIFTS("roriw", 30);
    REGISTERS1("orc.b");
    REGISTERS1("rev8");
    REGISTERS2("bclr");
    REGISTERS2("bext");
    REGISTERS2("binv");
    REGISTERS2("bset");
    SHIFTS("bclri", 63);
    SHIFTS("bexti", 63);
    SHIFTS("binvi", 63);
    SHIFTS("bseti", 63);
    ZICOND("czero.eqz", 5);
    ZICOND("czero.nez", 7);
    return 0;
}
