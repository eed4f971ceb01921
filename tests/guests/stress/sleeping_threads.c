// oracle: linux; qemu's user mode takes a host thread each, and this machine may not give so many
// args: 10000
// syscalls: clone futex mmap
//
// Threads asleep on one futex, then all woken. Argument: how many (default 10000). Raw clone on small stacks, so that what
// is measured is the kernel's part. The last word that each thread touches is its own CHILD_CLEARTID.
#include "check.h"
#include <linux/futex.h>
#include <sys/mman.h>

enum { STACK = 8192 };
static _Atomic unsigned gate, asleep, woken;

static int body(void *unused) {
    (void)unused;
    atomic_fetch_add(&asleep, 1);
    while (atomic_load(&gate) == 0) syscall(SYS_futex, &gate, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);
    atomic_fetch_add(&woken, 1);
    syscall(SYS_exit, 0);
    return 0;
}

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 10000;
    char *stacks = mmap(NULL, (size_t)count * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    volatile int *ids = mmap(NULL, (size_t)count * 4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stacks != MAP_FAILED && ids != MAP_FAILED);

    section("all start");
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID |
                CLONE_CHILD_CLEARTID;
    int made = 0;
    for (; made < count; made++) {
        int tid = clone(body, stacks + (size_t)(made + 1) * STACK, flags, NULL, &ids[made], NULL, &ids[made]);
        if (tid == -1) {
            CHECK_FAILED("  thread %d: %s", made, strerrorname_np(errno));
            break;
        }
    }
    while (atomic_load(&asleep) < (unsigned)made) sleep_ms(1);
    CHECK_EQ(woken, 0);

    section("all wake and end");
    atomic_store(&gate, 1);
    long told = syscall(SYS_futex, &gate, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 0x7fffffff, NULL, NULL, 0);
    CHECK(told <= made);
    // Read once: a thread may end between two readings, and nobody wakes who waits at zero.
    for (int i = 0, id; i < made; i++)
        while ((id = ids[i]) != 0) syscall(SYS_futex, &ids[i], FUTEX_WAIT, id, NULL, NULL, 0);
    CHECK_EQ(woken, made);
    CHECK_EQ(made, count);
    return verdict();
}
