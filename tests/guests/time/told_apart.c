// syscalls: getrusage times setitimer getitimer
// oracle: linux; qemu's user mode counts its own time
//
// What a program computes and what the kernel does for it count apart.
#include "check.h"
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>

static int64_t us(struct timeval time) { return time.tv_sec * 1000000LL + time.tv_usec; }

static struct rusage used(int who) {
    struct rusage usage;
    CHECK_OK(getrusage(who, &usage));
    return usage;
}

static int64_t total_us(void) {
    struct rusage usage = used(RUSAGE_SELF);
    return us(usage.ru_utime) + us(usage.ru_stime);
}

static void compute(int ms) {
    int64_t until = total_us() + ms * 1000;
    while (total_us() < until)
        for (volatile int k = 0; k < 200000; k++) continue;
}

// Fresh memory, which the kernel has to clear.
static void call(int ms) {
    static char buffer[1 << 16];
    int64_t until = total_us() + ms * 1000;
    int fd = MUST(open("/dev/zero", O_RDONLY));
    while (total_us() < until)
        for (int i = 0; i < 50; i++) CHECK_EQ(read(fd, buffer, sizeof buffer), sizeof buffer);
    close(fd);
}

static volatile int virtual, profiling;
static void on_virtual(int number) { (void)number, virtual++; }
static void on_profiling(int number) { (void)number, profiling++; }

int main(void) {
    section("computing is the user's");
    struct rusage before = used(RUSAGE_SELF);
    compute(100);
    struct rusage after = used(RUSAGE_SELF);
    int64_t user = us(after.ru_utime) - us(before.ru_utime), system = us(after.ru_stime) - us(before.ru_stime);
    CHECK(user > 3 * system);

    section("reading is the system's");
    before = after;
    call(100);
    after = used(RUSAGE_SELF);
    user = us(after.ru_utime) - us(before.ru_utime), system = us(after.ru_stime) - us(before.ru_stime);
    CHECK(system > user);

    section("times, and of children");
    struct tms t;
    CHECK_OK(times(&t));
    CHECK(t.tms_stime >= 4 && t.tms_utime >= 4);
    CHECK_EXITED(IN_CHILD(call(100)), 0);
    CHECK_OK(times(&t));
    CHECK(t.tms_cstime >= 4 && t.tms_cstime > t.tms_cutime);
    after = used(RUSAGE_CHILDREN);
    CHECK(us(after.ru_stime) > us(after.ru_utime));

    section("/proc/self/stat");
    char line[1024];
    int fd = MUST(open("/proc/self/stat", O_RDONLY));
    line[MUST(read(fd, line, sizeof line - 1))] = 0;
    close(fd);
    unsigned long user_ticks = 0, system_ticks = 0;
    CHECK_EQ(sscanf(strrchr(line, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user_ticks,
                    &system_ticks), 2);
    CHECK(user_ticks >= 4 && system_ticks >= 4);

    section("ITIMER_VIRTUAL counts the user's alone");
    signal(SIGVTALRM, on_virtual);
    signal(SIGPROF, on_profiling);
    struct itimerval every = {{0, 20000}, {0, 20000}}, left;
    CHECK_OK(setitimer(ITIMER_VIRTUAL, &every, NULL));
    CHECK_OK(setitimer(ITIMER_PROF, &every, NULL));
    for (int i = 0; i < 50 && profiling < 5; i++) call(40);
    CHECK(profiling >= 5);
    CHECK(virtual < profiling);
    int so_far = virtual;
    for (int i = 0; i < 50 && virtual - so_far < 3; i++) compute(40);
    CHECK(virtual - so_far >= 3);
    CHECK_OK(getitimer(ITIMER_VIRTUAL, &left));
    CHECK(us(left.it_value) <= 20000);
    return verdict();
}
