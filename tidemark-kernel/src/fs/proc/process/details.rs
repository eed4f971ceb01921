//! A process's shorter texts: limits, I/O, timers, scheduling, what it waits for.

use super::super::{Owner, check_inside};
use super::{name, space, thread};
use crate::addr::PAGE_SIZE;
use crate::errno::{Errno, Result};
use crate::syscall::table;
use crate::system::System;
use crate::task::{INFINITY, Notify, Pid, Process, Resource, RunState, Tid, TimerClock, Usage};
use crate::time::Nanos;

/// What a thread, or a process with all its threads, used up to now.
pub(super) fn usage(sys: &System, owner: Owner) -> Usage {
    let now = sys.now.monotonic;
    let until_now = |tid: &Tid| {
        let thread = sys.tasks.thread(*tid);
        thread.map(|thread| thread.used(now)).unwrap_or_default()
    };
    match (owner.tid, sys.tasks.process(owner.pid)) {
        (Some(tid), _) => until_now(&tid),
        (None, Some(process)) => process.threads.iter().map(until_now).fold(process.usage, |mut sum, one| {
            sum.add(&one);
            sum
        }),
        (None, None) => Usage::default(),
    }
}

/// The nice value of a thread, or of a process's first.
pub(super) fn nice(sys: &System, owner: Owner, process: &Process) -> i8 {
    let thread = owner.tid.and_then(|tid| sys.tasks.thread(tid));
    thread.map_or_else(|| process.nice(&sys.tasks), |thread| thread.scheduling.nice)
}

/// `children` (`proc_tid_children(5)`). A child is its process's, whichever thread made it.
pub(super) fn children(process: &Process, owner: Owner) -> Vec<u8> {
    if owner.tid != Some(process.pid.0) {
        return Vec::new();
    }
    process.children.iter().map(|child| format!("{} ", child.get())).collect::<String>().into_bytes()
}

pub(super) fn io(sys: &System, owner: Owner) -> Vec<u8> {
    let io = usage(sys, owner).io;
    format!(
        "rchar: {}\nwchar: {}\nsyscr: {}\nsyscw: {}\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n",
        io.read_bytes, io.written_bytes, io.reads, io.writes
    )
    .into_bytes()
}

pub(super) fn limits(process: &Process) -> Vec<u8> {
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
    let shown = |value: u64| if value == INFINITY { "unlimited".to_owned() } else { value.to_string() };
    let mut text = format!("{:<25} {:<20} {:<20} {:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (name, resource, unit) in ROWS {
        let limit = process.rlimits.get(resource);
        text += &format!("{name:<25} {:<20} {:<20} {unit:<10}\n", shown(limit.soft), shown(limit.hard));
    }
    text.into_bytes()
}

/// How likely Linux would end it to have memory again (`oom_badness`): 0 to 1333, two thirds of the way for a small one.
pub(super) fn oom_score(sys: &System, process: &Process) -> Vec<u8> {
    const NEVER: i16 = -1000;
    const POINTS: i64 = 1000;
    let adjustment = process.kept.oom_score_adj;
    if adjustment == NEVER || process.parent.is_none() {
        return b"0\n".to_vec();
    }
    let total = (sys.mem.frames.usage().budget / PAGE_SIZE).max(1) as i64;
    let resident = space(sys, process.pid).map_or(0, |space| {
        let resident = space.resident();
        (resident.anonymous + resident.shared) as i64
    });
    let badness = resident + i64::from(adjustment) * (total / POINTS);
    let score = (POINTS + badness.saturating_mul(POINTS) / total) * 2 / 3;
    format!("{}\n", score.max(0)).into_bytes()
}

pub(super) fn coredump_filter(process: &Process) -> Vec<u8> {
    format!("{:08x}\n", process.kept.coredump_filter).into_bytes()
}

/// A number as C writes it: decimal, octal or hexadecimal.
///
/// # Errors
/// `EINVAL`.
pub(super) fn parse_filter(bytes: &[u8]) -> Result<u32> {
    /// The kinds of mappings that there are bits for (`core(5)`).
    const KNOWN: u32 = 0x1ff;
    let text = core::str::from_utf8(bytes).map_err(|_| Errno::EINVAL)?.trim();
    let value = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None if text.starts_with('0') => u32::from_str_radix(text, 8),
        None => text.parse(),
    };
    value.map(|value| value & KNOWN).map_err(|_| Errno::EINVAL)
}

/// The clocks are whole nanoseconds; Linux shows milliseconds with their fraction.
fn millis(nanos: Nanos) -> String {
    format!("{}.{:06}", nanos / 1_000_000, nanos % 1_000_000)
}

