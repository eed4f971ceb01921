// only: riscv64
// syscalls: write
#include "isa/isa.h"

#define AMO(op)                                                                                     \
    do {                                                                                            \
        isa_begin(op);                                                                              \
        EACH(a, INTEGERS) EACH(b, INTEGERS) {                                                       \
            _Alignas(16) uint64_t cell[2] = {a, 0x7777777777777777};                                \
            uint64_t r;                                                                             \
            __asm__ volatile(op " %0, %2, %1" : "=r"(r), "+A"(cell[0]) : "r"(b) : "memory");        \
            CASE(a, b, r, cell[0], cell[1]);                                                        \
        }                                                                                           \
        isa_end();                                                                                  \
    } while (0)

#define AMOS(name)              \
    AMO(name ".w");             \
    AMO(name ".d");             \
    AMO(name ".w.aqrl");        \
    AMO(name ".d.aq")

// The upper word of a doubleword, which a .w operation must leave the lower one of.
static void upper_word(void) {
    isa_begin("amoadd.w hi");
    EACH(a, INTEGERS) {
        uint64_t cell = a, r;
        __asm__ volatile("amoadd.w %0, %2, (%1)" : "=r"(r) : "r"((char *)&cell + 4), "r"(0x12345678) : "memory");
        CASE(a, r, cell);
    }
    isa_end();
}

static void reservations(void) {
    uint64_t cells[64] __attribute__((aligned(64))) = {5, 6}, r, s;
    section("lr and sc");
    __asm__ volatile("lr.d %0, (%2)\n sc.d %1, %3, (%2)" : "=&r"(r), "=&r"(s) : "r"(cells), "r"(77) : "memory");
    CHECK_EQ(r, 5);
    CHECK_EQ(s, 0);
    CHECK_EQ(cells[0], 77);
    // Each sc ends the reservation.
    __asm__ volatile("sc.d %0, %2, (%1)" : "=&r"(s) : "r"(cells), "r"(78) : "memory");
    CHECK(s != 0);
    CHECK_EQ(cells[0], 77);
    // An sc elsewhere fails, and ends it too.
    __asm__ volatile("lr.d t0, (%1)\n sc.d %0, %2, (%3)\n sc.d t1, %2, (%1)\n snez t1, t1\n add %0, %0, t1\n"
                     : "=&r"(s) : "r"(cells), "r"(79), "r"(cells + 32) : "t0", "t1", "memory");
    CHECK_EQ(s, 2);
    CHECK_EQ(cells[0], 77);
    CHECK_EQ(cells[32], 0);
    // lr.w sign-extends, sc.w writes one word.
    cells[2] = 0x11111111fedcba98;
    __asm__ volatile("lr.w %0, (%2)\n sc.w %1, %3, (%2)" : "=&r"(r), "=&r"(s) : "r"(cells + 2), "r"(0x76543210) : "memory");
    CHECK_EQ(r, 0xfffffffffedcba98);
    CHECK_EQ(s, 0);
    CHECK_EQ(cells[2], 0x1111111176543210);
    // The ordering bits change nothing here.
    __asm__ volatile("lr.d.aqrl %0, (%2)\n sc.d.rl %1, %3, (%2)" : "=&r"(r), "=&r"(s) : "r"(cells), "r"(80) : "memory");
    CHECK_EQ(s, 0);
    CHECK_EQ(cells[0], 80);
    // rd = x0 and a loop that counts.
    __asm__ volatile("li t0, 1000\n1: lr.w t1, (%0)\n addi t1, t1, 1\n sc.w t2, t1, (%0)\n bnez t2, 1b\n addi t0, t0, -1\n"
                     " bnez t0, 1b" : : "r"(cells + 3) : "t0", "t1", "t2", "memory");
    CHECK_EQ(cells[3], 1000);
    __asm__ volatile("lr.d zero, (%0)\n sc.d zero, %1, (%0)" : : "r"(cells), "r"(81) : "memory");
    CHECK_EQ(cells[0], 81);
    __asm__ volatile("amoswap.d zero, %1, (%0)" : : "r"(cells), "r"(82) : "memory");
    CHECK_EQ(cells[0], 82);
}

int main(int argc, char **argv) {
    isa_wanted = argc > 1 ? argv[1] : NULL;
    AMOS("amoswap");
    AMOS("amoadd");
    AMOS("amoxor");
    AMOS("amoand");
    AMOS("amoor");
    AMOS("amomin");
    AMOS("amomax");
    AMOS("amominu");
    AMOS("amomaxu");
    upper_word();
    reservations();
    return verdict();
}
