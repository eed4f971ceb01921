// syscalls: execve prctl capget capset
// oracle: linux; qemu's user mode has the capabilities of the machine it runs on
//
// What executing a program does to capabilities (`capabilities(7)`), securebits, and set-user-ID programs.
#include "check.h"
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

static void hold(unsigned inheritable, unsigned permitted, unsigned effective) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{effective, permitted, inheritable}};
    CHECK_OK(syscall(SYS_capset, &header, data));
}

// The program that is executed: tells what it holds of the first 32 capabilities.
static int tell(const char *title) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};
    CHECK_OK(syscall(SYS_capget, &header, data));
    unsigned ambient = 0;
    for (int i = 0; i < 32; i++)
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1) ambient |= 1U << i;
    say("  %s: permitted %x effective %x inheritable %x ambient %x, uid %d %d, securebits %x, secure %d", title,
        data[0].permitted, data[0].effective, data[0].inheritable, ambient, getuid(), geteuid(),
        prctl(PR_GET_SECUREBITS), getauxval(AT_SECURE) != 0);
    return 0;
}

static void executed(const char *path, const char *title) {
    execl(path, "capabilities", "tell", title, NULL);
    CHECK_FAILED("  %s: %s", path, strerrorname_np(errno));
}

#define SETPCAP (1U << CAP_SETPCAP)
#define KILL (1U << CAP_KILL)
#define CHOWN (1U << CAP_CHOWN)
#define SETUID (1U << CAP_SETUID)
#define SELF "/proc/self/exe"

int main(int argc, char **argv) {
    if (argc == 3) return tell(argv[2]);

    section("user 0 gets what the bounding set has");
    CHECK_EXITED(IN_CHILD({
                     for (int i = 0; i < 64; i++)
                         if (i != CAP_KILL && i != CAP_CHOWN && i != CAP_SETPCAP) prctl(PR_CAPBSET_DROP, i);
                     hold(0, KILL | SETPCAP, KILL | SETPCAP);
                     executed(SELF, "root");
                 }), 0);
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT));
                     executed(SELF, "NOROOT");
                 }), 0);

    section("others get the ambient set");
    CHECK_EXITED(IN_CHILD({
                     hold(KILL | CHOWN, KILL | CHOWN | SETUID, SETUID);
                     CHECK_OK(prctl(PR_SET_KEEPCAPS, 1));
                     CHECK_OK(setuid(1000));
                     executed(SELF, "no ambient set");
                 }), 0);
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(prctl(PR_SET_KEEPCAPS, 1));
                     CHECK_OK(setuid(1000));
                     hold(KILL | CHOWN, KILL | CHOWN | SETUID, SETUID);
                     CHECK_OK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
                     CHECK_ERR(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETUID, 0, 0), EPERM);
                     CHECK_ERR(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 1, 0), EINVAL);
                     CHECK_ERR(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0), EINVAL);
                     executed(SELF, "an ambient one");
                 }), 0);
    CHECK_EXITED(IN_CHILD({
                     hold(KILL, KILL | SETPCAP, KILL | SETPCAP);
                     CHECK_OK(prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE));
                     CHECK_ERR(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0), EPERM);
                 }), 0);
    CHECK_EXITED(IN_CHILD({
                     hold(KILL, KILL | SETPCAP, KILL | SETPCAP);
                     CHECK_OK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
                     CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0), 1);
                     hold(0, KILL | SETPCAP, KILL | SETPCAP);
                     CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0), 0);
                 }), 0);

    section("securebits");
    CHECK_EQ(prctl(PR_GET_SECUREBITS), 0);
    CHECK_ERR(prctl(PR_SET_SECUREBITS, 1 << 20), EPERM);
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS_LOCKED));
                     CHECK_ERR(prctl(PR_SET_KEEPCAPS, 1), EPERM);
                     CHECK_ERR(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP), EPERM);
                     CHECK_ERR(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_KEEP_CAPS_LOCKED), EPERM);
                     hold(0, KILL | SETUID, KILL | SETUID);
                     CHECK_OK(setuid(1000));
                     struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
                     struct __user_cap_data_struct data[2];
                     CHECK_OK(syscall(SYS_capget, &header, data));
                     CHECK_EQ(data[0].effective, KILL | SETUID);
                     CHECK_ERR(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED), EPERM);
                 }), 0);

    section("a program that runs as its owner");
    scratch();
    CHECK_OK(chmod(".", 0755));
    char copy[128];
    snprintf(copy, sizeof copy, "%s/setuid", check_scratch);
    int from = MUST(open(SELF, O_RDONLY));
    int to = MUST(open(copy, O_WRONLY | O_CREAT, 0755));
    static char buffer[1 << 16];
    for (ssize_t length; (length = read(from, buffer, sizeof buffer)) > 0;) CHECK_EQ(write(to, buffer, length), length);
    close(from), close(to);
    CHECK_OK(chmod(copy, 04755));
    CHECK_EXITED(IN_CHILD({
                     for (int i = 0; i < 64; i++)
                         if (i != CAP_KILL && i != CAP_SETUID) prctl(PR_CAPBSET_DROP, i);
                     CHECK_OK(setuid(1000));
                     executed(copy, "set-user-ID root");
                 }), 0);
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(setuid(1000));
                     CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
                     executed(copy, "without new privileges");
                 }), 0);
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(prctl(PR_SET_KEEPCAPS, 1));
                     CHECK_OK(setuid(1000));
                     hold(KILL, KILL, 0);
                     CHECK_OK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
                     executed(SELF, "ambient still");
                 }), 0);
    CHECK_OK(chown(copy, 1001, 0));
    CHECK_OK(chmod(copy, 04755));
    CHECK_EXITED(IN_CHILD({
                     CHECK_OK(prctl(PR_SET_KEEPCAPS, 1));
                     CHECK_OK(setuid(1000));
                     hold(KILL, KILL, 0);
                     CHECK_OK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
                     executed(copy, "set-user-ID another");
                 }), 0);
    return verdict();
}
