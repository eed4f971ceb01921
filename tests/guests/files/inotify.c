// syscalls: inotify_init1 inotify_add_watch inotify_rm_watch
// oracle: linux; qemu's user mode passes events through, but not the errors of bad masks
//
// inotify(7): which changes are told to whom, in which order.
#include "check.h"
#include <limits.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

static int in;
static char buffer[16384] __attribute__((aligned(8)));

static const char *mask_name(uint32_t mask) {
    static char text[256];
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {
        {IN_ACCESS, "ACCESS"}, {IN_MODIFY, "MODIFY"}, {IN_ATTRIB, "ATTRIB"}, {IN_CLOSE_WRITE, "CLOSE_WRITE"},
        {IN_CLOSE_NOWRITE, "CLOSE_NOWRITE"}, {IN_OPEN, "OPEN"}, {IN_MOVED_FROM, "MOVED_FROM"},
        {IN_MOVED_TO, "MOVED_TO"}, {IN_CREATE, "CREATE"}, {IN_DELETE, "DELETE"}, {IN_DELETE_SELF, "DELETE_SELF"},
        {IN_MOVE_SELF, "MOVE_SELF"}, {IN_UNMOUNT, "UNMOUNT"}, {IN_Q_OVERFLOW, "Q_OVERFLOW"}, {IN_IGNORED, "IGNORED"},
        {IN_ISDIR, "ISDIR"},
    };
    text[0] = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (mask & names[i].bit) {
            if (text[0]) strcat(text, "|");
            strcat(text, names[i].name);
            mask &= ~names[i].bit;
        }
    if (mask) strcat(text, "|?");
    return text;
}

// Says all events that are there; cookies as numbers from 1, in order of their first appearance.
static void drain(const char *what) {
    static uint32_t cookies[64];
    static int count;
    say(" %s:", what);
    for (;;) {
        ssize_t length = read(in, buffer, sizeof buffer);
        if (length == -1) {
            CHECK_EQ(errno, EAGAIN);
            return;
        }
        for (char *at = buffer; at < buffer + length;) {
            struct inotify_event *event = (struct inotify_event *)at;
            int cookie = 0;
            if (event->cookie) {
                while (cookie < count && cookies[cookie] != event->cookie) cookie++;
                if (cookie == count && count < 64) cookies[count++] = event->cookie;
                cookie++;
            }
            CHECK_EQ(event->len % 16, 0);
            say("  %d %s%s%s%s", event->wd, mask_name(event->mask), cookie ? (cookie & 1 ? " odd" : " even") : "",
                event->len ? " " : "", event->len ? event->name : "");
            at += sizeof *event + event->len;
        }
    }
}

static int watch(const char *path, uint32_t mask) { return CHECK_OK(inotify_add_watch(in, path, mask)); }

static void touch(const char *path) { close(MUST(open(path, O_WRONLY | O_CREAT, 0644))); }

