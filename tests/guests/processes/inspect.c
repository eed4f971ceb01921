// syscalls: kcmp process_vm_readv process_vm_writev pidfd_getfd pidfd_send_signal unshare setns clone clone3
// oracle: linux; qemu's user mode passes none of these on
//
// Looking into other processes, descriptors of processes, and ceasing to share.
#include "check.h"
#include <linux/kcmp.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#undef CLONE_PIDFD
#define CLONE_PIDFD 0x1000

static long kcmp(pid_t a, pid_t b, int type, unsigned long i, unsigned long j) {
    return syscall(SYS_kcmp, a, b, type, i, j);
}

static char shared_text[64] = "parent's";

int main(void) {
    scratch();
    int ready[2], go[2];
    CHECK_OK(pipe(ready));
    CHECK_OK(pipe(go));
    int file = MUST(open("file", O_RDWR | O_CREAT, 0644));
    CHECK_EQ(write(file, "content", 7), 7);
    pid_t child = MUST(fork());
    if (child == 0) {
        char c = 'r';
        strcpy(shared_text, "child's");
        file = dup2(file, 50);
        if (write(ready[1], &c, 1) != 1 || read(go[0], &c, 1) != 1) _exit(1);
        _exit(strcmp(shared_text, "written to"));
    }
    char c, text[64] = "";
    CHECK_EQ(read(ready[0], &c, 1), 1);
    pid_t self = getpid();

    section("kcmp");
    CHECK_EQ(kcmp(self, child, KCMP_FILE, file, 50), 0);
    CHECK_EQ(kcmp(self, self, KCMP_FILE, file, file), 0);
    CHECK(kcmp(self, child, KCMP_FILE, file, ready[0]) > 0);
    CHECK(kcmp(self, child, KCMP_VM, 0, 0) > 0);
    CHECK(kcmp(self, child, KCMP_FILES, 0, 0) > 0);
    CHECK_EQ(kcmp(self, self, KCMP_FS, 0, 0), 0);
    CHECK_EQ(kcmp(self, self, KCMP_SIGHAND, 0, 0), 0);
    long forth = kcmp(self, child, KCMP_VM, 0, 0), back = kcmp(child, self, KCMP_VM, 0, 0);
    CHECK_EQ(forth + back, 3);
    CHECK_ERR(kcmp(self, child, KCMP_FILE, file, 999), EBADF);
    CHECK_ERR(kcmp(self, child, 99, 0, 0), EINVAL);
    CHECK_ERR(kcmp(self, 4000000, KCMP_VM, 0, 0), ESRCH);

    section("memory of another process");
    struct iovec here = {text, sizeof text}, there = {shared_text, sizeof shared_text};
    CHECK_EQ(process_vm_readv(child, &here, 1, &there, 1, 0), 64);
    CHECK_STR(text, "child's");
    CHECK_STR(shared_text, "parent's");
    struct iovec two[2] = {{text, 3}, {text + 10, 5}}, parts[2] = {{shared_text, 1}, {shared_text + 1, 4}};
    memset(text, 0, sizeof text);
    CHECK_EQ(process_vm_readv(child, two, 2, parts, 2, 0), 5);
    CHECK_STR(text, "chi");
    CHECK_STR(text + 10, "ld");
    strcpy(text, "written to");
    CHECK_EQ(process_vm_writev(child, &here, 1, &there, 1, 0), 64);
    // What is there before the hole is transferred, in whole buffers.
    char *hole = MUST(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK_OK(munmap(hole + 4096, 4096));
    CHECK_ERR(process_vm_readv(self, &here, 1, &(struct iovec){hole + 4096, 8}, 1, 0), EFAULT);
    CHECK_EQ(process_vm_readv(self, &here, 1, ((struct iovec[]){{hole, 8}, {hole + 4096, 8}}), 2, 0), 8);
    CHECK_ERR(process_vm_readv(self, &(struct iovec){NOWHERE, 8}, 1, &(struct iovec){hole, 8}, 1, 0), EFAULT);
    CHECK_ERR(process_vm_readv(self, NOWHERE, 1, &there, 1, 0), EFAULT);
    CHECK_ERR(process_vm_readv(child, &here, 1, &there, 1, 1), EINVAL);
    CHECK_ERR(process_vm_readv(child, &here, 1025, &there, 1, 0), EINVAL);
    CHECK_ERR(process_vm_readv(4000000, &here, 1, &there, 1, 0), ESRCH);
    CHECK_EXITED(IN_CHILD({
        int fd = MUST(syscall(SYS_pidfd_open, child, 0));
        CHECK_OK(setuid(1000));
        CHECK_ERR(process_vm_readv(child, &here, 1, &there, 1, 0), EPERM);
        CHECK_ERR(process_vm_writev(child, &here, 1, &there, 1, 0), EPERM);
        CHECK_ERR(kcmp(self, child, KCMP_VM, 0, 0), EPERM);
        CHECK_ERR(syscall(SYS_pidfd_getfd, fd, 50, 0), EPERM);
    }), 0);

    section("descriptors of processes");
    int pidfd = MUST(syscall(SYS_pidfd_open, child, 0));
    int got = CHECK_OK(syscall(SYS_pidfd_getfd, pidfd, 50, 0));
    CHECK_EQ(fcntl(got, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(pread(got, text, 7, 0), 7);
    CHECK_MEM(text, "content", 7);
    CHECK_ERR(syscall(SYS_pidfd_getfd, pidfd, 51, 0), EBADF);
    CHECK_ERR(syscall(SYS_pidfd_getfd, pidfd, 50, 1), EINVAL);
    CHECK_ERR(syscall(SYS_pidfd_getfd, file, 50, 0), EBADF);
    char path[32];
    snprintf(path, sizeof path, "/proc/%d", child);
    int dir = MUST(open(path, O_RDONLY | O_DIRECTORY));
    CHECK_OK(syscall(SYS_pidfd_send_signal, dir, 0, NULL, 0));
    CHECK_ERR(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0x100), EINVAL);
    CHECK_ERR(syscall(SYS_pidfd_send_signal, pidfd, 99, NULL, 0), EINVAL);
    int root = MUST(open("/", O_RDONLY));
    CHECK_ERR(syscall(SYS_pidfd_send_signal, root, 0, NULL, 0), EBADF);
    CHECK_EQ(write(go[1], &c, 1), 1);
    CHECK_EXITED(wait_status(child), 0);
    CHECK_ERR(syscall(SYS_pidfd_getfd, pidfd, 50, 0), ESRCH);
    CHECK_ERR(process_vm_readv(child, &here, 1, &there, 1, 0), ESRCH);

    section("clone with a descriptor");
    int of_child = -1;
    struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&of_child, .exit_signal = SIGCHLD};
    child = syscall(SYS_clone3, &args, sizeof args);
    if (child == 0) _exit(fcntl(of_child, F_GETFD) == -1 ? 7 : 8);
    CHECK(child > 0);
    CHECK_EQ(fcntl(of_child, F_GETFD), FD_CLOEXEC);
    struct pollfd waits = {of_child, POLLIN, 0};
    CHECK_EQ(poll(&waits, 1, 5000), 1);
    siginfo_t info;
    CHECK_OK(waitid(P_PIDFD, of_child, &info, WEXITED));
    CHECK_EQ(info.si_pid, child);
    // The descriptor number of the parent's stands in the child's copy of the variable; the child has no such descriptor.
    CHECK_EQ(info.si_status, 7);
    close(of_child);
    args.pidfd = (uintptr_t)NOWHERE;
    int lowest = dup(0);
    close(lowest);
    CHECK_ERR(syscall(SYS_clone3, &args, sizeof args), EFAULT);
    int again = dup(0);
    CHECK_EQ(again, lowest);
    close(again);
    args.pidfd = (uintptr_t)&of_child;
    args.flags = CLONE_PIDFD | CLONE_PARENT_SETTID;
    args.parent_tid = (uintptr_t)&of_child;
    CHECK_ERR(syscall(SYS_clone3, &args, sizeof args), EINVAL);

    section("unshare");
    CHECK_OK(unshare(0));
    CHECK_OK(unshare(CLONE_FILES));
    CHECK_OK(unshare(CLONE_FS | CLONE_SYSVSEM));
    CHECK_OK(unshare(CLONE_THREAD));
    CHECK_ERR(unshare(1), EINVAL);
    CHECK_EXITED(IN_CHILD({
        CHECK_OK(setuid(1000));
        CHECK_ERR(unshare(CLONE_NEWUTS), EPERM);
        CHECK_ERR(unshare(CLONE_NEWNET | CLONE_NEWNS), EPERM);
    }), 0);
    CHECK_ERR(setns(file, 0), EINVAL);
    CHECK_ERR(setns(-1, 0), EBADF);
    return verdict();
}
