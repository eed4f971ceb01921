// syscalls: ioctl setsid setpgid read write openat vhangup
// oracle: linux; job control is the kernel's own
#include "terminals/pty.h"

static volatile sig_atomic_t last;
static void note(int signal) { last = signal; }

static int tty_number(int field) {
    // Fields of /proc/self/stat from the third on follow the last parenthesis.
    char text[1024];
    int fd = MUST(open("/proc/self/stat", O_RDONLY));
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length > 0 ? length : 0] = 0;
    char *at = strrchr(text, ')') + 1;
    for (int i = 3; i < field; i++) at = strchr(at + 1, ' ');
    return atoi(at);
}

// What has become of a child, in words.
static const char *fate(pid_t child, int options) {
    static char text[64];
    int status = 0;
    pid_t got = waitpid(child, &status, options);
    if (got == 0) return "nothing yet";
    if (got < 0) return strerrorname_np(errno);
    if (WIFSTOPPED(status)) sprintf(text, "stopped by SIG%s", sigabbrev_np(WSTOPSIG(status)));
    else if (WIFCONTINUED(status)) sprintf(text, "continued");
    else if (WIFSIGNALED(status)) sprintf(text, "killed by SIG%s", sigabbrev_np(WTERMSIG(status)));
    else sprintf(text, "exit %d", WEXITSTATUS(status));
    return text;
}

static void foreground(pid_t group) {
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGTTOU);
    sigprocmask(SIG_BLOCK, &set, &old);
    CHECK_OK(tcsetpgrp(slave, group));
    sigprocmask(SIG_SETMASK, &old, NULL);
}

// A child in a group of its own, which runs `work`, and is waited for to be ready.
static pid_t job(void (*work)(void), int in_front) {
    int ready[2];
    char byte;
    MUST(pipe(ready));
    pid_t child = MUST(fork());
    if (child == 0) {
        close(ready[0]);
        MUST(setpgid(0, 0));
        if (in_front) foreground(getpid());
        int defaults[] = {SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTOU, SIGCONT};
        for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) signal(defaults[i], SIG_DFL);
        check_failures = 0;
        close(ready[1]);
        work();
        _exit(check_failures != 0);
    }
    close(ready[1]);
    (void)!read(ready[0], &byte, 1);
    close(ready[0]);
    setpgid(child, child);
    return child;
}

static void reads(void) {
    char bytes[16];
    ssize_t count = read(slave, bytes, sizeof bytes);
    say("  a job reads %s", shown(bytes, count));
}

static void writes(void) { CHECK_EQ(write(slave, "job\n", 4), 4); }

static void changes(void) {
    struct termios t;
    CHECK_OK(tcgetattr(slave, &t));
    CHECK_OK(tcsetattr(slave, TCSANOW, &t));
}

static void waits(void) {
    for (;;) pause();
}

static void waits_without_master(void) {
    close(master);
    kill(getppid(), SIGUSR1);
    waits();
}

