// syscalls: ptrace
// oracle: linux; qemu's user mode has none
//
// Tracing: stops at calls, signals and events, memory and registers, attaching and seizing, what ends it.
#include "check.h"
#include <elf.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <linux/ptrace.h>

#define EVENT(event) (SIGTRAP | (event) << 8)

static int waited(pid_t child) {
    int status = -1;
    CHECK_EQ(waitpid(child, &status, __WALL), child);
    return status;
}
#define CHECK_STOPPED(child, code)                                                         \
    do {                                                                                   \
        int status_ = waited(child);                                                       \
        if ((status_ & 0xff) != 0x7f || status_ >> 8 != (code))                            \
            CHECK_FAILED("  line %d: status %#x, not a stop with %#x", __LINE__, status_,  \
                         (int)(code));                                                     \
    } while (0)

static long request(int what, pid_t child, long addr, long data) {
    return syscall(SYS_ptrace, what, child, addr, data);
}
static void go(int what, pid_t child, int signal) { CHECK_OK(request(what, child, 0, signal)); }

static struct __ptrace_syscall_info call_info(pid_t child) {
    struct __ptrace_syscall_info info;
    memset(&info, 0, sizeof info);
    CHECK(request(PTRACE_GET_SYSCALL_INFO, child, sizeof info, (long)&info) > 0);
    return info;
}


static pid_t traced_child(void) {
    pid_t child = MUST(fork());
    if (child != 0) CHECK_STOPPED(child, SIGSTOP);
    else {
        MUST(request(PTRACE_TRACEME, 0, 0, 0));
        raise(SIGSTOP);
    }
    return child;
}

static void errors(void) {
    section("errors");
    long word;
    CHECK_ERR(request(PTRACE_CONT, 999999, 0, 0), ESRCH);
    CHECK_ERR(request(PTRACE_PEEKDATA, getpid(), (long)&word, (long)&word), ESRCH);
    CHECK_ERR(request(PTRACE_ATTACH, getpid(), 0, 0), EPERM);
    CHECK_ERR(request(PTRACE_ATTACH, 999999, 0, 0), ESRCH);
    CHECK_ERR(request(PTRACE_SEIZE, 999999, 0, 0), ESRCH);
    pid_t child = traced_child();
    if (child == 0) {
        CHECK_ERR(request(PTRACE_TRACEME, 0, 0, 0), EPERM);
        _exit(check_failures != 0);
    }
    CHECK_ERR(request(PTRACE_CONT, child, 0, 99), EIO);
    CHECK_ERR(request(PTRACE_SETOPTIONS, child, 0, 1 << 30), EINVAL);
    CHECK_ERR(request(PTRACE_PEEKDATA, child, 16, (long)&word), EIO);
    CHECK_ERR(request(PTRACE_POKEDATA, child, 16, 0), EIO);
    CHECK_ERR(request(PTRACE_INTERRUPT, child, 0, 0), EIO);
    CHECK_ERR(request(PTRACE_LISTEN, child, 0, 0), EIO);
    CHECK_ERR(request(PTRACE_ATTACH, child, 0, 0), EPERM);
    CHECK_ERR(request(0x4299, child, 0, 0), EIO);
    struct iovec io = {&word, 8};
    CHECK_ERR(request(PTRACE_GETREGSET, child, 9999, (long)&io), EINVAL);
    CHECK_ERR(request(PTRACE_GETREGSET, child, NT_PRSTATUS, (long)NOWHERE), EFAULT);
    io.iov_len = 7;
    CHECK_ERR(request(PTRACE_GETREGSET, child, NT_PRSTATUS, (long)&io), EINVAL);
    go(PTRACE_CONT, child, 0);
    CHECK_EXITED(waited(child), 0);
    CHECK_ERR(request(PTRACE_CONT, child, 0, 0), ESRCH);
    int status = IN_CHILD({
        pid_t parent = getppid();
        MUST(setresgid(65534, 65534, 65534));
        MUST(setresuid(65534, 65534, 65534));
        CHECK_ERR(request(PTRACE_ATTACH, parent, 0, 0), EPERM);
        CHECK_ERR(request(PTRACE_SEIZE, parent, 0, 0), EPERM);
    });
    CHECK_EXITED(status, 0);
}

static volatile long variable = 0x1234567890;

