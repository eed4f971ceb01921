// syscalls: ioctl read ppoll
// oracle: linux; the line discipline is the kernel's own
#include "terminals/pty.h"

static void minimum(int min, int time) {
    struct termios t;
    MUST(tcgetattr(slave, &t));
    cfmakeraw(&t);
    t.c_cc[VMIN] = min;
    t.c_cc[VTIME] = time;
    MUST(tcsetattr(slave, TCSANOW, &t));
}

// Types each of the keys after a pause, from another process.
static pid_t typist(const char *keys, int pause_ms) {
    pid_t child = MUST(fork());
    if (child != 0) return child;
    for (; *keys; keys++) {
        sleep_ms(pause_ms);
        if (write(master, keys, 1) != 1) _exit(1);
    }
    _exit(0);
}

static char bytes[100];

// A read, what it gave, and whether it took as long as it had to, at least.
static void read_after(int least_ms, const char *what, size_t size) {
    int64_t start = monotonic_ns();
    errno = 0;
    ssize_t count = read(slave, bytes, size);
    int error = errno;
    CHECK((monotonic_ns() - start) / 1000000 >= least_ms - 1);
    errno = error;
    say("  %s: %s", what, shown(bytes, count));
}

static int readable(void) {
    struct pollfd p = {slave, POLLIN, 0};
    return poll(&p, 1, 0);
}

static void interrupted(int signal) { (void)signal; }

int main(void) {
    open_pty();
    int flags = fcntl(slave, F_GETFL);

    section("MIN 1, TIME 0");
    minimum(1, 0);
    TYPE("ab\003\r\n");
    CHECK_EQ(readable(), 1);
    read_after(0, "what is there", 10);
    pid_t child = typist("x", 60);
    read_after(30, "waits for a byte", 10);
    CHECK_EXITED(wait_status(child), 0);
    fcntl(slave, F_SETFL, flags | O_NONBLOCK);
    read_after(0, "not waiting", 10);
    fcntl(slave, F_SETFL, flags);

    section("MIN 3, TIME 0");
    minimum(3, 0);
    TYPE("ab");
    CHECK_EQ(readable(), 0);
    child = typist("cd", 60);
    read_after(30, "waits for three", 10);
    CHECK_EXITED(wait_status(child), 0);
    drain(slave, bytes, sizeof bytes);
    fcntl(slave, F_SETFL, flags | O_NONBLOCK);
    while (read(slave, bytes, sizeof bytes) > 0) {
    }
    fcntl(slave, F_SETFL, flags);
    TYPE("abcde");
    CHECK_EQ(readable(), 1);
    read_after(0, "fewer than MIN are asked for", 2);
    read_after(0, "the rest", 10);
    TYPE("ab");
    read_after(0, "a small buffer is full", 2);
    TYPE("ab");
    fcntl(slave, F_SETFL, flags | O_NONBLOCK);
    read_after(0, "not waiting gives less", 10);
    fcntl(slave, F_SETFL, flags);

    section("MIN 3, TIME 2: between bytes");
    minimum(3, 2);
    child = typist("a", 60);
    read_after(200, "one byte", 10);
    CHECK_EXITED(wait_status(child), 0);
    minimum(3, 20);
    child = typist("abc", 60);
    read_after(100, "three bytes in time", 10);
    CHECK_EXITED(wait_status(child), 0);

    section("MIN 0, TIME 2: from the call on");
    minimum(0, 2);
    read_after(200, "nothing", 10);
    minimum(0, 20);
    child = typist("a", 60);
    read_after(0, "one byte", 10);
    CHECK_EXITED(wait_status(child), 0);
    fcntl(slave, F_SETFL, flags | O_NONBLOCK);
    read_after(0, "not waiting", 10);
    fcntl(slave, F_SETFL, flags);

    section("MIN 0, TIME 0: what is there");
    minimum(0, 0);
    read_after(0, "nothing", 10);
    TYPE("abc");
    read_after(0, "three", 10);
    fcntl(slave, F_SETFL, flags | O_NONBLOCK);
    read_after(0, "nothing, not waiting", 10);
    fcntl(slave, F_SETFL, flags);

    section("interrupted");
    minimum(3, 0);
    struct sigaction action = {.sa_handler = interrupted};
    sigaction(SIGALRM, &action, NULL);
    ualarm(60000, 0);
    read_after(60, "nothing yet", 10);
    TYPE("a");
    ualarm(60000, 0);
    read_after(60, "one byte so far", 10);
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, NULL);
    child = typist("abc", 60);
    ualarm(30000, 0);
    read_after(0, "made again", 10);
    CHECK_EXITED(wait_status(child), 0);

    section("all bytes");
    minimum(1, 0);
    static char all[256], back[256];
    for (int i = 0; i < 256; i++) all[i] = i;
    CHECK_EQ(write(master, all, 256), 256);
    sleep_ms(QUIET_MS);
    CHECK_EQ(read(slave, back, 256), 256);
    CHECK_MEM(all, back, 256);
    CHECK_EQ(write(slave, all, 256), 256);
    sleep_ms(QUIET_MS);
    CHECK_EQ(read(master, back, 256), 256);
    CHECK_MEM(all, back, 256);

    section("more than the terminal holds");
    static char block[4000], got[4000];
    for (int i = 0; i < 4000; i++) block[i] = i * 7;
    child = MUST(fork());
    if (child == 0) {
        for (int i = 0; i < 10; i++)
            if (write(master, block, sizeof block) != sizeof block) _exit(1);
        _exit(0);
    }
    for (int i = 0; i < 10; i++) {
        size_t have = 0;
        while (have < sizeof got) have += MUST(read(slave, got + have, sizeof got - have));
        CHECK_MEM(got, block, sizeof got);
    }
    CHECK_EXITED(wait_status(child), 0);
    close_pty();
    return verdict();
}
