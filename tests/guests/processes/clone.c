// oracle: linux; qemu's user mode knows only the shapes of fork and pthread_create
// syscalls: clone clone3 exit set_tid_address futex
#include "check.h"
#include <linux/futex.h>
#include <linux/sched.h>
#include <sys/mman.h>

#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

static _Alignas(16) char stack[65536];
static volatile int parent_tid, child_tid, ran, in_thread_pid, in_thread_tid;

static int body(void *argument) {
    in_thread_pid = syscall(SYS_getpid);
    in_thread_tid = syscall(SYS_gettid);
    ran = *(int *)argument;
    syscall(SYS_exit, 0);
    return 0;
}

static void wait_cleared(volatile int *word) {
    int value;
    while ((value = *word) != 0) syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static void thread(void) {
    section("a thread: ids, and CHILD_CLEARTID wakes");
    int argument = 42;
    child_tid = 1;
    int tid = CHECK_OK(clone(body, stack + sizeof stack, THREAD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
                             &argument, &parent_tid, NULL, &child_tid));
    CHECK_EQ(parent_tid, tid);
    wait_cleared(&child_tid);
    CHECK_EQ(ran, 42);
    CHECK_EQ(in_thread_pid, getpid());
    CHECK_EQ(in_thread_tid, tid);
    CHECK(tid != getpid());
    CHECK_ERR(waitpid(tid, NULL, __WALL), ECHILD);
}

static int change(void *unused) {
    (void)unused;
    ran = 77;
    close(50);
    chdir("/");
    return 3;
}

static void sharing(void) {
    section("what CLONE_VM, CLONE_FILES and CLONE_FS share");
    char here[256], there[256];
    getcwd(here, sizeof here);
    ran = 0;
    CHECK_EQ(dup2(1, 50), 50);
    pid_t child = CHECK_OK(clone(change, stack + sizeof stack, SIGCHLD, NULL));
    CHECK_EXITED(wait_status(child), 3);
    CHECK_EQ(ran, 0);
    CHECK_EQ(fcntl(50, F_GETFD), 0);
    getcwd(there, sizeof there);
    CHECK_STR(there, here);
    child = CHECK_OK(clone(change, stack + sizeof stack, CLONE_VM | CLONE_FILES | CLONE_FS | SIGCHLD, NULL));
    CHECK_EXITED(wait_status(child), 3);
    CHECK_EQ(ran, 77);
    CHECK_ERR(fcntl(50, F_GETFD), EBADF);
    getcwd(there, sizeof there);
    CHECK_STR(there, "/");
    CHECK_OK(chdir(here));
}

static int no_signal(void *unused) {
    (void)unused;
    return 4;
}

static void exit_signal(void) {
    section("no exit signal: only __WALL and __WCLONE wait for it");
    pid_t child = CHECK_OK(clone(no_signal, stack + sizeof stack, 0, NULL));
    CHECK_ERR(waitpid(child, NULL, 0), ECHILD);
    int status = 0;
    CHECK_EQ(waitpid(child, &status, __WALL), child);
    CHECK_EXITED(status, 4);
}

static void errors(void) {
    section("errors");
    CHECK_ERR(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0), EINVAL);
    CHECK_ERR(syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND, 0, 0, 0, 0), EINVAL);
    CHECK_ERR(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0), EINVAL);
}

static void third(void) {
    section("clone3");
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    pid_t child = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == -1 && errno == ENOSYS) return;
    if (child == 0) _exit(6);
    CHECK_EXITED(wait_status(child), 6);
    CHECK_ERR(syscall(SYS_clone3, &arguments, 8), EINVAL);
    CHECK_ERR(syscall(SYS_clone3, NOWHERE, sizeof arguments), EFAULT);
    arguments.exit_signal = 200;
    CHECK_ERR(syscall(SYS_clone3, &arguments, sizeof arguments), EINVAL);
}

int main(void) {
    CHECK_EQ(syscall(SYS_set_tid_address, NULL), getpid());
    thread();
    sharing();
    exit_signal();
    errors();
    third();
    return verdict();
}