static void memory(void) {
    section("memory and registers");
    static const volatile long constant = 77;
    pid_t child = traced_child();
    if (child == 0) _exit(variable == 5 && constant == 78 ? 0 : 1);
    long word = 0;
    CHECK_OK(request(PTRACE_PEEKDATA, child, (long)&variable, (long)&word));
    CHECK_EQ(word, 0x1234567890);
    CHECK_OK(request(PTRACE_POKEDATA, child, (long)&variable, 5));
    CHECK_EQ(variable, 0x1234567890);
    CHECK_OK(request(PTRACE_POKETEXT, child, (long)&constant, 78));
    CHECK_EQ(constant, 77);
    long registers[64] = {0};
    struct iovec io = {registers, sizeof registers};
    CHECK_OK(request(PTRACE_GETREGSET, child, NT_PRSTATUS, (long)&io));
    CHECK(io.iov_len < sizeof registers && io.iov_len >= 200);
    size_t length = io.iov_len;
    CHECK_OK(request(PTRACE_SETREGSET, child, NT_PRSTATUS, (long)&io));
    io.iov_len = 16;
    CHECK_OK(request(PTRACE_GETREGSET, child, NT_PRSTATUS, (long)&io));
    CHECK_EQ(io.iov_len, 16);
    io.iov_len = sizeof registers;
    CHECK_OK(request(PTRACE_GETREGSET, child, NT_PRFPREG, (long)&io));
    CHECK(io.iov_len >= 256 || length != 256);
    siginfo_t info;
    CHECK_OK(request(PTRACE_GETSIGINFO, child, 0, (long)&info));
    CHECK_EQ(info.si_signo, SIGSTOP);
    CHECK_EQ(info.si_code, SI_TKILL);
    uint64_t mask = 0;
    CHECK_OK(request(PTRACE_GETSIGMASK, child, 8, (long)&mask));
    CHECK_ERR(request(PTRACE_GETSIGMASK, child, 4, (long)&mask), EINVAL);
    CHECK_OK(request(PTRACE_SETSIGMASK, child, 8, (long)&mask));
    char path[64], text[4096] = "";
    snprintf(path, sizeof path, "/proc/%d/status", child);
    int fd = MUST(open(path, O_RDONLY));
    MUST(read(fd, text, sizeof text - 1));
    close(fd);
    snprintf(path, sizeof path, "TracerPid:\t%d\n", getpid());
    CHECK(strstr(text, path) != NULL);
    CHECK(strstr(text, "State:\tt (tracing stop)\n") != NULL);
    go(PTRACE_CONT, child, 0);
    CHECK_EXITED(waited(child), 0);
}

static void calls(void) {
    section("calls");
    pid_t child = traced_child();
    if (child == 0) {
        syscall(SYS_getppid);
        syscall(SYS_lseek, -1L, 2L, 3L);
        _exit(7);
    }
    CHECK_OK(request(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD));
    CHECK_EQ(call_info(child).op, PTRACE_SYSCALL_INFO_NONE);
    // The way out of the call that stopped it is not shown.
    int seen = 0;
    for (;;) {
        go(PTRACE_SYSCALL, child, 0);
        int status = waited(child);
        if (WIFEXITED(status)) {
            CHECK_EXITED(status, 7);
            break;
        }
        CHECK_EQ(status >> 8, SIGTRAP | 0x80);
        if (status >> 8 != (SIGTRAP | 0x80)) break;
        siginfo_t stop;
        CHECK_OK(request(PTRACE_GETSIGINFO, child, 0, (long)&stop));
        CHECK_EQ(stop.si_code, SIGTRAP | 0x80);
        __typeof__(call_info(child)) info = call_info(child);
        if (info.op != PTRACE_SYSCALL_INFO_ENTRY) continue;
        if (info.entry.nr == SYS_getppid) {
            seen |= 1;
            go(PTRACE_SYSCALL, child, 0);
            CHECK_STOPPED(child, SIGTRAP | 0x80);
            info = call_info(child);
            CHECK_EQ(info.op, PTRACE_SYSCALL_INFO_EXIT);
            CHECK_EQ(info.exit.rval, getpid());
            CHECK_EQ(info.exit.is_error, 0);
        } else if (info.entry.nr == SYS_lseek) {
            seen |= 2;
            CHECK_EQ(info.entry.args[0], (uint64_t)-1);
            CHECK_EQ(info.entry.args[1], 2);
            CHECK_EQ(info.entry.args[2], 3);
            go(PTRACE_SYSCALL, child, 0);
            CHECK_STOPPED(child, SIGTRAP | 0x80);
            info = call_info(child);
            CHECK_EQ(info.exit.rval, -EBADF);
            CHECK_EQ(info.exit.is_error, 1);
        }
    }
    CHECK_EQ(seen, 3);
}

