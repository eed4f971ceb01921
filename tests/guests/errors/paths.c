// syscalls: mknodat mkdirat unlinkat symlinkat linkat renameat2 statfs truncate faccessat faccessat2 chdir chroot fchmodat fchmodat2
// syscalls: fchownat openat openat2 readlinkat newfstatat statx utimensat execve execveat setxattr lsetxattr getxattr lgetxattr
// syscalls: listxattr llistxattr removexattr lremovexattr inotify_add_watch name_to_handle_at
// oracle: linux; qemu's user mode does not know all of these calls
//
// Each call that takes a path, with each kind of path that leads nowhere (path_resolution(7)).
#include "errors.h"
#include <linux/openat2.h>
#include <sys/inotify.h>

static int watcher;
static char *const none[] = {NULL};
static struct stat info;
static char buffer[4096];
static struct {
    struct file_handle header;
    unsigned char bytes[MAX_HANDLE_SZ];
} handle;

#define CALL(name, ...) \
    static long call_##name(int dir, const char *path) { (void)dir; return syscall(SYS_##name, __VA_ARGS__); }
CALL(mknodat, dir, path, S_IFREG | 0600, 0)
CALL(mkdirat, dir, path, 0700)
CALL(unlinkat, dir, path, 0)
CALL(symlinkat, "target", dir, path)
CALL(linkat, dir, path, AT_FDCWD, "new", 0)
static long call_linkat_to(int dir, const char *path) { return syscall(SYS_linkat, AT_FDCWD, "file", dir, path, 0); }
CALL(renameat2, dir, path, AT_FDCWD, "new", 0)
static long call_renameat2_to(int dir, const char *path) { return syscall(SYS_renameat2, AT_FDCWD, "file", dir, path, 0); }
CALL(statfs, path, buffer)
CALL(truncate, path, 0)
CALL(faccessat, dir, path, R_OK)
static long call_faccessat2(int dir, const char *path) { return syscall(439, dir, path, R_OK, 0); }
CALL(chdir, path)
CALL(chroot, path)
CALL(fchmodat, dir, path, 0600)
static long call_fchmodat2(int dir, const char *path) { return syscall(452, dir, path, 0600, 0); }
CALL(fchownat, dir, path, -1, -1, 0)
CALL(openat, dir, path, O_RDONLY, 0)
CALL(readlinkat, dir, path, buffer, sizeof buffer)
CALL(newfstatat, dir, path, &info, 0)
CALL(statx, dir, path, 0, STATX_ALL, buffer)
CALL(utimensat, dir, path, NULL, 0)
CALL(execve, path, none, none)
CALL(execveat, dir, path, none, none, 0)
CALL(setxattr, path, "user.x", "", 0, 0)
CALL(lsetxattr, path, "user.x", "", 0, 0)
CALL(getxattr, path, "user.x", buffer, 10)
CALL(lgetxattr, path, "user.x", buffer, 10)
CALL(listxattr, path, buffer, 10)
CALL(llistxattr, path, buffer, 10)
CALL(removexattr, path, "user.x")
CALL(lremovexattr, path, "user.x")
CALL(inotify_add_watch, watcher, path, IN_OPEN)
static long call_openat2(int dir, const char *path) {
    struct open_how how = {.flags = O_RDONLY};
    return syscall(437, dir, path, &how, sizeof how);
}
static long call_name_to_handle_at(int dir, const char *path) {
    int mount;
    handle.header.handle_bytes = MAX_HANDLE_SZ;
    return syscall(SYS_name_to_handle_at, dir, path, &handle, &mount, 0);
}

static const struct {
    const char *name;
    long (*call)(int, const char *);
    int at;
} calls[] = {
#define AT(name) {#name, call_##name, 1}
#define PLAIN(name) {#name, call_##name, 0}
    AT(mknodat), AT(mkdirat), AT(unlinkat), AT(symlinkat), AT(linkat), {"linkat", call_linkat_to, 1}, AT(renameat2),
    {"renameat2", call_renameat2_to, 1}, PLAIN(statfs), PLAIN(truncate), AT(faccessat), AT(faccessat2), PLAIN(chdir),
    PLAIN(chroot), AT(fchmodat), AT(fchmodat2), AT(fchownat), AT(openat), AT(openat2), AT(readlinkat), AT(newfstatat),
    AT(statx), AT(utimensat), PLAIN(execve), AT(execveat), PLAIN(setxattr), PLAIN(lsetxattr), PLAIN(getxattr),
    PLAIN(lgetxattr), PLAIN(listxattr), PLAIN(llistxattr), PLAIN(removexattr), PLAIN(lremovexattr),
    PLAIN(inotify_add_watch), AT(name_to_handle_at),
};

static void each(const char *what, const char *path, int dir, int only_at) {
    say("%s", what);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (only_at && !calls[i].at) continue;
        // Without a path, utimensat means the descriptor itself (futimens(3)).
        if (path == NULL && calls[i].call == call_utimensat) continue;
        errno = 0;
        long result = calls[i].call(dir, path);
        say("%s: %s", calls[i].name, result == -1 ? strerrorname_np(errno) : "no error");
    }
}

int main(void) {
    scratch();
    watcher = MUST(inotify_init1(0));
    put_file("file", "text");
    CHECK_OK(symlink("loop", "loop"));
    CHECK_OK(mkdir("locked", 0700));
    CHECK_OK(chmod(".", 0777));
    int file = MUST(open("file", O_RDONLY));
    char name[300], path[5000];
    memset(name, 'n', 256);
    strcpy(name + 256, "/x");
    memset(path, 0, sizeof path);
    for (int i = 0; i < 4998; i += 2) memcpy(path + i, "./", 2);

    each("a pointer to nowhere", NOWHERE, AT_FDCWD, 0);
    each("an empty path", "", AT_FDCWD, 0);
    each("a directory that is not there", "absent/x", AT_FDCWD, 0);
    each("a file as a directory", "file/x", AT_FDCWD, 0);
    each("a link to itself", "loop/x", AT_FDCWD, 0);
    each("a name that is too long", name, AT_FDCWD, 0);
    each("a path that is too long", path, AT_FDCWD, 0);
    each("a bad descriptor", "x", -1, 1);
    each("a descriptor of a file", "x", file, 1);
    section("a directory that may not be searched");
    AS_USER(each("as another user", "locked/x", AT_FDCWD, 0));
    return verdict();
}
