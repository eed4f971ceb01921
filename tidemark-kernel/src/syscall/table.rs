//! The table of system calls: one row each. It is the compatibility document.
//!
//! From it come dispatch, tracing, the compatibility page and the test that every row has a guest test.
//! Numbers are asm-generic's, as riscv64 uses them.

use super::files::{DirFd, Mode, PathAddr};
use super::{Cx, Param, ParamKind, Support, SysResult};
use crate::addr::GuestAddr;
use crate::errno::Errno;
use crate::fs::descriptors::Fd;
use crate::fs::flags::OpenFlags;
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
    /// The path of its handler, whose module is the family it belongs to.
    handler: &'static str,
}

impl Row {
    /// The family of calls it belongs to: the name of the file that its handler is in, such as `mm`.
    pub fn family(&self) -> &'static str {
        self.handler.rsplit("::").nth(1).unwrap_or_default().trim()
    }
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
            handler: stringify!($handler),
        }),*];
    };
}

#[allow(unused_imports)]
use Support::{Full, Partial, Refused};

syscalls! {
    5 setxattr(path: PathAddr, name: GuestAddr, value: GuestAddr, size: u64, flags: u32) => super::xattr::setxattr, Full;
    6 lsetxattr(path: PathAddr, name: GuestAddr, value: GuestAddr, size: u64, flags: u32) => super::xattr::lsetxattr, Full;
    7 fsetxattr(fd: Fd, name: GuestAddr, value: GuestAddr, size: u64, flags: u32) => super::xattr::fsetxattr, Full;
    8 getxattr(path: PathAddr, name: GuestAddr, value: GuestAddr, size: u64) => super::xattr::getxattr, Full;
    9 lgetxattr(path: PathAddr, name: GuestAddr, value: GuestAddr, size: u64) => super::xattr::lgetxattr, Full;
    10 fgetxattr(fd: Fd, name: GuestAddr, value: GuestAddr, size: u64) => super::xattr::fgetxattr, Full;
    11 listxattr(path: PathAddr, list: GuestAddr, size: u64) => super::xattr::listxattr, Full;
    12 llistxattr(path: PathAddr, list: GuestAddr, size: u64) => super::xattr::llistxattr, Full;
    13 flistxattr(fd: Fd, list: GuestAddr, size: u64) => super::xattr::flistxattr, Full;
    14 removexattr(path: PathAddr, name: GuestAddr) => super::xattr::removexattr, Full;
    15 lremovexattr(path: PathAddr, name: GuestAddr) => super::xattr::lremovexattr, Full;
    16 fremovexattr(fd: Fd, name: GuestAddr) => super::xattr::fremovexattr, Full;
    17 getcwd(buf: GuestAddr, size: u64) => super::dir::getcwd, Full;
    19 eventfd2(initval: u32, flags: u32) => super::event::eventfd2, Full;
    20 epoll_create1(flags: OpenFlags) => super::poll::epoll_create1, Full;
    21 epoll_ctl(epfd: Fd, op: u32, fd: Fd, event: GuestAddr) => super::poll::epoll_ctl, Partial("EPOLLEXCLUSIVE wakes all");
    22 epoll_pwait(epfd: Fd, events: GuestAddr, maxevents: i32, timeout: i32, sigmask: GuestAddr, sigsetsize: usize) => super::poll::epoll_pwait, Full;
    23 dup(oldfd: Fd) => super::open::dup, Full;
    24 dup3(oldfd: i32, newfd: i32, flags: OpenFlags) => super::open::dup3, Full;
    25 fcntl(fd: Fd, cmd: u32, arg: u64) => super::fcntl::fcntl, Partial("no leases (F_SETLEASE) or directory notification (F_NOTIFY)");
    26 inotify_init1(flags: OpenFlags) => super::inotify::inotify_init1, Full;
    27 inotify_add_watch(fd: i32, pathname: PathAddr, mask: u32) => super::inotify::inotify_add_watch, Full;
    28 inotify_rm_watch(fd: Fd, wd: i32) => super::inotify::inotify_rm_watch, Full;
    29 ioctl(fd: Fd, request: u32, arg: GuestAddr) => super::fcntl::ioctl, Partial("terminals are pseudoterminals; no modem lines, no line disciplines but the first; TIOCSTI for the administrator, as with dev.tty.legacy_tiocsti at 0");
    30 ioprio_set(which: i32, who: i32, ioprio: i32) => super::priority::ioprio_set, Partial("kept and told, without effect: files are in memory");
    31 ioprio_get(which: i32, who: i32) => super::priority::ioprio_get, Full;
    32 flock(fd: Fd, operation: u32) => super::fcntl::flock, Full;
    33 mknodat(dirfd: DirFd, path: PathAddr, mode: Mode, dev: u32) => super::dir::mknodat, Full;
    34 mkdirat(dirfd: DirFd, path: PathAddr, mode: Mode) => super::dir::mkdirat, Full;
    35 unlinkat(dirfd: DirFd, path: PathAddr, flags: u32) => super::dir::unlinkat, Full;
    36 symlinkat(target: PathAddr, newdirfd: DirFd, linkpath: PathAddr) => super::dir::symlinkat, Full;
    37 linkat(olddirfd: DirFd, oldpath: PathAddr, newdirfd: DirFd, newpath: PathAddr, flags: u32) => super::dir::linkat, Full;
    39 umount2() => super::misc::refused_eperm, Refused(Errno::EPERM, "the mounts are the application's");
    40 mount() => super::misc::refused_eperm, Refused(Errno::EPERM, "the mounts are the application's");
    41 pivot_root() => super::misc::refused_eperm, Refused(Errno::EPERM, "the mounts are the application's");
    43 statfs(path: PathAddr, buf: GuestAddr) => super::stat::statfs, Full;
    44 fstatfs(fd: Fd, buf: GuestAddr) => super::stat::fstatfs, Full;
    45 truncate(path: PathAddr, length: i64) => super::seek::truncate, Full;
    46 ftruncate(fd: Fd, length: i64) => super::seek::ftruncate, Full;
    47 fallocate(fd: Fd, mode: u32, offset: i64, len: i64) => super::seek::fallocate, Partial("no collapsing or inserting of ranges, as on tmpfs");
    48 faccessat(dirfd: DirFd, path: PathAddr, mode: u32) => super::stat::faccessat, Full;
    49 chdir(path: PathAddr) => super::dir::chdir, Full;
    50 fchdir(fd: Fd) => super::dir::fchdir, Full;
    51 chroot(path: PathAddr) => super::dir::chroot, Full;
    52 fchmod(fd: Fd, mode: Mode) => super::dir::fchmod, Full;
    53 fchmodat(dirfd: DirFd, path: PathAddr, mode: Mode) => super::dir::fchmodat, Full;
    54 fchownat(dirfd: DirFd, path: PathAddr, owner: u32, group: u32, flags: u32) => super::dir::fchownat, Full;
    55 fchown(fd: Fd, owner: u32, group: u32) => super::dir::fchown, Full;
    56 openat(dirfd: DirFd, path: PathAddr, flags: OpenFlags, mode: Mode) => super::open::openat, Full;
    57 close(fd: Fd) => super::open::close, Full;
    58 vhangup() => super::fcntl::vhangup, Full;
    59 pipe2(pipefd: GuestAddr, flags: OpenFlags) => super::pipe::pipe2, Full;
    60 quotactl() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "there are no quotas");
    61 getdents64(fd: Fd, dirp: GuestAddr, count: u32) => super::dir::getdents64, Full;
    62 lseek(fd: Fd, offset: i64, whence: u32) => super::seek::lseek, Full;
    63 read(fd: Fd, buf: GuestAddr, count: u64) => super::io::read, Full;
    64 write(fd: Fd, buf: GuestAddr, count: u64) => super::io::write, Full;
    65 readv(fd: Fd, iov: GuestAddr, iovcnt: u64) => super::io::readv, Full;
    66 writev(fd: Fd, iov: GuestAddr, iovcnt: u64) => super::io::writev, Full;
    67 pread64(fd: Fd, buf: GuestAddr, count: u64, offset: i64) => super::io::pread64, Full;
    68 pwrite64(fd: Fd, buf: GuestAddr, count: u64, offset: i64) => super::io::pwrite64, Full;
    69 preadv(fd: Fd, iov: GuestAddr, iovcnt: u64, pos_l: i64, pos_h: u64) => super::io::preadv, Full;
    70 pwritev(fd: Fd, iov: GuestAddr, iovcnt: u64, pos_l: i64, pos_h: u64) => super::io::pwritev, Full;
    71 sendfile(out_fd: Fd, in_fd: Fd, offset: GuestAddr, count: u64) => super::copy::sendfile, Full;
    72 pselect6(nfds: i32, readfds: GuestAddr, writefds: GuestAddr, exceptfds: GuestAddr, timeout: GuestAddr, sigmask: GuestAddr) => super::poll::pselect6, Full;
    73 ppoll(fds: GuestAddr, nfds: u64, timeout: GuestAddr, sigmask: GuestAddr, sigsetsize: usize) => super::poll::ppoll, Full;
    74 signalfd4(fd: i32, mask: GuestAddr, sizemask: usize, flags: OpenFlags) => super::event::signalfd4, Full;
    75 vmsplice(fd: Fd, iov: GuestAddr, nr_segs: u64, flags: u32) => super::io::vmsplice, Partial("pages are copied, not lent");
    76 splice(fd_in: Fd, off_in: GuestAddr, fd_out: Fd, off_out: GuestAddr, len: u64, flags: u32) => super::copy::splice, Full;
    77 tee(fd_in: Fd, fd_out: Fd, len: u64, flags: u32) => super::copy::tee, Full;
    78 readlinkat(dirfd: DirFd, path: PathAddr, buf: GuestAddr, bufsiz: i32) => super::stat::readlinkat, Full;
    79 newfstatat(dirfd: DirFd, path: PathAddr, statbuf: GuestAddr, flags: u32) => super::stat::newfstatat, Full;
    80 fstat(fd: Fd, statbuf: GuestAddr) => super::stat::fstat, Full;
    81 sync() => super::seek::sync, Full;
    82 fsync(fd: Fd) => super::seek::fsync, Full;
    83 fdatasync(fd: Fd) => super::seek::fsync, Full;
    84 sync_file_range(fd: Fd, offset: i64, nbytes: i64, flags: u32) => super::seek::sync_file_range, Full;
    85 timerfd_create(clockid: i32, flags: OpenFlags) => super::event::timerfd_create, Full;
    86 timerfd_settime(fd: Fd, flags: u32, new_value: GuestAddr, old_value: GuestAddr) => super::event::timerfd_settime, Full;
    87 timerfd_gettime(fd: Fd, curr_value: GuestAddr) => super::event::timerfd_gettime, Full;
    88 utimensat(dirfd: DirFd, path: PathAddr, times: GuestAddr, flags: u32) => super::dir::utimensat, Full;
    90 capget(hdrp: GuestAddr, datap: GuestAddr) => super::id::capget, Full;
    91 capset(hdrp: GuestAddr, datap: GuestAddr) => super::id::capset, Full;
    92 personality(persona: u32) => super::misc::personality, Partial("kept and answered, without effect");
    93 exit(status: i32) => super::process::exit, Full;
    94 exit_group(status: i32) => super::process::exit_group, Full;
    95 waitid(idtype: i32, id: i32, infop: GuestAddr, options: u32, rusage: GuestAddr) => super::wait::waitid, Full;
    96 set_tid_address(tidptr: GuestAddr) => super::process::set_tid_address, Full;
    97 unshare(flags: u64) => super::namespace::unshare, Partial("no namespaces: EPERM; threads share files and folders for good");
    98 futex(uaddr: GuestAddr, futex_op: u32, val: u32, timeout: GuestAddr, uaddr2: GuestAddr, val3: u32) => super::futex::futex, Full;
    99 set_robust_list(head: GuestAddr, len: usize) => super::futex::set_robust_list, Full;
    100 get_robust_list(pid: i32, head_ptr: GuestAddr, len_ptr: GuestAddr) => super::futex::get_robust_list, Full;
    101 nanosleep(req: GuestAddr, rem: GuestAddr) => super::time::nanosleep, Full;
    102 getitimer(which: i32, curr_value: GuestAddr) => super::timer::getitimer, Full;
    103 setitimer(which: i32, new_value: GuestAddr, old_value: GuestAddr) => super::timer::setitimer, Full;
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
    115 clock_nanosleep(clockid: i32, flags: i32, req: GuestAddr, rem: GuestAddr) => super::time::clock_nanosleep, Full;
    116 syslog(kind: i32, buf: GuestAddr, len: i32) => super::misc::syslog, Partial("the log is empty");
    117 ptrace(request: i64, pid: i32, addr: u64, data: u64) => super::ptrace::ptrace, Partial("a tracer is a process, not one of its threads; no PEEKUSER (as on riscv64), PEEKSIGINFO or seccomp requests");
    118 sched_setparam(pid: i32, param: GuestAddr) => super::sched::sched_setparam, Partial("no real-time policies, so the one priority is 0");
    119 sched_setscheduler(pid: i32, policy: i32, param: GuestAddr) => super::sched::sched_setscheduler, Partial("SCHED_FIFO and SCHED_RR answer EPERM: nobody can promise them; the others are kept and told, without effect");
    120 sched_getscheduler(pid: i32) => super::sched::sched_getscheduler, Full;
    121 sched_getparam(pid: i32, param: GuestAddr) => super::sched::sched_getparam, Full;
    122 sched_setaffinity(pid: i32, cpusetsize: usize, mask: GuestAddr) => super::sched::sched_setaffinity, Partial("kept, told and inherited; threads run on any worker all the same");
    123 sched_getaffinity(pid: i32, cpusetsize: usize, mask: GuestAddr) => super::sched::sched_getaffinity, Full;
    124 sched_yield() => super::sched::sched_yield, Full;
    125 sched_get_priority_max(policy: u32) => super::sched::sched_get_priority_max, Full;
    126 sched_get_priority_min(policy: u32) => super::sched::sched_get_priority_min, Full;
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
    140 setpriority(which: i32, who: i32, prio: i32) => super::priority::setpriority, Partial("kept and told, without effect");
    141 getpriority(which: i32, who: i32) => super::priority::getpriority, Full;
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
    153 times(buf: GuestAddr) => super::time::times, Full;
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
    164 setrlimit(resource: u32, rlim: GuestAddr) => super::rlimit::setrlimit, Partial("CORE, RSS, LOCKS, RTPRIO and RTTIME are kept, without effect: no core is written, and no real-time policy granted");
    165 getrusage(who: i32, usage: GuestAddr) => super::rlimit::getrusage, Full;
    166 umask(mask: Mode) => super::dir::umask, Full;
    167 prctl(option: i32, arg2: u64, arg3: u64, arg4: u64, arg5: u64) => super::prctl::prctl, Partial("PDEATHSIG, DUMPABLE, KEEPCAPS, SECUREBITS, TIMING, NAME, SECCOMP (get), CAPBSET, TIMERSLACK, MCE_KILL, CHILD_SUBREAPER, NO_NEW_PRIVS, THP_DISABLE, CAP_AMBIENT");
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
    180 mq_open(name: PathAddr, oflag: OpenFlags, mode: u32, attr: GuestAddr) => super::mqueue::mq_open, Full;
    181 mq_unlink(name: PathAddr) => super::mqueue::mq_unlink, Full;
    182 mq_timedsend(mqdes: Fd, msg_ptr: GuestAddr, msg_len: u64, msg_prio: u32, abs_timeout: GuestAddr) => super::mqueue::mq_timedsend, Full;
    183 mq_timedreceive(mqdes: Fd, msg_ptr: GuestAddr, msg_len: u64, msg_prio: GuestAddr, abs_timeout: GuestAddr) => super::mqueue::mq_timedreceive, Full;
    184 mq_notify(mqdes: Fd, sevp: GuestAddr) => super::mqueue::mq_notify, Partial("no SIGEV_THREAD, which needs a netlink socket");
    185 mq_getsetattr(mqdes: Fd, newattr: GuestAddr, oldattr: GuestAddr) => super::mqueue::mq_getsetattr, Full;
    186 msgget(key: i32, msgflg: u32) => super::msg::msgget, Full;
    187 msgctl(msqid: i32, cmd: u32, buf: GuestAddr) => super::msg::msgctl, Full;
    188 msgrcv(msqid: i32, msgp: GuestAddr, msgsz: u64, msgtyp: i64, msgflg: u32) => super::msg::msgrcv, Full;
    189 msgsnd(msqid: i32, msgp: GuestAddr, msgsz: u64, msgflg: u32) => super::msg::msgsnd, Full;
    190 semget(key: i32, nsems: i32, semflg: u32) => super::sem::semget, Full;
    191 semctl(semid: i32, semnum: i32, cmd: u32, arg: u64) => super::sem::semctl, Full;
    192 semtimedop(semid: i32, sops: GuestAddr, nsops: u32, timeout: GuestAddr) => super::sem::semtimedop, Partial("processes do not share what is undone (CLONE_SYSVSEM); threads of a process always do");
    193 semop(semid: i32, sops: GuestAddr, nsops: u32) => super::sem::semop, Partial("as semtimedop");
    194 shmget(key: i32, size: u64, shmflg: u32) => super::shm::shmget, Partial("no huge pages");
    195 shmctl(shmid: i32, cmd: u32, buf: GuestAddr) => super::shm::shmctl, Full;
    196 shmat(shmid: i32, shmaddr: GuestAddr, shmflg: u32) => super::shm::shmat, Full;
    197 shmdt(shmaddr: GuestAddr) => super::shm::shmdt, Full;
    198 socket(domain: i32, kind: i32, protocol: i32) => super::socket::socket, Partial("AF_UNIX only");
    199 socketpair(domain: i32, kind: i32, protocol: i32, sv: GuestAddr) => super::socket::socketpair, Full;
    200 bind(sockfd: Fd, addr: GuestAddr, addrlen: i32) => super::socket::bind, Full;
    201 listen(sockfd: Fd, backlog: i32) => super::socket::listen, Full;
    202 accept(sockfd: Fd, addr: GuestAddr, addrlen: GuestAddr) => super::socket::accept, Full;
    203 connect(sockfd: Fd, addr: GuestAddr, addrlen: i32) => super::socket::connect, Full;
    204 getsockname(sockfd: Fd, addr: GuestAddr, addrlen: GuestAddr) => super::socket::getsockname, Full;
    205 getpeername(sockfd: Fd, addr: GuestAddr, addrlen: GuestAddr) => super::socket::getpeername, Full;
    206 sendto(sockfd: Fd, buf: GuestAddr, len: u64, flags: u32, dest_addr: GuestAddr, addrlen: i32) => super::message::sendto, Full;
    207 recvfrom(sockfd: Fd, buf: GuestAddr, len: u64, flags: u32, src_addr: GuestAddr, addrlen: GuestAddr) => super::message::recvfrom, Full;
    208 setsockopt(sockfd: Fd, level: i32, optname: u32, optval: GuestAddr, optlen: i32) => super::sockopt::setsockopt, Partial("no socket filters (SO_ATTACH_FILTER, SO_ATTACH_BPF); SO_RCVBUF is kept, without effect, as Linux has it for AF_UNIX");
    209 getsockopt(sockfd: Fd, level: i32, optname: u32, optval: GuestAddr, optlen: GuestAddr) => super::sockopt::getsockopt, Full;
    210 shutdown(sockfd: Fd, how: i32) => super::socket::shutdown, Full;
    211 sendmsg(sockfd: Fd, msg: GuestAddr, flags: u32) => super::message::sendmsg, Full;
    212 recvmsg(sockfd: Fd, msg: GuestAddr, flags: u32) => super::message::recvmsg, Full;
    213 readahead(fd: Fd, offset: i64, count: u64) => super::seek::readahead, Full;
    214 brk(addr: GuestAddr) => super::mm::brk, Full;
    215 munmap(addr: GuestAddr, length: u64) => super::mm::munmap, Full;
    216 mremap(old_address: GuestAddr, old_size: u64, new_size: u64, flags: u32, new_address: GuestAddr) => super::mm::mremap, Partial("MREMAP_DONTUNMAP for memory without a file only");
    220 clone(flags: u64, stack: GuestAddr, parent_tid: GuestAddr, tls: u64, child_tid: GuestAddr) => super::clone::clone, Partial("no namespaces: EPERM; CLONE_SIGHAND only with CLONE_THREAD, and that only with CLONE_FS and CLONE_FILES");
    221 execve(pathname: PathAddr, argv: GuestAddr, envp: GuestAddr) => super::exec::execve, Full;
    222 mmap(addr: GuestAddr, length: u64, prot: u32, flags: u32, fd: i32, offset: u64) => super::mm::mmap, Partial("no huge pages");
    223 fadvise64(fd: Fd, offset: i64, len: i64, advice: u32) => super::seek::fadvise64, Full;
    224 swapon() => super::misc::refused_eperm, Refused(Errno::EPERM, "there is no swap");
    225 swapoff() => super::misc::refused_eperm, Refused(Errno::EPERM, "there is no swap");
    226 mprotect(addr: GuestAddr, len: u64, prot: u32) => super::mm::mprotect, Full;
    227 msync(addr: GuestAddr, length: u64, flags: i32) => super::mm::msync, Full;
    228 mlock(addr: GuestAddr, len: u64) => super::mlock::mlock, Full;
    229 munlock(addr: GuestAddr, len: u64) => super::mlock::munlock, Full;
    230 mlockall(flags: u32) => super::mlock::mlockall, Full;
    231 munlockall() => super::mlock::munlockall, Full;
    232 mincore(addr: GuestAddr, length: u64, vec: GuestAddr) => super::mm::mincore, Partial("tells what this process has touched");
    233 madvise(addr: GuestAddr, length: u64, advice: i32) => super::mm::madvise, Partial("MADV_FREE frees at once; no MADV_REMOVE");
    240 rt_tgsigqueueinfo(tgid: i32, tid: i32, sig: i32, info: GuestAddr) => super::signal::rt_tgsigqueueinfo, Full;
    241 perf_event_open() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "no performance counters");
    242 accept4(sockfd: Fd, addr: GuestAddr, addrlen: GuestAddr, flags: i32) => super::socket::accept4, Full;
    243 recvmmsg(sockfd: Fd, msgvec: GuestAddr, vlen: u32, flags: u32, timeout: GuestAddr) => super::message::recvmmsg, Full;
    258 riscv_hwprobe(pairs: GuestAddr, pair_count: usize, cpusetsize: usize, cpus: GuestAddr, flags: u32) => super::misc::riscv_hwprobe, Partial("no RISCV_HWPROBE_WHICH_CPUS");
    259 riscv_flush_icache(start: GuestAddr, end: GuestAddr, flags: u64) => super::mm::riscv_flush_icache, Full;
    260 wait4(pid: i32, wstatus: GuestAddr, options: u32, rusage: GuestAddr) => super::wait::wait4, Full;
    261 prlimit64(pid: i32, resource: u32, new_limit: GuestAddr, old_limit: GuestAddr) => super::rlimit::prlimit64, Partial("as setrlimit");
    264 name_to_handle_at(dirfd: DirFd, pathname: PathAddr, handle: GuestAddr, mount_id: GuestAddr, flags: u32) => super::handle::name_to_handle_at, Full;
    265 open_by_handle_at(mount_fd: i32, handle: GuestAddr, flags: OpenFlags) => super::handle::open_by_handle_at, Full;
    266 clock_adjtime(clockid: i32, buf: GuestAddr) => super::time::clock_adjtime, Partial("reads only");
    267 syncfs(fd: Fd) => super::seek::syncfs, Full;
    268 setns(fd: Fd, nstype: u64) => super::namespace::setns, Partial("no namespaces to enter: EPERM");
    269 sendmmsg(sockfd: Fd, msgvec: GuestAddr, vlen: u32, flags: u32) => super::message::sendmmsg, Full;
    270 process_vm_readv(pid: i32, local_iov: GuestAddr, liovcnt: u64, remote_iov: GuestAddr, riovcnt: u64, flags: u64) => super::inspect::process_vm_readv, Full;
    271 process_vm_writev(pid: i32, local_iov: GuestAddr, liovcnt: u64, remote_iov: GuestAddr, riovcnt: u64, flags: u64) => super::inspect::process_vm_writev, Full;
    272 kcmp(pid1: i32, pid2: i32, kind: i32, idx1: u64, idx2: u64) => super::inspect::kcmp, Partial("no KCMP_EPOLL_TFD");
    273 finit_module() => super::misc::refused_eperm, Refused(Errno::EPERM, "the kernel takes no modules");
    274 sched_setattr(pid: i32, attr: GuestAddr, flags: u32) => super::sched::sched_setattr, Partial("as sched_setscheduler; SCHED_DEADLINE answers EPERM, utilisation clamps EOPNOTSUPP");
    275 sched_getattr(pid: i32, attr: GuestAddr, size: u32, flags: u32) => super::sched::sched_getattr, Full;
    276 renameat2(olddirfd: DirFd, oldpath: PathAddr, newdirfd: DirFd, newpath: PathAddr, flags: u32) => super::dir::renameat2, Full;
    277 seccomp() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "guests are confined from outside");
    278 getrandom(buf: GuestAddr, buflen: usize, flags: u32) => super::misc::getrandom, Full;
    279 memfd_create(name: GuestAddr, flags: u32) => super::event::memfd_create, Partial("no huge pages");
    280 bpf() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "no BPF machine");
    281 execveat(dirfd: DirFd, pathname: PathAddr, argv: GuestAddr, envp: GuestAddr, flags: u32) => super::exec::execveat, Full;
    282 userfaultfd() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "faults are not handed to guests");
    283 membarrier(cmd: i32, flags: u32, cpu_id: i32) => super::mm::membarrier, Partial("no rseq fences");
    284 mlock2(addr: GuestAddr, len: u64, flags: u32) => super::mlock::mlock2, Full;
    285 copy_file_range(fd_in: Fd, off_in: GuestAddr, fd_out: Fd, off_out: GuestAddr, len: u64, flags: u32) => super::copy::copy_file_range, Full;
    286 preadv2(fd: Fd, iov: GuestAddr, iovcnt: u64, pos_l: i64, pos_h: u64, flags: u32) => super::io::preadv2, Full;
    287 pwritev2(fd: Fd, iov: GuestAddr, iovcnt: u64, pos_l: i64, pos_h: u64, flags: u32) => super::io::pwritev2, Full;
    291 statx(dirfd: DirFd, path: PathAddr, flags: u32, mask: u32, statxbuf: GuestAddr) => super::stat::statx, Full;
    293 rseq() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "critical sections are not restarted; libc falls back");
    424 pidfd_send_signal(pidfd: Fd, sig: i32, info: GuestAddr, flags: u32) => super::pidfd::pidfd_send_signal, Full;
    425 io_uring_setup() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "programs fall back to epoll");
    426 io_uring_enter() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "programs fall back to epoll");
    427 io_uring_register() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "programs fall back to epoll");
    434 pidfd_open(pid: i32, flags: OpenFlags) => super::pidfd::pidfd_open, Partial("no threads");
    435 clone3(cl_args: GuestAddr, size: usize) => super::clone::clone3, Partial("as clone; no control groups");
    436 close_range(first: u32, last: u32, flags: u32) => super::open::close_range, Full;
    437 openat2(dirfd: DirFd, path: PathAddr, how: GuestAddr, size: u64) => super::open::openat2, Full;
    438 pidfd_getfd(pidfd: Fd, targetfd: i32, flags: u32) => super::inspect::pidfd_getfd, Full;
    439 faccessat2(dirfd: DirFd, path: PathAddr, mode: u32, flags: u32) => super::stat::faccessat2, Full;
    441 epoll_pwait2(epfd: Fd, events: GuestAddr, maxevents: i32, timeout: GuestAddr, sigmask: GuestAddr, sigsetsize: usize) => super::poll::epoll_pwait2, Full;
    444 landlock_create_ruleset() => super::misc::refused_enosys, Refused(Errno::ENOSYS, "guests are confined from outside");
    449 futex_waitv(waiters: GuestAddr, nr_futexes: u32, flags: u32, timeout: GuestAddr, clockid: i32) => super::futex::futex_waitv, Full;
    452 fchmodat2(dirfd: DirFd, path: PathAddr, mode: Mode, flags: u32) => super::dir::fchmodat2, Full;
    454 futex_wake(uaddr: GuestAddr, mask: u64, nr: i32, flags: u32) => super::futex::futex_wake, Partial("no NUMA nodes");
    455 futex_wait(uaddr: GuestAddr, val: u64, mask: u64, flags: u32, timeout: GuestAddr, clockid: i32) => super::futex::futex_wait, Partial("no NUMA nodes");
    456 futex_requeue(waiters: GuestAddr, flags: u32, nr_wake: u32, nr_requeue: u32) => super::futex::futex_requeue, Partial("no NUMA nodes");
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