static volatile int handled;
static void handler(int signal) { handled = signal; }

static void signals(void) {
    section("signals");
    pid_t child = traced_child();
    if (child == 0) {
        signal(SIGUSR1, handler);
        signal(SIGUSR2, handler);
        signal(SIGHUP, SIG_IGN);
        raise(SIGUSR1);
        if (handled != 0) _exit(1);
        raise(SIGUSR1);
        if (handled != SIGUSR2) _exit(2);
        raise(SIGHUP);
        raise(SIGTERM);
        _exit(3);
    }
    go(PTRACE_CONT, child, 0);
    CHECK_STOPPED(child, SIGUSR1);
    go(PTRACE_CONT, child, 0);
    CHECK_STOPPED(child, SIGUSR1);
    go(PTRACE_CONT, child, SIGUSR2);
    CHECK_STOPPED(child, SIGHUP);
    go(PTRACE_CONT, child, SIGHUP);
    CHECK_STOPPED(child, SIGTERM);
    go(PTRACE_CONT, child, SIGTERM);
    CHECK_KILLED(waited(child), SIGTERM);
    section("SIGKILL ends a stop");
    child = traced_child();
    if (child == 0) _exit(0);
    kill(child, SIGKILL);
    CHECK_KILLED(waited(child), SIGKILL);
    child = traced_child();
    if (child == 0) _exit(0);
    CHECK_OK(request(PTRACE_KILL, child, 0, 0));
    CHECK_KILLED(waited(child), SIGKILL);
}

static int null_main(void *argument) {
    (void)argument;
    return 0;
}

static void events(char **argv) {
    section("events");
    pid_t child = traced_child();
    if (child == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0) _exit(3);
        wait_status(grandchild);
        grandchild = vfork();
        if (grandchild == 0) _exit(4);
        wait_status(grandchild);
        static char stack[65536] __attribute__((aligned(16)));
        grandchild = clone(null_main, stack + sizeof stack, 0, NULL);
        waitpid(grandchild, NULL, __WALL);
        execl(argv[0], argv[0], "exit", NULL);
        _exit(99);
    }
    CHECK_OK(request(PTRACE_SETOPTIONS, child, 0,
                     PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
                         PTRACE_O_TRACEEXIT | PTRACE_O_TRACEVFORKDONE));
    static const int kinds[] = {PTRACE_EVENT_FORK, PTRACE_EVENT_VFORK, PTRACE_EVENT_CLONE};
    for (int i = 0; i < 3; i++) {
        unsigned long other = 0, message = 0;
        go(PTRACE_CONT, child, 0);
        CHECK_STOPPED(child, EVENT(kinds[i]));
        CHECK_OK(request(PTRACE_GETEVENTMSG, child, 0, (long)&other));
        CHECK(other > 0 && other != (unsigned long)child);
        CHECK_STOPPED(other, SIGSTOP);
        go(PTRACE_CONT, other, 0);
        CHECK_STOPPED(other, EVENT(PTRACE_EVENT_EXIT));
        CHECK_OK(request(PTRACE_GETEVENTMSG, other, 0, (long)&message));
        CHECK_EQ(message, i == 0 ? 0x300 : i == 1 ? 0x400 : 0);
        go(PTRACE_CONT, other, 0);
        CHECK_EXITED(waited(other), i == 0 ? 3 : i == 1 ? 4 : 0);
        go(PTRACE_CONT, child, 0);
        if (i == 1) {
            CHECK_STOPPED(child, EVENT(PTRACE_EVENT_VFORK_DONE));
            go(PTRACE_CONT, child, 0);
        }
        if (i < 2) {
            CHECK_STOPPED(child, SIGCHLD);
        }
    }
    CHECK_STOPPED(child, EVENT(PTRACE_EVENT_EXEC));
    go(PTRACE_CONT, child, 0);
    CHECK_STOPPED(child, EVENT(PTRACE_EVENT_EXIT));
    go(PTRACE_CONT, child, 0);
    CHECK_EXITED(waited(child), 42);
    section("exec without the option");
    child = traced_child();
    if (child == 0) {
        execl(argv[0], argv[0], "exit", NULL);
        _exit(99);
    }
    go(PTRACE_CONT, child, 0);
    CHECK_STOPPED(child, SIGTRAP);
    go(PTRACE_CONT, child, 0);
    CHECK_EXITED(waited(child), 42);
}

