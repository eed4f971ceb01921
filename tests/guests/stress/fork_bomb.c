// only: tidemark
// oracle: man page; on a machine of one's own it would be unkind
// syscalls: clone kill wait4
//
// fork(2), ERRORS: EAGAIN once a limit on processes is reached. Every process forks until it can't; then all are killed, and
// forking works again. Nothing is printed that depends on how many there were.
#include "check.h"
#include <sys/mman.h>

int main(void) {
    atomic_int *told = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(told != MAP_FAILED);
    section("until EAGAIN");
    pid_t bomb = MUST(fork());
    if (bomb == 0) {
        setpgid(0, 0);
        for (;;) {
            if (fork() == -1) {
                atomic_store(&told[0], errno);
                atomic_fetch_add(&told[1], 1);
                for (;;) pause();
            }
        }
    }
    setpgid(bomb, bomb);
    while (atomic_load(&told[1]) == 0) sleep_ms(5);
    CHECK_EQ(told[0], EAGAIN);

    section("and after it");
    // The group may still be growing while it is killed.
    for (int quiet = 0; quiet < 5;) {
        if (kill(-bomb, SIGKILL) == -1) {
            CHECK_EQ(errno, ESRCH);
            break;
        }
        while (waitpid(-1, NULL, WNOHANG) > 0) quiet = 0;
        sleep_ms(10);
        quiet += told[1] > 0;
    }
    waitpid(bomb, NULL, WNOHANG);
    pid_t child = -1;
    for (int i = 0; i < 200 && (child = fork()) == -1; i++) sleep_ms(10);
    if (child == 0) _exit(5);
    CHECK(child > 0);
    CHECK_EXITED(wait_status(child), 5);
    return verdict();
}
