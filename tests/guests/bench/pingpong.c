// flags: -O2
// bench: 100000
// syscalls: pipe2 read write clone wait4
//
// A byte to and fro between two processes through two pipes. Argument: round trips (default 2000).
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    long trips = argc > 1 ? atol(argv[1]) : 2000;
    int there[2], back[2], status;
    unsigned char byte = 0;
    if (pipe(there) != 0 || pipe(back) != 0) return 2;
    pid_t child = fork();
    if (child == 0) {
        close(there[1]), close(back[0]);
        while (read(there[0], &byte, 1) == 1) {
            byte++;
            if (write(back[1], &byte, 1) != 1) _exit(3);
        }
        _exit(0);
    }
    close(there[0]), close(back[1]);
    unsigned long sum = 0;
    for (long i = 0; i < trips; i++) {
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) return 4;
        sum += byte;
    }
    close(there[1]);
    waitpid(child, &status, 0);
    printf("%ld round trips: %lu, child %d\n", trips, sum, status);
    return 0;
}
