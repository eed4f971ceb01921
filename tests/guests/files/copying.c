// syscalls: sendfile copy_file_range splice tee
#include "check.h"
#include <sys/sendfile.h>

int main(void) {
    scratch();
    char buffer[64];
    put_file("in", "0123456789");
    int in = MUST(open("in", O_RDONLY)), out = MUST(open("out", O_RDWR | O_CREAT, 0644)), p[2];
    CHECK_OK(pipe(p));

    section("sendfile");
    off_t at = 2;
    CHECK_EQ(sendfile(out, in, &at, 3), 3);
    CHECK_EQ(at, 5);
    CHECK_EQ(lseek(in, 0, SEEK_CUR), 0);
    CHECK_EQ(sendfile(out, in, NULL, 100), 10);
    CHECK_EQ(lseek(in, 0, SEEK_CUR), 10);
    CHECK_EQ(sendfile(out, in, NULL, 100), 0);
    CHECK_EQ(pread(out, buffer, 64, 0), 13);
    CHECK_MEM(buffer, "2340123456789", 13);
    at = 0;
    CHECK_EQ(sendfile(p[1], in, &at, 4), 4);
    CHECK_EQ(read(p[0], buffer, 64), 4);
    CHECK_MEM(buffer, "0123", 4);
    CHECK_ERR(sendfile(out, p[0], NULL, 4), EINVAL);
    CHECK_ERR(sendfile(in, in, NULL, 4), EBADF);
    CHECK_ERR(sendfile(-1, in, NULL, 4), EBADF);
    CHECK_ERR(sendfile(p[1], p[0], &at, 4), ESPIPE);

    section("copy_file_range");
    loff_t from = 8, to = 1;
    CHECK_OK(ftruncate(out, 0));
    CHECK_EQ(copy_file_range(in, &from, out, &to, 100, 0), 2);
    CHECK_EQ(from, 10);
    CHECK_EQ(to, 3);
    CHECK_EQ(pread(out, buffer, 64, 0), 3);
    CHECK_MEM(buffer, "\00089", 3);
    CHECK_EQ(lseek(in, 0, SEEK_SET), 0);
    CHECK_EQ(lseek(out, 0, SEEK_SET), 0);
    CHECK_EQ(copy_file_range(in, NULL, out, NULL, 6, 0), 6);
    CHECK_EQ(lseek(in, 0, SEEK_CUR), 6);
    CHECK_EQ(lseek(out, 0, SEEK_CUR), 6);
    CHECK_ERR(copy_file_range(in, NULL, out, NULL, 6, 1), EINVAL);
    CHECK_ERR(copy_file_range(in, NULL, in, NULL, 1, 0), EBADF);
    CHECK_ERR(copy_file_range(p[0], NULL, out, NULL, 1, 0), EINVAL);
    // A file appended to itself: what is asked for overlaps, what is there does not.
    int twice = MUST(open("twice", O_RDWR | O_CREAT, 0600));
    CHECK_EQ(write(twice, "abc", 3), 3);
    from = 0, to = 3;
    CHECK_EQ(copy_file_range(twice, &from, twice, &to, 1 << 20, 0), 3);
    from = 0, to = 2;
    CHECK_ERR(copy_file_range(twice, &from, twice, &to, 3, 0), EINVAL);
    close(twice);

    section("splice");
    from = 3;
    CHECK_EQ(splice(in, &from, p[1], NULL, 4, 0), 4);
    CHECK_EQ(from, 7);
    CHECK_EQ(splice(p[0], NULL, out, NULL, 100, 0), 4);
    CHECK_EQ(pread(out, buffer, 4, 6), 4);
    CHECK_MEM(buffer, "3456", 4);
    CHECK_ERR(splice(in, NULL, out, NULL, 4, 0), EINVAL);

    section("tee");
    int q[2];
    CHECK_OK(pipe(q));
    CHECK_EQ(write(p[1], "again", 5), 5);
    CHECK_EQ(tee(p[0], q[1], 100, 0), 5);
    CHECK_EQ(read(q[0], buffer, 64), 5);
    CHECK_MEM(buffer, "again", 5);
    CHECK_EQ(read(p[0], buffer, 64), 5);
    CHECK_MEM(buffer, "again", 5);
    CHECK_ERR(tee(p[0], q[1], 4, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK_ERR(tee(p[0], p[1], 4, 0), EINVAL);
    CHECK_ERR(tee(in, q[1], 4, 0), EINVAL);
    return verdict();
}
