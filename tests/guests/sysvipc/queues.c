// syscalls: msgget msgsnd msgrcv msgctl
// oracle: linux; qemu's user mode answers some errors of its own
//
// Message queues of System V: types and their selection, lengths, full and empty queues, what ends a wait.
#include "check.h"
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/time.h>

#define KEY 0x7469d003

struct message {
    long type;
    char text[16384];
};
static struct message message;

static int fresh(void) { return MUST(msgget(IPC_PRIVATE, IPC_CREAT | 0600)); }
static int put(int id, long type, const char *text, int flags) {
    message.type = type;
    strcpy(message.text, text);
    return msgsnd(id, &message, strlen(text), flags);
}
static int get(int id, long type, size_t size, int flags) {
    memset(&message, 0, sizeof message);
    return msgrcv(id, &message, size, type, flags);
}
static struct msqid_ds state(int id) {
    struct msqid_ds state;
    memset(&state, 0xff, sizeof state);
    MUST(msgctl(id, IPC_STAT, &state));
    return state;
}

static void keys(void) {
    section("keys");
    int old = msgget(KEY, 0);
    if (old != -1) msgctl(old, IPC_RMID, NULL);
    CHECK_ERR(msgget(KEY, 0600), ENOENT);
    int id = CHECK_OK(msgget(KEY, IPC_CREAT | 0620));
    CHECK_EQ(msgget(KEY, 0), id);
    CHECK_ERR(msgget(KEY, IPC_CREAT | IPC_EXCL), EEXIST);
    struct msqid_ds s = state(id);
    CHECK_EQ(s.msg_perm.__key, KEY);
    CHECK_EQ(s.msg_perm.mode, 0620);
    CHECK_EQ(s.msg_qnum, 0);
    CHECK_EQ(s.msg_qbytes, 16384);
    CHECK_EQ(s.msg_lspid, 0);
    CHECK_EQ(s.msg_stime, 0);
    CHECK(s.msg_ctime > 1000000000);
    CHECK_OK(put(id, 1, "abc", 0));
    s = state(id);
    CHECK_EQ(s.msg_qnum, 1);
    CHECK_EQ(s.msg_cbytes, 3);
    CHECK_EQ(s.msg_lspid, getpid());
    CHECK(s.msg_stime > 1000000000);
    CHECK_EQ(s.msg_rtime, 0);
    CHECK_EQ(get(id, 0, 10, 0), 3);
    CHECK_EQ(state(id).msg_lrpid, getpid());
    CHECK_OK(msgctl(id, IPC_RMID, NULL));
    CHECK_ERR(msgctl(id, IPC_STAT, &s), EINVAL);
    CHECK_ERR(put(id, 1, "x", 0), EINVAL);
    CHECK_ERR(get(id, 0, 10, 0), EINVAL);
}

static void selection(void) {
    section("which message");
    int id = fresh();
    static const struct { long type; const char *text; } sent[] =
        {{5, "five"}, {2, "two"}, {7, "seven"}, {2, "another two"}, {5, "another five"}, {9, ""}};
    for (int i = 0; i < 6; i++) CHECK_OK(put(id, sent[i].type, sent[i].text, 0));
    CHECK_EQ(get(id, 0, 99, IPC_NOWAIT | MSG_COPY), 4);
    CHECK_EQ(get(id, 3, 99, IPC_NOWAIT | MSG_COPY), 11);
    CHECK_STR(message.text, "another two");
    CHECK_ERR(get(id, 6, 99, IPC_NOWAIT | MSG_COPY), ENOMSG);
    CHECK_ERR(get(id, 0, 99, MSG_COPY), EINVAL);
    CHECK_ERR(get(id, 0, 99, MSG_COPY | IPC_NOWAIT | MSG_EXCEPT), EINVAL);
    CHECK_EQ(state(id).msg_qnum, 6);
    CHECK_EQ(get(id, 7, 99, 0), 5);
    CHECK_STR(message.text, "seven");
    CHECK_ERR(get(id, 7, 99, IPC_NOWAIT), ENOMSG);
    CHECK_EQ(get(id, -5, 99, 0), 3);
    CHECK_EQ(message.type, 2);
    CHECK_EQ(get(id, -5, 99, 0), 11);
    CHECK_EQ(get(id, 5, 99, MSG_EXCEPT), 0);
    CHECK_EQ(message.type, 9);
    CHECK_ERR(get(id, 5, 99, MSG_EXCEPT | IPC_NOWAIT), ENOMSG);
    CHECK_ERR(get(id, -4, 99, IPC_NOWAIT), ENOMSG);
    CHECK_EQ(get(id, (long)1 << 63, 99, IPC_NOWAIT), 4);
    CHECK_EQ(get(id, 0, 99, 0), 12);
    CHECK_EQ(state(id).msg_cbytes, 0);
    CHECK_OK(msgctl(id, IPC_RMID, NULL));
}

