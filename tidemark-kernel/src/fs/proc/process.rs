//! The entries of a process's directory in procfs, and their texts.

use super::super::node::Location;
use super::super::view::View;
use super::{Owner, process as find};
use crate::addr::{GuestAddr, PAGE_SIZE};
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::descriptors::Fd;
use crate::fs::file::FileKind;
use crate::fs::flags::OpenFlags;
use crate::mem::area::{Area, AreaFlags, Backing, KernelPages, Prot};
use crate::mem::space::Space;
use crate::signal::{Disposition, SigSet, Signal};
use crate::system::System;
use crate::task::{INFINITY, Pid, Process, Resource, RunState, Thread, Tid};
use crate::time::clock_ticks;

/// One entry.
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) perm: u16,
    pub(super) kind: EntryKind,
    /// Whether threads have it too.
    threads: bool,
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
    Link(Link),
    Text(Text),
}

/// The links of a process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Cwd,
    Root,
    Exe,
}

/// The texts of a process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    Auxv,
    Cgroup,
    Cmdline,
    Comm,
    Environ,
    Io,
    Limits,
    Maps,
    MountInfo,
    Mounts,
    OomScore,
    OomScoreAdj,
    Stat,
    Statm,
    Status,
    Wchan,
}

const fn made(name: &'static str, perm: u16, text: Text) -> Entry {
    Entry { name, perm, kind: EntryKind::Text(text), threads: true }
}

/// All entries, as they are listed.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { name: "task", perm: 0o555, kind: EntryKind::Threads, threads: false },
    Entry { name: "fd", perm: 0o500, kind: EntryKind::Descriptors, threads: true },
    Entry { name: "fdinfo", perm: 0o500, kind: EntryKind::DescriptorInfos, threads: true },
    made("environ", 0o400, Text::Environ),
    made("auxv", 0o400, Text::Auxv),
    made("status", 0o444, Text::Status),
    made("limits", 0o444, Text::Limits),
    made("comm", 0o644, Text::Comm),
    made("cmdline", 0o444, Text::Cmdline),
    made("stat", 0o444, Text::Stat),
    made("statm", 0o444, Text::Statm),
    made("maps", 0o444, Text::Maps),
    Entry { name: "cwd", perm: 0o777, kind: EntryKind::Link(Link::Cwd), threads: true },
    Entry { name: "root", perm: 0o777, kind: EntryKind::Link(Link::Root), threads: true },
    Entry { name: "exe", perm: 0o777, kind: EntryKind::Link(Link::Exe), threads: true },
    made("mounts", 0o444, Text::Mounts),
    made("mountinfo", 0o444, Text::MountInfo),
    made("wchan", 0o444, Text::Wchan),
    made("cgroup", 0o444, Text::Cgroup),
    made("oom_score", 0o444, Text::OomScore),
    made("oom_score_adj", 0o444, Text::OomScoreAdj),
    made("io", 0o400, Text::Io),
];

impl Entry {
    /// Whether this directory has it.
    pub(super) fn is_in(&self, owner: Owner) -> bool {
        self.threads || owner.tid.is_none()
    }
}

/// The program that a process runs: the file its code is mapped from.
pub(super) fn program_of(view: &View<'_>, process: &Process) -> Option<FileId> {
    let space = view.spaces.get(process.space)?;
    let code = space.marks().code_start;
    let area = space.areas().find(code)?;
    match area.backing {
        Backing::File { file, .. } => Some(file),
        _ => None,
    }
}

