// syscalls: munmap mmap rt_sigaction rt_sigreturn
//
// Another thread writes to a page all the time. Once munmap has returned, no write succeeds: the page that is mapped
// at the same place next stays zero until the writer is let on.
#include "litmus/litmus.h"
#include <setjmp.h>
#include <sys/mman.h>

enum { ROUNDS = 300 };
static char *volatile page;
static atomic_int allowed, caught, finished;
static __thread sigjmp_buf back;

static void on_fault(int number) {
    (void)number;
    atomic_fetch_add(&caught, 1);
    siglongjmp(back, 1);
}

static void *writer(void *unused) {
    while (!atomic_load(&finished)) {
        if (sigsetjmp(back, 0) != 0) {
            // Faulted: wait for the next round.
            while (!atomic_load(&allowed) && !atomic_load(&finished)) sched_yield();
        }
        if (atomic_load(&allowed))
            for (;;) *(volatile char *)page = 1;
    }
    return unused;
}

int main(void) {
    section("no write after munmap returned");
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
    char *place = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_t thread = start(writer, NULL);
    int late = 0;
    page = place;
    for (int i = 0; i < ROUNDS; i++) {
        int faults = atomic_load(&caught);
        atomic_store(&allowed, 1);
        for (int spins = 0; *(volatile char *)place == 0; spins++)
            if (spins % 1000 == 999) sched_yield();
        atomic_store(&allowed, 0);
        CHECK_OK(munmap(place, 4096));
        // The writer can only fault now.
        while (atomic_load(&caught) == faults) sched_yield();
        CHECK(mmap(place, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == place);
        late += *(volatile char *)place != 0;
    }
    CHECK_EQ(late, 0);

    section("nor into what is mapped there at once");
    for (int i = 0; i < ROUNDS; i++) {
        atomic_store(&allowed, 1);
        for (int spins = 0; *(volatile char *)place == 0; spins++)
            if (spins % 1000 == 999) sched_yield();
        atomic_store(&allowed, 0);
        // Read-only at once, by one call: the writer faults and never changes it.
        int faults = atomic_load(&caught);
        CHECK(mmap(place, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == place);
        late += *(volatile char *)place != 0;
        while (atomic_load(&caught) == faults) sched_yield();
        late += *(volatile char *)place != 0;
        CHECK_OK(mprotect(place, 4096, PROT_READ | PROT_WRITE));
    }
    CHECK_EQ(late, 0);
    atomic_store(&finished, 1);
    CHECK_ZERO(pthread_join(thread, NULL));
    return verdict();
}
