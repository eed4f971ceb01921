// only: riscv64
// flags: -nostdlib -ffreestanding -fPIE -Wl,-pie,--no-dynamic-linker,-z,now
// syscalls: write exit_group
//
// A position-independent program without a loader relocates itself from what the kernel tells it: where it was
// put (AT_PHDR, AT_ENTRY) and that there is no interpreter (AT_BASE 0). Written without a library, as Debian's cross
// glibc has no static-PIE start file.
#include <elf.h>

extern char __ehdr_start[] __attribute__((visibility("hidden")));
extern Elf64_Dyn _DYNAMIC[] __attribute__((visibility("hidden")));

// A table of addresses needs a relocation for each entry.
static const char *volatile words[] = {"pass\n", "FAIL: not relocated\n"};
static int zeroed[5000];
static volatile int initialised = 77;

static long call(long number, long a, long b, long c) {
    register long a0 __asm__("a0") = a, a1 __asm__("a1") = b, a2 __asm__("a2") = c, a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
    return a0;
}

static void print(const char *text) {
    long length = 0;
    while (text[length]) length++;
    call(64, 1, (long)text, length);
}

static void fail(const char *text, int status) {
    print(text);
    call(94, status, 0, 0);
}

void start(unsigned long *stack) {
    char *base = __ehdr_start;
    Elf64_Ehdr *header = (Elf64_Ehdr *)base;
    Elf64_Rela *relocations = 0;
    unsigned long bytes = 0;
    for (Elf64_Dyn *d = _DYNAMIC; d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_RELA) relocations = (Elf64_Rela *)(base + d->d_un.d_ptr);
        if (d->d_tag == DT_RELASZ) bytes = d->d_un.d_val;
    }
    for (unsigned long i = 0; i < bytes / sizeof *relocations; i++)
        if (ELF64_R_TYPE(relocations[i].r_info) == R_RISCV_RELATIVE)
            *(unsigned long *)(base + relocations[i].r_offset) = (unsigned long)base + relocations[i].r_addend;

    if (header->e_type != ET_DYN) fail("not position-independent\n", 2);
    if ((unsigned long)base < 0x10000 || (unsigned long)base % 4096 != 0) fail("a bad base\n", 3);
    unsigned long *entry = stack + 1 + stack[0] + 1;
    while (*entry) entry++;
    for (entry++; entry[0] != AT_NULL; entry += 2) {
        if (entry[0] == AT_PHDR && entry[1] != (unsigned long)base + header->e_phoff) fail("bad AT_PHDR\n", 4);
        if (entry[0] == AT_ENTRY && entry[1] != (unsigned long)base + header->e_entry) fail("bad AT_ENTRY\n", 5);
        if (entry[0] == AT_BASE && entry[1] != 0) fail("bad AT_BASE\n", 6);
    }
    for (int i = 0; i < 5000; i++)
        if (((volatile int *)zeroed)[i] != 0) fail("bss is not zero\n", 7);
    if (initialised != 77) fail("bad data\n", 8);
    print(words[initialised == 77 ? 0 : 1]);
    call(94, 0, 0, 0);
}

__asm__(".globl _start\n_start:\n .option push\n .option norelax\n lla gp, __global_pointer$\n .option pop\n"
        " mv a0, sp\n andi sp, sp, -16\n tail start\n");
