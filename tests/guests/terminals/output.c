// syscalls: ioctl write sendfile
// oracle: linux; output processing is the kernel's own
#include "terminals/pty.h"
#include <sys/sendfile.h>

static void put(const char *text) {
    CHECK_EQ(write(slave, text, strlen(text)), strlen(text));
    say("  %s: %s", shown(text, strlen(text)), screen());
}

int main(void) {
    open_pty();
    section("as it is at first");
    put("a\nb\r\tc\n");
    put("\001\002\177\377");

    section("without processing");
    FLAGS(c_oflag, 0, OPOST);
    put("a\nb\n");
    FLAGS(c_oflag, OPOST, ONLCR);
    put("a\nb\n");

    section("tabs");
    FLAGS(c_oflag, XTABS | ONLCR, 0);
    put("\t|\n");
    put("ab\tcd\t|\n");
    put("1234567\t8\n12345678\t9\n");
    put("a\b\t|\n");
    put("a\001\t|\n");
    put("\303\251\t|\n");
    FLAGS(c_iflag, IUTF8, 0);
    put("\303\251\t|\n");
    FLAGS(c_oflag, 0, ONLCR);
    put("abc\n\t|\r");
    FLAGS(c_oflag, ONLRET, 0);
    put("abc\n\t|\r");
    FLAGS(c_oflag, ONLCR, ONLRET | XTABS);

    section("returns");
    FLAGS(c_oflag, OCRNL, 0);
    put("a\rb\r");
    FLAGS(c_oflag, ONOCR, OCRNL);
    put("\r\ra\r\rb\r");
    FLAGS(c_oflag, 0, ONOCR);

    section("capitals");
    FLAGS(c_oflag, OLCUC, 0);
    put("Abc1\351\n");
    FLAGS(c_oflag, 0, OLCUC);

    section("echo of tabs knows the column");
    TYPE("\t\177x\n");
    say("  %s", screen());
    CHECK_EQ(write(slave, "> ", 2), 2);
    TYPE("a\tb\177\177\177y\n");
    say("  %s", screen());

    section("stopped output");
    screen();
    TYPE("\023");
    int flags = fcntl(slave, F_GETFL);
    fcntl(slave, F_SETFL, flags | O_NONBLOCK);
    CHECK_ERR(write(slave, "out", 3), EAGAIN);
    struct pollfd p = {slave, POLLOUT, 0};
    CHECK_EQ(poll(&p, 1, 0), 0);
    TYPE("in");
    say("  while stopped %s", screen());
    TYPE("\021");
    say("  then %s", screen());
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(write(slave, "out", 3), 3);
    say("  then %s", screen());
    FLAGS(c_iflag, IXANY, 0);
    TYPE("\023");
    TYPE("k");
    CHECK_EQ(write(slave, "out", 3), 3);
    say("  any key: %s", screen());
    FLAGS(c_iflag, 0, IXANY);
    TYPE("\023");
    TYPE("k");
    CHECK_ERR(write(slave, "out", 3), EAGAIN);
    FLAGS(c_iflag, 0, IXON);
    CHECK_EQ(write(slave, "out", 3), 3);
    say("  without IXON: %s", screen());
    TYPE("\023\021");
    say("  they are keys like others: %s", screen());
    FLAGS(c_iflag, IXON, 0);

    section("a call stops, and no key starts");
    CHECK_OK(tcflow(slave, TCOOFF));
    CHECK_ERR(write(slave, "out", 3), EAGAIN);
    TYPE("\021");
    CHECK_ERR(write(slave, "out", 3), EAGAIN);
    CHECK_OK(tcflow(slave, TCOON));
    CHECK_EQ(write(slave, "out", 3), 3);
    say("  %s", screen());
    CHECK_OK(tcflow(slave, TCIOFF));
    say("  TCIOFF sends %s", screen());
    CHECK_OK(tcflow(slave, TCION));
    say("  TCION sends %s", screen());
    CHECK_ERR(ioctl(slave, TCXONC, 9), EINVAL);

    section("a full terminal");
    static char block[1000];
    memset(block, 'x', sizeof block);
    long total = 0;
    ssize_t count;
    while ((count = write(slave, block, sizeof block)) > 0) total += count;
    CHECK_EQ(errno, EAGAIN);
    CHECK(total >= 4096);
    p.revents = 0;
    CHECK_EQ(poll(&p, 1, 0), 0);
    long drained = 0;
    static char bytes[4096];
    while ((count = drain(master, bytes, sizeof bytes)) > 0) drained += count;
    CHECK_EQ(drained, total);
    CHECK_EQ(poll(&p, 1, 0), 1);
    fcntl(slave, F_SETFL, flags);
    pid_t child = MUST(fork());
    if (child == 0) {
        // More than fits, from a writer that waits.
        for (int i = 0; i < 40; i++)
            if (write(slave, block, sizeof block) != sizeof block) _exit(1);
        _exit(0);
    }
    drained = 0;
    while (drained < 40 * (long)sizeof block && (count = read(master, bytes, sizeof bytes)) > 0) drained += count;
    CHECK_EQ(drained, 40 * sizeof block);
    CHECK_EXITED(wait_status(child), 0);

    section("a file sent to it");
    scratch();
    int file = MUST(open("file", O_RDWR | O_CREAT, 0600));
    for (int i = 0; i < 40; i++) CHECK_EQ(write(file, block, sizeof block), sizeof block);
    child = MUST(fork());
    if (child == 0) {
        off_t at = 0;
        while (at < 40 * (off_t)sizeof block)
            if (sendfile(slave, file, &at, 40 * sizeof block - at) < 0) _exit(errno);
        _exit(0);
    }
    drained = 0;
    while (drained < 40 * (long)sizeof block && (count = read(master, bytes, sizeof bytes)) > 0) drained += count;
    CHECK_EQ(drained, 40 * sizeof block);
    CHECK_EXITED(wait_status(child), 0);
    close_pty();
    return verdict();
}
