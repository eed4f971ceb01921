// syscalls: semget semop semtimedop semctl
// oracle: linux; qemu's user mode answers some errors of its own
//
// Semaphores of System V: sets, operations that are done together or not at all, waiting for both ways, what ends a wait,
// and what is undone at a process's end.
#include "check.h"
#include <pthread.h>
#include <sys/ipc.h>
#include <sys/sem.h>

#define KEY 0x7469d002

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
    struct seminfo *info;
};

static int fresh(int count) { return MUST(semget(IPC_PRIVATE, count, IPC_CREAT | 0600)); }
static int value(int id, int number) { return MUST(semctl(id, number, GETVAL)); }
static void set(int id, int number, int value) {
    MUST(semctl(id, number, SETVAL, (union semun){.val = value}));
}
static int one(int id, int number, int change, int flags) {
    struct sembuf operation = {number, change, flags};
    return semop(id, &operation, 1);
}
static struct semid_ds state(int id) {
    struct semid_ds state;
    memset(&state, 0xff, sizeof state);
    MUST(semctl(id, 0, IPC_STAT, (union semun){.buf = &state}));
    return state;
}
// Until so many wait for a semaphore.
static void until(int id, int number, int command, int count) {
    while (MUST(semctl(id, number, command)) != count) sched_yield();
}

static void keys(void) {
    section("keys");
    int old = semget(KEY, 0, 0);
    if (old != -1) semctl(old, 0, IPC_RMID);
    CHECK_ERR(semget(KEY, 1, 0600), ENOENT);
    CHECK_ERR(semget(KEY, 0, IPC_CREAT | 0600), EINVAL);
    CHECK_ERR(semget(KEY, -1, IPC_CREAT | 0600), EINVAL);
    CHECK_ERR(semget(KEY, 32001, IPC_CREAT | 0600), EINVAL);
    int id = CHECK_OK(semget(KEY, 3, IPC_CREAT | 0640));
    CHECK_EQ(semget(KEY, 0, 0), id);
    CHECK_EQ(semget(KEY, 3, 0), id);
    CHECK_ERR(semget(KEY, 4, 0), EINVAL);
    CHECK_ERR(semget(KEY, 3, IPC_CREAT | IPC_EXCL), EEXIST);
    struct semid_ds s = state(id);
    CHECK_EQ(s.sem_perm.__key, KEY);
    CHECK_EQ(s.sem_perm.mode, 0640);
    CHECK_EQ(s.sem_nsems, 3);
    CHECK_EQ(s.sem_otime, 0);
    CHECK(s.sem_ctime > 1000000000);
    CHECK_EQ(value(id, 2), 0);
    CHECK_OK(semctl(id, 0, IPC_RMID));
    CHECK_ERR(semctl(id, 0, GETVAL), EINVAL);
    CHECK_ERR(one(id, 0, 1, 0), EINVAL);
}

static void values(void) {
    section("values");
    int id = fresh(4);
    unsigned short all[4] = {1, 2, 3, 32767};
    CHECK_OK(semctl(id, 0, SETALL, (union semun){.array = all}));
    memset(all, 0, sizeof all);
    CHECK_OK(semctl(id, 0, GETALL, (union semun){.array = all}));
    CHECK_EQ(all[0], 1);
    CHECK_EQ(all[3], 32767);
    CHECK_EQ(semctl(id, 1, GETPID), getpid());
    all[1] = 32768;
    CHECK_ERR(semctl(id, 0, SETALL, (union semun){.array = all}), ERANGE);
    CHECK_EQ(value(id, 1), 2);
    CHECK_ERR(semctl(id, 0, SETVAL, (union semun){.val = -1}), ERANGE);
    CHECK_ERR(semctl(id, 0, SETVAL, (union semun){.val = 32768}), ERANGE);
    CHECK_ERR(semctl(id, 4, SETVAL, (union semun){.val = 1}), EINVAL);
    CHECK_ERR(semctl(id, 4, GETVAL), EINVAL);
    CHECK_ERR(semctl(id, -1, GETVAL), EINVAL);
    CHECK_ERR(semctl(-1, 0, GETVAL), EINVAL);
    CHECK_ERR(semctl(id, 0, 99), EINVAL);
    CHECK_ERR(semctl(id, 0, GETALL, (union semun){.array = NOWHERE}), EFAULT);
    CHECK_ERR(semctl(id, 0, SETALL, (union semun){.array = NOWHERE}), EFAULT);
    CHECK_ERR(semctl(id, 0, IPC_STAT, (union semun){.array = NOWHERE}), EFAULT);
    CHECK_OK(semctl(id, 0, IPC_RMID));
    id = fresh(32000);
    static unsigned short many[32000], back[32000];
    for (int i = 0; i < 32000; i++) many[i] = i;
    CHECK_OK(semctl(id, 0, SETALL, (union semun){.array = many}));
    CHECK_OK(semctl(id, 0, GETALL, (union semun){.array = back}));
    CHECK_MEM(many, back, sizeof many);
    CHECK_EQ(value(id, 31999), 31999);
    CHECK_OK(semctl(id, 0, IPC_RMID));
}