/// Makes a text, or the part of it from `from` on: 0, or what the part before came with.
///
/// # Errors
/// `ESRCH` when the process is gone; `EACCES` for another user's memory.
pub(super) fn text(
    sys: &mut System,
    owner: Owner,
    caller: Option<(Pid, Tid)>,
    which: Text,
    from: u64,
) -> Result<(Vec<u8>, Option<u64>)> {
    // Without a caller it is the application that reads, which sees everything from the top.
    let root = match caller {
        Some((pid, tid)) => {
            let parts = sys.parts(pid, tid)?;
            let process = find(&parts.who.view, owner).map_err(|_| Errno::ESRCH)?;
            if matches!(which, Text::Environ | Text::Auxv | Text::Io) {
                super::check_inside(&parts.who.view, process)?;
            }
            parts.who.root
        }
        None => sys.fs.root(),
    };
    let zombie = sys.tasks.process(owner.pid).ok_or(Errno::ESRCH)?.is_zombie();
    let whole = match which {
        Text::Auxv => memory(sys, owner.pid, |space| space.marks().auxiliary),
        Text::Environ => memory(sys, owner.pid, |space| space.marks().environment),
        Text::Cmdline if zombie => Vec::new(),
        Text::Cmdline => memory(sys, owner.pid, |space| space.marks().arguments),
        Text::Cgroup => b"0::/\n".to_vec(),
        Text::Comm => [name(sys, owner), b"\n".to_vec()].concat(),
        Text::Io => b"rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n".to_vec(),
        Text::Limits => limits(sys, owner.pid),
        Text::Maps => return Ok(maps(sys, owner.pid, root, from)),
        Text::MountInfo => mount_info(sys, root),
        Text::Mounts => mounts(sys, root),
        Text::OomScore | Text::OomScoreAdj => b"0\n".to_vec(),
        Text::Stat => stat(sys, owner),
        Text::Statm => statm(sys, owner.pid),
        Text::Status => status(sys, owner),
        Text::Wchan => b"0".to_vec(),
    };
    Ok((whole, None))
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
    match thread(sys, owner) {
        Some(thread) => thread.name.as_bytes().to_vec(),
        // Without a thread it is the kernel's own first process, or one that ended.
        None if sys.tasks.process(owner.pid).is_some_and(|process| process.parent.is_none()) => {
            b"init".to_vec()
        }
        None => b"-".to_vec(),
    }
}

/// State letter and word, as `status` shows them.
fn state(sys: &System, owner: Owner) -> (char, &'static str) {
    let Some(process) = sys.tasks.process(owner.pid) else { return ('X', "dead") };
    if process.is_zombie() {
        return ('Z', "zombie");
    }
    if process.stopped.is_some() {
        return ('T', "stopped");
    }
    match thread(sys, owner).map(|thread| thread.state) {
        Some(RunState::Runnable | RunState::Running(_)) => ('R', "running"),
        Some(RunState::Stopped) => ('T', "stopped"),
        _ => ('S', "sleeping"),
    }
}

/// Pages: size, resident, shared, code, data and stack.
fn pages(sys: &System, pid: Pid) -> [u64; 5] {
    let Some(space) = space(sys, pid) else { return [0; 5] };
    let resident = space.resident();
    let marks = space.marks();
    let code = marks.code_end.saturating_sub(marks.code_start).div_ceil(PAGE_SIZE);
    let (size, data) = (space.areas().total() / PAGE_SIZE, space.areas().data() / PAGE_SIZE);
    [size, resident.anonymous + resident.shared, resident.shared, code, data]
}

fn statm(sys: &System, pid: Pid) -> Vec<u8> {
    let [size, resident, shared, code, data] = pages(sys, pid);
    format!("{size} {resident} {shared} {code} 0 {data} 0\n").into_bytes()
}

/// Signals: pending for the thread, for the process, blocked, ignored, caught.
fn signals(sys: &System, owner: Owner) -> [SigSet; 5] {
    let mut sets = [SigSet::EMPTY; 5];
    if let Some(thread) = thread(sys, owner) {
        sets[0] = thread.signals.pending.pending();
        sets[2] = thread.signals.mask;
    }
    if let Some(process) = sys.tasks.process(owner.pid) {
        sets[1] = process.signals.pending.pending();
        for signal in (1..=crate::signal::SIGNALS).filter_map(Signal::new) {
            match process.signals.actions.get(signal).disposition {
                Disposition::Default => {}
                Disposition::Ignore => sets[3].insert(signal),
                Disposition::Handler(_) => sets[4].insert(signal),
            }
        }
    }
    sets
}

