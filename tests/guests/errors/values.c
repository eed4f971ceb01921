// syscalls: setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr
// syscalls: getcwd dup3 mkdirat unlinkat linkat renameat2 truncate openat lseek fallocate splice copy_file_range capset capget waitid
// syscalls: timer_create timer_gettime timer_getoverrun clock_nanosleep setpriority setgroups sched_setattr sched_getattr execve mmap
// syscalls: munmap msync rt_tgsigqueueinfo openat2 statx fchmodat2 pwritev2 epoll_pwait2 process_vm_writev msgrcv msgsnd semop shmget
// oracle: linux; qemu's user mode does not know all of these calls
//
// Values that make no sense, and things that are not as the call wants them.
#include "errors.h"
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/xattr.h>

#define RAW(name, ...) TRY(name, syscall(SYS_##name, __VA_ARGS__))
enum { NOBODY = 4000000 };

static char text[70000], deep[251];

static void attributes(void) {
    section("extended attributes");
    int file = MUST(open("file", O_RDWR));
    CHECK_OK(setxattr("file", "user.one", "value", 5, 0));
    char name[300] = "user.";
    memset(name + 5, 'n', 260);
    TRY(setxattr, setxattr("file", "user.none", "", 0, XATTR_REPLACE));
    TRY(setxattr, setxattr("file", "user.one", "", 0, XATTR_CREATE));
    TRY(setxattr, setxattr("file", "nonsense.x", "", 0, 0));
    TRY(setxattr, setxattr("file", name, "", 0, 0));
    TRY(setxattr, setxattr("file", "", "", 0, 0));
    TRY(setxattr, setxattr("file", "user.big", text, sizeof text, 0));
    TRY(setxattr, setxattr("file", "user.one", "", 0, 99));
    TRY(lsetxattr, lsetxattr("file", "user.one", "", 0, XATTR_CREATE));
    TRY(lsetxattr, lsetxattr("link", "user.one", "", 0, 0));
    TRY(lsetxattr, lsetxattr("file", "nonsense.x", "", 0, 0));
    TRY(lsetxattr, lsetxattr("file", name, "", 0, 0));
    TRY(fsetxattr, fsetxattr(file, "user.one", "", 0, XATTR_CREATE));
    TRY(fsetxattr, fsetxattr(file, "user.none", "", 0, XATTR_REPLACE));
    TRY(fsetxattr, fsetxattr(file, "nonsense.x", "", 0, 0));
    TRY(fsetxattr, fsetxattr(file, name, "", 0, 0));
    TRY(getxattr, getxattr("file", "user.none", text, 10));
    TRY(getxattr, getxattr("file", "nonsense.x", text, 10));
    TRY(getxattr, getxattr("file", "user.one", text, 4));
    TRY(lgetxattr, lgetxattr("file", "user.one", text, 4));
    TRY(lgetxattr, lgetxattr("file", "nonsense.x", text, 10));
    TRY(fgetxattr, fgetxattr(file, "user.one", text, 4));
    TRY(fgetxattr, fgetxattr(file, "user.none", text, 10));
    TRY(fgetxattr, fgetxattr(file, "nonsense.x", text, 10));
    TRY(listxattr, listxattr("file", text, 4));
    TRY(llistxattr, llistxattr("file", text, 4));
    TRY(flistxattr, flistxattr(file, text, 4));
    TRY(removexattr, removexattr("file", "user.none"));
    TRY(removexattr, removexattr("file", "nonsense.x"));
    TRY(lremovexattr, lremovexattr("file", "nonsense.x"));
    TRY(fremovexattr, fremovexattr(file, "user.none"));
    TRY(fremovexattr, fremovexattr(file, "nonsense.x"));
    close(file);
    AS_USER({
        int other = open("file", O_RDONLY);
        TRY(fsetxattr, fsetxattr(other, "trusted.x", "", 0, 0));
        TRY(lsetxattr, lsetxattr("file", "trusted.x", "", 0, 0));
    });
}

