// syscalls: getuid geteuid getgid getegid getresuid getresgid setuid setgid setresuid setresgid setreuid setregid
// syscalls: getgroups setgroups setfsuid setfsgid capget capset personality
#include "check.h"
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/personality.h>

int main(void) {
    section("ids agree");
    uid_t r, e, s;
    gid_t rg, eg, sg;
    CHECK_OK(getresuid(&r, &e, &s));
    CHECK_OK(getresgid(&rg, &eg, &sg));
    CHECK_EQ(getuid(), r);
    CHECK_EQ(geteuid(), e);
    CHECK_EQ(getgid(), rg);
    CHECK_EQ(getegid(), eg);
    CHECK_OK(setuid(getuid()));
    CHECK_OK(setgid(getgid()));
    CHECK_OK(setresuid(-1, -1, -1));
    CHECK_OK(setresgid(-1, -1, -1));
    CHECK(getgroups(0, NULL) >= 0);
    CHECK_ERR(syscall(SYS_getgroups, -1, NULL), EINVAL);
    CHECK_EQ(setfsuid(-1), e);
    CHECK_EQ(setfsgid(-1), eg);
    CHECK_EQ(personality(0xffffffff) & 0xff, PER_LINUX);

    section("capget");
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    CHECK_OK(syscall(SYS_capget, &header, data));
    if (getuid() == 0) CHECK(data[0].effective & 1 << CAP_CHOWN);
    CHECK_OK(syscall(SYS_capset, &header, data));
    header.version = 1;
    CHECK_ERR(syscall(SYS_capget, &header, data), EINVAL);
    CHECK_EQ(header.version, _LINUX_CAPABILITY_VERSION_3);

    section("root gives itself up, for good");
    if (getuid() == 0) {
        CHECK_EXITED(IN_CHILD({
                         gid_t groups[] = {5, 7};
                         gid_t got[8];
                         CHECK_OK(syscall(SYS_setgroups, 2, groups));
                         CHECK_EQ(getgroups(8, got), 2);
                         CHECK_EQ(got[0], 5);
                         CHECK_EQ(got[1], 7);
                         CHECK_ERR(getgroups(1, got), EINVAL);
                         CHECK_OK(syscall(SYS_setresgid, 100, 100, 100));
                         CHECK_OK(syscall(SYS_setresuid, 1000, 1001, 1002));
                         CHECK_OK(getresuid(&r, &e, &s));
                         CHECK_EQ(r, 1000);
                         CHECK_EQ(e, 1001);
                         CHECK_EQ(s, 1002);
                         CHECK_ERR(syscall(SYS_setuid, 0), EPERM);
                         CHECK_OK(syscall(SYS_setuid, 1002));
                         CHECK_EQ(geteuid(), 1002);
                         CHECK_EQ(getuid(), 1000);
                         CHECK_OK(syscall(SYS_setreuid, -1, 1000));
                         CHECK_EQ(geteuid(), 1000);
                         CHECK_ERR(syscall(SYS_setregid, 0, 0), EPERM);
                         CHECK_ERR(syscall(SYS_setgroups, 0, NULL), EPERM);
                     }),
                     0);
        CHECK_EQ(getuid(), 0);
    }
    return verdict();
}
