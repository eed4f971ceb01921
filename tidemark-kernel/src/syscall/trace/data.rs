//! What pointers of a call lead to, as `strace(1)` shows it: strings, buffers and structures.
//!
//! Reads the caller's memory as it is now; what cannot be read is shown as the pointer.

use super::names::{self, Names, bits, one_of};
use crate::addr::GuestAddr;
use crate::signal::{SIGNALS, Signal};
use crate::system::System;
use crate::task::Tid;

/// Bytes of a buffer or string that are shown (`strace -s`).
const SHOWN_BYTES: usize = 32;
/// Bytes of a path that are shown: paths are shown whole.
const SHOWN_PATH: usize = 4096;
/// Elements of an array that are shown.
const SHOWN_ITEMS: usize = 16;

/// The memory of a thread's process.
pub(super) struct Reader<'a> {
    pub(super) sys: &'a mut System,
    pub(super) tid: Tid,
}

impl Reader<'_> {
    fn bytes(&mut self, addr: u64, len: usize) -> Option<Vec<u8>> {
        let thread = self.sys.tasks.thread(self.tid)?;
        let space = self.sys.tasks.process(thread.pid)?.space;
        let mut bytes = vec![0; len];
        self.sys.read_space(space, GuestAddr(addr), &mut bytes).ok()?;
        Some(bytes)
    }

    fn words<const N: usize>(&mut self, addr: u64) -> Option<[u64; N]> {
        let bytes = self.bytes(addr, N * 8)?;
        let (words, _) = bytes.as_chunks::<8>();
        Some(core::array::from_fn(|index| words.get(index).map_or(0, |word| u64::from_le_bytes(*word))))
    }

    fn halves<const N: usize>(&mut self, addr: u64) -> Option<[u32; N]> {
        let bytes = self.bytes(addr, N * 4)?;
        let (words, _) = bytes.as_chunks::<4>();
        Some(core::array::from_fn(|index| words.get(index).map_or(0, |word| u32::from_le_bytes(*word))))
    }

    fn c_string(&mut self, addr: u64, most: usize) -> Option<(Vec<u8>, bool)> {
        let mut text = Vec::new();
        while text.len() < most {
            match self.bytes(addr.checked_add(text.len() as u64)?, 1)?.first() {
                Some(0) | None => return Some((text, true)),
                Some(byte) => text.push(*byte),
            }
        }
        Some((text, false))
    }

    /// A path.
    pub(super) fn path(&mut self, addr: u64) -> Option<String> {
        let (text, whole) = self.c_string(addr, SHOWN_PATH)?;
        Some(quoted(&text, whole))
    }

    /// `len` bytes.
    pub(super) fn buffer(&mut self, addr: u64, len: u64) -> Option<String> {
        let shown = len.min(SHOWN_BYTES as u64) as usize;
        Some(quoted(&self.bytes(addr, shown)?, shown as u64 == len))
    }

    /// A vector of buffers; `limit` bytes of them count.
    pub(super) fn vector(&mut self, addr: u64, count: u64, mut limit: u64) -> Option<String> {
        let mut shown = Vec::new();
        for index in 0..count.min(SHOWN_ITEMS as u64) {
            let [base, len] = self.words(addr.checked_add(index * 16)?)?;
            let now = len.min(limit);
            limit -= now;
            let text = self.buffer(base, now).unwrap_or_else(|| pointer(base));
            shown.push(format!("{{iov_base={text}, iov_len={len}}}"));
        }
        Some(list(shown, count))
    }

    /// An array of strings that ends with a null pointer.
    pub(super) fn strings(&mut self, addr: u64) -> Option<String> {
        let mut shown = Vec::new();
        loop {
            let [string] = self.words(addr.checked_add(shown.len() as u64 * 8)?)?;
            if string == 0 {
                return Some(list(shown, 0));
            }
            if shown.len() == SHOWN_ITEMS {
                return Some(list(shown, u64::MAX));
            }
            let (text, whole) = self.c_string(string, SHOWN_BYTES)?;
            shown.push(quoted(&text, whole));
        }
    }

    /// How many variables an environment has.
    pub(super) fn environment(&mut self, addr: u64) -> Option<String> {
        let mut count = 0;
        while self.words::<1>(addr.checked_add(count * 8)?)? != [0] && count < 100_000 {
            count += 1;
        }
        Some(format!("{addr:#x} /* {count} vars */"))
    }

    /// `struct timespec`, also as `struct timeval` in the other unit.
    pub(super) fn time(&mut self, addr: u64, unit: &str) -> Option<String> {
        let [seconds, rest] = self.words(addr)?;
        Some(format!("{{tv_sec={}, tv_{unit}={}}}", seconds as i64, rest as i64))
    }

    /// The two times of `utimensat(2)`.
    pub(super) fn two_times(&mut self, addr: u64) -> Option<String> {
        const SPECIAL: Names = &[(0x3fff_ffff, "UTIME_NOW"), (0x3fff_fffe, "UTIME_OMIT")];
        let words: [u64; 4] = self.words(addr)?;
        let shown =
            words.chunks(2).map(|time| match SPECIAL.iter().any(|(special, _)| *special == time[1]) {
                true => one_of(time[1], SPECIAL),
                false => format!("{{tv_sec={}, tv_nsec={}}}", time[0] as i64, time[1]),
            });
        Some(list(shown.collect(), 2))
    }

    /// `struct itimerspec`, or `struct itimerval` in the other unit.
    pub(super) fn interval(&mut self, addr: u64, unit: &str) -> Option<String> {
        let every = self.time(addr, unit)?;
        let first = self.time(addr.checked_add(16)?, unit)?;
        Some(format!("{{it_interval={every}, it_value={first}}}"))
    }

    /// A set of signals.
    pub(super) fn signals(&mut self, addr: u64) -> Option<String> {
        let [set] = self.words(addr)?;
        Some(signal_set(set))
    }

    /// `struct sigaction` as the kernel has it on riscv64: without a restorer.
    pub(super) fn action(&mut self, addr: u64) -> Option<String> {
        const HANDLERS: Names = &[(0, "SIG_DFL"), (1, "SIG_IGN")];
        let [handler, flags, mask] = self.words(addr)?;
        let handler = if handler < 2 { one_of(handler, HANDLERS) } else { pointer(handler) };
        let flags = bits(flags, names::SIGACTION, "0");
        Some(format!("{{sa_handler={handler}, sa_mask={}, sa_flags={flags}}}", signal_set(mask)))
    }

    /// `struct stat`.
    pub(super) fn stat(&mut self, addr: u64) -> Option<String> {
        let [_, _, mode_links, _, device, _, size] = self.words(addr)?;
        let mode = mode_links as u32;
        let kind = one_of(u64::from(mode & 0o170_000), names::FILE_TYPE);
        let what = match mode & 0o170_000 {
            0o020_000 | 0o060_000 => {
                format!("st_rdev=makedev({:#x}, {:#x})", device >> 8 & 0xfff, device & 0xff)
            }
            _ => format!("st_size={size}"),
        };
        Some(format!("{{st_mode={kind}|0{:03o}, {what}, ...}}", mode & 0o7777))
    }

    /// `struct statx`.
    pub(super) fn statx(&mut self, addr: u64) -> Option<String> {
        let halves: [u32; 12] = self.halves(addr)?;
        let (mask, mode) = (halves[0], halves[7] & 0xffff);
        let size = u64::from(halves[10]) | u64::from(halves[11]) << 32;
        let kind = one_of(u64::from(mode & 0o170_000), names::FILE_TYPE);
        Some(format!(
            "{{stx_mask={}, stx_mode={kind}|0{:03o}, stx_size={size}, ...}}",
            bits(mask.into(), names::STATX, "0"),
            mode & 0o7777
        ))
    }

    /// Two descriptors that a call made.
    pub(super) fn pair(&mut self, addr: u64) -> Option<String> {
        let [one, other] = self.halves(addr)?;
        Some(format!("[{}, {}]", one as i32, other as i32))
    }

    /// One number of 32 bits.
    pub(super) fn number(&mut self, addr: u64) -> Option<String> {
        let [number] = self.halves(addr)?;
        Some(format!("[{}]", number as i32))
    }

    /// One number of 64 bits.
    pub(super) fn offset(&mut self, addr: u64) -> Option<String> {
        let [number] = self.words(addr)?;
        Some(format!("[{}]", number as i64))
    }

    /// What `wait4(2)` tells of how a process ended.
    pub(super) fn wait_status(&mut self, addr: u64) -> Option<String> {
        let [status] = self.halves(addr)?;
        let signal =
            |number: u32| Signal::new(number).map_or(number.to_string(), |signal| signal.to_string());
        Some(match status & 0x7f {
            0 => format!("[{{WIFEXITED(s) && WEXITSTATUS(s) == {}}}]", status >> 8 & 0xff),
            0x7f if status == 0xffff => "[{WIFCONTINUED(s)}]".to_owned(),
            0x7f => format!("[{{WIFSTOPPED(s) && WSTOPSIG(s) == {}}}]", signal(status >> 8 & 0xff)),
            number => {
                let core = if status & 0x80 != 0 { " && WCOREDUMP(s)" } else { "" };
                format!("[{{WIFSIGNALED(s) && WTERMSIG(s) == {}{core}}}]", signal(number))
            }
        })
    }

    /// `struct pollfd`s: what is asked, or what was found.
    pub(super) fn polled(&mut self, addr: u64, count: u64, found: bool) -> Option<String> {
        let mut shown = Vec::new();
        for index in 0..count.min(SHOWN_ITEMS as u64) {
            let [fd, events] = self.halves(addr.checked_add(index * 8)?)?;
            let (asked, got) = (events & 0xffff, events >> 16);
            let got = match found && got != 0 {
                true => format!(", revents={}", bits(got.into(), names::POLL, "0")),
                false => String::new(),
            };
            let asked = bits(asked.into(), names::POLL, "0");
            shown.push(format!("{{fd={}, events={asked}{got}}}", fd as i32));
        }
        Some(list(shown, count))
    }

    /// `struct epoll_event`s.
    pub(super) fn epoll_events(&mut self, addr: u64, count: u64) -> Option<String> {
        let mut shown = Vec::new();
        for index in 0..count.min(SHOWN_ITEMS as u64) {
            let [events, _, low, high] = self.halves(addr.checked_add(index * 16)?)?;
            let data = u64::from(low) | u64::from(high) << 32;
            let events = bits(events.into(), names::EPOLL, "0");
            shown.push(format!("{{events={events}, data={data:#x}}}"));
        }
        Some(list(shown, count))
    }

    /// `struct rlimit`.
    pub(super) fn limit(&mut self, addr: u64) -> Option<String> {
        let limits: [u64; 2] = self.words(addr)?;
        let [soft, hard] = limits.map(|limit| match limit {
            u64::MAX => "RLIM64_INFINITY".to_owned(),
            limit if limit >= 1024 && limit.is_multiple_of(1024) => format!("{}*1024", limit / 1024),
            limit => limit.to_string(),
        });
        Some(format!("{{rlim_cur={soft}, rlim_max={hard}}}"))
    }

    /// A socket's address.
    pub(super) fn address(&mut self, addr: u64, len: u64) -> Option<String> {
        let bytes = self.bytes(addr, len.min(128) as usize)?;
        let family = u16::from_le_bytes([*bytes.first()?, *bytes.get(1)?]);
        let name = one_of(family.into(), names::FAMILY);
        let port = || Some(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]));
        Some(match family {
            1 => {
                let path = bytes.get(2..)?;
                let shown = match path.first() {
                    None => return Some(format!("{{sa_family={name}}}")),
                    Some(0) => format!("@{}", quoted(&path[1..], true)),
                    Some(_) => quoted(path.split(|byte| *byte == 0).next().unwrap_or_default(), true),
                };
                format!("{{sa_family={name}, sun_path={shown}}}")
            }
            2 => {
                let ip: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
                let ip = core::net::Ipv4Addr::from(ip);
                format!("{{sa_family={name}, sin_port=htons({}), sin_addr=inet_addr(\"{ip}\")}}", port()?)
            }
            10 => {
                let ip: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
                let ip = core::net::Ipv6Addr::from(ip);
                format!("{{sa_family={name}, sin6_port=htons({}), sin6_addr=\"{ip}\"}}", port()?)
            }
            _ => format!("{{sa_family={name}, ...}}"),
        })
    }

    /// A socket's address whose length a pointer leads to.
    pub(super) fn given_address(&mut self, addr: u64, len: u64) -> Option<String> {
        let [len] = self.halves(len)?;
        self.address(addr, len.into())
    }

    /// The names in `struct utsname` that matter.
    pub(super) fn system_names(&mut self, addr: u64) -> Option<String> {
        const FIELD: u64 = 65;
        let (system, whole) = self.c_string(addr, FIELD as usize)?;
        let (node, _) = self.c_string(addr + FIELD, FIELD as usize)?;
        Some(format!("{{sysname={}, nodename={}, ...}}", quoted(&system, whole), quoted(&node, true)))
    }

    /// `struct clone_args`.
    pub(super) fn clone_args(&mut self, addr: u64) -> Option<String> {
        let [flags, _, child_tid, parent_tid, signal, stack, size, tls] = self.words(addr)?;
        let signal = Signal::new(signal as u32).map_or(signal.to_string(), |signal| signal.to_string());
        Some(format!(
            "{{flags={}, child_tid={}, parent_tid={}, exit_signal={signal}, stack={}, stack_size={size:#x}, \
             tls={}}}",
            bits(flags, names::CLONE, "0"),
            pointer(child_tid),
            pointer(parent_tid),
            pointer(stack),
            pointer(tls)
        ))
    }
}