static void files(void) {
    section("files");
    int file = MUST(open("file", O_RDWR)), append = MUST(open("file", O_RDWR | O_APPEND)), ends[2];
    CHECK_OK(pipe2(ends, O_NONBLOCK));
    struct iovec buffer = {text, 4}, negative = {text, -1};
    RAW(fcntl, file, 12345, 0);
    RAW(dup3, 0, 0, 0);
    RAW(dup3, 0, 50, 1);
    RAW(lseek, file, 0, 99);
    RAW(lseek, file, -1L, SEEK_SET);
    RAW(fallocate, file, 0, -1L, 4L);
    RAW(fallocate, file, 0, 0, 0);
    RAW(fallocate, open("/dev/null", O_RDWR), 0, 0, 4);
    RAW(fallocate, file, 0x100, 0, 4);
    RAW(ftruncate, file, -1L);
    RAW(truncate, "file", -1L);
    RAW(fadvise64, file, 0, 0, 99);
    RAW(sync_file_range, file, -1L, 0L, 0);
    RAW(mkdirat, AT_FDCWD, ".", 0700);
    RAW(unlinkat, AT_FDCWD, "folder", 0);
    RAW(unlinkat, AT_FDCWD, "folder/.", AT_REMOVEDIR);
    RAW(unlinkat, AT_FDCWD, "full", AT_REMOVEDIR);
    RAW(unlinkat, AT_FDCWD, "/dev/shm", AT_REMOVEDIR);
    RAW(unlinkat, AT_FDCWD, "file", 1);
    RAW(linkat, AT_FDCWD, "file", AT_FDCWD, "/dev/shm/guest-link", 0);
    RAW(linkat, AT_FDCWD, "folder", AT_FDCWD, "another", 0);
    RAW(renameat2, AT_FDCWD, "file", AT_FDCWD, "/dev/shm/guest-link", 0);
    RAW(renameat2, AT_FDCWD, "/dev/shm", AT_FDCWD, "/dev/guest-shm", 0);
    RAW(renameat2, AT_FDCWD, "folder", AT_FDCWD, "folder/under", 0);
    RAW(renameat2, AT_FDCWD, "folder", AT_FDCWD, "full", 0);
    RAW(renameat2, AT_FDCWD, "folder", AT_FDCWD, "file", 0);
    RAW(renameat2, AT_FDCWD, "file", AT_FDCWD, "folder", 0);
    RAW(renameat2, AT_FDCWD, "file", AT_FDCWD, "folder", 1);
    TRY(fchmodat2, syscall(452, AT_FDCWD, "file", 0600, 0x10));
    RAW(fchownat, AT_FDCWD, "file", 0, 0, 0x10);
    RAW(utimensat, AT_FDCWD, "file", (&(struct timespec[2]){{0, -5}, {0, 0}}), 0);
    RAW(statx, AT_FDCWD, "file", 0x6000, STATX_ALL, text);
    RAW(statx, AT_FDCWD, "file", 0, 0x80000000, text);
    RAW(faccessat, AT_FDCWD, "file", 99);
    RAW(readlinkat, AT_FDCWD, "link", text, 0);
    RAW(openat, AT_FDCWD, "folder", O_WRONLY);
    RAW(openat, AT_FDCWD, "file", O_DIRECTORY);
    RAW(openat, AT_FDCWD, "file", O_CREAT | O_EXCL, 0600);
    RAW(openat, AT_FDCWD, "link", O_NOFOLLOW);
    RAW(openat, AT_FDCWD, "fifo", O_WRONLY | O_NONBLOCK);
    RAW(openat, AT_FDCWD, "device", O_RDONLY);
    struct open_how how = {.flags = 1ULL << 40};
    TRY(openat2, syscall(437, AT_FDCWD, "file", &how, sizeof how));
    TRY(openat2, syscall(437, AT_FDCWD, "file", &how, 8));
    memset(text, 0xff, 128);
    TRY(openat2, syscall(437, AT_FDCWD, "file", text, 128));
    RAW(readv, file, &negative, 1);
    RAW(writev, file, &negative, 1);
    RAW(preadv, file, &buffer, 2000, 0, 0);
    RAW(pwritev, file, &buffer, 2000, 0, 0);
    TRY(preadv, preadv(file, &buffer, 1, -1));
    TRY(pwritev, pwritev(file, &buffer, 1, -1));
    TRY(preadv2, preadv2(file, &buffer, 1, 0, 0x4000));
    TRY(pwritev2, pwritev2(file, &buffer, 1, 0, 0x4000));
    TRY(pwritev2, pwritev2(file, &buffer, 1, -5, 0));
    RAW(pread64, file, text, 4, -1L);
    RAW(pwrite64, file, text, 4, -1L);
    RAW(splice, file, NULL, append, NULL, 4, 0);
    RAW(splice, ends[0], NULL, append, NULL, 4, 0);
    RAW(splice, ends[0], NULL, file, NULL, 4, 2);
    RAW(splice, ends[0], NULL, ends[1], NULL, 4, 0);
    RAW(tee, ends[0], ends[1], 4, 0);
    RAW(sendfile, append, file, NULL, 4);
    off_t zero = 0;
    CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
    while (write(ends[1], text, 4096) > 0) {
    }
    RAW(sendfile, ends[1], file, &zero, 4);
    RAW(splice, file, &zero, ends[1], NULL, 4, 2);
    RAW(copy_file_range, file, NULL, append, NULL, 4, 0);
    RAW(copy_file_range, file, NULL, file, NULL, 4, 1);
    loff_t one = 1;
    RAW(copy_file_range, file, &zero, file, &one, 3, 0);
    int elsewhere = MUST(open("/dev/shm", O_TMPFILE | O_RDWR, 0600));
    RAW(copy_file_range, file, &zero, elsewhere, NULL, 4, 0);
    int read_only = MUST(open("file", O_RDONLY)), write_only = MUST(open("file", O_WRONLY));
    RAW(write, read_only, text, 1);
    RAW(read, write_only, text, 1);
    RAW(mmap, NULL, 4096, PROT_READ, MAP_PRIVATE, write_only, 0);
    RAW(mmap, NULL, 4096, PROT_WRITE, MAP_SHARED, read_only, 0);
    RAW(fallocate, read_only, 0, 0, 4);
    RAW(ftruncate, read_only, 0);
    for (int fd = file; fd <= write_only; fd++) close(fd);
    int sealed = MUST(memfd_create("sealed", MFD_ALLOW_SEALING));
    CHECK_OK(ftruncate(sealed, 4096));
    CHECK_OK(fcntl(sealed, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
    RAW(ftruncate, sealed, 0);
    RAW(fallocate, sealed, 0, 0, 100000);
    RAW(write, sealed, text, 4);
    RAW(mmap, NULL, 4096, PROT_WRITE, MAP_SHARED, sealed, 0);
    RAW(memfd_create, "x", 0x1000);
    close(sealed);

    section("programs that run");
    char self[4096] = "";
    CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    RAW(openat, AT_FDCWD, self, O_WRONLY);
    RAW(truncate, self, 0);
    int script = MUST(open("script", O_WRONLY | O_CREAT, 0755));
    TRY(execve, execl("script", "script", NULL));
    TRY(execveat, syscall(SYS_execveat, AT_FDCWD, "script", NULL, NULL, 0x8000));
    close(script);
    TRY(execve, execl("script", "script", NULL));
    TRY(execve, execl("folder", "folder", NULL));

    section("a directory whose path is too long");
    memset(deep, 'd', 250);
    int depth = 0;
    while (depth < 17 && mkdir(deep, 0700) == 0 && chdir(deep) == 0) depth++;
    CHECK_EQ(depth, 17);
    RAW(getcwd, text, sizeof text);
    while (depth-- > 0) {
        CHECK_OK(chdir(".."));
        CHECK_OK(rmdir(deep));
    }
    RAW(getcwd, text, 2);
    CHECK_OK(mkdir("gone", 0700));
    int gone = MUST(open("gone", O_RDONLY));
    CHECK_OK(rmdir("gone"));
    RAW(getdents64, gone, text, sizeof text);
    close(gone);
}

static void processes(void) {
    section("processes");
    siginfo_t info;
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, NOBODY};
    struct __user_cap_data_struct data[2] = {0};
    RAW(capget, &header, data);
    header.pid = -1;
    RAW(capget, &header, data);
    header.version = 1;
    RAW(capset, &header, data);
    RAW(waitid, P_ALL, 0, &info, 0, NULL);
    RAW(waitid, 99, 0, &info, WEXITED, NULL);
    RAW(waitid, P_ALL, 0, &info, WEXITED, NULL);
    RAW(wait4, -1, NULL, 0, NULL);
    RAW(wait4, -1, NULL, 0x1000, NULL);
    RAW(wait4, INT32_MIN, NULL, 0, NULL);
    RAW(setpriority, 99, 0, 0);
    RAW(setpriority, PRIO_PROCESS, NOBODY, 0);
    RAW(getpriority, 99, 0);
    RAW(getpriority, PRIO_PGRP, NOBODY);
    RAW(setpgid, NOBODY, 0);
    RAW(setpgid, 0, -1);
    RAW(getpgid, NOBODY);
    RAW(getsid, NOBODY);
    RAW(setuid, -1);
    RAW(setgid, -1);
    gid_t groups[2] = {1, 2};
    CHECK_OK(syscall(SYS_setgroups, 2, groups));
    RAW(getgroups, 1, groups);
    RAW(getgroups, -1, groups);
    RAW(setgroups, 70000, groups);
    RAW(sethostname, "x", -1);
    RAW(getrlimit, 99, text);
    RAW(setrlimit, RLIMIT_NOFILE, (&(struct rlimit){5, 4}));
    RAW(prlimit64, 0, 99, NULL, NULL);
    RAW(prlimit64, NOBODY, RLIMIT_NOFILE, NULL, NULL);
    RAW(getrusage, 99, text);
    RAW(ioprio_set, 1, NOBODY, 2 << 13);
    struct sched_param zero = {0};
    RAW(sched_setparam, NOBODY, &zero);
    RAW(sched_getparam, NOBODY, &zero);
    RAW(sched_getparam, -1, &zero);
    RAW(sched_getscheduler, NOBODY);
    RAW(sched_setscheduler, NOBODY, 0, &zero);
    RAW(sched_get_priority_max, 99);
    RAW(sched_get_priority_min, 99);
    RAW(sched_rr_get_interval, NOBODY, text);
    RAW(sched_setaffinity, NOBODY, 8, text);
    RAW(sched_getaffinity, NOBODY, 8, text);
    RAW(sched_setattr, NOBODY, (&(uint32_t[14]){56}), 0);
    RAW(sched_setattr, 0, (&(uint32_t[14]){56, 99}), 0);
    RAW(sched_setattr, 0, (&(uint32_t[14]){40}), 0);
    RAW(sched_getattr, NOBODY, text, 56, 0);
    RAW(sched_getattr, 0, text, 10, 0);
    AS_USER({
        RAW(sched_setattr, getppid(), (&(uint32_t[14]){56}), 0);
        RAW(sched_setaffinity, getppid(), 8, (&(uint64_t){1}));
        RAW(ioprio_set, 1, getppid(), 2 << 13);
    });
    struct iovec buffer = {text, 4};
    RAW(process_vm_readv, NOBODY, &buffer, 1, &buffer, 1, 0);
    RAW(process_vm_writev, NOBODY, &buffer, 1, &buffer, 1, 0);
    RAW(process_vm_writev, getpid(), &buffer, 1, &buffer, 1, 1);
    RAW(process_vm_writev, getpid(), &buffer, 1, (&(struct iovec){NOWHERE, 4}), 1, 0);
    RAW(kcmp, NOBODY, getpid(), 1, 0, 0);
    RAW(pidfd_open, NOBODY, 0);
    RAW(pidfd_open, 0, 0);
    RAW(setns, open("file", O_RDONLY), 0);
    RAW(unshare, 1);
    RAW(clone, CLONE_THREAD, NULL, NULL, NULL, NULL);
    RAW(clone, CLONE_SIGHAND, NULL, NULL, NULL, NULL);
    struct clone_args args = {.exit_signal = 200};
    RAW(clone3, &args, sizeof args);
    RAW(clone3, &args, 8);
    RAW(clone3, &args, 10000);
    RAW(prctl, 12345, 0, 0, 0, 0);
    RAW(prctl, PR_SET_DUMPABLE, 99, 0, 0, 0);
    RAW(prctl, PR_SET_PDEATHSIG, 99, 0, 0, 0);
    RAW(prctl, PR_CAPBSET_READ, 99, 0, 0, 0);
    RAW(prctl, PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0);
    RAW(set_robust_list, NULL, 1);
    RAW(get_robust_list, NOBODY, text, text);
    RAW(membarrier, 99, 0, 0);
    RAW(getrandom, text, 4, 99);
    RAW(syslog, 99, text, 4);
    RAW(kill, NOBODY, 0);
    RAW(kill, getpid(), 99);
}

static void signals_and_time(void) {
    section("signals and time");
    siginfo_t info = {.si_code = SI_QUEUE};
    timer_t timer;
    struct sigevent event = {.sigev_notify = 99};
    struct timespec bad = {0, -1};
    RAW(tkill, NOBODY, 0);
    RAW(tkill, -1, 0);
    RAW(tgkill, getpid(), NOBODY, 0);
    RAW(tgkill, -1, 1, 0);
    RAW(rt_sigqueueinfo, NOBODY, SIGUSR1, &info);
    RAW(rt_sigqueueinfo, getpid(), 99, &info);
    RAW(rt_tgsigqueueinfo, getpid(), NOBODY, SIGUSR1, &info);
    RAW(rt_tgsigqueueinfo, -1, 1, SIGUSR1, &info);
    RAW(rt_sigaction, 99, NULL, NULL, 8);
    RAW(rt_sigaction, SIGKILL, (&(struct { long handler, flags, mask; }){1, 0, 0}), NULL, 8);
    RAW(rt_sigprocmask, 99, text, NULL, 8);
    RAW(rt_sigprocmask, SIG_BLOCK, text, NULL, 4);
    RAW(rt_sigpending, text, 16);
    RAW(rt_sigsuspend, text, 4);
    RAW(rt_sigtimedwait, (&(uint64_t){0}), NULL, &bad, 8);
    RAW(rt_sigtimedwait, (&(uint64_t){0}), NULL, (&(struct timespec){0}), 8);
    RAW(sigaltstack, (&(stack_t){.ss_sp = text, .ss_size = 1}), NULL);
    RAW(sigaltstack, (&(stack_t){.ss_sp = text, .ss_size = sizeof text, .ss_flags = 99}), NULL);
    RAW(signalfd4, -1, text, 4, 0);
    RAW(signalfd4, -1, text, 8, 1);
    RAW(timer_create, CLOCK_MONOTONIC, &event, &timer);
    RAW(timer_create, 99, NULL, &timer);
    RAW(timer_gettime, 12345, text);
    RAW(timer_getoverrun, 12345);
    RAW(timer_settime, 12345, 0, (&(struct itimerspec){0}), NULL);
    RAW(timer_delete, 12345);
    RAW(clock_gettime, 99, text);
    RAW(clock_getres, 99, text);
    RAW(clock_settime, 99, (&(struct timespec){0}));
    RAW(clock_settime, CLOCK_MONOTONIC, (&(struct timespec){0}));
    RAW(clock_settime, CLOCK_REALTIME, &bad);
    RAW(clock_nanosleep, 99, 0, (&(struct timespec){0}), NULL);
    RAW(clock_nanosleep, CLOCK_MONOTONIC, 0, &bad, NULL);
    RAW(clock_nanosleep, CLOCK_MONOTONIC_COARSE, 0, (&(struct timespec){0}), NULL);
    RAW(nanosleep, &bad, NULL);
    RAW(setitimer, 99, text, NULL);
    RAW(getitimer, 99, text);
    RAW(setitimer, ITIMER_REAL, (&(struct itimerval){{0, -1}, {0, 0}}), NULL);
    RAW(timerfd_create, 99, 0);
    RAW(timerfd_create, CLOCK_MONOTONIC, 1);
    int timerfd = timerfd_create(CLOCK_MONOTONIC, 0);
    RAW(timerfd_settime, timerfd, 0, (&(struct itimerspec){{0, 0}, {0, -1}}), NULL);
    RAW(timerfd_settime, timerfd, 99, (&(struct itimerspec){0}), NULL);
    RAW(clock_adjtime, 99, (&(struct timex){0}));
    RAW(clock_adjtime, CLOCK_MONOTONIC, (&(struct timex){0}));
    static uint32_t word[2];
    RAW(futex, word, FUTEX_WAIT, 5, NULL, NULL, 0);
    RAW(futex, word, FUTEX_WAIT, 0, &bad, NULL, 0);
    RAW(futex, word, FUTEX_WAIT, 0, (&(struct timespec){0, 1}), NULL, 0);
    RAW(futex, (char *)word + 1, FUTEX_WAKE, 1, NULL, NULL, 0);
    RAW(futex, word, 77, 0, NULL, NULL, 0);
    RAW(futex, word, FUTEX_CMP_REQUEUE, 1, (void *)1, word + 1, 5);
    RAW(ppoll, text, 0, &bad, NULL, 8);
    RAW(pselect6, 0, NULL, NULL, NULL, &bad, NULL);
    RAW(epoll_create1, 99);
    RAW(eventfd2, 0, 99);
    RAW(inotify_init1, 99);
    int epoll = epoll_create1(0), other = epoll_create1(0), ends[2];
    CHECK_OK(pipe(ends));
    struct epoll_event watch = {.events = EPOLLIN};
    RAW(epoll_ctl, epoll, 99, ends[0], &watch);
    RAW(epoll_ctl, epoll, EPOLL_CTL_ADD, epoll, &watch);
    RAW(epoll_ctl, epoll, EPOLL_CTL_MOD, ends[0], &watch);
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &watch));
    RAW(epoll_ctl, epoll, EPOLL_CTL_ADD, ends[0], &watch);
    RAW(epoll_ctl, epoll, EPOLL_CTL_ADD, 12345, &watch);
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, other, &watch));
    RAW(epoll_ctl, other, EPOLL_CTL_ADD, epoll, &watch);
    RAW(epoll_pwait, epoll, &watch, 0, 0, NULL, 8);
    TRY(epoll_pwait2, syscall(441, epoll, &watch, 0, NULL, NULL, 8));
    TRY(epoll_pwait2, syscall(441, epoll, &watch, 1, &bad, NULL, 8));
}

