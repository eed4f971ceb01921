// syscalls: ioctl read ppoll
// oracle: linux; pseudoterminals are the kernel's own
#include "terminals/pty.h"

// The packets that have come, each in its own brackets.
static void show(const char *what) {
    char bytes[100], text[400], *to = text;
    struct pollfd p = {master, POLLIN | POLLPRI, 0};
    *to = 0;
    while (poll(&p, 1, QUIET_MS) == 1) {
        ssize_t got = read(master, bytes, sizeof bytes);
        to += sprintf(to, " %s%s", p.revents & POLLPRI ? "urgent " : "", shown(bytes, got));
    }
    say("  %s:%s", what, text);
}

int main(void) {
    int value = 1;
    open_pty();
    section("packets");
    CHECK_ERR(ioctl(slave, TIOCPKT, &value), ENOTTY);
    CHECK_OK(ioctl(master, TIOCPKT, &value));
    value = 0;
    CHECK_OK(ioctl(master, TIOCGPKT, &value));
    CHECK_EQ(value, 1);
    show("nothing");
    CHECK_EQ(write(slave, "data\n", 5), 5);
    show("data");
    CHECK_OK(tcflush(slave, TCIFLUSH));
    show("input flushed");
    CHECK_OK(tcflush(slave, TCIOFLUSH));
    show("both flushed");
    TYPE("\023");
    show("stopped");
    TYPE("\021");
    show("started");
    TYPE("\023\021");
    show("stopped and started");
    CHECK_OK(tcflow(slave, TCOOFF));
    CHECK_OK(tcflow(slave, TCOON));
    show("by calls");
    FLAGS(c_iflag, 0, IXON);
    show("no flow control");
    FLAGS(c_iflag, IXON, 0);
    show("flow control");
    CHARACTER(VSTOP, 's');
    show("by another key");
    CHARACTER(VSTOP, 023);
    show("by the usual key");
    FLAGS(c_lflag, 0, ECHO);
    show("other flags");
    FLAGS(c_lflag, EXTPROC, 0);
    show("EXTPROC");
    TYPE("a\177b\003\n");
    say("  the master edits: %s", line());
    FLAGS(c_lflag, ECHO, EXTPROC);
    show("ended");
    TYPE("a\003");
    show("interrupt");
    value = 0;
    CHECK_OK(ioctl(master, TIOCPKT, &value));
    CHECK_EQ(write(slave, "data\n", 5), 5);
    show("off");
    close_pty();
    return verdict();
}