/// The controlling terminal's device number and foreground group; flags are the kernel's own.
fn terminal(sys: &System, process: &Process) -> String {
    match process.terminal.and_then(|id| Some((id, sys.fs.terminals.get(id).ok()?))) {
        Some((id, pty)) => {
            format!("{} {} 0", id.device_number(), pty.group.map_or(-1, |group| i64::from(group.get())))
        }
        None => "0 -1 0".to_owned(),
    }
}

fn stat(sys: &System, owner: Owner) -> Vec<u8> {
    let Some(process) = sys.tasks.process(owner.pid) else { return Vec::new() };
    let now = sys.now.monotonic;
    let threads = || process.threads.iter().filter_map(|tid| sys.tasks.thread(*tid));
    let own = |thread: &Thread| thread.cpu_time(now);
    let (cpu, faults) = match owner.tid {
        Some(_) => thread(sys, owner).map_or((0, 0), |thread| (own(thread), thread.usage.minor_faults)),
        None => (
            process.usage.cpu + threads().map(own).sum::<u64>(),
            process.usage.minor_faults + threads().map(|thread| thread.usage.minor_faults).sum::<u64>(),
        ),
    };
    let [size, resident, ..] = pages(sys, owner.pid);
    let marks = space(sys, owner.pid).map(Space::marks).unwrap_or_default();
    let [pending, shared, blocked, ignored, caught] = signals(sys, owner);
    let started = thread(sys, owner).map_or(process.started, |thread| thread.started);
    let exit_signal = process.exit_signal.map_or(0, |signal| i32::from(signal.number()));
    let fields = [
        owner.thread().get().to_string(),
        format!("({})", String::from_utf8_lossy(&name(sys, owner))),
        state(sys, owner).0.to_string(),
        process.parent.map_or(0, Pid::get).to_string(),
        process.group.get().to_string(),
        process.session.get().to_string(),
        terminal(sys, process),
        format!("{faults} {} 0 0", process.children_usage.minor_faults),
        format!("{} 0 {} 0", clock_ticks(cpu), clock_ticks(process.children_usage.cpu)),
        format!("{} {}", 20 + i32::from(process.nice), process.nice),
        process.threads.len().to_string(),
        "0".to_owned(),
        clock_ticks(started.saturating_sub(sys.boot.monotonic)).to_string(),
        format!("{} {resident} {}", size * PAGE_SIZE, process.rlimits.soft(Resource::ResidentSet)),
        format!("{} {} {} 0 0", marks.code_start, marks.code_end, marks.stack_start),
        // Old programs read these; as many bits as fit 31.
        [pending.union(shared), blocked, ignored, caught]
            .map(|set| (set.bits() & 0x7fff_ffff).to_string())
            .join(" "),
        format!("0 0 0 {exit_signal} 0 0 0 0 0 0"),
        format!("{} {} {}", marks.heap_start, marks.heap_start, marks.heap_start),
        format!(
            "{} {} {} {} 0",
            marks.arguments.0, marks.arguments.1, marks.environment.0, marks.environment.1
        ),
    ];
    (fields.join(" ") + "\n").into_bytes()
}

