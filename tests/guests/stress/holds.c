// syscalls: close_range poll epoll_pwait writev readv getdents64 execve wait4 kill futex
// oracle: linux; thousands of threads and descriptors
// args: 2000 200
//
// Calls that have much to do at once: what a kernel with one lock must do in steps. It is correct if they all succeed;
// `tidemark run --stats` tells how long the lock was held meanwhile. Arguments: how many threads and how many processes;
// then, to run only some, names of sections.
#include "check.h"
#include <linux/futex.h>
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

enum { FDS = 4000, STACK = 8192, NAMES = 5000, VECTORS = 1024, DEEP = 1300 };
static char **chosen;
static int threads = 2000, processes = 200;

static int wanted(const char *name) {
    if (chosen[0] == NULL) {
        section(name);
        return 1;
    }
    for (char **name_ = chosen; *name_; name_++)
        if (strcmp(*name_, name) == 0) {
            section(name);
            return 1;
        }
    return 0;
}

static void descriptors(void) {
    static int fds[FDS];
    static struct pollfd polled[FDS];
    for (int i = 0; i < FDS; i++) fds[i] = MUST(eventfd(0, i % 2 ? EFD_CLOEXEC : 0));
    if (wanted("fork and end with many descriptors"))
        for (int i = 0; i < 3; i++) CHECK_EXITED(IN_CHILD(), 0);
    if (wanted("exec with many descriptors"))
        for (int i = 0; i < 3; i++)
            CHECK_EXITED(IN_CHILD(execl("/proc/self/exe", "holds", "0", NULL), check_failures = 1), 0);
    for (int i = 0; i < FDS; i++) polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    if (wanted("poll of many")) {
        for (int i = 0; i < 3; i++) CHECK_EQ(poll(polled, FDS, 0), 0);
        for (int i = 0; i < 3; i++) CHECK_EQ(poll(polled, FDS, 2), 0);
        for (int i = 0; i < FDS; i++) polled[i].fd = fds[0];
        CHECK_EQ(poll(polled, FDS, 0), 0);
        CHECK_EQ(poll(polled, FDS, 2), 0);
    }
    if (wanted("epoll of many")) {
        static struct epoll_event events[FDS];
        int epoll = MUST(epoll_create1(0));
        for (int i = 0; i < FDS; i++) {
            struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
            CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event));
        }
        CHECK_EQ(epoll_wait(epoll, events, FDS, 1), 0);
        for (int i = 0; i < FDS; i++) CHECK_OK(eventfd_write(fds[i], 1));
        for (int i = 0; i < 3; i++) CHECK(epoll_wait(epoll, events, FDS, 0) > 0);
        CHECK_OK(close(epoll));
    }
    if (wanted("list descriptors")) {
        DIR *dir = opendir("/proc/self/fd");
        int count = 0;
        while (readdir(dir)) count++;
        closedir(dir);
        CHECK(count >= FDS);
    }
    if (wanted("record locks")) {
        int fd = MUST(memfd_create("locks", 0));
        for (int i = 0; i < NAMES; i++) {
            struct flock lock = {.l_type = F_WRLCK, .l_start = i * 2, .l_len = 1};
            CHECK(fcntl(fd, F_SETLK, &lock) == 0 || errno == ENOLCK);
        }
        CHECK_OK(close(fd));
    }
    CHECK_OK(close_range(fds[0], fds[FDS - 1], 0));
}

static void timers(void) {
    static int fds[FDS];
    int epoll = MUST(epoll_create1(0));
    struct itimerspec when = {.it_value.tv_nsec = 0};
    clock_gettime(CLOCK_MONOTONIC, &when.it_value);
    when.it_value.tv_sec++;
    for (int i = 0; i < FDS; i++) {
        fds[i] = MUST(timerfd_create(CLOCK_MONOTONIC, 0));
        CHECK_OK(timerfd_settime(fds[i], TFD_TIMER_ABSTIME, &when, NULL));
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event));
    }
    static struct epoll_event events[FDS];
    CHECK(epoll_wait(epoll, events, FDS, -1) > 0);
    sleep_ms(50);
    CHECK(epoll_wait(epoll, events, FDS, -1) > 0);
    CHECK_OK(close_range(epoll, fds[FDS - 1], 0));
}

