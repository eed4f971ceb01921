// syscalls: mkdirat unlinkat getdents64 getcwd chdir fchdir
#include "check.h"
#include <dirent.h>

static void making(void) {
    section("making and removing");
    CHECK_OK(mkdir("a", 0755));
    CHECK_ERR(mkdir("a", 0755), EEXIST);
    CHECK_ERR(mkdir("absent/b", 0755), ENOENT);
    CHECK_OK(mkdir("a/b/", 0700));
    put_file("a/file", "x");
    CHECK_ERR(mkdir("a/file/c", 0755), ENOTDIR);
    CHECK_ERR(mkdir("a/file", 0755), EEXIST);
    CHECK_ERR(rmdir("a"), ENOTEMPTY);
    CHECK_ERR(rmdir("a/file"), ENOTDIR);
    CHECK_ERR(rmdir("a/."), EINVAL);
    CHECK_ERR(rmdir("a/b/.."), ENOTEMPTY);
    CHECK_ERR(rmdir("absent"), ENOENT);
    CHECK_ERR(unlink("a"), EISDIR);
    CHECK_ERR(unlink("absent"), ENOENT);
    CHECK_ERR(unlink("a/file/"), ENOTDIR);
    CHECK_ERR(unlinkat(AT_FDCWD, "a/b", 0x40000), EINVAL);
    int dir = CHECK_OK(open("a", O_RDONLY));
    CHECK_OK(unlinkat(dir, "b", AT_REMOVEDIR));
    CHECK_OK(unlinkat(dir, "file", 0));
    CHECK_ERR(mkdirat(-5, "b", 0755), EBADF);
    CHECK_OK(mkdirat(dir, "b", 0755));
    CHECK_OK(rmdir("a/b"));
    CHECK_OK(rmdir("a"));
    CHECK_ERR(openat(dir, "new", O_CREAT | O_WRONLY, 0644), ENOENT);
    close(dir);
}

static void link_counts(void) {
    section("link counts");
    struct stat status;
    CHECK_OK(mkdir("counts", 0755));
    CHECK_OK(stat("counts", &status));
    CHECK_EQ(status.st_nlink, 2);
    CHECK_OK(mkdir("counts/sub", 0755));
    CHECK_OK(stat("counts", &status));
    CHECK_EQ(status.st_nlink, 3);
    CHECK_OK(rmdir("counts/sub"));
    CHECK_OK(stat("counts", &status));
    CHECK_EQ(status.st_nlink, 2);
    CHECK_OK(rmdir("counts"));
}

static void listing(void) {
    section("listing");
    CHECK_OK(mkdir("list", 0755));
    int dir = MUST(open("list", O_RDONLY | O_DIRECTORY));
    char name[64];
    for (int i = 0; i < 300; i++) {
        sprintf(name, "list/entry-number-%d", i);
        put_file(name, "");
    }
    CHECK_OK(mkdir("list/folder", 0755));
    CHECK_OK(symlink("x", "list/symlink"));

    static char seen[300];
    int dots = 0, folders = 0, links = 0, others = 0, calls = 0;
    _Alignas(8) char buffer[1024];
    long bytes;
    while ((bytes = CHECK_OK(syscall(SYS_getdents64, dir, buffer, sizeof buffer))) > 0) {
        calls++;
        for (long at = 0; at < bytes;) {
            struct dirent64 *entry = (struct dirent64 *)(buffer + at);
            int number;
            CHECK_EQ(entry->d_reclen % 8, 0);
            CHECK(entry->d_ino != 0);
            if (sscanf(entry->d_name, "entry-number-%d", &number) == 1 && number >= 0 && number < 300) {
                CHECK_EQ(entry->d_type, DT_REG);
                seen[number]++;
            } else if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                dots += entry->d_type == DT_DIR;
            else if (strcmp(entry->d_name, "folder") == 0)
                folders += entry->d_type == DT_DIR;
            else if (strcmp(entry->d_name, "symlink") == 0)
                links += entry->d_type == DT_LNK;
            else
                others++;
            at += entry->d_reclen;
        }
    }
    int once = 0;
    for (int i = 0; i < 300; i++) once += seen[i] == 1;
    CHECK_EQ(once, 300);
    CHECK_EQ(dots, 2);
    CHECK_EQ(folders, 1);
    CHECK_EQ(links, 1);
    CHECK_EQ(others, 0);
    CHECK(calls > 5);

    CHECK_EQ(lseek(dir, 0, SEEK_SET), 0);
    CHECK_ERR(syscall(SYS_getdents64, dir, buffer, 8), EINVAL);
    CHECK_ERR(syscall(SYS_getdents64, dir, NOWHERE, 1024), EFAULT);
    CHECK_ERR(syscall(SYS_getdents64, -1, buffer, 1024), EBADF);
    CHECK_ERR(syscall(SYS_getdents64, 0, buffer, 1024), ENOTDIR);
    close(dir);
}