fn status(sys: &System, owner: Owner) -> Vec<u8> {
    let Some(process) = sys.tasks.process(owner.pid) else { return Vec::new() };
    let (letter, word) = state(sys, owner);
    let creds = &process.creds;
    let context = process.fs_context.and_then(|context| sys.fs.umask(context).ok());
    let fd_size = process.fd_table.and_then(|table| Some(sys.fs.table(table).ok()?.size())).unwrap_or(0);
    let groups: String = creds.groups.iter().map(|group| format!("{group} ")).collect();
    let mut text = format!("Name:\t{}\n", String::from_utf8_lossy(&name(sys, owner)));
    if let Some(umask) = context {
        text += &format!("Umask:\t{umask:04o}\n");
    }
    text += &format!(
        "State:\t{letter} ({word})\nTgid:\t{}\nNgid:\t0\nPid:\t{}\nPPid:\t{}\nTracerPid:\t0\n",
        process.pid.get(),
        owner.thread().get(),
        process.parent.map_or(0, Pid::get)
    );
    text += &format!("Uid:\t{}\t{}\t{}\t{}\n", creds.uid, creds.euid, creds.suid, creds.fsuid);
    text += &format!("Gid:\t{}\t{}\t{}\t{}\n", creds.gid, creds.egid, creds.sgid, creds.fsgid);
    text += &format!("FDSize:\t{fd_size}\nGroups:\t{groups}\n");
    if !process.is_zombie()
        && let Some(space) = space(sys, owner.pid)
    {
        let [size, resident, shared, code, data] = pages(sys, owner.pid);
        let stack = space.areas().find(space.marks().stack_start);
        let stack = stack.filter(|area| area.flags.contains(AreaFlags::STACK)).map_or(0, Area::len);
        let rows = [
            ("VmPeak", size),
            ("VmSize", size),
            ("VmLck", 0),
            ("VmPin", 0),
            ("VmHWM", resident),
            ("VmRSS", resident),
            ("RssAnon", resident.saturating_sub(shared)),
            ("RssFile", shared),
            ("RssShmem", 0),
            ("VmData", data),
            ("VmStk", stack / PAGE_SIZE),
            ("VmExe", code),
            ("VmLib", 0),
            ("VmPTE", 0),
            ("VmSwap", 0),
        ];
        for (name, pages) in rows {
            text += &format!("{name}:\t{:>8} kB\n", pages * (PAGE_SIZE >> 10));
        }
    }
    let [pending, shared, blocked, ignored, caught] = signals(sys, owner).map(SigSet::bits);
    text += &format!(
        "Threads:\t{}\nSigQ:\t{}/{}\nSigPnd:\t{pending:016x}\nShdPnd:\t{shared:016x}\nSigBlk:\t{blocked:016x}\n\
         SigIgn:\t{ignored:016x}\nSigCgt:\t{caught:016x}\n",
        process.threads.len(),
        process.signals.pending.len(),
        process.rlimits.soft(Resource::PendingSignals),
    );
    text += &format!(
        "CapInh:\t{:016x}\nCapPrm:\t{:016x}\nCapEff:\t{:016x}\nCapBnd:\t{:016x}\nCapAmb:\t{:016x}\n",
        creds.inheritable.0, creds.permitted.0, creds.effective.0, creds.bounding.0, creds.ambient.0
    );
    let workers = sys.workers.len();
    let all = if workers >= 64 { u64::MAX } else { (1 << workers) - 1 };
    let mask = thread(sys, owner).and_then(|thread| thread.scheduling.affinity).unwrap_or(all);
    let usage = thread(sys, owner).map(|thread| thread.usage).unwrap_or_default();
    text += &format!(
        "NoNewPrivs:\t{}\nSeccomp:\t0\nCpus_allowed:\t{mask:x}\nCpus_allowed_list:\t{}\nMems_allowed:\t1\n\
         Mems_allowed_list:\t0\nvoluntary_ctxt_switches:\t{}\nnonvoluntary_ctxt_switches:\t{}\n",
        u8::from(process.no_new_privs),
        bit_list(mask),
        usage.voluntary_switches,
        usage.involuntary_switches
    );
    text.into_bytes()
}

/// Areas that one part of `maps` tells of.
const MAPS_PART: usize = 16;