static void vectors(int small) {
    static struct iovec parts[VECTORS];
    size_t size = small ? 1 : 65536;
    char *memory = MUST(mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    memset(memory, 1, 65536);
    for (int i = 0; i < VECTORS; i++) parts[i] = (struct iovec){memory, size};
    int file = MUST(memfd_create("vectors", 0)), null = MUST(open("/dev/null", O_WRONLY)), zero = MUST(open("/dev/zero", O_RDONLY));
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(pwritev(file, parts, VECTORS, 0), VECTORS * size);
        CHECK_EQ(preadv(file, parts, VECTORS, 0), VECTORS * size);
        CHECK_EQ(writev(null, parts, VECTORS), VECTORS * size);
        CHECK_EQ(readv(zero, parts, VECTORS), VECTORS * size);
    }
    int pipes[2];
    MUST(pipe(pipes));
    fcntl(pipes[1], F_SETPIPE_SZ, 1 << 20);
    for (int i = 0; i < VECTORS; i++) parts[i].iov_len = small ? 1 : 64;
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(writev(pipes[1], parts, VECTORS), VECTORS * parts[0].iov_len);
        CHECK_EQ(readv(pipes[0], parts, VECTORS), VECTORS * parts[0].iov_len);
    }
    close(pipes[0]), close(pipes[1]), close(file), close(null), close(zero);
    munmap(memory, 65536);
}

static void transfers(void) {
    enum { SIZE = 32 << 20 };
    int from = MUST(memfd_create("from", 0)), to = MUST(memfd_create("to", 0));
    char *memory = MUST(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    memset(memory, 2, SIZE);
    CHECK_EQ(write(from, memory, SIZE), SIZE);
    CHECK_EQ(pread(from, memory, SIZE, 0), SIZE);
    CHECK_EQ(sendfile(to, from, &(off_t){0}, SIZE), SIZE);
    CHECK_EQ(copy_file_range(from, &(off64_t){0}, to, &(off64_t){0}, SIZE, 0), SIZE);
    CHECK_EQ(syscall(SYS_getrandom, memory, SIZE / 4, 0), SIZE / 4);
    close(from), close(to);
    int pipes[2];
    MUST(pipe(pipes));
    int size = fcntl(pipes[1], F_SETPIPE_SZ, 1 << 20);
    CHECK_EQ(write(pipes[1], memory, size), size);
    CHECK_EQ(read(pipes[0], memory, size), size);
    close(pipes[0]), close(pipes[1]);
    munmap(memory, SIZE);
}

static void names(void) {
    char path[PATH_MAX];
    MUST(mkdir("many", 0755)), MUST(chdir("many"));
    for (int i = 0; i < NAMES; i++) {
        snprintf(path, sizeof path, "a-rather-long-name-of-an-entry-%d", i);
        int fd = MUST(open(path, O_CREAT | O_WRONLY, 0644));
        close(fd);
    }
    for (int round = 0; round < 2; round++) {
        static char entries[1 << 20];
        int fd = MUST(open(".", O_RDONLY | O_DIRECTORY)), got;
        while ((got = syscall(SYS_getdents64, fd, entries, round ? sizeof entries : 4096)) > 0) {
        }
        CHECK_EQ(got, 0);
        close(fd);
    }
    for (int i = 0; i < NAMES; i++) {
        snprintf(path, sizeof path, "a-rather-long-name-of-an-entry-%d", i);
        CHECK_OK(unlink(path));
    }
    MUST(chdir("..")), MUST(rmdir("many"));
}

static void paths(void) {
    char path[PATH_MAX], where[PATH_MAX];
    CHECK(getcwd(where, sizeof where) != NULL);
    MUST(mkdir("deep", 0755)), MUST(chdir("deep"));
    for (int i = 0; i < DEEP; i++) MUST(mkdir("d", 0755)), MUST(chdir("d"));
    for (int i = 0; i < 3; i++) CHECK(getcwd(path, sizeof path) != NULL);
    MUST(chdir(where));
    // A path of 4 KiB, and forty symbolic links of that length.
    strcpy(path, "deep");
    for (int i = 0; i < DEEP; i++) strcat(path, "/d");
    struct stat status;
    for (int i = 0; i < 3; i++) CHECK_OK(stat(path, &status));
    char name[32], link[PATH_MAX] = "";
    for (int i = 0; i < 2000; i++) strcat(link, "./");
    for (int i = 0; i < 39; i++) {
        snprintf(name, sizeof name, "link%d", i);
        snprintf(path, sizeof path, "%slink%d", link, i + 1);
        CHECK_OK(symlink(path, name));
    }
    put_file("link39", "the end");
    for (int i = 0; i < 3; i++) CHECK_OK(stat("link0", &status));
    CHECK_EQ(status.st_size, 7);
    MUST(chdir("deep"));
    for (int i = 0; i < DEEP; i++) MUST(chdir("d"));
    for (int i = 0; i < DEEP; i++) MUST(chdir("..")), MUST(rmdir("d"));
    MUST(chdir(".."));
}

static void arguments(int many) {
    enum { BYTES = 1800 << 10, LONG = 64 << 10, SHORT = 8 };
    int length = many ? SHORT : LONG, count = many ? BYTES / (SHORT + 9) : BYTES / (LONG + 9);
    char **list = calloc(count + 3, sizeof *list), *text = malloc(length + 1);
    memset(text, 'x', length), text[length] = 0;
    list[0] = "holds", list[1] = "0";
    for (int i = 0; i < count; i++) list[2 + i] = text;
    CHECK_EXITED(IN_CHILD(execv("/proc/self/exe", list), check_failures = 1), 0);
    char *const own[] = {"holds", "0", NULL};
    CHECK_EXITED(IN_CHILD(execve("/proc/self/exe", own, list + 2), check_failures = 1), 0);
    free(list), free(text);
}

static _Atomic unsigned gate, other, asleep, woken;
static volatile int *ids;
static struct timespec moment;
static int pipe_ends[2];
static enum { GATE, BITS, SLEEP, PIPE, FOREVER } kind;

static int body(void *unused) {
    (void)unused;
    atomic_fetch_add(&asleep, 1);
    char byte;
    switch (kind) {
    case BITS:
        while (atomic_load(&gate) == 0)
            syscall(SYS_futex, &gate, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 1);
        break;
    case SLEEP: syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, NULL); break;
    case PIPE: syscall(SYS_read, pipe_ends[0], &byte, 1); break;
    case GATE:
    case FOREVER:
        while (atomic_load(&gate) == 0) syscall(SYS_futex, &gate, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);
    }
    atomic_fetch_add(&woken, 1);
    syscall(SYS_exit, 0);
    return 0;
}

