// syscalls: execve
#include "check.h"
#include <elf.h>
#include <sys/auxv.h>

extern char **environ;
extern char __executable_start[];

int main(int argc, char **argv) {
    section("the vector");
    Elf64_auxv_t *entry;
    char **end = environ;
    while (*end) end++;
    CHECK((char **)argv + argc + 1 == environ);
    CHECK(argv[argc] == NULL);
    int counted[64] = {0}, terminated = 0;
    for (entry = (Elf64_auxv_t *)(end + 1); entry < (Elf64_auxv_t *)(end + 1) + 64; entry++) {
        if (entry->a_type == AT_NULL) {
            terminated = 1;
            break;
        }
        if (entry->a_type < 64) counted[entry->a_type]++;
    }
    CHECK(terminated);
    int needed[] = {AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE,   AT_FLAGS, AT_ENTRY, AT_UID,
                    AT_EUID, AT_GID,   AT_EGID,  AT_CLKTCK, AT_SECURE, AT_RANDOM, AT_HWCAP, AT_EXECFN};
    for (unsigned i = 0; i < sizeof needed / sizeof *needed; i++)
        if (counted[needed[i]] != 1) CHECK_FAILED("  AT %d is there %d times", needed[i], counted[needed[i]]);

    section("its values");
    CHECK_EQ(getauxval(AT_PAGESZ), 4096);
    CHECK_EQ(getauxval(AT_PHENT), sizeof(Elf64_Phdr));
    CHECK_EQ(getauxval(AT_UID), getuid());
    CHECK_EQ(getauxval(AT_EGID), getegid());
    CHECK_EQ(getauxval(AT_CLKTCK), 100);
    CHECK_EQ(getauxval(AT_SECURE), 0);
    Elf64_Ehdr *header = (Elf64_Ehdr *)__executable_start;
    CHECK_EQ(getauxval(AT_PHDR), (uintptr_t)__executable_start + header->e_phoff);
    CHECK_EQ(getauxval(AT_PHNUM), header->e_phnum);
    CHECK_EQ(getauxval(AT_ENTRY), header->e_entry);
#ifdef __riscv
    // Linux's riscv AT_HWCAP: a bit for each single-letter extension; at least IMAFDC.
    unsigned long imafdc = 1 << 0 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 8 | 1 << 12;
    CHECK_EQ(getauxval(AT_HWCAP) & imafdc, imafdc);
#endif
    unsigned char *random = (unsigned char *)getauxval(AT_RANDOM), sum = 0;
    for (int i = 0; i < 16; i++) sum |= random[i];
    CHECK(sum != 0);
    CHECK(strstr((char *)getauxval(AT_EXECFN), "auxv") != NULL);

    section("alignment");
    CHECK_EQ((uintptr_t)(argv - 1) % 16, 0);
    CHECK_EQ((long)argv[-1], argc);
    CHECK_EQ((uintptr_t)entry % 8, 0);
    return verdict();
}
