// syscalls: ptrace
// only: riscv64
// oracle: man page; Linux on riscv64 has no single steps (EIO)
//
// Single steps: one instruction each, compressed ones, jumps, calls and system calls; breakpoints by writing code, in
// registers and through /proc/PID/mem.
#include "check.h"
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

extern char start[], loop[], after[], call_at[], end[];

__attribute__((noinline)) static long stepped(void) {
    long result;
    __asm__ volatile(".globl start, loop, after, call_at, end\n"
                     ".option push\n"
                     ".option norvc\n"
                     "start: ebreak\n"
                     "li t0, 5\n"
                     "li %0, 0\n"
                     "loop: addi %0, %0, 3\n"
                     "addi t0, t0, -1\n"
                     "bnez t0, loop\n"
                     "after: nop\n"
                     "li a7, 173\n"
                     "call_at: ecall\n"
                     "end: nop\n"
                     ".option pop\n"
                     : "=&r"(result)
                     :
                     : "t0", "a0", "a7", "memory");
    return result;
}

static void registers(pid_t child, int what, long *values) {
    struct iovec io = {values, 32 * sizeof *values};
    CHECK_OK(ptrace(what, child, NT_PRSTATUS, &io));
}

static int stop_of(pid_t child) {
    int status = -1;
    CHECK_EQ(waitpid(child, &status, 0), child);
    return WIFSTOPPED(status) ? WSTOPSIG(status) : -1;
}

static long step(pid_t child) {
    long values[32];
    CHECK_OK(ptrace(PTRACE_SINGLESTEP, child, 0, 0));
    CHECK_EQ(stop_of(child), SIGTRAP);
    registers(child, PTRACE_GETREGSET, values);
    return values[0];
}

static pid_t begin(void) {
    pid_t child = MUST(fork());
    if (child == 0) {
        MUST(ptrace(PTRACE_TRACEME, 0, 0, 0));
        raise(SIGSTOP);
        _exit(stepped());
    }
    CHECK_EQ(stop_of(child), SIGSTOP);
    return child;
}

int main(void) {
    long values[32];
    siginfo_t info;
    section("steps");
    pid_t child = begin();
    CHECK_OK(ptrace(PTRACE_CONT, child, 0, 0));
    CHECK_EQ(stop_of(child), SIGTRAP);
    CHECK_OK(ptrace(PTRACE_GETSIGINFO, child, 0, &info));
    CHECK_EQ(info.si_code, TRAP_BRKPT);
    registers(child, PTRACE_GETREGSET, values);
    CHECK_EQ(values[0], (long)start);
    values[0] += 4;
    registers(child, PTRACE_SETREGSET, values);
    long pc = values[0], steps = 0;
    while (pc != (long)after && steps < 100) {
        long next = step(child);
        steps++;
        CHECK(next == pc + 4 || (pc == (long)after - 4 && next == (long)loop));
        pc = next;
    }
    CHECK_EQ(steps, 2 + 5 * 3);
    CHECK_OK(ptrace(PTRACE_GETSIGINFO, child, 0, &info));
    CHECK_EQ(info.si_code, TRAP_TRACE);
    section("over a system call");
    CHECK_EQ(step(child), (long)after + 4);
    CHECK_EQ(step(child), (long)call_at);
    CHECK_EQ(step(child), (long)end);
    registers(child, PTRACE_GETREGSET, values);
    CHECK_EQ(values[10], getpid());
    CHECK_OK(ptrace(PTRACE_CONT, child, 0, 0));
    CHECK_EXITED(wait_status(child), 15);

    section("breakpoints");
    child = begin();
    CHECK_OK(ptrace(PTRACE_CONT, child, 0, 0));
    CHECK_EQ(stop_of(child), SIGTRAP);
    registers(child, PTRACE_GETREGSET, values);
    values[0] += 4;
    registers(child, PTRACE_SETREGSET, values);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", child);
    int memory = MUST(open(path, O_RDWR));
    uint32_t ebreak = 0x00100073, old = 0, seen = 0;
    CHECK_EQ(pread(memory, &old, 4, (long)loop), 4);
    CHECK_EQ(old, *(uint32_t *)loop);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(pwrite(memory, &ebreak, 4, (long)loop), 4);
        CHECK_OK(ptrace(PTRACE_CONT, child, 0, 0));
        CHECK_EQ(stop_of(child), SIGTRAP);
        registers(child, PTRACE_GETREGSET, values);
        CHECK_EQ(values[0], (long)loop);
        CHECK_EQ(pwrite(memory, &old, 4, (long)loop), 4);
        CHECK_EQ(step(child), (long)loop + 4);
    }
    CHECK_EQ(pread(memory, &seen, 4, (long)loop), 4);
    CHECK_EQ(seen, old);
    CHECK_ERR(pread(memory, &seen, 4, 16), EIO);
    CHECK_ERR(pwrite(memory, &seen, 4, 16), EIO);
    CHECK_OK(ptrace(PTRACE_CONT, child, 0, 0));
    CHECK_EXITED(wait_status(child), 15);
    section("the tracer's code is its own");
    CHECK_EQ(*(uint32_t *)loop, old);

    section("a call made in a tracee's name, in the middle of another");
    child = MUST(fork());
    if (child == 0) {
        MUST(ptrace(PTRACE_TRACEME, 0, 0, 0));
        raise(SIGSTOP);
        struct timespec time = {0, 200000000};
        _exit(nanosleep(&time, NULL) == 0 ? 5 : errno);
    }
    CHECK_EQ(stop_of(child), SIGSTOP);
    CHECK_OK(ptrace(PTRACE_CONT, child, 0, 0));
    sleep_ms(30);
    kill(child, SIGUSR1);
    CHECK_EQ(stop_of(child), SIGUSR1);
    long kept[32], other[32];
    registers(child, PTRACE_GETREGSET, kept);
    memcpy(other, kept, sizeof other);
    other[0] = (long)call_at, other[17] = SYS_getppid;
    registers(child, PTRACE_SETREGSET, other);
    CHECK_EQ(step(child), (long)end);
    registers(child, PTRACE_GETREGSET, other);
    CHECK_EQ(other[10], getpid());
    registers(child, PTRACE_SETREGSET, kept);
    CHECK_OK(ptrace(PTRACE_CONT, child, 0, 0));
    CHECK_EXITED(wait_status(child), 5);
    return verdict();
}