static void memory(void) {
    section("memory");
    char *page = MUST(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK_OK(munmap(page + 4096, 4096));
    RAW(mmap, NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    RAW(mmap, NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0);
    RAW(mmap, NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0);
    RAW(mmap, NULL, INT64_MAX, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    RAW(mmap, page, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    RAW(munmap, page + 1, 4096);
    RAW(munmap, page, 0);
    RAW(mprotect, page + 1, 4096, PROT_READ);
    RAW(mprotect, page, 8192, PROT_READ);
    RAW(mprotect, page, 4096, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP);
    RAW(madvise, page, 4096, 99);
    RAW(madvise, page, 8192, MADV_DONTNEED);
    RAW(msync, page, 8192, MS_SYNC);
    RAW(msync, page, 4096, 99);
    RAW(mlock, page, 8192);
    RAW(mlock, (char *)NULL - 4096, 8192);
    RAW(munlock, page, 8192);
    CHECK_OK(mlock(page, 4096));
    RAW(msync, page, 4096, MS_SYNC | MS_INVALIDATE);
    RAW(madvise, page, 4096, MADV_DONTNEED);
    CHECK_OK(munlock(page, 4096));
    RAW(mlock2, page, 4096, 99);
    RAW(mlockall, 99);
    RAW(mincore, page + 1, 4096, text);
    RAW(mincore, page, 8192, text);
    RAW(mincore, page, 4096, NOWHERE);
    RAW(mremap, page + 1, 4096, 8192, 0);
    RAW(mremap, page + 4096, 4096, 8192, MREMAP_MAYMOVE);
    RAW(mremap, page, 4096, 8192, 99);
    WITH_LIMIT(RLIMIT_AS, 1 << 20, RAW(mmap, NULL, 1 << 24, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    WITH_LIMIT(RLIMIT_MEMLOCK, 0, {
        if (setuid(1000)) _exit(98);
        RAW(mlock, page, 4096);
        RAW(mlock2, page, 4096, 0);
        RAW(mlockall, MCL_CURRENT);
        RAW(mmap, NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
    });
}

static void sockets(void) {
    section("sockets");
    int pair[2], stream = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), datagram = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    int listener = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "socket"}, loop = {.sun_family = AF_UNIX, .sun_path = "loop/x"};
    struct sockaddr_un file = {.sun_family = AF_UNIX, .sun_path = "file/x"}, plain = {.sun_family = AF_UNIX, .sun_path = "file"};
    struct sockaddr_un absent = {.sun_family = AF_UNIX, .sun_path = "absent"}, other = {.sun_family = 99};
    struct iovec buffer = {text, 4};
    struct msghdr message = {.msg_iov = &buffer, .msg_iovlen = 1}, many = {.msg_iov = &buffer, .msg_iovlen = 2000};
    struct msghdr addressed = {.msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &buffer, .msg_iovlen = 1};
    int number = 1;
    socklen_t length = sizeof number, negative = -1;
    RAW(socket, 99, SOCK_STREAM, 0);
    RAW(socket, AF_UNIX, 99, 0);
    RAW(socket, AF_UNIX, SOCK_STREAM, 99);
    RAW(socket, AF_UNIX, SOCK_STREAM | 0x100, 0);
    RAW(socketpair, 99, SOCK_STREAM, 0, pair);
    RAW(socketpair, AF_UNIX, SOCK_STREAM, 99, pair);
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    RAW(bind, stream, &name, 200);
    RAW(bind, stream, &other, sizeof other);
    RAW(bind, stream, &loop, sizeof loop);
    RAW(bind, stream, &file, sizeof file);
    RAW(bind, stream, &plain, sizeof plain);
    RAW(bind, 0, &plain, sizeof plain);
    CHECK_OK(bind(listener, (struct sockaddr *)&name, sizeof name));
    RAW(bind, listener, &absent, sizeof absent);
    RAW(listen, datagram, 1);
    RAW(listen, stream, 1);
    RAW(accept, stream, NULL, NULL);
    RAW(accept4, stream, NULL, NULL, 0x100);
    RAW(accept4, datagram, NULL, NULL, 0);
    RAW(accept4, 0, NULL, NULL, 0);
    RAW(connect, stream, &absent, sizeof absent);
    RAW(connect, stream, &plain, sizeof plain);
    RAW(connect, stream, &name, sizeof name);
    RAW(connect, stream, &other, sizeof other);
    RAW(connect, datagram, &name, sizeof name);
    CHECK_OK(listen(listener, 4));
    RAW(accept4, listener, NULL, NULL, 0x100);
    CHECK_OK(fcntl(listener, F_SETFL, O_NONBLOCK));
    RAW(accept, listener, NULL, NULL);
    RAW(accept4, listener, NULL, NULL, 0);
    CHECK_OK(connect(stream, (struct sockaddr *)&name, sizeof name));
    RAW(connect, stream, &name, sizeof name);
    RAW(getpeername, datagram, text, &length);
    RAW(getsockname, listener, text, &negative);
    RAW(getpeername, pair[0], text, &negative);
    RAW(getsockopt, stream, SOL_SOCKET, 9999, &number, &length);
    RAW(getsockopt, stream, SOL_SOCKET, SO_TYPE, &number, &negative);
    RAW(setsockopt, stream, SOL_SOCKET, 9999, &number, 4);
    RAW(setsockopt, stream, SOL_SOCKET, SO_SNDBUF, &number, 1);
    RAW(setsockopt, stream, SOL_SOCKET, SO_RCVTIMEO, (&(struct { long s, us; }){0, 5000000}), 16);
    RAW(shutdown, stream, 99);
    RAW(sendto, datagram, text, 4, 0, NULL, 0);
    RAW(sendto, datagram, text, sizeof text * 100, 0, &name, sizeof name);
    RAW(sendto, stream, text, 4, 0, &name, sizeof name);
    RAW(sendto, MUST(socket(AF_UNIX, SOCK_STREAM, 0)), text, 4, MSG_NOSIGNAL, NULL, 0);
    RAW(recvfrom, MUST(socket(AF_UNIX, SOCK_STREAM, 0)), text, 4, 0, NULL, NULL);
    RAW(recvfrom, MUST(socket(AF_UNIX, SOCK_SEQPACKET, 0)), text, 4, 0, NULL, NULL);
    RAW(recvfrom, 0, text, 4, 0, NULL, NULL);
    RAW(sendmsg, 0, &message, 0);
    RAW(recvmsg, 0, &message, 0);
    RAW(sendmsg, datagram, &message, 0);
    RAW(sendmsg, stream, &addressed, 0);
    RAW(sendmsg, MUST(socket(AF_UNIX, SOCK_STREAM, 0)), &addressed, 0);
    RAW(sendmsg, stream, &many, 0);
    RAW(recvmsg, stream, &many, 0);
    RAW(recvmsg, MUST(socket(AF_UNIX, SOCK_SEQPACKET, 0)), &message, 0);
    CHECK_OK(write(pair[1], "unread", 6));
    CHECK_OK(write(pair[0], "unread", 6));
    close(pair[1]);
    RAW(sendmsg, pair[0], &message, MSG_NOSIGNAL);
    RAW(sendto, pair[0], text, 4, MSG_NOSIGNAL, NULL, 0);
    RAW(sendmmsg, 0, &message, 1, 0);
    for (int fd = 3; fd < 60; fd++) close(fd);
}

static void system_v(void) {
    section("System V");
    int queue = MUST(msgget(IPC_PRIVATE, 0600)), semaphore = MUST(semget(IPC_PRIVATE, 2, 0600));
    int segment = MUST(shmget(IPC_PRIVATE, 4096, 0600));
    struct {
        long type;
        char bytes[16];
    } letter = {1, "abc"};
    struct sembuf far = {9, 1, 0}, up = {0, 32767, 0}, down = {0, -1, IPC_NOWAIT}, large[2] = {{0, 32767, 0}, {0, 32767, 0}};
    RAW(msgget, 0x7ead0001, 0600);
    RAW(msgsnd, queue, (&(long){-1}), 0, 0);
    RAW(msgsnd, queue, &letter, -1L, 0);
    RAW(msgsnd, -1, &letter, 4, 0);
    CHECK_OK(msgsnd(queue, &letter, 16, 0));
    RAW(msgrcv, queue, &letter, 4, 0, 0);
    RAW(msgrcv, queue, &letter, 16, 5, IPC_NOWAIT);
    RAW(msgrcv, -1, &letter, 4, 0, 0);
    RAW(msgctl, -1, IPC_STAT, text);
    RAW(msgctl, queue, 99, text);
    RAW(semget, 0x7ead0001, 1, 0600);
    RAW(semget, IPC_PRIVATE, -1, 0600);
    TRY(semop, semop(semaphore, &far, 1));
    TRY(semop, semop(semaphore, &down, 1));
    TRY(semop, semop(semaphore, large, 2));
    TRY(semop, semop(semaphore, &up, 0));
    TRY(semop, semop(semaphore, (struct sembuf *)text, 100000));
    RAW(semtimedop, semaphore, &far, 1, NULL);
    RAW(semtimedop, semaphore, large, 2, NULL);
    RAW(semtimedop, semaphore, text, 100000, NULL);
    RAW(semctl, semaphore, 9, GETVAL);
    RAW(semctl, semaphore, 0, SETVAL, 100000);
    RAW(semctl, semaphore, 0, 99);
    RAW(shmget, 0x7ead0001, 4096, 0600);
    RAW(shmget, IPC_PRIVATE, 0, 0600);
    RAW(shmat, -1, NULL, 0);
    RAW(shmat, segment, (void *)4097, 0);
    RAW(shmdt, text);
    RAW(shmctl, -1, IPC_STAT, text);
    RAW(shmctl, segment, 99, text);
    AS_USER({
        RAW(msgsnd, queue, &letter, 4, 0);
        RAW(msgrcv, queue, &letter, 4, 0, 0);
        RAW(msgctl, queue, IPC_STAT, text);
        RAW(msgctl, queue, IPC_RMID, NULL);
        TRY(semop, semop(semaphore, &down, 1));
        RAW(semtimedop, semaphore, &down, 1, NULL);
        RAW(semctl, semaphore, 0, GETVAL);
        RAW(semctl, semaphore, 0, IPC_RMID);
        RAW(shmat, segment, NULL, 0);
        RAW(shmctl, segment, IPC_STAT, text);
        RAW(shmctl, segment, IPC_RMID, NULL);
    });
    CHECK_OK(msgctl(queue, IPC_RMID, NULL));
    CHECK_OK(semctl(semaphore, 0, IPC_RMID));
    CHECK_OK(shmctl(segment, IPC_RMID, NULL));
}

int main(void) {
    scratch();
    put_file("file", "some text");
    CHECK_OK(symlink("file", "link"));
    CHECK_OK(symlink("loop", "loop"));
    CHECK_OK(mkdir("folder", 0755));
    CHECK_OK(mkdir("full", 0755));
    put_file("full/file", "");
    CHECK_OK(mkfifo("fifo", 0644));
    CHECK_OK(mknod("device", S_IFCHR | 0644, makedev(250, 250)));
    CHECK_OK(chmod(".", 0755));
    attributes();
    files();
    processes();
    signals_and_time();
    memory();
    sockets();
    system_v();
    return verdict();
}
