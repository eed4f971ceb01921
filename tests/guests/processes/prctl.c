// oracle: linux; qemu's user mode knows no more than the first operations
// syscalls: prctl
#include "check.h"
#include <pthread.h>
#include <sys/prctl.h>

static void *named(void *unused) {
    char name[16];
    CHECK_OK(prctl(PR_GET_NAME, name));
    CHECK_STR(name, "fifteen-letters");
    CHECK_OK(prctl(PR_SET_NAME, "other"));
    return unused;
}

int main(void) {
    section("names");
    char name[16];
    CHECK_OK(prctl(PR_SET_NAME, "fifteen-letters-and-more"));
    CHECK_OK(prctl(PR_GET_NAME, name));
    CHECK_STR(name, "fifteen-letters");
    pthread_t thread;
    CHECK_ZERO(pthread_create(&thread, NULL, named, NULL));
    CHECK_ZERO(pthread_join(thread, NULL));
    CHECK_OK(prctl(PR_GET_NAME, name));
    CHECK_STR(name, "fifteen-letters");
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(prctl(PR_GET_NAME, name));
                     CHECK_STR(name, "fifteen-letters");
                 }),
                 0);

    section("PDEATHSIG");
    int value = -1;
    CHECK_OK(prctl(PR_GET_PDEATHSIG, &value));
    CHECK_EQ(value, 0);
    CHECK_ERR(prctl(PR_SET_PDEATHSIG, 100), EINVAL);
    int ready[2], p[2];
    CHECK_OK(pipe(p));
    CHECK_OK(pipe(ready));
    CHECK_EXITED(IN_CHILD({
                     char byte = 0;
                     if (fork() == 0) {
                         prctl(PR_SET_PDEATHSIG, SIGKILL);
                         CHECK_OK(prctl(PR_GET_PDEATHSIG, &value));
                         CHECK_EQ(value, SIGKILL);
                         write(ready[1], &byte, 1);
                         for (;;) pause();
                     }
                     read(ready[0], &byte, 1);
                 }),
                 0);
    // The grandchild held the last writing end; its death is the end of the file.
    char byte;
    close(p[1]);
    CHECK_EQ(read(p[0], &byte, 1), 0);

    section("dumpable, no new privileges, subreaper");
    CHECK_EQ(prctl(PR_GET_DUMPABLE), 1);
    CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
                     CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
                     CHECK_ERR(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
                 }),
                 0);
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
                     pid_t middle = fork();
                     if (middle == 0) {
                         if (fork() == 0) {
                             sleep_ms(20);
                             _exit(13);
                         }
                         _exit(0);
                     }
                     CHECK_EXITED(wait_status(middle), 0);
                     int status;
                     CHECK(waitpid(-1, &status, 0) > 0);
                     CHECK_EXITED(status, 13);
                 }),
                 0);

    section("timer slack");
    CHECK_EQ(prctl(PR_GET_TIMERSLACK), 50000);
    CHECK_OK(prctl(PR_SET_TIMERSLACK, 70000));
    CHECK_EQ(prctl(PR_GET_TIMERSLACK), 70000);
    CHECK_EXITED(IN_CHILD({
                     CHECK_EQ(prctl(PR_GET_TIMERSLACK), 70000);
                     CHECK_OK(prctl(PR_SET_TIMERSLACK, 1));
                     CHECK_EQ(prctl(PR_GET_TIMERSLACK), 1);
                     CHECK_OK(prctl(PR_SET_TIMERSLACK, 0));
                     CHECK_EQ(prctl(PR_GET_TIMERSLACK), 70000);
                 }),
                 0);
    CHECK_OK(prctl(PR_SET_TIMERSLACK, 0));
    CHECK_EQ(prctl(PR_GET_TIMERSLACK), 50000);

    section("huge pages, failing memory, timing");
    CHECK_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 0);
    CHECK_OK(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
    CHECK_EXITED(IN_CHILD(CHECK_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1)), 0);
    CHECK_OK(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
    CHECK_ERR(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0), EINVAL);
    CHECK_EQ(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_DEFAULT);
    CHECK_OK(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
    CHECK_EQ(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_EARLY);
    CHECK_OK(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0));
    CHECK_EQ(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_DEFAULT);
    CHECK_ERR(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, 3, 0, 0), EINVAL);
    CHECK_ERR(prctl(PR_MCE_KILL, 2, 0, 0, 0), EINVAL);
    CHECK_EQ(prctl(PR_GET_TIMING), PR_TIMING_STATISTICAL);
    CHECK_OK(prctl(PR_SET_TIMING, PR_TIMING_STATISTICAL));
    CHECK_ERR(prctl(PR_SET_TIMING, PR_TIMING_TIMESTAMP), EINVAL);
    CHECK_ERR(prctl(12345), EINVAL);
    return verdict();
}
