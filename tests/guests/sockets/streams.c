// syscalls: sendto recvfrom shutdown sendmsg recvmsg
// oracle: linux; qemu's user mode answers some errors of its own
//
// Byte streams: order, ends, back-pressure, flags, timeouts, interruption, readiness.
#include "sockets.h"
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>

static char block[300000];
static void nothing(int signal) { (void)signal; }

static void bytes(void) {
    section("bytes, peeking, waiting for all");
    int s[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_EQ(write(s[0], "one", 3), 3);
    CHECK_EQ(send(s[0], "two", 3, MSG_DONTWAIT), 3);
    int waiting = 0;
    CHECK_OK(ioctl(s[1], FIONREAD, &waiting));
    CHECK_EQ(waiting, 6);
    CHECK_OK(ioctl(s[0], TIOCOUTQ, &waiting));
    CHECK(waiting >= 6);
    char data[32] = "";
    CHECK_EQ(recv(s[1], data, 5, MSG_PEEK), 5);
    CHECK_MEM(data, "onetw", 5);
    CHECK_EQ(recv(s[1], data, 4, 0), 4);
    CHECK_EQ(recv(s[1], data, sizeof data, 0), 2);
    CHECK_MEM(data, "wo", 2);
    CHECK_OK(ioctl(s[0], TIOCOUTQ, &waiting));
    CHECK_EQ(waiting, 0);
    CHECK_ERR(recv(s[1], data, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(read(s[1], data, 0), 0);
    CHECK_EQ(send(s[0], data, 0, 0), 0);
    CHECK_EQ(write(s[0], "abc", 3), 3);
    CHECK_EQ(recv(s[1], data, 10, MSG_WAITALL | MSG_DONTWAIT), 3);
    pid_t child = MUST(fork());
    if (child == 0) {
        sleep_ms(20);
        _exit(write(s[0], "half", 4) != 4);
    }
    CHECK_EQ(write(s[0], "half", 4), 4);
    CHECK_EQ(recv(s[1], data, 0, 0), 0);
    CHECK_EQ(recv(s[1], data, 8, MSG_WAITALL), 8);
    CHECK_EXITED(wait_status(child), 0);
    // Even for no bytes there must be some.
    CHECK_ERR(recv(s[1], data, 0, MSG_DONTWAIT), EAGAIN);
    struct iovec out[3] = {{"a", 1}, {"", 0}, {"bcd", 3}}, in[2] = {{data, 2}, {data + 10, 10}};
    CHECK_EQ(writev(s[0], out, 3), 4);
    CHECK_EQ(readv(s[1], in, 2), 4);
    CHECK_MEM(data, "ab", 2);
    CHECK_MEM(data + 10, "cd", 2);
    CHECK_ERR(send(s[0], NOWHERE, 1, 0), EFAULT);
    CHECK_EQ(send(s[0], "x", 1, 0), 1);
    CHECK_ERR(recv(s[1], NOWHERE, 1, 0), EFAULT);
    CHECK_EQ(recv(s[1], data, 5, 0), 1);
    struct sockaddr_un a;
    CHECK_ERR(sendto(s[0], "x", 1, 0, PATH(&a, "x")), EISCONN);
    socklen_t length = sizeof a;
    CHECK_EQ(write(s[0], "x", 1), 1);
    CHECK_EQ(recvfrom(s[1], data, 1, 0, (void *)&a, &length), 1);
    CHECK_EQ(length, 0);
    close(s[0]), close(s[1]);
}

static void no_connection(void) {
    section("without a connection");
    struct sockaddr_un a;
    int fd = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_ERR(write(fd, "x", 1), ENOTCONN);
    CHECK_ERR(send(fd, "x", 1, 0), ENOTCONN);
    CHECK_ERR(sendto(fd, "x", 1, 0, PATH(&a, "x")), EOPNOTSUPP);
    CHECK_ERR(read(fd, block, 1), EINVAL);
    CHECK_OK(shutdown(fd, SHUT_RDWR));
    CHECK_ERR(shutdown(fd, 3), EINVAL);
    close(fd);
}

static void ends(void) {
    section("the ends of a stream");
    int s[2];
    char data[8];
    signal(SIGPIPE, SIG_IGN);
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_EQ(ready(s[0], ALL_EVENTS), POLLOUT);
    CHECK_EQ(write(s[0], "left", 4), 4);
    CHECK_OK(shutdown(s[0], SHUT_WR));
    CHECK_ERR(write(s[0], "x", 1), EPIPE);
    CHECK_EQ(ready(s[0], ALL_EVENTS), POLLOUT);
    CHECK_EQ(ready(s[1], ALL_EVENTS), POLLIN | POLLOUT | POLLRDHUP);
    CHECK_EQ(read(s[1], data, 8), 4);
    CHECK_EQ(read(s[1], data, 8), 0);
    CHECK_EQ(write(s[1], "back", 4), 4);
    CHECK_EQ(read(s[0], data, 8), 4);
    CHECK_OK(shutdown(s[0], SHUT_RD));
    CHECK_EQ(read(s[0], data, 8), 0);
    CHECK_ERR(write(s[1], "x", 1), EPIPE);
    CHECK_EQ(ready(s[0], ALL_EVENTS), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
    CHECK_EQ(ready(s[1], ALL_EVENTS), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
    close(s[0]), close(s[1]);

    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_EQ(write(s[1], "kept", 4), 4);
    close(s[1]);
    CHECK_EQ(ready(s[0], ALL_EVENTS), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
    CHECK_EQ(read(s[0], data, 8), 4);
    CHECK_EQ(read(s[0], data, 8), 0);
    CHECK_ERR(write(s[0], "x", 1), EPIPE);
    close(s[0]);

    section("a peer that closes with unread data resets");
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_EQ(write(s[0], "lost", 4), 4);
    close(s[1]);
    CHECK_EQ(ready(s[0], ALL_EVENTS), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
    CHECK_ERR(read(s[0], data, 8), ECONNRESET);
    CHECK_EQ(read(s[0], data, 8), 0);
    CHECK_ERR(write(s[0], "x", 1), EPIPE);
    close(s[0]);

    section("SIGPIPE");
    signal(SIGPIPE, SIG_DFL);
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    close(s[1]);
    CHECK_KILLED(IN_CHILD(write(s[0], "x", 1)), SIGPIPE);
    CHECK_KILLED(IN_CHILD(send(s[0], "x", 1, 0)), SIGPIPE);
    CHECK_EXITED(IN_CHILD(CHECK_ERR(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE)), 0);
    close(s[0]);
}

static void pressure(void) {
    section("a full buffer");
    int s[2], size = 0;
    socklen_t length = sizeof size;
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
    long sent = 0, n;
    while ((n = write(s[0], block, sizeof block)) > 0) sent += n;
    CHECK_EQ(errno, EAGAIN);
    CHECK(sent >= 150000 && sent <= 300000);
    CHECK_EQ(ready(s[0], POLLOUT), 0);
    long got = 0;
    while (got < sent / 2) got += read(s[1], block, 1000);
    CHECK_EQ(ready(s[0], POLLOUT), 0);
    while ((n = read(s[1], block, sizeof block)) > 0) got += n;
    CHECK_EQ(got, sent);
    CHECK_EQ(ready(s[0], POLLOUT), POLLOUT);
    section("SO_SNDBUF bounds it");
    size = 1;
    CHECK_OK(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size));
    CHECK_OK(getsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &size, &length));
    CHECK_EQ(size, 4608);
    sent = 0;
    while ((n = write(s[0], block, sizeof block)) > 0) sent += n;
    CHECK(sent > 1000 && sent < 10000);
    close(s[0]), close(s[1]);

    section("a writer waits for a reader");
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    pid_t child = MUST(fork());
    if (child == 0) {
        close(s[1]);
        for (unsigned i = 0; i < sizeof block; i++) block[i] = i * 7 + i / 255;
        for (int i = 0; i < 4; i++)
            if (write(s[0], block, sizeof block) != sizeof block) _exit(1);
        _exit(0);
    }
    close(s[0]);
    got = 0;
    long wrong = 0;
    static char part[7919];
    while ((n = read(s[1], part, sizeof part)) > 0)
        for (long i = 0; i < n; i++, got++) {
            unsigned at = got % sizeof block;
            wrong += part[i] != (char)(at * 7 + at / 255);
        }
    CHECK_EQ(got, 4 * (long)sizeof block);
    CHECK_EQ(wrong, 0);
    CHECK_EXITED(wait_status(child), 0);
    close(s[1]);
}

static void waiting(void) {
    section("timeouts");
    int s[2];
    char data[8];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    struct timeval time = {0, 30000};
    CHECK_OK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    CHECK_OK(setsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time));
    int64_t start = monotonic_ns();
    CHECK_ERR(read(s[0], data, 1), EAGAIN);
    CHECK_ERR(recv(s[0], data, 1, 0), EAGAIN);
    CHECK(monotonic_ns() - start >= 55000000);
    CHECK_EQ(write(s[1], "ab", 2), 2);
    CHECK_EQ(recv(s[0], data, 8, MSG_WAITALL), 2);
    long sent = 0, n;
    while ((n = write(s[0], block, sizeof block)) > 0) sent += n;
    CHECK_EQ(errno, EAGAIN);
    time.tv_usec = 1000000;
    CHECK_ERR(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time), EDOM);

    section("signals");
    int quiet[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, quiet));
    struct sigaction action = {.sa_handler = nothing};
    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    ualarm(20000, 0);
    CHECK_ERR(recv(s[1], data, 1, MSG_PEEK) != 1 ? 0 : recv(quiet[0], data, 1, 0), EINTR);
    // With a timeout a call is never made again.
    action.sa_flags = SA_RESTART;
    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    time.tv_sec = 10, time.tv_usec = 0;
    CHECK_OK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    ualarm(20000, 0);
    CHECK_ERR(recv(s[0], data, 1, 0), EINTR);
    time.tv_sec = 0;
    CHECK_OK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    pid_t child = MUST(fork());
    if (child == 0) {
        sleep_ms(60);
        _exit(write(s[1], "z", 1) != 1);
    }
    ualarm(20000, 0);
    CHECK_EQ(recv(s[0], data, 1, 0), 1);
    CHECK_EXITED(wait_status(child), 0);
    // A write that moved something says how much.
    action.sa_flags = 0;
    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    int t[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, t));
    ualarm(20000, 0);
    n = write(t[0], block, sizeof block);
    CHECK(n > 0 && n < (long)sizeof block);
    close(t[0]), close(t[1]), close(s[0]), close(s[1]);
}

static void *shut_later(void *fd) {
    sleep_ms(30);
    shutdown((int)(long)fd, SHUT_RDWR);
    return NULL;
}

static void shut_while_waiting(void) {
    section("shutdown wakes who waits");
    int s[2];
    char data[4];
    pthread_t thread;
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_ZERO(pthread_create(&thread, NULL, shut_later, (void *)(long)s[0]));
    CHECK_EQ(read(s[0], data, 4), 0);
    CHECK_ZERO(pthread_join(thread, NULL));
    close(s[0]), close(s[1]);
    struct sockaddr_un a;
    int listener = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    a.sun_family = AF_UNIX;
    CHECK_OK(bind(listener, (void *)&a, 2));
    CHECK_OK(listen(listener, 1));
    CHECK_ZERO(pthread_create(&thread, NULL, shut_later, (void *)(long)listener));
    CHECK_ERR(accept(listener, NULL, NULL), EINVAL);
    CHECK_ZERO(pthread_join(thread, NULL));
    close(listener);
}

static void watched(void) {
    section("epoll");
    int s[2], epoll = CHECK_OK(epoll_create1(0));
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET}, told[2];
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, s[0], &event));
    CHECK_EQ(epoll_wait(epoll, told, 2, 0), 0);
    CHECK_EQ(write(s[1], "a", 1), 1);
    CHECK_EQ(epoll_wait(epoll, told, 2, 1000), 1);
    CHECK_EQ(told[0].events, EPOLLIN);
    CHECK_EQ(epoll_wait(epoll, told, 2, 0), 0);
    CHECK_EQ(write(s[1], "b", 1), 1);
    CHECK_EQ(epoll_wait(epoll, told, 2, 1000), 1);
    close(s[1]);
    CHECK_EQ(epoll_wait(epoll, told, 2, 1000), 1);
    CHECK_EQ(told[0].events, EPOLLIN | EPOLLHUP | EPOLLRDHUP);
    close(s[0]), close(epoll);
}

