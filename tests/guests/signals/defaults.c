// oracle: linux; qemu's user mode keeps the last four real-time signals to itself
// syscalls: kill
//
// signal(7), "Standard signals": what each does by default.
#include "check.h"

int main(void) {
    section("default actions");
    for (int number = 1; number <= 64; number++) {
        if (number == 32 || number == 33) continue; // the C library's own
        int p[2];
        char byte;
        CHECK_OK(pipe(p));
        pid_t child = MUST(fork());
        if (child == 0) {
            close(p[0]);
            signal(number, SIG_DFL);
        // TSTP, TTIN and TTOU stop nothing in an orphaned process group; this one has a parent outside it.
        setpgid(0, 0);
            kill(getpid(), number);
            _exit(0);
        }
        close(p[1]);
        int status = 0;
        CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
        if (WIFSTOPPED(status)) {
            say("%d stops", number);
            CHECK_EQ(WSTOPSIG(status), number);
            kill(child, SIGKILL);
            wait_status(child);
        } else if (WIFSIGNALED(status)) {
            say("%d kills", number);
            CHECK_EQ(WTERMSIG(status), number);
        } else {
            say("%d is passed over", number);
        }
        // Its descriptors are closed whichever way it went.
        CHECK_EQ(read(p[0], &byte, 1), 0);
        close(p[0]);
    }
    return verdict();
}
