//! The entries of a process's directory in procfs: which there are, and what becomes of reading and writing them.

mod descriptor;
mod details;
mod maps;
mod mounts;
mod status;

pub(super) use maps::{Tally, change_memory, look_at_memory};

use super::text::Rest;
use super::{Owner, check_inside, list};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::view::View;
use crate::mem::area::Backing;
use crate::mem::space::Space;
use crate::system::System;
use crate::task::{Capabilities, Name, Pid, Process, Thread, Tid};

/// One entry.
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) perm: u16,
    pub(super) kind: EntryKind,
    places: Places,
}

/// Which directories have an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Places {
    Both,
    /// `/proc/PID`
    Process,
    /// `/proc/PID/task/TID`
    Thread,
}

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    /// `fd`
    Descriptors,
    /// `fdinfo`
    DescriptorInfos,
    /// `task`
    Threads,
    /// `map_files`
    MapFiles,
    /// `ns`
    Namespaces,
    /// `net`
    Net,
    Link(Link),
    Text(Text),
    Memory(Memory),
}

/// The links of a process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Cwd,
    Root,
    Exe,
}

/// What is read where one looks, not from its start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Memory {
    /// `mem`
    Itself,
    /// `pagemap`
    Pages,
}

/// The texts of a process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    Auxv,
    Cgroup,
    Children,
    ClearRefs,
    Cmdline,
    Comm,
    CoredumpFilter,
    Environ,
    Io,
    Limits,
    LoginUid,
    Maps,
    MountInfo,
    MountStats,
    Mounts,
    OomScore,
    OomScoreAdj,
    Personality,
    Sched,
    SchedStat,
    SessionId,
    Smaps,
    SmapsRollup,
    Stat,
    Statm,
    Status,
    Syscall,
    Timers,
    TimerSlack,
    UserMap,
    Wchan,
}

impl Text {
    /// Whether it tells so much of a process's memory that only who may look inside can open it.
    pub(super) fn shows_memory(self) -> bool {
        matches!(self, Text::Auxv | Text::Environ | Text::Maps | Text::Smaps | Text::SmapsRollup)
    }

    /// Whether only who may look inside can read it.
    fn is_private(self) -> bool {
        self.shows_memory() || matches!(self, Text::Io | Text::Personality | Text::Syscall)
    }
}

/// A namespace: there is one of each kind.
pub(super) struct Namespace {
    /// Its link's name.
    pub(super) name: &'static str,
    /// Its kind.
    kind: &'static str,
    pub(super) ino: u64,
}

impl Namespace {
    /// What its link shows (`namespaces(7)`).
    pub(super) fn shown(&self) -> String {
        format!("{}:[{}]", self.kind, self.ino)
    }
}

const fn namespace(name: &'static str, kind: &'static str, ino: u64) -> Namespace {
    Namespace { name, kind, ino }
}

/// All namespaces, numbered as Linux's first ones (`linux/proc_ns.h`).
pub(super) const NAMESPACES: &[Namespace] = &[
    namespace("cgroup", "cgroup", 0xefff_fffb),
    namespace("ipc", "ipc", 0xefff_ffff),
    namespace("mnt", "mnt", 0xf000_0001),
    namespace("net", "net", 0xf000_0000),
    namespace("pid", "pid", 0xefff_fffc),
    namespace("pid_for_children", "pid", 0xefff_fffc),
    namespace("time", "time", 0xefff_fffa),
    namespace("time_for_children", "time", 0xefff_fffa),
    namespace("user", "user", 0xefff_fffd),
    namespace("uts", "uts", 0xefff_fffe),
];

const fn made(name: &'static str, perm: u16, text: Text) -> Entry {
    entry(name, perm, EntryKind::Text(text), Places::Both)
}

const fn entry(name: &'static str, perm: u16, kind: EntryKind, places: Places) -> Entry {
    Entry { name, perm, kind, places }
}