int main(void) {
    scratch();
    in = MUST(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    CHECK_EQ(fcntl(in, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(in, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_NONBLOCK);

    section("names in a directory");
    CHECK_OK(mkdir("dir", 0755));
    CHECK_EQ(watch("dir", IN_ALL_EVENTS), 1);
    CHECK_ERR(read(in, buffer, sizeof buffer), EAGAIN);
    touch("dir/file");
    drain("make a file");
    CHECK_OK(mkdir("dir/sub", 0755));
    CHECK_OK(symlink("file", "dir/link"));
    CHECK_OK(mkfifo("dir/fifo", 0644));
    CHECK_OK(link("dir/file", "dir/second"));
    drain("make others");
    CHECK_OK(rename("dir/file", "dir/renamed"));
    CHECK_OK(rename("dir/sub", "dir/under"));
    drain("rename");
    CHECK_OK(rename("dir/second", "outside"));
    CHECK_OK(rename("outside", "dir/second"));
    drain("out and in");
    CHECK_OK(syscall(SYS_renameat2, AT_FDCWD, "dir/renamed", AT_FDCWD, "dir/under", 2));
    drain("exchange");
    CHECK_OK(unlink("dir/link"));
    CHECK_OK(unlink("dir/fifo"));
    CHECK_OK(rmdir("dir/renamed"));
    CHECK_OK(unlink("dir/second"));
    drain("remove");

    section("what is done to files");
    int fd = MUST(open("dir/data", O_RDWR | O_CREAT, 0644));
    drain("create");
    CHECK_EQ(write(fd, "abc", 3), 3);
    CHECK_EQ(write(fd, "abc", 3), 3);
    CHECK_EQ(pread(fd, buffer, 3, 0), 3);
    CHECK_EQ(pread(fd, buffer, 3, 100), 0);
    CHECK_OK(ftruncate(fd, 1));
    CHECK_OK(fchmod(fd, 0600));
    CHECK_OK(fchown(fd, -1, getgid()));
    drain("write, read, truncate, chmod, chown");
    struct timespec now[2] = {{1, 0}, {1, 0}}, access_only[2] = {{1, 0}, {0, UTIME_OMIT}},
                    modify_only[2] = {{0, UTIME_OMIT}, {1, 0}}, none[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
    CHECK_OK(futimens(fd, now));
    CHECK_OK(futimens(fd, access_only));
    CHECK_OK(futimens(fd, modify_only));
    CHECK_OK(futimens(fd, none));
    drain("times");
    CHECK_OK(close(fd));
    fd = MUST(open("dir/data", O_RDONLY));
    CHECK_OK(close(fd));
    fd = MUST(open("dir/data", O_PATH));
    CHECK_OK(close(fd));
    drain("close, open and close");
    fd = MUST(open("dir", O_RDONLY | O_DIRECTORY));
    CHECK(syscall(SYS_getdents64, fd, buffer, sizeof buffer) > 0);
    CHECK_OK(close(fd));
    drain("list");

    section("a file and its directory");
    CHECK_EQ(watch("dir/data", IN_ALL_EVENTS), 2);
    CHECK_OK(chmod("dir/data", 0644));
    CHECK_OK(truncate("dir/data", 10));
    drain("chmod, truncate");
    CHECK_OK(link("dir/data", "dir/data2"));
    CHECK_OK(unlink("dir/data2"));
    drain("link, unlink");
    CHECK_OK(rename("dir/data", "dir/moved"));
    drain("rename");
    fd = MUST(open("dir/moved", O_WRONLY));
    drain("open");
    CHECK_OK(unlink("dir/moved"));
    drain("unlink");
    CHECK_EQ(write(fd, "x", 1), 1);
    drain("write to what has no name");
    CHECK_OK(close(fd));
    drain("close it");

    section("replaced by a rename");
    touch("dir/new");
    touch("dir/old");
    CHECK_EQ(watch("dir/old", IN_ALL_EVENTS), 3);
    drain("made");
    CHECK_OK(rename("dir/new", "dir/old"));
    drain("replaced");

    section("masks");
    CHECK_EQ(watch("dir", IN_CREATE), 1);
    touch("dir/one");
    drain("only creation");
    CHECK_EQ(watch("dir", IN_DELETE | IN_MASK_ADD), 1);
    touch("dir/two");
    CHECK_OK(unlink("dir/two"));
    drain("creation and removal");
    CHECK_ERR(inotify_add_watch(in, "dir", IN_CREATE | IN_MASK_CREATE), EEXIST);
    CHECK_EQ(watch("dir/one", IN_MODIFY | IN_MASK_CREATE), 4);
    put_file("dir/one", "text");
    drain("written and truncated");
    CHECK_EQ(watch("dir/one", IN_OPEN | IN_ONESHOT), 4);
    touch("dir/one");
    touch("dir/one");
    drain("once");
    CHECK_ERR(inotify_rm_watch(in, 4), EINVAL);
    CHECK_EQ(watch("dir/one", IN_ATTRIB | IN_DONT_FOLLOW | IN_ONLYDIR * 0), 5);
    CHECK_OK(symlink("one", "dir/link"));
    CHECK_EQ(watch("dir/link", IN_ALL_EVENTS | IN_DONT_FOLLOW), 6);
    CHECK_EQ(watch("dir/link", IN_ATTRIB), 5);
    drain("link");
    CHECK_OK(inotify_rm_watch(in, 5));
    CHECK_EQ(watch("dir", IN_CREATE), 1);
    CHECK_OK(unlink("dir/link"));
    drain("rm_watch, unlink");

    section("excluding what has no name");
    CHECK_EQ(watch("dir", IN_MODIFY | IN_EXCL_UNLINK), 1);
    fd = MUST(open("dir/one", O_WRONLY));
    CHECK_EQ(write(fd, "x", 1), 1);
    drain("with a name");
    CHECK_OK(unlink("dir/one"));
    CHECK_EQ(write(fd, "x", 1), 1);
    CHECK_OK(close(fd));
    drain("without");

    section("directories end");
    CHECK_OK(mkdir("gone", 0755));
    CHECK_EQ(watch("gone", IN_ALL_EVENTS), 7);
    CHECK_OK(rename("gone", "dir/gone"));
    drain("moved");
    CHECK_OK(rmdir("dir/gone"));
    drain("removed");

    section("two instances");
    int second = MUST(inotify_init1(IN_NONBLOCK));
    CHECK_EQ(inotify_add_watch(second, "dir", IN_CREATE), 1);
    CHECK_EQ(watch("dir", IN_CREATE), 1);
    touch("dir/both");
    CHECK_EQ(read(second, buffer, sizeof buffer), 32);
    drain("the other");
    int number = 0;
    touch("dir/more");
    CHECK_OK(ioctl(in, FIONREAD, &number));
    CHECK_EQ(number, 32);
    struct pollfd poll_in = {in, POLLIN, 0};
    CHECK_EQ(poll(&poll_in, 1, 0), 1);
    CHECK_ERR(read(in, buffer, 31), EINVAL);
    CHECK_EQ(read(in, buffer, 33), 32);
    CHECK_EQ(poll(&poll_in, 1, 0), 0);
    close(second);

    section("waiting");
    fcntl(in, F_SETFL, 0);
    pid_t child = MUST(fork());
    if (child == 0) {
        sleep_ms(20);
        touch("dir/late");
        _exit(0);
    }
    CHECK_EQ(read(in, buffer, sizeof buffer), 32);
    CHECK_EXITED(wait_status(child), 0);
    fcntl(in, F_SETFL, O_NONBLOCK);

    section("too many");
    for (int i = 0; i < 9000; i++) {
        touch("dir/x");
        unlink("dir/x");
    }
    watch("dir", IN_CREATE | IN_DELETE);
    for (int i = 0; i < 9000; i++) {
        touch("dir/x");
        unlink("dir/x");
    }
    int events = 0, overflows = 0;
    ssize_t length;
    while ((length = read(in, buffer, sizeof buffer)) > 0)
        for (char *at = buffer; at < buffer + length;) {
            struct inotify_event *event = (struct inotify_event *)at;
            events++;
            if (event->mask & IN_Q_OVERFLOW) {
                overflows++;
                CHECK_EQ(event->wd, -1);
            }
            at += sizeof *event + event->len;
        }
    CHECK_EQ(overflows, 1);
    CHECK(events > 1000);

    section("errors");
    CHECK_ERR(inotify_init1(1), EINVAL);
    CHECK_ERR(inotify_add_watch(in, "dir", 0), EINVAL);
    CHECK_ERR(inotify_add_watch(in, "dir", 0x10000), EINVAL);
    CHECK_ERR(inotify_add_watch(in, "dir", IN_CREATE | IN_MASK_ADD | IN_MASK_CREATE), EINVAL);
    CHECK_ERR(inotify_add_watch(in, "absent", IN_CREATE), ENOENT);
    CHECK_ERR(inotify_add_watch(in, NOWHERE, IN_CREATE), EFAULT);
    CHECK_ERR(inotify_add_watch(in, "dir/both", IN_CREATE | IN_ONLYDIR), ENOTDIR);
    CHECK_ERR(inotify_add_watch(-1, "dir", IN_CREATE), EBADF);
    CHECK_ERR(inotify_add_watch(1, "dir", IN_CREATE), EINVAL);
    CHECK_ERR(inotify_rm_watch(-1, 1), EBADF);
    CHECK_ERR(inotify_rm_watch(1, 1), EINVAL);
    CHECK_ERR(inotify_rm_watch(in, 1000), EINVAL);
    CHECK_ERR(write(in, "x", 1), EBADF);
    CHECK_ERR(pread(in, buffer, 100, 0), ESPIPE);
    put_file("secret", "");
    CHECK_OK(chmod("secret", 0));
    CHECK_EXITED(IN_CHILD({
        CHECK_OK(setuid(1000));
        CHECK_ERR(inotify_add_watch(in, "secret", IN_CREATE), EACCES);
    }), 0);
    return verdict();
}