pub(super) fn sched(sys: &System, owner: Owner) -> Vec<u8> {
    /// Of a process of normal priority (`sched(7)`): its static priority.
    const NORMAL: i32 = 120;
    let Some(process) = sys.tasks.process(owner.pid) else { return Vec::new() };
    let usage = usage(sys, owner);
    let title = format!(
        "{} ({}, #threads: {})\n",
        String::from_utf8_lossy(&name(sys, owner)),
        owner.thread().get(),
        process.threads.len().max(1)
    );
    let rows = [
        ("se.exec_start", millis(sys.now.monotonic.saturating_sub(sys.boot.monotonic))),
        ("se.sum_exec_runtime", millis(usage.cpu)),
        ("nr_switches", (usage.voluntary_switches + usage.involuntary_switches).to_string()),
        ("nr_voluntary_switches", usage.voluntary_switches.to_string()),
        ("nr_involuntary_switches", usage.involuntary_switches.to_string()),
        ("policy", "0".to_owned()),
        ("prio", (NORMAL + i32::from(nice(sys, owner, process))).to_string()),
    ];
    let rows = rows.map(|(name, value)| format!("{name:<45}:{value:>21}\n"));
    format!("{title}{}\n{}", "-".repeat(67), rows.concat()).into_bytes()
}

/// Nanoseconds on a processor, nanoseconds waiting for one (not kept), and turns.
pub(super) fn sched_stat(sys: &System, owner: Owner) -> Vec<u8> {
    let usage = usage(sys, Owner { tid: Some(owner.thread()), ..owner });
    let turns = usage.voluntary_switches + usage.involuntary_switches + 1;
    format!("{} 0 {turns}\n", usage.cpu).into_bytes()
}

/// The call that a thread waits in, its arguments, stack pointer and program counter.
pub(super) fn syscall(sys: &System, owner: Owner) -> Vec<u8> {
    /// `x2`
    const STACK_POINTER: usize = 2;
    let Some(thread) = thread(sys, owner) else { return b"0 0x0 0x0\n".to_vec() };
    match (&thread.parked, &thread.hart) {
        (Some(parked), Some(hart)) if thread.state == RunState::Parked => {
            let args: String = parked.args.iter().map(|arg| format!(" {arg:#x}")).collect();
            format!("{}{args} {:#x} {:#x}\n", parked.number, hart.x(STACK_POINTER), hart.pc()).into_bytes()
        }
        (_, Some(hart)) if thread.state == RunState::Stopped => {
            format!("-1 {:#x} {:#x}\n", hart.x(STACK_POINTER), hart.pc()).into_bytes()
        }
        _ => b"running\n".to_vec(),
    }
}

/// Where in Linux a thread would wait that waits as this one does: what `ps -l` shows.
pub(super) fn wchan(sys: &System, owner: Owner, caller: Option<(Pid, Tid)>) -> String {
    let Some(process) = sys.tasks.process(owner.pid) else { return "0".to_owned() };
    let Some(thread) = thread(sys, owner) else { return "0".to_owned() };
    if check_inside(&sys.view(caller), process).is_err() {
        return "0".to_owned();
    }
    if thread.state == RunState::Stopped {
        return "do_signal_stop".to_owned();
    }
    let Some(parked) = thread.parked.as_ref().filter(|_| thread.state == RunState::Parked) else {
        return "0".to_owned();
    };
    let call = table::row(parked.number).map_or("0", |row| row.name);
    match call {
        "wait4" | "waitid" => "do_wait",
        "nanosleep" => "hrtimer_nanosleep",
        "clock_nanosleep" => "hrtimer_nanosleep",
        "ppoll" => "poll_schedule_timeout",
        "pselect6" => "do_select",
        "epoll_pwait" | "epoll_pwait2" => "ep_poll",
        "futex" | "futex_waitv" => "futex_wait_queue",
        "rt_sigsuspend" => "sigsuspend",
        "rt_sigtimedwait" => "do_sigtimedwait",
        "read" | "readv" => "wait_woken",
        "write" | "writev" => "pipe_write",
        "accept" | "accept4" => "inet_csk_accept",
        "clone" | "clone3" => "kernel_clone",
        other => other,
    }
    .to_owned()
}

pub(super) fn timers(process: &Process) -> Vec<u8> {
    let mut text = String::new();
    for (id, timer) in process.timers.all() {
        let (signal, how, target) = match timer.notify {
            Notify::None => (0, "none/pid", process.pid.get()),
            Notify::Process(signal) => (signal.number(), "signal/pid", process.pid.get()),
            Notify::Thread(signal, tid) => (signal.number(), "signal/tid", tid.get()),
        };
        let clock = match timer.clock {
            TimerClock::Clock(clock) => clock.number(),
            TimerClock::ProcessCpu => 2,
            TimerClock::ThreadCpu(_) => 3,
        };
        text += &format!(
            "ID: {id}\nsignal: {signal}/{:016x}\nnotify: {how}.{target}\nClockID: {clock}\n",
            timer.value
        );
    }
    text.into_bytes()
}