/// An address.
pub(super) fn pointer(addr: u64) -> String {
    if addr == 0 { "NULL".to_owned() } else { format!("{addr:#x}") }
}

/// A set of signals: those in it, or those that are not, if that is shorter.
fn signal_set(set: u64) -> String {
    let (set, sign) = if set.count_ones() > SIGNALS / 2 { (!set, "~") } else { (set, "") };
    let named = (1..=SIGNALS).filter(|number| set >> (number - 1) & 1 != 0).filter_map(Signal::new);
    let names: Vec<_> = named.map(|signal| signal.to_string().trim_start_matches("SIG").to_owned()).collect();
    format!("{sign}[{}]", names.join(" "))
}

/// Bytes as a string of C, with dots after it if there are more.
fn quoted(bytes: &[u8], whole: bool) -> String {
    let mut text = String::from("\"");
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            0x0b => text.push_str("\\v"),
            0x0c => text.push_str("\\f"),
            0x20..0x7f => text.push(char::from(*byte)),
            // Octal, as short as what follows allows.
            _ if bytes.get(index + 1).is_some_and(u8::is_ascii_digit) => text += &format!("\\{byte:03o}"),
            _ => text += &format!("\\{byte:o}"),
        }
    }
    text.push('"');
    if !whole {
        text.push_str("...");
    }
    text
}

/// Items in brackets, with dots if there are more.
fn list(mut shown: Vec<String>, count: u64) -> String {
    if count > shown.len() as u64 {
        shown.push("...".to_owned());
    }
    format!("[{}]", shown.join(", "))
}
