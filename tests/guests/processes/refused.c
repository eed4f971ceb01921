// only: tidemark
// oracle: man page; a real kernel would do some of this
// syscalls: kexec_load init_module delete_module finit_module reboot setdomainname settimeofday swapon swapoff
// syscalls: perf_event_open seccomp bpf userfaultfd io_uring_setup io_uring_enter io_uring_register rseq
// syscalls: landlock_create_ruleset syslog sethostname
// syscalls: umount2 mount pivot_root quotactl
//
// What a sandbox does not offer, it refuses at once, with the error that programs expect: EPERM where Linux lets only a more
// privileged caller, ENOSYS where Linux may be built without it.
#include "check.h"
#include <sys/utsname.h>

struct call {
    const char *name;
    long number;
    int error;
};

static const struct call calls[] = {
    {"kexec_load", SYS_kexec_load, EPERM},
    {"init_module", SYS_init_module, EPERM},
    {"delete_module", SYS_delete_module, EPERM},
    {"finit_module", SYS_finit_module, EPERM},
    {"reboot", SYS_reboot, EPERM},
    {"setdomainname", SYS_setdomainname, EPERM},
    {"settimeofday", SYS_settimeofday, EPERM},
    {"swapon", SYS_swapon, EPERM},
    {"swapoff", SYS_swapoff, EPERM},
    {"umount2", SYS_umount2, EPERM},
    {"mount", SYS_mount, EPERM},
    {"pivot_root", SYS_pivot_root, EPERM},
    {"quotactl", SYS_quotactl, ENOSYS},
    {"perf_event_open", SYS_perf_event_open, ENOSYS},
    {"seccomp", SYS_seccomp, ENOSYS},
    {"bpf", SYS_bpf, ENOSYS},
    {"userfaultfd", SYS_userfaultfd, ENOSYS},
    {"io_uring_setup", SYS_io_uring_setup, ENOSYS},
    {"io_uring_enter", SYS_io_uring_enter, ENOSYS},
    {"io_uring_register", SYS_io_uring_register, ENOSYS},
    {"rseq", SYS_rseq, ENOSYS},
    {"landlock_create_ruleset", SYS_landlock_create_ruleset, ENOSYS},
    {"no such call", 999, ENOSYS},
    {"no such call", 244, ENOSYS},
    {"no such call", -1, ENOSYS},
};

int main(void) {
    section("refused");
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
        errno = 0;
        long result = syscall(calls[i].number, 0, 0, 0, 0, 0, 0);
        if (result != -1 || errno != calls[i].error)
            CHECK_FAILED("  %s gave %ld, %s; not %s", calls[i].name, result, strerrorname_np(errno),
                         strerrorname_np(calls[i].error));
    }

    section("the host's name is the sandbox's own");
    struct utsname name;
    char text[64] = "";
    CHECK_OK(sethostname("another-name", 12));
    CHECK_OK(uname(&name));
    CHECK_STR(name.nodename, "another-name");
    CHECK_ERR(syscall(SYS_sethostname, "x", -1), EINVAL);
    CHECK_ERR(syscall(SYS_sethostname, text, 65), EINVAL);
    CHECK_ERR(syscall(SYS_sethostname, NOWHERE, 3), EFAULT);

    section("the kernel's log is empty");
    CHECK_EQ(syscall(SYS_syslog, 3 /* READ_ALL */, text, sizeof text), 0);
    CHECK(syscall(SYS_syslog, 10 /* SIZE_BUFFER */, NULL, 0) >= 0);
    CHECK_ERR(syscall(SYS_syslog, 99, text, sizeof text), EINVAL);
    return verdict();
}
