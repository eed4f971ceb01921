//! What a process is and does: `stat`, `statm`, `status` (`proc_pid_stat(5)` and its neighbours).

use super::super::{Owner, check_inside};
use super::details::{nice, usage};
use super::{name, space, thread};
use crate::addr::PAGE_SIZE;
use crate::mem::area::{Area, AreaFlags};
use crate::mem::space::{Marks, Space};
use crate::signal::{ChildChange, Disposition, SigSet, Signal};
use crate::system::System;
use crate::task::{INFINITY, Pid, Process, Resource, RunState, Thread, Tid};
use crate::time::clock_ticks;

/// State letter and word, as `status` shows them.
fn state(sys: &System, owner: Owner) -> (char, &'static str) {
    let Some(process) = sys.tasks.process(owner.pid) else { return ('X', "dead") };
    if process.is_zombie() {
        return ('Z', "zombie");
    }
    let traced = thread(sys, owner).is_some_and(|thread| thread.state == RunState::Traced);
    if process.stopped.is_some() && !traced {
        return ('T', "stopped");
    }
    match thread(sys, owner).map(|thread| (thread.state, thread.killable_only)) {
        Some((RunState::Runnable | RunState::Running(_), _)) => ('R', "running"),
        Some((RunState::Stopped, _)) => ('T', "stopped"),
        Some((RunState::Traced, _)) => ('t', "tracing stop"),
        Some((RunState::Parked, true)) => ('D', "disk sleep"),
        _ => ('S', "sleeping"),
    }
}

/// Sizes of an address space, in pages.
struct Pages {
    size: u64,
    resident: u64,
    /// Of the resident ones, those of files and shared memory.
    shared: u64,
    code: u64,
    data: u64,
    stack: u64,
}

fn pages(space: &Space) -> Pages {
    let (resident, marks) = (space.resident(), space.marks());
    let stack = space.areas().find(marks.stack_start);
    let stack = stack.filter(|area| area.flags.contains(AreaFlags::STACK)).map_or(0, Area::len) / PAGE_SIZE;
    Pages {
        size: space.areas().total() / PAGE_SIZE,
        resident: resident.anonymous + resident.shared,
        shared: resident.shared,
        code: marks.code_end.saturating_sub(marks.code_start).div_ceil(PAGE_SIZE),
        data: space.areas().data() / PAGE_SIZE,
        stack,
    }
}

