// syscalls: shmget semget msgget
// only: tidemark
// oracle: man page; it changes limits of the machine. Agrees with Linux in an IPC namespace of its own (unshare -i)
// flags: -Wno-format-truncation
//
// What /proc tells of System V objects, and the limits there, which the superuser can change.
#include "check.h"
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

static char text[65536];

static const char *contents(const char *path) {
    int fd = MUST(open(path, O_RDONLY));
    size_t length = 0;
    ssize_t got;
    while ((got = read(fd, text + length, sizeof text - 1 - length)) > 0) length += got;
    text[length] = 0;
    close(fd);
    return text;
}

// The row of an object, by the number in its second column.
static const char *row(const char *path, int id) {
    static char line[512];
    char *rest = (char *)contents(path), *next;
    while ((next = strsep(&rest, "\n")) != NULL) {
        int key, found;
        if (sscanf(next, "%d %d", &key, &found) == 2 && found == id) return strcpy(line, next);
    }
    return "";
}

static int put(const char *path, const char *value) {
    int fd = open(path, O_WRONLY);
    if (fd == -1) return -1;
    int result = write(fd, value, strlen(value)), error = errno;
    close(fd);
    errno = error;
    return result;
}

int main(void) {
    section("headers");
    CHECK(strncmp(contents("/proc/sysvipc/shm"), "       key      shmid perms                  size  cpid", 55) == 0);
    CHECK(strncmp(contents("/proc/sysvipc/sem"), "       key      semid perms      nsems   uid   gid", 50) == 0);
    CHECK(strncmp(contents("/proc/sysvipc/msg"), "       key      msqid perms      cbytes       qnum", 50) == 0);

    section("rows");
    char expected[512];
    int id = MUST(shmget(IPC_PRIVATE, 5000, IPC_CREAT | 0640));
    char *at = MUST(shmat(id, NULL, 0));
    *at = 1;
    struct shmid_ds shm;
    MUST(shmctl(id, IPC_STAT, &shm));
    snprintf(expected, sizeof expected,
             "%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u %10lu %10lu %10lu %21lu %21lu", 0, id, 0640, 5000ul, getpid(),
             getpid(), 1ul, getuid(), getgid(), getuid(), getgid(), shm.shm_atime, 0ul, shm.shm_ctime, 4096ul, 0ul);
    CHECK_STR(row("/proc/sysvipc/shm", id), expected);
    MUST(shmctl(id, IPC_RMID, NULL));
    char *mapped = strstr(contents("/proc/self/maps"), "/SYSV00000000 (deleted)");
    CHECK(mapped != NULL);
    MUST(shmdt(at));
    CHECK_STR(row("/proc/sysvipc/shm", id), "");

    id = MUST(semget(IPC_PRIVATE, 7, IPC_CREAT | 0600));
    struct semid_ds sem;
    MUST(semctl(id, 0, IPC_STAT, &sem));
    snprintf(expected, sizeof expected, "%10d %10d  %4o %10lu %5u %5u %5u %5u %10lu %10lu", 0, id, 0600, 7ul, getuid(),
             getgid(), getuid(), getgid(), 0ul, sem.sem_ctime);
    CHECK_STR(row("/proc/sysvipc/sem", id), expected);
    MUST(semctl(id, 0, IPC_RMID));

    id = MUST(msgget(IPC_PRIVATE, IPC_CREAT | 0600));
    struct { long type; char text[8]; } message = {1, "text"};
    MUST(msgsnd(id, &message, 4, 0));
    struct msqid_ds msg;
    MUST(msgctl(id, IPC_STAT, &msg));
    snprintf(expected, sizeof expected,
             "%10d %10d  %4o  %10lu %10lu %5u %5u %5u %5u %5u %5u %10lu %10lu %10lu", 0, id, 0600, 4ul, 1ul, getpid(), 0,
             getuid(), getgid(), getuid(), getgid(), msg.msg_stime, 0ul, msg.msg_ctime);
    CHECK_STR(row("/proc/sysvipc/msg", id), expected);
    MUST(msgctl(id, IPC_RMID, NULL));

    section("many objects");
    static int many[300];
    for (int i = 0; i < 300; i++) many[i] = MUST(msgget(IPC_PRIVATE, IPC_CREAT | 0600));
    for (int i = 0; i < 300; i++) CHECK(row("/proc/sysvipc/msg", many[i])[0] != 0);
    for (int i = 0; i < 300; i++) MUST(msgctl(many[i], IPC_RMID, NULL));

    section("limits");
    CHECK_STR(contents("/proc/sys/kernel/msgmax"), "8192\n");
    CHECK_STR(contents("/proc/sys/kernel/msgmnb"), "16384\n");
    CHECK_STR(contents("/proc/sys/kernel/msgmni"), "32000\n");
    CHECK_STR(contents("/proc/sys/kernel/shmmni"), "4096\n");
    CHECK_STR(contents("/proc/sys/kernel/shmmax"), "18446744073692774399\n");
    CHECK_STR(contents("/proc/sys/kernel/shmall"), "18446744073692774399\n");
    CHECK(strncmp(contents("/proc/sys/kernel/sem"), "32000\t", 6) == 0);
    CHECK(strstr(text, "\t500\t32000\n") != NULL);

    section("limits bite");
    CHECK_EQ(put("/proc/sys/kernel/shmmax", "8192\n"), 5);
    CHECK_STR(contents("/proc/sys/kernel/shmmax"), "8192\n");
    CHECK_ERR(shmget(IPC_PRIVATE, 8193, IPC_CREAT | 0600), EINVAL);
    CHECK_EQ(put("/proc/sys/kernel/shmmax", "18446744073692774399"), 20);
    CHECK_EQ(put("/proc/sys/kernel/shmall", "2"), 1);
    CHECK_ERR(shmget(IPC_PRIVATE, 8193, IPC_CREAT | 0600), ENOSPC);
    CHECK_EQ(put("/proc/sys/kernel/shmall", "18446744073692774399"), 20);
    CHECK_EQ(put("/proc/sys/kernel/shmmni", "0"), 1);
    CHECK_ERR(shmget(IPC_PRIVATE, 1, IPC_CREAT | 0600), ENOSPC);
    CHECK_EQ(put("/proc/sys/kernel/shmmni", "4096"), 4);
    CHECK_EQ(put("/proc/sys/kernel/sem", "4 10 3 2\n"), 9);
    CHECK_ERR(semget(IPC_PRIVATE, 5, IPC_CREAT | 0600), EINVAL);
    int set = CHECK_OK(semget(IPC_PRIVATE, 4, IPC_CREAT | 0600));
    struct sembuf operations[4] = {{0, 1, 0}, {1, 1, 0}, {2, 1, 0}, {3, 1, 0}};
    CHECK_OK(semop(set, operations, 3));
    CHECK_ERR(semop(set, operations, 4), E2BIG);
    int other = CHECK_OK(semget(IPC_PRIVATE, 1, IPC_CREAT | 0600));
    CHECK_ERR(semget(IPC_PRIVATE, 1, IPC_CREAT | 0600), ENOSPC);
    CHECK_OK(semctl(other, 0, IPC_RMID));
    CHECK_EQ(put("/proc/sys/kernel/sem", "4 5 3 3\n"), 8);
    CHECK_ERR(semget(IPC_PRIVATE, 2, IPC_CREAT | 0600), ENOSPC);
    CHECK_OK(semctl(set, 0, IPC_RMID));
    CHECK_EQ(put("/proc/sys/kernel/sem", "32000 1024000 500 32000\n"), 24);
    CHECK_EQ(put("/proc/sys/kernel/msgmni", "0"), 1);
    CHECK_ERR(msgget(IPC_PRIVATE, IPC_CREAT | 0600), ENOSPC);
    CHECK_EQ(put("/proc/sys/kernel/msgmni", "32000"), 5);
    CHECK_EQ(put("/proc/sys/kernel/msgmax", "3"), 1);
    id = MUST(msgget(IPC_PRIVATE, IPC_CREAT | 0600));
    CHECK_ERR(msgsnd(id, &message, 4, 0), EINVAL);
    CHECK_OK(msgsnd(id, &message, 3, 0));
    CHECK_EQ(put("/proc/sys/kernel/msgmax", "8192"), 4);
    CHECK_OK(msgctl(id, IPC_RMID, NULL));
    CHECK_ERR(put("/proc/sys/kernel/msgmax", "many"), EINVAL);
    CHECK_ERR(put("/proc/sys/kernel/msgmax", "-1"), EINVAL);

    section("not for everybody");
    int status = IN_CHILD({
        MUST(setresuid(65534, 65534, 65534));
        CHECK_ERR(put("/proc/sys/kernel/msgmax", "9"), EACCES);
    });
    CHECK_EXITED(status, 0);
    return verdict();
}
