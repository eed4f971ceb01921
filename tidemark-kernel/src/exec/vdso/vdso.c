/* The code of the vDSO (vdso(7)), compiled into vdso.so, which is committed: see mod.rs.
 *
 * `rdtime` counts nanoseconds of CLOCK_MONOTONIC, so the clocks need only one number from the kernel: the distance to
 * CLOCK_REALTIME, in the page before this image.
 */

typedef unsigned long u64;
typedef unsigned int u32;

struct timespec {
    long sec, nsec;
};

/* Layout: exec/vdso/mod.rs, `VVAR_*`. */
struct vvar {
    u32 sequence; /* odd while the kernel writes */
    u32 reserved;
    u64 realtime_offset;
    u64 known; /* keys of hwprobe, one bit each, that the processors have an answer for */
    u64 hwprobe[16];
};

extern const volatile struct vvar vvar __attribute__((visibility("hidden")));

#define NANOS 1000000000ul
#define EXPORT __attribute__((visibility("default"), used))

static inline u64 read_time(void) {
    u64 now;
    __asm__ volatile("rdtime %0" : "=r"(now));
    return now;
}

static inline u64 realtime_offset(void) {
    u32 before, after;
    u64 offset;
    do {
        before = vvar.sequence;
        __asm__ volatile("fence r, r" ::: "memory");
        offset = vvar.realtime_offset;
        __asm__ volatile("fence r, r" ::: "memory");
        after = vvar.sequence;
    } while (before != after || (before & 1));
    return offset;
}

static inline long call(long number, long a, long b, long c, long d, long e) {
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e;
    register long a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a7) : "memory");
    return a0;
}

static inline void store(struct timespec *to, u64 nanos) {
    u64 seconds = nanos / NANOS;
    to->sec = (long)seconds;
    to->nsec = (long)(nanos - seconds * NANOS);
}

/* Clock ids: REALTIME 0, MONOTONIC 1, MONOTONIC_RAW 4, REALTIME_COARSE 5, MONOTONIC_COARSE 6, BOOTTIME 7. */
#define REALTIME_CLOCKS ((1u << 0) | (1u << 5))
#define MONOTONIC_CLOCKS ((1u << 1) | (1u << 4) | (1u << 6) | (1u << 7))

EXPORT int __vdso_clock_gettime(int clock, struct timespec *to) {
    u32 bit = (u32)clock < 32 ? 1u << clock : 0;
    if (bit & MONOTONIC_CLOCKS) {
        store(to, read_time());
        return 0;
    }
    if (bit & REALTIME_CLOCKS) {
        u64 offset = realtime_offset();
        store(to, read_time() + offset);
        return 0;
    }
    return (int)call(113, clock, (long)to, 0, 0, 0);
}

struct timeval {
    long sec, usec;
};

EXPORT int __vdso_gettimeofday(struct timeval *to, void *zone) {
    if (zone)
        return (int)call(169, (long)to, (long)zone, 0, 0, 0);
    if (to) {
        u64 offset = realtime_offset();
        u64 nanos = read_time() + offset;
        u64 seconds = nanos / NANOS;
        to->sec = (long)seconds;
        to->usec = (long)((nanos - seconds * NANOS) / 1000);
    }
    return 0;
}

EXPORT int __vdso_clock_getres(int clock, struct timespec *to) {
    return (int)call(114, clock, (long)to, 0, 0, 0);
}

EXPORT int __vdso_getcpu(u32 *cpu, u32 *node, void *unused) {
    return (int)call(168, (long)cpu, (long)node, (long)unused, 0, 0);
}

EXPORT int __vdso_flush_icache(u64 start, u64 end, u64 flags) {
    return (int)call(259, (long)start, (long)end, (long)flags, 0, 0);
}

struct pair {
    long key;
    u64 value;
};

/* All processors are alike. As in Linux, so that a program that starts makes no call for it. */
EXPORT int __vdso_riscv_hwprobe(struct pair *pairs, u64 count, u64 set_bytes, u64 *set, u32 flags) {
    if (!set_bytes && !set && !flags) {
        for (; count; count--, pairs++) {
            u64 key = (u64)pairs->key;
            int known = key < 16 && (vvar.known >> key & 1);
            pairs->value = known ? vvar.hwprobe[key] : 0;
            if (!known)
                pairs->key = -1;
        }
        return 0;
    }
    return (int)call(258, (long)pairs, (long)count, (long)set_bytes, (long)set, flags);
}

/* Signal handlers return here. Unwinders recognise the two instructions: li a7, 139; ecall. */
__asm__(".text\n"
        ".globl __vdso_rt_sigreturn\n"
        ".type __vdso_rt_sigreturn, @function\n"
        ".option push\n"
        ".option norvc\n"
        "nop\n" /* unwinders look up the address before the return address */
        "__vdso_rt_sigreturn:\n"
        "li a7, 139\n"
        "ecall\n"
        ".size __vdso_rt_sigreturn, . - __vdso_rt_sigreturn\n"
        ".option pop\n");
