// only: riscv64
// syscalls: mmap mprotect riscv_flush_icache
#include "check.h"
#include <sys/mman.h>

typedef long function(void);

// li a0, value; ret
static void write_function(uint32_t *code, int value) {
    code[0] = 0x00000513 | (uint32_t)value << 20;
    code[1] = 0x00008067;
}

int main(void) {
    uint32_t *code = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(code != MAP_FAILED);
    function *call = (function *)code;

    section("fence.i after each change");
    for (int i = 0; i < 1000; i++) {
        write_function(code, i);
        __asm__ volatile("fence.i" : : : "memory");
        if (call() != i) CHECK_FAILED("  old code ran at %d", i);
    }

    section("the flush call");
    for (int i = 0; i < 100; i++) {
        write_function(code, i);
        CHECK_OK(syscall(259 /* riscv_flush_icache */, code, code + 2, 0));
        CHECK_EQ(call(), i);
    }

    section("through read(2)");
    int p[2];
    CHECK_OK(pipe(p));
    for (int i = 0; i < 100; i++) {
        uint32_t instructions[2];
        write_function(instructions, i);
        CHECK_EQ(write(p[1], instructions, 8), 8);
        CHECK_EQ(read(p[0], code, 8), 8);
        __asm__ volatile("fence.i" : : : "memory");
        CHECK_EQ(call(), i);
    }

    section("new mapping at the same address");
    for (int i = 0; i < 20; i++) {
        CHECK_OK(munmap(code, 4096));
        CHECK(mmap(code, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == code);
        write_function(code, i + 7);
        __asm__ volatile("fence.i" : : : "memory");
        CHECK_EQ(call(), i + 7);
    }

    section("writable and executable in turn");
    for (int i = 0; i < 20; i++) {
        CHECK_OK(mprotect(code, 4096, PROT_READ | PROT_WRITE));
        write_function(code, i);
        CHECK_OK(mprotect(code, 4096, PROT_READ | PROT_EXEC));
        __asm__ volatile("fence.i" : : : "memory");
        CHECK_EQ(call(), i);
    }

    section("a child's copy is its own");
    CHECK_OK(mprotect(code, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
    write_function(code, 1);
    __asm__ volatile("fence.i" : : : "memory");
    CHECK_EQ(call(), 1);
    CHECK_EXITED(IN_CHILD({
                     CHECK_EQ(call(), 1);
                     write_function(code, 2);
                     __asm__ volatile("fence.i" : : : "memory");
                     CHECK_EQ(call(), 2);
                 }),
                 0);
    CHECK_EQ(call(), 1);
    return verdict();
}
