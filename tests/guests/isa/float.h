// Floating-point cases: operands are whole 64-bit registers, results are the whole register and the flags raised.
#ifndef FLOAT_H
#define FLOAT_H
#include "isa/isa.h"

#define F_IN1 "fmv.d.x ft0, %2\n"
#define F_IN2 F_IN1 "fmv.d.x ft1, %3\n"
#define F_IN3 F_IN2 "fmv.d.x ft2, %4\n"
#define F_OUT "\nfmv.x.d %0, ft3\nfrflags %1"
#define F_CLOBBER "ft0", "ft1", "ft2", "ft3"

#define FLOAT1(op, table, mode)                                                                             \
    EACH(a, table) {                                                                                        \
        uint64_t r, flags;                                                                                  \
        __asm__ volatile("fsflags zero\n" F_IN1 op " ft3, ft0" mode F_OUT                                   \
                         : "=r"(r), "=r"(flags) : "r"(a) : F_CLOBBER);                                      \
        CASE(a, r, flags);                                                                                  \
    }

#define FLOAT2(op, table, mode)                                                                             \
    EACH(a, table) EACH(b, table) {                                                                         \
        uint64_t r, flags;                                                                                  \
        __asm__ volatile("fsflags zero\n" F_IN2 op " ft3, ft0, ft1" mode F_OUT                              \
                         : "=r"(r), "=r"(flags) : "r"(a), "r"(b) : F_CLOBBER);                              \
        CASE(a, b, r, flags);                                                                               \
    }

#define FLOAT3(op, table, mode)                                                                             \
    EACH(a, table) EACH(b, table) EACH(c, table) {                                                          \
        uint64_t r, flags;                                                                                  \
        __asm__ volatile("fsflags zero\n" F_IN3 op " ft3, ft0, ft1, ft2" mode F_OUT                         \
                         : "=r"(r), "=r"(flags) : "r"(a), "r"(b), "r"(c) : F_CLOBBER);                      \
        CASE(a, b, c, r, flags);                                                                            \
    }

// The result is an integer register.
#define COMPARE(op, table)                                                                                  \
    do {                                                                                                    \
        isa_begin(op);                                                                                      \
        EACH(a, table) EACH(b, table) {                                                                     \
            uint64_t r, flags;                                                                              \
            __asm__ volatile("fsflags zero\n" F_IN2 op " %0, ft0, ft1\nfrflags %1"                          \
                             : "=r"(r), "=r"(flags) : "r"(a), "r"(b) : F_CLOBBER);                          \
            CASE(a, b, r, flags);                                                                           \
        }                                                                                                   \
        isa_end();                                                                                          \
    } while (0)

#define TO_INTEGER(op, table, mode)                                                                         \
    EACH(a, table) {                                                                                        \
        uint64_t r, flags;                                                                                  \
        __asm__ volatile("fsflags zero\n" F_IN1 op " %0, ft0" mode "\nfrflags %1"                           \
                         : "=r"(r), "=r"(flags) : "r"(a) : F_CLOBBER);                                      \
        CASE(a, r, flags);                                                                                  \
    }

#define FROM_INTEGER(op, mode)                                                                              \
    EACH(a, INTEGERS) {                                                                                     \
        uint64_t r, flags;                                                                                  \
        __asm__ volatile("fsflags zero\n" op " ft3, %2" mode F_OUT                                          \
                         : "=r"(r), "=r"(flags) : "r"(a) : F_CLOBBER);                                      \
        CASE(a, r, flags);                                                                                  \
    }

// All five rounding modes, each written in the instruction, then each taken from frm.
#define FOR_MODES(kind, op, table)                                                                          \
    do {                                                                                                    \
        isa_begin(op);                                                                                      \
        kind(op, table, ", rne") kind(op, table, ", rtz") kind(op, table, ", rdn") kind(op, table, ", rup") \
        kind(op, table, ", rmm")                                                                            \
        for (int mode = 0; mode < 5; mode++) {                                                              \
            __asm__ volatile("fsrm %0" : : "r"(mode));                                                      \
            kind(op, table, ", dyn")                                                                        \
        }                                                                                                   \
        __asm__ volatile("fsrm zero");                                                                      \
        isa_end();                                                                                          \
    } while (0)

#define FROM_INTEGER_(op, unused, mode) FROM_INTEGER(op, mode)

#define PLAIN(kind, op, table)                                                                              \
    do {                                                                                                    \
        isa_begin(op);                                                                                      \
        kind(op, table, "")                                                                                 \
        isa_end();                                                                                          \
    } while (0)

#endif
