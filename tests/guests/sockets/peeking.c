// syscalls: setsockopt getsockopt recvfrom
// oracle: linux; qemu's user mode does not know the option
//
// SO_PEEK_OFF: where MSG_PEEK looks next, in streams, datagrams and packets (socket(7)).
#include "sockets.h"

static int s[2];
static char data[32];

static void set_offset(int offset) { CHECK_OK(setsockopt(s[1], SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset)); }
static int offset(void) {
    int value = -12345;
    socklen_t length = sizeof value;
    CHECK_OK(getsockopt(s[1], SOL_SOCKET, SO_PEEK_OFF, &value, &length));
    return value;
}
static void receive(int flags, size_t length) {
    memset(data, 0, sizeof data);
    ssize_t got = recv(s[1], data, length, flags | MSG_DONTWAIT);
    int error = errno;
    if (got < 0)
        say("  %s, offset %d", strerrorname_np(error), offset());
    else
        say("  %zd '%s', offset %d", got, data, offset());
}

static void stream(void) {
    section("a stream");
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_EQ(offset(), -1);
    CHECK_EQ(write(s[0], "abcdef", 6), 6);
    receive(MSG_PEEK, 2);
    set_offset(0);
    receive(MSG_PEEK, 2);
    receive(MSG_PEEK, 2);
    CHECK_EQ(write(s[0], "ghij", 4), 4);
    receive(MSG_PEEK, 3);
    receive(0, 5);
    receive(MSG_PEEK, 10);
    receive(MSG_PEEK, 10);
    receive(0, 1);
    receive(MSG_PEEK, 10);
    set_offset(-1);
    receive(MSG_PEEK, 10);
    set_offset(2);
    receive(MSG_PEEK, 10);
    receive(0, 10);
    close(s[0]), close(s[1]);
}

static void messages(int kind) {
    MUST(socketpair(AF_UNIX, kind, 0, s));
    CHECK_EQ(send(s[0], "abcd", 4, 0), 4);
    CHECK_EQ(send(s[0], "ef", 2, 0), 2);
    set_offset(0);
    receive(MSG_PEEK, 2);
    receive(MSG_PEEK | MSG_TRUNC, 1);
    receive(MSG_PEEK, 10);
    receive(MSG_PEEK, 10);
    receive(MSG_PEEK, 10);
    receive(0, 2);
    receive(0, 10);
    set_offset(1);
    CHECK_EQ(send(s[0], "ghi", 3, 0), 3);
    receive(MSG_PEEK, 10);
    receive(0, 1);
    close(s[0]), close(s[1]);
}

int main(void) {
    stream();
    section("datagrams");
    messages(SOCK_DGRAM);
    section("packets");
    messages(SOCK_SEQPACKET);
    return verdict();
}
