// only: riscv64
// syscalls: write
#include "isa/isa.h"

#define CSR(op, csr, value) ({ uint64_t r_; __asm__ volatile(op " %0, " csr ", %1" : "=r"(r_) : "r"((uint64_t)(value))); r_; })
#define READ(csr) ({ uint64_t r_; __asm__ volatile("csrr %0, " csr : "=r"(r_)); r_; })

int main(void) {
    section("fcsr, frm and fflags are views of one register");
    CHECK_EQ(CSR("csrrw", "fcsr", -1) & ~0xffUL, 0);
    CHECK_EQ(READ("fcsr"), 0xff);
    CHECK_EQ(READ("frm"), 7);
    CHECK_EQ(READ("fflags"), 0x1f);
    CHECK_EQ(CSR("csrrw", "frm", 0xfa), 7);
    CHECK_EQ(READ("fcsr"), 0x5f);
    CHECK_EQ(CSR("csrrc", "fflags", 0x11), 0x1f);
    CHECK_EQ(READ("fcsr"), 0x4e);
    CHECK_EQ(READ("fcsr") >> 5, 2);
    CHECK_EQ(CSR("csrrs", "frm", 1), 2);
    CHECK_EQ(READ("frm"), 3);
    CHECK_EQ(READ("fflags"), 0x0e);
    uint64_t r;
    __asm__ volatile("csrrwi %0, frm, 1" : "=r"(r));
    CHECK_EQ(r, 3);
    __asm__ volatile("csrrsi %0, fflags, 16" : "=r"(r));
    CHECK_EQ(r, 0x0e);
    __asm__ volatile("csrrci %0, fflags, 2" : "=r"(r));
    CHECK_EQ(r, 0x1e);
    CHECK_EQ(READ("fcsr"), 0x3c);
    __asm__ volatile("fscsr zero");

    section("flags accumulate");
    __asm__ volatile("fmv.d.x ft0, zero\n li t0, 1\n fcvt.d.w ft1, t0\n fdiv.d ft2, ft1, ft0\n fdiv.d ft2, ft0, ft0\n"
                     " li t0, 3\n fcvt.d.w ft0, t0\n fdiv.d ft2, ft1, ft0" : : : "t0", "ft0", "ft1", "ft2");
    CHECK_EQ(READ("fflags"), 0x19); // invalid, divide by zero, inexact
    __asm__ volatile("fsflags zero");

    section("counters");
    uint64_t before, after, previous = 0;
    int back = 0;
    for (int i = 0; i < 10000; i++) {
        uint64_t now = READ("time");
        back += now < previous;
        previous = now;
    }
    CHECK_EQ(back, 0);
    before = READ("time");
    sleep_ms(20);
    after = READ("time");
    CHECK(after > before);
    before = READ("instret");
    for (volatile int i = 0; i < 1000; i++) continue;
    after = READ("instret");
    CHECK(after > before);
    before = READ("cycle");
    for (volatile int i = 0; i < 1000; i++) continue;
    after = READ("cycle");
    CHECK(after > before);
    return verdict();
}
