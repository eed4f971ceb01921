//! The table of system calls: one row each. It is the compatibility document.
//!
//! From it come dispatch, tracing, the compatibility page and the test that every row has a guest test.
//! Numbers are asm-generic's, as riscv64 uses them.

use super::{Cx, Param, ParamKind, Support, SysResult};
use crate::addr::GuestAddr;
use crate::errno::Errno;
use crate::signal::Signal;

/// One system call.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its number.
    pub number: u64,
    /// Its name.
    pub name: &'static str,
    /// Its parameters' names and how they are shown.
    pub params: &'static [(&'static str, ParamKind)],
    /// How far it is implemented.
    pub support: Support,
}

macro_rules! syscalls {
    ($($number:literal $name:ident($($arg:ident: $ty:ty),*) => $handler:path, $support:expr;)*) => {
        /// Decodes the arguments of call `number` and runs its handler.
        ///
        /// # Errors
        /// What decoding or the handler answers; `ENOSYS` where there is no row.
        pub fn dispatch(cx: &mut Cx<'_>, number: u64, args: &[u64; 6]) -> SysResult {
            match number {
                $($number => {
                    #[allow(unused_mut, unused_variables)]
                    let mut raw = args.iter().copied();
                    $(let $arg = <$ty as Param>::decode(raw.next().unwrap_or(0), cx)?;)*
                    $handler(cx $(, $arg)*)
                })*
                _ => Err(Errno::ENOSYS),
            }
        }

        /// Every row, by number.
        pub static ROWS: &[Row] = &[$(Row {
            number: $number,
            name: stringify!($name),
            params: &[$((stringify!($arg), <$ty as Param>::KIND)),*],
            support: $support,
        }),*];
    };
}

#[allow(unused_imports)]
use Support::{Full, Partial, Refused};