static void ignores(void) {
    signal(SIGTTIN, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    char byte;
    CHECK_ERR(read(slave, &byte, 1), EIO);
    writes();
    changes();
}

static void blocks(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTTIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    char byte;
    CHECK_ERR(read(slave, &byte, 1), EIO);
}

static void catches(void) {
    struct sigaction action = {.sa_handler = note};
    sigaction(SIGTTIN, &action, NULL);
    char byte;
    CHECK_ERR(read(slave, &byte, 1), EINTR);
    CHECK_EQ(last, SIGTTIN);
}

static void sets_foreground(void) { CHECK_OK(tcsetpgrp(slave, getpid())); }

static void resized(void) {
    signal(SIGWINCH, note);
    kill(getppid(), SIGUSR1);
    while (!last) sleep_ms(5);
    CHECK_EQ(last, SIGWINCH);
}

// A member of an orphaned group: its parent is in another session, or ended.
static void orphan(void) {
    int p[2];
    MUST(pipe(p));
    pid_t child = MUST(fork());
    if (child == 0) {
        char bytes[4];
        close(p[1]);
        // The parent is gone when the pipe ends.
        (void)!read(p[0], bytes, 1);
        sleep_ms(20);
        errno = 0;
        ssize_t count = read(slave, bytes, sizeof bytes);
        say("  an orphan in the background reads %s", shown(bytes, count));
        struct termios t;
        CHECK_OK(tcgetattr(slave, &t));
        CHECK_ERR(tcsetattr(slave, TCSANOW, &t), EIO);
        int group = getpgrp();
        CHECK_ERR(ioctl(slave, TIOCSPGRP, &group), ENOTTY);
        int done = open("/proc/self/stat", O_RDONLY);
        close(done);
        _exit(check_failures != 0);
    }
    _exit(0);
}

static void session(void) {
    char bytes[64];
    int value;
    section("a session without a terminal");
    CHECK_EQ(setsid(), getpid());
    CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
    CHECK_ERR(ioctl(slave, TIOCGPGRP, &value), ENOTTY);
    CHECK_ERR(ioctl(slave, TIOCGSID, &value), ENOTTY);
    CHECK_ERR(ioctl(slave, TIOCNOTTY), ENOTTY);
    CHECK_ERR(tcsetpgrp(slave, getpid()), ENOTTY);
    CHECK_EQ(tty_number(7), 0);
    CHECK_EQ(tty_number(8), -1);
    CHECK_OK(ioctl(master, TIOCGPGRP, &value));
    CHECK_EQ(value, 0);

    section("a controlling terminal");
    CHECK_OK(ioctl(slave, TIOCSCTTY, 0));
    CHECK_OK(ioctl(slave, TIOCSCTTY, 0));
    CHECK_EQ(tcgetpgrp(slave), getpid());
    CHECK_EQ(tcgetsid(slave), getpid());
    CHECK_OK(ioctl(master, TIOCGPGRP, &value));
    CHECK_EQ(value, getpid());
    CHECK_OK(ioctl(master, TIOCGSID, &value));
    CHECK_EQ(value, getpid());
    MUST(ioctl(master, TIOCGPTN, &value));
    CHECK_EQ(tty_number(7), 136 << 8 | value);
    CHECK_EQ(tty_number(8), getpid());
    int own = CHECK_OK(open("/dev/tty", O_RDWR));
    CHECK_EQ(write(own, "own\n", 4), 4);
    say("  /dev/tty shows %s", screen());
    CHECK_STR(ttyname(own), "/dev/tty");
    close(own);
    CHECK_EXITED(IN_CHILD({
                     CHECK_EQ(tcgetpgrp(slave), getppid());
                     CHECK_OK(setsid() == getpid() ? 0 : -1);
                     CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
                     CHECK_ERR(ioctl(slave, TIOCSCTTY, 0), EPERM);
                     CHECK_ERR(tcgetpgrp(slave), ENOTTY);
                 }),
                 0);
    CHECK_ERR(tcsetpgrp(slave, -1), EINVAL);
    CHECK_ERR(tcsetpgrp(slave, 32000), ESRCH);
    CHECK_ERR(tcsetpgrp(slave, 1), EPERM);

    section("keys");
    signal(SIGINT, note);
    signal(SIGQUIT, note);
    signal(SIGTSTP, note);
    TYPE("lost\003");
    CHECK_EQ(last, SIGINT);
    say("  ^C: %s, read %s", screen(), line());
    TYPE("\034");
    CHECK_EQ(last, SIGQUIT);
    TYPE("\032");
    CHECK_EQ(last, SIGTSTP);
    say("  %s", screen());
    FLAGS(c_lflag, NOFLSH, 0);
    TYPE("kept\003\n");
    CHECK_EQ(last, SIGINT);
    say("  with NOFLSH: %s, read %s", screen(), line());
    FLAGS(c_lflag, 0, NOFLSH | ISIG);
    last = 0;
    TYPE("\003\n");
    CHECK_EQ(last, 0);
    say("  without ISIG: %s, read %s", screen(), line());
    FLAGS(c_lflag, ISIG, 0);
    CHECK_OK(ioctl(master, TIOCSIG, SIGQUIT));
    sleep_ms(10);
    CHECK_EQ(last, SIGQUIT);
    CHECK_ERR(ioctl(master, TIOCSIG, SIGTERM), EINVAL);

    section("a job in the foreground");
    signal(SIGTTOU, SIG_DFL);
    pid_t child = job(waits, 1);
    CHECK_EQ(tcgetpgrp(slave), child);
    TYPE("\032");
    say("  ^Z: %s", fate(child, WUNTRACED));
    kill(child, SIGCONT);
    say("  SIGCONT: %s", fate(child, WCONTINUED));
    TYPE("\003");
    say("  ^C: %s", fate(child, 0));
    foreground(getpid());
    screen();
    child = job(reads, 1);
    TYPE("typed\n");
    say("  %s", fate(child, 0));
    foreground(getpid());
    screen();

    section("a job in the background");
    child = job(reads, 0);
    say("  it reads: %s", fate(child, WUNTRACED));
    foreground(child);
    kill(child, SIGCONT);
    TYPE("to it\n");
    say("  in the foreground: %s", fate(child, 0));
    foreground(getpid());
    screen();
    child = job(writes, 0);
    say("  it writes: %s", fate(child, WUNTRACED));
    say("  %s", screen());
    FLAGS(c_lflag, TOSTOP, 0);
    child = job(writes, 0);
    say("  with TOSTOP: %s", fate(child, WUNTRACED));
    foreground(child);
    kill(child, SIGCONT);
    say("  in the foreground: %s", fate(child, 0));
    foreground(getpid());
    say("  %s", screen());
    child = job(changes, 0);
    say("  it changes attributes: %s", fate(child, WUNTRACED));
    kill(child, SIGKILL);
    say("  %s", fate(child, 0));
    child = job(sets_foreground, 0);
    say("  it puts itself in the foreground: %s", fate(child, WUNTRACED));
    kill(child, SIGKILL);
    fate(child, 0);
    child = job(ignores, 0);
    say("  it ignores the signals: %s", fate(child, WUNTRACED));
    child = job(blocks, 0);
    say("  it blocks SIGTTIN: %s", fate(child, WUNTRACED));
    child = job(catches, 0);
    say("  it catches SIGTTIN: %s", fate(child, WUNTRACED));
    FLAGS(c_lflag, 0, TOSTOP);
    screen();
    child = job(orphan, 0);
    say("  its parent: %s", fate(child, WUNTRACED));
    sleep_ms(150);

    section("a new size");
    struct winsize w = {10, 20, 0, 0};
    CHECK_OK(ioctl(master, TIOCSWINSZ, &w));
    signal(SIGUSR1, note);
    last = 0;
    child = job(resized, 1);
    while (last != SIGUSR1) sleep_ms(5);
    CHECK_OK(ioctl(master, TIOCSWINSZ, &w));
    sleep_ms(20);
    say("  the same: %s", fate(child, WNOHANG));
    w.ws_row = 11;
    CHECK_OK(ioctl(master, TIOCSWINSZ, &w));
    say("  another: %s", fate(child, 0));
    foreground(getpid());

    section("giving it up");
    child = job(waits, 0);
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(ioctl(slave, TIOCNOTTY));
                     CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
                 }),
                 0);
    own = CHECK_OK(open("/dev/tty", O_RDWR));
    close(own);
    foreground(child);
    signal(SIGHUP, note);
    CHECK_OK(ioctl(slave, TIOCNOTTY));
    say("  the foreground: %s", fate(child, 0));
    CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);

    section("opened, it controls");
    sprintf(bytes, "/dev/pts/%d", (MUST(ioctl(master, TIOCGPTN, &value)), value));
    int opened = CHECK_OK(open(bytes, O_RDWR | O_NOCTTY));
    CHECK_ERR(tcgetpgrp(opened), ENOTTY);
    close(opened);
    opened = CHECK_OK(open(bytes, O_WRONLY));
    CHECK_ERR(tcgetpgrp(opened), ENOTTY);
    close(opened);
    opened = CHECK_OK(open(bytes, O_RDWR));
    CHECK_EQ(tcgetpgrp(opened), getpid());
    close(opened);

    section("the master closes");
    last = 0;
    signal(SIGUSR1, note);
    child = job(waits_without_master, 1);
    while (last != SIGUSR1) sleep_ms(5);
    signal(SIGCONT, note);
    close(master);
    sleep_ms(20);
    CHECK(last == SIGHUP || last == SIGCONT);
    say("  the foreground: %s", fate(child, WNOHANG));
    CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
    CHECK_EQ(tty_number(7), 0);
    CHECK_EQ(read(slave, bytes, 1), 0);
    kill(child, SIGKILL);
    _exit(check_failures != 0);
}