static void attaching(void) {
    section("attaching");
    pid_t child = MUST(fork());
    if (child == 0)
        for (;;) pause();
    CHECK_OK(request(PTRACE_ATTACH, child, 0, 0));
    CHECK_STOPPED(child, SIGSTOP);
    go(PTRACE_CONT, child, 0);
    kill(child, SIGUSR1);
    CHECK_STOPPED(child, SIGUSR1);
    go(PTRACE_DETACH, child, 0);
    CHECK_ERR(request(PTRACE_CONT, child, 0, 0), ESRCH);
    CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
    section("seizing");
    CHECK_OK(request(PTRACE_SEIZE, child, 0, PTRACE_O_TRACESYSGOOD));
    CHECK_EQ(waitpid(child, NULL, WNOHANG | __WALL), 0);
    CHECK_OK(request(PTRACE_INTERRUPT, child, 0, 0));
    CHECK_STOPPED(child, EVENT(PTRACE_EVENT_STOP));
    go(PTRACE_CONT, child, 0);
    section("a stop of the whole process");
    kill(child, SIGSTOP);
    CHECK_STOPPED(child, SIGSTOP);
    go(PTRACE_CONT, child, SIGSTOP);
    CHECK_STOPPED(child, SIGSTOP | PTRACE_EVENT_STOP << 8);
    CHECK_OK(request(PTRACE_LISTEN, child, 0, 0));
    CHECK_EQ(waitpid(child, NULL, WNOHANG | __WALL), 0);
    kill(child, SIGCONT);
    CHECK_STOPPED(child, EVENT(PTRACE_EVENT_STOP));
    go(PTRACE_CONT, child, 0);
    CHECK_STOPPED(child, SIGCONT);
    go(PTRACE_CONT, child, SIGCONT);
    kill(child, SIGTERM);
    CHECK_STOPPED(child, SIGTERM);
    go(PTRACE_DETACH, child, SIGTERM);
    CHECK_KILLED(waited(child), SIGTERM);
}

static void *sleeps(void *argument) {
    for (;;) pause();
    return argument;
}

static void ends(void) {
    section("a tracer's end");
    pid_t child = MUST(fork());
    if (child == 0)
        for (;;) pause();
    int status = IN_CHILD({
        CHECK_OK(request(PTRACE_ATTACH, child, 0, 0));
        CHECK_STOPPED(child, SIGSTOP);
    });
    CHECK_EXITED(status, 0);
    CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
    status = IN_CHILD(CHECK_OK(request(PTRACE_SEIZE, child, 0, PTRACE_O_EXITKILL)));
    CHECK_EXITED(status, 0);
    CHECK_KILLED(wait_status(child), SIGKILL);
    section("threads");
    int ready[2];
    char byte;
    MUST(pipe(ready));
    child = traced_child();
    if (child == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, sleeps, NULL);
        MUST(write(ready[1], "x", 1));
        pause();
        _exit(0);
    }
    CHECK_OK(request(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACECLONE));
    unsigned long thread = 0;
    go(PTRACE_CONT, child, 0);
    CHECK_STOPPED(child, EVENT(PTRACE_EVENT_CLONE));
    CHECK_OK(request(PTRACE_GETEVENTMSG, child, 0, (long)&thread));
    CHECK_STOPPED(thread, SIGSTOP);
    go(PTRACE_CONT, thread, 0);
    go(PTRACE_CONT, child, 0);
    MUST(read(ready[0], &byte, 1));
    kill(child, SIGKILL);
    CHECK_KILLED(waited(thread), SIGKILL);
    CHECK_KILLED(waited(child), SIGKILL);
}

int main(int argc, char **argv) {
    if (argc == 2) return 42;
    errors();
    memory();
    calls();
    signals();
    events(argv);
    attaching();
    ends();
    return verdict();
}
