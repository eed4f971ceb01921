// oracle: linux; qemu's user mode shows much of the host's own /proc
// syscalls: openat readlinkat getdents64
#include "check.h"
#include <dirent.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>

static char text[65536];

// A file's whole text, read in small pieces so that positions are seen to work.
static const char *contents(const char *path) {
    int fd = open(path, O_RDONLY);
    if (fd == -1) {
        CHECK_FAILED("  cannot open %s: %s", path, strerrorname_np(errno));
        return "";
    }
    long length = 0, n;
    while ((n = read(fd, text + length, 100)) > 0 && length < (long)sizeof text - 200) length += n;
    text[length] = 0;
    close(fd);
    return text;
}

static void process_files(void) {
    char path[128], target[256];
    section("status, stat and comm");
    CHECK_OK(prctl(PR_SET_NAME, "a (name)"));
    const char *status = contents("/proc/self/status");
    int pid = 0, parent = 0, threads = 0;
    const char *line;
    CHECK(strncmp(status, "Name:\ta (name)\n", 15) == 0);
    if ((line = strstr(status, "\nPid:"))) sscanf(line, "\nPid: %d", &pid);
    CHECK_EQ(pid, getpid());
    if ((line = strstr(status, "\nPPid:"))) sscanf(line, "\nPPid: %d", &parent);
    CHECK_EQ(parent, getppid());
    if ((line = strstr(status, "\nThreads:"))) sscanf(line, "\nThreads: %d", &threads);
    CHECK_EQ(threads, 1);
    CHECK(strstr(status, "\nUid:\t") != NULL);
    CHECK(strstr(status, "\nVmRSS:") != NULL);
    CHECK(strstr(status, "\nState:\tR (running)\n") != NULL);
    char state = 0;
    CHECK_EQ(sscanf(contents("/proc/self/stat"), "%d (a (name)) %c %d", &pid, &state, &parent), 3);
    CHECK_EQ(pid, getpid());
    CHECK_EQ(state, 'R');
    CHECK_EQ(parent, getppid());
    CHECK_STR(contents("/proc/self/comm"), "a (name)\n");
    sprintf(path, "/proc/%d/comm", getpid());
    CHECK_STR(contents(path), "a (name)\n");
    sprintf(path, "/proc/self/task/%d/comm", gettid());
    CHECK_STR(contents(path), "a (name)\n");

    section("self, exe, cwd, root, fd");
    long n = CHECK_OK(readlink("/proc/self", target, sizeof target - 1));
    target[n > 0 ? n : 0] = 0;
    CHECK_EQ(atoi(target), getpid());
    n = CHECK_OK(readlink("/proc/self/exe", target, sizeof target - 1));
    target[n > 0 ? n : 0] = 0;
    CHECK(target[0] == '/' && strcmp(target + strlen(target) - 5, "/proc") == 0);
    n = CHECK_OK(readlink("/proc/self/cwd", target, sizeof target - 1));
    target[n > 0 ? n : 0] = 0;
    CHECK_STR(target, check_scratch);
    n = CHECK_OK(readlink("/proc/self/root", target, sizeof target - 1));
    target[n > 0 ? n : 0] = 0;
    CHECK_STR(target, "/");
    put_file("file", "text of the file");
    int fd = MUST(open("file", O_RDONLY)), p[2];
    sprintf(path, "/proc/self/fd/%d", fd);
    n = CHECK_OK(readlink(path, target, sizeof target - 1));
    target[n > 0 ? n : 0] = 0;
    char expected[128];
    sprintf(expected, "%s/file", check_scratch);
    CHECK_STR(target, expected);
    CHECK_STR(contents(path), "text of the file");
    CHECK_OK(pipe(p));
    sprintf(path, "/proc/self/fd/%d", p[0]);
    n = CHECK_OK(readlink(path, target, sizeof target - 1));
    CHECK_MEM(target, "pipe:[", 6);
    sprintf(path, "/proc/self/fd/%d", 900);
    CHECK_ERR(readlink(path, target, sizeof target), ENOENT);
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir != NULL);
    int found = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir));) found += atoi(entry->d_name) == fd;
    CHECK_EQ(found, 1);
    if (dir) closedir(dir);

    section("cmdline, environ, limits");
    const char *command = contents("/proc/self/cmdline");
    CHECK(strstr(command, "proc") != NULL);
    CHECK(strstr(contents("/proc/self/limits"), "Max open files") != NULL);
    CHECK_OK(access("/proc/self/environ", R_OK));
    CHECK_ERR(open("/proc/self/absent", O_RDONLY), ENOENT);
    CHECK_ERR(open("/proc/4000000/stat", O_RDONLY), ENOENT);
    // Nothing can be made there; Linux says so by ENOENT, where the path leads to a name that procfs does not have.
    CHECK(open("/proc/new", O_RDWR | O_CREAT, 0644) == -1 && (errno == ENOENT || errno == EPERM || errno == EACCES));
}

