// syscalls: clone futex wait4
//
// fork while another thread writes: the child has one moment's memory. The writer counts a, then b, then c, in three
// pages; so at any moment a >= b >= c >= a - 1.
#include "litmus/litmus.h"
#include <sys/mman.h>

static volatile uint64_t *pages;
static atomic_int stop;

static void *writer(void *unused) {
    volatile uint64_t *a = pages, *b = pages + 512, *c = pages + 1024;
    for (uint64_t i = 1; !atomic_load_explicit(&stop, memory_order_relaxed); i++) {
        *a = i;
        atomic_thread_fence(memory_order_seq_cst);
        *b = i;
        atomic_thread_fence(memory_order_seq_cst);
        *c = i;
        atomic_thread_fence(memory_order_seq_cst);
    }
    return unused;
}

int main(void) {
    section("a child's memory is one moment's");
    pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    pthread_t thread = start(writer, NULL);
    for (int i = 0; i < 100; i++) {
        int status = IN_CHILD({
            uint64_t a = pages[0], b = pages[512], c = pages[1024];
            if (!(a >= b && b >= c && c + 1 >= a))
                CHECK_FAILED("  child %d has %lu %lu %lu", i, (unsigned long)a, (unsigned long)b, (unsigned long)c);
            // Nor does the parent's writer reach it later.
            for (int k = 0; k < 1000; k++)
                if (pages[0] != a || pages[512] != b || pages[1024] != c) CHECK_FAILED("  child %d sees changes", i);
        });
        CHECK_EXITED(status, 0);
    }
    atomic_store(&stop, 1);
    CHECK_ZERO(pthread_join(thread, NULL));
    return verdict();
}
