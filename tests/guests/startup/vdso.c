// only: riscv64
// syscalls: clock_gettime gettimeofday
#include "check.h"
#include <elf.h>
#include <sys/auxv.h>
#include <sys/time.h>

static void *find(const char *wanted) {
    char *base = (char *)getauxval(AT_SYSINFO_EHDR);
    Elf64_Ehdr *header = (Elf64_Ehdr *)base;
    Elf64_Phdr *segment = (Elf64_Phdr *)(base + header->e_phoff);
    Elf64_Dyn *dynamic = NULL;
    char *slide = base;
    for (int i = 0; i < header->e_phnum; i++) {
        if (segment[i].p_type == PT_LOAD) slide = base + segment[i].p_offset - segment[i].p_vaddr;
        if (segment[i].p_type == PT_DYNAMIC) dynamic = (Elf64_Dyn *)(base + segment[i].p_offset);
    }
    if (!dynamic) return NULL;
    char *strings = NULL;
    Elf64_Sym *symbols = NULL;
    uint32_t *hash = NULL;
    for (; dynamic->d_tag != DT_NULL; dynamic++) {
        if (dynamic->d_tag == DT_STRTAB) strings = slide + dynamic->d_un.d_ptr;
        if (dynamic->d_tag == DT_SYMTAB) symbols = (Elf64_Sym *)(slide + dynamic->d_un.d_ptr);
        if (dynamic->d_tag == DT_HASH) hash = (uint32_t *)(slide + dynamic->d_un.d_ptr);
    }
    if (!strings || !symbols || !hash) return NULL;
    for (uint32_t i = 0; i < hash[1]; i++)
        if (symbols[i].st_value && strcmp(strings + symbols[i].st_name, wanted) == 0)
            return slide + symbols[i].st_value;
    return NULL;
}

static int64_t ns(struct timespec t) { return t.tv_sec * 1000000000LL + t.tv_nsec; }

int main(void) {
    section("its symbols");
    char *base = (char *)getauxval(AT_SYSINFO_EHDR);
    CHECK(base != NULL);
    if (!base) return verdict();
    CHECK_MEM(base, ELFMAG, SELFMAG);
    CHECK_EQ(((Elf64_Ehdr *)base)->e_machine, EM_RISCV);
    // vdso(7), riscv functions.
    const char *names[] = {"__vdso_rt_sigreturn", "__vdso_gettimeofday", "__vdso_clock_gettime",
                           "__vdso_clock_getres", "__vdso_getcpu", "__vdso_flush_icache"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (!find(names[i])) CHECK_FAILED("  no symbol %s", names[i]);

    section("they answer as the calls do");
    int (*get_time)(clockid_t, struct timespec *) = find("__vdso_clock_gettime");
    int (*get_resolution)(clockid_t, struct timespec *) = find("__vdso_clock_getres");
    int (*get_day)(struct timeval *, void *) = find("__vdso_gettimeofday");
    int (*get_cpu)(unsigned *, unsigned *, void *) = find("__vdso_getcpu");
    long (*flush)(void *, void *, unsigned long) = find("__vdso_flush_icache");
    clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME,
                          CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_PROCESS_CPUTIME_ID};
    for (unsigned i = 0; get_time && i < sizeof clocks / sizeof *clocks; i++) {
        struct timespec before, middle, after;
        CHECK_OK(syscall(SYS_clock_gettime, clocks[i], &before));
        CHECK_EQ(get_time(clocks[i], &middle), 0);
        CHECK_OK(syscall(SYS_clock_gettime, clocks[i], &after));
        if (ns(before) > ns(middle) || ns(middle) > ns(after))
            CHECK_FAILED("  clock %d: %lld, %lld, %lld", clocks[i], (long long)ns(before), (long long)ns(middle),
                         (long long)ns(after));
        struct timespec fine;
        CHECK_EQ(get_resolution(clocks[i], &fine), 0);
        CHECK(ns(fine) > 0);
    }
    if (get_time) CHECK_EQ(get_time(99, &(struct timespec){0}), -EINVAL);
    struct timeval day;
    struct timespec now;
    if (get_day) CHECK_EQ(get_day(&day, NULL), 0);
    CHECK_OK(syscall(SYS_clock_gettime, CLOCK_REALTIME, &now));
    CHECK(now.tv_sec - day.tv_sec <= 1 && now.tv_sec >= day.tv_sec);
    unsigned cpu = ~0U;
    if (get_cpu) CHECK_EQ(get_cpu(&cpu, NULL, NULL), 0);
    CHECK(cpu < 4096);
    if (flush) CHECK_EQ(flush(base, base + 64, 0), 0);

    section("it can't be written");
    CHECK_KILLED(IN_CHILD(*(volatile char *)base = 0), SIGSEGV);
    return verdict();
}
