//! Numbers of the ABI by name, as `strace(1)` shows them, and what errors mean in words.

/// Names of numbers.
pub(super) type Names = &'static [(u64, &'static str)];

/// Bits by name, joined by `|`; bits without a name in hexadecimal. `zero` is what no bits at all are.
pub(super) fn bits(mut value: u64, names: Names, zero: &str) -> String {
    if value == 0 {
        return zero.to_owned();
    }
    let mut shown = Vec::new();
    for (bit, name) in names {
        if *bit != 0 && value & bit == *bit {
            shown.push((*name).to_owned());
            value &= !bit;
        }
    }
    if value != 0 {
        shown.push(format!("{value:#x}"));
    }
    shown.join("|")
}

/// A number by name; in decimal, if it has none.
pub(super) fn one_of(value: u64, names: Names) -> String {
    match names.iter().find(|(number, _)| *number == value) {
        Some((_, name)) => (*name).to_owned(),
        None => (value as i64).to_string(),
    }
}

/// The flags of `open(2)`.
pub(super) fn open_flags(value: u64) -> String {
    const ACCESS: Names = &[(0, "O_RDONLY"), (1, "O_WRONLY"), (2, "O_RDWR"), (3, "O_ACCMODE")];
    let access = one_of(value & 3, ACCESS);
    match value & !3 {
        0 => access,
        rest => format!("{access}|{}", bits(rest, OPEN, "")),
    }
}

/// Those of `open(2)` that are no access mode; sets of several bits come first.
pub(super) const OPEN: Names = &[
    (0o20200000, "O_TMPFILE"),
    (0o4010000, "O_SYNC"),
    (0o100, "O_CREAT"),
    (0o200, "O_EXCL"),
    (0o400, "O_NOCTTY"),
    (0o1000, "O_TRUNC"),
    (0o2000, "O_APPEND"),
    (0o4000, "O_NONBLOCK"),
    (0o10000, "O_DSYNC"),
    (0o20000, "O_ASYNC"),
    (0o40000, "O_DIRECT"),
    (0o100000, "O_LARGEFILE"),
    (0o200000, "O_DIRECTORY"),
    (0o400000, "O_NOFOLLOW"),
    (0o1000000, "O_NOATIME"),
    (0o2000000, "O_CLOEXEC"),
    (0o10000000, "O_PATH"),
];
pub(super) const PROT: Names =
    &[(1, "PROT_READ"), (2, "PROT_WRITE"), (4, "PROT_EXEC"), (0x100_0000, "PROT_GROWSDOWN")];
pub(super) const MAP: Names = &[
    (3, "MAP_SHARED_VALIDATE"),
    (1, "MAP_SHARED"),
    (2, "MAP_PRIVATE"),
    (0x10, "MAP_FIXED"),
    (0x20, "MAP_ANONYMOUS"),
    (0x100, "MAP_GROWSDOWN"),
    (0x800, "MAP_DENYWRITE"),
    (0x1000, "MAP_EXECUTABLE"),
    (0x2000, "MAP_LOCKED"),
    (0x4000, "MAP_NORESERVE"),
    (0x8000, "MAP_POPULATE"),
    (0x1_0000, "MAP_NONBLOCK"),
    (0x2_0000, "MAP_STACK"),
    (0x4_0000, "MAP_HUGETLB"),
    (0x10_0000, "MAP_FIXED_NOREPLACE"),
];
pub(super) const CLONE: Names = &[
    (0x100, "CLONE_VM"),
    (0x200, "CLONE_FS"),
    (0x400, "CLONE_FILES"),
    (0x800, "CLONE_SIGHAND"),
    (0x1000, "CLONE_PIDFD"),
    (0x2000, "CLONE_PTRACE"),
    (0x4000, "CLONE_VFORK"),
    (0x8000, "CLONE_PARENT"),
    (0x1_0000, "CLONE_THREAD"),
    (0x2_0000, "CLONE_NEWNS"),
    (0x4_0000, "CLONE_SYSVSEM"),
    (0x8_0000, "CLONE_SETTLS"),
    (0x10_0000, "CLONE_PARENT_SETTID"),
    (0x20_0000, "CLONE_CHILD_CLEARTID"),
    (0x40_0000, "CLONE_DETACHED"),
    (0x100_0000, "CLONE_CHILD_SETTID"),
    (0x400_0000, "CLONE_NEWUTS"),
    (0x800_0000, "CLONE_NEWIPC"),
    (0x1000_0000, "CLONE_NEWUSER"),
    (0x2000_0000, "CLONE_NEWPID"),
    (0x4000_0000, "CLONE_NEWNET"),
];
pub(super) const AT: Names = &[
    (0x100, "AT_SYMLINK_NOFOLLOW"),
    (0x400, "AT_SYMLINK_FOLLOW"),
    (0x800, "AT_NO_AUTOMOUNT"),
    (0x1000, "AT_EMPTY_PATH"),
    (0x2000, "AT_STATX_FORCE_SYNC"),
    (0x4000, "AT_STATX_DONT_SYNC"),
];
pub(super) const AT_REMOVEDIR: Names = &[(0x200, "AT_REMOVEDIR")];
pub(super) const AT_EACCESS: Names =
    &[(0x100, "AT_SYMLINK_NOFOLLOW"), (0x200, "AT_EACCESS"), (0x1000, "AT_EMPTY_PATH")];
