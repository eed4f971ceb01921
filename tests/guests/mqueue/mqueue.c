// syscalls: mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
// oracle: linux; qemu's user mode answers some errors of its own
//
// POSIX message queues: names, priorities, waiting both ways and what ends it, who is told, readiness, limits.
#include "check.h"
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/time.h>

#define NAME "/tidemark-test"

static mqd_t make(int flags, long messages, long bytes) {
    struct mq_attr attr = {.mq_maxmsg = messages, .mq_msgsize = bytes};
    mq_unlink(NAME);
    return MUST(mq_open(NAME, O_CREAT | O_EXCL | O_RDWR | flags, 0600, &attr));
}
static struct mq_attr state(mqd_t queue) {
    struct mq_attr attr;
    memset(&attr, 0xff, sizeof attr);
    MUST(mq_getattr(queue, &attr));
    return attr;
}
static struct timespec in_ms(int ms) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    time.tv_nsec += ms * 1000000L;
    time.tv_sec += time.tv_nsec / 1000000000, time.tv_nsec %= 1000000000;
    return time;
}

static void names(void) {
    section("names");
    static char longest[300];
    mq_unlink(NAME);
    CHECK_ERR(mq_open(NAME, O_RDWR), ENOENT);
    CHECK_ERR(mq_unlink(NAME), ENOENT);
    mqd_t first = CHECK_OK(mq_open(NAME, O_CREAT | O_RDWR, 0600, NULL));
    CHECK_ERR(mq_open(NAME, O_CREAT | O_EXCL | O_RDWR, 0600, NULL), EEXIST);
    mqd_t second = CHECK_OK(mq_open(NAME, O_RDONLY));
    CHECK_EQ(fcntl(first, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(state(first).mq_maxmsg, 10);
    CHECK_EQ(state(first).mq_msgsize, 8192);
    CHECK_EQ(state(first).mq_curmsgs, 0);
    CHECK_EQ(state(first).mq_flags, 0);
    CHECK_OK(mq_send(first, "kept", 4, 0));
    CHECK_OK(mq_unlink(NAME));
    CHECK_ERR(mq_open(NAME, O_RDWR), ENOENT);
    static char buffer[8192];
    CHECK_EQ(mq_receive(second, buffer, sizeof buffer, NULL), 4);
    CHECK_OK(mq_close(first));
    CHECK_OK(mq_close(second));
    CHECK_ERR(mq_close(second), EBADF);
    CHECK_ERR(syscall(SYS_mq_open, "", O_CREAT | O_RDWR, 0600, NULL), ENOENT);
    CHECK_ERR(syscall(SYS_mq_open, "a/b", O_CREAT | O_RDWR, 0600, NULL), EACCES);
    CHECK_ERR(syscall(SYS_mq_open, "..", O_CREAT | O_RDWR, 0600, NULL), EACCES);
    CHECK_ERR(syscall(SYS_mq_open, NOWHERE, O_CREAT | O_RDWR, 0600, NULL), EFAULT);
    CHECK_ERR(syscall(SYS_mq_unlink, NOWHERE), EFAULT);
    memset(longest, 'n', 257);
    longest[0] = '/';
    CHECK_ERR(mq_open(longest, O_CREAT | O_RDWR, 0600, NULL), ENAMETOOLONG);
    CHECK_ERR(mq_unlink(longest), ENAMETOOLONG);
    longest[256] = 0;
    first = CHECK_OK(mq_open(longest, O_CREAT | O_RDWR, 0600, NULL));
    CHECK_OK(mq_unlink(longest));
    CHECK_OK(mq_close(first));
    struct mq_attr bad = {.mq_maxmsg = 0, .mq_msgsize = 10};
    CHECK_ERR(mq_open(NAME, O_CREAT | O_RDWR, 0600, &bad), EINVAL);
    bad = (struct mq_attr){.mq_maxmsg = 5, .mq_msgsize = 0};
    CHECK_ERR(mq_open(NAME, O_CREAT | O_RDWR, 0600, &bad), EINVAL);
    bad = (struct mq_attr){.mq_maxmsg = -1, .mq_msgsize = 10};
    CHECK_ERR(mq_open(NAME, O_CREAT | O_RDWR, 0600, &bad), EINVAL);
}

static void priorities(void) {
    section("priorities");
    mqd_t queue = make(0, 8, 32);
    char buffer[32];
    unsigned priority;
    CHECK_OK(mq_send(queue, "low", 3, 1));
    CHECK_OK(mq_send(queue, "high", 4, 32767));
    CHECK_OK(mq_send(queue, "middle", 6, 7));
    CHECK_OK(mq_send(queue, "", 0, 7));
    CHECK_EQ(state(queue).mq_curmsgs, 4);
    CHECK_EQ(mq_receive(queue, buffer, 32, &priority), 4);
    CHECK_EQ(priority, 32767);
    CHECK_MEM(buffer, "high", 4);
    CHECK_EQ(mq_receive(queue, buffer, 32, &priority), 6);
    CHECK_EQ(mq_receive(queue, buffer, 32, &priority), 0);
    CHECK_EQ(priority, 7);
    CHECK_EQ(mq_receive(queue, buffer, 32, NULL), 3);
    CHECK_ERR(mq_send(queue, "x", 1, 32768), EINVAL);
    CHECK_ERR(mq_send(queue, buffer, 33, 0), EMSGSIZE);
    CHECK_ERR(mq_receive(queue, buffer, 31, NULL), EMSGSIZE);
    CHECK_ERR(mq_send(queue, NOWHERE, 3, 0), EFAULT);
    mqd_t reader = MUST(mq_open(NAME, O_RDONLY)), writer = MUST(mq_open(NAME, O_WRONLY));
    CHECK_ERR(mq_send(reader, "x", 1, 0), EBADF);
    CHECK_ERR(mq_receive(writer, buffer, 32, NULL), EBADF);
    CHECK_ERR(mq_send(1, "x", 1, 0), EBADF);
    CHECK_ERR(mq_receive(-1, buffer, 32, NULL), EBADF);
    CHECK_ERR(mq_getattr(1, &(struct mq_attr){0}), EBADF);
    mq_close(reader), mq_close(writer), mq_close(queue);
}

static void nothing(int signal) { (void)signal; }

static void waiting(void) {
    section("waiting");
    mqd_t queue = make(0, 2, 16);
    char buffer[16];
    struct timespec soon = in_ms(10), bad = {0, 1000000000};
    CHECK_ERR(mq_timedreceive(queue, buffer, 16, NULL, &soon), ETIMEDOUT);
    CHECK_ERR(mq_timedreceive(queue, buffer, 16, NULL, &bad), EINVAL);
    CHECK_ERR(mq_timedreceive(queue, buffer, 16, NULL, NOWHERE), EFAULT);
    CHECK_OK(mq_send(queue, "1", 1, 0));
    CHECK_OK(mq_send(queue, "2", 1, 0));
    soon = in_ms(10);
    CHECK_ERR(mq_timedsend(queue, "3", 1, 0, &soon), ETIMEDOUT);
    CHECK_ERR(mq_timedsend(queue, "3", 1, 0, &(struct timespec){1, 0}), ETIMEDOUT);
    pid_t child = MUST(fork());
    if (child == 0) _exit(mq_send(queue, "3", 1, 0) != 0);
    sleep_ms(20);
    CHECK_EQ(state(queue).mq_curmsgs, 2);
    for (int i = 0; i < 3; i++) CHECK_EQ(mq_receive(queue, buffer, 16, NULL), 1);
    CHECK_EQ(buffer[0], '3');
    CHECK_EXITED(wait_status(child), 0);
    child = MUST(fork());
    if (child == 0) _exit(mq_receive(queue, buffer, 16, NULL) != 5);
    sleep_ms(20);
    CHECK_OK(mq_send(queue, "wakes", 5, 0));
    CHECK_EXITED(wait_status(child), 0);
    section("signals");
    struct sigaction action = {.sa_handler = nothing};
    MUST(sigaction(SIGALRM, &action, NULL));
    struct itimerval timer = {{0, 0}, {0, 10000}};
    MUST(setitimer(ITIMER_REAL, &timer, NULL));
    CHECK_ERR(mq_receive(queue, buffer, 16, NULL), EINTR);
    action.sa_flags = SA_RESTART;
    MUST(sigaction(SIGALRM, &action, NULL));
    MUST(setitimer(ITIMER_REAL, &timer, NULL));
    soon = in_ms(60);
    CHECK_ERR(mq_timedreceive(queue, buffer, 16, NULL, &soon), ETIMEDOUT);
    mq_close(queue);
    section("not waiting");
    queue = make(O_NONBLOCK, 1, 16);
    CHECK_EQ(state(queue).mq_flags, O_NONBLOCK);
    CHECK_ERR(mq_receive(queue, buffer, 16, NULL), EAGAIN);
    CHECK_OK(mq_send(queue, "x", 1, 0));
    CHECK_ERR(mq_send(queue, "x", 1, 0), EAGAIN);
    struct mq_attr new = {0}, old;
    CHECK_OK(mq_setattr(queue, &new, &old));
    CHECK_EQ(old.mq_flags, O_NONBLOCK);
    CHECK_EQ(old.mq_curmsgs, 1);
    CHECK_EQ(state(queue).mq_flags, 0);
    CHECK_EQ(fcntl(queue, F_GETFL) & O_NONBLOCK, 0);
    new.mq_flags = O_APPEND;
    CHECK_ERR(mq_setattr(queue, &new, NULL), EINVAL);
    mq_close(queue);
}

static void readiness(void) {
    section("readiness");
    mqd_t queue = make(0, 1, 16);
    char buffer[16];
    struct pollfd poll_one = {queue, POLLIN | POLLOUT, 0};
    CHECK_EQ(poll(&poll_one, 1, 0), 1);
    CHECK_EQ(poll_one.revents, POLLOUT);
    int epoll = MUST(epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN};
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, queue, &event));
    CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 0);
    pid_t child = MUST(fork());
    if (child == 0) {
        sleep_ms(20);
        _exit(mq_send(queue, "x", 1, 0) != 0);
    }
    CHECK_EQ(epoll_wait(epoll, &event, 1, -1), 1);
    CHECK_EXITED(wait_status(child), 0);
    CHECK_EQ(poll(&poll_one, 1, 0), 1);
    CHECK_EQ(poll_one.revents, POLLIN);
    CHECK_EQ(mq_receive(queue, buffer, 16, NULL), 1);
    close(epoll), mq_close(queue);
}

