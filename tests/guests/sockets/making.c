// syscalls: socket socketpair bind listen accept accept4 connect getsockname getpeername
// oracle: linux; qemu's user mode answers some errors of its own
//
// Making, naming and connecting sockets: addresses, errors, the life of a connection.
#include "sockets.h"

static void kinds(void) {
    section("types, protocols, flags");
    CHECK_ERR(socket(AF_UNIX, 0, 0), ESOCKTNOSUPPORT);
    CHECK_ERR(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
    CHECK_ERR(socket(AF_UNIX, 11, 0), EINVAL);
    CHECK_ERR(socket(AF_UNIX, SOCK_STREAM | 0x10, 0), EINVAL);
    CHECK_ERR(socket(AF_UNIX, SOCK_STREAM, 2), EPROTONOSUPPORT);
    CHECK_ERR(socket(45, SOCK_STREAM, 0), EAFNOSUPPORT);
    CHECK_ERR(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
    int fd = CHECK_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, AF_UNIX));
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_GETFL) & ~0100000, O_RDWR | O_NONBLOCK);
    close(fd);
    fd = CHECK_OK(socket(AF_UNIX, SOCK_RAW, 0));
    int type = 0;
    socklen_t length = sizeof type;
    CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length));
    CHECK_EQ(type, SOCK_DGRAM);
    struct stat status;
    CHECK_OK(fstat(fd, &status));
    CHECK_EQ(status.st_mode, S_IFSOCK | 0777);
    char name[64], target[64] = "", wanted[64];
    sprintf(name, "/proc/self/fd/%d", fd);
    sprintf(wanted, "socket:[%lu]", (unsigned long)status.st_ino);
    CHECK(readlink(name, target, sizeof target - 1) > 0);
    CHECK_STR(target, wanted);
    CHECK_ERR(open(name, O_RDWR), ENXIO);
    CHECK_ERR(lseek(fd, 0, SEEK_SET), ESPIPE);
    CHECK_ERR(pread(fd, name, 1, 0), ESPIPE);
    close(fd);
    int pair[2];
    CHECK_ERR(socketpair(AF_UNIX, SOCK_STREAM, 0, NOWHERE), EFAULT);
    CHECK_ERR(socketpair(AF_UNIX, 77, 0, pair), EINVAL);
    CHECK_OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
    CHECK_EQ(fcntl(pair[1], F_GETFD), FD_CLOEXEC);
    close(pair[0]), close(pair[1]);
}

static void names(void) {
    section("addresses");
    struct sockaddr_un a, got;
    int fd = CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    socklen_t length = sizeof got;
    CHECK_OK(getsockname(fd, (void *)&got, &length));
    CHECK_EQ(length, 2);
    CHECK_EQ(got.sun_family, AF_UNIX);
    CHECK_ERR(getpeername(fd, (void *)&got, &length), ENOTCONN);
    CHECK_ERR(bind(fd, (void *)&a, 1), EINVAL);
    a.sun_family = AF_INET;
    CHECK_ERR(bind(fd, (void *)&a, sizeof a), EINVAL);
    a.sun_family = AF_UNIX;
    CHECK_ERR(bind(fd, (void *)&a, sizeof a + 1), EINVAL);
    CHECK_ERR(bind(fd, NOWHERE, sizeof a), EFAULT);
    CHECK_ERR(bind(fd, PATH(&a, "missing/name")), ENOENT);
    put_file("file", "x");
    CHECK_ERR(bind(fd, PATH(&a, "file")), EADDRINUSE);
    CHECK_ERR(connect(fd, PATH(&a, "file")), ECONNREFUSED);
    CHECK_ERR(connect(fd, PATH(&a, "missing")), ENOENT);
    umask(027);
    CHECK_OK(bind(fd, PATH(&a, "name")));
    umask(022);
    struct stat status;
    CHECK_OK(stat("name", &status));
    CHECK_EQ(status.st_mode, S_IFSOCK | 0750);
    CHECK_ERR(open("name", O_RDWR), ENXIO);
    length = sizeof got;
    CHECK_OK(getsockname(fd, (void *)&got, &length));
    CHECK_EQ(length, 2 + 5);
    CHECK_STR(got.sun_path, "name");
    length = 4;
    memset(&got, 'z', sizeof got);
    CHECK_OK(getsockname(fd, (void *)&got, &length));
    CHECK_EQ(length, 2 + 5);
    CHECK_MEM(got.sun_path, "nazz", 4);
    length = -1;
    CHECK_ERR(getsockname(fd, (void *)&got, &length), EINVAL);
    length = sizeof got;
    CHECK_ERR(getsockname(fd, NOWHERE, &length), EFAULT);
    CHECK_ERR(getsockname(fd, (void *)&got, NOWHERE), EFAULT);
    CHECK_ERR(bind(fd, PATH(&a, "other")), EINVAL);
    unlink("other");
    int second = CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_ERR(bind(second, PATH(&a, "name")), EADDRINUSE);
    CHECK_ERR(connect(second, PATH(&a, "name")), ECONNREFUSED);
    int datagrams = CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    CHECK_ERR(connect(datagrams, PATH(&a, "name")), EPROTOTYPE);
    close(fd);
    CHECK_ERR(connect(second, PATH(&a, "name")), ECONNREFUSED);
    CHECK_ERR(bind(second, PATH(&a, "name")), EADDRINUSE);
    CHECK_OK(unlink("name"));
    CHECK_OK(bind(second, PATH(&a, "name")));
    CHECK_OK(rename("name", "moved"));
    CHECK_OK(listen(second, 1));
    fd = CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_OK(symlink("moved", "link"));
    CHECK_OK(connect(fd, PATH(&a, "link")));
    length = sizeof got;
    CHECK_OK(getpeername(fd, (void *)&got, &length));
    CHECK_STR(got.sun_path, "name");
    CHECK_ERR(connect(fd, PATH(&a, "moved")), EISCONN);
    CHECK_ERR(listen(fd, 1), EINVAL);
    close(fd), close(second), close(datagrams);
}

