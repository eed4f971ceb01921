// syscalls: read write kill
// args: say hello
// What the tests of the command line run: one small program for each thing that a run can do.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static int fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    return 1;
}

static int write_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);
        if (written < 0) return -1;
        bytes += written;
        len -= written;
    }
    return 0;
}

// Standard input to standard output, to its end; then how many bytes, on standard error.
static int copy(void) {
    static char buffer[10000];
    unsigned long total = 0;
    for (;;) {
        ssize_t len = read(0, buffer, sizeof buffer);
        if (len < 0) return fail("read");
        if (len == 0) break;
        if (write_all(1, buffer, len) < 0) return fail("write");
        total += len;
    }
    fprintf(stderr, "%lu bytes\n", total);
    return 0;
}

// Writes for ever.
static int flood(void) {
    static char line[1000];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    while (write_all(1, line, sizeof line) == 0) continue;
    return fail("write");
}

// Arguments, directory, host name and environment, one a line.
static int show(int argc, char **argv) {
    for (int i = 0; i < argc; i++) printf("argument %s\n", argv[i]);
    char text[4096];
    if (!getcwd(text, sizeof text)) return fail("getcwd");
    printf("directory %s\n", text);
    if (gethostname(text, sizeof text) < 0) return fail("gethostname");
    printf("host %s\n", text);
    for (char **variable = environ; *variable; variable++) printf("variable %s\n", *variable);
    return 0;
}

// A child that keeps standard output open for long; its parent does not wait for it.
static int leave(void) {
    pid_t child = fork();
    if (child < 0) return fail("fork");
    if (child == 0) {
        sleep(600);
        _exit(0);
    }
    return 0;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    const char *argument = argc > 2 ? argv[2] : "";
    if (!strcmp(what, "say")) return puts(argument) < 0;
    if (!strcmp(what, "copy")) return copy();
    if (!strcmp(what, "flood")) return flood();
    if (!strcmp(what, "show")) return show(argc - 2, argv + 2);
    if (!strcmp(what, "leave")) return leave();
    if (!strcmp(what, "exit")) return atoi(argument);
    if (!strcmp(what, "signal")) return kill(getpid(), atoi(argument)) < 0 ? fail("kill") : 0;
    if (!strcmp(what, "wait")) {
        // Says that it is there, then waits for a signal.
        write_all(1, "ready\n", 6);
        pause();
        return 0;
    }
    fprintf(stderr, "usage: tool say TEXT | copy | flood | show [ARG]... | leave | exit N | signal N | wait\n");
    return 2;
}