static void start(int count) {
    static char *stacks;
    if (stacks == NULL) {
        size_t bytes = (size_t)threads * STACK;
        stacks = MUST(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
        ids = MUST(mmap(NULL, (size_t)threads * 4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    }
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID |
                CLONE_CHILD_CLEARTID;
    gate = other = asleep = woken = 0;
    for (int i = 0; i < count; i++) MUST(clone(body, stacks + (size_t)(i + 1) * STACK, flags, NULL, &ids[i], NULL, &ids[i]));
    while (atomic_load(&asleep) < (unsigned)count) sleep_ms(1);
    sleep_ms(20);
}

static void join(int count) {
    for (int i = 0, id; i < count; i++)
        while ((id = ids[i]) != 0) syscall(SYS_futex, &ids[i], FUTEX_WAIT, id, NULL, NULL, 0);
    CHECK_EQ(woken, count);
}

static void nothing(int signal) { (void)signal; }

static void many_threads(void) {
    if (wanted("wake all")) {
        kind = GATE, start(threads);
        gate = 1;
        CHECK(syscall(SYS_futex, &gate, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT32_MAX, NULL, NULL, 0) <= threads);
        join(threads);
    }
    if (wanted("requeue all")) {
        kind = GATE, start(threads);
        gate = 1;
        long moved = syscall(SYS_futex, &gate, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 0, (void *)INT32_MAX, &other, 1);
        CHECK(moved <= threads);
        syscall(SYS_futex, &other, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT32_MAX, NULL, NULL, 0);
        join(threads);
    }
    if (wanted("bits that nobody has")) {
        kind = BITS, start(threads);
        for (int i = 0; i < 3; i++)
            CHECK_EQ(syscall(SYS_futex, &gate, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, INT32_MAX, NULL, NULL, 2), 0);
        gate = 1;
        syscall(SYS_futex, &gate, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT32_MAX, NULL, NULL, 0);
        join(threads);
    }
    if (wanted("one deadline for all")) {
        clock_gettime(CLOCK_MONOTONIC, &moment);
        moment.tv_sec += 3;
        kind = SLEEP, start(threads), join(threads);
    }
    if (wanted("one pipe for all")) {
        MUST(pipe(pipe_ends));
        kind = PIPE, start(threads);
        CHECK_EQ(write(pipe_ends[1], "x", 1), 1);
        sleep_ms(10);
        close(pipe_ends[1]);
        join(threads);
        close(pipe_ends[0]);
    }
    if (wanted("stop and continue")) {
        CHECK_EXITED(IN_CHILD({
            kind = GATE;
            sigset_t set;
            sigemptyset(&set), sigaddset(&set, SIGUSR1);
            signal(SIGUSR1, nothing);
            sigprocmask(SIG_BLOCK, &set, NULL);
            start(threads);
            pid_t parent = getpid(), child = MUST(fork());
            if (child == 0) {
                for (int i = 0; i < 3; i++) kill(parent, SIGUSR1);
                for (int i = 0; i < 3; i++) kill(parent, SIGSTOP), sleep_ms(20), kill(parent, SIGCONT), sleep_ms(20);
                _exit(0);
            }
            wait_status(child);
            // What wakes while stopped is held until it continues.
            child = MUST(fork());
            if (child == 0) {
                sleep_ms(50), kill(parent, SIGSTOP), sleep_ms(100), kill(parent, SIGCONT), sleep_ms(20);
                _exit(0);
            }
            gate = 1;
            syscall(SYS_futex, &gate, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT32_MAX, NULL, NULL, 0);
            wait_status(child);
            sigprocmask(SIG_UNBLOCK, &set, NULL);
        }), 0);
    }
    if (wanted("list threads"))
        CHECK_EXITED(IN_CHILD({
            kind = FOREVER, start(threads);
            DIR *dir = opendir("/proc/self/task");
            int count = 0;
            while (readdir(dir)) count++;
            closedir(dir);
            CHECK_EQ(count, threads + 3);
            char text[4096];
            for (int i = 0; i < 2; i++) {
                int fd = MUST(open(i ? "/proc/self/stat" : "/proc/self/status", O_RDONLY));
                CHECK(read(fd, text, sizeof text) > 0);
                close(fd);
            }
            struct rusage usage;
            CHECK_OK(getrusage(RUSAGE_SELF, &usage));
            struct timespec time;
            CHECK_OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time));
        }), 0);
    if (wanted("exec with many threads"))
        CHECK_EXITED(IN_CHILD(kind = FOREVER, start(threads), execl("/proc/self/exe", "holds", "0", NULL)), 0);
    if (wanted("killed with many threads"))
        CHECK_KILLED(IN_CHILD(kind = FOREVER, start(threads), kill(getpid(), SIGKILL)), SIGKILL);
}

static void many_processes(void) {
    pid_t group = MUST(fork());
    if (group == 0) {
        setpgid(0, 0);
        for (;;) pause();
    }
    setpgid(group, group);
    for (int i = 1; i < processes; i++) {
        pid_t child = MUST(fork());
        if (child == 0) {
            setpgid(0, group);
            for (;;) pause();
        }
        setpgid(child, group);
    }
    int count = 0;
    DIR *dir = opendir("/proc");
    while (readdir(dir)) count++;
    closedir(dir);
    CHECK(count > processes);
    CHECK_OK(kill(-group, SIGSTOP)), CHECK_OK(kill(-group, SIGCONT)), CHECK_OK(kill(-group, 0));
    int status;
    for (int i = 0; i < 3; i++) CHECK_EQ(waitpid(-1, &status, WNOHANG), 0);
    CHECK_OK(kill(-group, SIGKILL));
    for (int i = 0; i < processes; i++) CHECK_OK(waitpid(-group, &status, 0));
    CHECK_ERR(waitpid(-1, &status, 0), ECHILD);
    // Orphans, all at once.
    CHECK_EXITED(IN_CHILD({
        for (int i = 0; i < processes; i++)
            if (MUST(fork()) == 0) sleep_ms(500), _exit(0);
    }), 0);
    sleep_ms(700);
}

static void queued(void) {
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGRTMIN), sigprocmask(SIG_BLOCK, &set, NULL);
    CHECK_EXITED(IN_CHILD({
        for (int i = 0; i < 4000; i++) sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
        signal(SIGRTMIN, SIG_IGN);
    }), 0);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "0") == 0) return 0;
    if (argc > 1) threads = atoi(argv[1]);
    if (argc > 2) processes = atoi(argv[2]);
    chosen = argv + (argc < 3 ? argc : 3);
    struct rlimit limit = {4096, 4096};
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    scratch();
    descriptors();
    if (wanted("timers")) timers();
    if (wanted("small buffers")) vectors(1);
    if (wanted("large buffers")) vectors(0);
    if (wanted("transfers")) transfers();
    if (wanted("names")) names();
    if (wanted("paths")) paths();
    if (wanted("long arguments")) arguments(0);
    if (wanted("many arguments")) arguments(1);
    many_threads();
    if (wanted("processes")) many_processes();
    if (wanted("queued signals")) queued();
    return verdict();
}
