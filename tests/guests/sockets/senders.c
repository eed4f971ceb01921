// syscalls: recvmsg setsockopt getsockopt ioctl fchmod fchown
// oracle: linux; qemu's user mode does not know the options
//
// What a receiver can ask to be told: when a message was sent and by whom; who is at the other end; the socket's file.
#include "sockets.h"
#include <grp.h>
#include <stdbool.h>
#include <sys/time.h>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#define SO_PEERPIDFD 77
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif
#ifndef SIOCUNIXFILE
#define SIOCUNIXFILE 0x89e0
#endif

static int s[2], on = 1, off;
static char control[256];

// Receives one byte and says which control data came with it.
static struct msghdr receive(int fd, size_t room) {
    static char byte;
    static struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room ? control : NULL};
    message.msg_controllen = room;
    CHECK_EQ(recvmsg(fd, &message, MSG_DONTWAIT), 1);
    if (message.msg_flags) say("  flags %#x", message.msg_flags);
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h))
        say("  type %d, %d bytes", h->cmsg_type, (int)(h->cmsg_len - CMSG_LEN(0)));
    return message;
}

static int get(int fd, int option) {
    int value = -12345;
    socklen_t length = sizeof value;
    CHECK_OK(getsockopt(fd, SOL_SOCKET, option, &value, &length));
    return value;
}

static void stamps(void) {
    section("when a datagram was sent");
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    struct timespec before, after, sent;
    CHECK_EQ(get(s[1], SO_TIMESTAMP), 0);
    CHECK_OK(setsockopt(s[1], SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on));
    CHECK_EQ(get(s[1], SO_TIMESTAMP), 1);
    CHECK_EQ(get(s[1], SO_TIMESTAMPNS), 0);
    clock_gettime(CLOCK_REALTIME, &before);
    CHECK_EQ(write(s[0], "x", 1), 1);
    clock_gettime(CLOCK_REALTIME, &after);
    sleep_ms(20);
    receive(s[1], sizeof control);
    struct timeval micros;
    memcpy(&micros, CMSG_DATA((struct cmsghdr *)control), sizeof micros);
    CHECK(micros.tv_sec * 1000000LL + micros.tv_usec >= before.tv_sec * 1000000LL + before.tv_nsec / 1000);
    CHECK(micros.tv_sec * 1000000LL + micros.tv_usec <= after.tv_sec * 1000000LL + after.tv_nsec / 1000);
    CHECK_OK(setsockopt(s[1], SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on));
    CHECK_EQ(get(s[1], SO_TIMESTAMP), 0);
    CHECK_EQ(get(s[1], SO_TIMESTAMPNS), 1);
    CHECK_OK(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    clock_gettime(CLOCK_REALTIME, &before);
    CHECK_EQ(write(s[0], "x", 1), 1);
    receive(s[1], sizeof control);
    memcpy(&sent, CMSG_DATA((struct cmsghdr *)control), sizeof sent);
    CHECK(sent.tv_sec * 1000000000LL + sent.tv_nsec >= before.tv_sec * 1000000000LL + before.tv_nsec);
    CHECK_EQ(write(s[0], "x", 1), 1);
    receive(s[1], CMSG_SPACE(sizeof sent));
    CHECK_OK(setsockopt(s[1], SOL_SOCKET, SO_TIMESTAMPNS, &off, sizeof off));
    CHECK_EQ(write(s[0], "x", 1), 1);
    receive(s[1], sizeof control);
    CHECK_EQ(get(s[1], SO_TIMESTAMPNS), 0);
    close(s[0]), close(s[1]);
    section("and a packet, but no stream");
    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
    CHECK_OK(setsockopt(s[1], SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on));
    CHECK_EQ(write(s[0], "x", 1), 1);
    receive(s[1], sizeof control);
    close(s[0]), close(s[1]);
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_OK(setsockopt(s[1], SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on));
    CHECK_EQ(write(s[0], "x", 1), 1);
    receive(s[1], sizeof control);
    close(s[0]), close(s[1]);
}

// The process that a descriptor stands for, as its fdinfo tells.
static int pid_of(int pidfd) {
    char path[64], line[128];
    int pid = -1;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) sscanf(line, "Pid: %d", &pid);
    if (file) fclose(file);
    return pid;
}

