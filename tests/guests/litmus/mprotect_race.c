// syscalls: mprotect rt_sigaction rt_sigreturn
//
// Another thread counts in a page all the time. Once mprotect took writing away and returned, the count stands still;
// once it took reading away, reads fault too.
#include "litmus/litmus.h"
#include <setjmp.h>
#include <sys/mman.h>

enum { ROUNDS = 300 };
static volatile uint64_t *page;
static atomic_int allowed, caught, finished, go_on_reading;
static __thread sigjmp_buf back;

static void on_fault(int number) {
    (void)number;
    atomic_fetch_add(&caught, 1);
    siglongjmp(back, 1);
}

static void *worker(void *unused) {
    while (!atomic_load(&finished)) {
        if (sigsetjmp(back, 0) != 0) {
            while (!atomic_load(&allowed) && !atomic_load(&finished)) sched_yield();
        }
        if (atomic_load(&allowed)) {
            if (atomic_load(&go_on_reading))
                for (uint64_t sum = 0;; sum += *page) __asm__ volatile("" : : "r"(sum));
            for (;;) (*page)++;
        }
    }
    return unused;
}

int main(void) {
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_t thread = start(worker, NULL);

    section("no write after mprotect returned");
    int late = 0;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t before = *page;
        int faults = atomic_load(&caught);
        atomic_store(&allowed, 1);
        for (int spins = 0; *page == before; spins++)
            if (spins % 1000 == 999) sched_yield();
        atomic_store(&allowed, 0);
        CHECK_OK(mprotect((void *)page, 4096, PROT_READ));
        uint64_t at_once = *page;
        while (atomic_load(&caught) == faults) sched_yield();
        late += *page != at_once;
        CHECK_OK(mprotect((void *)page, 4096, PROT_READ | PROT_WRITE));
    }
    CHECK_EQ(late, 0);

    section("no read either");
    atomic_store(&go_on_reading, 1);
    for (int i = 0; i < ROUNDS; i++) {
        int faults = atomic_load(&caught);
        atomic_store(&allowed, 1);
        sched_yield();
        atomic_store(&allowed, 0);
        CHECK_OK(mprotect((void *)page, 4096, PROT_NONE));
        // The reader may not have begun; let it: it must fault now.
        atomic_store(&allowed, 1);
        while (atomic_load(&caught) == faults) sched_yield();
        atomic_store(&allowed, 0);
        CHECK_OK(mprotect((void *)page, 4096, PROT_READ | PROT_WRITE));
    }
    atomic_store(&finished, 1);
    // A reader that is reading leaves by a fault.
    CHECK_OK(mprotect((void *)page, 4096, PROT_NONE));
    CHECK_ZERO(pthread_join(thread, NULL));
    return verdict();
}