static volatile siginfo_t told;
static volatile int times;
static void tell(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    told = *info;
    times++;
}

static void notices(void) {
    section("notices");
    mqd_t queue = make(0, 4, 16);
    char buffer[16], text[200] = "";
    struct sigaction action = {.sa_sigaction = tell, .sa_flags = SA_SIGINFO | SA_RESTART};
    MUST(sigaction(SIGUSR1, &action, NULL));
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
    CHECK_OK(mq_notify(queue, &event));
    CHECK_ERR(mq_notify(queue, &event), EBUSY);
    CHECK_EXITED(IN_CHILD(CHECK_ERR(mq_notify(queue, &event), EBUSY)), 0);
    snprintf(text, sizeof text, "QSIZE:%-10d NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", 0, SIGEV_SIGNAL, SIGUSR1, getpid());
    char shown[200] = "";
    CHECK_EQ(read(queue, shown, sizeof shown), strlen(text));
    CHECK_STR(shown, text);
    CHECK_OK(mq_send(queue, "x", 1, 0));
    CHECK_EQ(times, 1);
    CHECK_EQ(told.si_code, SI_MESGQ);
    CHECK_EQ(told.si_pid, getpid());
    CHECK_EQ(told.si_uid, getuid());
    CHECK_EQ(told.si_value.sival_int, 77);
    CHECK_OK(mq_notify(queue, &event));
    CHECK_OK(mq_send(queue, "not the first", 13, 0));
    CHECK_EQ(times, 1);
    mq_receive(queue, buffer, 16, NULL), mq_receive(queue, buffer, 16, NULL);
    CHECK_OK(mq_send(queue, "first again", 11, 0));
    CHECK_EQ(times, 2);
    mq_receive(queue, buffer, 16, NULL);
    section("who waits comes first");
    CHECK_OK(mq_notify(queue, &event));
    pid_t child = MUST(fork());
    if (child == 0) _exit(mq_receive(queue, buffer, 16, NULL) != 1);
    sleep_ms(30);
    CHECK_OK(mq_send(queue, "x", 1, 0));
    CHECK_EXITED(wait_status(child), 0);
    CHECK_EQ(times, 2);
    CHECK_OK(mq_notify(queue, NULL));
    CHECK_OK(mq_notify(queue, NULL));
    CHECK_OK(mq_send(queue, "x", 1, 0));
    CHECK_EQ(times, 2);
    mq_receive(queue, buffer, 16, NULL);
    section("by no signal");
    event.sigev_signo = 0;
    CHECK_OK(mq_notify(queue, &event));
    CHECK_ERR(mq_notify(queue, &event), EBUSY);
    CHECK_OK(mq_send(queue, "x", 1, 0));
    CHECK_EQ(times, 2);
    mq_receive(queue, buffer, 16, NULL);
    event.sigev_signo = SIGUSR1;
    section("until it is closed");
    CHECK_OK(mq_notify(queue, &event));
    mqd_t other = MUST(mq_open(NAME, O_RDWR));
    CHECK_OK(mq_close(other));
    CHECK_OK(mq_send(queue, "x", 1, 0));
    CHECK_EQ(times, 2);
    mq_receive(queue, buffer, 16, NULL);
    CHECK_EXITED(IN_CHILD(CHECK_OK(mq_notify(queue, &event))), 0);
    event.sigev_notify = SIGEV_NONE;
    CHECK_OK(mq_notify(queue, &event));
    CHECK_ERR(mq_notify(queue, &event), EBUSY);
    CHECK_OK(mq_send(queue, "x", 1, 0));
    mq_receive(queue, buffer, 16, NULL);
    CHECK_OK(mq_notify(queue, &event));
    CHECK_OK(mq_notify(queue, NULL));
    event.sigev_notify = 99;
    CHECK_ERR(mq_notify(queue, &event), EINVAL);
    event = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65};
    CHECK_ERR(mq_notify(queue, &event), EINVAL);
    CHECK_ERR(mq_notify(1, NULL), EBADF);
    mq_close(queue);
}

