// syscalls: epoll_pwait epoll_ctl
//
// More events than a few at once: one call tells as many as it is asked for.
#include "check.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { FILES = 500 };
static struct epoll_event events[FILES + 10];

int main(void) {
    int epoll = MUST(epoll_create1(0)), fds[FILES];
    static char seen[FILES];
    for (int i = 0; i < FILES; i++) {
        fds[i] = MUST(eventfd(1, 0));
        struct epoll_event event = {EPOLLIN, {.u32 = i}};
        MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event));
    }
    section("all at once");
    CHECK_EQ(epoll_wait(epoll, events, FILES + 10, -1), FILES);
    for (int i = 0; i < FILES; i++) seen[events[i].data.u32 % FILES]++;
    for (int i = 0; i < FILES; i++) CHECK_EQ(seen[i], 1);
    section("in their turn");
    CHECK_EQ(epoll_wait(epoll, events, 300, -1), 300);
    CHECK_EQ(events[0].data.u32, 0);
    CHECK_EQ(epoll_wait(epoll, events, 300, -1), 300);
    CHECK_EQ(events[0].data.u32, 300);
    section("some are not ready any more");
    uint64_t value;
    for (int i = 0; i < FILES; i += 2) CHECK_EQ(read(fds[i], &value, 8), 8);
    CHECK_EQ(epoll_wait(epoll, events, FILES, 0), FILES / 2);
    CHECK_ERR(epoll_wait(epoll, NOWHERE, FILES, 0), EFAULT);
    return verdict();
}