static void together(void) {
    section("all or none");
    int id = fresh(3);
    struct sembuf both[] = {{0, 2, 0}, {1, -1, IPC_NOWAIT}};
    CHECK_ERR(semop(id, both, 2), EAGAIN);
    CHECK_EQ(value(id, 0), 0);
    set(id, 1, 1);
    CHECK_EQ(state(id).sem_otime, 0);
    CHECK_OK(semop(id, both, 2));
    CHECK(state(id).sem_otime > 1000000000);
    CHECK_EQ(value(id, 0), 2);
    CHECK_EQ(value(id, 1), 0);
    struct sembuf same[] = {{2, 1, 0}, {2, -1, IPC_NOWAIT}, {2, 0, IPC_NOWAIT}, {2, 5, 0}};
    CHECK_OK(semop(id, same, 4));
    CHECK_EQ(value(id, 2), 5);
    CHECK_ERR(semop(id, same, 4), EAGAIN);
    CHECK_EQ(value(id, 2), 5);
    CHECK_ERR(one(id, 2, 0, IPC_NOWAIT), EAGAIN);
    CHECK_ERR(one(id, 2, -6, IPC_NOWAIT), EAGAIN);
    CHECK_ERR(one(id, 2, 32763, 0), ERANGE);
    CHECK_OK(one(id, 2, 32762, 0));
    struct sembuf range[] = {{0, -2, 0}, {2, 1, 0}};
    CHECK_ERR(semop(id, range, 2), ERANGE);
    CHECK_EQ(value(id, 0), 2);
    CHECK_ERR(one(id, 3, 1, 0), EFBIG);
    CHECK_ERR(semop(id, both, 0), EINVAL);
    CHECK_ERR(semop(id, both, 501), E2BIG);
    CHECK_ERR(semop(id, NOWHERE, 1), EFAULT);
    CHECK_ERR(one(-1, 0, 1, 0), EINVAL);
    static struct sembuf many[500];
    for (int i = 0; i < 500; i++) many[i] = (struct sembuf){1, 1, 0};
    CHECK_OK(semop(id, many, 500));
    CHECK_EQ(value(id, 1), 500);
    CHECK_OK(semctl(id, 0, IPC_RMID));
}

static int shared;
static void *waits(void *argument) {
    long what = (long)argument;
    long result = one(shared, what & 0xff, what >> 8, 0);
    return (void *)(result == -1 ? (long)errno : 0);
}
static pthread_t start(int number, int change) {
    pthread_t thread;
    CHECK_ZERO(pthread_create(&thread, NULL, waits, (void *)((long)change * 256 + number)));
    return thread;
}
static long joined(pthread_t thread) {
    void *result = (void *)-1L;
    CHECK_ZERO(pthread_join(thread, &result));
    return (long)result;
}