static void removing_while_listing(void) {
    section("removing while listing");
    DIR *dir = opendir("list");
    struct dirent *entry;
    int removed = 0;
    while ((entry = readdir(dir)) != NULL)
        if (strncmp(entry->d_name, "entry-", 6) == 0) {
            CHECK_OK(unlinkat(dirfd(dir), entry->d_name, 0));
            removed++;
        }
    CHECK_EQ(removed, 300);
    rewinddir(dir);
    int left = 0;
    while (readdir(dir) != NULL) left++;
    CHECK_EQ(left, 4);
    // telldir and seekdir: a position is good for coming back to it.
    rewinddir(dir);
    readdir(dir);
    long place = telldir(dir);
    char second[256];
    strcpy(second, readdir(dir)->d_name);
    while (readdir(dir) != NULL) {
    }
    seekdir(dir, place);
    CHECK_STR(readdir(dir)->d_name, second);
    closedir(dir);
}

static void working_directory(void) {
    section("working directory");
    char here[256], there[256], expected[300];
    CHECK(getcwd(here, sizeof here) == here);
    CHECK_OK(mkdir("wd", 0755));
    CHECK_OK(mkdir("wd/sub", 0755));
    CHECK_OK(symlink("wd/sub", "short"));
    CHECK_OK(chdir("short"));
    sprintf(expected, "%s/wd/sub", here);
    CHECK(getcwd(there, sizeof there) == there);
    CHECK_STR(there, expected);
    CHECK_EQ(syscall(SYS_getcwd, there, sizeof there), strlen(expected) + 1);
    CHECK_ERR(syscall(SYS_getcwd, there, strlen(expected)), ERANGE);
    CHECK_ERR(syscall(SYS_getcwd, NOWHERE, 256), EFAULT);
    CHECK_OK(chdir(".."));
    sprintf(expected, "%s/wd", here);
    CHECK(getcwd(there, sizeof there) == there);
    CHECK_STR(there, expected);
    CHECK_ERR(chdir("absent"), ENOENT);
    put_file("plain", "");
    CHECK_ERR(chdir("plain"), ENOTDIR);
    int dir = CHECK_OK(open(here, O_RDONLY)), file = CHECK_OK(open("plain", O_RDONLY));
    CHECK_ERR(fchdir(file), ENOTDIR);
    CHECK_ERR(fchdir(-1), EBADF);
    CHECK_OK(fchdir(dir));
    CHECK(getcwd(there, sizeof there) == there);
    CHECK_STR(there, here);
    close(dir), close(file);

    // A removed working directory has no name.
    CHECK_OK(mkdir("gone", 0755));
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(chdir("gone"));
                     CHECK_OK(rmdir("../gone"));
                     CHECK_ERR(syscall(SYS_getcwd, there, sizeof there), ENOENT);
                     CHECK_ERR(open("file", O_CREAT | O_WRONLY, 0644), ENOENT);
                     CHECK_OK(chdir(".."));
                 }),
                 0);
    CHECK_OK(chdir("/"));
    CHECK_OK(chdir("../../.."));
    CHECK(getcwd(there, sizeof there) == there);
    CHECK_STR(there, "/");
    CHECK_OK(chdir(here));
}

int main(void) {
    scratch();
    umask(022);
    making();
    link_counts();
    listing();
    removing_while_listing();
    working_directory();
    return verdict();
}