/// All entries, as they are listed.
pub(super) const ENTRIES: &[Entry] = &[
    entry("task", 0o555, EntryKind::Threads, Places::Process),
    entry("fd", 0o500, EntryKind::Descriptors, Places::Both),
    entry("map_files", 0o500, EntryKind::MapFiles, Places::Process),
    entry("fdinfo", 0o500, EntryKind::DescriptorInfos, Places::Both),
    entry("ns", 0o511, EntryKind::Namespaces, Places::Both),
    entry("net", 0o555, EntryKind::Net, Places::Both),
    made("environ", 0o400, Text::Environ),
    made("auxv", 0o400, Text::Auxv),
    made("status", 0o444, Text::Status),
    made("personality", 0o400, Text::Personality),
    made("limits", 0o444, Text::Limits),
    made("sched", 0o444, Text::Sched),
    made("comm", 0o644, Text::Comm),
    made("syscall", 0o400, Text::Syscall),
    made("cmdline", 0o444, Text::Cmdline),
    made("stat", 0o444, Text::Stat),
    made("statm", 0o444, Text::Statm),
    made("maps", 0o444, Text::Maps),
    entry("children", 0o444, EntryKind::Text(Text::Children), Places::Thread),
    entry("mem", 0o600, EntryKind::Memory(Memory::Itself), Places::Both),
    entry("cwd", 0o777, EntryKind::Link(Link::Cwd), Places::Both),
    entry("root", 0o777, EntryKind::Link(Link::Root), Places::Both),
    entry("exe", 0o777, EntryKind::Link(Link::Exe), Places::Both),
    made("mounts", 0o444, Text::Mounts),
    made("mountinfo", 0o444, Text::MountInfo),
    entry("mountstats", 0o400, EntryKind::Text(Text::MountStats), Places::Process),
    made("clear_refs", 0o200, Text::ClearRefs),
    made("smaps", 0o444, Text::Smaps),
    made("smaps_rollup", 0o444, Text::SmapsRollup),
    entry("pagemap", 0o400, EntryKind::Memory(Memory::Pages), Places::Both),
    made("wchan", 0o444, Text::Wchan),
    made("schedstat", 0o444, Text::SchedStat),
    made("cgroup", 0o444, Text::Cgroup),
    made("oom_score", 0o444, Text::OomScore),
    made("oom_score_adj", 0o644, Text::OomScoreAdj),
    made("loginuid", 0o444, Text::LoginUid),
    made("sessionid", 0o444, Text::SessionId),
    entry("coredump_filter", 0o644, EntryKind::Text(Text::CoredumpFilter), Places::Process),
    made("io", 0o400, Text::Io),
    made("uid_map", 0o444, Text::UserMap),
    made("gid_map", 0o444, Text::UserMap),
    entry("timers", 0o444, EntryKind::Text(Text::Timers), Places::Process),
    entry("timerslack_ns", 0o666, EntryKind::Text(Text::TimerSlack), Places::Process),
];

impl Entry {
    /// Whether this directory has it.
    pub(super) fn is_in(&self, owner: Owner) -> bool {
        match self.places {
            Places::Both => true,
            Places::Process => owner.tid.is_none(),
            Places::Thread => owner.tid.is_some(),
        }
    }
}

/// The program that a process runs.
pub(super) fn program_of(view: &View<'_>, process: &Process) -> Option<FileId> {
    process.exe.or_else(|| {
        let space = view.spaces.get(process.space)?;
        match space.areas().find(space.marks().code_start)?.backing {
            Backing::File { file, .. } => Some(file),
            _ => None,
        }
    })
}

/// Makes a text, or the part of it from `from` on: its start, or what the part before came with.
///
/// # Errors
/// `ESRCH` when the process is gone; `EACCES` for another user's memory; `EINVAL` for what is only written.
pub(super) fn text(
    sys: &mut System,
    owner: Owner,
    caller: Option<(Pid, Tid)>,
    which: Text,
    from: Rest,
) -> Result<(Vec<u8>, Option<Rest>)> {
    let view = sys.view(caller);
    let process = list::process(&view, owner).map_err(|_| Errno::ESRCH)?;
    if which.is_private() {
        check_inside(&view, process)?;
    }
    // Without a caller it is the application that reads, which sees everything from the top.
    let context = caller.and_then(|(pid, _)| view.tasks.process(pid)?.fs_context);
    let root = match context {
        Some(context) => sys.fs.context(context)?.root,
        None => sys.fs.root(),
    };
    let pid = owner.pid;
    let whole = match which {
        Text::Auxv => memory(sys, pid, |space| space.marks().auxiliary),
        Text::Environ => memory(sys, pid, |space| space.marks().environment),
        Text::Cmdline if process.is_zombie() => Vec::new(),
        Text::Cmdline => memory(sys, pid, |space| space.marks().arguments),
        Text::Cgroup => b"0::/\n".to_vec(),
        Text::Children => details::children(process, owner),
        Text::ClearRefs => return Err(Errno::EINVAL),
        Text::Comm => [name(sys, owner), b"\n".to_vec()].concat(),
        Text::CoredumpFilter => details::coredump_filter(process),
        Text::Io => details::io(sys, owner),
        Text::Limits => details::limits(process),
        // -1: nobody logged in.
        Text::LoginUid | Text::SessionId => b"4294967295".to_vec(),
        Text::Maps => return Ok(maps::maps(sys, pid, root, from)),
        Text::MountInfo => mounts::mount_info(sys, root),
        Text::MountStats => mounts::mount_stats(sys, root),
        Text::Mounts => mounts::mounts(sys, root),
        Text::OomScore => details::oom_score(sys, process),
        Text::OomScoreAdj => format!("{}\n", process.kept.oom_score_adj).into_bytes(),
        Text::Personality => format!("{:08x}\n", process.personality).into_bytes(),
        Text::Sched => details::sched(sys, owner),
        Text::SchedStat => details::sched_stat(sys, owner),
        Text::Smaps => return Ok(maps::smaps(sys, pid, root, from)),
        Text::SmapsRollup => return Ok(maps::smaps_rollup(sys, pid, from)),
        Text::Stat => status::stat(sys, owner, caller),
        Text::Statm => status::statm(sys, pid),
        Text::Status => status::status(sys, owner),
        Text::Syscall => details::syscall(sys, owner),
        Text::Timers => details::timers(process),
        // Nanoseconds: what `prctl(2)`, PR_GET_TIMERSLACK, answers.
        Text::TimerSlack => {
            let thread = sys.tasks.thread(owner.thread());
            format!("{}\n", thread.map_or(0, |thread| thread.scheduling.slack.now)).into_bytes()
        }
        Text::UserMap => format!("{:>10} {:>10} {:>10}\n", 0, 0, u32::MAX).into_bytes(),
        Text::Wchan => details::wchan(sys, owner, caller).into_bytes(),
    };
    Ok((whole, None))
}

