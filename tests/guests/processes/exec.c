// syscalls: execve execveat
// oracle: linux; qemu's user mode leaves execve to the host, which can't run a riscv64 program
#include "check.h"
#include <pthread.h>
#include <sys/resource.h>

static char self[256];

static int run(const char *path, char *const argv[], char *const envp[]) {
    pid_t child = MUST(fork());
    if (child == 0) {
        execve(path, argv, envp);
        _exit(200 - errno);
    }
    return wait_status(child);
}

#define ARGV(...) (char *[]){__VA_ARGS__, NULL}
#define ENVP(...) (char *[]){__VA_ARGS__, NULL}

// The program again, told by argv[1] what to show.
static int again(int argc, char **argv, char **envp) {
    if (strncmp(argv[1], "show", 4) == 0) {
        for (int i = 0; i < argc; i++) say("  argv %s", argv[i]);
        for (int i = 0; envp[i]; i++) say("  envp %s", envp[i]);
        return 11;
    }
    if (strcmp(argv[1], "state") == 0) {
        int closed = fcntl(60, F_GETFD) == -1, open = fcntl(61, F_GETFD) == 0;
        struct sigaction a, b;
        sigset_t mask;
        sigaction(SIGUSR1, NULL, &a);
        sigaction(SIGUSR2, NULL, &b);
        sigprocmask(SIG_BLOCK, NULL, &mask);
        say("  cloexec closed %d, other open %d", closed, open);
        say("  caught signal default %d, ignored signal ignored %d", a.sa_handler == SIG_DFL,
            b.sa_handler == SIG_IGN);
        say("  mask kept %d, pid kept %d", sigismember(&mask, SIGHUP), getpid() == atoi(argv[2]));
        char name[17] = "";
        FILE *file = fopen("/proc/self/comm", "r");
        if (file && fgets(name, sizeof name, file)) name[strcspn(name, "\n")] = 0;
        say("  comm %s", name);
        return 12;
    }
    return atoi(argv[1]);
}

static void *from_thread(void *argument) {
    execve(self, argument, ENVP("E=1"));
    return NULL;
}

static void errors(void) {
    section("errors");
    char *argv[] = {"x", NULL};
    CHECK_ERR(execve("absent", argv, NULL), ENOENT);
    CHECK_ERR(execve("", argv, NULL), ENOENT);
    put_file("plain", "echo hello\n");
    CHECK_ERR(execve("plain", argv, NULL), EACCES);
    CHECK_OK(chmod("plain", 0755));
    CHECK_ERR(execve("plain", argv, NULL), ENOEXEC);
    CHECK_ERR(execve("plain/x", argv, NULL), ENOTDIR);
    CHECK_ERR(execve(".", argv, NULL), EACCES);
    put_file("empty", "");
    CHECK_OK(chmod("empty", 0755));
    CHECK_ERR(execve("empty", argv, NULL), ENOEXEC);
    put_file("broken", "\177ELF and then nothing of use, and some more so that it is long enough for a header....");
    CHECK_OK(chmod("broken", 0755));
    CHECK_ERR(execve("broken", argv, NULL), ENOEXEC);
    put_file("no-interpreter", "#!/absent/interpreter\n");
    CHECK_OK(chmod("no-interpreter", 0755));
    CHECK_ERR(execve("no-interpreter", argv, NULL), ENOENT);
    CHECK_ERR(execve(NOWHERE, argv, NULL), EFAULT);
    CHECK_ERR(execve(self, NOWHERE, NULL), EFAULT);
    static char long_text[200000];
    memset(long_text, 'a', sizeof long_text - 1);
    char *too_long[] = {self, long_text, NULL};
    // execve(2): one string may have 32 pages.
    CHECK_ERR(execve(self, too_long, NULL), E2BIG);
}

int main(int argc, char **argv, char **envp) {
    if (argc > 1) return again(argc, argv, envp);
    if (readlink("/proc/self/exe", self, sizeof self - 1) <= 0) return 97;
    scratch();

    section("arguments and environment");
    CHECK_EXITED(run(self, ARGV("zero", "show", "", "two words", "\xc3\xa9"), ENVP("A=1", "B=", "=odd", "C")), 11);
    CHECK_EXITED(run(self, ARGV("zero", "33"), (char *[]){NULL}), 33);

    section("a script");
    CHECK_OK(symlink(self, "interpreter"));
    put_file("script", "#! interpreter \t show more words \nignored");
    CHECK_OK(chmod("script", 0755));
    CHECK_EXITED(run("./script", ARGV("replaced", "a", "b"), ENVP("E=1")), 11);
    put_file("outer", "#!./script");
    CHECK_OK(chmod("outer", 0755));
    put_file("script", "#!interpreter show\n");
    CHECK_EXITED(run("./outer", ARGV("replaced", "a"), ENVP("E=1")), 11);

    section("what is kept");
    CHECK_EQ(dup2(1, 60), 60);
    CHECK_EQ(dup2(1, 61), 61);
    fcntl(60, F_SETFD, FD_CLOEXEC);
    pid_t child = MUST(fork());
    if (child == 0) {
        signal(SIGUSR1, exit);
        signal(SIGUSR2, SIG_IGN);
        sigset_t mask;
        sigemptyset(&mask);
        sigaddset(&mask, SIGHUP);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        char pid[16];
        sprintf(pid, "%d", getpid());
        execve("interpreter", ARGV("x", "state", pid), ENVP("E=1"));
        _exit(99);
    }
    CHECK_EXITED(wait_status(child), 12);

    section("by descriptor");
    int fd = MUST(open(self, O_RDONLY | O_CLOEXEC));
    CHECK_EXITED(IN_CHILD({ syscall(SYS_execveat, fd, "", ARGV("x", "44"), ENVP("E=1"), AT_EMPTY_PATH); }), 44);
    int dir = MUST(open(".", O_RDONLY | O_CLOEXEC));
    CHECK_EXITED(IN_CHILD({ syscall(SYS_execveat, dir, "interpreter", ARGV("x", "45"), ENVP("E=1"), 0); }), 45);
    CHECK_ERR(syscall(SYS_execveat, dir, "interpreter", ARGV("x"), NULL, AT_SYMLINK_NOFOLLOW), ELOOP);

    section("from a thread that does not lead: the process keeps its id");
    child = MUST(fork());
    if (child == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, from_thread, ARGV("x", "46"));
        pthread_join(thread, NULL);
        _exit(99);
    }
    CHECK_EXITED(wait_status(child), 46);

    section("long argument lists");
    static char *many[5001];
    many[0] = self, many[1] = "47";
    for (int i = 2; i < 5000; i++) many[i] = "an argument of ordinary length";
    CHECK_EXITED(run(self, many, ENVP("E=1")), 47);

    errors();
    return verdict();
}