fn maps(sys: &System, pid: Pid, root: Location, from: u64) -> (Vec<u8>, Option<u64>) {
    /// Where the name begins in a line (`show_map_vma` in Linux).
    const NAME_COLUMN: usize = 73;
    let Some(space) = space(sys, pid) else { return (Vec::new(), None) };
    let mut text = Vec::new();
    for (number, area) in space.areas().overlapping(from..u64::MAX).enumerate() {
        if number == MAPS_PART {
            return (text, Some(area.start));
        }
        let flag = |prot, letter| if area.prot.contains(prot) { letter } else { '-' };
        let (offset, dev, ino, name) = match area.backing {
            Backing::File { file, page, .. } => {
                let at = sys.fs.file(file).map(|file| file.at).ok();
                let ino = at.and_then(|at| sys.fs.attr(at).ok()).map_or(0, |attr| attr.ino);
                let dev = at.map_or(0, |at| sys.fs.dev_minor(at));
                (
                    page * PAGE_SIZE,
                    dev,
                    ino,
                    at.and_then(|at| sys.fs.shown_path(root, at).ok()).unwrap_or_default(),
                )
            }
            Backing::Kernel { pages: KernelPages::Vdso, .. } => (0, 0, 0, b"[vdso]".to_vec()),
            Backing::Kernel { pages: KernelPages::Vvar, .. } => (0, 0, 0, b"[vvar]".to_vec()),
            Backing::Shared { object, page } => match sys.segment_name(object) {
                Some((id, name)) => (page * PAGE_SIZE, 1, id, name),
                None => (page * PAGE_SIZE, 1, 1, b"/dev/zero (deleted)".to_vec()),
            },
            Backing::Anonymous if area.flags.contains(AreaFlags::HEAP) => (0, 0, 0, b"[heap]".to_vec()),
            Backing::Anonymous if area.flags.contains(AreaFlags::STACK) => (0, 0, 0, b"[stack]".to_vec()),
            Backing::Anonymous => (0, 0, 0, Vec::new()),
        };
        let line = format!(
            "{:08x}-{:08x} {}{}{}{} {offset:08x} {:02x}:{dev:02x} {ino} ",
            area.start,
            area.end,
            flag(Prot::READ, 'r'),
            if area.prot.contains(Prot::WRITE) { 'w' } else { '-' },
            flag(Prot::EXEC, 'x'),
            if area.is_shared() { 's' } else { 'p' },
            0
        );
        text.extend_from_slice(line.as_bytes());
        if !name.is_empty() {
            text.extend(core::iter::repeat_n(b' ', NAME_COLUMN.saturating_sub(line.len())));
            text.extend_from_slice(&name);
        }
        text.push(b'\n');
    }
    (text, None)
}

fn limits(sys: &System, pid: Pid) -> Vec<u8> {
    const ROWS: [(&str, Resource, &str); 16] = [
        ("Max cpu time", Resource::Cpu, "seconds"),
        ("Max file size", Resource::FileSize, "bytes"),
        ("Max data size", Resource::Data, "bytes"),
        ("Max stack size", Resource::Stack, "bytes"),
        ("Max core file size", Resource::Core, "bytes"),
        ("Max resident set", Resource::ResidentSet, "bytes"),
        ("Max processes", Resource::Processes, "processes"),
        ("Max open files", Resource::Descriptors, "files"),
        ("Max locked memory", Resource::LockedMemory, "bytes"),
        ("Max address space", Resource::AddressSpace, "bytes"),
        ("Max file locks", Resource::Locks, "locks"),
        ("Max pending signals", Resource::PendingSignals, "signals"),
        ("Max msgqueue size", Resource::MessageQueues, "bytes"),
        ("Max nice priority", Resource::Nice, ""),
        ("Max realtime priority", Resource::RealtimePriority, ""),
        ("Max realtime timeout", Resource::RealtimeTime, "us"),
    ];
    let Some(process) = sys.tasks.process(pid) else { return Vec::new() };
    let shown = |value: u64| if value == INFINITY { "unlimited".to_owned() } else { value.to_string() };
    let mut text = format!("{:<25} {:<20} {:<20} {:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (name, resource, unit) in ROWS {
        let limit = process.rlimits.get(resource);
        text += &format!("{name:<25} {:<20} {:<20} {unit:<10}\n", shown(limit.soft), shown(limit.hard));
    }
    text.into_bytes()
}