static void lengths(void) {
    section("lengths");
    int id = fresh();
    CHECK_OK(put(id, 3, "long enough", 0));
    CHECK_ERR(get(id, 0, 4, IPC_NOWAIT), E2BIG);
    CHECK_ERR(get(id, 0, 4, IPC_NOWAIT | MSG_COPY), E2BIG);
    CHECK_ERR(get(id, 0, 4, MSG_NOERROR | IPC_NOWAIT | MSG_COPY), EINVAL);
    CHECK_EQ(get(id, 0, 4, MSG_NOERROR), 4);
    CHECK_STR(message.text, "long");
    CHECK_ERR(get(id, 0, 4, IPC_NOWAIT), ENOMSG);
    CHECK_ERR(get(id, 0, -1, IPC_NOWAIT), EINVAL);
    CHECK_ERR(put(id, 0, "x", 0), EINVAL);
    CHECK_ERR(put(id, -1, "x", 0), EINVAL);
    message.type = 1;
    CHECK_ERR(msgsnd(id, &message, 8193, 0), EINVAL);
    CHECK_ERR(msgsnd(id, &message, -1, 0), EINVAL);
    CHECK_ERR(msgsnd(id, NOWHERE, 1, 0), EFAULT);
    CHECK_ERR(msgsnd(-1, &message, 1, 0), EINVAL);
    CHECK_OK(msgsnd(id, &message, 8192, 0));
    CHECK_EQ(get(id, 1, 8192, 0), 8192);
    CHECK_OK(put(id, 1, "gone", 0));
    CHECK_ERR(msgrcv(id, NOWHERE, 9, 0, 0), EFAULT);
    CHECK_EQ(state(id).msg_qnum, 0);
    CHECK_OK(msgctl(id, IPC_RMID, NULL));
}

static void full(void) {
    section("full");
    int id = fresh();
    message.type = 1;
    CHECK_OK(msgsnd(id, &message, 8192, 0));
    CHECK_OK(msgsnd(id, &message, 8191, 0));
    CHECK_ERR(msgsnd(id, &message, 2, IPC_NOWAIT), EAGAIN);
    CHECK_OK(msgsnd(id, &message, 1, IPC_NOWAIT));
    CHECK_OK(msgsnd(id, &message, 0, IPC_NOWAIT));
    pid_t child = MUST(fork());
    if (child == 0) _exit(put(id, 4, "waited", 0) == -1);
    usleep(20000);
    CHECK_EQ(state(id).msg_qnum, 4);
    CHECK_EQ(get(id, 1, 8192, 0), 8192);
    CHECK_EQ(get(id, 4, 99, 0), 6);
    CHECK_STR(message.text, "waited");
    CHECK_EQ(wait_status(child), 0);
    struct msqid_ds s = state(id);
    s.msg_qbytes = 10000;
    CHECK_OK(msgctl(id, IPC_SET, &s));
    message.type = 1;
    CHECK_ERR(msgsnd(id, &message, 2000, IPC_NOWAIT), EAGAIN);
    CHECK_OK(msgsnd(id, &message, 1500, IPC_NOWAIT));
    s.msg_qbytes = 16384;
    CHECK_OK(msgctl(id, IPC_SET, &s));
    CHECK_OK(msgsnd(id, &message, 6000, IPC_NOWAIT));
    CHECK_OK(msgctl(id, IPC_RMID, NULL));
    section("as many messages as bytes");
    id = fresh();
    int count = 0;
    message.type = 1;
    while (msgsnd(id, &message, 0, IPC_NOWAIT) == 0) count++;
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(count, 16384);
    CHECK_OK(msgctl(id, IPC_RMID, NULL));
}

static void nothing(int signal) { (void)signal; }