pub(super) const ACCESS: Names = &[(4, "R_OK"), (2, "W_OK"), (1, "X_OK")];
pub(super) const STATX: Names =
    &[(0xfff, "STATX_ALL"), (0x7ff, "STATX_BASIC_STATS"), (0x1000, "STATX_MNT_ID")];
pub(super) const RENAME: Names = &[(1, "RENAME_NOREPLACE"), (2, "RENAME_EXCHANGE"), (4, "RENAME_WHITEOUT")];
pub(super) const SEEK: Names =
    &[(0, "SEEK_SET"), (1, "SEEK_CUR"), (2, "SEEK_END"), (3, "SEEK_DATA"), (4, "SEEK_HOLE")];
pub(super) const FCNTL: Names = &[
    (0, "F_DUPFD"),
    (1, "F_GETFD"),
    (2, "F_SETFD"),
    (3, "F_GETFL"),
    (4, "F_SETFL"),
    (5, "F_GETLK"),
    (6, "F_SETLK"),
    (7, "F_SETLKW"),
    (8, "F_SETOWN"),
    (9, "F_GETOWN"),
    (36, "F_OFD_GETLK"),
    (37, "F_OFD_SETLK"),
    (38, "F_OFD_SETLKW"),
    (1024, "F_SETLEASE"),
    (1025, "F_GETLEASE"),
    (1030, "F_DUPFD_CLOEXEC"),
    (1031, "F_SETPIPE_SZ"),
    (1032, "F_GETPIPE_SZ"),
    (1033, "F_ADD_SEALS"),
    (1034, "F_GET_SEALS"),
];
pub(super) const IOCTL: Names = &[
    (0x5401, "TCGETS"),
    (0x5402, "TCSETS"),
    (0x5403, "TCSETSW"),
    (0x5404, "TCSETSF"),
    (0x540b, "TCFLSH"),
    (0x540e, "TIOCSCTTY"),
    (0x540f, "TIOCGPGRP"),
    (0x5410, "TIOCSPGRP"),
    (0x5413, "TIOCGWINSZ"),
    (0x5414, "TIOCSWINSZ"),
    (0x541b, "FIONREAD"),
    (0x5421, "FIONBIO"),
    (0x5422, "TIOCNOTTY"),
    (0x5450, "FIONCLEX"),
    (0x5451, "FIOCLEX"),
    (0x8004_5430, "TIOCGPTN"),
    (0x4004_5431, "TIOCSPTLCK"),
    (0x4004_9409, "FICLONE"),
];
pub(super) const FUTEX: Names = &[
    (0, "FUTEX_WAIT"),
    (1, "FUTEX_WAKE"),
    (3, "FUTEX_REQUEUE"),
    (4, "FUTEX_CMP_REQUEUE"),
    (5, "FUTEX_WAKE_OP"),
    (6, "FUTEX_LOCK_PI"),
    (7, "FUTEX_UNLOCK_PI"),
    (8, "FUTEX_TRYLOCK_PI"),
    (9, "FUTEX_WAIT_BITSET"),
    (10, "FUTEX_WAKE_BITSET"),
];
pub(super) const SIGMASK: Names = &[(0, "SIG_BLOCK"), (1, "SIG_UNBLOCK"), (2, "SIG_SETMASK")];
pub(super) const SIGACTION: Names = &[
    (1, "SA_NOCLDSTOP"),
    (2, "SA_NOCLDWAIT"),
    (4, "SA_SIGINFO"),
    (0x0800_0000, "SA_ONSTACK"),
    (0x1000_0000, "SA_RESTART"),
    (0x4000_0000, "SA_NODEFER"),
    (0x8000_0000, "SA_RESETHAND"),
];
pub(super) const PRCTL: Names = &[
    (1, "PR_SET_PDEATHSIG"),
    (2, "PR_GET_PDEATHSIG"),
    (3, "PR_GET_DUMPABLE"),
    (4, "PR_SET_DUMPABLE"),
    (15, "PR_SET_NAME"),
    (16, "PR_GET_NAME"),
    (21, "PR_GET_SECCOMP"),
    (23, "PR_CAPBSET_READ"),
    (24, "PR_CAPBSET_DROP"),
    (36, "PR_SET_CHILD_SUBREAPER"),
    (37, "PR_GET_CHILD_SUBREAPER"),
    (38, "PR_SET_NO_NEW_PRIVS"),
    (39, "PR_GET_NO_NEW_PRIVS"),
    (0x5356_4d41, "PR_SET_VMA"),
];
pub(super) const CLOCK: Names = &[
    (0, "CLOCK_REALTIME"),
    (1, "CLOCK_MONOTONIC"),
    (2, "CLOCK_PROCESS_CPUTIME_ID"),
    (3, "CLOCK_THREAD_CPUTIME_ID"),
    (4, "CLOCK_MONOTONIC_RAW"),
    (5, "CLOCK_REALTIME_COARSE"),
    (6, "CLOCK_MONOTONIC_COARSE"),
    (7, "CLOCK_BOOTTIME"),
    (11, "CLOCK_TAI"),
];
pub(super) const TIMER_ABSTIME: Names = &[(1, "TIMER_ABSTIME")];
pub(super) const MADV: Names = &[
    (0, "MADV_NORMAL"),
    (1, "MADV_RANDOM"),
    (2, "MADV_SEQUENTIAL"),
    (3, "MADV_WILLNEED"),
    (4, "MADV_DONTNEED"),
    (8, "MADV_FREE"),
    (9, "MADV_REMOVE"),
    (10, "MADV_DONTFORK"),
    (11, "MADV_DOFORK"),
    (12, "MADV_MERGEABLE"),
    (14, "MADV_HUGEPAGE"),
    (15, "MADV_NOHUGEPAGE"),
    (16, "MADV_DONTDUMP"),
    (18, "MADV_WIPEONFORK"),
    (22, "MADV_POPULATE_READ"),
    (23, "MADV_POPULATE_WRITE"),
];
pub(super) const FADVISE: Names = &[
    (0, "POSIX_FADV_NORMAL"),
    (1, "POSIX_FADV_RANDOM"),
    (2, "POSIX_FADV_SEQUENTIAL"),
    (3, "POSIX_FADV_WILLNEED"),
    (4, "POSIX_FADV_DONTNEED"),
    (5, "POSIX_FADV_NOREUSE"),
];
pub(super) const RESOURCE: Names = &[
    (0, "RLIMIT_CPU"),
    (1, "RLIMIT_FSIZE"),
    (2, "RLIMIT_DATA"),
    (3, "RLIMIT_STACK"),
    (4, "RLIMIT_CORE"),
    (5, "RLIMIT_RSS"),
    (6, "RLIMIT_NPROC"),
    (7, "RLIMIT_NOFILE"),
    (8, "RLIMIT_MEMLOCK"),
    (9, "RLIMIT_AS"),
    (10, "RLIMIT_LOCKS"),
    (11, "RLIMIT_SIGPENDING"),
    (12, "RLIMIT_MSGQUEUE"),
    (13, "RLIMIT_NICE"),
    (14, "RLIMIT_RTPRIO"),
    (15, "RLIMIT_RTTIME"),
];
pub(super) const EPOLL_OP: Names = &[(1, "EPOLL_CTL_ADD"), (2, "EPOLL_CTL_DEL"), (3, "EPOLL_CTL_MOD")];
pub(super) const EPOLL: Names = &[
    (1, "EPOLLIN"),
    (2, "EPOLLPRI"),
    (4, "EPOLLOUT"),
    (8, "EPOLLERR"),
    (0x10, "EPOLLHUP"),
    (0x40, "EPOLLRDNORM"),
    (0x100, "EPOLLWRNORM"),
    (0x2000, "EPOLLRDHUP"),
    (1 << 28, "EPOLLEXCLUSIVE"),
    (1 << 30, "EPOLLONESHOT"),
    (1 << 31, "EPOLLET"),
];
pub(super) const POLL: Names = &[
    (1, "POLLIN"),
    (2, "POLLPRI"),
    (4, "POLLOUT"),
    (8, "POLLERR"),
    (0x10, "POLLHUP"),
    (0x20, "POLLNVAL"),
    (0x40, "POLLRDNORM"),
    (0x100, "POLLWRNORM"),
    (0x2000, "POLLRDHUP"),
];
pub(super) const FAMILY: Names = &[
    (0, "AF_UNSPEC"),
    (1, "AF_UNIX"),
    (2, "AF_INET"),
    (10, "AF_INET6"),
    (16, "AF_NETLINK"),
    (17, "AF_PACKET"),
];
pub(super) const SOCKET: Names =
    &[(1, "SOCK_STREAM"), (2, "SOCK_DGRAM"), (3, "SOCK_RAW"), (5, "SOCK_SEQPACKET")];