static void pidfds(void) {
    section("SO_PASSPIDFD");
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_EQ(get(s[1], SO_PASSPIDFD), 0);
    CHECK_OK(setsockopt(s[1], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on));
    CHECK_EQ(get(s[1], SO_PASSPIDFD), 1);
    CHECK_EQ(write(s[0], "x", 1), 1);
    receive(s[1], sizeof control);
    int pidfd;
    memcpy(&pidfd, CMSG_DATA((struct cmsghdr *)control), sizeof pidfd);
    CHECK_EQ(pid_of(pidfd), getpid());
    CHECK_EQ(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
    close(pidfd);
    CHECK_OK(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    CHECK_EQ(send_fds(s[0], "x", 1, s, 1), 1);
    struct msghdr message = receive(s[1], sizeof control);
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h))
        if (h->cmsg_type != SCM_CREDENTIALS) close(*(int *)CMSG_DATA(h));
    // Bytes of two senders are not received together.
    CHECK_OK(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &off, sizeof off));
    CHECK_EQ(write(s[0], "me", 2), 2);
    CHECK_EXITED(IN_CHILD(CHECK_EQ(write(s[0], "it", 2), 2)), 0);
    char data[8];
    CHECK_EQ(read(s[1], data, 8), 2);
    CHECK_EQ(read(s[1], data, 8), 2);
    section("no room for it");
    CHECK_EQ(write(s[0], "x", 1), 1);
    receive(s[1], sizeof(struct cmsghdr) + 3);
    CHECK_EQ(write(s[0], "x", 1), 1);
    receive(s[1], 0);
    section("SO_PEERPIDFD");
    pidfd = get(s[0], SO_PEERPIDFD);
    CHECK_EQ(pid_of(pidfd), getpid());
    close(pidfd), close(s[0]), close(s[1]);
    section("a connection has the listener's switches");
    struct sockaddr_un a;
    int listener = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), client = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_OK(setsockopt(listener, SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    CHECK_OK(setsockopt(listener, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on));
    CHECK_OK(setsockopt(listener, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on));
    CHECK_OK(bind(listener, PATH(&a, "inherits")));
    CHECK_OK(listen(listener, 1));
    CHECK_OK(connect(client, PATH(&a, "inherits")));
    int accepted = MUST(accept(listener, NULL, NULL));
    CHECK_EQ(get(accepted, SO_PASSCRED), 1);
    CHECK_EQ(get(accepted, SO_PASSPIDFD), 1);
    CHECK_EQ(get(accepted, SO_KEEPALIVE), 0);
    close(listener), close(client), close(accepted);
}

static void groups(void) {
    section("SO_PEERGROUPS");
    gid_t list[16] = {0};
    socklen_t length = sizeof list;
    int fd = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_ERR(getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, list, &length), ENODATA);
    close(fd);
    int status = IN_CHILD({
        gid_t given[] = {7, 5, 4000};
        bool may_set = geteuid() == 0;
        if (may_set) MUST(setgroups(3, given));
        int count = getgroups(0, NULL);
        MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
        if (may_set) MUST(setgroups(0, NULL));
        length = sizeof list;
        CHECK_OK(getsockopt(s[0], SOL_SOCKET, SO_PEERGROUPS, list, &length));
        CHECK_EQ(length, count * sizeof *list);
        if (may_set) {
            CHECK_EQ(list[0], 5);
            CHECK_EQ(list[2], 4000);
            length = 8;
            CHECK_ERR(getsockopt(s[0], SOL_SOCKET, SO_PEERGROUPS, list, &length), ERANGE);
            CHECK_EQ(length, 12);
        }
    });
    CHECK_EXITED(status, 0);
    length = sizeof list;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    CHECK_ERR(getsockopt(s[0], SOL_SOCKET, SO_PEERSEC, list, &length), ENOPROTOOPT);
    close(s[0]), close(s[1]);
}

