// oracle: linux; qemu's user mode shows much of the host's own /proc
// syscalls: openat read lseek pread64 pidfd_send_signal
// The shapes of the main files of /proc, as proc(5) documents them and procps, psmisc and lsof read them.
#include "check.h"
#include <dirent.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

static char text[1 << 18];

static const char *contents(const char *path) {
    int fd = open(path, O_RDONLY);
    if (fd == -1) {
        CHECK_FAILED("  cannot open %s: %s", path, strerrorname_np(errno));
        return "";
    }
    long length = 0, n;
    while ((n = read(fd, text + length, 1021)) > 0 && length < (long)sizeof text - 2048) length += n;
    text[length] = 0;
    close(fd);
    return text;
}

// Words of a text's line that begins with `start`; -1 where there is no such line.
static int words(const char *path, const char *start) {
    for (const char *line = contents(path); *line; line = strchr(line, '\n') + 1) {
        if (strncmp(line, start, strlen(start)) == 0) {
            int count = 0;
            for (const char *at = line; *at != '\n'; at++)
                count += !strchr(" \t\n", *at) && (at == line || strchr(" \t", at[-1]));
            return count;
        }
        if (!strchr(line, '\n')) break;
    }
    return -1;
}

// Checks that a text has a line for each of these names, in this order.
static void has_names(const char *path, const char *const *names) {
    const char *at = contents(path);
    for (; *names; names++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "%s:", *names);
        const char *found = strncmp(at, wanted, strlen(wanted)) == 0 ? at : NULL;
        for (const char *line = at; !found && (line = strchr(line, '\n')); line++)
            if (strncmp(line + 1, wanted, strlen(wanted)) == 0) found = line + 1;
        if (!found) {
            CHECK_FAILED("  %s has no %s after the ones before", path, *names);
            return;
        }
        at = found;
    }
}

