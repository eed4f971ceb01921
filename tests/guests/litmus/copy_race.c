// syscalls: clone wait4
//
// After a fork, two threads write to the same shared-until-written pages at once: both see one copy, and no write is lost. The
// child, whose pages are the originals, sees none of them.
#include "litmus/litmus.h"
#include <sys/mman.h>

enum { PAGES = 64, ROUNDS = 40 };
static volatile unsigned char *memory;
static meeting go, done;

static void *odd(void *unused) {
    for (int round = 0; round < ROUNDS; round++) {
        meet(&go);
        for (int page = 0; page < PAGES; page++) memory[page * 4096 + 1] = (unsigned char)(round + 1);
        meet(&done);
    }
    return unused;
}

int main(void) {
    section("two writers to pages that a child shares");
    memory = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    pthread_t thread = start(odd, NULL);
    int lost = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int p[2];
        CHECK_OK(pipe(p));
        pid_t child = MUST(fork());
        if (child == 0) {
            char byte;
            close(p[1]);
            read(p[0], &byte, 1);
            int seen = 0;
            for (int page = 0; page < PAGES; page++)
                seen += memory[page * 4096] != (unsigned char)round || memory[page * 4096 + 1] != (unsigned char)round;
            _exit(seen != 0);
        }
        close(p[0]);
        meet(&go);
        for (int page = 0; page < PAGES; page++) memory[page * 4096] = (unsigned char)(round + 1);
        meet(&done);
        for (int page = 0; page < PAGES; page++)
            lost += memory[page * 4096] != (unsigned char)(round + 1) || memory[page * 4096 + 1] != (unsigned char)(round + 1);
        close(p[1]);
        CHECK_EXITED(wait_status(child), 0);
    }
    CHECK_ZERO(pthread_join(thread, NULL));
    CHECK_EQ(lost, 0);
    return verdict();
}
