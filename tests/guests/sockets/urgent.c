// syscalls: sendto recvfrom recvmsg ioctl
// oracle: linux; qemu's user mode translates flags
//
// Urgent bytes of streams (MSG_OOB): taken by themselves, passed over, inline, marked, told by poll.
#include "sockets.h"

static int s[2];
static char data[32];

static void pair(int type) { MUST(socketpair(AF_UNIX, type, 0, s)); }
static void unpair(void) { close(s[0]), close(s[1]); }
static int at_mark(int fd) {
    int mark = -1;
    CHECK_OK(ioctl(fd, SIOCATMARK, &mark));
    return mark;
}
static int waiting(int fd) {
    int bytes = -1;
    CHECK_OK(ioctl(fd, FIONREAD, &bytes));
    return bytes;
}
// What recv gives, as text; errors by name.
static void receive(int flags, size_t length) {
    memset(data, 0, sizeof data);
    ssize_t got = recv(s[1], data, length, flags | MSG_DONTWAIT);
    if (got < 0)
        say("  %s", strerrorname_np(errno));
    else
        say("  %zd '%s'", got, data);
}

static void one_byte(void) {
    section("an urgent byte alone");
    pair(SOCK_STREAM);
    CHECK_EQ(at_mark(s[1]), 0);
    receive(MSG_OOB, 1);
    CHECK_EQ(send(s[0], "u", 1, MSG_OOB), 1);
    CHECK_EQ(ready(s[1], ALL_EVENTS), POLLIN | POLLPRI | POLLOUT);
    CHECK_EQ(at_mark(s[1]), 1);
    CHECK_EQ(waiting(s[1]), 1);
    receive(MSG_OOB | MSG_PEEK, 1);
    receive(MSG_OOB, 5);
    receive(MSG_OOB, 1);
    CHECK_EQ(waiting(s[1]), 0);
    CHECK_EQ(at_mark(s[1]), 1);
    CHECK_EQ(ready(s[1], POLLPRI | POLLOUT), POLLOUT);
    receive(0, 8);
    CHECK_EQ(at_mark(s[1]), 0);
    unpair();
}

static void among_others(void) {
    section("a reader stops before it");
    pair(SOCK_STREAM);
    CHECK_EQ(send(s[0], "abcd", 4, MSG_OOB), 4);
    CHECK_EQ(send(s[0], "ef", 2, 0), 2);
    CHECK_EQ(at_mark(s[1]), 0);
    CHECK_EQ(waiting(s[1]), 6);
    receive(MSG_PEEK, 10);
    receive(0, 10);
    CHECK_EQ(at_mark(s[1]), 1);
    section("and then passes over it");
    receive(0, 10);
    receive(MSG_OOB, 1);
    CHECK_EQ(at_mark(s[1]), 0);
    unpair();
    section("taken first, it leaves a mark");
    pair(SOCK_STREAM);
    CHECK_EQ(send(s[0], "abcd", 4, MSG_OOB), 4);
    CHECK_EQ(send(s[0], "ef", 2, 0), 2);
    receive(MSG_OOB, 1);
    receive(0, 2);
    CHECK_EQ(at_mark(s[1]), 0);
    receive(0, 10);
    CHECK_EQ(at_mark(s[1]), 1);
    receive(0, 10);
    CHECK_EQ(at_mark(s[1]), 0);
    unpair();
    section("a second one makes the first a byte as any other");
    pair(SOCK_STREAM);
    CHECK_EQ(send(s[0], "ab", 2, MSG_OOB), 2);
    CHECK_EQ(send(s[0], "cd", 2, MSG_OOB), 2);
    receive(MSG_PEEK, 10);
    receive(0, 10);
    receive(MSG_OOB, 1);
    receive(0, 10);
    unpair();
    section("two taken one after the other");
    pair(SOCK_STREAM);
    CHECK_EQ(send(s[0], "a", 1, MSG_OOB), 1);
    receive(MSG_OOB, 1);
    CHECK_EQ(send(s[0], "b", 1, MSG_OOB), 1);
    CHECK_EQ(at_mark(s[1]), 1);
    receive(MSG_OOB, 1);
    CHECK_EQ(send(s[0], "c", 1, 0), 1);
    CHECK_EQ(at_mark(s[1]), 1);
    receive(0, 10);
    unpair();
    section("looking ahead");
    pair(SOCK_STREAM);
    CHECK_EQ(send(s[0], "x", 1, MSG_OOB), 1);
    CHECK_EQ(send(s[0], "yz", 2, 0), 2);
    receive(MSG_PEEK, 10);
    receive(MSG_PEEK, 1);
    receive(MSG_OOB, 1);
    receive(MSG_PEEK, 10);
    receive(0, 10);
    unpair();
}

static void inline_bytes(void) {
    section("inline");
    pair(SOCK_STREAM);
    int on = 1;
    CHECK_OK(setsockopt(s[1], SOL_SOCKET, SO_OOBINLINE, &on, sizeof on));
    CHECK_EQ(send(s[0], "abc", 3, MSG_OOB), 3);
    CHECK_EQ(send(s[0], "d", 1, 0), 1);
    receive(MSG_OOB, 1);
    CHECK_EQ(ready(s[1], POLLPRI), POLLPRI);
    receive(0, 10);
    CHECK_EQ(at_mark(s[1]), 1);
    receive(MSG_PEEK, 10);
    receive(0, 10);
    CHECK_EQ(at_mark(s[1]), 0);
    unpair();
}

static void told(void) {
    section("recvmsg tells it");
    pair(SOCK_STREAM);
    struct iovec part = {data, 4};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    CHECK_EQ(send(s[0], "u", 1, MSG_OOB), 1);
    CHECK_EQ(recvmsg(s[1], &message, MSG_OOB), 1);
    CHECK_EQ(message.msg_flags, MSG_OOB);
    section("closing with a mark is no reset, with an urgent byte it is");
    close(s[1]);
    CHECK_EQ(read(s[0], data, 1), 0);
    close(s[0]);
    pair(SOCK_STREAM);
    CHECK_EQ(send(s[0], "u", 1, MSG_OOB), 1);
    close(s[1]);
    CHECK_ERR(read(s[0], data, 1), ECONNRESET);
    close(s[0]);
}

static void refused(void) {
    section("refused");
    pair(SOCK_STREAM);
    CHECK_ERR(send(s[0], "", 0, MSG_OOB), EOPNOTSUPP);
    CHECK_EQ(send(s[0], "u", 1, MSG_OOB), 1);
    CHECK_ERR(recv(s[1], NOWHERE, 1, MSG_OOB), EFAULT);
    unpair();
    static const int kinds[] = {SOCK_DGRAM, SOCK_SEQPACKET};
    for (int i = 0; i < 2; i++) {
        pair(kinds[i]);
        CHECK_ERR(send(s[0], "u", 1, MSG_OOB), EOPNOTSUPP);
        CHECK_ERR(recv(s[1], data, 1, MSG_OOB | MSG_DONTWAIT), EOPNOTSUPP);
        unpair();
    }
    int fd = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_ERR(recv(fd, data, 1, MSG_OOB), EINVAL);
    CHECK_ERR(send(fd, "u", 1, MSG_OOB), ENOTCONN);
    close(fd);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    one_byte();
    among_others();
    inline_bytes();
    told();
    refused();
    return verdict();
}
