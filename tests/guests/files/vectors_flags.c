// syscalls: preadv2 pwritev2
#include "check.h"
#include <sys/uio.h>

int main(void) {
    scratch();
    char text[16] = "";
    put_file("file", "0123456789");

    section("preadv2 and pwritev2");
    int fd = MUST(open("file", O_RDWR));
    struct iovec out[] = {{"ab", 2}, {"cd", 2}}, in[] = {{text, 3}, {text + 8, 3}};
    CHECK_EQ(pwritev2(fd, out, 2, 2, 0), 4);
    CHECK_EQ(preadv2(fd, in, 2, 1, 0), 6);
    CHECK_MEM(text, "1ab", 3);
    CHECK_MEM(text + 8, "cd6", 3);
    // Offset -1: at the position, which moves.
    CHECK_EQ(preadv2(fd, in, 1, -1, 0), 3);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 3);
    CHECK_ERR(preadv2(fd, in, 1, 0, 0x4000), EOPNOTSUPP);
    CHECK_ERR(preadv2(fd, in, 1, -2, 0), EINVAL);
    return verdict();
}
