// syscalls: kill tkill tgkill rt_sigaction
#include "check.h"
#include <pthread.h>

static siginfo_t last;
static volatile int count;
static volatile pid_t handled_by;

static void note(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    last = *info;
    handled_by = gettid();
    count++;
}

static volatile pid_t other_tid;
static atomic_int stop;

static void *waiting(void *unused) {
    other_tid = gettid();
    while (!stop) sleep_ms(1);
    return unused;
}

int main(void) {
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGCHLD, &action, NULL);

    section("kill");
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(count, 1);
    CHECK_EQ(last.si_signo, SIGUSR1);
    CHECK_EQ(last.si_code, SI_USER);
    CHECK_EQ(last.si_pid, getpid());
    CHECK_EQ(last.si_uid, getuid());
    CHECK_OK(kill(getpid(), 0));
    CHECK_ERR(kill(getpid(), 65), EINVAL);
    CHECK_ERR(kill(getpid(), -1), EINVAL);
    CHECK_ERR(kill(4000000, SIGUSR1), ESRCH);
    CHECK_ERR(kill(-4000000, SIGUSR1), ESRCH);

    section("tkill and tgkill");
    CHECK_OK(syscall(SYS_tkill, gettid(), SIGUSR1));
    CHECK_EQ(last.si_code, SI_TKILL);
    CHECK_OK(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1));
    CHECK_EQ(count, 3);
    CHECK_ERR(syscall(SYS_tgkill, getpid(), 4000000, SIGUSR1), ESRCH);
    CHECK_ERR(syscall(SYS_tgkill, -1, gettid(), SIGUSR1), EINVAL);
    CHECK_ERR(syscall(SYS_tkill, 0, SIGUSR1), EINVAL);

    section("to one thread");
    pthread_t thread;
    CHECK_ZERO(pthread_create(&thread, NULL, waiting, NULL));
    while (!other_tid) sched_yield();
    int before = count;
    CHECK_OK(syscall(SYS_tgkill, getpid(), other_tid, SIGUSR1));
    while (count == before) sched_yield();
    CHECK_EQ(handled_by, other_tid);
    // A signal to the process goes to a thread that does not block it.
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &one, NULL);
    before = count;
    CHECK_OK(kill(getpid(), SIGUSR1));
    while (count == before) sched_yield();
    CHECK_EQ(handled_by, other_tid);
    pthread_sigmask(SIG_UNBLOCK, &one, NULL);
    stop = 1;
    CHECK_ZERO(pthread_join(thread, NULL));

    section("SIGCHLD");
    before = count;
    pid_t child = MUST(fork());
    if (child == 0) _exit(17);
    while (count == before) sleep_ms(1);
    CHECK_EQ(last.si_signo, SIGCHLD);
    CHECK_EQ(last.si_code, CLD_EXITED);
    CHECK_EQ(last.si_pid, child);
    CHECK_EQ(last.si_status, 17);
    CHECK_EXITED(wait_status(child), 17);
    before = count;
    child = MUST(fork());
    if (child == 0) raise(SIGKILL);
    while (count == before) sleep_ms(1);
    CHECK_EQ(last.si_code, CLD_KILLED);
    CHECK_EQ(last.si_status, SIGKILL);
    CHECK_KILLED(wait_status(child), SIGKILL);

    section("to a process group");
    before = count;
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(setpgid(0, 0));
                     count = 0;
                     CHECK_OK(kill(0, SIGUSR1));
                     CHECK_EQ(count, 1);
                     CHECK_OK(kill(-getpid(), SIGUSR1));
                     CHECK_EQ(count, 2);
                 }),
                 0);
    return verdict();
}