static void waiting(void) {
    section("waiting");
    int id = fresh();
    pid_t child = MUST(fork());
    if (child == 0) {
        int length = get(id, 6, 99, 0);
        _exit(length == 3 && strcmp(message.text, "six") == 0 ? 0 : 1);
    }
    usleep(20000);
    CHECK_OK(put(id, 5, "five", 0));
    CHECK_OK(put(id, 6, "six", 0));
    CHECK_EQ(wait_status(child), 0);
    CHECK_EQ(state(id).msg_qnum, 1);
    section("what ends a wait");
    struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
    MUST(sigaction(SIGALRM, &action, NULL));
    struct itimerval soon = {{0, 0}, {0, 20000}};
    MUST(setitimer(ITIMER_REAL, &soon, NULL));
    CHECK_ERR(get(id, 99, 99, 0), EINTR);
    struct msqid_ds s = state(id);
    s.msg_qbytes = 4;
    CHECK_OK(msgctl(id, IPC_SET, &s));
    MUST(setitimer(ITIMER_REAL, &soon, NULL));
    CHECK_ERR(put(id, 1, "x", 0), EINTR);
    pid_t sender = MUST(fork());
    if (sender == 0) _exit(put(id, 1, "x", 0) == -1 ? errno : 0);
    pid_t receiver = MUST(fork());
    if (receiver == 0) _exit(get(id, 99, 99, 0) == -1 ? errno : 0);
    usleep(20000);
    CHECK_OK(msgctl(id, IPC_RMID, NULL));
    CHECK_EQ(WEXITSTATUS(wait_status(sender)), EIDRM);
    CHECK_EQ(WEXITSTATUS(wait_status(receiver)), EIDRM);
}

static void permissions(void) {
    section("permissions");
    int id = MUST(msgget(KEY, IPC_CREAT | IPC_EXCL | 0602));
    struct msqid_ds s = state(id);
    int status = IN_CHILD({
        MUST(setresgid(65534, 65534, 65534));
        MUST(setresuid(65534, 65534, 65534));
        CHECK_OK(put(id, 1, "from outside", 0));
        CHECK_ERR(get(id, 0, 99, 0), EACCES);
        CHECK_ERR(msgctl(id, IPC_STAT, &s), EACCES);
        CHECK_ERR(msgctl(id, IPC_RMID, NULL), EPERM);
        CHECK_ERR(msgctl(id, IPC_SET, &s), EPERM);
        CHECK_ERR(msgget(KEY, 0400), EACCES);
    });
    CHECK_EQ(status, 0);
    s.msg_perm.uid = 65534;
    CHECK_OK(msgctl(id, IPC_SET, &s));
    status = IN_CHILD({
        MUST(setresgid(65534, 65534, 65534));
        MUST(setresuid(65534, 65534, 65534));
        CHECK_EQ(get(id, 0, 99, 0), 12);
        s.msg_qbytes = 16385;
        CHECK_ERR(msgctl(id, IPC_SET, &s), EPERM);
        s.msg_qbytes = 16384;
        CHECK_OK(msgctl(id, IPC_SET, &s));
        CHECK_OK(msgctl(id, IPC_RMID, NULL));
    });
    CHECK_EQ(status, 0);
}

static void commands(void) {
    section("commands");
    int id = fresh();
    struct msginfo limits, used;
    struct msqid_ds s;
    CHECK_OK(put(id, 1, "counted", 0));
    int highest = CHECK_OK(msgctl(0, IPC_INFO, (void *)&limits));
    CHECK_EQ(limits.msgmax, 8192);
    CHECK_EQ(limits.msgmnb, 16384);
    CHECK_EQ(limits.msgmni, 32000);
    CHECK_EQ(msgctl(0, MSG_INFO, (void *)&used), highest);
    CHECK(used.msgpool >= 1);
    CHECK(used.msgmap >= 1);
    CHECK(used.msgtql >= 7);
    int found = 0;
    for (int place = 0; place <= highest; place++) found += msgctl(place, MSG_STAT, &s) == id;
    CHECK_EQ(found, 1);
    CHECK_ERR(msgctl(highest + 1, MSG_STAT, &s), EINVAL);
    CHECK_ERR(msgctl(id, 99, &s), EINVAL);
    CHECK_ERR(msgctl(-1, IPC_STAT, &s), EINVAL);
    CHECK_ERR(msgctl(id, IPC_STAT, NOWHERE), EFAULT);
    CHECK_ERR(msgctl(id, IPC_SET, NOWHERE), EFAULT);
    CHECK_OK(msgctl(id, IPC_RMID, NULL));
}

int main(void) {
    keys();
    selection();
    lengths();
    full();
    waiting();
    permissions();
    commands();
    return verdict();
}
