// oracle: linux; qemu's user mode opens everything with O_LARGEFILE
// syscalls: openat mkdirat linkat renameat2 write fcntl
//
// Corners of names and modes: what a name may be made through, what may get one, and which bits survive.
#include "check.h"
#include <grp.h>

static mode_t permissions(const char *path) {
    struct stat status = {0};
    CHECK_OK(stat(path, &status));
    return status.st_mode & 07777;
}

// Gives an open file a name by way of procfs, as open(2) shows for O_TMPFILE.
static int name_descriptor(int fd, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

static void become_user(void) {
    MUST(setgroups(0, NULL));
    MUST(setresgid(1000, 1000, 1000));
    MUST(setresuid(1000, 1000, 1000));
}

int main(void) {
    scratch();
    umask(0);
    put_file("file", "text");
    CHECK_OK(mkdir("folder", 0755));
    CHECK_OK(symlink("absent", "dangling"));

    section("O_CREAT makes no directories");
    CHECK_ERR(open("new", O_CREAT | O_DIRECTORY | O_RDWR, 0600), EINVAL);
    CHECK_ERR(open("file", O_CREAT | O_DIRECTORY, 0600), EINVAL);
    CHECK_ERR(open("folder", O_CREAT | O_DIRECTORY, 0600), EINVAL);
    CHECK_ERR(open(".", O_TMPFILE | O_CREAT | O_RDWR, 0600), EINVAL);
    CHECK_ERR(access("new", F_OK), ENOENT);

    section("nothing is made through a link that leads nowhere");
    CHECK_ERR(mkdir("dangling", 0755), EEXIST);
    CHECK_ERR(mkdir("dangling/", 0755), EEXIST);
    CHECK_ERR(link("file", "dangling"), EEXIST);
    CHECK_ERR(open("dangling/", O_CREAT | O_RDWR, 0600), EISDIR);
    CHECK_ERR(access("absent", F_OK), ENOENT);

    section("flags of a descriptor that is only a path");
    int fd = MUST(open("file", O_PATH | O_CLOEXEC));
    CHECK_EQ(fcntl(fd, F_GETFL), O_PATH);
    close(fd);

    section("a file whose last name is gone gets no other");
    fd = MUST(open("file", O_RDWR));
    CHECK_OK(unlink("file"));
    CHECK_ERR(name_descriptor(fd, "back"), ENOENT);
    close(fd);
    fd = MUST(open(".", O_TMPFILE | O_RDWR, 0600));
    CHECK_OK(name_descriptor(fd, "named"));
    CHECK_OK(name_descriptor(fd, "again"));
    CHECK_OK(unlink("named"));
    CHECK_OK(unlink("again"));
    CHECK_ERR(name_descriptor(fd, "named"), ENOENT);
    close(fd);
    fd = MUST(open(".", O_TMPFILE | O_EXCL | O_RDWR, 0600));
    CHECK_ERR(name_descriptor(fd, "named"), ENOENT);
    close(fd);

    section("set-id bits survive what the superuser writes");
    CHECK_OK(chmod(".", 0755));
    put_file("program", "1");
    CHECK_OK(chmod("program", 06777));
    put_file("program", "2");
    CHECK_EQ(permissions("program"), 06777);
    CHECK_OK(truncate("program", 0));
    CHECK_EQ(permissions("program"), 06777);
    CHECK_EXITED(IN_CHILD(become_user(); fd = MUST(open("program", O_WRONLY)); CHECK_EQ(write(fd, "3", 1), 1)), 0);
    CHECK_EQ(permissions("program"), 0777);
    CHECK_OK(chmod("program", 06777));
    CHECK_EXITED(IN_CHILD(become_user(); fd = MUST(open("program", O_WRONLY)); CHECK_OK(ftruncate(fd, 0))), 0);
    CHECK_EQ(permissions("program"), 0777);
    CHECK_OK(chmod("program", 06777));
    CHECK_EXITED(IN_CHILD(become_user(); MUST(open("program", O_WRONLY | O_TRUNC))), 0);
    CHECK_EQ(permissions("program"), 0777);

    section("two names of one file need no permission to be renamed");
    put_file("one", "");
    CHECK_OK(link("one", "other"));
    CHECK_EXITED(IN_CHILD(become_user(); CHECK_OK(rename("one", "other")); CHECK_ERR(rename("one", "third"), EACCES)), 0);
    CHECK_OK(access("one", F_OK));
    return verdict();
}