pub(super) fn statm(sys: &System, pid: Pid) -> Vec<u8> {
    let Some(space) = space(sys, pid) else { return b"0 0 0 0 0 0 0\n".to_vec() };
    let Pages { size, resident, shared, code, data, stack } = pages(space);
    format!("{size} {resident} {shared} {code} 0 {} 0\n", data + stack).into_bytes()
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

/// The controlling terminal's device number and foreground group.
fn terminal(sys: &System, process: &Process) -> (u32, i64) {
    match process.terminal.and_then(|id| Some((id, sys.fs.terminals.get(id).ok()?))) {
        Some((id, pty)) => (id.device_number(), pty.group.map_or(-1, |group| group.get().into())),
        None => (0, -1),
    }
}

/// Flags of `linux/sched.h` that tools look at.
fn flags(process: &Process) -> u32 {
    const EXITING: u32 = 0x4;
    const FORKED_ONLY: u32 = 0x40;
    const KERNEL_THREAD: u32 = 0x20_0000;
    let set = |condition, flag| if condition { flag } else { 0 };
    set(process.is_zombie(), EXITING)
        | set(!process.execed, FORKED_ONLY)
        | set(process.parent.is_none() && process.fs_context.is_none(), KERNEL_THREAD)
}

/// Addresses that only who may look inside is told.
fn marks(sys: &System, owner: Owner, caller: Option<(Pid, Tid)>) -> Option<Marks> {
    let process = sys.tasks.process(owner.pid)?;
    check_inside(&sys.view(caller), process).ok()?;
    Some(space(sys, owner.pid)?.marks())
}

pub(super) fn stat(sys: &System, owner: Owner, caller: Option<(Pid, Tid)>) -> Vec<u8> {
    let Some(process) = sys.tasks.process(owner.pid) else { return Vec::new() };
    let own = usage(sys, owner);
    let children = process.children_usage;
    let (size, resident) =
        space(sys, owner.pid).map(pages).map_or((0, 0), |pages| (pages.size, pages.resident));
    let shown = marks(sys, owner, caller);
    let marks = shown.unwrap_or_default();
    // Linux tells others that there is code, no more (`do_task_stat`).
    let code = match (shown, size) {
        (None, 1..) => (1, 1),
        _ => (marks.code_start, marks.code_end),
    };
    let [pending, shared, blocked, ignored, caught] = signals(sys, owner);
    let started = thread(sys, owner).map_or(process.started, |thread| thread.started);
    let (device, foreground) = terminal(sys, process);
    let processor = match thread(sys, owner).map(|thread| thread.state) {
        Some(RunState::Running(worker)) => worker.0,
        _ => 0,
    };
    let waits = thread(sys, owner).is_some_and(|thread| thread.state == RunState::Parked);
    let resident_limit = match process.rlimits.soft(Resource::ResidentSet) {
        INFINITY => u64::MAX,
        limit => limit,
    };
    // A thread's own end is told to nobody; that of a first thread is its process's (`clone(2)`).
    let exit_signal = match owner.tid {
        Some(tid) if tid != owner.pid.0 => -1,
        _ => process.exit_signal.map_or(0, |signal| i32::from(signal.number())),
    };
    // Old programs read these; as many bits as fit 31.
    let sets = [pending.union(shared), blocked, ignored, caught]
        .map(|set| (set.bits() & 0x7fff_ffff).to_string())
        .join(" ");
    let nice = nice(sys, owner, process);
    let fields = [
        state(sys, owner).0.to_string(),
        process.parent.map_or(0, Pid::get).to_string(),
        format!("{} {}", process.group.get(), process.session.get()),
        format!("{device} {foreground} {}", flags(process)),
        format!("{} {} 0 0", own.minor_faults, children.minor_faults),
        [own.user, own.system(), children.user, children.system()]
            .map(|time| clock_ticks(time).to_string())
            .join(" "),
        format!("{} {nice}", 20 + i32::from(nice)),
        format!("{} 0", process.threads.len().max(1)),
        clock_ticks(started.saturating_sub(sys.boot.monotonic)).to_string(),
        format!("{} {resident} {resident_limit}", size * PAGE_SIZE),
        format!("{} {} {} 0 0", code.0, code.1, marks.stack_start),
        sets,
        format!("{} 0 0 {exit_signal} {processor} 0 0 0 0 0", u8::from(waits)),
        format!("{} {} {}", marks.code_end, marks.heap_start, marks.heap_start),
        format!(
            "{} {} {} {} {}",
            marks.arguments.0,
            marks.arguments.1,
            marks.environment.0,
            marks.environment.1,
            process.exiting.map_or(0, |status| ChildChange::from(status).wait_status())
        ),
    ];
    let mut text = format!("{} (", owner.thread().get()).into_bytes();
    text.extend_from_slice(&name(sys, owner));
    text.extend_from_slice(format!(") {}\n", fields.join(" ")).as_bytes());
    text
}

/// A name with what would end its line written as C does.
fn escaped(name: &[u8]) -> Vec<u8> {
    name.iter()
        .flat_map(|byte| match byte {
            b'\n' => b"\\n",
            b'\\' => b"\\\\",
            _ => core::slice::from_ref(byte),
        })
        .copied()
        .collect()
}

pub(super) fn status(sys: &System, owner: Owner) -> Vec<u8> {
    let Some(process) = sys.tasks.process(owner.pid) else { return Vec::new() };
    let mut text = b"Name:\t".to_vec();
    text.extend_from_slice(&escaped(&name(sys, owner)));
    let mut rest = String::from("\n");
    if let Some(umask) = process.fs_context.and_then(|context| sys.fs.umask(context).ok()) {
        rest += &format!("Umask:\t{umask:04o}\n");
    }
    rest += &identity(sys, owner, process);
    if !process.is_zombie()
        && let Some(space) = space(sys, owner.pid)
    {
        rest += &sizes(sys, process, space);
    }
    let [pending, shared, blocked, ignored, caught] = signals(sys, owner).map(SigSet::bits);
    rest += &format!(
        "Threads:\t{}\nSigQ:\t{}/{}\nSigPnd:\t{pending:016x}\nShdPnd:\t{shared:016x}\nSigBlk:\t{blocked:016x}\n\
         SigIgn:\t{ignored:016x}\nSigCgt:\t{caught:016x}\n",
        process.threads.len().max(1),
        process.signals.pending.len(),
        process.rlimits.soft(Resource::PendingSignals),
    );
    rest += &rights(sys, owner, process);
    text.extend_from_slice(rest.as_bytes());
    text
}

fn identity(sys: &System, owner: Owner, process: &Process) -> String {
    let (letter, word) = state(sys, owner);
    let creds = &process.creds;
    let (pid, tid) = (process.pid.get(), owner.thread().get());
    let (group, session) = (process.group.get(), process.session.get());
    let fd_size = process.fd_table.and_then(|table| Some(sys.fs.table(table).ok()?.size())).unwrap_or(0);
    let groups: String = creds.groups.iter().map(|group| format!("{group} ")).collect();
    let kernels = u8::from(process.parent.is_none() && process.fs_context.is_none());
    format!(
        "State:\t{letter} ({word})\nTgid:\t{pid}\nNgid:\t0\nPid:\t{tid}\nPPid:\t{}\nTracerPid:\t{}\n\
         Uid:\t{}\t{}\t{}\t{}\nGid:\t{}\t{}\t{}\t{}\nFDSize:\t{fd_size}\nGroups:\t{groups}\n\
         NStgid:\t{pid}\nNSpid:\t{tid}\nNSpgid:\t{group}\nNSsid:\t{session}\nKthread:\t{kernels}\n",
        process.parent.map_or(0, Pid::get),
        thread(sys, owner).and_then(Thread::tracer).map_or(0, Pid::get),
        creds.uid,
        creds.euid,
        creds.suid,
        creds.fsuid,
        creds.gid,
        creds.egid,
        creds.sgid,
        creds.fsgid,
    )
}

fn sizes(sys: &System, process: &Process, space: &Space) -> String {
    let Pages { size, resident, shared, code, data, stack } = pages(space);
    let peak = process.threads.iter().filter_map(|tid| sys.tasks.thread(*tid));
    let peak = peak.map(|thread: &Thread| thread.usage.peak_resident).max().unwrap_or(0);
    let most = (process.usage.peak_resident.max(peak) / PAGE_SIZE).max(resident);
    let locked: u64 = space
        .areas()
        .iter()
        .filter(|area| area.flags.contains(AreaFlags::LOCKED))
        .map(|area| area.len() / PAGE_SIZE)
        .sum();
    let rows = [
        ("VmPeak", size),
        ("VmSize", size),
        ("VmLck", locked),
        ("VmPin", 0),
        ("VmHWM", most),
        ("VmRSS", resident),
        ("RssAnon", resident.saturating_sub(shared)),
        ("RssFile", shared),
        ("RssShmem", 0),
        ("VmData", data),
        ("VmStk", stack),
        ("VmExe", code),
        ("VmLib", 0),
        ("VmPTE", 0),
        ("VmSwap", 0),
        ("HugetlbPages", 0),
    ];
    let rows = rows.map(|(name, pages)| format!("{name}:\t{:>8} kB\n", pages * (PAGE_SIZE >> 10)));
    rows.concat() + "CoreDumping:\t0\nTHP_enabled:\t0\n"
}

fn rights(sys: &System, owner: Owner, process: &Process) -> String {
    let creds = &process.creds;
    let usage = thread(sys, owner).map(|thread| thread.usage).unwrap_or_default();
    let workers = sys.workers.len();
    let all = if workers >= 64 { u64::MAX } else { (1 << workers) - 1 };
    let mask = thread(sys, owner).and_then(|thread| thread.scheduling.affinity).unwrap_or(all);
    let list = bit_list(mask);
    format!(
        "CapInh:\t{:016x}\nCapPrm:\t{:016x}\nCapEff:\t{:016x}\nCapBnd:\t{:016x}\nCapAmb:\t{:016x}\n\
         NoNewPrivs:\t{}\nSeccomp:\t0\nSeccomp_filters:\t0\nSpeculation_Store_Bypass:\tnot vulnerable\n\
         SpeculationIndirectBranch:\tunknown\nCpus_allowed:\t{mask:x}\nCpus_allowed_list:\t{list}\n\
         Mems_allowed:\t1\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t{}\n\
         nonvoluntary_ctxt_switches:\t{}\n",
        creds.inheritable.0,
        creds.permitted.0,
        creds.effective.0,
        creds.bounding.0,
        creds.ambient.0,
        u8::from(process.no_new_privs),
        usage.voluntary_switches,
        usage.involuntary_switches
    )
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
