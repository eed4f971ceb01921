// What the tests of sockets share.
#ifndef SOCKETS_H
#define SOCKETS_H
#include "check.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

// The address of a path, or with a leading zero byte of an abstract name.
__attribute__((unused)) static socklen_t address(struct sockaddr_un *to, const char *name, size_t length) {
    memset(to, 0, sizeof *to);
    to->sun_family = AF_UNIX;
    memcpy(to->sun_path, name, length);
    return offsetof(struct sockaddr_un, sun_path) + length;
}
#define PATH(to, text) (struct sockaddr *)(to), address(to, text, strlen(text) + 1)
#define ABSTRACT(to, text) (struct sockaddr *)(to), address(to, text, sizeof(text) - 1)

__attribute__((unused)) static int ready(int fd, int events) {
    struct pollfd p = {fd, events, 0};
    return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}
#define ALL_EVENTS (POLLIN | POLLOUT | POLLRDHUP | POLLPRI)

// Sends bytes and descriptors; answers sendmsg's result.
__attribute__((unused)) static ssize_t send_fds(int socket, const void *data, size_t length, const int *fds, int count) {
    char control[CMSG_SPACE(sizeof(int) * 260)] = {0};
    struct iovec part = {(void *)data, length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL);
}

// Receives bytes and up to `room` descriptors; `*count` becomes how many came, `*flags` msg_flags.
__attribute__((unused)) static ssize_t receive_fds(int socket, void *data, size_t length, int *fds, int room, int *count,
                                                   int *flags, int how) {
    char control[CMSG_SPACE(sizeof(int) * 260)] = {0};
    struct iovec part = {data, length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    message.msg_control = room ? control : NULL;
    message.msg_controllen = room ? CMSG_LEN(sizeof(int) * room) : 0;
    ssize_t result = recvmsg(socket, &message, how);
    *count = 0;
    *flags = message.msg_flags;
    if (result < 0) return result;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h))
        if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS) {
            *count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            memcpy(fds, CMSG_DATA(h), *count * sizeof(int));
        }
    return result;
}
#endif
