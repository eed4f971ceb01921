// syscalls: unlinkat
#include "check.h"
#include <sys/mman.h>

int main(void) {
    scratch();
    struct stat s;
    char text[16] = "";
    section("an open file outlives its name");
    put_file("file", "still here");
    int fd = MUST(open("file", O_RDWR));
    CHECK_OK(unlink("file"));
    CHECK_ERR(access("file", F_OK), ENOENT);
    CHECK_OK(fstat(fd, &s));
    CHECK_EQ(s.st_nlink, 0);
    CHECK_EQ(read(fd, text, 16), 10);
    CHECK_STR(text, "still here");
    CHECK_EQ(write(fd, "!", 1), 1);

    section("a new file of the same name is another");
    put_file("file", "new");
    CHECK_EQ(pread(fd, text, 16, 0), 11);
    CHECK_STR(text, "still here!");

    section("a mapping outlives the descriptor too");
    char *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(map != MAP_FAILED);
    close(fd);
    CHECK_MEM(map, "still here!", 12);
    return verdict();
}
