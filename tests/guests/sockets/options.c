// syscalls: setsockopt getsockopt
// oracle: linux; qemu's user mode knows only some
//
// Options, credentials, and what /proc shows.
#include "sockets.h"
#include <sys/ioctl.h>

static int get(int fd, int option) {
    int value = -12345;
    socklen_t length = sizeof value;
    CHECK_OK(getsockopt(fd, SOL_SOCKET, option, &value, &length));
    CHECK_EQ(length, 4);
    return value;
}

static void numbers(void) {
    section("options");
    int fd = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), value = 1;
    socklen_t length = 4;
    CHECK_EQ(get(fd, SO_TYPE), SOCK_STREAM);
    CHECK_EQ(get(fd, SO_DOMAIN), AF_UNIX);
    CHECK_EQ(get(fd, SO_PROTOCOL), 0);
    CHECK_EQ(get(fd, SO_ACCEPTCONN), 0);
    CHECK_EQ(get(fd, SO_ERROR), 0);
    CHECK_EQ(get(fd, SO_SNDBUF), 212992);
    CHECK_EQ(get(fd, SO_RCVBUF), 212992);
    value = 10000;
    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, 4));
    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, 4));
    CHECK_EQ(get(fd, SO_SNDBUF), 20000);
    CHECK_EQ(get(fd, SO_RCVBUF), 20000);
    value = 1 << 30;
    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, 4));
    char text[16] = "";
    int most = MUST(open("/proc/sys/net/core/wmem_max", O_RDONLY));
    CHECK(read(most, text, sizeof text - 1) > 0);
    close(most);
    CHECK_EQ(get(fd, SO_SNDBUF), 2 * atoi(text));
    value = 0;
    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, 4));
    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, 4));
    CHECK_EQ(get(fd, SO_SNDBUF), 4608);
    CHECK_EQ(get(fd, SO_RCVBUF), 2304);
    static const int switches[] = {SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST, SO_OOBINLINE, SO_PASSCRED, SO_DONTROUTE};
    for (unsigned i = 0; i < sizeof switches / sizeof *switches; i++) {
        CHECK_EQ(get(fd, switches[i]), 0);
        value = 7;
        CHECK_OK(setsockopt(fd, SOL_SOCKET, switches[i], &value, 4));
        CHECK_EQ(get(fd, switches[i]), 1);
    }
    CHECK_EQ(get(fd, SO_RCVLOWAT), 1);
    CHECK_EQ(get(fd, SO_SNDLOWAT), 1);
    value = 3;
    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &value, 4));
    CHECK_EQ(get(fd, SO_PRIORITY), 3);
    struct linger linger = {1, 5}, got = {0};
    length = sizeof got;
    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
    CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &got, &length));
    CHECK_EQ(got.l_onoff, 1);
    CHECK_EQ(got.l_linger, 5);
    struct timeval time = {3, 500000}, back = {0};
    length = sizeof back;
    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &back, &length));
    CHECK_EQ(length, sizeof back);
    CHECK_EQ(back.tv_sec, 3);
    CHECK_EQ(back.tv_usec, 500000);
    section("refused");
    value = 1, length = 4;
    CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_TYPE, &value, 4), ENOPROTOOPT);
    CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_ERROR, &value, 4), ENOPROTOOPT);
    CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, 4), ENOPROTOOPT);
    CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_PEERCRED, &value, 4), ENOPROTOOPT);
    CHECK_ERR(setsockopt(fd, SOL_SOCKET, 9999, &value, 4), ENOPROTOOPT);
    CHECK_ERR(getsockopt(fd, SOL_SOCKET, 9999, &value, &length), ENOPROTOOPT);
    CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, 3), EINVAL);
    CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, NOWHERE, 4), EFAULT);
    CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, 8), EINVAL);
    CHECK_ERR(setsockopt(fd, 6, 1, &value, 4), EOPNOTSUPP);
    CHECK_ERR(getsockopt(fd, 6, 1, &value, &length), EOPNOTSUPP);
    length = -1;
    CHECK_ERR(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, &length), EINVAL);
    length = 2, value = -1;
    CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &length));
    CHECK_EQ(length, 2);
    close(fd);
}

static int receive_creds(int fd, struct ucred *creds, int *fds) {
    char control[200] = {0}, byte;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
    message.msg_controllen = sizeof control;
    if (recvmsg(fd, &message, 0) != 1) return -1;
    int parts = 0;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h), parts++) {
        if (h->cmsg_type == SCM_CREDENTIALS) memcpy(creds, CMSG_DATA(h), sizeof *creds);
        if (h->cmsg_type == SCM_RIGHTS) memcpy(fds, CMSG_DATA(h), sizeof *fds);
    }
    return parts;
}

