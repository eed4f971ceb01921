// syscalls: readv writev preadv pwritev
#include "check.h"
#include <limits.h>
#include <sys/uio.h>

int main(void) {
    scratch();
    char a[4] = "", b[8] = "", c[8] = "";
    int fd = MUST(open("file", O_RDWR | O_CREAT, 0644));

    section("gather and scatter");
    struct iovec out[] = {{"one", 3}, {"", 0}, {"two", 3}, {"three", 5}};
    CHECK_EQ(writev(fd, out, 4), 11);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    struct iovec in[] = {{a, 3}, {b, 5}, {c, 8}};
    CHECK_EQ(readv(fd, in, 3), 11);
    CHECK_STR(a, "one");
    CHECK_STR(b, "twoth");
    CHECK_STR(c, "ree");
    CHECK_EQ(readv(fd, in, 3), 0);

    section("at an offset");
    CHECK_EQ(preadv(fd, in, 2, 6), 5);
    CHECK_MEM(a, "thr", 3);
    CHECK_MEM(b, "ee", 2);
    CHECK_EQ(pwritev(fd, out, 1, 20), 3);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 11);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 23);
    CHECK_ERR(preadv(fd, in, 2, -1), EINVAL);

    section("errors");
    static struct iovec many[IOV_MAX + 1];
    for (int i = 0; i <= IOV_MAX; i++) many[i] = (struct iovec){"x", 1};
    CHECK_ERR(writev(fd, many, IOV_MAX + 1), EINVAL);
    CHECK_EQ(writev(fd, many, IOV_MAX), IOV_MAX);
    CHECK_EQ(writev(fd, many, 0), 0);
    CHECK_ERR(writev(fd, many, hidden(-1)), EINVAL);
    CHECK_ERR(writev(fd, NOWHERE, 1), EFAULT);
    CHECK_ERR(writev(-1, many, 1), EBADF);
    struct iovec too_long[] = {{a, 3}, {b, (size_t)hidden(-1)}};
    CHECK_ERR(readv(fd, too_long, 2), EINVAL);

    section("partial at a bad address");
    int ends[2];
    CHECK_OK(pipe(ends));
    struct iovec first_bad[] = {{NOWHERE, 2}, {"ab", 2}};
    CHECK_ERR(writev(ends[1], first_bad, 2), EFAULT);
    close(fd), close(ends[0]), close(ends[1]);
    return verdict();
}
