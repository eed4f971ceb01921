// Limits on all that is mapped and on data: what counts, what makes room, and what is refused.
// syscalls: mmap mprotect mremap brk prlimit64
// oracle: linux; qemu's user mode sets no limits on address space and data
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define MIB ((size_t)1 << 20)

// In bytes, from /proc/self/status.
static size_t status(const char *field) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    size_t kib = 0, length = strlen(field);
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, field, length) == 0) kib = strtoul(line + length + 1, NULL, 10);
    if (file) fclose(file);
    return kib << 10;
}

static void limit(int resource, size_t bytes) {
    CHECK_OK(setrlimit(resource, &(struct rlimit){bytes, RLIM_INFINITY}));
}

static void *try_map(void *at, size_t bytes, int prot, int flags) {
    return mmap(at, bytes, prot, MAP_ANONYMOUS | flags, -1, 0);
}

static int refused(void *got) { return got == MAP_FAILED && errno == ENOMEM; }

static void data(void) {
    section("data is private and writable");
    limit(RLIMIT_DATA, status("VmData:") + 16 * MIB);
    CHECK(refused(try_map(NULL, 32 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE)));
    void *read_only = try_map(NULL, 32 * MIB, PROT_READ, MAP_PRIVATE);
    CHECK(read_only != MAP_FAILED);
    void *shared = try_map(NULL, 32 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED);
    CHECK(shared != MAP_FAILED);
    void *reserved = try_map(NULL, 512 * MIB, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE);
    CHECK(reserved != MAP_FAILED);
    void *growing = try_map(NULL, 32 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_GROWSDOWN);
    CHECK(growing != MAP_FAILED);

    section("so are pages that become writable");
    CHECK_ERR(mprotect(reserved, 32 * MIB, PROT_READ | PROT_WRITE), ENOMEM);
    CHECK_OK(mprotect(reserved, 8 * MIB, PROT_READ | PROT_WRITE));
    CHECK_OK(mprotect(reserved, 8 * MIB, PROT_READ | PROT_WRITE | PROT_EXEC));
    CHECK_ERR(mprotect(reserved, 32 * MIB, PROT_READ | PROT_WRITE), ENOMEM);
    CHECK_OK(mprotect(reserved, 8 * MIB, PROT_READ));

    section("what a mapping replaces makes room");
    void *mine = try_map(NULL, 12 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    CHECK(mine != MAP_FAILED);
    CHECK(refused(try_map(NULL, 12 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE)));
    CHECK(try_map(mine, 12 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED) == mine);
    CHECK(refused(mremap(mine, 12 * MIB, 24 * MIB, MREMAP_MAYMOVE)));
    CHECK_OK(munmap(mine, 12 * MIB));
    mine = try_map(NULL, 12 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    CHECK(mine != MAP_FAILED);

    section("the program break is data");
    uintptr_t end = syscall(SYS_brk, 0);
    CHECK_EQ(syscall(SYS_brk, end + 8 * MIB) == (long)end, 1);
    CHECK_EQ(syscall(SYS_brk, end + MIB) == (long)(end + MIB), 1);
    CHECK_EQ(syscall(SYS_brk, end) == (long)end, 1);
    CHECK_OK(munmap(mine, 12 * MIB));
    CHECK_OK(munmap(read_only, 32 * MIB));
    CHECK_OK(munmap(shared, 32 * MIB));
    CHECK_OK(munmap(reserved, 512 * MIB));
    CHECK_OK(munmap(growing, 32 * MIB));
    limit(RLIMIT_DATA, RLIM_INFINITY);
}

static void size(void) {
    section("everything is address space");
    limit(RLIMIT_AS, status("VmSize:") + 16 * MIB);
    CHECK(refused(try_map(NULL, 32 * MIB, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE)));
    CHECK(refused(try_map(NULL, 32 * MIB, PROT_READ, MAP_SHARED)));
    void *mine = try_map(NULL, 12 * MIB, PROT_READ, MAP_PRIVATE);
    CHECK(mine != MAP_FAILED);
    CHECK(refused(try_map(NULL, 12 * MIB, PROT_READ, MAP_PRIVATE)));
    CHECK(try_map(mine, 12 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED) == mine);
    CHECK(try_map(mine, 14 * MIB, PROT_READ, MAP_PRIVATE | MAP_FIXED_NOREPLACE) == MAP_FAILED && errno == EEXIST);
    CHECK(refused(mremap(mine, 12 * MIB, 24 * MIB, MREMAP_MAYMOVE)));
    CHECK_OK(munmap(mine, 12 * MIB));
    limit(RLIMIT_AS, RLIM_INFINITY);
}

int main(void) {
    data();
    size();
    return verdict();
}
