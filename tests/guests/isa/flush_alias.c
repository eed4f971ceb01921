// only: riscv64
// oracle: man page; qemu does not see writes through another mapping, and its flush call takes any flag
// syscalls: memfd_create mmap riscv_flush_icache
//
// Unprivileged ISA, chapter Zifencei: after fence.i a hart's fetches see its own earlier stores, by whatever address
// they were made. Linux, arch/riscv/kernel/sys_riscv.c: riscv_flush_icache takes SYS_RISCV_FLUSH_ICACHE_LOCAL only.
#include "check.h"
#include <sys/mman.h>

typedef long function(void);

// li a0, value; ret
static void write_function(uint32_t *code, int value) {
    code[0] = 0x00000513 | (uint32_t)value << 20;
    code[1] = 0x00008067;
}

int main(void) {
    section("through another mapping of the same page");
    int fd = MUST(memfd_create("code", 0));
    CHECK_OK(ftruncate(fd, 4096));
    uint32_t *writable = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    function *shared = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    for (int i = 0; i < 100; i++) {
        write_function(writable, i);
        __asm__ volatile("fence.i" : : : "memory");
        if (shared() != i) CHECK_FAILED("  old code ran at %d", i);
    }

    section("flags of the flush call");
    CHECK_OK(syscall(259 /* riscv_flush_icache */, writable, writable + 2, 0));
    CHECK_OK(syscall(259, writable, writable + 2, 1));
    CHECK_ERR(syscall(259, writable, writable + 2, 8), EINVAL);
    return verdict();
}