pub(super) const SOCKET_FLAGS: Names = &[(0o4000, "SOCK_NONBLOCK"), (0o2000000, "SOCK_CLOEXEC")];
pub(super) const SHUTDOWN: Names = &[(0, "SHUT_RD"), (1, "SHUT_WR"), (2, "SHUT_RDWR")];
pub(super) const MSG: Names = &[
    (1, "MSG_OOB"),
    (2, "MSG_PEEK"),
    (4, "MSG_DONTROUTE"),
    (0x20, "MSG_TRUNC"),
    (0x40, "MSG_DONTWAIT"),
    (0x80, "MSG_EOR"),
    (0x100, "MSG_WAITALL"),
    (0x4000, "MSG_NOSIGNAL"),
    (0x4000_0000, "MSG_CMSG_CLOEXEC"),
];
pub(super) const SOCKET_LEVEL: Names = &[(1, "SOL_SOCKET"), (0, "SOL_IP"), (6, "SOL_TCP"), (41, "SOL_IPV6")];
pub(super) const WAIT: Names = &[
    (1, "WNOHANG"),
    (2, "WSTOPPED"),
    (4, "WEXITED"),
    (8, "WCONTINUED"),
    (0x100_0000, "WNOWAIT"),
    (0x2000_0000, "__WNOTHREAD"),
    (0x4000_0000, "__WALL"),
    (0x8000_0000, "__WCLONE"),
];
pub(super) const IDTYPE: Names = &[(0, "P_ALL"), (1, "P_PID"), (2, "P_PGID"), (3, "P_PIDFD")];
pub(super) const FLOCK: Names = &[(4, "LOCK_NB"), (1, "LOCK_SH"), (2, "LOCK_EX"), (8, "LOCK_UN")];
pub(super) const ITIMER: Names = &[(0, "ITIMER_REAL"), (1, "ITIMER_VIRTUAL"), (2, "ITIMER_PROF")];
pub(super) const RANDOM: Names = &[(1, "GRND_NONBLOCK"), (2, "GRND_RANDOM"), (4, "GRND_INSECURE")];
pub(super) const MEMFD: Names = &[
    (1, "MFD_CLOEXEC"),
    (2, "MFD_ALLOW_SEALING"),
    (4, "MFD_HUGETLB"),
    (8, "MFD_NOEXEC_SEAL"),
    (16, "MFD_EXEC"),
];
pub(super) const EVENTFD: Names =
    &[(1, "EFD_SEMAPHORE"), (0o4000, "EFD_NONBLOCK"), (0o2000000, "EFD_CLOEXEC")];
