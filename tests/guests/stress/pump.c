// args: 64
// syscalls: read write pipe2 clone wait4
//
// producer | cat | cat | consumer. Argument: mebibytes (default 64); the sum is checked at the end.
#include "check.h"

static char buffer[65536];

static void copy(int from, int to) {
    long n;
    while ((n = read(from, buffer, sizeof buffer)) > 0)
        for (long done = 0, k; done < n; done += k)
            if ((k = write(to, buffer + done, (size_t)(n - done))) <= 0) _exit(3);
    _exit(n == 0 ? 0 : 4);
}

int main(int argc, char **argv) {
    long bytes = (argc > 1 ? atol(argv[1]) : 64) << 20;
    int pipes[3][2];
    pid_t children[3];
    section("bytes through two cats");
    for (int i = 0; i < 3; i++) {
        CHECK_OK(pipe(pipes[i]));
        if ((children[i] = MUST(fork())) == 0) {
            close(pipes[i][0]);
            if (i > 0) copy(pipes[i - 1][0], pipes[i][1]);
            for (long k = 0; k < bytes; k += sizeof buffer) {
                for (unsigned j = 0; j < sizeof buffer; j += 512) buffer[j] = (char)((k + j) >> 9);
                for (long done = 0, n; done < (long)sizeof buffer; done += n)
                    if ((n = write(pipes[0][1], buffer + done, sizeof buffer - (size_t)done)) <= 0) _exit(5);
            }
            _exit(0);
        }
        close(pipes[i][1]);
        if (i > 0) close(pipes[i - 1][0]);
    }
    long total = 0, wrong = 0, n;
    while ((n = read(pipes[2][0], buffer, sizeof buffer)) > 0) {
        for (long k = (512 - total % 512) % 512; k < n; k += 512) wrong += buffer[k] != (char)((total + k) >> 9);
        total += n;
    }
    CHECK_EQ(total, bytes);
    CHECK_EQ(wrong, 0);
    for (int i = 0; i < 3; i++) CHECK_EXITED(wait_status(children[i]), 0);
    return verdict();
}
