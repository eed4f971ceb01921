// syscalls: setxattr removexattr getxattr unlinkat fchmodat fchownat fchmod fchown utimensat openat mkdirat mknodat linkat symlinkat
// syscalls: renameat2 truncate chroot kill tkill tgkill rt_sigqueueinfo setuid setgid setreuid setregid setresuid setresgid setgroups
// syscalls: capset capget sethostname setrlimit prlimit64 setpriority pidfd_send_signal clock_settime settimeofday adjtimex mount
// oracle: linux; qemu's user mode runs as another user
//
// What another user may not do (credentials(7), capabilities(7)).
#include "errors.h"
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <grp.h>

int main(void) {
    scratch();
    pid_t root = getpid();
    put_file("file", "text");
    CHECK_OK(chmod("file", 0600));
    put_file("readable", "text");
    put_file("mine", "text");
    CHECK_OK(chown("mine", 1000, 1000));
    CHECK_OK(mkdir("closed", 0755));
    put_file("closed/inside", "");
    CHECK_OK(mkdir("sticky", 0755));
    CHECK_OK(chmod("sticky", 01777));
    put_file("sticky/roots", "");
    CHECK_OK(chmod("sticky/roots", 0666));
    CHECK_OK(chmod(".", 0777));
    int file = MUST(open("readable", O_RDONLY));
    int pidfd = MUST(syscall(SYS_pidfd_open, root, 0));
    int bound = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "socket"};
    CHECK_OK(bind(bound, (struct sockaddr *)&name, sizeof name));
    CHECK_OK(chmod("socket", 0600));
    char text[16];

    section("files");
    AS_USER({
        TRY(openat, open("file", O_RDONLY));
        TRY(openat, open("closed/new", O_WRONLY | O_CREAT, 0600));
        TRY(openat, open("readable", O_RDONLY | O_NOATIME));
        TRY(openat, open("closed", O_TMPFILE | O_RDWR, 0600));
        TRY(truncate, truncate("file", 0));
        TRY(unlinkat, unlink("closed/inside"));
        TRY(unlinkat, unlink("sticky/roots"));
        TRY(mkdirat, mkdir("closed/new", 0700));
        TRY(mknodat, mknod("closed/new", S_IFIFO, 0));
        TRY(mknodat, mknod("device", S_IFCHR | 0600, 0x103));
        TRY(symlinkat, symlink("x", "closed/new"));
        TRY(linkat, link("mine", "closed/new"));
        TRY(renameat2, rename("closed/inside", "here"));
        TRY(renameat2, rename("sticky/roots", "here"));
        TRY(fchmodat, chmod("readable", 0777));
        TRY(fchmodat2, syscall(452, AT_FDCWD, "readable", 0777, 0));
        TRY(fchmod, fchmod(file, 0777));
        TRY(fchownat, chown("readable", 1000, -1));
        TRY(fchown, fchown(file, 1000, -1));
        TRY(utimensat, utimensat(AT_FDCWD, "readable", NULL, 0));
        TRY(utimensat, utimensat(AT_FDCWD, "readable", (struct timespec[2]){{1, 0}, {1, 0}}, 0));
        TRY(faccessat, access("file", R_OK));
        TRY(faccessat2, syscall(439, AT_FDCWD, "file", R_OK, 0));
        TRY(setxattr, setxattr("readable", "user.x", "", 0, 0));
        TRY(setxattr, setxattr("readable", "trusted.x", "", 0, 0));
        TRY(removexattr, removexattr("readable", "user.x"));
        TRY(getxattr, getxattr("file", "user.x", text, 10));
        TRY(chroot, chroot("."));
        TRY(inotify_add_watch, syscall(SYS_inotify_add_watch, syscall(SYS_inotify_init1, 0), "file", 1));
        TRY(execve, execl("file", "file", NULL));
        TRY(execve, execl("closed", "closed", NULL));
        int s = socket(AF_UNIX, SOCK_DGRAM, 0);
        TRY(connect, connect(s, (struct sockaddr *)&name, sizeof name));
        TRY(sendto, sendto(s, "x", 1, 0, (struct sockaddr *)&name, sizeof name));
        struct msghdr message = {.msg_name = &name, .msg_namelen = sizeof name};
        TRY(sendmsg, sendmsg(s, &message, 0));
        struct sockaddr_un other = {.sun_family = AF_UNIX, .sun_path = "closed/new"};
        TRY(bind, bind(s, (struct sockaddr *)&other, sizeof other));
    });

    section("processes");
    AS_USER({
        siginfo_t info = {.si_code = SI_QUEUE};
        TRY(kill, kill(root, SIGTERM));
        TRY(tkill, syscall(SYS_tkill, root, SIGTERM));
        TRY(tgkill, syscall(SYS_tgkill, root, root, SIGTERM));
        TRY(rt_sigqueueinfo, syscall(SYS_rt_sigqueueinfo, root, SIGTERM, &info));
        TRY(rt_tgsigqueueinfo, syscall(SYS_rt_tgsigqueueinfo, root, root, SIGTERM, &info));
        TRY(pidfd_send_signal, syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0));
        TRY(prlimit64, prlimit(root, RLIMIT_NOFILE, NULL, &(struct rlimit){0}));
        TRY(setpriority, setpriority(PRIO_PROCESS, root, 1));
        TRY(get_robust_list, syscall(SYS_get_robust_list, root, text, text));
        void *head;
        size_t length;
        TRY(get_robust_list, syscall(SYS_get_robust_list, root, &head, &length));
        struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, root};
        struct __user_cap_data_struct data[2] = {0};
        TRY(capset, syscall(SYS_capset, &header, data));
        header.pid = 0;
        data[0].permitted = 1;
        TRY(capset, syscall(SYS_capset, &header, data));
    });

    section("identity");
    AS_USER({
        TRY(setuid, setuid(0));
        TRY(setgid, setgid(0));
        TRY(setreuid, setreuid(0, -1));
        TRY(setregid, setregid(0, -1));
        TRY(setresuid, setresuid(0, 0, 0));
        TRY(setresgid, setresgid(0, 0, 0));
        TRY(setgroups, setgroups(0, NULL));
        TRY(sethostname, sethostname("x", 1));
        struct rlimit limit;
        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_max++;
        TRY(setrlimit, setrlimit(RLIMIT_NOFILE, &limit));
        TRY(clock_settime, clock_settime(CLOCK_REALTIME, &(struct timespec){1, 0}));
        struct timex timex = {.modes = ADJ_OFFSET};
        TRY(adjtimex, adjtimex(&timex));
        TRY(clock_adjtime, clock_adjtime(CLOCK_REALTIME, &timex));
        TRY(syslog, syscall(SYS_syslog, 5, NULL, 0));
        TRY(prctl, syscall(SYS_prctl, 24 /* CAPBSET_DROP */, 0, 0, 0, 0));
        TRY(prctl, syscall(SYS_prctl, 47 /* CAP_AMBIENT */, 2, 0, 0, 0));
    });
    return verdict();
}