static void abstract_names(void) {
    section("abstract names");
    struct sockaddr_un a, got;
    int one = MUST(socket(AF_UNIX, SOCK_DGRAM, 0)), two = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    int other_type = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_OK(bind(one, ABSTRACT(&a, "\0tidemark-guest")));
    CHECK_ERR(bind(two, ABSTRACT(&a, "\0tidemark-guest")), EADDRINUSE);
    CHECK_OK(bind(other_type, ABSTRACT(&a, "\0tidemark-guest")));
    CHECK_OK(bind(two, ABSTRACT(&a, "\0tidemark-guest\0")));
    socklen_t length = sizeof got;
    CHECK_OK(getsockname(two, (void *)&got, &length));
    CHECK_EQ(length, 2 + 16);
    CHECK_MEM(got.sun_path, "\0tidemark-guest\0", 16);
    CHECK_EQ(sendto(one, "x", 1, 0, ABSTRACT(&a, "\0tidemark-guest\0")), 1);
    CHECK_ERR(sendto(one, "x", 1, 0, ABSTRACT(&a, "\0tidemark-guest\0\0")), ECONNREFUSED);
    char byte;
    length = sizeof got;
    CHECK_EQ(recvfrom(two, &byte, 1, 0, (void *)&got, &length), 1);
    CHECK_EQ(length, 2 + 15);
    close(one);
    one = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    CHECK_OK(bind(one, ABSTRACT(&a, "\0tidemark-guest")));
    close(one), close(two), close(other_type);
    section("autobind");
    one = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), two = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    memset(&a, 0, sizeof a);
    a.sun_family = AF_UNIX;
    CHECK_OK(bind(one, (void *)&a, sizeof(sa_family_t)));
    CHECK_OK(bind(two, (void *)&a, sizeof(sa_family_t)));
    length = sizeof a;
    CHECK_OK(getsockname(one, (void *)&a, &length));
    CHECK_EQ(length, 2 + 6);
    CHECK_EQ(a.sun_path[0], 0);
    CHECK_EQ(strspn(a.sun_path + 1, "0123456789abcdef"), 5);
    CHECK_OK(getsockname(two, (void *)&got, &length));
    CHECK(memcmp(&a, &got, length) != 0);
    close(one), close(two);
}

