// syscalls: fsync fdatasync sync syncfs sync_file_range fadvise64 readahead
#include "check.h"

int main(void) {
    scratch();
    int fd = MUST(open("file", O_RDWR | O_CREAT, 0644)), p[2];
    CHECK_EQ(write(fd, "data", 4), 4);
    CHECK_OK(pipe(p));

    section("to the disk");
    CHECK_OK(fsync(fd));
    CHECK_OK(fdatasync(fd));
    CHECK_OK(syncfs(fd));
    CHECK_OK(sync_file_range(fd, 0, 4, SYNC_FILE_RANGE_WRITE));
    sync();
    CHECK_ERR(fsync(-1), EBADF);
    CHECK_ERR(fdatasync(-1), EBADF);
    CHECK_ERR(fsync(p[1]), EINVAL);
    CHECK_ERR(syncfs(-1), EBADF);
    CHECK_ERR(sync_file_range(fd, 0, 4, 0x100), EINVAL);
    CHECK_ERR(sync_file_range(p[1], 0, 4, 0), ESPIPE);

    section("advice");
    CHECK_ZERO(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
    CHECK_ZERO(posix_fadvise(fd, 0, 100, POSIX_FADV_DONTNEED));
    CHECK_EQ(posix_fadvise(fd, 0, 0, 99), EINVAL);
    CHECK_EQ(posix_fadvise(p[0], 0, 0, POSIX_FADV_NORMAL), ESPIPE);
    CHECK_EQ(posix_fadvise(-1, 0, 0, POSIX_FADV_NORMAL), EBADF);
    CHECK_OK(readahead(fd, 0, 4));
    CHECK_ERR(readahead(-1, 0, 4), EBADF);
    return verdict();
}
