// syscalls: pipe2 read write readv writev fcntl
// oracle: linux; the same under qemu, which passes pipes on
//
// Pipes of packets (pipe2(2), O_DIRECT).
#include "check.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

static int ends[2];
static char data[20000];

int main(void) {
    section("a read gives one packet");
    MUST(pipe2(ends, O_DIRECT | O_NONBLOCK));
    CHECK_EQ(fcntl(ends[1], F_GETFL) & O_DIRECT, O_DIRECT);
    CHECK_EQ(fcntl(ends[0], F_GETFL) & O_DIRECT, 0);
    CHECK_EQ(write(ends[1], "one", 3), 3);
    CHECK_EQ(write(ends[1], "three", 5), 5);
    int waiting = 0;
    CHECK_OK(ioctl(ends[0], FIONREAD, &waiting));
    CHECK_EQ(waiting, 8);
    CHECK_EQ(read(ends[0], data, sizeof data), 3);
    CHECK_MEM(data, "one", 3);
    section("what there is no room for is lost");
    CHECK_EQ(write(ends[1], "next", 4), 4);
    CHECK_EQ(read(ends[0], data, 2), 2);
    CHECK_MEM(data, "th", 2);
    CHECK_EQ(read(ends[0], data, sizeof data), 4);
    CHECK_ERR(read(ends[0], data, 1), EAGAIN);
    section("an empty write is no packet");
    CHECK_EQ(write(ends[1], "", 0), 0);
    CHECK_ERR(read(ends[0], data, 1), EAGAIN);
    section("more than PIPE_BUF is several packets");
    CHECK_EQ(write(ends[1], data, 10000), 10000);
    CHECK_EQ(read(ends[0], data, sizeof data), 4096);
    CHECK_EQ(read(ends[0], data, sizeof data), 4096);
    CHECK_EQ(read(ends[0], data, sizeof data), 1808);
    section("vectors");
    struct iovec out[3] = {{"ab", 2}, {"", 0}, {"cde", 3}}, in[2] = {{data, 2}, {data + 10, 10}};
    CHECK_EQ(writev(ends[1], out, 3), 5);
    CHECK_EQ(write(ends[1], "fg", 2), 2);
    CHECK_EQ(readv(ends[0], in, 2), 5);
    CHECK_MEM(data, "ab", 2);
    CHECK_MEM(data + 10, "cde", 3);
    CHECK_EQ(readv(ends[0], in, 2), 2);
    section("each takes a page");
    int count = 0;
    while (write(ends[1], "x", 1) == 1) count++;
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(count, fcntl(ends[1], F_GETPIPE_SZ) / 4096);
    struct pollfd writer = {ends[1], POLLOUT, 0};
    CHECK_EQ(poll(&writer, 1, 0), 0);
    CHECK_EQ(read(ends[0], data, 1), 1);
    CHECK_EQ(poll(&writer, 1, 0), 1);
    while (read(ends[0], data, 1) == 1) count--;
    CHECK_EQ(count, 1);
    section("switched off and on");
    CHECK_OK(fcntl(ends[1], F_SETFL, O_NONBLOCK));
    CHECK_EQ(write(ends[1], "a", 1), 1);
    CHECK_EQ(write(ends[1], "b", 1), 1);
    CHECK_EQ(read(ends[0], data, 10), 2);
    CHECK_OK(fcntl(ends[1], F_SETFL, O_NONBLOCK | O_DIRECT));
    CHECK_EQ(write(ends[1], "a", 1), 1);
    CHECK_EQ(write(ends[1], "b", 1), 1);
    CHECK_EQ(read(ends[0], data, 10), 1);
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERR(write(ends[1], "x", 1), EPIPE);
    close(ends[1]);
    return verdict();
}
