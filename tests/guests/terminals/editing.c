// syscalls: ioctl read write
// oracle: linux; the line discipline is the kernel's own
#include "terminals/pty.h"

// Types, and says what the program reads and what the screen shows.
#define KEYS(keys)                                                                          \
    do {                                                                                    \
        TYPE(keys);                                                                         \
        const char *read_ = line();                                                         \
        say("  %s: read %s, screen %s", shown(keys, sizeof keys - 1), read_, screen());     \
    } while (0)

int main(void) {
    open_pty();
    section("lines");
    KEYS("hello\n");
    KEYS("hello\r");
    KEYS("part");
    KEYS("ial\n");
    KEYS("two\nlines\n");
    say("  then %s", line());
    KEYS("\n");

    section("erase");
    KEYS("abc\177\177d\n");
    KEYS("\177\177x\n");
    KEYS("a\001b\177\177c\n");
    KEYS("a\tb\177\177c\n");
    KEYS("\t\t\177x\177\177y\n");
    KEYS("caf\303\251\177\n");
    FLAGS(c_iflag, IUTF8, 0);
    KEYS("caf\303\251\177\177\n");
    KEYS("\251\177\n");
    KEYS("\342\202\254\t\177\177x\n");
    FLAGS(c_iflag, 0, IUTF8);

    section("words and lines");
    KEYS("one two  three\027\027x\n");
    KEYS("a_b.c-d \027y\n");
    KEYS("..\027z\n");
    KEYS("forget this\025keep\n");
    KEYS("\025\027\n");
    KEYS("a\001\tb\025c\n");

    section("reprint and literal");
    KEYS("ab\022c\n");
    KEYS("a\026\003b\n");
    KEYS("a\026\177\n");
    KEYS("\026\n\n");
    say("  then %s", line());
    KEYS("\026\026\n");

    section("end of file");
    KEYS("\004");
    KEYS("abc\004");
    KEYS("abc\004\004");
    say("  then %s", line());
    KEYS("a\n\004b\n");
    say("  then %s", line());
    say("  then %s", line());

    section("other ends of lines");
    CHARACTER(VEOL, ';');
    CHARACTER(VEOL2, '!');
    KEYS("a;b!c\n");
    say("  then %s", line());
    say("  then %s", line());
    CHARACTER(VEOL, 0);
    CHARACTER(VEOL2, 0);
    FLAGS(c_lflag, 0, IEXTEN);
    KEYS("a\027\026\022b\n");
    FLAGS(c_lflag, IEXTEN, 0);

    section("echo");
    FLAGS(c_lflag, 0, ECHOCTL);
    KEYS("a\001\177\177b\n");
    FLAGS(c_lflag, ECHOCTL, ECHOE);
    KEYS("ab\177\177c\025d\n");
    FLAGS(c_lflag, ECHOE, ECHOKE);
    KEYS("ab\025d\n");
    FLAGS(c_lflag, 0, ECHOK);
    KEYS("ab\025d\n");
    FLAGS(c_lflag, ECHOKE | ECHOK | ECHOPRT, 0);
    KEYS("abc\177\177x\n");
    KEYS("ab\177\177x\n");
    KEYS("ab cd\027\n");
    FLAGS(c_lflag, 0, ECHOPRT | ECHO);
    KEYS("abc\177\025d\n");
    FLAGS(c_lflag, ECHONL, 0);
    KEYS("ab\n");
    FLAGS(c_lflag, ECHO, ECHONL);

    section("input flags");
    FLAGS(c_iflag, 0, ICRNL);
    KEYS("a\rb\n");
    FLAGS(c_iflag, INLCR, 0);
    KEYS("a\nb\n");
    FLAGS(c_lflag, 0, ICANON);
    KEYS("c\rd\ne");
    FLAGS(c_lflag, ICANON, 0);
    FLAGS(c_iflag, IGNCR, INLCR);
    KEYS("a\rb\n");
    FLAGS(c_iflag, ICRNL | ISTRIP, IGNCR);
    KEYS("\341\342\n");
    FLAGS(c_iflag, IUCLC, ISTRIP);
    KEYS("aBC\n");
    FLAGS(c_iflag, PARMRK, IUCLC);
    KEYS("a\377b\n");
    FLAGS(c_iflag, 0, PARMRK);

    section("switching modes");
    TYPE("typed before");
    FLAGS(c_lflag, 0, ICANON);
    say("  raw reads %s", line());
    TYPE("raw");
    FLAGS(c_lflag, ICANON, 0);
    say("  canonical reads %s", line());
    TYPE("a\004");
    FLAGS(c_lflag, 0, ICANON);
    say("  raw reads %s", line());
    screen();
    KEYS("a\nb\003");
    FLAGS(c_lflag, ICANON, 0);

    section("a buffer that ends where the file does");
    char five[5];
    TYPE("abcde\004next\n");
    ssize_t got = read(slave, five, 5);
    say("  %s", shown(five, got));
    say("  then %s", line());
    TYPE("abcdefg\n");
    got = read(slave, five, 5);
    say("  %s", shown(five, got));
    say("  then %s", line());
    screen();

    section("a line that is too long");
    static char a_lot[5000];
    memset(a_lot, 'a', sizeof a_lot);
    FLAGS(c_lflag, 0, ECHO);
    CHECK_EQ(write(master, a_lot, sizeof a_lot), sizeof a_lot);
    sleep_ms(QUIET_MS);
    TYPE("b\n");
    got = read(slave, a_lot, sizeof a_lot);
    say("  %zd bytes that end with %s", got, shown(a_lot + got - 3, 3));
    close_pty();
    return verdict();
}
