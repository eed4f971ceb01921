// syscalls: setpgid setsid kill wait4
//
// A group of processes that loses the last who could continue it is hung up if it has stopped members, but not one that
// nobody could have continued before.
#include "check.h"

static pid_t stopped_member(void) {
    pid_t member = MUST(fork());
    if (member == 0)
        for (;;) pause();
    int status;
    kill(member, SIGSTOP);
    CHECK_EQ(waitpid(member, &status, WUNTRACED), member);
    CHECK(WIFSTOPPED(status));
    return member;
}

int main(void) {
    section("orphaned before");
    int status = IN_CHILD({
        MUST(setsid());
        pid_t member = stopped_member();
        CHECK_EXITED(IN_CHILD(), 0);
        sleep_ms(20);
        CHECK_EQ(waitpid(member, &status, WNOHANG | WUNTRACED | WCONTINUED), 0);
        kill(member, SIGKILL);
        CHECK_KILLED(wait_status(member), SIGKILL);
    });
    CHECK_EXITED(status, 0);

    section("orphaned now");
    int ends[2];
    MUST(pipe(ends));
    status = IN_CHILD({
        MUST(setsid());
        pid_t leader = MUST(fork());
        if (leader == 0) {
            MUST(setpgid(0, 0));
            pid_t member = stopped_member();
            MUST(write(ends[1], &member, sizeof member));
            _exit(0);
        }
        CHECK_EXITED(wait_status(leader), 0);
    });
    CHECK_EXITED(status, 0);
    pid_t member = 0;
    MUST(read(ends[0], &member, sizeof member));
    for (int i = 0; i < 500 && kill(member, 0) == 0; i++) sleep_ms(10);
    CHECK_ERR(kill(member, 0), ESRCH);
    return verdict();
}