static void kept(void) {
    section("kept without effect");
    int fd = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), seven = 7, wrong = -1;
    socklen_t length;
    static const int numbers[] = {SO_BUSY_POLL, SO_INCOMING_CPU, SO_PRIORITY};
    for (int i = 0; i < 3; i++) {
        CHECK_OK(setsockopt(fd, SOL_SOCKET, numbers[i], numbers[i] == SO_PRIORITY ? &on : &seven, sizeof on));
        CHECK_EQ(get(fd, numbers[i]), numbers[i] == SO_PRIORITY ? 1 : 7);
    }
    CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &wrong, sizeof wrong), EINVAL);
    uint64_t rate = 0;
    length = sizeof rate;
    CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, &length));
    CHECK_EQ(rate, -1);
    length = sizeof control;
    CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, control, &length));
    CHECK_EQ(length, 36);
    length = sizeof control;
    CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, control, &length));
    CHECK_EQ(length, 0);
    CHECK_EQ(get(fd, SO_BPF_EXTENSIONS), 64);
    CHECK_EQ(get(fd, SO_INCOMING_NAPI_ID), 0);
    section("not for this family");
    CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on), EOPNOTSUPP);
    CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), EOPNOTSUPP);
    CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof on), ENOENT);
    CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "nodev0", 7), ENODEV);
    CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_BPF_EXTENSIONS, &on, sizeof on), ENOPROTOOPT);
    CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_MEMINFO, &on, sizeof on), ENOPROTOOPT);
    close(fd);
}

static void files(void) {
    section("the socket's own node");
    int fd = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    struct stat status;
    CHECK_OK(fstat(fd, &status));
    CHECK_EQ(status.st_mode, S_IFSOCK | 0777);
    CHECK_EQ(status.st_uid, geteuid());
    CHECK_OK(fchmod(fd, 0640));
    CHECK_OK(fstat(fd, &status));
    CHECK_EQ(status.st_mode, S_IFSOCK | 0640);
    if (geteuid() == 0) {
        CHECK_OK(fchown(fd, 12, 34));
        CHECK_OK(fstat(fd, &status));
        CHECK_EQ(status.st_uid, 12);
        CHECK_EQ(status.st_gid, 34);
    }
    section("gives its permissions to its path");
    struct sockaddr_un a;
    umask(022);
    CHECK_OK(bind(fd, PATH(&a, "node")));
    CHECK_OK(stat("node", &status));
    CHECK_EQ(status.st_mode, S_IFSOCK | 0640);
    CHECK_EQ(status.st_uid, geteuid());
    CHECK_OK(fchmod(fd, 0777));
    CHECK_OK(stat("node", &status));
    CHECK_EQ(status.st_mode, S_IFSOCK | 0640);
    section("SIOCUNIXFILE");
    int other = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    if (geteuid() == 0) {
        struct stat found;
        int path = MUST(ioctl(fd, SIOCUNIXFILE, 0));
        CHECK_OK(fstat(path, &found));
        CHECK_EQ(found.st_ino, status.st_ino);
        CHECK_EQ(fcntl(path, F_GETFL) & O_PATH, O_PATH);
        CHECK_EQ(fcntl(path, F_GETFD), FD_CLOEXEC);
        close(path);
        CHECK_ERR(ioctl(other, SIOCUNIXFILE, 0), ENOENT);
        CHECK_OK(bind(other, ABSTRACT(&a, "\0senders-abstract")));
        CHECK_ERR(ioctl(other, SIOCUNIXFILE, 0), ENOENT);
        CHECK_EXITED(IN_CHILD(MUST(setuid(1000)); CHECK_ERR(ioctl(fd, SIOCUNIXFILE, 0), EPERM)), 0);
    }
    close(fd), close(other);
}

int main(void) {
    scratch();
    stamps();
    pidfds();
    groups();
    kept();
    files();
    return verdict();
}
