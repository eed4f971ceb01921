// oracle: linux; qemu's user mode executes scripts by itself
// syscalls: execve execveat
//
// What the kernel will not execute: a file that is being written, too long a chain of scripts, a script that its
// interpreter could not open.
#include "check.h"

static void copy_of_self(const char *name) {
    int from = MUST(open("/proc/self/exe", O_RDONLY)), to = MUST(open(name, O_WRONLY | O_CREAT, 0755));
    static char bytes[65536];
    for (ssize_t length; (length = MUST(read(from, bytes, sizeof bytes))) > 0;) CHECK_EQ(write(to, bytes, length), length);
    close(from);
    close(to);
}

// What execve answers; 7 is what the program ends with when it was executed.
static int status_of(const char *name) {
    return IN_CHILD(execl(name, name, "run", NULL); _exit(errno));
}

int main(int argc, char **argv) {
    if (argc > 1) return argv[argc - 1][0] ? 7 : 8;
    scratch();
    copy_of_self("program");

    section("open for writing");
    CHECK_EXITED(status_of("./program"), 7);
    int fd = MUST(open("program", O_RDONLY));
    CHECK_EXITED(status_of("./program"), 7);
    close(fd);
    fd = MUST(open("program", O_WRONLY));
    CHECK_EXITED(status_of("./program"), ETXTBSY);
    int second = MUST(dup(fd));
    close(fd);
    CHECK_EXITED(status_of("./program"), ETXTBSY);
    close(second);
    CHECK_EXITED(status_of("./program"), 7);
    fd = MUST(open("program", O_RDWR | O_APPEND));
    CHECK_EXITED(status_of("./program"), ETXTBSY);
    close(fd);
    CHECK_EXITED(status_of("./program"), 7);

    section("scripts that interpret scripts");
    char name[16], text[32];
    for (int depth = 1; depth <= 6; depth++) {
        snprintf(name, sizeof name, "script%d", depth);
        if (depth == 1)
            strcpy(text, "#!./program\n");
        else
            snprintf(text, sizeof text, "#!./script%d\n", depth - 1);
        put_file(name, text);
        CHECK_OK(chmod(name, 0755));
        CHECK_EXITED(status_of(name), depth <= 5 ? 7 : ELOOP);
    }

    section("a script by a descriptor");
    fd = MUST(open("script1", O_RDONLY));
    char *arguments[] = {"script", "run", NULL}, *variables[] = {NULL};
    CHECK_EXITED(IN_CHILD(fexecve(fd, arguments, variables); _exit(errno)), 7);
    CHECK_OK(fcntl(fd, F_SETFD, FD_CLOEXEC));
    CHECK_EXITED(IN_CHILD(fexecve(fd, arguments, variables); _exit(errno)), ENOENT);
    close(fd);
    fd = MUST(open("program", O_RDONLY | O_CLOEXEC));
    CHECK_EXITED(IN_CHILD(fexecve(fd, arguments, variables); _exit(errno)), 7);
    return verdict();
}
