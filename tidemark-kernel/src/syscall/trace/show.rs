//! How a parameter is shown: from its type and name in the table of calls, in the manner of `strace(1)`.
//!
//! A parameter is shown when the call begins, or, where it points to what the call fills in, when it ends.

use super::data::{Reader, pointer};
use super::names::{self, bits, one_of, open_flags};
use crate::signal::Signal;
use crate::syscall::ParamKind;
use crate::syscall::table::Row;

/// A call, as far as showing it needs to know.
pub(super) struct Call<'a> {
    pub(super) row: &'static Row,
    pub(super) args: &'a [u64; 6],
    /// What it answered; `None` while it runs.
    pub(super) result: Option<u64>,
}

impl Call<'_> {
    /// How many of the parameters mean something: a mode is for what is made.
    pub(super) fn shown(&self) -> usize {
        const MAKES: u64 = 0o20000100;
        match self.row.name {
            "openat" if self.arg("flags") & MAKES == 0 => self.row.params.len() - 1,
            _ => self.row.params.len(),
        }
    }

    fn arg(&self, name: &str) -> u64 {
        let place = self.row.params.iter().position(|(param, _)| *param == name);
        place.and_then(|place| self.args.get(place)).copied().unwrap_or(0)
    }

    /// One parameter; `None` if the call has yet to fill it in.
    pub(super) fn param(&self, reader: &mut Reader<'_>, index: usize) -> Option<String> {
        let &(name, kind) = self.row.params.get(index)?;
        let raw = *self.args.get(index)?;
        Some(match kind {
            ParamKind::Path => reader.path(raw).unwrap_or_else(|| pointer(raw)),
            ParamKind::Address if raw == 0 => "NULL".to_owned(),
            ParamKind::Address => match (self.fills(name), self.result) {
                (true, None) => return None,
                (true, Some(result)) => {
                    self.filled(reader, name, raw, result).unwrap_or_else(|| pointer(raw))
                }
                (false, _) => self.given(reader, name, raw).unwrap_or_else(|| pointer(raw)),
            },
            ParamKind::Flags => match self.row.name {
                "openat" => open_flags(raw & 0xffff_ffff),
                _ => bits(raw & 0xffff_ffff, names::OPEN, "0"),
            },
            ParamKind::Mode => format!("0{:03o}", raw as u32),
            ParamKind::Descriptor if raw as i32 == -100 => "AT_FDCWD".to_owned(),
            ParamKind::Descriptor => (raw as i32).to_string(),
            ParamKind::Signal => signal(raw),
            ParamKind::Signed | ParamKind::Unsigned => self.number(name, kind, raw),
        })
    }

    fn number(&self, name: &str, kind: ParamKind, raw: u64) -> String {
        let low = raw & 0xffff_ffff;
        match (self.row.name, name) {
            ("mmap" | "mprotect", "prot") => bits(low, names::PROT, "PROT_NONE"),
            ("mmap", "flags") => bits(low, names::MAP, "0"),
            ("mremap", "flags") => bits(low, names::MREMAP, "0"),
            ("msync", "flags") => bits(low, names::MSYNC, "0"),
            ("mmap", "offset") => {
                if raw == 0 {
                    "0".to_owned()
                } else {
                    format!("{raw:#x}")
                }
            }
            ("clone", "flags") => match Signal::new((raw & 0xff) as u32) {
                Some(signal) if raw & !0xff == 0 => signal.to_string(),
                Some(signal) => format!("{}|{signal}", bits(raw & !0xff, names::CLONE, "0")),
                None => bits(raw, names::CLONE, "0"),
            },
            ("clone", "stack") => pointer(raw),
            ("clone", "tls") => format!("{raw:#x}"),
            ("unlinkat", "flags") => bits(low, names::AT_REMOVEDIR, "0"),
            ("faccessat2", "flags") => bits(low, names::AT_EACCESS, "0"),
            (
                "newfstatat" | "statx" | "fchownat" | "fchmodat2" | "utimensat" | "linkat" | "execveat",
                "flags",
            ) => bits(low, names::AT, "0"),
            ("statx", "mask") => bits(low, names::STATX, "0"),
            ("faccessat" | "faccessat2", "mode") => bits(low, names::ACCESS, "F_OK"),
            ("renameat2", "flags") => bits(low, names::RENAME, "0"),
            ("lseek", "whence") => one_of(low, names::SEEK),
            ("fcntl", "cmd") => one_of(low, names::FCNTL),
            ("fcntl", "arg") => match self.arg("cmd") {
                2 => bits(low, &[(1, "FD_CLOEXEC")], "0"),
                4 => open_flags(low),
                0 | 1030 | 1031 | 1033 => low.to_string(),
                1 | 3 | 9 | 1025 | 1032 | 1034 => "0".to_owned(),
                _ => pointer(raw),
            },
            ("ioctl", "request") => match names::IOCTL.iter().any(|(number, _)| *number == low) {
                true => one_of(low, names::IOCTL),
                false => format!("{low:#x}"),
            },
            ("futex", "futex_op") => {
                let mut shown = one_of(low & 0x7f, names::FUTEX);
                for (bit, suffix) in [(0x80, "_PRIVATE"), (0x100, "|FUTEX_CLOCK_REALTIME")] {
                    if low & bit != 0 {
                        shown += suffix;
                    }
                }
                shown
            }
            ("futex", "val3") if low == 0xffff_ffff => "FUTEX_BITSET_MATCH_ANY".to_owned(),
            ("rt_sigprocmask", "how") => one_of(low, names::SIGMASK),
            (_, "sig") => signal(raw),
            ("prctl", "option") => one_of(low, names::PRCTL),
            ("prctl", _) => format!("{raw:#x}"),
            (_, "clockid") => one_of(raw as i32 as u64, names::CLOCK),
            ("clock_nanosleep" | "timer_settime" | "timerfd_settime", "flags") => {
                bits(low, names::TIMER_ABSTIME, "0")
            }
            ("madvise", "advice") => one_of(low, names::MADV),
            ("fadvise64", "advice") => one_of(low, names::FADVISE),
            (_, "resource") => one_of(low, names::RESOURCE),
            ("getrusage", "who") => one_of(raw as i32 as i64 as u64, names::RUSAGE),
            ("epoll_ctl", "op") => one_of(low, names::EPOLL_OP),
            (_, "domain") => one_of(low, names::FAMILY),
            (_, "kind") => {
                let kind = one_of(low & 0xf, names::SOCKET);
                match low & !0xf {
                    0 => kind,
                    flags => format!("{kind}|{}", bits(flags, names::SOCKET_FLAGS, "")),
                }
            }
            ("shutdown", "how") => one_of(low, names::SHUTDOWN),
            ("accept4", "flags") => bits(low, names::SOCKET_FLAGS, "0"),
            ("sendto" | "recvfrom" | "sendmsg" | "recvmsg" | "sendmmsg" | "recvmmsg", "flags") => {
                bits(low, names::MSG, "0")
            }
            (_, "level") => one_of(low, names::SOCKET_LEVEL),
            ("wait4" | "waitid", "options") => bits(low, names::WAIT, "0"),
            ("waitid", "idtype") => one_of(low, names::IDTYPE),
            ("flock", "operation") => bits(low, names::FLOCK, "0"),
            ("getitimer" | "setitimer", "which") => one_of(low, names::ITIMER),
            ("getrandom", "flags") => bits(low, names::RANDOM, "0"),
            ("memfd_create", "flags") => bits(low, names::MEMFD, "0"),
            ("eventfd2", "flags") => bits(low, names::EVENTFD, "0"),
            (_, "flags") => format!("{low:#x}"),
            _ if kind == ParamKind::Signed && raw >> 32 == 0xffff_ffff => (raw as i64).to_string(),
            _ if kind == ParamKind::Signed && raw <= u64::from(u32::MAX) => (raw as u32 as i32).to_string(),
            _ if kind == ParamKind::Signed => (raw as i64).to_string(),
            _ if raw == u64::from(u32::MAX) || raw == u64::MAX => "-1".to_owned(),
            _ => raw.to_string(),
        }
    }

    /// Whether a pointer leads to what the call fills in.
    fn fills(&self, name: &str) -> bool {
        matches!(
            (self.row.name, name),
            ("read" | "pread64" | "recvfrom" | "getcwd" | "readlinkat" | "getrandom", "buf")
                | ("readv" | "preadv" | "preadv2", "iov")
                | ("statfs" | "fstatfs" | "uname" | "sysinfo" | "times" | "adjtimex", "buf" | "info")
                | ("rt_sigprocmask", "oldset")
                | ("rt_sigpending", "set")
                | ("rt_sigaction", "oldact")
                | ("sigaltstack", "old_ss")
                | ("wait4", "wstatus" | "rusage")
                | ("waitid", "infop" | "rusage")
                | ("clock_gettime" | "gettimeofday", "tp" | "tv" | "tz")
                | ("clock_getres" | "nanosleep" | "clock_nanosleep", "res" | "rem")
                | ("getrlimit", "rlim")
                | ("getrusage", "usage")
                | ("ppoll", "fds")
                | ("epoll_pwait" | "epoll_pwait2", "events")
                | ("accept" | "accept4" | "getsockname" | "getpeername", "addr" | "addrlen")
                | ("recvfrom", "src_addr" | "addrlen")
                | ("getsockopt", "optval" | "optlen")
                | ("getdents64", "dirp")
                | ("getgroups", "list")
                | ("getresuid" | "getresgid", _)
                | ("getcpu" | "capget", _)
                | ("sched_getaffinity", "mask")
                | (_, "statbuf" | "statxbuf" | "pipefd" | "sv" | "curr_value" | "old_value" | "old_limit")
        )
    }

    /// What a pointer leads to that the call was given.
    fn given(&self, reader: &mut Reader<'_>, name: &str, at: u64) -> Option<String> {
        match (self.row.name, name) {
            ("write" | "pwrite64", "buf") => reader.buffer(at, self.arg("count")),
            ("sendto", "buf") => reader.buffer(at, self.arg("len")),
            ("writev" | "pwritev" | "pwritev2", "iov") => reader.vector(at, self.arg("iovcnt"), u64::MAX),
            ("execve" | "execveat", "argv") => reader.strings(at),
            ("execve" | "execveat", "envp") => reader.environment(at),
            ("clone3", "cl_args") => reader.clone_args(at),
            ("rt_sigaction", "act") => reader.action(at),
            ("rt_sigprocmask" | "rt_sigtimedwait", "set")
            | ("rt_sigsuspend" | "signalfd4", "mask")
            | ("ppoll" | "epoll_pwait" | "epoll_pwait2", "sigmask") => reader.signals(at),
            ("utimensat", "times") => reader.two_times(at),
            ("setitimer", "new_value") => reader.interval(at, "usec"),
            (_, "new_value") => reader.interval(at, "nsec"),
            ("nanosleep" | "clock_nanosleep", "req") | ("clock_settime", "tp") | (_, "timeout") => {
                reader.time(at, "nsec")
            }
            ("prlimit64", "new_limit") | ("setrlimit", "rlim") => reader.limit(at),
            ("epoll_ctl", "event") => reader.epoll_events(at, 1),
            ("bind" | "connect", "addr") => reader.address(at, self.arg("addrlen") & 0xffff_ffff),
            ("sendto", "dest_addr") => reader.address(at, self.arg("addrlen") & 0xffff_ffff),
            ("sendfile", "offset") | (_, "off_in" | "off_out") => reader.offset(at),
            ("memfd_create" | "sethostname", "name") => reader.path(at),
            (_, "name") => reader.path(at),
            ("setsockopt", "optval") if self.arg("optlen") == 4 => reader.number(at),
            _ => None,
        }
    }

    /// What a pointer leads to that the call has filled in, if it has: `result` is what it answered.
    fn filled(&self, reader: &mut Reader<'_>, name: &str, at: u64, result: u64) -> Option<String> {
        let failed = crate::errno::Errno::from_register(result).is_some();
        // What is left to wait is told just when a signal came.
        if failed && name != "rem" {
            return None;
        }
        match (self.row.name, name) {
            ("read" | "pread64" | "recvfrom" | "readlinkat" | "getrandom", "buf") => {
                reader.buffer(at, result)
            }
            ("getcwd", "buf") => reader.path(at),
            ("uname", "buf") => reader.system_names(at),
            ("readv" | "preadv" | "preadv2", "iov") => reader.vector(at, self.arg("iovcnt"), result),
            (_, "oldset") | ("rt_sigpending", "set") => reader.signals(at),
            ("rt_sigaction", "oldact") => reader.action(at),
            ("wait4", "wstatus") => {
                if result == 0 {
                    None
                } else {
                    reader.wait_status(at)
                }
            }
            ("gettimeofday", "tv") => reader.time(at, "usec"),
            ("clock_gettime", "tp") | (_, "res" | "rem") => reader.time(at, "nsec"),
            ("getrlimit", "rlim") | (_, "old_limit") => reader.limit(at),
            ("ppoll", "fds") => reader.polled(at, self.arg("nfds"), true),
            (_, "events") => reader.epoll_events(at, result),
            ("accept" | "accept4" | "getsockname" | "getpeername", "addr") => {
                reader.given_address(at, self.arg("addrlen"))
            }
            ("recvfrom", "src_addr") => reader.given_address(at, self.arg("addrlen")),
            (_, "addrlen" | "optlen") => reader.number(at),
            ("getdents64", "dirp") => Some(format!("{at:#x} /* {result} bytes */")),
            ("getresuid" | "getresgid" | "getcpu", _) => reader.number(at),
            (_, "statbuf") => reader.stat(at),
            (_, "statxbuf") => reader.statx(at),
            (_, "pipefd" | "sv") => reader.pair(at),
            ("getitimer", "curr_value") | ("setitimer", "old_value") => reader.interval(at, "usec"),
            (_, "curr_value" | "old_value") => reader.interval(at, "nsec"),
            ("getsockopt", "optval") => reader.number(at),
            _ => None,
        }
    }
}

fn signal(raw: u64) -> String {
    Signal::new(raw as u32).map_or_else(|| (raw as i32).to_string(), |signal| signal.to_string())
}