static void limits(void) {
    section("limits and permissions");
    mqd_t queue = make(0, 2, 16);
    struct mq_attr large = {.mq_maxmsg = 11, .mq_msgsize = 16};
    int status = IN_CHILD({
        MUST(setresgid(65534, 65534, 65534));
        MUST(setresuid(65534, 65534, 65534));
        CHECK_ERR(mq_open(NAME, O_RDONLY), EACCES);
        CHECK_ERR(mq_unlink(NAME), EACCES);
        CHECK_ERR(mq_open("/tidemark-large", O_CREAT | O_RDWR, 0600, &large), EINVAL);
        large = (struct mq_attr){.mq_maxmsg = 1, .mq_msgsize = 8193};
        CHECK_ERR(mq_open("/tidemark-large", O_CREAT | O_RDWR, 0600, &large), EINVAL);
        large = (struct mq_attr){.mq_maxmsg = 10, .mq_msgsize = 1000};
        struct rlimit limit = {5000, 5000};
        MUST(setrlimit(RLIMIT_MSGQUEUE, &limit));
        CHECK_ERR(mq_open("/tidemark-large", O_CREAT | O_RDWR, 0600, &large), EMFILE);
    });
    CHECK_EXITED(status, 0);
    mq_close(queue);
    CHECK_OK(mq_unlink(NAME));
    char text[16] = "";
    int fd = MUST(open("/proc/sys/fs/mqueue/msg_max", O_RDONLY));
    CHECK_EQ(read(fd, text, 16), 3);
    CHECK_STR(text, "10\n");
    close(fd);
}

int main(void) {
    names();
    priorities();
    waiting();
    readiness();
    notices();
    limits();
    return verdict();
}