/// A path with what separates fields written in octal (`getmntent(3)`).
fn escaped(path: &[u8]) -> String {
    path.iter()
        .map(|&byte| match byte {
            b' ' | b'\t' | b'\n' | b'\\' | b'#' => format!("\\{byte:03o}"),
            byte => char::from(byte).to_string(),
        })
        .collect()
}

/// The mounts that can be seen from a root: id, its parent's id, device, where, type, source and options.
fn seen_mounts(
    sys: &System,
    root: Location,
) -> Vec<(u32, u32, u32, String, &'static str, String, &'static str)> {
    let fs = &sys.fs;
    fs.mounts()
        .filter_map(|(id, mount)| {
            let at = Location { mount: id, node: mount.root };
            let is_top = at == fs.root();
            if mount.covers.is_none() && !is_top {
                return None;
            }
            let path = fs.path_from(root, at).ok()??;
            let options = if mount.read_only { "ro" } else { "rw" };
            let parent = mount.covers.map_or(id.0, |covers| covers.mount.0);
            Some((
                id.0,
                parent,
                fs.dev_minor(at),
                escaped(&path),
                fs.type_name(at),
                mount.source.clone(),
                options,
            ))
        })
        .collect()
}

fn mounts(sys: &System, root: Location) -> Vec<u8> {
    let line =
        |(_, _, _, path, kind, source, options)| format!("{source} {path} {kind} {options},relatime 0 0\n");
    seen_mounts(sys, root).into_iter().map(line).collect::<String>().into_bytes()
}

fn mount_info(sys: &System, root: Location) -> Vec<u8> {
    let line = |(id, parent, minor, path, kind, source, options)| {
        format!("{id} {parent} 0:{minor} / {path} {options},relatime - {kind} {source} {options}\n")
    };
    seen_mounts(sys, root).into_iter().map(line).collect::<String>().into_bytes()
}

/// A set of numbers as the kernel lists it: `0-2,5`.
fn bit_list(mask: u64) -> String {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < u64::BITS {
        let run = (mask >> at).trailing_ones();
        match run {
            0 => {}
            1 => parts.push(at.to_string()),
            run => parts.push(format!("{at}-{}", at + run - 1)),
        }
        at += run.max(1);
    }
    parts.join(",")
}

impl System {
    /// The text of `/proc/PID/fdinfo/FD`.
    pub(super) fn descriptor_info(&self, owner: Owner, fd: u16) -> Result<Vec<u8>> {
        let process = self.tasks.process(owner.pid).ok_or(Errno::ESRCH)?;
        let table = self.fs.table(process.fd_table.ok_or(Errno::ESRCH)?)?;
        let slot = table.get(Fd::new(fd.into())?).map_err(|_| Errno::ENOENT)?;
        let file = self.fs.file(slot.file)?;
        let close_on_exec = if slot.close_on_exec { OpenFlags::CLOSE_ON_EXEC } else { OpenFlags(0) };
        let flags = file.flags.shown().with(close_on_exec);
        let ino = self.fs.attr(file.at).map_or(0, |attr| attr.ino);
        let mut text = format!(
            "pos:\t{}\nflags:\t{:07o}\nmnt_id:\t{}\nino:\t{ino}\n",
            file.position, flags.0, file.at.mount.0
        );
        if let FileKind::Counter(counter) = &file.kind {
            text += &format!("eventfd-count: {:16x}\n", counter.count());
        }
        if let FileKind::Inotify(inotify) = &file.kind {
            for (id, watch) in inotify.watches() {
                text += &self.fs.watch_line(id, watch);
            }
        }
        Ok(text.into_bytes())
    }
}
