// syscalls: ioctl
// oracle: linux; qemu's user mode does not pass the request on
//
// Typing by TIOCSTI, which takes the administrator.
#include "pty.h"

int main(void) {
    open_pty();
    section("a line");
    for (const char *key = "ab\177c\n"; *key; key++) CHECK_OK(ioctl(slave, TIOCSTI, key));
    say("  %s", line());
    say("  %s", screen());

    section("raw, and a signal's key");
    FLAGS(c_lflag, 0, ICANON | ECHO);
    CHECK_OK(ioctl(slave, TIOCSTI, "x"));
    CHECK_OK(ioctl(slave, TIOCSTI, "y"));
    int waiting = 0;
    CHECK_OK(ioctl(slave, FIONREAD, &waiting));
    CHECK_EQ(waiting, 2);
    CHECK_OK(ioctl(slave, TIOCSTI, "\003"));
    say("  %s", line());
    CHECK_ERR(ioctl(slave, TIOCSTI, NOWHERE), EFAULT);
    close_pty();
    return verdict();
}
