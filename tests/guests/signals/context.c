// only: riscv64
// syscalls: rt_sigreturn
//
// The registers that a handler is shown are the program's, and what it writes there is what the program goes on with.
#include "check.h"
#include <ucontext.h>

static volatile uint64_t seen[32], seen_float, seen_fcsr;
static volatile int count;

static void change(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    ucontext_t *machine = context;
    for (int i = 0; i < 32; i++) seen[i] = machine->uc_mcontext.__gregs[i];
    seen_float = machine->uc_mcontext.__fpregs.__d.__f[18];
    seen_fcsr = machine->uc_mcontext.__fpregs.__d.__fcsr;
    machine->uc_mcontext.__gregs[REG_PC] += 4; // past the ebreak
    machine->uc_mcontext.__gregs[18] = 0x1818; // s2
    machine->uc_mcontext.__gregs[5] = 0x5555;  // t0
    machine->uc_mcontext.__fpregs.__d.__f[18] = 0x4045000000000000;
    machine->uc_mcontext.__fpregs.__d.__fcsr = 0x21;
    // The handler's own use of registers is its own.
    __asm__ volatile("li s3, 1\n li t1, 2\n fmv.d.x fs3, zero\n fscsr zero" : : : "t1", "s3", "fs3");
    count++;
}

int main(void) {
    struct sigaction action = {.sa_sigaction = change, .sa_flags = SA_SIGINFO};
    sigaction(SIGTRAP, &action, NULL);

    section("registers in a handler and after it");
    uint64_t s2, t0, s3, t1, f, f3, fcsr;
    __asm__ volatile("li s2, 0x1234\n li s3, 0x4321\n li t0, 7\n li t1, 8\n li a7, 0x400921fb\n fmv.d.x fs2, a7\n"
                     " fmv.d.x fs3, a7\n li a6, 0x42\n fscsr a6\n"
                     " .option push\n .option norvc\n ebreak\n .option pop\n"
                     " mv %0, s2\n mv %1, t0\n mv %2, s3\n mv %3, t1\n fmv.x.d %4, fs2\n fmv.x.d %5, fs3\n frcsr %6\n"
                     : "=&r"(s2), "=&r"(t0), "=&r"(s3), "=&r"(t1), "=&r"(f), "=&r"(f3), "=&r"(fcsr)
                     : : "s2", "s3", "t0", "t1", "a6", "a7", "fs2", "fs3");
    __asm__ volatile("fscsr zero");
    CHECK_EQ(count, 1);
    CHECK_EQ(seen[18], 0x1234);
    CHECK_EQ(seen[19], 0x4321);
    CHECK_EQ(seen[5], 7);
    CHECK_EQ(seen[17], 0x400921fb);
    CHECK_EQ(seen_float, 0x400921fb);
    CHECK_EQ(seen_fcsr, 0x42);
    CHECK_EQ(s2, 0x1818);
    CHECK_EQ(t0, 0x5555);
    CHECK_EQ(s3, 0x4321);
    CHECK_EQ(t1, 8);
    CHECK_EQ(f, 0x4045000000000000);
    CHECK_EQ(f3, 0x400921fb);
    CHECK_EQ(fcsr, 0x21);

    section("every integer register survives a handler that changes nothing");
    static volatile uint64_t sum;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGTRAP, &action, NULL);
    __asm__ volatile("li ra, 1\n li t2, 2\n li s4, 3\n li a0, 4\n li a1, 5\n li a2, 6\n li a3, 7\n li a4, 8\n li a5, 9\n"
                     " li s5, 10\n li s6, 11\n li s7, 12\n li s8, 13\n li s9, 14\n li s10, 15\n li s11, 16\n li t3, 17\n"
                     " li t4, 18\n li t5, 19\n li t6, 20\n .option push\n .option norvc\n ebreak\n .option pop\n"
                     " add ra, ra, t2\n add ra, ra, s4\n add ra, ra, a0\n add ra, ra, a1\n add ra, ra, a2\n add ra, ra, a3\n"
                     " add ra, ra, a4\n add ra, ra, a5\n add ra, ra, s5\n add ra, ra, s6\n add ra, ra, s7\n add ra, ra, s8\n"
                     " add ra, ra, s9\n add ra, ra, s10\n add ra, ra, s11\n add ra, ra, t3\n add ra, ra, t4\n add ra, ra, t5\n"
                     " add ra, ra, t6\n lla t0, %0\n sd ra, 0(t0)"
                     : : "S"(&sum) : "ra", "t0", "t2", "s2", "s4", "a0", "a1", "a2", "a3", "a4", "a5", "s5", "s6", "s7", "s8", "s9",
                       "s10", "s11", "t3", "t4", "t5", "t6", "fs2", "memory");
    CHECK_EQ(count, 2);
    CHECK_EQ(sum, 210);
    return verdict();
}
