// What the terminal tests share: a pseudoterminal, and bytes shown so that a terminal's own can be compared.
#ifndef PTY_H
#define PTY_H

#include "check.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

// How long nothing must come until nothing more is to be expected.
#define QUIET_MS 40

__attribute__((unused)) static int master, slave;

// A new pseudoterminal with both ends open, not controlling anybody.
__attribute__((unused)) static void open_pty(void) {
    int unlock = 0;
    master = MUST(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    MUST(ioctl(master, TIOCSPTLCK, &unlock));
    slave = MUST(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
}

__attribute__((unused)) static void close_pty(void) {
    close(slave);
    close(master);
}

// Bytes as C would write them, in quotes.
__attribute__((unused)) static const char *shown(const char *bytes, ssize_t length) {
    static char texts[4][4 * 4200];
    static int next;
    char *text = texts[next++ % 4], *to = text;
    if (length < 0) return strerrorname_np(errno);
    *to++ = '"';
    for (ssize_t i = 0; i < length && i < 4096; i++) {
        unsigned char c = bytes[i];
        if (c == '\n') to += sprintf(to, "\\n");
        else if (c == '\r') to += sprintf(to, "\\r");
        else if (c == '\t') to += sprintf(to, "\\t");
        else if (c == '\b') to += sprintf(to, "\\b");
        else if (c < ' ' || c > '~') to += sprintf(to, "\\%03o", c);
        else *to++ = c;
    }
    strcpy(to, "\"");
    return text;
}

// All that comes from a descriptor until nothing came for a while.
__attribute__((unused)) static ssize_t drain(int fd, char *bytes, size_t size) {
    size_t got = 0;
    struct pollfd p = {fd, POLLIN, 0};
    while (got < size && poll(&p, 1, QUIET_MS) == 1 && (p.revents & POLLIN)) {
        ssize_t count = read(fd, bytes + got, size - got);
        if (count <= 0) break;
        got += count;
    }
    return got;
}

// What is on the terminal's screen since the last look.
__attribute__((unused)) static const char *screen(void) {
    static char bytes[4096];
    return shown(bytes, drain(master, bytes, sizeof bytes));
}

// Types keys, and waits until the terminal has taken them.
__attribute__((unused)) static void type_bytes(const char *keys, size_t length) {
    CHECK_EQ(write(master, keys, length), length);
    sleep_ms(QUIET_MS / 4);
}

#define TYPE(keys) type_bytes(keys, sizeof keys - 1)

// One read from the slave that does not wait.
__attribute__((unused)) static const char *line(void) {
    static char bytes[4200];
    int flags = fcntl(slave, F_GETFL);
    fcntl(slave, F_SETFL, flags | O_NONBLOCK);
    errno = 0;
    ssize_t count = read(slave, bytes, sizeof bytes);
    int error = errno;
    fcntl(slave, F_SETFL, flags);
    errno = error;
    return shown(bytes, count);
}

// Changes the terminal's flags: sets `set`, clears `clear`, in the field named.
#define FLAGS(field, set, clear)                                                            \
    do {                                                                                    \
        struct termios flags_;                                                              \
        MUST(tcgetattr(slave, &flags_));                                                    \
        flags_.field = (flags_.field | (set)) & ~(tcflag_t)(clear);                         \
        MUST(tcsetattr(slave, TCSANOW, &flags_));                                           \
    } while (0)

#define CHARACTER(which, value)                                                             \
    do {                                                                                    \
        struct termios flags_;                                                              \
        MUST(tcgetattr(slave, &flags_));                                                    \
        flags_.c_cc[which] = (value);                                                       \
        MUST(tcsetattr(slave, TCSANOW, &flags_));                                           \
    } while (0)

#endif
