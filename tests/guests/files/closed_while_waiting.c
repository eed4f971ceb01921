// syscalls: close read ppoll epoll_pwait accept flock fcntl recvmsg
// oracle: linux; qemu's user mode goes through libc's threads
//
// A descriptor is closed while another thread waits on it: the call goes on with the open file (close(2)).
#include "check.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

static int fd, epoll;
static long result;
static int error;
static short told;
static char bytes[16];
static atomic_int ended;

// Whether the waiter's thread is asleep in a call.
static pid_t waiter_tid;
static void until_it_sleeps(void) {
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)waiter_tid);
    for (int i = 0; i < 2000; i++) {
        int file = open(path, O_RDONLY);
        ssize_t got = file < 0 ? -1 : read(file, line, sizeof line - 1);
        if (file >= 0) close(file);
        if (got > 0) {
            line[got] = 0;
            char *state = strrchr(line, ')');
            if (state && state[2] == 'S') return;
        }
        sleep_ms(1);
    }
    CHECK_FAILED("  the thread did not come to wait");
}

typedef long (*waiting)(void);
static pthread_barrier_t begun;
static void *waiter(void *call) {
    waiter_tid = gettid();
    pthread_barrier_wait(&begun);
    errno = 0;
    result = ((waiting)call)();
    error = errno;
    ended = 1;
    return NULL;
}

// Runs `call` in a thread, closes `fd` once it waits, and looks that it still does.
static pthread_t start_and_close(waiting call) {
    pthread_t thread;
    ended = 0;
    pthread_barrier_init(&begun, NULL, 2);
    CHECK_ZERO(pthread_create(&thread, NULL, waiter, (void *)call));
    pthread_barrier_wait(&begun);
    until_it_sleeps();
    CHECK_OK(close(fd));
    sleep_ms(30);
    CHECK(!ended);
    return thread;
}

static void finish(pthread_t thread, long expected) {
    CHECK_ZERO(pthread_join(thread, NULL));
    CHECK_EQ(result, expected);
    if (result < 0) say("  %s", strerrorname_np(error));
}

static long do_read(void) { return read(fd, bytes, sizeof bytes); }
static long do_recv(void) { return recv(fd, bytes, sizeof bytes, 0); }
static long do_recvmsg(void) {
    struct iovec part = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return recvmsg(fd, &message, 0);
}
static long do_accept(void) { return accept(fd, NULL, NULL); }
static long do_poll(void) {
    struct pollfd entry = {fd, POLLIN, 0};
    long count = poll(&entry, 1, 5000);
    told = entry.revents;
    return count;
}
static long do_poll_shortly(void) {
    struct pollfd entry = {fd, POLLIN, 0};
    long count = poll(&entry, 1, 100);
    told = entry.revents;
    return count;
}
static long do_epoll(void) {
    struct epoll_event event;
    return epoll_wait(epoll, &event, 1, 5000);
}
static long do_epoll_shortly(void) {
    struct epoll_event event;
    return epoll_wait(epoll, &event, 1, 100);
}
static long do_flock(void) { return flock(fd, LOCK_EX); }
static long do_lock(void) {
    struct flock lock = {.l_type = F_WRLCK};
    return fcntl(fd, F_SETLKW, &lock);
}
static long do_fill(void) {
    static char block[100000];
    return write(fd, block, sizeof block);
}

static void pipes(void) {
    int ends[2];
    section("read of a pipe whose end is closed");
    MUST(pipe(ends));
    fd = ends[0];
    pthread_t thread = start_and_close(do_read);
    CHECK_EQ(write(ends[1], "late", 4), 4);
    finish(thread, 4);
    CHECK_MEM(bytes, "late", 4);
    // Now the last reader is gone.
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERR(write(ends[1], "x", 1), EPIPE);
    close(ends[1]);

    section("the number is another file's meanwhile");
    MUST(pipe(ends));
    fd = ends[0];
    thread = start_and_close(do_read);
    int other = MUST(open("/dev/zero", O_RDONLY));
    CHECK_EQ(other, fd);
    CHECK_EQ(write(ends[1], "mine", 4), 4);
    finish(thread, 4);
    CHECK_MEM(bytes, "mine", 4);
    close(other), close(ends[1]);

    section("write to a pipe whose end is closed");
    MUST(pipe(ends));
    CHECK_OK(fcntl(ends[0], F_SETPIPE_SZ, 4096));
    fd = ends[1];
    thread = start_and_close(do_fill);
    long drained = 0;
    static char drain[4096];
    for (ssize_t got; (got = read(ends[0], drain, sizeof drain)) > 0;) drained += got;
    CHECK_EQ(drained, 100000);
    finish(thread, 100000);
    close(ends[0]);
}

