// only: tidemark
// oracle: man page; how much there is to eat is the sandbox's to say
// syscalls: mmap wait4
//
// A guest that eats memory. mmap(2): ENOMEM; or, having overcommitted as Linux does, a death by SIGKILL (the OOM killer) or by
// SIGBUS at a page that can't be had. Whichever it is, the others go on, and the memory comes back.
#include "check.h"
#include <sys/mman.h>

enum { CHUNK = 16 << 20 };

static void eat(void) {
    for (long total = 0; total < 1L << 36; total += CHUNK) {
        char *at = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) _exit(errno == ENOMEM ? 10 : 11);
        for (long i = 0; i < CHUNK; i += 4096) at[i] = 1;
    }
    _exit(12);
}

int main(void) {
    section("an eater ends");
    for (int round = 0; round < 3; round++) {
        pid_t child = MUST(fork());
        if (child == 0) eat();
        int status = wait_status(child);
        int fair = (WIFEXITED(status) && WEXITSTATUS(status) == 10) ||
                   (WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGBUS));
        if (!fair) CHECK_FAILED("  wait status %#x", status);
    }
    section("and its memory is there again");
    char *at = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED);
    memset(at, 1, CHUNK);
    CHECK_EXITED(IN_CHILD(memset(at, 2, CHUNK)), 0);
    CHECK_EQ(at[CHUNK - 1], 1);
    return verdict();
}
