// oracle: man page; a real kernel's /proc and /sys have files that block or that change the machine
// syscalls: getdents64 openat read lseek pread64
// only: tidemark
// Every file of /proc and /sys is read in pieces of odd sizes, and sought in, while processes come and go.
#include "check.h"
#include <dirent.h>
#include <sys/prctl.h>

static long files, directories, vanished;

// What may go wrong when a process goes meanwhile, or with files that are only written.
static int may_fail(const char *path) {
    if (errno == ENOENT || errno == ESRCH) return vanished++, 1;
    return errno == EIO && strstr(path, "/mem");
}

static void read_in_pieces(const char *path) {
    static const int sizes[] = {1, 7, 61, 509, 4099, 16411};
    static char first[1 << 16], piece[1 << 15];
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    if (fd == -1) {
        if (!may_fail(path) && errno != EACCES) CHECK_FAILED("  open %s: %s", path, strerrorname_np(errno));
        return;
    }
    files++;
    for (unsigned at = 0; at < sizeof sizes / sizeof *sizes; at++) {
        if (lseek(fd, 0, SEEK_SET) != 0) CHECK_FAILED("  lseek %s: %s", path, strerrorname_np(errno));
        long total = 0, n = 0, most = at == 0 ? 40 : 200;
        while (most-- > 0 && (n = read(fd, piece, sizes[at])) > 0) {
            if (n > sizes[at]) CHECK_FAILED("  %s gave %ld of %d", path, n, sizes[at]);
            total += n;
        }
        if (n == -1 && !may_fail(path) && errno != EINVAL && errno != EACCES)
            CHECK_FAILED("  read %s: %s", path, strerrorname_np(errno));
        if (n == -1) break;
        // Where it stands is as far as it was read; from there on goes on what is there.
        if (lseek(fd, 0, SEEK_CUR) != total) CHECK_FAILED("  %s stands elsewhere than at %ld", path, total);
        if (total > 3) {
            long rest = pread(fd, first, 3, total - 3);
            if (rest == -1 && !may_fail(path)) CHECK_FAILED("  pread %s: %s", path, strerrorname_np(errno));
        }
    }
    // Far beyond its end there is nothing.
    if (!strstr(path, "/mem") && !strstr(path, "/pagemap") && pread(fd, piece, 100, 1L << 40) > 0)
        CHECK_FAILED("  %s has an end", path);
    close(fd);
}

static void walk(const char *path, int depth) {
    DIR *dir = opendir(path);
    if (!dir) {
        if (!may_fail(path)) CHECK_FAILED("  opendir %s: %s", path, strerrorname_np(errno));
        return;
    }
    directories++;
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.') continue;
        char inner[512];
        if (snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) >= (int)sizeof inner) continue;
        struct stat status;
        if (lstat(inner, &status) == -1) {
            if (!may_fail(inner)) CHECK_FAILED("  lstat %s: %s", inner, strerrorname_np(errno));
            continue;
        }
        if (entry->d_type != (status.st_mode & S_IFMT) >> 12) CHECK_FAILED("  %s is listed as %d", inner, entry->d_type);
        if (S_ISDIR(status.st_mode) && depth < 8) walk(inner, depth + 1);
        if (S_ISREG(status.st_mode)) read_in_pieces(inner);
        char target[512];
        if (S_ISLNK(status.st_mode) && readlink(inner, target, sizeof target) == -1 && !may_fail(inner))
            CHECK_FAILED("  readlink %s: %s", inner, strerrorname_np(errno));
    }
    closedir(dir);
}

int main(void) {
    section("while processes come and go");
    pid_t parent = MUST(fork());
    if (parent == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            pid_t child = fork();
            if (child == 0) {
                for (int fd = 10; fd < 20; fd++) dup2(0, fd);
                _exit(0);
            }
            if (child > 0) waitpid(child, NULL, 0);
        }
    }
    walk("/sys", 0);
    CHECK(files > 20 && directories > 10);
    long before = files;
    for (int round = 0; round < 3; round++) walk("/proc", 0);
    CHECK(files - before > 3 * 200);
    kill(parent, SIGKILL);
    CHECK_KILLED(wait_status(parent), SIGKILL);
    return verdict();
}