static void maps(void) {
    section("maps");
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = MUST(open("file", O_RDONLY));
    char *mapped = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    contents("/proc/self/maps");
    int anonymous = 0, file = 0, stack = 0, code = 0;
    unsigned long last = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        unsigned long start, end, offset, inode;
        char flags[5], name[300] = "";
        unsigned major, minor;
        int fields = sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %299[^\n]", &start, &end, flags, &offset, &major, &minor, &inode, name);
        if (fields < 7 || start >= end || start < last) CHECK_FAILED("  odd line: %s", line);
        last = end;
        if ((uintptr_t)page >= start && (uintptr_t)page < end) anonymous += strcmp(flags, "r--p") == 0;
        if ((uintptr_t)mapped == start) file += strcmp(flags, "r-xs") == 0 && strstr(name, "/file") && inode != 0;
        if ((uintptr_t)&fields >= start && (uintptr_t)&fields < end) stack += strcmp(name, "[stack]") == 0;
        if ((uintptr_t)maps >= start && (uintptr_t)maps < end) code += flags[2] == 'x' && flags[1] == '-' && strstr(name, "proc");
    }
    CHECK_EQ(anonymous, 1);
    CHECK_EQ(file, 1);
    CHECK_EQ(stack, 1);
    CHECK_EQ(code, 1);
}

static void *idle(void *unused) {
    pause();
    return unused;
}

static void others(void) {
    section("another process, and its threads");
    char path[64];
    int p[2], c;
    CHECK_OK(pipe(p));
    pid_t child = MUST(fork());
    if (child == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, idle, NULL);
        write(p[1], "x", 1);
        for (;;) pause();
    }
    read(p[0], &c, 1);
    sleep_ms(20);
    sprintf(path, "/proc/%d/task", child);
    DIR *dir = opendir(path);
    int threads = 0;
    CHECK(dir != NULL);
    for (struct dirent *entry; dir && (entry = readdir(dir));) threads += atoi(entry->d_name) > 0;
    CHECK_EQ(threads, 2);
    if (dir) closedir(dir);
    sprintf(path, "/proc/%d/status", child);
    CHECK(strstr(contents(path), "State:\tS (sleeping)") != NULL);
    kill(child, SIGKILL);
    siginfo_t info;
    CHECK_OK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT));
    CHECK(strstr(contents(path), "State:\tZ (zombie)") != NULL);
    CHECK_KILLED(wait_status(child), SIGKILL);
    CHECK_ERR(open(path, O_RDONLY), ENOENT);
    dir = opendir("/proc");
    int self = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir));) self += atoi(entry->d_name) == getpid();
    CHECK_EQ(self, 1);
    if (dir) closedir(dir);
}

static void machine_files(void) {
    section("of the machine");
    CHECK(strstr(contents("/proc/meminfo"), "MemTotal:") == text);
    CHECK(strstr(text, "MemAvailable:") != NULL);
    CHECK(strstr(contents("/proc/cpuinfo"), "processor\t: 0") != NULL);
    CHECK(strncmp(contents("/proc/stat"), "cpu ", 4) == 0);
    CHECK(strstr(text, "\nbtime ") != NULL);
    float a, b, c;
    int running, all, last;
    CHECK_EQ(sscanf(contents("/proc/loadavg"), "%f %f %f %d/%d %d", &a, &b, &c, &running, &all, &last), 6);
    double up, idle_;
    CHECK_EQ(sscanf(contents("/proc/uptime"), "%lf %lf", &up, &idle_), 2);
    CHECK(strstr(contents("/proc/filesystems"), "nodev\tproc\n") != NULL);
    CHECK(strstr(contents("/proc/mounts"), " /proc proc ") != NULL);
    CHECK(strstr(contents("/proc/self/mountinfo"), " /proc ") != NULL);
    CHECK(strncmp(contents("/proc/version"), "Linux version ", 14) == 0);
    int number = -1;
    CHECK_EQ(sscanf(contents("/proc/sys/vm/overcommit_memory"), "%d", &number), 1);
    CHECK(number >= 0 && number <= 2);
    CHECK_EQ(sscanf(contents("/proc/sys/kernel/pid_max"), "%d", &number), 1);
    CHECK(number > 1000);
    CHECK(strlen(contents("/proc/sys/kernel/ostype")) == 6);
}

int main(void) {
    scratch();
    process_files();
    maps();
    others();
    machine_files();
    return verdict();
}
