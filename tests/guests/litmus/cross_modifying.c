// only: riscv64
// syscalls: riscv_flush_icache mmap
//
// One hart writes code, another runs it. Unprivileged ISA, Zifencei: the other hart must fence.i itself;
// riscv_flush_icache does it for all harts of the process.
#include "litmus/litmus.h"
#include <sys/mman.h>

enum { ROUNDS = 2000 };
static uint32_t *code;
static meeting written, ran;
static long results[2 * ROUNDS];

// li a0, value; ret
static void write_function(int value) {
    code[0] = 0x00000513 | (uint32_t)(value & 0x7ff) << 20;
    code[1] = 0x00008067;
}

static void *runner(void *unused) {
    for (int i = 0; i < 2 * ROUNDS; i++) {
        meet(&written);
        if (i < ROUNDS) __asm__ volatile("fence.i" : : : "memory");
        results[i] = ((long (*)(void))code)();
        meet(&ran);
    }
    return unused;
}

int main(void) {
    code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(code != MAP_FAILED);
    pthread_t thread = start(runner, NULL);
    section("fence.i on the hart that runs it");
    for (int i = 0; i < ROUNDS; i++) {
        write_function(i);
        __asm__ volatile("fence rw, rw" : : : "memory");
        meet(&written);
        meet(&ran);
    }
    section("riscv_flush_icache on the hart that wrote it");
    for (int i = ROUNDS; i < 2 * ROUNDS; i++) {
        write_function(i);
        CHECK_OK(syscall(259 /* riscv_flush_icache */, code, code + 2, 0));
        meet(&written);
        meet(&ran);
    }
    CHECK_ZERO(pthread_join(thread, NULL));
    int old = 0;
    for (int i = 0; i < 2 * ROUNDS; i++) old += results[i] != (i & 0x7ff);
    CHECK_EQ(old, 0);
    return verdict();
}
