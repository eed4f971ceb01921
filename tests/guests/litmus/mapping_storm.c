// syscalls: mmap munmap mprotect mremap madvise brk
//
// Threads that map, write, protect, move and unmap at once, each in mappings of its own: none finds another's bytes or a page
// that is not as it must be.
#include "litmus/litmus.h"
#include <sys/mman.h>

enum { THREADS = 3, ROUNDS = 300 };
static atomic_int wrong;

static void expect(const char *at, size_t bytes, char value) {
    for (size_t i = 0; i < bytes; i += 512)
        if (at[i] != value) atomic_fetch_add(&wrong, 1);
}

static void *storm(void *argument) {
    char own = (char)(intptr_t)argument;
    unsigned seed = (unsigned char)own * 7919u;
    for (int round = 0; round < ROUNDS; round++) {
        seed = seed * 1664525u + 1013904223u;
        size_t bytes = (1 + (seed >> 20) % 40) * 4096;
        char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) {
            atomic_fetch_add(&wrong, 1);
            continue;
        }
        expect(at, bytes, 0);
        memset(at, own, bytes);
        if (seed & 1 << 10) {
            if (mprotect(at, bytes, PROT_READ) != 0) atomic_fetch_add(&wrong, 1);
            expect(at, bytes, own);
            if (mprotect(at, bytes, PROT_READ | PROT_WRITE) != 0) atomic_fetch_add(&wrong, 1);
        }
        if (seed & 1 << 11) {
            char *moved = mremap(at, bytes, bytes + 8192, MREMAP_MAYMOVE);
            if (moved == MAP_FAILED) {
                atomic_fetch_add(&wrong, 1);
            } else {
                at = moved;
                expect(at, bytes, own);
                expect(at + bytes, 8192, 0);
                memset(at + bytes, own, 8192);
                bytes += 8192;
            }
        }
        if (seed & 1 << 12) {
            if (madvise(at, 4096, MADV_DONTNEED) != 0) atomic_fetch_add(&wrong, 1);
            expect(at, 4096, 0);
            memset(at, own, 4096);
        }
        if (bytes > 8192 && seed & 1 << 13) {
            // A hole in the middle, filled again by the same address.
            if (munmap(at + 4096, 4096) != 0) atomic_fetch_add(&wrong, 1);
            void *again = mmap(at + 4096, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
            // Another thread's mapping may have taken it: then it is that thread's.
            if (again == at + 4096) {
                expect(at + 4096, 4096, 0);
                memset(at + 4096, own, 4096);
            } else {
                munmap(at, 4096);
                munmap(at + 8192, bytes - 8192);
                continue;
            }
        }
        expect(at, bytes, own);
        if (munmap(at, bytes) != 0) atomic_fetch_add(&wrong, 1);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    section("mappings of several threads");
    for (int i = 0; i < THREADS; i++) threads[i] = start(storm, (void *)(intptr_t)(i + 1));
    // Meanwhile the first thread forks, so that all of it is also copied.
    for (int i = 0; i < 20; i++) CHECK_EXITED(IN_CHILD(_exit(7)), 7);
    for (int i = 0; i < THREADS; i++) CHECK_ZERO(pthread_join(threads[i], NULL));
    CHECK_EQ(wrong, 0);
    return verdict();
}