static void files(void) {
    section("sendfile and splice");
    int s[2], p[2], file = MUST(open("data", O_RDWR | O_CREAT, 0600));
    for (unsigned i = 0; i < 100000; i++) block[i] = i % 251;
    CHECK_EQ(write(file, block, 100000), 100000);
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_OK(pipe(p));
    off_t at = 0;
    CHECK_EQ(sendfile(s[0], file, &at, 100000), 100000);
    long got = 0, n, wrong = 0;
    static char part[5000];
    while (got < 100000 && (n = splice(s[1], NULL, p[1], NULL, 4096, 0)) > 0) {
        CHECK_EQ(read(p[0], part, sizeof part), n);
        for (long i = 0; i < n; i++, got++) wrong += part[i] != (char)(got % 251);
    }
    CHECK_EQ(got, 100000);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(write(p[1], "through", 7), 7);
    CHECK_EQ(splice(p[0], NULL, s[0], NULL, 100, 0), 7);
    CHECK_EQ(read(s[1], part, 100), 7);
    CHECK_MEM(part, "through", 7);
    close(s[0]), close(s[1]), close(p[0]), close(p[1]), close(file);
}

int main(void) {
    scratch();
    bytes();
    no_connection();
    ends();
    pressure();
    waiting();
    shut_while_waiting();
    watched();
    files();
    return verdict();
}