/// What is written to a text.
///
/// # Errors
/// `EINVAL` for what the file does not take; `EPERM`, `EACCES`, `ESRCH`.
pub(super) fn write(
    sys: &mut System,
    owner: Owner,
    caller: (Pid, Tid),
    which: Text,
    bytes: &[u8],
) -> Result<()> {
    const OOM_LEAST: i64 = -1000;
    const OOM_MOST: i64 = 1000;
    /// What `clear_refs` can be asked (`proc_pid_clear_refs(5)`): all of it concerns marks that are not kept.
    const CLEAR_MOST: i64 = 5;
    let process = sys.tasks.process(owner.pid).ok_or(Errno::ESRCH)?;
    let privileged = |capability| sys.tasks.process(caller.0).is_some_and(|who| who.creds.can(capability));
    let number = |least, most| super::settings::number(bytes, least, most);
    match which {
        Text::Comm => {
            // Only the process itself may rename its threads.
            if owner.pid != caller.0 {
                return Err(Errno::EINVAL);
            }
            let thread = sys.tasks.thread_mut(owner.thread()).ok_or(Errno::ESRCH)?;
            let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
            thread.name = Name::new(&bytes[..end]);
        }
        Text::ClearRefs => _ = number(1, CLEAR_MOST)?,
        Text::OomScoreAdj => {
            let value = number(OOM_LEAST, OOM_MOST)? as i16;
            if value < process.kept.oom_score_adj && !privileged(Capabilities::SYS_RESOURCE) {
                return Err(Errno::EACCES);
            }
            let process = sys.tasks.process_mut(owner.pid).ok_or(Errno::ESRCH)?;
            process.kept.oom_score_adj = value;
        }
        Text::CoredumpFilter => {
            let value = details::parse_filter(bytes)?;
            let process = sys.tasks.process_mut(owner.pid).ok_or(Errno::ESRCH)?;
            process.kept.coredump_filter = value;
        }
        Text::TimerSlack => {
            if owner.pid != caller.0 && !privileged(Capabilities::SYS_NICE) {
                return Err(Errno::EPERM);
            }
            let nanos = number(0, i64::MAX)? as u64;
            let slack = &mut sys.tasks.thread_mut(owner.thread()).ok_or(Errno::ESRCH)?.scheduling.slack;
            slack.now = if nanos == 0 { slack.default } else { nanos };
        }
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}

/// Bytes of argument or environment strings that are shown at the most.
const MAX_STRINGS: u64 = 128 << 10;

fn space(sys: &System, pid: Pid) -> Option<&Space> {
    sys.mem.spaces.get(sys.tasks.process(pid)?.space)
}

fn memory(sys: &mut System, pid: Pid, range: impl Fn(&Space) -> (u64, u64)) -> Vec<u8> {
    let Some((id, (start, end))) = space(sys, pid).map(|space| (space.id(), range(space))) else {
        return Vec::new();
    };
    let mut bytes = vec![0; end.saturating_sub(start).min(MAX_STRINGS) as usize];
    // What the process has unmapped is shown as nothing.
    match sys.read_space(id, GuestAddr(start), &mut bytes) {
        Ok(()) => bytes,
        Err(_) => Vec::new(),
    }
}

fn thread(sys: &System, owner: Owner) -> Option<&Thread> {
    let process = sys.tasks.process(owner.pid)?;
    sys.tasks.thread(owner.thread()).or_else(|| sys.tasks.thread(*process.threads.first()?))
}

fn name(sys: &System, owner: Owner) -> Vec<u8> {
    match (thread(sys, owner), sys.tasks.process(owner.pid)) {
        (Some(thread), _) => thread.name.as_bytes().to_vec(),
        // Without a thread it is the kernel's own first process, or one that ended.
        (None, Some(process)) if process.parent.is_none() => b"init".to_vec(),
        (None, Some(process)) => process.kept.last_name.as_bytes().to_vec(),
        (None, None) => b"-".to_vec(),
    }
}
