// only: riscv64
// syscalls: write mmap
#include "isa/isa.h"
#include <sys/mman.h>

static unsigned char *pages;

static void refill(void) {
    for (int i = 0; i < 8192; i++) pages[i] = (unsigned char)(i * 197 + (i >> 8) * 31 + 11);
}

// Every alignment, in the middle of a page and across two.
#define PLACES(address) for (uint64_t place = 0; place < 32; place++) \
    for (unsigned char *address = pages + (place < 16 ? 1000 + place : 4096 - 8 + place - 16), *once = address; once; once = NULL)

#define LOAD(op)                                                                                    \
    do {                                                                                            \
        isa_begin(op);                                                                              \
        PLACES(at) {                                                                                \
            uint64_t r;                                                                             \
            __asm__ volatile(op " %0, 0(%1)" : "=r"(r) : "r"(at) : "memory");                       \
            CASE(place, r);                                                                         \
            __asm__ volatile(op " %0, -2048(%1)" : "=r"(r) : "r"(at + 2048) : "memory");            \
            CASE(place, r);                                                                         \
            __asm__ volatile(op " %0, 2047(%1)" : "=r"(r) : "r"(at - 2047) : "memory");             \
            CASE(place, r);                                                                         \
        }                                                                                           \
        isa_end();                                                                                  \
    } while (0)

#define STORE(op)                                                                                   \
    do {                                                                                            \
        isa_begin(op);                                                                              \
        PLACES(at) {                                                                                \
            uint64_t before, after, self;                                                           \
            __asm__ volatile(op " %0, 0(%1)" : : "r"(0xf1e2d3c4b5a69788), "r"(at) : "memory");      \
            memcpy(&before, at - 8, 8);                                                             \
            memcpy(&self, at, 8);                                                                   \
            memcpy(&after, at + 8, 8);                                                              \
            CASE(place, before, self, after);                                                       \
            refill();                                                                               \
        }                                                                                           \
        isa_end();                                                                                  \
    } while (0)

#define LOAD_FLOAT(op)                                                                              \
    do {                                                                                            \
        isa_begin(op);                                                                              \
        PLACES(at) {                                                                                \
            uint64_t r;                                                                             \
            __asm__ volatile(op " ft0, 0(%1)\n fmv.x.d %0, ft0" : "=r"(r) : "r"(at) : "ft0", "memory"); \
            CASE(place, r);                                                                         \
        }                                                                                           \
        isa_end();                                                                                  \
    } while (0)

#define STORE_FLOAT(op)                                                                             \
    do {                                                                                            \
        isa_begin(op);                                                                              \
        PLACES(at) {                                                                                \
            uint64_t self;                                                                          \
            __asm__ volatile("fmv.d.x ft0, %0\n" op " ft0, 0(%1)" : : "r"(0xf1e2d3c4b5a69788), "r"(at) \
                             : "ft0", "memory");                                                    \
            memcpy(&self, at, 8);                                                                   \
            CASE(place, self);                                                                      \
            refill();                                                                               \
        }                                                                                           \
        isa_end();                                                                                  \
    } while (0)

int main(int argc, char **argv) {
    isa_wanted = argc > 1 ? argv[1] : NULL;
    // Two pages that are not one another's neighbours in the machine below, where that can be had.
    pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pages[4096] = 1;
    pages[0] = 1;
    refill();
    LOAD("lb");
    LOAD("lbu");
    LOAD("lh");
    LOAD("lhu");
    LOAD("lw");
    LOAD("lwu");
    LOAD("ld");
    STORE("sb");
    STORE("sh");
    STORE("sw");
    STORE("sd");
    LOAD_FLOAT("flw");
    LOAD_FLOAT("fld");
    STORE_FLOAT("fsw");
    STORE_FLOAT("fsd");
    return 0;
}
