// syscalls: pwritev2
#include "check.h"
#include <sys/uio.h>

int main(void) {
    scratch();
    put_file("file", "0123456789");
    int fd = MUST(open("file", O_RDWR));
    struct iovec out = {"ab", 2};
    section("RWF_APPEND");
    CHECK_EQ(pwritev2(fd, &out, 1, 0, RWF_APPEND), 2);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 12);
    return verdict();
}