syscalls! {
    90 capget(hdrp: GuestAddr, datap: GuestAddr) => super::id::capget, Full;
    91 capset(hdrp: GuestAddr, datap: GuestAddr) => super::id::capset, Full;
    92 personality(persona: u32) => super::misc::personality, Partial("kept and answered, without effect");
    93 exit(status: i32) => super::process::exit, Full;
    94 exit_group(status: i32) => super::process::exit_group, Full;
    95 waitid(idtype: i32, id: i32, infop: GuestAddr, options: u32, rusage: GuestAddr) => super::wait::waitid, Partial("no P_PIDFD");
    96 set_tid_address(tidptr: GuestAddr) => super::process::set_tid_address, Full;
    98 futex(uaddr: GuestAddr, futex_op: u32, val: u32, timeout: GuestAddr, uaddr2: GuestAddr, val3: u32) => super::futex::futex, Partial("no priority-inheriting locks");
    99 set_robust_list(head: GuestAddr, len: usize) => super::futex::set_robust_list, Full;
    100 get_robust_list(pid: i32, head_ptr: GuestAddr, len_ptr: GuestAddr) => super::futex::get_robust_list, Full;
    101 nanosleep(req: GuestAddr, rem: GuestAddr) => super::time::nanosleep, Full;
    102 getitimer(which: i32, curr_value: GuestAddr) => super::timer::getitimer, Partial("system time counts as user time");
    103 setitimer(which: i32, new_value: GuestAddr, old_value: GuestAddr) => super::timer::setitimer, Partial("system time counts as user time");
    104 kexec_load() => super::misc::refused_eperm, Refused(Errno::EPERM, "there is no machine to reboot");
    105 init_module() => super::misc::refused_eperm, Refused(Errno::EPERM, "the kernel takes no modules");
    106 delete_module() => super::misc::refused_eperm, Refused(Errno::EPERM, "the kernel takes no modules");
    107 timer_create(clockid: i32, sevp: GuestAddr, timerid: GuestAddr) => super::timer::timer_create, Full;
    108 timer_gettime(timerid: u32, curr_value: GuestAddr) => super::timer::timer_gettime, Full;
    109 timer_getoverrun(timerid: u32) => super::timer::timer_getoverrun, Full;
    110 timer_settime(timerid: u32, flags: i32, new_value: GuestAddr, old_value: GuestAddr) => super::timer::timer_settime, Full;
    111 timer_delete(timerid: u32) => super::timer::timer_delete, Full;
    112 clock_settime(clockid: i32, tp: GuestAddr) => super::time::clock_settime, Partial("EPERM: the clock is the host's");
    113 clock_gettime(clockid: i32, tp: GuestAddr) => super::time::clock_gettime, Full;
    114 clock_getres(clockid: i32, res: GuestAddr) => super::time::clock_getres, Full;
    115 clock_nanosleep(clockid: i32, flags: i32, req: GuestAddr, rem: GuestAddr) => super::time::clock_nanosleep, Partial("not on CPU-time clocks");
    116 syslog(kind: i32, buf: GuestAddr, len: i32) => super::misc::syslog, Partial("the log is empty");
    117 ptrace() => super::misc::refused_eperm, Refused(Errno::EPERM, "processes cannot be traced from inside yet");
    118 sched_setparam(pid: i32, param: GuestAddr) => super::sched::sched_setparam, Partial("one policy, SCHED_OTHER");
    119 sched_setscheduler(pid: i32, policy: i32, param: GuestAddr) => super::sched::sched_setscheduler, Partial("one policy, SCHED_OTHER; real-time ones answer EPERM");
    120 sched_getscheduler(pid: i32) => super::sched::sched_getscheduler, Full;
    121 sched_getparam(pid: i32, param: GuestAddr) => super::sched::sched_getparam, Full;
    122 sched_setaffinity(pid: i32, cpusetsize: usize, mask: GuestAddr) => super::sched::sched_setaffinity, Partial("checked, without effect");
    123 sched_getaffinity(pid: i32, cpusetsize: usize, mask: GuestAddr) => super::sched::sched_getaffinity, Full;
    124 sched_yield() => super::sched::sched_yield, Full;
    125 sched_get_priority_max(policy: i32) => super::sched::sched_get_priority_max, Full;
    126 sched_get_priority_min(policy: i32) => super::sched::sched_get_priority_min, Full;
    127 sched_rr_get_interval(pid: i32, tp: GuestAddr) => super::sched::sched_rr_get_interval, Full;
    129 kill(pid: i32, sig: i32) => super::kill::kill, Full;
    130 tkill(tid: i32, sig: i32) => super::kill::tkill, Full;
    131 tgkill(tgid: i32, tid: i32, sig: i32) => super::kill::tgkill, Full;
    132 sigaltstack(ss: GuestAddr, old_ss: GuestAddr) => super::signal::sigaltstack, Full;
    133 rt_sigsuspend(mask: GuestAddr, sigsetsize: usize) => super::signal::rt_sigsuspend, Full;
    134 rt_sigaction(signum: Signal, act: GuestAddr, oldact: GuestAddr, sigsetsize: usize) => super::signal::rt_sigaction, Full;
    135 rt_sigprocmask(how: i32, set: GuestAddr, oldset: GuestAddr, sigsetsize: usize) => super::signal::rt_sigprocmask, Full;
    136 rt_sigpending(set: GuestAddr, sigsetsize: usize) => super::signal::rt_sigpending, Full;
    137 rt_sigtimedwait(set: GuestAddr, info: GuestAddr, timeout: GuestAddr, sigsetsize: usize) => super::signal::rt_sigtimedwait, Full;
    138 rt_sigqueueinfo(tgid: i32, sig: i32, info: GuestAddr) => super::signal::rt_sigqueueinfo, Full;
    139 rt_sigreturn() => super::signal::rt_sigreturn, Full;
    140 setpriority(which: i32, who: i32, prio: i32) => super::sched::setpriority, Partial("kept and answered, without effect");
    141 getpriority(which: i32, who: i32) => super::sched::getpriority, Full;
    142 reboot() => super::misc::refused_eperm, Refused(Errno::EPERM, "there is no machine to reboot");
    143 setregid(rgid: u32, egid: u32) => super::id::setregid, Partial("for the whole process, as libc wants it");
    144 setgid(gid: u32) => super::id::setgid, Partial("for the whole process, as libc wants it");
    145 setreuid(ruid: u32, euid: u32) => super::id::setreuid, Partial("for the whole process, as libc wants it");
    146 setuid(uid: u32) => super::id::setuid, Partial("for the whole process, as libc wants it");
    147 setresuid(ruid: u32, euid: u32, suid: u32) => super::id::setresuid, Partial("for the whole process, as libc wants it");
    148 getresuid(ruid: GuestAddr, euid: GuestAddr, suid: GuestAddr) => super::id::getresuid, Full;
    149 setresgid(rgid: u32, egid: u32, sgid: u32) => super::id::setresgid, Partial("for the whole process, as libc wants it");
    150 getresgid(rgid: GuestAddr, egid: GuestAddr, sgid: GuestAddr) => super::id::getresgid, Full;
    151 setfsuid(uid: u32) => super::id::setfsuid, Partial("for the whole process");
    152 setfsgid(gid: u32) => super::id::setfsgid, Partial("for the whole process");
    153 times(buf: GuestAddr) => super::time::times, Partial("system time counts as user time");
    154 setpgid(pid: i32, pgid: i32) => super::process::setpgid, Full;
    155 getpgid(pid: i32) => super::process::getpgid, Full;
    156 getsid(pid: i32) => super::process::getsid, Full;
    157 setsid() => super::process::setsid, Full;
    158 getgroups(size: i32, list: GuestAddr) => super::id::getgroups, Full;
    159 setgroups(size: i32, list: GuestAddr) => super::id::setgroups, Partial("for the whole process, as libc wants it");
    160 uname(buf: GuestAddr) => super::misc::uname, Full;
    161 sethostname(name: GuestAddr, len: i32) => super::misc::sethostname, Full;
    162 setdomainname() => super::misc::refused_eperm, Refused(Errno::EPERM, "there is no NIS domain");
    163 getrlimit(resource: u32, rlim: GuestAddr) => super::rlimit::getrlimit, Full;
    164 setrlimit(resource: u32, rlim: GuestAddr) => super::rlimit::setrlimit, Partial("CPU, CORE, RSS, LOCKS, MSGQUEUE, RTPRIO and RTTIME are kept, without effect");
    165 getrusage(who: i32, usage: GuestAddr) => super::rlimit::getrusage, Partial("system time counts as user time");
    167 prctl(option: i32, arg2: u64, arg3: u64, arg4: u64, arg5: u64) => super::prctl::prctl, Partial("PDEATHSIG, DUMPABLE, KEEPCAPS, NAME, SECCOMP (get), CAPBSET, TIMERSLACK, CHILD_SUBREAPER, NO_NEW_PRIVS, CAP_AMBIENT");
    168 getcpu(cpu: GuestAddr, node: GuestAddr) => super::sched::getcpu, Full;
    169 gettimeofday(tv: GuestAddr, tz: GuestAddr) => super::time::gettimeofday, Full;
    170 settimeofday() => super::misc::refused_eperm, Refused(Errno::EPERM, "the clock is the host's");
    171 adjtimex(buf: GuestAddr) => super::time::adjtimex, Partial("reads only");
    172 getpid() => super::process::getpid, Full;
    173 getppid() => super::process::getppid, Full;
    174 getuid() => super::id::getuid, Full;
    175 geteuid() => super::id::geteuid, Full;
    176 getgid() => super::id::getgid, Full;
    177 getegid() => super::id::getegid, Full;
    178 gettid() => super::process::gettid, Full;
    179 sysinfo(info: GuestAddr) => super::misc::sysinfo, Partial("load averages are zero");
    220 clone(flags: u64, stack: GuestAddr, parent_tid: GuestAddr, tls: u64, child_tid: GuestAddr) => super::clone::clone, Partial("no namespaces, no pidfd; CLONE_SIGHAND only with CLONE_THREAD, and that only with CLONE_FS and CLONE_FILES");
    224 swapon() => super::misc::refused_eperm, Refused(Errno::EPERM, "there is no swap");
    225 swapoff() => super::misc::refused_eperm, Refused(Errno::EPERM, "there is no swap");
    240 rt_tgsigqueueinfo(tgid: i32, tid: i32, sig: i32, info: GuestAddr) => super::signal::rt_tgsigqueueinfo, Full;
    241 perf_event_open() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "no performance counters");
    258 riscv_hwprobe(pairs: GuestAddr, pair_count: usize, cpusetsize: usize, cpus: GuestAddr, flags: u32) => super::misc::riscv_hwprobe, Partial("no RISCV_HWPROBE_WHICH_CPUS");
    260 wait4(pid: i32, wstatus: GuestAddr, options: u32, rusage: GuestAddr) => super::wait::wait4, Full;
    261 prlimit64(pid: i32, resource: u32, new_limit: GuestAddr, old_limit: GuestAddr) => super::rlimit::prlimit64, Partial("as setrlimit");
    266 clock_adjtime(clockid: i32, buf: GuestAddr) => super::time::clock_adjtime, Partial("reads only");
    272 kcmp() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "for checkpointing only");
    273 finit_module() => super::misc::refused_eperm, Refused(Errno::EPERM, "the kernel takes no modules");
    277 seccomp() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "guests are confined from outside");
    278 getrandom(buf: GuestAddr, buflen: usize, flags: u32) => super::misc::getrandom, Full;
    280 bpf() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "no BPF machine");
    282 userfaultfd() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "faults are not handed to guests");
    283 membarrier(cmd: i32, flags: u32, cpu_id: i32) => super::misc::membarrier, Partial("no command is offered");
    293 rseq() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "critical sections are not restarted; libc falls back");
    425 io_uring_setup() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "programs fall back to epoll");
    426 io_uring_enter() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "programs fall back to epoll");
    427 io_uring_register() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "programs fall back to epoll");
    435 clone3(cl_args: GuestAddr, size: usize) => super::clone::clone3, Partial("as clone; no set_tid, no cgroup");
    444 landlock_create_ruleset() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "guests are confined from outside");
    449 futex_waitv() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "programs wait on one futex at a time");
}

/// The row of a number.
pub fn row(number: u64) -> Option<&'static Row> {
    ROWS.binary_search_by_key(&number, |row| row.number).ok().map(|index| &ROWS[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_unique() {
        assert!(ROWS.windows(2).all(|pair| pair[0].number < pair[1].number));
    }
}