// The leader ends and leaves a job in the foreground, and one elsewhere.
static void leader(int tell) {
    MUST(setsid());
    MUST(ioctl(slave, TIOCSCTTY, 0));
    pid_t background = job(waits, 0);
    CHECK_EQ(write(tell, &background, sizeof background), sizeof background);
    job(waits, 1);
    _exit(0);
}

int main(void) {
    open_pty();
    pid_t child = MUST(fork());
    if (child == 0) {
        check_failures = 0;
        session();
    }
    close(slave);
    close(master);
    say("  the session: %s", fate(child, 0));

    section("the leader ends");
    open_pty();
    int p[2];
    char byte;
    MUST(pipe(p));
    child = MUST(fork());
    if (child == 0) {
        close(p[0]);
        leader(p[1]);
    }
    close(p[1]);
    say("  %s", fate(child, 0));
    CHECK_EQ(read(p[0], &child, sizeof child), sizeof child);
    struct pollfd ended = {p[0], POLLIN, 0};
    // The job in the foreground is hung up; the other keeps the pipe open.
    CHECK_EQ(poll(&ended, 1, 100), 0);
    CHECK_OK(kill(child, SIGKILL));
    CHECK_EQ(poll(&ended, 1, 5000), 1);
    int value = -1;
    CHECK_OK(ioctl(master, TIOCGPGRP, &value));
    CHECK_EQ(value, 0);
    CHECK_EQ(write(slave, "usable", 6), 6);
    say("  %s", screen());
    close_pty();

    section("a session hangs itself up");
    open_pty();
    child = MUST(fork());
    if (child == 0) {
        check_failures = 0;
        MUST(setsid());
        CHECK_OK(vhangup());
        MUST(ioctl(slave, TIOCSCTTY, 0));
        signal(SIGHUP, note);
        CHECK_OK(vhangup());
        CHECK_EQ(last, SIGHUP);
        CHECK_EQ(read(slave, &byte, 1), 0);
        CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
        _exit(check_failures != 0);
    }
    say("  %s", fate(child, 0));
    close_pty();
    return verdict();
}