static void process_files(void) {
    section("stat, statm, status");
    const char *words_of_stat = contents("/proc/self/stat");
    const char *rest = strrchr(words_of_stat, ')');
    int fields = 2;
    for (const char *at = rest + 1; *at; at++) fields += *at == ' ';
    CHECK_EQ(fields, 52);
    unsigned flags;
    long tpgid, minflt, utime, stime, priority, nice, threads, start;
    CHECK_EQ(sscanf(rest + 2, "%*c %*d %*d %*d %*d %ld %u %ld %*u %*u %*u %ld %ld %*d %*d %ld %ld %ld 0 %ld",
                    &tpgid, &flags, &minflt, &utime, &stime, &priority, &nice, &threads, &start), 9);
    CHECK(minflt > 0);
    CHECK_EQ(priority, 20 + nice);
    CHECK_EQ(threads, 1);
    CHECK_EQ(words("/proc/self/statm", ""), 7);
    static const char *const status[] = {"Name", "Umask", "State", "Tgid", "Ngid", "Pid", "PPid", "TracerPid",
        "Uid", "Gid", "FDSize", "Groups", "NStgid", "NSpid", "NSpgid", "NSsid", "VmPeak", "VmSize", "VmLck",
        "VmPin", "VmHWM", "VmRSS", "RssAnon", "RssFile", "RssShmem", "VmData", "VmStk", "VmExe", "VmLib", "VmPTE",
        "VmSwap", "CoreDumping", "Threads", "SigQ", "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt", "CapInh",
        "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Cpus_allowed", "Cpus_allowed_list",
        "Mems_allowed", "Mems_allowed_list", "voluntary_ctxt_switches", "nonvoluntary_ctxt_switches", NULL};
    has_names("/proc/self/status", status);
    CHECK_EQ(words("/proc/self/status", "Uid:"), 5);
    CHECK_EQ(words("/proc/self/status", "VmRSS:"), 3);

    section("maps, smaps, smaps_rollup, pagemap, map_files");
    char *pages = MUST(mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (int page = 0; page < 5; page++) pages[page * 4096] = 1;
    struct stat program;
    CHECK_OK(stat("/proc/self/exe", &program));
    unsigned long begin, end, offset, ino;
    unsigned major, minor;
    char rights[5], path[256], link[256];
    CHECK_EQ(sscanf(contents("/proc/self/maps"), "%lx-%lx %4s %lx %x:%x %lu %255s", &begin, &end, rights, &offset,
                    &major, &minor, &ino, path), 8);
    CHECK_EQ(ino, program.st_ino);
    CHECK_EQ(makedev(major, minor), program.st_dev);
    sprintf(link, "/proc/self/map_files/%lx-%lx", begin, end);
    struct stat mapped;
    if (CHECK_OK(stat(link, &mapped)) == 0) CHECK_EQ(mapped.st_ino, program.st_ino);
    static const char *const smaps[] = {"Size", "KernelPageSize", "MMUPageSize", "Rss", "Pss", "Shared_Clean",
        "Shared_Dirty", "Private_Clean", "Private_Dirty", "Referenced", "Anonymous", "LazyFree", "AnonHugePages",
        "Swap", "SwapPss", "Locked", "VmFlags", NULL};
    has_names("/proc/self/smaps", smaps);
    char mine[64];
    sprintf(mine, "\n%lx-", (unsigned long)pages);
    const char *area = strstr(contents("/proc/self/smaps"), mine);
    if (area) {
        long resident = 0, dirty = 0;
        sscanf(strstr(area, "\nRss:"), "\nRss: %ld", &resident);
        sscanf(strstr(area, "\nPrivate_Dirty:"), "\nPrivate_Dirty: %ld", &dirty);
        CHECK(resident >= 20);
        CHECK_EQ(resident, dirty);
    }
    static const char *const rollup[] = {"Rss", "Pss", "Shared_Clean", "Private_Dirty", "Anonymous", "Locked", NULL};
    has_names("/proc/self/smaps_rollup", rollup);
    CHECK(strstr(contents("/proc/self/smaps_rollup"), "[rollup]\n") != NULL);
    int fd = MUST(open("/proc/self/pagemap", O_RDONLY));
    uint64_t entry = 0;
    CHECK_EQ(pread(fd, &entry, 8, (unsigned long)pages / 4096 * 8), 8);
    CHECK(entry >> 63);
    CHECK_ERR(pread(fd, &entry, 8, 4), EINVAL);
    close(fd);

    section("mem");
    pages[4096] = 'm';
    fd = MUST(open("/proc/self/mem", O_RDWR));
    char byte = 0;
    CHECK_EQ(pread(fd, &byte, 1, (unsigned long)pages + 4096), 1);
    CHECK_EQ(byte, 'm');
    CHECK_EQ(pwrite(fd, "w", 1, (unsigned long)pages + 4096), 1);
    CHECK_EQ(pages[4096], 'w');
    CHECK_OK(lseek(fd, (unsigned long)pages + 4096, SEEK_SET));
    CHECK_EQ(read(fd, &byte, 1), 1);
    CHECK_EQ(byte, 'w');
    CHECK_ERR(lseek(fd, 0, SEEK_END), EINVAL);
    CHECK_ERR(pread(fd, &byte, 1, 16), EIO);
    close(fd);

    section("io, limits, cgroup, sched, schedstat, oom, syscall, wchan, fdinfo");
    static const char *const io[] = {"rchar", "wchar", "syscr", "syscw", "read_bytes", "write_bytes",
        "cancelled_write_bytes", NULL};
    has_names("/proc/self/io", io);
    long before = 0, after = 0;
    sscanf(contents("/proc/self/io"), "rchar: %ld", &before);
    fd = MUST(open("/dev/zero", O_RDONLY));
    CHECK_EQ(read(fd, text, 12345), 12345);
    close(fd);
    sscanf(contents("/proc/self/io"), "rchar: %ld", &after);
    CHECK(after >= before + 12345);
    CHECK_EQ(words("/proc/self/limits", "Max open files"), 6);
    CHECK(words("/proc/self/schedstat", "") == 3);
    CHECK(words("/proc/self/sched", "se.sum_exec_runtime") == 3);
    fd = MUST(open("/proc/self/oom_score_adj", O_RDWR));
    CHECK_EQ(write(fd, "500", 3), 3);
    CHECK_STR(contents("/proc/self/oom_score_adj"), "500\n");
    CHECK_ERR(write(fd, "1001", 4), EINVAL);
    close(fd);
    fd = MUST(open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
    char info[64];
    sprintf(info, "/proc/self/fdinfo/%d", fd);
    static const char *const fdinfo[] = {"pos", "flags", "mnt_id", "ino", NULL};
    has_names(info, fdinfo);
    CHECK(strstr(text, "flags:\t02") != NULL);
    close(fd);

    section("a process that waits");
    int pipes[2];
    MUST(pipe(pipes));
    pid_t child = MUST(fork());
    if (child == 0) {
        close(pipes[1]);
        _exit(read(pipes[0], &byte, 1));
    }
    sprintf(path, "/proc/%d/stat", child);
    while (!strstr(contents(path), ") S ")) sched_yield();
    sprintf(path, "/proc/%d/syscall", child);
    unsigned long number, first, second, third;
    CHECK_EQ(sscanf(contents(path), "%lu %lx %lx %lx", &number, &first, &second, &third), 4);
    CHECK_EQ(number, SYS_read);
    CHECK_EQ(first, pipes[0]);
    CHECK_EQ(third, 1);
    sprintf(path, "/proc/self/task/%d/children", getpid());
    CHECK_EQ(atoi(contents(path)), child);
    // killall(1) signals through the directory.
    sprintf(path, "/proc/%d", child);
    fd = MUST(open(path, O_RDONLY | O_DIRECTORY));
    CHECK_OK(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    CHECK_OK(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
    CHECK_KILLED(wait_status(child), SIGTERM);
    CHECK_ERR(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH);
    close(fd);
    close(pipes[0]), close(pipes[1]);

    section("namespaces");
    char ns[64];
    long length = CHECK_OK(readlink("/proc/self/ns/pid", ns, sizeof ns - 1));
    ns[length > 0 ? length : 0] = 0;
    struct stat one, other;
    CHECK_OK(stat("/proc/self/ns/pid", &one));
    char task[64];
    sprintf(task, "/proc/self/task/%d/ns/pid", gettid());
    CHECK_OK(stat(task, &other));
    CHECK_EQ(one.st_ino, other.st_ino);
    CHECK_EQ(sscanf(ns, "pid:[%lu]", &ino), 1);
    CHECK_EQ(ino, one.st_ino);
    CHECK(S_ISREG(one.st_mode));
}

static void system_files(void) {
    section("stat, loadavg, uptime");
    long cpu[4], sum[4] = {0}, total[4];
    const char *cpus = contents("/proc/stat");
    CHECK_EQ(sscanf(cpus, "cpu  %ld %ld %ld %ld", &total[0], &total[1], &total[2], &total[3]), 4);
    int processors = 0;
    for (const char *line = strchr(cpus, '\n') + 1; strncmp(line, "cpu", 3) == 0; line = strchr(line, '\n') + 1) {
        CHECK_EQ(sscanf(line, "cpu%*d %ld %ld %ld %ld", &cpu[0], &cpu[1], &cpu[2], &cpu[3]), 4);
        for (int at = 0; at < 4; at++) sum[at] += cpu[at];
        processors++;
    }
    CHECK_EQ(processors, sysconf(_SC_NPROCESSORS_ONLN));
    // Each row is rounded on its own.
    for (int at = 0; at < 4; at++) CHECK(labs(sum[at] - total[at]) <= processors);
    CHECK_EQ(words("/proc/stat", "cpu "), 11);
    CHECK(words("/proc/stat", "intr ") >= 2 && words("/proc/stat", "ctxt ") == 2 && words("/proc/stat", "btime ") == 2);
    CHECK(words("/proc/stat", "processes ") == 2 && words("/proc/stat", "procs_running ") == 2);
    CHECK(words("/proc/stat", "procs_blocked ") == 2 && words("/proc/stat", "softirq ") == 12);
    double load[3];
    int running, threads, last;
    CHECK_EQ(sscanf(contents("/proc/loadavg"), "%lf %lf %lf %d/%d %d", &load[0], &load[1], &load[2], &running,
                    &threads, &last), 6);
    CHECK(running >= 1 && threads >= running);
    double up, idle;
    CHECK_EQ(sscanf(contents("/proc/uptime"), "%lf %lf\n", &up, &idle), 2);

    section("meminfo, vmstat, zoneinfo, buddyinfo, swaps");
    static const char *const memory[] = {"MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapCached",
        "Active", "Inactive", "SwapTotal", "SwapFree", "Dirty", "Writeback", "AnonPages", "Mapped", "Shmem",
        "KReclaimable", "Slab", "SReclaimable", "SUnreclaim", "KernelStack", "PageTables", "CommitLimit",
        "Committed_AS", "VmallocTotal", "VmallocUsed", "VmallocChunk", NULL};
    has_names("/proc/meminfo", memory);
    CHECK_EQ(words("/proc/meminfo", "MemTotal:"), 3);
    CHECK(words("/proc/vmstat", "pgfault ") == 2 && words("/proc/vmstat", "nr_free_pages ") == 2);
    CHECK(words("/proc/buddyinfo", "Node 0, zone ") >= 14);
    CHECK(words("/proc/zoneinfo", "Node 0, zone ") == 4);
    CHECK_EQ(words("/proc/swaps", "Filename"), 5);

    section("mounts, filesystems, devices, partitions, interrupts, softirqs");
    CHECK_EQ(words("/proc/mounts", "proc "), 6);
    CHECK(words("/proc/self/mountinfo", "") >= 10);
    CHECK_EQ(words("/proc/filesystems", "nodev\tproc"), 2);
    CHECK(strncmp(contents("/proc/devices"), "Character devices:\n", 19) == 0);
    CHECK(strstr(text, "\nBlock devices:\n") != NULL && strstr(text, "\n136 pts\n") != NULL);
    CHECK_EQ(words("/proc/partitions", "major"), 4);
    CHECK(strstr(contents("/proc/softirqs"), "TIMER:") != NULL);
    CHECK_EQ(words("/proc/tty/drivers", "pty_slave"), 5);
    CHECK_EQ(words("/proc/net/unix", "Num"), 8);
    CHECK(words("/proc/version", "Linux version ") >= 4);

    section("locks");
    scratch();
    int fd = MUST(open("locked", O_RDWR | O_CREAT, 0600));
    struct stat file;
    CHECK_OK(fstat(fd, &file));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5};
    CHECK_OK(fcntl(fd, F_SETLK, &lock));
    char wanted[128];
    sprintf(wanted, "POSIX  ADVISORY  WRITE %d %02x:%02x:%lu 10 14\n", getpid(), major(file.st_dev),
            minor(file.st_dev), (unsigned long)file.st_ino);
    CHECK(strstr(contents("/proc/locks"), wanted) != NULL);
    close(fd);
    CHECK(strstr(contents("/proc/locks"), wanted) == NULL);
}

// What a user sees of root's processes.
static void others(void) {
    section("another user's process");
    char path[64], target[64];
    pid_t root = getpid();
    int status = IN_CHILD({
        if (setgid(65534) != 0 || setuid(65534) != 0) _exit(0);
        sprintf(path, "/proc/%d/environ", root);
        CHECK_ERR(open(path, O_RDONLY), EACCES);
        sprintf(path, "/proc/%d/maps", root);
        CHECK_ERR(open(path, O_RDONLY), EACCES);
        sprintf(path, "/proc/%d/mem", root);
        CHECK_ERR(open(path, O_RDONLY), EACCES);
        sprintf(path, "/proc/%d/exe", root);
        CHECK_ERR(readlink(path, target, sizeof target), EACCES);
        sprintf(path, "/proc/%d/fd", root);
        CHECK_ERR(open(path, O_RDONLY), EACCES);
        sprintf(path, "/proc/%d/stat", root);
        CHECK(strlen(contents(path)) > 0);
        sprintf(path, "/proc/%d/cmdline", root);
        CHECK(strlen(contents(path)) > 0);
        CHECK_ERR(open("/proc/sys/kernel/hostname", O_WRONLY), EACCES);
    });
    CHECK_EXITED(status, 0);

    section("nothing under a wrong name");
    CHECK_ERR(open("/proc/self/no-such-file", O_RDONLY), ENOENT);
    CHECK_ERR(open("/proc/0", O_RDONLY), ENOENT);
    CHECK_ERR(open("/proc/self/fd/4000", O_RDONLY), ENOENT);
    CHECK_ERR(open("/proc/self/stat/x", O_RDONLY), ENOTDIR);
    CHECK_ERR(mkdir("/proc/new", 0755), ENOENT);
    // Permissions do not hold root back, but there is nothing that could be written to.
    int fd = open("/proc/version", O_WRONLY);
    if (geteuid() == 0) CHECK_ERR(write(fd, "x", 1), EIO);
    close(fd);
    if (geteuid() == 0) CHECK_ERR(open("/proc/sys/kernel/osrelease", O_WRONLY), EACCES);
}

int main(void) {
    process_files();
    system_files();
    others();
    return verdict();
}