static void waiting(void) {
    section("waiting");
    shared = fresh(2);
    pthread_t big = start(0, -3);
    until(shared, 0, GETNCNT, 1);
    CHECK_EQ(semctl(shared, 0, GETZCNT), 0);
    CHECK_EQ(semctl(shared, 1, GETNCNT), 0);
    CHECK_OK(one(shared, 0, 2, 0));
    CHECK_EQ(value(shared, 0), 2);
    CHECK_EQ(semctl(shared, 0, GETNCNT), 1);
    pthread_t zero = start(0, 0);
    until(shared, 0, GETZCNT, 1);
    CHECK_OK(one(shared, 0, 1, 0));
    CHECK_EQ(joined(big), 0);
    CHECK_EQ(joined(zero), 0);
    CHECK_EQ(value(shared, 0), 0);
    pthread_t first = start(1, -1);
    until(shared, 1, GETNCNT, 1);
    set(shared, 1, 1);
    CHECK_EQ(joined(first), 0);
    CHECK_EQ(value(shared, 1), 0);
    pthread_t some[8];
    for (int i = 0; i < 8; i++) some[i] = start(1, -1);
    until(shared, 1, GETNCNT, 8);
    CHECK_OK(one(shared, 1, 8, 0));
    CHECK_EQ(value(shared, 1), 0);
    for (int i = 0; i < 8; i++) CHECK_EQ(joined(some[i]), 0);
    section("a set that goes");
    for (int i = 0; i < 8; i++) some[i] = start(1, i % 2 ? -1 : -2);
    until(shared, 1, GETNCNT, 8);
    CHECK_OK(semctl(shared, 0, IPC_RMID));
    for (int i = 0; i < 8; i++) CHECK_EQ(joined(some[i]), EIDRM);
}

static void nothing(int signal) { (void)signal; }

static void interrupted(void) {
    section("what ends a wait");
    int id = fresh(1);
    struct sembuf down = {0, -1, 0};
    CHECK_ERR(semtimedop(id, &down, 1, &(struct timespec){0, 1000000}), EAGAIN);
    CHECK_ERR(semtimedop(id, &down, 1, &(struct timespec){0, 0}), EAGAIN);
    CHECK_ERR(semtimedop(id, &down, 1, &(struct timespec){-1, 0}), EINVAL);
    CHECK_ERR(semtimedop(id, &down, 1, &(struct timespec){0, 1000000000}), EINVAL);
    CHECK_ERR(semtimedop(id, &down, 1, NOWHERE), EFAULT);
    CHECK_EQ(semctl(id, 0, GETNCNT), 0);
    struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
    MUST(sigaction(SIGUSR1, &action, NULL));
    pid_t self = getpid(), child = MUST(fork());
    if (child == 0) {
        until(id, 0, GETNCNT, 1);
        kill(self, SIGUSR1);
        _exit(0);
    }
    CHECK_ERR(one(id, 0, -1, 0), EINTR);
    CHECK_EQ(wait_status(child), 0);
    CHECK_EQ(semctl(id, 0, GETNCNT), 0);
    child = MUST(fork());
    if (child == 0) {
        one(id, 0, -1, 0);
        _exit(0);
    }
    until(id, 0, GETNCNT, 1);
    kill(child, SIGKILL);
    CHECK(WIFSIGNALED(wait_status(child)));
    CHECK_EQ(semctl(id, 0, GETNCNT), 0);
    CHECK_OK(one(id, 0, 1, 0));
    CHECK_EQ(value(id, 0), 1);
    CHECK_OK(semctl(id, 0, IPC_RMID));
}

static void undone(void) {
    section("SEM_UNDO");
    int id = fresh(3);
    set(id, 0, 5);
    int status = IN_CHILD({
        CHECK_OK(one(id, 0, -3, SEM_UNDO));
        CHECK_OK(one(id, 1, 4, SEM_UNDO));
        CHECK_OK(one(id, 1, 1, 0));
        CHECK_OK(one(id, 2, 7, 0));
        CHECK_EQ(value(id, 0), 2);
    });
    CHECK_EQ(status, 0);
    CHECK_EQ(value(id, 0), 5);
    CHECK_EQ(value(id, 1), 1);
    CHECK_EQ(value(id, 2), 7);
    status = IN_CHILD({
        CHECK_OK(one(id, 0, -5, SEM_UNDO));
        set(id, 0, 9);
    });
    CHECK_EQ(value(id, 0), 9);
    section("undone as far as it goes");
    status = IN_CHILD({
        CHECK_OK(one(id, 2, 3, SEM_UNDO));
        CHECK_OK(one(id, 2, -9, 0));
    });
    CHECK_EQ(value(id, 2), 0);
    CHECK_EQ(semctl(id, 2, GETPID) > 0, 1);
    section("a child does not inherit it, a killed process's is done");
    CHECK_OK(one(id, 1, 2, SEM_UNDO));
    CHECK_EQ(IN_CHILD(), 0);
    CHECK_EQ(value(id, 1), 3);
    status = IN_CHILD(CHECK_OK(one(id, 1, -3, SEM_UNDO)); kill(getpid(), SIGKILL));
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(value(id, 1), 3);
    section("what is undone wakes");
    set(id, 0, 1);
    int ends[2];
    char byte;
    MUST(pipe(ends));
    pid_t child = MUST(fork());
    if (child == 0) {
        MUST(one(id, 0, -1, SEM_UNDO));
        MUST(read(ends[0], &byte, 1));
        _exit(0);
    }
    while (value(id, 0) != 0) sched_yield();
    pid_t second = MUST(fork());
    if (second == 0) _exit(one(id, 0, -1, 0) == -1);
    until(id, 0, GETNCNT, 1);
    MUST(write(ends[1], "x", 1));
    CHECK_EQ(wait_status(second), 0);
    CHECK_EQ(wait_status(child), 0);
    CHECK_EQ(value(id, 0), 0);
    CHECK_ERR(one(id, 0, 32767, SEM_UNDO) == 0 ? one(id, 0, 1, SEM_UNDO) : -1, ERANGE);
    CHECK_OK(semctl(id, 0, IPC_RMID));
}

