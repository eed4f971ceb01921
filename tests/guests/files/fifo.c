// syscalls: mknodat
#include "check.h"

int main(void) {
    scratch();
    umask(022);
    char text[16];
    struct stat s;
    section("a named pipe");
    CHECK_OK(mkfifo("fifo", 0666));
    CHECK_OK(stat("fifo", &s));
    CHECK_EQ(s.st_mode, S_IFIFO | 0644);
    CHECK_ERR(mkfifo("fifo", 0666), EEXIST);
    CHECK_ERR(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
    int reader = CHECK_OK(open("fifo", O_RDONLY | O_NONBLOCK));
    CHECK_EQ(read(reader, text, 16), 0);
    int writer = CHECK_OK(open("fifo", O_WRONLY | O_NONBLOCK));
    CHECK_ERR(read(reader, text, 16), EAGAIN);
    CHECK_EQ(write(writer, "through", 8), 8);
    CHECK_EQ(read(reader, text, 16), 8);
    CHECK_STR(text, "through");
    close(writer);
    CHECK_EQ(read(reader, text, 16), 0);
    close(reader);

    section("open waits for the other end");
    pid_t child = MUST(fork());
    if (child == 0) {
        int fd = CHECK_OK(open("fifo", O_WRONLY));
        CHECK_EQ(write(fd, "hello", 6), 6);
        _exit(check_failures != 0);
    }
    int fd = CHECK_OK(open("fifo", O_RDONLY));
    CHECK_EQ(read(fd, text, 16), 6);
    CHECK_STR(text, "hello");
    CHECK_EXITED(wait_status(child), 0);
    CHECK_EQ(read(fd, text, 16), 0);
    close(fd);

    section("other nodes");
    CHECK_OK(mknod("plain", S_IFREG | 0600, 0));
    CHECK_OK(stat("plain", &s));
    CHECK_EQ(s.st_mode, S_IFREG | 0600);
    CHECK_ERR(mknod("dir", S_IFDIR | 0700, 0), EPERM);
    CHECK_ERR(mknod("what", 0170000 | 0700, 0), EINVAL);
    CHECK_ERR(mkfifo("absent/fifo", 0600), ENOENT);
    return verdict();
}
