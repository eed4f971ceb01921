// only: riscv64
// syscalls: write
#include "isa/isa.h"

#define BRANCH(op)                                                                                              \
    do {                                                                                                        \
        isa_begin(op);                                                                                          \
        EACH(a, INTEGERS) EACH(b, INTEGERS) {                                                                   \
            uint64_t forward, back;                                                                             \
            __asm__ volatile("li %0, 1\n " op " %2, %3, 1f\n li %0, 0\n1:\n"                                    \
                             " li %1, 0\n j 3f\n2: li %1, 1\n j 4f\n3: " op " %2, %3, 2b\n4:"                   \
                             : "=&r"(forward), "=&r"(back) : "r"(a), "r"(b));                                   \
            CASE(a, b, forward, back);                                                                          \
        }                                                                                                       \
        isa_end();                                                                                              \
    } while (0)

static void jumps(void) {
    uint64_t link, base, r;
    isa_begin("jal");
    __asm__ volatile(".option push\n.option norvc\n lla %1, 1f\n jal %0, 2f\n1: nop\n2:\n.option pop"
                     : "=&r"(link), "=&r"(base));
    CASE(link - base);
    isa_end();
    isa_begin("jalr");
    __asm__ volatile(".option push\n.option norvc\n lla %1, 1f\n jalr %0, 4(%1)\n1: nop\n nop\n.option pop"
                     : "=&r"(link), "=&r"(base));
    CASE(link - base);
    // The target's lowest bit is dropped.
    __asm__ volatile(".option push\n.option norvc\n li %0, 0\n lla %1, 1f\n jalr zero, 1(%1)\n li %0, 5\n"
                     "1: addi %0, %0, 1\n.option pop"
                     : "=&r"(r), "=&r"(base));
    CASE(r);
    // One register as base and link: the target is taken before the link is written.
    __asm__ volatile(".option push\n.option norvc\n li %0, 0\n lla %1, 1f\n jalr %1, 0(%1)\n li %0, 5\n"
                     "1: lla t0, 1b\n sub %1, t0, %1\n addi %0, %0, 1\n.option pop"
                     : "=&r"(r), "=&r"(base) : : "t0");
    CASE(r, base);
    isa_end();
    isa_begin("c.jalr");
    __asm__ volatile(".option push\n.option rvc\n lla %1, 1f\n lla t0, 2f\n c.jalr t0\n1: c.nop\n2: sub %0, ra, %1\n"
                     ".option pop"
                     : "=&r"(link), "=&r"(base) : : "t0", "ra");
    CASE(link);
    isa_end();
}

// The farthest that each form reaches, forward and back.
static void reach(void) {
    uint64_t r;
    isa_begin("reach");
    __asm__ volatile(".option push\n.option norvc\n li %0, 0\n beq zero, zero, 1f\n .zero 4090\n1: addi %0, %0, 1\n .option pop"
                     : "=r"(r));
    CASE(r);
    __asm__ volatile(".option push\n.option norvc\n li %0, 0\n j 2f\n1: addi %0, %0, 1\n j 3f\n .zero 4088\n"
                     "2: beq zero, zero, 1b\n3: .option pop"
                     : "=r"(r));
    CASE(r);
    __asm__ volatile(".option push\n.option norvc\n li %0, 0\n jal zero, 1f\n .zero 0xffff8\n1: addi %0, %0, 1\n .option pop"
                     : "=r"(r));
    CASE(r);
    isa_end();
}

// A fence of any kind, and hints (unprivileged ISA, "HINT instructions"), change nothing.
static void hints(void) {
    uint64_t r = 5;
    isa_begin("hints");
    __asm__ volatile("fence\n fence r, w\n fence.tso\n .word 0x0100000f\n" // the last is pause
                     " slti zero, %0, 7\n lui zero, 9\n .half 0x0001\n .half 0x0005\n fence.i"
                     : "+r"(r));
    CASE(r);
    isa_end();
}

int main(int argc, char **argv) {
    isa_wanted = argc > 1 ? argv[1] : NULL;
    BRANCH("beq");
    BRANCH("bne");
    BRANCH("blt");
    BRANCH("bge");
    BRANCH("bltu");
    BRANCH("bgeu");
    jumps();
    reach();
    hints();
    return 0;
}