static void permissions(void) {
    section("permissions");
    int id = MUST(semget(KEY, 2, IPC_CREAT | IPC_EXCL | 0604));
    struct semid_ds s = state(id);
    int status = IN_CHILD({
        MUST(setresgid(65534, 65534, 65534));
        MUST(setresuid(65534, 65534, 65534));
        CHECK_OK(semctl(id, 0, GETVAL));
        CHECK_OK(one(id, 0, 0, 0));
        CHECK_OK(semget(KEY, 1, 0400));
        CHECK_ERR(semget(KEY, 1, 0200), EACCES);
        CHECK_ERR(one(id, 0, 1, 0), EACCES);
        CHECK_ERR(semctl(id, 0, SETVAL, (union semun){.val = 1}), EACCES);
        CHECK_ERR(semctl(id, 0, IPC_RMID), EPERM);
        CHECK_ERR(semctl(id, 0, IPC_SET, (union semun){.buf = &s}), EPERM);
    });
    CHECK_EQ(status, 0);
    s.sem_perm.mode = 0602;
    CHECK_OK(semctl(id, 0, IPC_SET, (union semun){.buf = &s}));
    status = IN_CHILD({
        MUST(setresgid(65534, 65534, 65534));
        MUST(setresuid(65534, 65534, 65534));
        CHECK_OK(one(id, 0, 1, 0));
        CHECK_ERR(semctl(id, 0, GETVAL), EACCES);
        CHECK_ERR(semctl(id, 0, IPC_STAT, (union semun){.buf = &s}), EACCES);
        CHECK_ERR(one(id, 1, 0, 0), EACCES);
    });
    CHECK_EQ(status, 0);
    CHECK_OK(semctl(id, 0, IPC_RMID));
}

static void commands(void) {
    section("commands");
    int id = fresh(5);
    struct seminfo limits, used;
    struct semid_ds s;
    int highest = CHECK_OK(semctl(0, 0, IPC_INFO, (union semun){.info = &limits}));
    CHECK_EQ(limits.semmsl, 32000);
    CHECK_EQ(limits.semopm, 500);
    CHECK_EQ(limits.semmni, 32000);
    CHECK_EQ(limits.semvmx, 32767);
    CHECK_EQ(semctl(0, 0, SEM_INFO, (union semun){.info = &used}), highest);
    CHECK(used.semusz >= 1);
    CHECK(used.semaem >= 5);
    int found = 0;
    for (int place = 0; place <= highest; place++)
        if (semctl(place, 0, SEM_STAT, (union semun){.buf = &s}) == id) {
            found++;
            CHECK_EQ(s.sem_nsems, 5);
        }
    CHECK_EQ(found, 1);
    CHECK_ERR(semctl(highest + 1, 0, SEM_STAT, (union semun){.buf = &s}), EINVAL);
    CHECK_OK(semctl(id, 0, IPC_RMID));
    CHECK_ERR(semctl(id, 0, IPC_RMID), EINVAL);
}

int main(void) {
    keys();
    values();
    together();
    waiting();
    interrupted();
    undone();
    permissions();
    commands();
    return verdict();
}