static void connections(int type) {
    struct sockaddr_un a, got;
    int listener = MUST(socket(AF_UNIX, type, 0)), client = MUST(socket(AF_UNIX, type, 0));
    CHECK_ERR(listen(listener, 5), EINVAL);
    CHECK_ERR(accept(listener, NULL, NULL), EINVAL);
    unlink("server");
    CHECK_OK(bind(listener, PATH(&a, "server")));
    CHECK_ERR(connect(client, PATH(&a, "server")), ECONNREFUSED);
    CHECK_OK(listen(listener, 1));
    CHECK_EQ(ready(listener, ALL_EVENTS), 0);
    CHECK_EQ(ready(client, ALL_EVENTS) & (POLLIN | POLLHUP), POLLHUP);
    CHECK_OK(fcntl(listener, F_SETFL, O_NONBLOCK));
    CHECK_ERR(accept(listener, NULL, NULL), EAGAIN);
    CHECK_OK(connect(client, PATH(&a, "server")));
    CHECK_EQ(ready(listener, ALL_EVENTS), POLLIN);
    CHECK_EQ(ready(client, ALL_EVENTS), POLLOUT);
    CHECK_EQ(write(client, "early", 5), 5);
    unlink("client");
    CHECK_OK(bind(client, PATH(&a, "client")));
    CHECK_ERR(accept4(listener, NULL, NULL, 1), EINVAL);
    socklen_t length = sizeof got;
    memset(&got, 0, sizeof got);
    int server = CHECK_OK(accept4(listener, (void *)&got, &length, SOCK_CLOEXEC));
    CHECK_EQ(length, 2 + 7);
    CHECK_STR(got.sun_path, "client");
    CHECK_EQ(fcntl(server, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(server, F_GETFL) & O_NONBLOCK, 0);
    length = sizeof got;
    CHECK_OK(getsockname(server, (void *)&got, &length));
    CHECK_STR(got.sun_path, "server");
    char data[16] = "";
    CHECK_EQ(read(server, data, sizeof data), 5);
    CHECK_STR(data, "early");
    section("backlog");
    // A backlog of n lets n + 1 wait.
    int waiting[3];
    for (int i = 0; i < 3; i++) waiting[i] = MUST(socket(AF_UNIX, type | SOCK_NONBLOCK, 0));
    CHECK_OK(connect(waiting[0], PATH(&a, "server")));
    CHECK_OK(connect(waiting[1], PATH(&a, "server")));
    CHECK_ERR(connect(waiting[2], PATH(&a, "server")), EAGAIN);
    CHECK_OK(listen(listener, 2));
    CHECK_OK(connect(waiting[2], PATH(&a, "server")));
    // Who waits for a place gets it when one is accepted.
    pid_t child = MUST(fork());
    if (child == 0) {
        int late = socket(AF_UNIX, type, 0);
        _exit(connect(late, PATH(&a, "server")) != 0);
    }
    sleep_ms(20);
    for (int i = 0; i < 3; i++) close(CHECK_OK(accept(listener, NULL, NULL)));
    CHECK_EXITED(wait_status(child), 0);
    section("a listener that closes resets who waits");
    close(CHECK_OK(accept(listener, NULL, NULL)));
    int lost = MUST(socket(AF_UNIX, type, 0));
    CHECK_OK(connect(lost, PATH(&a, "server")));
    close(listener);
    CHECK_ERR(read(lost, data, 1), ECONNRESET);
    CHECK_EQ(read(lost, data, 1), 0);
    CHECK_EQ(getpeername(lost, (void *)&got, &length), 0);
    for (int i = 0; i < 3; i++) close(waiting[i]);
    close(lost), close(client), close(server);
}

static void wrong_things(void) {
    section("not a socket");
    struct sockaddr_un a;
    socklen_t length = sizeof a;
    int file = MUST(open("file", O_RDWR)), value = 0;
    CHECK_ERR(bind(file, PATH(&a, "x")), ENOTSOCK);
    CHECK_ERR(listen(file, 1), ENOTSOCK);
    CHECK_ERR(accept(file, NULL, NULL), ENOTSOCK);
    CHECK_ERR(connect(file, PATH(&a, "x")), ENOTSOCK);
    CHECK_ERR(getsockname(file, (void *)&a, &length), ENOTSOCK);
    CHECK_ERR(getpeername(file, (void *)&a, &length), ENOTSOCK);
    CHECK_ERR(shutdown(file, SHUT_RD), ENOTSOCK);
    CHECK_ERR(send(file, "x", 1, 0), ENOTSOCK);
    CHECK_ERR(recv(file, &value, 1, 0), ENOTSOCK);
    CHECK_ERR(setsockopt(file, SOL_SOCKET, SO_SNDBUF, &value, sizeof value), ENOTSOCK);
    CHECK_ERR(getsockopt(file, SOL_SOCKET, SO_SNDBUF, &value, &length), ENOTSOCK);
    close(file);
    CHECK_ERR(listen(file, 1), EBADF);
    section("datagrams have no connections");
    int fd = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    CHECK_ERR(listen(fd, 1), EOPNOTSUPP);
    CHECK_ERR(accept(fd, NULL, NULL), EOPNOTSUPP);
    close(fd);
}

static void permissions(void) {
    section("permission to connect is permission to write");
    if (geteuid() != 0) return;
    struct sockaddr_un a;
    int listener = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_OK(bind(listener, PATH(&a, "private")));
    CHECK_OK(listen(listener, 5));
    CHECK_OK(chmod("private", 0755));
    CHECK_OK(chmod(".", 0755));
    int status = IN_CHILD({
        CHECK_OK(setuid(65534));
        int fd = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
        CHECK_ERR(connect(fd, PATH(&a, "private")), EACCES);
        CHECK_ERR(bind(fd, PATH(&a, "mine")), EACCES);
    });
    CHECK_EXITED(status, 0);
    close(listener);
}

int main(void) {
    scratch();
    kinds();
    names();
    abstract_names();
    section("stream connections");
    connections(SOCK_STREAM);
    section("packet connections");
    connections(SOCK_SEQPACKET);
    wrong_things();
    permissions();
    return verdict();
}
