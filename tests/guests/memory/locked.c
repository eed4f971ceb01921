// syscalls: mlock mlock2 mlockall munlock munlockall mmap membarrier
// oracle: linux; qemu's user mode does not tell its own memory from the guest's
//
// RLIMIT_MEMLOCK, and barriers that must be registered first.
#include "check.h"
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/resource.h>

int main(void) {
    section("locked memory");
    CHECK_EXITED(IN_CHILD({
        CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){65536, 65536}));
        CHECK_OK(setuid(1000));
        char *memory = MUST(mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        CHECK_OK(mlock(memory, 32768));
        CHECK_OK(mlock(memory, 32768));
        CHECK_OK(mlock2(memory + 16384, 32768, 1));
        CHECK_ERR(mlock(memory + 65536, 32768), ENOMEM);
        CHECK_ERR(mlock2(memory, 1 << 20, 0), ENOMEM);
        CHECK_ERR(mlockall(MCL_CURRENT), ENOMEM);
        CHECK_ERR((long)mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0), EAGAIN);
        CHECK_OK(munlock(memory, 49152));
        CHECK_OK(mlock(memory, 65536));
        CHECK_OK(munlockall());
        CHECK_OK(mlockall(MCL_FUTURE));
        CHECK_OK(munmap(MUST(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), 4096));
        CHECK_ERR((long)mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EAGAIN);
        CHECK_OK(munlockall());
        CHECK_OK(munmap(MUST(mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), 1 << 20));
    }), 0);
    CHECK_EXITED(IN_CHILD({
        CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){0, 0}));
        CHECK_OK(setuid(1000));
        char *memory = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        CHECK_ERR(mlock(memory, 4096), EPERM);
        CHECK_ERR(mlockall(MCL_FUTURE), EPERM);
    }), 0);
    CHECK_ERR(mlockall(0), EINVAL);
    CHECK_ERR(mlockall(99), EINVAL);
    CHECK_ERR(mlock2(NULL, 0, 2), EINVAL);

    section("registered barriers");
    CHECK_EXITED(IN_CHILD({
        CHECK_ERR(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), EPERM);
        CHECK_ERR(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0), EPERM);
        CHECK_OK(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0));
        CHECK_OK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
        CHECK_EQ(syscall(SYS_membarrier, 1 << 9, 0), MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
    }), 0);
    CHECK_ERR(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 1), EINVAL);
    CHECK_ERR(syscall(SYS_membarrier, 1 << 20, 0), EINVAL);
    return verdict();
}
