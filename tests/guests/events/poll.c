// syscalls: ppoll pselect6
#include "check.h"
#include <poll.h>
#include <sys/select.h>

static volatile int count;
static void note(int number) {
    (void)number;
    count++;
}

int main(void) {
    scratch();
    int p[2], q[2];
    CHECK_OK(pipe(p));
    CHECK_OK(pipe(q));
    int fd = MUST(open("file", O_RDWR | O_CREAT, 0644));
    char byte;

    section("poll: what is ready");
    struct pollfd fds[] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}, {fd, POLLIN | POLLOUT, 0}, {-5, POLLIN, 77}, {500, POLLIN, 0}};
    CHECK_EQ(poll(fds, 5, 0), 3);
    CHECK_EQ(fds[0].revents, 0);
    CHECK_EQ(fds[1].revents, POLLOUT);
    CHECK_EQ(fds[2].revents, POLLIN | POLLOUT);
    CHECK_EQ(fds[3].revents, 0);
    CHECK_EQ(fds[4].revents, POLLNVAL);
    CHECK_EQ(write(p[1], "x", 1), 1);
    CHECK_EQ(poll(fds, 1, -1), 1);
    CHECK_EQ(fds[0].revents, POLLIN);

    section("hang-up and error need not be asked for");
    fds[0].events = 0;
    close(p[1]);
    CHECK_EQ(poll(fds, 1, 0), 1);
    CHECK_EQ(fds[0].revents, POLLHUP);
    fds[0].events = POLLIN;
    CHECK_EQ(poll(fds, 1, 0), 1);
    CHECK_EQ(fds[0].revents, POLLIN | POLLHUP);
    CHECK_EQ(read(p[0], &byte, 1), 1);
    CHECK_EQ(poll(fds, 1, 0), 1);
    CHECK_EQ(fds[0].revents, POLLHUP);
    close(q[0]);
    fds[0] = (struct pollfd){q[1], POLLOUT, 0};
    CHECK_EQ(poll(fds, 1, 0), 1);
    CHECK_EQ(fds[0].revents, POLLOUT | POLLERR);
    close(q[1]), close(p[0]);

    section("timeouts");
    CHECK_OK(pipe(p));
    fds[0] = (struct pollfd){p[0], POLLIN, 0};
    int64_t start = monotonic_ns();
    CHECK_EQ(poll(fds, 1, 20), 0);
    CHECK(monotonic_ns() - start >= 20000000);
    CHECK_EQ(poll(NULL, 0, 1), 0);
    struct timespec time = {0, 1000000};
    CHECK_EQ(ppoll(fds, 1, &time, NULL), 0);
    CHECK_ERR(syscall(SYS_ppoll, fds, 1, &(struct timespec){0, 1000000000}, NULL, 0), EINVAL);
    CHECK_ERR(syscall(SYS_ppoll, NOWHERE, 1, &time, NULL, 0), EFAULT);

    section("woken by a writer");
    pid_t child = MUST(fork());
    if (child == 0) {
        sleep_ms(20);
        _exit(write(p[1], "y", 1) != 1);
    }
    CHECK_EQ(poll(fds, 1, 10000), 1);
    CHECK_EXITED(wait_status(child), 0);
    CHECK_EQ(read(p[0], &byte, 1), 1);

    section("ppoll's mask is in force while it waits");
    sigset_t one, none;
    sigemptyset(&one);
    sigemptyset(&none);
    sigaddset(&one, SIGUSR1);
    signal(SIGUSR1, note);
    sigprocmask(SIG_BLOCK, &one, NULL);
    raise(SIGUSR1);
    CHECK_EQ(poll(fds, 1, 1), 0);
    CHECK_ERR(ppoll(fds, 1, NULL, &none), EINTR);
    CHECK_EQ(count, 1);

    section("select");
    fd_set reading, writing;
    FD_ZERO(&reading);
    FD_ZERO(&writing);
    FD_SET(p[0], &reading);
    FD_SET(p[1], &writing);
    struct timeval tv = {0, 0};
    CHECK_EQ(select(p[1] + 1, &reading, &writing, NULL, &tv), 1);
    CHECK(!FD_ISSET(p[0], &reading) && FD_ISSET(p[1], &writing));
    CHECK_EQ(write(p[1], "z", 1), 1);
    FD_SET(p[0], &reading);
    CHECK_EQ(select(p[1] + 1, &reading, &writing, NULL, NULL), 2);
    CHECK_EQ(read(p[0], &byte, 1), 1);
    FD_ZERO(&writing);
    tv.tv_usec = 10000;
    CHECK_EQ(select(p[1] + 1, &reading, NULL, NULL, &tv), 0);
    CHECK(!FD_ISSET(p[0], &reading));
    CHECK_EQ(tv.tv_sec + tv.tv_usec, 0);
    close(fd);
    FD_ZERO(&reading);
    FD_SET(fd, &reading);
    CHECK_ERR(select(fd + 1, &reading, NULL, NULL, &tv), EBADF);
    CHECK_ERR(select(-1, NULL, NULL, NULL, &tv), EINVAL);
    raise(SIGUSR1);
    CHECK_ERR(pselect(0, NULL, NULL, NULL, NULL, &none), EINTR);
    CHECK_EQ(count, 2);
    return verdict();
}
