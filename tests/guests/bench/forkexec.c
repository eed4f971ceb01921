// oracle: linux; qemu's user mode cannot exec a riscv64 program
// flags: -O2
// bench: 500
// syscalls: clone execve wait4
//
// fork, exec of this same static program, and wait. Argument: times (default 20).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], "child") == 0) return atoi(argv[2]);
    int times = argc > 1 ? atoi(argv[1]) : 20, sum = 0;
    for (int i = 0; i < times; i++) {
        char code[8];
        snprintf(code, sizeof code, "%d", i % 100);
        pid_t child = fork();
        if (child == 0) {
            execl("/proc/self/exe", argv[0], "child", code, NULL);
            _exit(127);
        }
        int status;
        if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 3;
        sum += WEXITSTATUS(status);
    }
    printf("%d children: %d\n", times, sum);
    return 0;
}