static int send_creds(int fd, struct ucred creds) {
    char control[CMSG_SPACE(sizeof creds)] = {0};
    struct iovec part = {"c", 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
    message.msg_controllen = sizeof control;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_CREDENTIALS;
    header->cmsg_len = CMSG_LEN(sizeof creds);
    memcpy(CMSG_DATA(header), &creds, sizeof creds);
    return sendmsg(fd, &message, 0);
}

static void credentials(void) {
    section("SO_PEERCRED");
    int s[2], on = 1, fd = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    struct ucred creds = {1, 2, 3};
    socklen_t length = sizeof creds;
    CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &creds, &length));
    CHECK_EQ(creds.pid, 0);
    CHECK_EQ(creds.uid, (uid_t)-1);
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_OK(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &creds, &length));
    CHECK_EQ(creds.pid, getpid());
    CHECK_EQ(creds.uid, geteuid());
    struct sockaddr_un a;
    CHECK_OK(bind(fd, PATH(&a, "creds")));
    CHECK_OK(listen(fd, 1));
    pid_t child = MUST(fork());
    if (child == 0) {
        int client = socket(AF_UNIX, SOCK_STREAM, 0);
        struct ucred server = {0};
        if (connect(client, PATH(&a, "creds")) != 0) _exit(1);
        getsockopt(client, SOL_SOCKET, SO_PEERCRED, &server, &length);
        char byte;
        _exit(server.pid != getppid() || read(client, &byte, 1) != 0);
    }
    int server = CHECK_OK(accept(fd, NULL, NULL));
    CHECK_OK(getsockopt(server, SOL_SOCKET, SO_PEERCRED, &creds, &length));
    CHECK_EQ(creds.pid, child);
    close(server), close(fd);
    CHECK_EXITED(wait_status(child), 0);

    section("SCM_CREDENTIALS");
    int received = -1;
    CHECK_OK(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    CHECK_EQ(write(s[0], "x", 1), 1);
    memset(&creds, 0, sizeof creds);
    CHECK_EQ(receive_creds(s[1], &creds, &received), 1);
    CHECK_EQ(creds.pid, getpid());
    CHECK_EQ(creds.uid, getuid());
    CHECK_EQ(creds.gid, getgid());
    CHECK_EQ(send_fds(s[0], "x", 1, s, 1), 1);
    CHECK_EQ(receive_creds(s[1], &creds, &received), 2);
    CHECK_OK(close(received));
    // Bytes of two senders are not received together.
    CHECK_EQ(write(s[0], "me", 2), 2);
    CHECK_EXITED(IN_CHILD(CHECK_EQ(write(s[0], "it", 2), 2)), 0);
    char data[8];
    CHECK_EQ(read(s[1], data, 8), 2);
    CHECK_EQ(read(s[1], data, 8), 2);
    struct ucred own = {getpid(), getuid(), getgid()};
    CHECK_EQ(send_creds(s[0], own), 1);
    CHECK_EQ(receive_creds(s[1], &creds, &received), 1);
    int status = IN_CHILD({
        if (getuid() == 0) {
            struct ucred other = {getppid(), 77, 88};
            CHECK_EQ(send_creds(s[0], other), 1);
            other.pid = 1 << 22;
            CHECK_ERR(send_creds(s[0], other), ESRCH);
            CHECK_OK(setgid(1000));
            CHECK_OK(setuid(1000));
        }
        struct ucred wrong = {getppid(), getuid(), getgid()};
        CHECK_ERR(send_creds(s[0], wrong), EPERM);
        wrong.pid = getpid(), wrong.uid = 0;
        CHECK_ERR(send_creds(s[0], wrong), EPERM);
    });
    CHECK_EXITED(status, 0);
    if (getuid() == 0) {
        CHECK_EQ(receive_creds(s[1], &creds, &received), 1);
        CHECK_EQ(creds.pid, getpid());
        CHECK_EQ(creds.uid, 77);
        CHECK_EQ(creds.gid, 88);
    }
    section("a sender that is to be known gets a name");
    int known = MUST(socket(AF_UNIX, SOCK_DGRAM, 0)), receiver = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    CHECK_OK(setsockopt(known, SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    CHECK_OK(bind(receiver, PATH(&a, "receiver")));
    CHECK_EQ(sendto(known, "x", 1, 0, PATH(&a, "receiver")), 1);
    length = sizeof a;
    CHECK_EQ(recvfrom(receiver, data, 1, 0, (void *)&a, &length), 1);
    CHECK_EQ(length, 2 + 6);
    close(known), close(receiver), close(s[0]), close(s[1]);
}

static int shown(const char *name, char *line, int size) {
    FILE *table = fopen("/proc/net/unix", "r");
    int found = 0;
    if (!table) return -1;
    while (!found && fgets(line, size, table)) found = strstr(line, name) != NULL;
    fclose(table);
    return found;
}

static void in_proc(void) {
    section("/proc/net/unix");
    char line[256];
    struct sockaddr_un a;
    int fd = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), other = MUST(socket(AF_UNIX, SOCK_SEQPACKET, 0));
    CHECK_OK(bind(fd, PATH(&a, "shown-path")));
    CHECK_OK(listen(fd, 1));
    CHECK_OK(bind(other, ABSTRACT(&a, "\0shown-abstract\0x")));
    unsigned refs, protocol, flags, type, state;
    unsigned long ino;
    char path[64];
    CHECK_EQ(shown("shown-path", line, sizeof line), 1);
    CHECK_EQ(sscanf(line, "%*[^:]: %x %x %x %x %x %lu %63s", &refs, &protocol, &flags, &type, &state, &ino, path), 7);
    CHECK_EQ(flags, 0x10000);
    CHECK_EQ(type, SOCK_STREAM);
    CHECK_EQ(state, 1);
    struct stat status;
    CHECK_OK(fstat(fd, &status));
    CHECK_EQ(ino, status.st_ino);
    CHECK_STR(path, "shown-path");
    CHECK_EQ(shown("@shown-abstract@x\n", line, sizeof line), 1);
    close(fd), close(other);
    CHECK_EQ(shown("shown-", line, sizeof line), 0);
}

int main(void) {
    scratch();
    numbers();
    credentials();
    in_proc();
    return verdict();
}
