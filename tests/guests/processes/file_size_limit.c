// syscalls: prlimit64 write ftruncate
//
// setrlimit(2), RLIMIT_FSIZE: a write stops at the limit; one beyond it is answered by SIGXFSZ, and EFBIG if that is survived.
#include "check.h"
#include <sys/resource.h>

int main(void) {
    struct rlimit set;
    section("RLIMIT_FSIZE");
    scratch();
    int fd = MUST(open("file", O_RDWR | O_CREAT, 0644));
    char data[150] = "";
    CHECK_EXITED(IN_CHILD({
                     set = (struct rlimit){100, 100};
                     CHECK_OK(setrlimit(RLIMIT_FSIZE, &set));
                     signal(SIGXFSZ, SIG_IGN);
                     CHECK_EQ(write(fd, data, 150), 100);
                     CHECK_ERR(write(fd, data, 1), EFBIG);
                     CHECK_ERR(ftruncate(fd, 101), EFBIG);
                 }),
                 0);
    CHECK_KILLED(IN_CHILD({
                     set = (struct rlimit){100, 100};
                     CHECK_OK(setrlimit(RLIMIT_FSIZE, &set));
                     write(fd, data, 1);
                 }),
                 SIGXFSZ);
    return verdict();
}
