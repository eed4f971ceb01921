// syscalls: ioctl
// oracle: linux; qemu does not know the requests
#include "terminals/pty.h"

// The kernel's layout: glibc's own has more characters and the speeds.
struct kernel_termios {
    unsigned input, output, control, local;
    unsigned char line, characters[19];
};

static struct kernel_termios get(int fd, unsigned long request) {
    struct kernel_termios t;
    memset(&t, 0xa5, sizeof t);
    MUST(ioctl(fd, request, &t));
    return t;
}

int main(void) {
    open_pty();
    section("nothing is locked at first");
    struct kernel_termios none = {0}, lock = get(slave, TIOCGLCKTRMIOS);
    CHECK_EQ(memcmp(&lock, &none, sizeof none), 0);

    section("what is locked is told at both ends");
    lock = none;
    lock.input = ICRNL;
    lock.output = ~0u;
    lock.local = ECHO | ICANON;
    lock.characters[VINTR] = 1;
    MUST(ioctl(slave, TIOCSLCKTRMIOS, &lock));
    struct kernel_termios told = get(slave, TIOCGLCKTRMIOS);
    CHECK_EQ(memcmp(&told, &lock, sizeof lock), 0);
    told = get(master, TIOCGLCKTRMIOS);
    CHECK_EQ(memcmp(&told, &lock, sizeof lock), 0);

    section("locked attributes stay, the others change");
    struct kernel_termios old = get(slave, TCGETS), want = old;
    want.input ^= ICRNL | IXON;
    want.output ^= OPOST | ONLCR;
    want.local ^= ECHO | ICANON | ISIG;
    want.characters[VINTR] = 'x';
    want.characters[VQUIT] = 'y';
    CHECK_EQ(ioctl(slave, TCSETS, &want), 0);
    struct kernel_termios now = get(slave, TCGETS);
    CHECK_EQ(now.input, old.input ^ IXON);
    CHECK_EQ(now.output, old.output);
    CHECK_EQ(now.local, old.local ^ ISIG);
    CHECK_EQ(now.characters[VINTR], old.characters[VINTR]);
    CHECK_EQ(now.characters[VQUIT], 'y');

    section("unlocked again");
    MUST(ioctl(slave, TIOCSLCKTRMIOS, &none));
    CHECK_EQ(ioctl(slave, TCSETS, &want), 0);
    now = get(slave, TCGETS);
    CHECK_EQ(now.local, want.local);
    CHECK_EQ(now.characters[VINTR], 'x');

    section("errors");
    CHECK_ERR(ioctl(slave, TIOCGLCKTRMIOS, (void *)8), EFAULT);
    CHECK_ERR(ioctl(slave, TIOCSLCKTRMIOS, (void *)8), EFAULT);
    MUST(setuid(1000));
    CHECK_ERR(ioctl(slave, TIOCSLCKTRMIOS, &lock), EPERM);
    CHECK_EQ(ioctl(slave, TIOCGLCKTRMIOS, &told), 0);
    close_pty();
    return verdict();
}
