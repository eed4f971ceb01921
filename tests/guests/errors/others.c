// syscalls: clone clone3 unshare setpgid msgrcv msgsnd semop semtimedop fcntl sendmsg setns
// oracle: linux; qemu's user mode has no namespaces
//
// Errors that need two processes: what was removed under a waiter, who executed a program, namespaces of one's own.
#include "errors.h"
#include <linux/sched.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>

#define RAW(name, ...) TRY(name, syscall(SYS_##name, __VA_ARGS__))

// A child that waits for what is then removed; it says how its wait ended.
#define REMOVED(removal, ...)                                                                       \
    do {                                                                                            \
        pid_t waiter_ = MUST(fork());                                                               \
        if (waiter_ == 0) {                                                                         \
            __VA_ARGS__;                                                                            \
            _exit(0);                                                                               \
        }                                                                                           \
        sleep_ms(200);                                                                              \
        CHECK_OK(removal);                                                                          \
        CHECK_EXITED(wait_status(waiter_), 0);                                                      \
    } while (0)

int main(int argc, char **argv) {
    (void)argc;
    section("removed under a waiter");
    struct {
        long type;
        char bytes[16];
    } letter = {1, ""};
    struct sembuf down = {0, -1, 0};
    struct timespec span = {100, 0};
    int queue = MUST(msgget(IPC_PRIVATE, 0600)), one = MUST(semget(IPC_PRIVATE, 1, 0600)), two = MUST(semget(IPC_PRIVATE, 1, 0600));
    REMOVED(msgctl(queue, IPC_RMID, NULL), RAW(msgrcv, queue, &letter, 16, 0, 0));
    REMOVED(semctl(one, 0, IPC_RMID), TRY(semop, semop(one, &down, 1)));
    REMOVED(semctl(two, 0, IPC_RMID), RAW(semtimedop, two, &down, 1, &span));
    queue = MUST(msgget(IPC_PRIVATE, 0600));
    struct msqid_ds state;
    CHECK_OK(msgctl(queue, IPC_STAT, &state));
    state.msg_qbytes = 16;
    CHECK_OK(msgctl(queue, IPC_SET, &state));
    CHECK_OK(msgsnd(queue, &letter, 16, 0));
    REMOVED(msgctl(queue, IPC_RMID, NULL), RAW(msgsnd, queue, &letter, 16, 0));

    section("a child that executed a program");
    int ready[2];
    CHECK_OK(pipe2(ready, O_CLOEXEC));
    pid_t child = MUST(fork());
    if (child == 0) {
        execl("/proc/self/exe", argv[0], "child", NULL);
        _exit(1);
    }
    close(ready[1]);
    char byte;
    CHECK_EQ(read(ready[0], &byte, 1), 0);
    RAW(setpgid, child, child);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);

    section("namespaces");
    AS_USER({
        struct clone_args args = {.flags = CLONE_NEWUTS, .exit_signal = SIGCHLD};
        RAW(clone, CLONE_NEWUTS | SIGCHLD, NULL, NULL, NULL, NULL);
        RAW(clone3, &args, sizeof args);
        RAW(unshare, CLONE_NEWUTS);
        int self = syscall(SYS_pidfd_open, getpid(), 0);
        RAW(setns, self, CLONE_NEWUTS);
    });

    section("control messages");
    int pair[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    struct {
        struct cmsghdr header;
        int fd;
    } control = {{.cmsg_len = 4, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}, -1};
    struct iovec buffer = {&byte, 1};
    struct msghdr message = {.msg_iov = &buffer, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    RAW(sendmsg, pair[0], &message, 0);
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    RAW(sendmsg, pair[0], &message, 0);
    return verdict();
}

__attribute__((constructor)) static void wait_as_child(int argc) {
    if (argc > 1)
        for (;;) pause();
}
