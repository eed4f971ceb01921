// syscalls: futex waitid timer_create timerfd_create execve mremap
// oracle: linux; qemu's user mode has threads and limits of its own
//
// Errors that take some preparation: a lock's owner that is gone, limits that a change of user meets, broken interpreters.
#include "errors.h"
#include <elf.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define RAW(name, ...) TRY(name, syscall(SYS_##name, __VA_ARGS__))

#ifndef PIDFD_NONBLOCK
#define PIDFD_NONBLOCK O_NONBLOCK
#endif

static void put(const char *path, const void *bytes, size_t length) {
    int fd = MUST(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755));
    CHECK_EQ(write(fd, bytes, length), length);
    close(fd);
}

// A program that wants another as its interpreter.
static void put_program(const char *path, const char *interpreter) {
    struct {
        Elf64_Ehdr header;
        Elf64_Phdr segments[2];
        char interpreter[32];
    } program;
    memset(&program, 0, sizeof program);
    int self = MUST(open("/proc/self/exe", O_RDONLY));
    CHECK_EQ(read(self, &program.header, sizeof program.header), sizeof program.header);
    close(self);
    program.header.e_phoff = offsetof(__typeof__(program), segments);
    program.header.e_phnum = 2;
    program.header.e_shnum = program.header.e_shoff = 0;
    program.segments[0] = (Elf64_Phdr){.p_type = PT_INTERP, .p_flags = PF_R, .p_align = 1};
    program.segments[0].p_offset = offsetof(__typeof__(program), interpreter);
    program.segments[0].p_filesz = program.segments[0].p_memsz = strlen(interpreter) + 1;
    program.segments[1] = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_align = 4096};
    program.segments[1].p_vaddr = program.segments[1].p_paddr = 0x10000;
    program.segments[1].p_filesz = program.segments[1].p_memsz = sizeof program;
    strcpy(program.interpreter, interpreter);
    put(path, &program, sizeof program);
}

int main(void) {
    section("locks");
    unsigned word = gettid();
    RAW(futex, &word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
    word = 0;
    RAW(futex, &word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
    word = 4000000;
    RAW(futex, &word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);

    section("a child that has not ended");
    pid_t child = MUST(fork());
    if (child == 0)
        for (;;) pause();
    int pidfd = MUST(syscall(SYS_pidfd_open, child, PIDFD_NONBLOCK));
    siginfo_t info;
    TRY(waitid, waitid(P_PIDFD, pidfd, &info, WEXITED));
    kill(child, SIGKILL);
    wait_status(child);

    section("timers");
    timer_t timer;
    RAW(timer_create, CLOCK_MONOTONIC_RAW, NULL, &timer);
    AS_USER(RAW(timerfd_create, CLOCK_REALTIME_ALARM, 0));
    WITH_LIMIT(RLIMIT_SIGPENDING, 0, RAW(timer_create, CLOCK_MONOTONIC, NULL, &timer));

    section("programs");
    scratch();
    CHECK_OK(chmod(".", 0755));
    char text[200];
    memset(text, '#', sizeof text);
    put("text", text, sizeof text);
    put_program("with-text", "text");
    TRY(execve, execl("./with-text", "with-text", NULL));
    CHECK_OK(mkdir("folder", 0755));
    put_program("with-folder", "folder");
    TRY(execve, execl("./with-folder", "with-folder", NULL));
    // Becoming a user with too many processes does not fail; executing a program then does.
    pid_t others[2];
    for (int i = 0; i < 2; i++)
        if ((others[i] = MUST(fork())) == 0) {
            if (setgid(1234567) || setuid(1234567)) _exit(98);
            for (;;) pause();
        }
    sleep_ms(20);
    WITH_LIMIT(RLIMIT_NPROC, 1, {
        if (setgid(1234567) || setuid(1234567)) _exit(98);
        TRY(execve, execl("/proc/self/exe", "rare", NULL));
    });
    for (int i = 0; i < 2; i++) {
        kill(others[i], SIGKILL);
        wait_status(others[i]);
    }

    section("locked memory");
    WITH_LIMIT(RLIMIT_MEMLOCK, 8192, {
        if (setuid(1000)) _exit(98);
        char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK_OK(mlock(pages, 8192));
        RAW(mremap, pages, 8192, 16384, MREMAP_MAYMOVE);
    });
    return verdict();
}
