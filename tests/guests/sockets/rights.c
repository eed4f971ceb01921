// syscalls: sendmsg recvmsg
// oracle: linux; qemu's user mode passes few of them on
//
// Open files in messages: which arrive with which bytes, what does not fit, circles, limits.
#include "sockets.h"
#include <sys/resource.h>

static int received[300], count, flags;
static char data[1000];

static int descriptors(void) {
    int n = 0;
    for (int fd = 0; fd < 1100; fd++) n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void passing(int type) {
    int s[2], p[2], before = descriptors();
    CHECK_OK(socketpair(AF_UNIX, type, 0, s));
    CHECK_OK(pipe(p));
    CHECK_EQ(send_fds(s[0], "ab", 2, p, 2), 2);
    close(p[0]), close(p[1]);
    CHECK_EQ(receive_fds(s[1], data, 10, received, 10, &count, &flags, MSG_CMSG_CLOEXEC), 2);
    CHECK_EQ(count, 2);
    CHECK_EQ(flags, MSG_CMSG_CLOEXEC);
    CHECK_EQ(fcntl(received[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(write(received[1], "through", 7), 7);
    CHECK_EQ(read(received[0], data, 10), 7);
    // The same open file: its offset is shared.
    int file = MUST(open("offset", O_RDWR | O_CREAT, 0600));
    CHECK_EQ(write(file, "12345", 5), 5);
    CHECK_EQ(send_fds(s[0], "f", 1, &file, 1), 1);
    CHECK_EQ(receive_fds(s[1], data, 10, received + 2, 10, &count, &flags, 0), 1);
    CHECK_EQ(lseek(received[2], 2, SEEK_SET), 2);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 2);
    CHECK_EQ(fcntl(received[2], F_GETFD), 0);
    close(file);
    section("peeking gives copies");
    CHECK_EQ(send_fds(s[0], "p", 1, s, 1), 1);
    CHECK_EQ(receive_fds(s[1], data, 10, received + 3, 10, &count, &flags, MSG_PEEK), 1);
    CHECK_EQ(count, 1);
    CHECK_EQ(receive_fds(s[1], data, 10, received + 4, 10, &count, &flags, 0), 1);
    CHECK_EQ(count, 1);
    CHECK(received[3] != received[4]);
    for (int i = 0; i < 5; i++) CHECK_OK(close(received[i]));
    section("what does not fit is closed");
    CHECK_OK(pipe(p));
    int three[3] = {p[1], p[1], p[1]};
    CHECK_EQ(send_fds(s[0], "t", 1, three, 3), 1);
    CHECK_EQ(receive_fds(s[1], data, 10, received, 1, &count, &flags, 0), 1);
    CHECK_EQ(count, 1);
    CHECK_EQ(flags, MSG_CTRUNC);
    close(received[0]);
    CHECK_EQ(send_fds(s[0], "t", 1, three, 3), 1);
    CHECK_EQ(receive_fds(s[1], data, 10, received, 0, &count, &flags, 0), 1);
    CHECK_EQ(flags, MSG_CTRUNC);
    CHECK_EQ(send_fds(s[0], "t", 1, three, 3), 1);
    CHECK_EQ(read(s[1], data, 10), 1);
    // Never received: closed with the socket.
    CHECK_EQ(send_fds(s[0], "t", 1, three, 3), 1);
    close(p[1]), close(s[0]), close(s[1]);
    CHECK_EQ(read(p[0], data, 1), 0);
    close(p[0]);
    CHECK_EQ(descriptors(), before);
}

static void in_streams(void) {
    section("files and bytes of a stream");
    int s[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_EQ(write(s[0], "aa", 2), 2);
    CHECK_EQ(send_fds(s[0], "bbb", 3, s, 1), 3);
    CHECK_EQ(send_fds(s[0], "cc", 2, s, 2), 2);
    CHECK_EQ(write(s[0], "d", 1), 1);
    // Bytes before a file come with it; nothing comes after it.
    CHECK_EQ(receive_fds(s[1], data, 100, received, 10, &count, &flags, 0), 5);
    CHECK_MEM(data, "aabbb", 5);
    CHECK_EQ(count, 1);
    close(received[0]);
    // A file comes with the first byte that is received.
    CHECK_EQ(receive_fds(s[1], data, 1, received, 10, &count, &flags, 0), 1);
    CHECK_EQ(count, 2);
    close(received[0]), close(received[1]);
    CHECK_EQ(receive_fds(s[1], data, 100, received, 10, &count, &flags, 0), 2);
    CHECK_MEM(data, "cd", 2);
    CHECK_EQ(count, 0);
    // Bytes that none were sent with: nothing is sent at all.
    CHECK_EQ(send_fds(s[0], "", 0, s, 1), 0);
    CHECK_ERR(recv(s[1], data, 1, MSG_DONTWAIT), EAGAIN);
    close(s[0]), close(s[1]);
}

static ssize_t raw(int socket, int level, int type, const void *body, size_t length, size_t told) {
    char control[256] = {0};
    struct iovec part = {"x", 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
    message.msg_controllen = CMSG_SPACE(length);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = level, header->cmsg_type = type, header->cmsg_len = told;
    memcpy(CMSG_DATA(header), body, length);
    return sendmsg(socket, &message, 0);
}

static void wrong(void) {
    section("malformed control data");
    int s[2], bad = 999, many[254];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_ERR(send_fds(s[0], "x", 1, &bad, 1), EBADF);
    bad = -1;
    CHECK_ERR(send_fds(s[0], "x", 1, &bad, 1), EBADF);
    CHECK_ERR(raw(s[0], SOL_SOCKET, 77, s, 4, CMSG_LEN(4)), EINVAL);
    CHECK_ERR(raw(s[0], SOL_SOCKET, SCM_RIGHTS, s, 4, 3), EINVAL);
    CHECK_ERR(raw(s[0], SOL_SOCKET, SCM_RIGHTS, s, 4, 400), EINVAL);
    CHECK_ERR(raw(s[0], SOL_SOCKET, SCM_CREDENTIALS, s, 8, CMSG_LEN(8)), EINVAL);
    CHECK_EQ(raw(s[0], 17, 1, s, 4, CMSG_LEN(4)), 1);
    for (int i = 0; i < 254; i++) many[i] = s[0];
    CHECK_ERR(send_fds(s[0], "x", 1, many, 254), EINVAL);
    CHECK_EQ(send_fds(s[0], "x", 1, many, 253), 1);
    struct msghdr message = {.msg_control = NOWHERE, .msg_controllen = 100};
    CHECK_ERR(sendmsg(s[0], &message, 0), EFAULT);
    CHECK_ERR(sendmsg(s[0], NOWHERE, 0), EFAULT);
    CHECK_EQ(receive_fds(s[1], data, 100, received, 253, &count, &flags, 0), 2);
    CHECK_EQ(count, 253);
    for (int i = 0; i < count; i++) close(received[i]);
    close(s[0]), close(s[1]);
    section("no descriptor left");
    struct rlimit limit = {30, 30};
    int status = IN_CHILD({
        int t[2];
        CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, t));
        CHECK_EQ(send_fds(t[0], "x", 1, many, 0), 1);
        for (int i = 0; i < 100; i++) many[i] = t[0];
        CHECK_EQ(send_fds(t[0], "x", 1, many, 100), 1);
        CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
        int open_ones = 0;
        for (int fd = 0; fd < 30; fd++) open_ones += fcntl(fd, F_GETFD) >= 0;
        CHECK_EQ(receive_fds(t[1], data, 100, received, 200, &count, &flags, 0), 2);
        CHECK_EQ(count, 30 - open_ones);
        CHECK_EQ(flags, MSG_CTRUNC);
    });
    CHECK_EXITED(status, 0);
    section("an O_PATH descriptor");
    int path = MUST(open(".", O_PATH));
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_EQ(send_fds(s[0], "x", 1, &path, 1), 1);
    CHECK_EQ(receive_fds(s[1], data, 10, received, 1, &count, &flags, 0), 1);
    CHECK_ERR(read(received[0], data, 1), EBADF);
    close(received[0]), close(path), close(s[0]), close(s[1]);
}

// Waits until a pipe has no writer. Linux collects circles when some socket is closed, and not always at once.
static int hangs_up(int fd) {
    struct pollfd end = {fd, POLLIN, 0};
    for (int i = 0; i < 100 && poll(&end, 1, 50) == 0; i++) close(socket(AF_UNIX, SOCK_STREAM, 0));
    return end.revents;
}

// A pipe whose writing end goes along tells when everything in the circle is gone.
static void circles(void) {
    section("circles end");
    int s[2], t[2], p[2];
    CHECK_OK(pipe(p));
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_EQ(send_fds(s[0], "x", 1, (int[]){s[0], s[1], p[1]}, 3), 1);
    CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, t));
    CHECK_EQ(send_fds(t[0], "x", 1, (int[]){t[1], p[1]}, 2), 1);
    CHECK_EQ(send_fds(t[1], "x", 1, (int[]){t[0], p[1]}, 2), 1);
    close(p[1]);
    close(s[0]), close(s[1]), close(t[0]);
    // Somebody still has an end of the second.
    CHECK_EQ(recv(t[1], data, 1, MSG_PEEK), 1);
    CHECK_EQ(receive_fds(t[1], data, 10, received, 10, &count, &flags, 0), 1);
    CHECK_EQ(count, 2);
    close(received[0]), close(received[1]), close(t[1]);
    CHECK_EQ(hangs_up(p[0]), POLLHUP);
    close(p[0]);
    section("a circle through a connection nobody accepts");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    socklen_t length = sizeof a;
    int listener = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), client = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_OK(pipe(p));
    CHECK_OK(bind(listener, (void *)&a, 2));
    CHECK_OK(listen(listener, 1));
    CHECK_OK(getsockname(listener, (void *)&a, &length));
    CHECK_OK(connect(client, (void *)&a, length));
    CHECK_EQ(send_fds(client, "x", 1, (int[]){listener, p[1]}, 2), 1);
    close(p[1]), close(client);
    CHECK_EQ(ready(p[0], POLLIN), 0);
    close(listener);
    CHECK_EQ(hangs_up(p[0]), POLLHUP);
    close(p[0]);
}

static void limits(void) {
    section("too many on their way");
    if (geteuid() != 0) return;
    struct rlimit limit = {60, 60};
    int status = IN_CHILD({
        int s[2];
        CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
        CHECK_OK(setuid(12345));
        CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
        int sent = 0;
        while (sent < 100 && send_fds(s[0], "x", 1, s, 1) == 1) sent++;
        CHECK_EQ(errno, ETOOMANYREFS);
        CHECK_EQ(sent, 61);
        CHECK_EQ(receive_fds(s[1], data, 1, received, 1, &count, &flags, 0), 1);
        CHECK_EQ(send_fds(s[0], "x", 1, s, 1), 1);
    });
    CHECK_EXITED(status, 0);
}

int main(void) {
    scratch();
    section("in a stream");
    passing(SOCK_STREAM);
    section("in a datagram");
    passing(SOCK_DGRAM);
    section("in a packet");
    passing(SOCK_SEQPACKET);
    in_streams();
    wrong();
    circles();
    limits();
    return verdict();
}
