// syscalls: uname sysinfo getcpu sched_getaffinity sched_setaffinity sched_yield
#include "check.h"
#include <sys/sysinfo.h>
#include <sys/utsname.h>

int main(void) {
    section("uname");
    struct utsname name;
    CHECK_OK(uname(&name));
    CHECK_STR(name.sysname, "Linux");
#ifdef __riscv
    CHECK_STR(name.machine, "riscv64");
#endif
    int major = 0, minor = 0;
    CHECK_EQ(sscanf(name.release, "%d.%d", &major, &minor), 2);
    CHECK(major >= 4);
    CHECK(name.nodename[0] != 0);
    CHECK(name.version[0] != 0);
    CHECK_ERR(syscall(SYS_uname, NOWHERE), EFAULT);

    section("sysinfo");
    struct sysinfo info;
    memset(&info, 0xff, sizeof info);
    CHECK_OK(sysinfo(&info));
    CHECK(info.uptime >= 0);
    CHECK(info.totalram > 0 && info.freeram <= info.totalram);
    CHECK(info.mem_unit > 0);
    CHECK(info.procs > 0);
    CHECK_ERR(syscall(SYS_sysinfo, NOWHERE), EFAULT);

    section("processors");
    cpu_set_t set;
    unsigned cpu = ~0U, node = ~0U;
    CHECK_OK(syscall(SYS_getcpu, &cpu, &node, NULL));
    CHECK(cpu < CPU_SETSIZE);
    CHECK_OK(syscall(SYS_getcpu, NULL, NULL, NULL));
    CPU_ZERO(&set);
    CHECK_OK(sched_getaffinity(0, sizeof set, &set));
    int count = CPU_COUNT(&set);
    CHECK(count >= 1);
    CHECK(CPU_ISSET(cpu, &set));
    CHECK_EQ(sysconf(_SC_NPROCESSORS_ONLN) >= 1, 1);
    CHECK_ERR(syscall(SYS_sched_getaffinity, 0, 0, &set), EINVAL);
    CHECK_ERR(syscall(SYS_sched_getaffinity, 0, 3, &set), EINVAL);
    CHECK_ERR(syscall(SYS_sched_getaffinity, 0, sizeof set, NOWHERE), EFAULT);
    CHECK_OK(sched_setaffinity(0, sizeof set, &set));
    CPU_ZERO(&set);
    CHECK_ERR(sched_setaffinity(0, sizeof set, &set), EINVAL);
    CHECK_OK(sched_yield());
    return verdict();
}
