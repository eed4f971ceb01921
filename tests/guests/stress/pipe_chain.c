// args: 100
// syscalls: pipe2 clone read write
//
// A chain of processes, each passing bytes on: how many there are (default 100) is the argument.
#include "check.h"

int main(int argc, char **argv) {
    int links = argc > 1 ? atoi(argv[1]) : 100;
    section("a chain of pipes");
    int first[2], previous;
    CHECK_OK(pipe(first));
    previous = first[0];
    for (int i = 0; i < links; i++) {
        int next[2];
        MUST(pipe(next));
        pid_t child = MUST(fork());
        if (child == 0) {
            close(first[1]);
            close(next[0]);
            unsigned char byte;
            while (read(previous, &byte, 1) == 1) {
                byte++;
                if (write(next[1], &byte, 1) != 1) _exit(2);
            }
            _exit(0);
        }
        close(previous);
        close(next[1]);
        previous = next[0];
    }
    for (int round = 0; round < 20; round++) {
        unsigned char byte = (unsigned char)round;
        CHECK_EQ(write(first[1], &byte, 1), 1);
        CHECK_EQ(read(previous, &byte, 1), 1);
        CHECK_EQ(byte, (unsigned char)(round + links));
    }
    section("the end passes through");
    close(first[1]);
    unsigned char byte;
    CHECK_EQ(read(previous, &byte, 1), 0);
    for (int i = 0; i < links; i++) {
        int status;
        CHECK(wait(&status) > 0);
        CHECK_EXITED(status, 0);
    }
    CHECK_ERR(wait(NULL), ECHILD);
    return verdict();
}
