// syscalls: sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg
// oracle: linux; qemu's user mode answers some errors of its own
//
// Datagrams and packets: boundaries, truncation, addresses, filtering, full queues, many at once.
#include "sockets.h"
#include <sys/epoll.h>

static char block[300000];

static int bound(const char *name) {
    struct sockaddr_un a;
    int fd = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    unlink(name);
    CHECK_OK(bind(fd, PATH(&a, name)));
    return fd;
}

static void boundaries(int type) {
    int s[2];
    char data[16];
    CHECK_OK(socketpair(AF_UNIX, type, 0, s));
    CHECK_EQ(write(s[0], "first", 5), 5);
    CHECK_EQ(send(s[0], "", 0, 0), 0);
    CHECK_EQ(write(s[0], "third!", 6), 6);
    int waiting = 0;
    CHECK_OK(ioctl(s[1], FIONREAD, &waiting));
    CHECK_EQ(waiting, type == SOCK_DGRAM ? 5 : 11);
    CHECK_EQ(recv(s[1], data, 3, MSG_PEEK), 3);
    CHECK_EQ(recv(s[1], data, 3, MSG_PEEK | MSG_TRUNC), 5);
    CHECK_EQ(read(s[1], data, 16), 5);
    CHECK_EQ(read(s[1], data, 16), 0);
    struct iovec part[2] = {{data, 2}, {data + 8, 2}};
    struct msghdr message = {.msg_iov = part, .msg_iovlen = 2, .msg_flags = -1};
    CHECK_EQ(recvmsg(s[1], &message, 0), 4);
    CHECK_EQ(message.msg_flags, MSG_TRUNC);
    CHECK_MEM(data, "th", 2);
    CHECK_MEM(data + 8, "ir", 2);
    CHECK_ERR(recv(s[1], data, 16, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(write(s[0], block, 200000), 200000);
    CHECK_EQ(read(s[1], block, sizeof block), 200000);
    CHECK_ERR(write(s[0], block, 212992 - 31), EMSGSIZE);
    CHECK_EQ(write(s[0], block, 212992 - 32), 212992 - 32);
    CHECK_EQ(read(s[1], data, 16), 16);
    close(s[0]), close(s[1]);
}

static void packets_end(void) {
    section("the ends of packets");
    int s[2];
    char data[8];
    CHECK_OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
    CHECK_EQ(write(s[0], "x", 1), 1);
    CHECK_OK(shutdown(s[0], SHUT_WR));
    CHECK_EQ(read(s[1], data, 8), 1);
    CHECK_EQ(read(s[1], data, 8), 0);
    CHECK_EQ(recv(s[1], data, 8, MSG_DONTWAIT), 0);
    CHECK_ERR(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(write(s[0 + 1], "unread", 6), 6);
    close(s[0]);
    CHECK_ERR(read(s[1], data, 8), ECONNRESET);
    CHECK_EQ(read(s[1], data, 8), 0);
    CHECK_EQ(ready(s[1], ALL_EVENTS), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
    close(s[1]);
    int fd = MUST(socket(AF_UNIX, SOCK_SEQPACKET, 0));
    CHECK_ERR(read(fd, data, 1), ENOTCONN);
    CHECK_ERR(write(fd, data, 1), ENOTCONN);
    close(fd);
}

static void addressed(void) {
    section("addresses and filtering");
    struct sockaddr_un a, from;
    socklen_t length;
    char data[8];
    int one = bound("one"), two = bound("two"), three = bound("three");
    int unnamed = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    CHECK_ERR(send(one, "x", 1, 0), ENOTCONN);
    CHECK_ERR(sendto(one, "x", 1, 0, PATH(&a, "nobody")), ENOENT);
    CHECK_ERR(sendto(one, "x", 1, MSG_OOB, PATH(&a, "two")), EOPNOTSUPP);
    a.sun_family = AF_INET;
    CHECK_ERR(sendto(one, "x", 1, 0, (void *)&a, sizeof a), EINVAL);
    CHECK_EQ(sendto(one, "1>2", 3, 0, PATH(&a, "two")), 3);
    CHECK_EQ(sendto(unnamed, "?>2", 3, 0, PATH(&a, "two")), 3);
    length = sizeof from;
    CHECK_EQ(recvfrom(two, data, 8, 0, (void *)&from, &length), 3);
    CHECK_EQ(length, 2 + 4);
    CHECK_STR(from.sun_path, "one");
    length = sizeof from;
    CHECK_EQ(recvfrom(two, data, 8, 0, (void *)&from, &length), 3);
    CHECK_EQ(length, 0);
    CHECK_OK(connect(two, PATH(&a, "one")));
    CHECK_ERR(sendto(three, "3>2", 3, 0, PATH(&a, "two")), EPERM);
    CHECK_ERR(connect(three, PATH(&a, "two")), EPERM);
    CHECK_EQ(sendto(one, "1>2", 3, 0, PATH(&a, "two")), 3);
    CHECK_EQ(send(two, "2>1", 3, 0), 3);
    CHECK_EQ(sendto(two, "2>3", 3, 0, PATH(&a, "three")), 3);
    length = sizeof from;
    CHECK_OK(getpeername(two, (void *)&from, &length));
    CHECK_STR(from.sun_path, "one");
    section("a peer that goes");
    close(one);
    CHECK_EQ(recv(two, data, 8, 0), 3);
    CHECK_ERR(send(two, "x", 1, 0), ECONNREFUSED);
    CHECK_ERR(send(two, "x", 1, 0), ENOTCONN);
    CHECK_ERR(sendto(two, "x", 1, 0, PATH(&a, "one")), ECONNREFUSED);
    section("connecting anew, and no more");
    CHECK_OK(connect(two, PATH(&a, "three")));
    CHECK_OK(connect(three, PATH(&a, "two")));
    CHECK_EQ(send(two, "lost", 4, 0), 4);
    a.sun_family = AF_UNSPEC;
    CHECK_OK(connect(three, (void *)&a, sizeof a));
    CHECK_ERR(recv(three, data, 8, MSG_DONTWAIT), EAGAIN);
    int error = 0;
    length = sizeof error;
    CHECK_EQ(ready(two, POLLIN), POLLERR);
    CHECK_OK(getsockopt(two, SOL_SOCKET, SO_ERROR, &error, &length));
    CHECK_EQ(error, ECONNRESET);
    CHECK_ERR(send(three, "x", 1, 0), ENOTCONN);
    CHECK_OK(shutdown(three, SHUT_RD));
    CHECK_ERR(sendto(unnamed, "x", 1, 0, PATH(&a, "three")), EPIPE);
    CHECK_ERR(recv(three, data, 8, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(recv(three, data, 8, 0), 0);
    close(two), close(three), close(unnamed);
}

static void full(void) {
    section("a full queue holds senders back");
    struct sockaddr_un a;
    int receiver = bound("full"), sender = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    int other = MUST(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    CHECK_OK(connect(sender, PATH(&a, "full")));
    int n = 0;
    while (send(sender, "m", 1, MSG_DONTWAIT) == 1) n++;
    CHECK_EQ(errno, EAGAIN);
    CHECK(n >= 11);
    CHECK_ERR(sendto(other, "m", 1, 0, PATH(&a, "full")), EAGAIN);
    CHECK_EQ(ready(sender, POLLOUT), 0);
    CHECK_EQ(ready(other, POLLOUT), POLLOUT);
    int epoll = CHECK_OK(epoll_create1(0));
    struct epoll_event event = {.events = EPOLLOUT};
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, sender, &event));
    CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 0);
    pid_t child = MUST(fork());
    if (child == 0) _exit(send(sender, "late", 4, 0) != 4);
    pid_t second = MUST(fork());
    if (second == 0) {
        fcntl(other, F_SETFL, 0);
        _exit(sendto(other, "late", 4, 0, PATH(&a, "full")) != 4);
    }
    sleep_ms(20);
    char data[8];
    for (int i = 0; i < n + 2; i++) CHECK(read(receiver, data, 8) > 0);
    CHECK_EQ(epoll_wait(epoll, &event, 1, 1000), 1);
    CHECK_EXITED(wait_status(child), 0);
    CHECK_EXITED(wait_status(second), 0);
    while (send(sender, "m", 1, MSG_DONTWAIT) == 1) {
    }
    child = MUST(fork());
    if (child == 0) {
        close(receiver);
        errno = 0;
        _exit(send(sender, "late", 4, 0) != -1 || errno != ECONNREFUSED);
    }
    sleep_ms(20);
    close(receiver);
    CHECK_EXITED(wait_status(child), 0);
    close(sender), close(other), close(epoll);
}

static void many(void) {
    section("sendmmsg and recvmmsg");
    int s[2];
    char data[4][8];
    CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    struct iovec part[4] = {{"a", 1}, {"bb", 2}, {"ccc", 3}, {NOWHERE, 1}};
    struct mmsghdr list[4] = {0};
    for (int i = 0; i < 4; i++) list[i].msg_hdr.msg_iov = &part[i], list[i].msg_hdr.msg_iovlen = 1;
    CHECK_EQ(sendmmsg(s[0], list, 4, 0), 3);
    CHECK_EQ(list[2].msg_len, 3);
    CHECK_ERR(sendmmsg(s[0], list + 3, 1, 0), EFAULT);
    CHECK_ERR(sendmmsg(s[0], NOWHERE, 1, 0), EFAULT);
    CHECK_EQ(sendmmsg(s[0], list, 0, 0), 0);
    for (int i = 0; i < 4; i++) part[i].iov_base = data[i], part[i].iov_len = 8, list[i].msg_len = 9;
    CHECK_EQ(recvmmsg(s[1], list, 4, MSG_WAITFORONE, NULL), 3);
    CHECK_EQ(list[0].msg_len, 1);
    CHECK_EQ(list[2].msg_len, 3);
    CHECK_EQ(list[3].msg_len, 9);
    CHECK_MEM(data[1], "bb", 2);
    CHECK_ERR(recvmmsg(s[1], list, 4, MSG_DONTWAIT, NULL), EAGAIN);
    // The timeout is looked at after each message.
    CHECK_EQ(write(s[0], "x", 1), 1);
    CHECK_EQ(write(s[0], "y", 1), 1);
    struct timespec time = {0, 0};
    CHECK_EQ(recvmmsg(s[1], list, 4, 0, &time), 1);
    time.tv_sec = -1;
    CHECK_ERR(recvmmsg(s[1], list, 4, 0, &time), EINVAL);
    CHECK_EQ(recv(s[1], data, 8, 0), 1);
    struct msghdr wrong = {.msg_iov = part, .msg_iovlen = 1025};
    CHECK_ERR(sendmsg(s[0], &wrong, 0), EMSGSIZE);
    CHECK_ERR(recvmsg(s[0], &wrong, 0), EMSGSIZE);
    close(s[0]), close(s[1]);
}

int main(void) {
    scratch();
    signal(SIGPIPE, SIG_IGN);
    section("datagrams have boundaries");
    boundaries(SOCK_DGRAM);
    section("packets have boundaries");
    boundaries(SOCK_SEQPACKET);
    packets_end();
    addressed();
    full();
    many();
    return verdict();
}
