// syscalls: wait4 waitid exit_group exit
#include "check.h"
#include <pthread.h>
#include <sys/resource.h>

static void *leave(void *unused) {
    (void)unused;
    syscall(SYS_exit_group, 9);
    return NULL;
}

static void *stay(void *unused) {
    (void)unused;
    sleep_ms(30);
    _exit(10);
}

static void statuses(void) {
    section("statuses");
    CHECK_EXITED(IN_CHILD(_exit(0)), 0);
    CHECK_EXITED(IN_CHILD(_exit(255)), 255);
    CHECK_EXITED(IN_CHILD(_exit(256 + 3)), 3);
    CHECK_EXITED(IN_CHILD(_exit(-1)), 255);
    CHECK_KILLED(IN_CHILD(raise(SIGKILL)), SIGKILL);
    CHECK_KILLED(IN_CHILD(raise(SIGTERM)), SIGTERM);
    CHECK_KILLED(IN_CHILD(abort()), SIGABRT);
    CHECK_EXITED(IN_CHILD({
                     pthread_t thread;
                     pthread_create(&thread, NULL, leave, NULL);
                     for (;;) pause();
                 }),
                 9);
    CHECK_EXITED(IN_CHILD({
                     pthread_t thread;
                     pthread_create(&thread, NULL, stay, NULL);
                     syscall(SYS_exit, 1);
                 }),
                 10);
}

static void options(void) {
    section("options");
    int status, p[2];
    CHECK_ERR(waitpid(-1, &status, 0), ECHILD);
    CHECK_ERR(waitpid(-1, &status, WNOHANG), ECHILD);
    CHECK_ERR(waitpid(getpid(), &status, 0), ECHILD);
    CHECK_ERR(waitpid(-1, &status, 0x100), EINVAL);
    CHECK_OK(pipe(p));
    pid_t child = MUST(fork());
    if (child == 0) {
        char byte;
        close(p[1]);
        _exit(read(p[0], &byte, 1) == 0 ? 4 : 5);
    }
    status = 1234;
    CHECK_EQ(waitpid(child, &status, WNOHANG), 0);
    CHECK_EQ(waitpid(-1, &status, WNOHANG), 0);
    close(p[1]), close(p[0]);
    struct rusage usage;
    memset(&usage, 0xff, sizeof usage);
    CHECK_EQ(wait4(child, &status, 0, &usage), child);
    CHECK_EXITED(status, 4);
    CHECK(usage.ru_utime.tv_sec >= 0 && usage.ru_utime.tv_sec < 60);
    CHECK_ERR(waitpid(child, &status, 0), ECHILD);
    pid_t again = MUST(fork());
    if (again == 0) _exit(1);
    CHECK_EQ(waitpid(again, NULL, 0), again);
}

static void groups(void) {
    section("by process group");
    int status;
    pid_t a = MUST(fork());
    if (a == 0) _exit(1);
    CHECK_OK(setpgid(a, a));
    pid_t b = MUST(fork());
    if (b == 0) _exit(2);
    CHECK_EQ(waitpid(0, &status, 0), b);
    CHECK_EXITED(status, 2);
    CHECK_ERR(waitpid(0, &status, 0), ECHILD);
    CHECK_EQ(waitpid(-a, &status, 0), a);
    CHECK_EXITED(status, 1);
}

static void information(void) {
    section("waitid");
    siginfo_t info;
    pid_t child = MUST(fork());
    if (child == 0) _exit(21);
    memset(&info, 0xff, sizeof info);
    CHECK_OK(waitid(P_PID, child, &info, WEXITED | WNOWAIT));
    CHECK_EQ(info.si_signo, SIGCHLD);
    CHECK_EQ(info.si_code, CLD_EXITED);
    CHECK_EQ(info.si_status, 21);
    CHECK_EQ(info.si_pid, child);
    CHECK_EQ(info.si_uid, getuid());
    memset(&info, 0xff, sizeof info);
    CHECK_OK(waitid(P_ALL, 0, &info, WEXITED));
    CHECK_EQ(info.si_pid, child);
    CHECK_ERR(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
    CHECK_ERR(waitid(P_ALL, 0, &info, 0), EINVAL);
    CHECK_ERR(waitid(99, 0, &info, WEXITED), EINVAL);
    child = MUST(fork());
    if (child == 0) {
        raise(SIGSTOP);
        for (;;) pause();
    }
    CHECK_OK(waitid(P_PID, child, &info, WSTOPPED));
    CHECK_EQ(info.si_code, CLD_STOPPED);
    CHECK_EQ(info.si_status, SIGSTOP);
    CHECK_OK(kill(child, SIGCONT));
    CHECK_OK(waitid(P_PID, child, &info, WCONTINUED));
    CHECK_EQ(info.si_code, CLD_CONTINUED);
    CHECK_EQ(info.si_status, SIGCONT);
    memset(&info, 0xff, sizeof info);
    CHECK_OK(waitid(P_PID, child, &info, WEXITED | WNOHANG));
    CHECK_EQ(info.si_pid, 0);
    CHECK_OK(kill(child, SIGKILL));
    CHECK_OK(waitid(P_PID, child, &info, WEXITED));
    CHECK_EQ(info.si_code, CLD_KILLED);
    CHECK_EQ(info.si_status, SIGKILL);
}

static void stopped(void) {
    section("stopped and continued");
    int status;
    pid_t child = MUST(fork());
    if (child == 0) {
        raise(SIGSTOP);
        _exit(8);
    }
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(WSTOPSIG(status), SIGSTOP);
    CHECK_EQ(waitpid(child, &status, WUNTRACED | WNOHANG), 0);
    CHECK_OK(kill(child, SIGCONT));
    CHECK_EXITED(wait_status(child), 8);
}

static void orphans(void) {
    section("an orphan gets another parent");
    int p[2];
    pid_t values[2];
    CHECK_OK(pipe(p));
    CHECK_EXITED(IN_CHILD({
                     pid_t middle = getpid();
                     if (fork() == 0) {
                         while (getppid() == middle) sleep_ms(1);
                         values[0] = middle, values[1] = getppid();
                         write(p[1], values, sizeof values);
                         _exit(0);
                     }
                 }),
                 0);
    CHECK_EQ(read(p[0], values, sizeof values), sizeof values);
    CHECK(values[0] != values[1]);
    CHECK(values[1] > 0);
}

int main(void) {
    statuses();
    options();
    groups();
    information();
    stopped();
    orphans();
    return verdict();
}
