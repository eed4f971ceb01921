// only: riscv64
// syscalls: riscv_hwprobe rseq membarrier
//
// What libraries probe for at start. ENOSYS is an honest answer; what is answered must be so.
#include "check.h"
#include <linux/membarrier.h>

struct pair {
    int64_t key;
    uint64_t value;
};

static volatile int died;
static void on_illegal(int number) {
    (void)number;
    died = 1;
    _exit(1);
}

int main(void) {
    section("riscv_hwprobe");
    struct pair pairs[] = {{3, 0}, {4, 0}, {5, 0}, {123456, 7}};
    long result = syscall(258, pairs, 4, 0, NULL, 0);
    if (result == -1) {
        CHECK_EQ(errno, ENOSYS);
    } else {
        CHECK_EQ(pairs[0].key, 3);
        CHECK_EQ(pairs[0].value & 1, 1); // IMA
        CHECK_EQ(pairs[1].key, 4);
        CHECK_EQ(pairs[1].value & 3, 3); // F and D, C
        CHECK_EQ(pairs[3].key, -1);
        CHECK_EQ(pairs[3].value, 0);
        signal(SIGILL, on_illegal);
        uint64_t bits = pairs[1].value, r = 0;
        if (bits & 1 << 3) CHECK_EXITED(IN_CHILD(__asm__ volatile(".option push\n.option arch, +zba\n sh1add %0, zero, zero\n.option pop" : "=r"(r))), 0);
        if (bits & 1 << 4) CHECK_EXITED(IN_CHILD(__asm__ volatile(".option push\n.option arch, +zbb\n clz %0, zero\n.option pop" : "=r"(r))), 0);
        if (bits & 1 << 5) CHECK_EXITED(IN_CHILD(__asm__ volatile(".option push\n.option arch, +zbs\n bset %0, zero, zero\n.option pop" : "=r"(r))), 0);
        if (bits & 1UL << 35) CHECK_EXITED(IN_CHILD(__asm__ volatile(".insn r 0x33, 5, 7, %0, zero, zero" : "=r"(r))), 0);
        if (bits & 1 << 2) CHECK_EXITED(IN_CHILD(__asm__ volatile(".word 0x0c0072d7" : : : "t0")), 0); // vsetvli t0, zero, e8
        CHECK_ERR(syscall(258, NOWHERE, 1, 0, NULL, 0), EFAULT);
        CHECK_ERR(syscall(258, pairs, 1, 0, NULL, 0x80), EINVAL);
    }

    section("rseq");
    result = syscall(293, NULL, 0, 0, 0);
    CHECK(result == -1 && (errno == ENOSYS || errno == EINVAL));

    section("membarrier");
    long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
    if (commands == -1) {
        CHECK_EQ(errno, ENOSYS);
    } else {
        if (commands & MEMBARRIER_CMD_GLOBAL) CHECK_OK(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0));
        if (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) {
            CHECK_OK(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
            CHECK_OK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
        }
        CHECK_ERR(syscall(SYS_membarrier, 1 << 30, 0, 0), EINVAL);
    }
    return verdict();
}