static void sockets(void) {
    int ends[2];
    section("recv of a socket that is closed");
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    fd = ends[0];
    pthread_t thread = start_and_close(do_recv);
    CHECK_EQ(send(ends[1], "sent", 4, MSG_NOSIGNAL), 4);
    finish(thread, 4);
    CHECK_ERR(send(ends[1], "sent", 4, MSG_NOSIGNAL), EPIPE);
    close(ends[1]);
    section("recvmsg of a packet");
    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends));
    fd = ends[0];
    thread = start_and_close(do_recvmsg);
    CHECK_OK(shutdown(ends[1], SHUT_WR));
    finish(thread, 0);
    close(ends[1]);
    section("accept of a listener that is closed");
    struct sockaddr_un address = {AF_UNIX, "\0closed-while-waiting"};
    fd = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_OK(bind(fd, (void *)&address, sizeof address));
    CHECK_OK(listen(fd, 1));
    thread = start_and_close(do_accept);
    int client = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_OK(connect(client, (void *)&address, sizeof address));
    CHECK_ZERO(pthread_join(thread, NULL));
    CHECK(result >= 0);
    CHECK_EQ(write(client, "x", 1), 1);
    CHECK_EQ(read(result, bytes, 1), 1);
    close(result), close(client);
    client = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_ERR(connect(client, (void *)&address, sizeof address), ECONNREFUSED);
    close(client);
}

static void readiness(void) {
    int ends[2];
    section("poll looks at the number again");
    MUST(pipe(ends));
    fd = ends[0];
    pthread_t thread = start_and_close(do_poll);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    finish(thread, 1);
    CHECK_EQ(told, POLLNVAL);
    close(ends[1]);
    section("nothing happens, and poll's time passes");
    MUST(pipe(ends));
    fd = ends[0];
    thread = start_and_close(do_poll_shortly);
    finish(thread, 1);
    CHECK_EQ(told, POLLNVAL);
    close(ends[1]);
    section("an epoll instance that is closed");
    int event = MUST(eventfd(0, 0));
    epoll = MUST(epoll_create1(0));
    fd = epoll;
    struct epoll_event wanted = {EPOLLIN, {0}};
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted));
    thread = start_and_close(do_epoll);
    CHECK_EQ(write(event, &(uint64_t){1}, 8), 8);
    finish(thread, 1);
    section("a watched file that is closed is watched no more");
    epoll = MUST(epoll_create1(0));
    MUST(pipe(ends));
    fd = ends[0];
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted));
    thread = start_and_close(do_epoll_shortly);
    CHECK_ERR(write(ends[1], "x", 1), EPIPE);
    finish(thread, 0);
    close(ends[1]), close(epoll), close(event);
}

static void locks(void) {
    section("flock of a file that is closed");
    int holder = MUST(open("lock", O_RDWR | O_CREAT, 0600));
    CHECK_OK(flock(holder, LOCK_EX));
    fd = MUST(open("lock", O_RDWR));
    pthread_t thread = start_and_close(do_flock);
    CHECK_OK(flock(holder, LOCK_UN));
    finish(thread, 0);
    // It was the last reference: the lock went with it.
    CHECK_OK(flock(holder, LOCK_EX | LOCK_NB));
    close(holder);
    section("a record lock of a file that is closed");
    int go[2];
    MUST(pipe(go));
    pid_t child = MUST(fork());
    if (child == 0) {
        char byte;
        int file = open("lock", O_RDWR);
        struct flock lock = {.l_type = F_WRLCK};
        if (fcntl(file, F_SETLK, &lock) != 0 || write(go[1], "l", 1) != 1) _exit(1);
        sleep_ms(150);
        (void)byte;
        _exit(0);
    }
    CHECK_EQ(read(go[0], bytes, 1), 1);
    fd = MUST(open("lock", O_RDWR));
    thread = start_and_close(do_lock);
    CHECK_EXITED(wait_status(child), 0);
    finish(thread, -1);
    int again = MUST(open("lock", O_RDWR));
    int status = IN_CHILD({
        struct flock lock = {.l_type = F_WRLCK};
        CHECK_OK(fcntl(again, F_SETLK, &lock));
    });
    CHECK_EXITED(status, 0);
    close(again), close(go[0]), close(go[1]);
}

static void killed(void) {
    section("who is killed while waiting leaves nothing open");
    int ends[2];
    MUST(pipe(ends));
    pid_t child = MUST(fork());
    if (child == 0) {
        close(ends[1]);
        char byte;
        _exit(read(ends[0], &byte, 1) == 1);
    }
    close(ends[0]);
    sleep_ms(20);
    CHECK_OK(kill(child, SIGKILL));
    CHECK_KILLED(wait_status(child), SIGKILL);
    CHECK_ERR(write(ends[1], "x", 1), EPIPE);
    close(ends[1]);
}

int main(void) {
    scratch();
    pipes();
    sockets();
    readiness();
    locks();
    killed();
    return verdict();
}
