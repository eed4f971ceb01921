// syscalls: shmget shmat shmdt shmctl
// oracle: linux; qemu's user mode maps segments itself
//
// Shared memory of System V: keys, attaching and detaching, the count over fork, exec and exit, removal that waits for the
// last, permissions and limits.
#include "check.h"
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

#define KEY 0x7469d001
#define PAGE 4096

static int fresh(size_t size, int flags) {
    return MUST(shmget(IPC_PRIVATE, size, IPC_CREAT | flags));
}

static struct shmid_ds state(int id) {
    struct shmid_ds state;
    memset(&state, 0xff, sizeof state);
    MUST(shmctl(id, IPC_STAT, &state));
    return state;
}

static void keys(void) {
    section("keys");
    int old = shmget(KEY, 0, 0);
    if (old != -1) shmctl(old, IPC_RMID, NULL);
    CHECK_ERR(shmget(KEY, PAGE, 0600), ENOENT);
    CHECK_ERR(shmget(KEY, 0, IPC_CREAT | 0600), EINVAL);
    int id = CHECK_OK(shmget(KEY, PAGE + 1, IPC_CREAT | 0600));
    CHECK_EQ(shmget(KEY, PAGE, 0600), id);
    CHECK_EQ(shmget(KEY, 0, IPC_CREAT), id);
    CHECK_EQ(shmget(KEY, PAGE + 1, 0), id);
    CHECK_ERR(shmget(KEY, PAGE + 2, 0), EINVAL);
    CHECK_ERR(shmget(KEY, PAGE, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    struct shmid_ds s = state(id);
    CHECK_EQ(s.shm_perm.__key, KEY);
    CHECK_EQ(s.shm_perm.mode, 0600);
    CHECK_EQ(s.shm_perm.uid, geteuid());
    CHECK_EQ(s.shm_perm.cgid, getegid());
    CHECK_EQ(s.shm_segsz, PAGE + 1);
    CHECK_EQ(s.shm_cpid, getpid());
    CHECK_EQ(s.shm_lpid, 0);
    CHECK_EQ(s.shm_nattch, 0);
    CHECK_EQ(s.shm_atime, 0);
    CHECK_EQ(s.shm_dtime, 0);
    CHECK(s.shm_ctime > 1000000000);
    CHECK_OK(shmctl(id, IPC_RMID, NULL));
    CHECK_ERR(shmctl(id, IPC_STAT, &s), EINVAL);
    CHECK_ERR((long)shmat(id, NULL, 0), EINVAL);
    CHECK_ERR(shmget(KEY, 0, 0), ENOENT);
    int next = fresh(PAGE, 0600);
    CHECK(next != id);
    CHECK_OK(shmctl(next, IPC_RMID, NULL));
}

static void attaching(void) {
    section("attaching");
    int id = fresh(3 * PAGE - 10, 0600);
    char *one = MUST(shmat(id, NULL, 0));
    char *two = MUST(shmat(id, NULL, SHM_RDONLY));
    CHECK(one != two);
    strcpy(one + 5000, "seen in both");
    CHECK_STR(two + 5000, "seen in both");
    CHECK_EQ(one[3 * PAGE - 1], 0);
    struct shmid_ds s = state(id);
    CHECK_EQ(s.shm_nattch, 2);
    CHECK_EQ(s.shm_lpid, getpid());
    CHECK(s.shm_atime > 1000000000);
    CHECK_EQ(s.shm_dtime, 0);
    CHECK_ERR(mprotect(two, PAGE, PROT_READ | PROT_WRITE), EACCES);
    int status = IN_CHILD(two[0] = 1);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    CHECK_ERR((long)shmat(id, one + PAGE, 0), EINVAL);
    CHECK_ERR((long)shmat(id, one + 1, 0), EINVAL);
    CHECK_ERR((long)shmat(id, NULL, SHM_REMAP), EINVAL);
    CHECK_ERR(shmdt(one + PAGE), EINVAL);
    CHECK_ERR(shmdt(one + 1), EINVAL);
    CHECK_ERR(shmdt(check_scratch), EINVAL);
    CHECK_OK(shmdt(two));
    CHECK_ERR(shmdt(two), EINVAL);
    CHECK_EQ(shmat(id, two, 0), two);
    CHECK_STR(two + 5000, "seen in both");
    CHECK_OK(shmdt(two));
    CHECK_EQ(shmat(id, two + 100, SHM_RND), two);
    CHECK_OK(shmdt(two));
    CHECK(state(id).shm_dtime > 1000000000);
    char *other = MUST(mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    memset(other, 'x', 5 * PAGE);
    CHECK_EQ(shmat(id, other + PAGE, SHM_REMAP), other + PAGE);
    CHECK_EQ(other[0], 'x');
    CHECK_EQ(other[4 * PAGE], 'x');
    CHECK_STR(other + PAGE + 5000, "seen in both");
    CHECK_OK(shmdt(other + PAGE));
    CHECK_ERR(msync(other + PAGE, PAGE, MS_SYNC), ENOMEM);
    CHECK_EQ(other[4 * PAGE], 'x');
    CHECK_OK(shmdt(one));
    CHECK_EQ(state(id).shm_nattch, 0);
    char *again = MUST(shmat(id, NULL, 0));
    CHECK_STR(again + 5000, "seen in both");
    CHECK_OK(shmdt(again));
    CHECK_OK(shmctl(id, IPC_RMID, NULL));
    CHECK_ERR((long)shmat(-1, NULL, 0), EINVAL);
    CHECK_ERR((long)shmat(0x3fffffff, NULL, 0), EINVAL);
}

static void in_pieces(void) {
    section("an attachment that was cut");
    int id = fresh(4 * PAGE, 0600);
    char *at = MUST(shmat(id, NULL, 0));
    at[3 * PAGE] = 'l';
    CHECK_OK(munmap(at + PAGE, PAGE));
    CHECK_EQ(state(id).shm_nattch, 2);
    CHECK_EQ(at[3 * PAGE], 'l');
    CHECK_OK(shmdt(at));
    CHECK_EQ(state(id).shm_nattch, 0);
    CHECK_ERR(msync(at + 3 * PAGE, PAGE, MS_SYNC), ENOMEM);
    at = MUST(shmat(id, NULL, 0));
    CHECK_OK(munmap(at, PAGE));
    CHECK_OK(shmdt(at));
    CHECK_EQ(state(id).shm_nattch, 0);
    at = MUST(shmat(id, NULL, 0));
    CHECK_OK(munmap(at, 4 * PAGE));
    CHECK_EQ(state(id).shm_nattch, 0);
    CHECK_ERR(shmdt(at), EINVAL);
    CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

static void execution(void) {
    section("SHM_EXEC");
    int id = fresh(PAGE, 0700);
    char *at = MUST(shmat(id, NULL, SHM_EXEC));
    CHECK_OK(mprotect(at, PAGE, PROT_READ | PROT_EXEC));
    CHECK_OK(shmdt(at));
    CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

static void processes(char **argv) {
    section("over fork, exec and exit");
    int id = fresh(2 * PAGE, 0600), pipe_ends[2];
    char *at = MUST(shmat(id, NULL, 0));
    MUST(pipe(pipe_ends));
    pid_t child = MUST(fork());
    if (child == 0) {
        char byte;
        at[PAGE] = 'c';
        MUST(read(pipe_ends[0], &byte, 1));
        _exit(0);
    }
    while (__atomic_load_n(&at[PAGE], __ATOMIC_SEQ_CST) != 'c') sched_yield();
    CHECK_EQ(state(id).shm_nattch, 2);
    MUST(write(pipe_ends[1], "x", 1));
    CHECK_EQ(wait_status(child), 0);
    CHECK_EQ(state(id).shm_nattch, 1);
    CHECK_EQ(state(id).shm_lpid, child);
    CHECK(state(id).shm_dtime != 0);
    char number[16];
    snprintf(number, sizeof number, "%d", id);
    int status = IN_CHILD(execl(argv[0], argv[0], "exec", number, NULL));
    CHECK_EQ(status, 0);
    status = IN_CHILD(kill(getpid(), SIGKILL));
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(state(id).shm_nattch, 1);
    CHECK_OK(shmdt(at));
    CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

// In the program that was executed: only its parent has the segment attached.
static int executed(int id) {
    CHECK_EQ(state(id).shm_nattch, 1);
    return check_failures != 0;
}

static void removal(void) {
    section("removal waits for the last");
    int old = shmget(KEY, 0, 0);
    if (old != -1) shmctl(old, IPC_RMID, NULL);
    int id = MUST(shmget(KEY, PAGE, IPC_CREAT | 0600));
    char *at = MUST(shmat(id, NULL, 0));
    strcpy(at, "still here");
    CHECK_OK(shmctl(id, IPC_RMID, NULL));
    struct shmid_ds s = state(id);
    CHECK_EQ(s.shm_perm.mode, 0600 | SHM_DEST);
    CHECK_EQ(s.shm_perm.__key, IPC_PRIVATE);
    CHECK_ERR(shmget(KEY, PAGE, 0), ENOENT);
    char *more = MUST(shmat(id, NULL, 0));
    CHECK_STR(more, "still here");
    CHECK_OK(shmdt(at));
    CHECK_OK(shmctl(id, IPC_STAT, &s));
    CHECK_OK(shmdt(more));
    CHECK_ERR(shmctl(id, IPC_STAT, &s), EINVAL);

    id = fresh(PAGE, 0600);
    int status = IN_CHILD(MUST(shmat(id, NULL, 0)); MUST(shmctl(id, IPC_RMID, NULL)));
    CHECK_EQ(status, 0);
    CHECK_ERR(shmctl(id, IPC_STAT, &s), EINVAL);
}

static void as_nobody(int id, int readable) {
    struct shmid_ds s;
    MUST(setresgid(65534, 65534, 65534));
    MUST(setresuid(65534, 65534, 65534));
    if (readable) {
        void *at = MUST(shmat(id, NULL, SHM_RDONLY));
        CHECK_OK(shmdt(at));
        CHECK_OK(shmctl(id, IPC_STAT, &s));
        CHECK_OK(shmget(KEY, PAGE, 0444));
        CHECK_OK(shmget(KEY, PAGE, 0));
    } else {
        CHECK_ERR((long)shmat(id, NULL, SHM_RDONLY), EACCES);
        CHECK_ERR(shmctl(id, IPC_STAT, &s), EACCES);
        CHECK_ERR(shmget(KEY, PAGE, 0400), EACCES);
        CHECK_OK(shmget(KEY, PAGE, 0));
    }
    CHECK_ERR((long)shmat(id, NULL, 0), EACCES);
    CHECK_ERR((long)shmat(id, NULL, SHM_RDONLY | SHM_EXEC), EACCES);
    CHECK_ERR(shmget(KEY, PAGE, 0200), EACCES);
    CHECK_ERR(shmctl(id, IPC_RMID, NULL), EPERM);
    memset(&s, 0, sizeof s);
    CHECK_ERR(shmctl(id, IPC_SET, &s), EPERM);
    CHECK_ERR(shmctl(id, SHM_LOCK, NULL), EPERM);
    CHECK_ERR(shmctl(id, SHM_UNLOCK, NULL), EPERM);
}

static void permissions(void) {
    section("permissions");
    int id = MUST(shmget(KEY, PAGE, IPC_CREAT | IPC_EXCL | 0600));
    struct shmid_ds s;
    CHECK_EQ(IN_CHILD(as_nobody(id, 0)), 0);
    s = state(id);
    s.shm_perm.mode = 07604;
    CHECK_OK(shmctl(id, IPC_SET, &s));
    CHECK_EQ(state(id).shm_perm.mode, 0604);
    CHECK_EQ(IN_CHILD(as_nobody(id, 1)), 0);
    s.shm_perm.uid = 65534;
    CHECK_OK(shmctl(id, IPC_SET, &s));
    CHECK_EQ(state(id).shm_perm.uid, 65534);
    CHECK_EQ(state(id).shm_perm.cuid, 0);
    int status = IN_CHILD({
        MUST(setresuid(65534, 65534, 65534));
        s.shm_perm.mode = 0640;
        CHECK_OK(shmctl(id, IPC_SET, &s));
        CHECK_OK(shmctl(id, IPC_RMID, NULL));
    });
    CHECK_EQ(status, 0);
    CHECK_ERR(shmctl(id, IPC_STAT, &s), EINVAL);
}

static void commands(void) {
    section("commands");
    int id = fresh(5 * PAGE, 0600);
    struct shmid_ds s;
    struct shminfo limits;
    struct shm_info used;
    int highest = CHECK_OK(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits));
    CHECK_EQ(limits.shmmin, 1);
    CHECK_EQ(limits.shmmni, 4096);
    CHECK(limits.shmmax >= 1ul << 32);
    CHECK_EQ(shmctl(0, SHM_INFO, (void *)&used), highest);
    CHECK(used.used_ids >= 1);
    CHECK(used.shm_tot >= 5);
    int found = 0;
    for (int place = 0; place <= highest; place++) {
        int other = shmctl(place, SHM_STAT, &s);
        if (other == id) {
            found++;
            CHECK_EQ(s.shm_segsz, 5 * PAGE);
            CHECK_EQ(shmctl(place, SHM_STAT_ANY, &s), id);
        }
    }
    CHECK_EQ(found, 1);
    CHECK_ERR(shmctl(highest + 1, SHM_STAT, &s), EINVAL);
    CHECK_ERR(shmctl(-1, SHM_STAT, &s), EINVAL);
    CHECK_ERR(shmctl(id, 99, &s), EINVAL);
    CHECK_ERR(shmctl(-1, IPC_STAT, &s), EINVAL);
    CHECK_ERR(shmctl(id, IPC_STAT, NOWHERE), EFAULT);
    CHECK_ERR(shmctl(id, IPC_SET, NOWHERE), EFAULT);
    CHECK_OK(shmctl(id, SHM_LOCK, NULL));
    CHECK(state(id).shm_perm.mode & SHM_LOCKED);
    CHECK_OK(shmctl(id, SHM_UNLOCK, NULL));
    CHECK_EQ(state(id).shm_perm.mode, 0600);
    s = state(id);
    s.shm_perm.uid = -1;
    CHECK_ERR(shmctl(id, IPC_SET, &s), EINVAL);
    CHECK_OK(shmctl(id, IPC_RMID, NULL));
    CHECK_ERR(shmctl(id, IPC_RMID, NULL), EINVAL);
    CHECK_ERR(shmget(IPC_PRIVATE, (size_t)1 << 50, IPC_CREAT | 0600), ENOMEM);
    CHECK_ERR(shmget(IPC_PRIVATE, -1, IPC_CREAT | 0600), EINVAL);
}

int main(int argc, char **argv) {
    if (argc == 3) return executed(atoi(argv[2]));
    keys();
    attaching();
    in_pieces();
    execution();
    processes(argv);
    removal();
    permissions();
    commands();
    return verdict();
}
