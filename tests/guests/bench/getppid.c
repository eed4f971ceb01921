// flags: -O2
// bench: 1000000
// bench: 1000000 2
// syscalls: getppid
//
// The cost of a system call. Arguments: calls (default 100000), threads that each make as many (default 1).
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static long calls = 100000;

static void *loop(void *unused) {
    long first = syscall(SYS_getppid), same = 0;
    for (long i = 0; i < calls; i++) same += syscall(SYS_getppid) == first;
    if (same != calls) _exit(1);
    return unused;
}

int main(int argc, char **argv) {
    if (argc > 1) calls = atol(argv[1]);
    int count = argc > 2 ? atoi(argv[2]) : 1;
    pthread_t others[16];
    if (count < 1 || count > 16) return 2;
    for (int i = 1; i < count; i++)
        if (pthread_create(&others[i], NULL, loop, NULL) != 0) return 3;
    loop(NULL);
    for (int i = 1; i < count; i++) pthread_join(others[i], NULL);
    printf("%ld calls by %d\n", calls, count);
    return 0;
}