pub(super) const MSYNC: Names = &[(1, "MS_ASYNC"), (2, "MS_INVALIDATE"), (4, "MS_SYNC")];
pub(super) const MREMAP: Names = &[(1, "MREMAP_MAYMOVE"), (2, "MREMAP_FIXED"), (4, "MREMAP_DONTUNMAP")];
pub(super) const RUSAGE: Names = &[(0, "RUSAGE_SELF"), (u64::MAX, "RUSAGE_CHILDREN"), (1, "RUSAGE_THREAD")];
pub(super) const FILE_TYPE: Names = &[
    (0o140000, "S_IFSOCK"),
    (0o120000, "S_IFLNK"),
    (0o100000, "S_IFREG"),
    (0o060000, "S_IFBLK"),
    (0o040000, "S_IFDIR"),
    (0o020000, "S_IFCHR"),
    (0o010000, "S_IFIFO"),
];

/// What an error means, as `strerror(3)` of the C library says it.
pub(super) fn meaning(errno: u16) -> &'static str {
    const WORDS: &[(u16, &str)] = &[
        (1, "Operation not permitted"),
        (2, "No such file or directory"),
        (3, "No such process"),
        (4, "Interrupted system call"),
        (5, "Input/output error"),
        (6, "No such device or address"),
        (7, "Argument list too long"),
        (8, "Exec format error"),
        (9, "Bad file descriptor"),
        (10, "No child processes"),
        (11, "Resource temporarily unavailable"),
        (12, "Cannot allocate memory"),
        (13, "Permission denied"),
        (14, "Bad address"),
        (15, "Block device required"),
        (16, "Device or resource busy"),
        (17, "File exists"),
        (18, "Invalid cross-device link"),
        (19, "No such device"),
        (20, "Not a directory"),
        (21, "Is a directory"),
        (22, "Invalid argument"),
        (23, "Too many open files in system"),
        (24, "Too many open files"),
        (25, "Inappropriate ioctl for device"),
        (26, "Text file busy"),
        (27, "File too large"),
        (28, "No space left on device"),
        (29, "Illegal seek"),
        (30, "Read-only file system"),
        (31, "Too many links"),
        (32, "Broken pipe"),
        (33, "Numerical argument out of domain"),
        (34, "Numerical result out of range"),
        (35, "Resource deadlock avoided"),
        (36, "File name too long"),
        (37, "No locks available"),
        (38, "Function not implemented"),
        (39, "Directory not empty"),
        (40, "Too many levels of symbolic links"),
        (42, "No message of desired type"),
        (43, "Identifier removed"),
        (61, "No data available"),
        (62, "Timer expired"),
        (71, "Protocol error"),
        (74, "Bad message"),
        (75, "Value too large for defined data type"),
        (80, "Accessing a corrupted shared library"),
        (84, "Invalid or incomplete multibyte or wide character"),
        (88, "Socket operation on non-socket"),
        (89, "Destination address required"),
        (90, "Message too long"),
        (91, "Protocol wrong type for socket"),
        (92, "Protocol not available"),
        (93, "Protocol not supported"),
        (94, "Socket type not supported"),
        (95, "Operation not supported"),
        (97, "Address family not supported by protocol"),
        (98, "Address already in use"),
        (99, "Cannot assign requested address"),
        (100, "Network is down"),
        (101, "Network is unreachable"),
        (103, "Software caused connection abort"),
        (104, "Connection reset by peer"),
        (105, "No buffer space available"),
        (106, "Transport endpoint is already connected"),
        (107, "Transport endpoint is not connected"),
        (109, "Too many references: cannot splice"),
        (110, "Connection timed out"),
        (111, "Connection refused"),
        (113, "No route to host"),
        (114, "Operation already in progress"),
        (115, "Operation now in progress"),
        (116, "Stale file handle"),
        (122, "Disk quota exceeded"),
        (125, "Operation canceled"),
        (130, "Owner died"),
        (131, "State not recoverable"),
    ];
    WORDS.iter().find(|(number, _)| *number == errno).map_or("Unknown error", |(_, words)| words)
}
