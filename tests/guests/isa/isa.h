// What the instruction tests share: each instruction is run on every combination of edge values, and one line says its
// name, the number of cases and a hash of all operands and results. Given an instruction's name as argument, a program
// prints each of its cases, so that two machines' outputs can be compared case by case.
#ifndef ISA_H
#define ISA_H
#include "check.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *isa_name, *isa_wanted;
static uint64_t isa_hash;
static unsigned isa_cases;

static const uint64_t INTEGERS[] = {
    0, 1, 2, 3, 7, 31, 32, 33, 63, 64, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff,
    0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0x100000000, 0x123456789abcdef0, 0x00ff00ff00ff00ff,
    0x5555555555555555, 0xaaaaaaaaaaaaaaaa, 0x7fffffffffffffff, 0x8000000000000000, 0x8000000000000001,
    0xffffffff00000000, 0xffffffff7fffffff, 0xffffffff80000000, 0xfffffffffffffffe, 0xffffffffffffffff,
};

static const uint64_t DOUBLES[] = {
    0x0000000000000000, 0x8000000000000000, 0x3ff0000000000000, 0xbff0000000000000, // 0, -0, 1, -1
    0x3ff8000000000000, 0xc004000000000000, 0x3fe0000000000000, 0x3fefffffffffffff, // 1.5, -2.5, 0.5, below 1
    0x0000000000000001, 0x800fffffffffffff, 0x0010000000000000, 0x0010000000000001, // subnormals, least normal
    0x7fefffffffffffff, 0xffefffffffffffff, 0x7ff0000000000000, 0xfff0000000000000, // greatest, infinities
    0x7ff8000000000000, 0x7ff0000000000001, 0xfff8000000000123, 0xfff7ffffffffffff, // quiet and signalling NaNs
    0x4340000000000001, 0x41dfffffffc00000, 0x41e0000000000000, 0xc1e0000000200000, // around 2^53 and 2^31
    0x43dfffffffffffff, 0x43e0000000000000, 0xc3e0000000000000, 0x43f0000000000000, // around 2^63, 2^64
    0x3ca0000000000000, 0x3ca0000000000001, 0x400921fb54442d18, 0x36a0000000000000, // halves of an ulp, pi, tiny
    0x47efffffe0000000, 0x47effffff0000000, 0x380fffffffffffff, 0x3810000000000000, // around the edges of single
};

#define BOX(word) (0xffffffff00000000 | (word))
static const uint64_t SINGLES[] = {
    BOX(0x00000000), BOX(0x80000000), BOX(0x3f800000), BOX(0xbf800000), BOX(0x3fc00000), BOX(0xc0200000),
    BOX(0x3f000000), BOX(0x3f7fffff), BOX(0x00000001), BOX(0x807fffff), BOX(0x00800000), BOX(0x00800001),
    BOX(0x7f7fffff), BOX(0xff7fffff), BOX(0x7f800000), BOX(0xff800000), BOX(0x7fc00000), BOX(0x7f800001),
    BOX(0xffc00123), BOX(0xffbfffff), BOX(0x4b800001), BOX(0x4f000000), BOX(0x4effffff), BOX(0xcf000000),
    BOX(0xcf000001), BOX(0x4f800000), BOX(0x5f000000), BOX(0x5effffff), BOX(0xdf000000), BOX(0x5f800000),
    BOX(0x33800000), BOX(0x33800001), BOX(0x40490fdb), BOX(0xbf000000),
    0x000000003f800000, 0xfffffffe3f800000, 0x7ff0000000000000, // not boxed: each reads as the canonical NaN
};

__attribute__((unused)) static void isa_begin(const char *name) {
    isa_name = name;
    isa_hash = 0xcbf29ce484222325;
    isa_cases = 0;
}

static void isa_mix(uint64_t word) {
    isa_hash = (isa_hash ^ word) * 0x100000001b3;
    isa_hash ^= isa_hash >> 29;
}

__attribute__((unused)) static void isa_case(int count, const uint64_t *words) {
    isa_cases++;
    for (int i = 0; i < count; i++) isa_mix(words[i]);
    if (isa_wanted && strcmp(isa_wanted, isa_name) == 0) {
        char line[200];
        int length = 0;
        for (int i = 0; i < count; i++) length += sprintf(line + length, " %016llx", (unsigned long long)words[i]);
        say("%s%s", isa_name, line);
    }
}

#define CASE(...) isa_case(COUNT(((uint64_t[]){__VA_ARGS__})), (uint64_t[]){__VA_ARGS__})

__attribute__((unused)) static void isa_end(void) {
    say("%-12s %5u %016llx", isa_name, isa_cases, (unsigned long long)isa_hash);
}

#define EACH(value, table) for (unsigned value##_i = 0; value##_i < COUNT(table); value##_i++) \
    for (uint64_t value = table[value##_i], value##_once = 1; value##_once; value##_once = 0)

// op rd, rs1, rs2
#define REGISTERS2(op)                                                              \
    do {                                                                            \
        isa_begin(op);                                                              \
        EACH(a, INTEGERS) EACH(b, INTEGERS) {                                       \
            uint64_t r;                                                             \
            __asm__ volatile(op " %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));          \
            CASE(a, b, r);                                                          \
        }                                                                           \
        isa_end();                                                                  \
    } while (0)

// op rd, rs1
#define REGISTERS1(op)                                                              \
    do {                                                                            \
        isa_begin(op);                                                              \
        EACH(a, INTEGERS) {                                                         \
            uint64_t r;                                                             \
            __asm__ volatile(op " %0, %1" : "=r"(r) : "r"(a));                      \
            CASE(a, r);                                                             \
        }                                                                           \
        isa_end();                                                                  \
    } while (0)

// op rd, rs1, imm, for one immediate; between isa_begin and isa_end
#define IMMEDIATE(op, immediate)                                                    \
    EACH(a, INTEGERS) {                                                             \
        uint64_t r;                                                                 \
        __asm__ volatile(op " %0, %1, %2" : "=r"(r) : "r"(a), "i"(immediate));      \
        CASE(a, (uint64_t)(immediate), r);                                          \
    }

#endif
