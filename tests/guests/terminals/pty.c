// syscalls: ioctl openat read write ppoll fstat
// oracle: linux; pseudoterminals are the kernel's own
#include "terminals/pty.h"
#include <sys/sysmacros.h>
#include <sys/vfs.h>

static int events(int fd) {
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI, 0};
    poll(&p, 1, 0);
    return p.revents;
}

static const char *named(int events) {
    static char text[4][64];
    static int next;
    char *to = text[next++ % 4];
    sprintf(to, "%s%s%s%s%s", events & POLLIN ? "in " : "", events & POLLOUT ? "out " : "",
            events & POLLPRI ? "pri " : "", events & POLLERR ? "err " : "", events & POLLHUP ? "hup " : "");
    return to;
}

static void show(const char *what) {
    struct termios t;
    MUST(tcgetattr(slave, &t));
    char characters[100], *to = characters;
    for (int i = 0; i < 19; i++) to += sprintf(to, " %d", t.c_cc[i]);
    say("  %s: %o %o %o %o,%s", what, t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag, characters);
}

int main(void) {
    char path[64], other[64], bytes[100];
    int number, value;
    struct stat s;
    struct winsize w, v = {25, 81, 3, 4};

    section("making one");
    master = MUST(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    CHECK_OK(ioctl(master, TIOCGPTN, &number));
    sprintf(path, "/dev/pts/%d", number);
    CHECK_OK(stat(path, &s));
    CHECK(S_ISCHR(s.st_mode));
    CHECK_EQ(major(s.st_rdev), 136);
    CHECK_EQ(minor(s.st_rdev), number);
    CHECK_EQ(s.st_uid, getuid());
    CHECK_ERR(open(path, O_RDWR | O_NOCTTY), EIO);
    CHECK_OK(ioctl(master, TIOCGPTLCK, &value));
    CHECK_EQ(value, 1);
    say("  poll of a master without a slave: %s", named(events(master)));
    CHECK_OK(unlockpt(master));
    CHECK_STR(ptsname(master), path);
    slave = MUST(open(path, O_RDWR | O_NOCTTY));
    CHECK_EQ(isatty(master), 1);
    CHECK_EQ(isatty(slave), 1);
    CHECK_STR(ttyname(slave), path);
    CHECK_OK(fstat(slave, &s));
    CHECK_EQ(minor(s.st_rdev), number);
    CHECK_OK(fstat(master, &s));
    CHECK_EQ(major(s.st_rdev), 5);
    CHECK_EQ(minor(s.st_rdev), 2);
    CHECK_ERR(lseek(slave, 0, SEEK_SET), ESPIPE);
    CHECK_ERR(pread(slave, bytes, 1, 0), ESPIPE);
    CHECK_ERR(ioctl(slave, TIOCGPTN, &number), ENOTTY);
    CHECK_ERR(ioctl(slave, 0x54ff, &value), ENOTTY);
    struct statfs fs;
    CHECK_OK(statfs(path, &fs));
    CHECK_EQ(fs.f_type, 0x1cd1);
    CHECK_ERR(open("/dev/pts/new", O_CREAT | O_RDWR, 0600), EACCES);
    CHECK_ERR(mkdir("/dev/pts/new", 0700), EPERM);
    int peer = CHECK_OK(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    CHECK_STR(ttyname(peer), path);
    CHECK_EQ(fcntl(peer, F_GETFD), FD_CLOEXEC);
    close(peer);
    int second = MUST(open("/dev/ptmx", O_RDWR | O_NOCTTY)), second_number;
    CHECK_OK(ioctl(second, TIOCGPTN, &second_number));
    CHECK(second_number != number);
    close(second);
    sprintf(other, "/dev/pts/%d", second_number);
    CHECK_ERR(access(other, F_OK), ENOENT);

    section("attributes");
    show("at first");
    struct termios t;
    CHECK_OK(tcgetattr(master, &t));
    CHECK_EQ(t.c_lflag & ICANON, ICANON);
    CHECK_EQ(cfgetospeed(&t), B38400);
    t.c_cflag = CS5 | PARENB | B9600;
    t.c_lflag &= ~ECHO;
    CHECK_OK(tcsetattr(master, TCSADRAIN, &t));
    show("set at the master");
    t.c_lflag |= ECHO;
    CHECK_OK(tcsetattr(slave, TCSAFLUSH, &t));
    CHECK_ERR(ioctl(slave, TCGETS, NOWHERE), EFAULT);
    CHECK_ERR(ioctl(slave, TCSETS, NOWHERE), EFAULT);
    CHECK_OK(ioctl(slave, TIOCGETD, &value));
    CHECK_EQ(value, 0);
    CHECK_OK(ioctl(slave, TIOCSETD, &value));
    CHECK_OK(tcdrain(slave));
    CHECK_OK(tcsendbreak(slave, 0));

    section("size");
    CHECK_OK(ioctl(slave, TIOCGWINSZ, &w));
    say("  at first %d by %d", w.ws_row, w.ws_col);
    CHECK_OK(ioctl(master, TIOCSWINSZ, &v));
    CHECK_OK(ioctl(slave, TIOCGWINSZ, &w));
    CHECK_MEM(&w, &v, sizeof w);
    v.ws_row = 30;
    CHECK_OK(ioctl(slave, TIOCSWINSZ, &v));
    CHECK_OK(ioctl(master, TIOCGWINSZ, &w));
    CHECK_EQ(w.ws_row, 30);

    section("readiness");
    say("  idle: master %s, slave %s", named(events(master)), named(events(slave)));
    TYPE("a");
    say("  a key: master %s, slave %s", named(events(master)), named(events(slave)));
    screen();
    TYPE("b\n");
    say("  a line: master %s, slave %s", named(events(master)), named(events(slave)));
    CHECK_OK(ioctl(slave, FIONREAD, &value));
    CHECK_EQ(value, 3);
    CHECK_OK(ioctl(master, FIONREAD, &value));
    CHECK_EQ(value, 3);
    CHECK_OK(ioctl(slave, TIOCOUTQ, &value));
    CHECK_EQ(value, 0);
    TYPE("cd\004\004e");
    CHECK_OK(ioctl(slave, FIONREAD, &value));
    CHECK_EQ(value, 5);

    section("flushing");
    CHECK_OK(tcflush(slave, TCIFLUSH));
    CHECK_OK(ioctl(slave, FIONREAD, &value));
    CHECK_EQ(value, 0);
    say("  the screen keeps %s", screen());
    TYPE("line\n");
    screen();
    CHECK_EQ(write(slave, "shown", 5), 5);
    sleep_ms(200);
    CHECK_OK(tcflush(slave, TCOFLUSH));
    say("  output has arrived: %s", screen());
    say("  input is there: %s", line());
    CHECK_ERR(ioctl(slave, TCFLSH, 9), EINVAL);

    section("exclusive");
    CHECK_OK(ioctl(slave, TIOCEXCL));
    CHECK_OK(ioctl(slave, TIOCGEXCL, &value));
    CHECK_EQ(value, 1);
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(chmod(path, 0666));
                     CHECK_OK(setuid(1000));
                     CHECK_ERR(open(path, O_RDWR | O_NOCTTY), EBUSY);
                 }),
                 0);
    CHECK_OK(ioctl(slave, TIOCNXCL));

    section("typing for another");
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(setuid(1000));
                     // EPERM, or EIO where nobody may (dev.tty.legacy_tiocsti).
                     CHECK(ioctl(slave, TIOCSTI, "x") == -1 && (errno == EIO || errno == EPERM));
                     CHECK_ERR(ioctl(slave, TIOCVHANGUP), EPERM);
                     CHECK_ERR(vhangup(), EPERM);
                 }),
                 0);

    section("the last slave closes");
    screen();
    TYPE("unread\n");
    CHECK_EQ(write(slave, "last words", 10), 10);
    close(slave);
    sleep_ms(10);
    say("  poll %s", named(events(master)));
    ssize_t got = read(master, bytes, sizeof bytes);
    say("  %s", shown(bytes, got));
    CHECK_ERR(read(master, bytes, sizeof bytes), EIO);
    say("  poll %s", named(events(master)));
    CHECK_EQ(write(master, "k", 1), 1);
    sleep_ms(100);
    slave = MUST(open(path, O_RDWR | O_NOCTTY));
    say("  opened again: poll %s, reads %s", named(events(master)), line());
    sleep_ms(100);
    CHECK_EQ(write(slave, "x", 1), 1);
    say("  %s", screen());

    section("the master closes");
    int reader = MUST(open(path, O_RDWR | O_NOCTTY));
    pid_t child = MUST(fork());
    if (child == 0) {
        close(master);
        errno = 0;
        got = read(reader, bytes, sizeof bytes);
        say("  a read under way: %s", shown(bytes, got));
        _exit(0);
    }
    sleep_ms(60);
    close(master);
    CHECK_EXITED(wait_status(child), 0);
    got = read(slave, bytes, sizeof bytes);
    say("  a read %s", shown(bytes, got));
    CHECK_ERR(write(slave, "x", 1), EIO);
    CHECK_ERR(tcgetattr(slave, &t), EIO);
    CHECK_ERR(ioctl(slave, TIOCSPGRP, &value), ENOTTY);
    say("  poll %s", named(events(slave)));
    CHECK_ERR(open(path, O_RDWR | O_NOCTTY), ENOENT);
    close(slave);
    close(reader);

    section("hung up by a call");
    open_pty();
    reader = CHECK_OK(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
    CHECK_OK(ioctl(slave, TIOCVHANGUP));
    CHECK_EQ(read(slave, bytes, 1), 0);
    CHECK_ERR(write(reader, "x", 1), EIO);
    int fresh = CHECK_OK(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
    CHECK_EQ(write(fresh, "x", 1), 1);
    say("  opened afterwards: %s", screen());
    close(fresh);
    close(reader);
    close_pty();
    return verdict();
}
