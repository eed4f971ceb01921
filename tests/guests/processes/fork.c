// syscalls: clone getpid getppid gettid exit_group
#include "check.h"
#include <pthread.h>
#include <sys/mman.h>

static int global = 1;

static void *bump(void *unused) {
    for (int i = 0; i < 1000; i++) global++;
    return unused;
}

int main(void) {
    int local = 10, p[2];
    pid_t parent = getpid();
    CHECK_EQ(gettid(), parent);
    CHECK_EQ(syscall(SYS_getpid), parent);

    section("memory is copied");
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK_EXITED(IN_CHILD({
                     CHECK_EQ(global, 1);
                     CHECK_EQ(local, 10);
                     global = 2, local = 20, *shared = 30;
                     CHECK(getpid() != parent);
                     CHECK_EQ(getppid(), parent);
                     CHECK_EQ(gettid(), getpid());
                 }),
                 0);
    CHECK_EQ(global, 1);
    CHECK_EQ(local, 10);
    CHECK_EQ(*shared, 30);

    section("both sides write");
    static char pages[64 * 4096];
    memset(pages, 'p', sizeof pages);
    CHECK_OK(pipe(p));
    pid_t child = MUST(fork());
    if (child == 0) {
        char byte;
        CHECK_EQ(read(p[0], &byte, 1), 1);
        for (unsigned i = 0; i < sizeof pages; i += 4096) CHECK_EQ(pages[i], 'p');
        memset(pages, 'c', sizeof pages);
        _exit(check_failures != 0);
    }
    memset(pages, 'q', sizeof pages);
    CHECK_EQ(write(p[1], "x", 1), 1);
    CHECK_EXITED(wait_status(child), 0);
    for (unsigned i = 0; i < sizeof pages; i += 4096) CHECK_EQ(pages[i], 'q');

    section("a chain of forks");
    int depth = 0;
    pid_t made = 0;
    while (depth < 20 && (made = fork()) == 0) depth++;
    if (depth > 0) {
        if (depth < 20) _exit((wait_status(made) >> 8) + 1);
        _exit(0);
    }
    CHECK_EXITED(wait_status(made), 19);

    section("only the calling thread is copied");
    pthread_t thread;
    CHECK_ZERO(pthread_create(&thread, NULL, bump, NULL));
    CHECK_EXITED(IN_CHILD(CHECK_EQ(gettid(), getpid())), 0);
    CHECK_ZERO(pthread_join(thread, NULL));
    CHECK_EQ(global, 1001);

    section("many children");
    pid_t children[50];
    for (int i = 0; i < 50; i++)
        if ((children[i] = MUST(fork())) == 0) _exit(i);
    for (int i = 49; i >= 0; i--) CHECK_EXITED(wait_status(children[i]), i);
    return verdict();
}
