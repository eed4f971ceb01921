// syscalls: kill exit_group
// How the program itself ends is its outcome: here, by a signal.
#include "check.h"

int main(void) {
    section("about to die");
    raise(SIGUSR1);
    return 1;
}
