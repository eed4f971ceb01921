//! Clocks and sleeping.

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::task::{Pid, Tid, TimerClock};
use crate::time::{Clock, Nanos, Timespec, Timeval, clock_ticks};
use crate::wait::{Entry, Events, Flow, Restart};

const CLOCK_REALTIME: i32 = 0;
const CLOCK_MONOTONIC: i32 = 1;
const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;
const CLOCK_THREAD_CPUTIME_ID: i32 = 3;
const CLOCK_MONOTONIC_RAW: i32 = 4;
const CLOCK_REALTIME_COARSE: i32 = 5;
const CLOCK_MONOTONIC_COARSE: i32 = 6;
const CLOCK_BOOTTIME: i32 = 7;
const CLOCK_REALTIME_ALARM: i32 = 8;
const CLOCK_BOOTTIME_ALARM: i32 = 9;
const CLOCK_TAI: i32 = 11;

/// Nanoseconds that the coarse clocks step by: a jiffy at 250 Hz, as Debian's kernel has it.
const COARSE_STEP: Nanos = 4_000_000;

/// A clock id that was understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ClockId {
    /// A clock that runs by itself.
    Clock(Clock),
    /// `CLOCK_MONOTONIC_RAW`: nothing can wait for it.
    Raw,
    /// Likewise, read in steps of [`COARSE_STEP`]; nothing can wait for it.
    Coarse(Clock),
    /// CPU time of a process.
    Process(Pid),
    /// CPU time of a thread.
    Thread(Tid),
}

impl ClockId {
    /// Decodes a clock id. Negative ones name a process or thread: `~id << 3 | kind` (`clock_getcpuclockid(3)`).
    pub(super) fn new(cx: &Cx<'_>, raw: i32) -> Result<ClockId> {
        Ok(match raw {
            CLOCK_REALTIME | CLOCK_REALTIME_ALARM | CLOCK_TAI => ClockId::Clock(Clock::Realtime),
            CLOCK_MONOTONIC | CLOCK_BOOTTIME | CLOCK_BOOTTIME_ALARM => ClockId::Clock(Clock::Monotonic),
            CLOCK_MONOTONIC_RAW => ClockId::Raw,
            CLOCK_REALTIME_COARSE => ClockId::Coarse(Clock::Realtime),
            CLOCK_MONOTONIC_COARSE => ClockId::Coarse(Clock::Monotonic),
            CLOCK_PROCESS_CPUTIME_ID => ClockId::Process(cx.pid),
            CLOCK_THREAD_CPUTIME_ID => ClockId::Thread(cx.tid),
            raw if raw < 0 => {
                const THREAD: i32 = 4;
                const KIND: i32 = 3;
                if raw & KIND > 2 {
                    return Err(Errno::EINVAL);
                }
                let id = u32::try_from(!(raw >> 3)).map_err(|_| Errno::EINVAL)?;
                if raw & THREAD != 0 {
                    let tid = if id == 0 { cx.tid } else { Tid::new(id).ok_or(Errno::EINVAL)? };
                    let thread = cx.sys.tasks.thread(tid).ok_or(Errno::EINVAL)?;
                    if thread.pid != cx.pid {
                        return Err(Errno::EINVAL);
                    }
                    ClockId::Thread(tid)
                } else {
                    let pid = if id == 0 { cx.pid } else { Pid(Tid::new(id).ok_or(Errno::EINVAL)?) };
                    cx.sys.tasks.process(pid).ok_or(Errno::EINVAL)?;
                    ClockId::Process(pid)
                }
            }
            _ => return Err(Errno::EINVAL),
        })
    }

    fn read(self, cx: &Cx<'_>) -> Result<Nanos> {
        Ok(match self {
            ClockId::Clock(clock) => clock.read(cx.now()),
            ClockId::Raw => Clock::Monotonic.read(cx.now()),
            ClockId::Coarse(clock) => clock.read(cx.now()),
            ClockId::Process(pid) => {
                let process = cx.sys.tasks.process(pid).ok_or(Errno::EINVAL)?;
                cx.sys.process_cpu_time(process)
            }
            ClockId::Thread(tid) => {
                cx.sys.tasks.thread(tid).ok_or(Errno::EINVAL)?.cpu_time(cx.now().monotonic)
            }
        })
    }
}

/// `clock_gettime(2)`.
pub fn clock_gettime(cx: &mut Cx<'_>, clockid: i32, tp: GuestAddr) -> SysResult {
    let now = ClockId::new(cx, clockid)?.read(cx)?;
    cx.write_pod(tp, &Timespec::new(now))?;
    Ok(Flow::Done(0))
}

/// `clock_getres(2)`.
pub fn clock_getres(cx: &mut Cx<'_>, clockid: i32, res: GuestAddr) -> SysResult {
    let step = match ClockId::new(cx, clockid)? {
        ClockId::Coarse(_) => COARSE_STEP,
        _ => 1,
    };
    if !res.is_null() {
        cx.write_pod(res, &Timespec::new(step))?;
    }
    Ok(Flow::Done(0))
}

/// `gettimeofday(2)`. The time zone is UTC.
pub fn gettimeofday(cx: &mut Cx<'_>, tv: GuestAddr, tz: GuestAddr) -> SysResult {
    if !tv.is_null() {
        let now = cx.now().realtime;
        cx.write_pod(tv, &Timeval::new(now))?;
    }
    if !tz.is_null() {
        cx.write_pod(tz, &[0u32; 2])?;
    }
    Ok(Flow::Done(0))
}

/// `nanosleep(2)`.
pub fn nanosleep(cx: &mut Cx<'_>, req: GuestAddr, rem: GuestAddr) -> SysResult {
    if cx.entry == Entry::First {
        let span = cx.read_pod::<Timespec>(req)?.nanos()?;
        cx.deadline_after(span);
    }
    sleep(cx, Some(rem))
}

const TIMER_ABSTIME: i32 = 1;

/// `clock_nanosleep(2)`.
pub fn clock_nanosleep(
    cx: &mut Cx<'_>,
    clockid: i32,
    flags: i32,
    req: GuestAddr,
    rem: GuestAddr,
) -> SysResult {
    let absolute = flags & TIMER_ABSTIME != 0;
    let clock = ClockId::new(cx, clockid)?;
    if let ClockId::Process(_) | ClockId::Thread(_) = clock {
        return sleep_on_cpu_time(cx, clock, absolute, req, rem);
    }
    if cx.entry == Entry::First {
        let ClockId::Clock(clock) = clock else { return Err(Errno::EOPNOTSUPP) };
        let time = cx.read_pod::<Timespec>(req)?.nanos()?;
        let now = cx.now();
        let deadline = if absolute { clock.deadline(time, now) } else { now.monotonic.saturating_add(time) };
        cx.progress.deadline = Some(deadline);
    }
    sleep(cx, (!absolute).then_some(rem))
}

/// Sleeps until the deadline. What is left goes to `rem` if a signal comes first; without it, the time is absolute.
fn sleep(cx: &mut Cx<'_>, rem: Option<GuestAddr>) -> SysResult {
    let now = cx.now().monotonic;
    let left = cx.progress.deadline.map_or(0, |deadline| deadline.saturating_sub(now));
    if cx.entry == Entry::Timeout || left == 0 {
        return Ok(Flow::Done(0));
    }
    if cx.entry == Entry::Signal {
        if let Some(rem) = rem.filter(|rem| !rem.is_null()) {
            cx.write_pod(rem, &Timespec::new(left))?;
        }
        return Ok(Flow::Interrupted(Restart::NoHandler));
    }
    Ok(cx.block())
}

/// Sleeps until so much CPU time was used: looked at whenever a thread of that process leaves the kernel.
fn sleep_on_cpu_time(
    cx: &mut Cx<'_>,
    clock: ClockId,
    absolute: bool,
    req: GuestAddr,
    rem: GuestAddr,
) -> SysResult {
    let (pid, counted) = match clock {
        ClockId::Process(pid) => (pid, TimerClock::ProcessCpu),
        // It would wait for itself.
        ClockId::Thread(tid) if tid == cx.tid => return Err(Errno::EINVAL),
        ClockId::Thread(tid) => (cx.pid, TimerClock::ThreadCpu(tid)),
        ClockId::Clock(_) | ClockId::Raw | ClockId::Coarse(_) => return Err(Errno::EOPNOTSUPP),
    };
    let used = clock.read(cx)?;
    if cx.entry == Entry::First {
        let time = cx.read_pod::<Timespec>(req)?.nanos()?;
        cx.progress.done = if absolute { time } else { used.saturating_add(time) };
    }
    let until = cx.progress.done;
    if used >= until {
        return Ok(Flow::Done(0));
    }
    if cx.entry == Entry::Signal {
        if !absolute && !rem.is_null() {
            cx.write_pod(rem, &Timespec::new(until - used))?;
        }
        return Ok(Flow::Interrupted(Restart::NoHandler));
    }
    let waiter = cx.waiter(Events::IN);
    let process = cx.sys.tasks.process_mut(pid).ok_or(Errno::EINVAL)?;
    process.timers.sleep(counted, until, waiter);
    Ok(cx.block())
}

crate::pod! {
    /// `struct tms`.
    struct Tms {
        user: u64,
        system: u64,
        children_user: u64,
        children_system: u64,
    }
}

/// `times(2)`.
pub fn times(cx: &mut Cx<'_>, buf: GuestAddr) -> SysResult {
    if !buf.is_null() {
        let used = cx.sys.process_usage(cx.pid);
        let children = cx.process().children_usage;
        let tms = Tms {
            user: clock_ticks(used.user),
            system: clock_ticks(used.system()),
            children_user: clock_ticks(children.user),
            children_system: clock_ticks(children.system()),
        };
        cx.write_pod(buf, &tms)?;
    }
    Ok(Flow::Done(clock_ticks(cx.now().monotonic)))
}

/// `clock_settime(2)`, `settimeofday(2)`: the clock is the host's.
pub fn clock_settime(cx: &mut Cx<'_>, clockid: i32, tp: GuestAddr) -> SysResult {
    match ClockId::new(cx, clockid)? {
        ClockId::Clock(Clock::Realtime) if clockid == CLOCK_REALTIME => {
            cx.read_pod::<Timespec>(tp)?.nanos()?;
            Err(Errno::EPERM)
        }
        _ => Err(Errno::EINVAL),
    }
}

crate::pod! {
    /// `struct timex`.
    struct Timex {
        modes: u32,
        pad: u32,
        offset: i64,
        freq: i64,
        maxerror: i64,
        esterror: i64,
        status: i32,
        pad2: u32,
        constant: i64,
        precision: i64,
        tolerance: i64,
        time: Timeval,
        tick: i64,
        pps: [i64; 5],
        pps_shift: i64,
        tail: [u64; 7],
    }
}

/// `STA_UNSYNC`: nobody disciplines the clock.
const STA_UNSYNC: i32 = 0x40;
/// `TIME_ERROR`: what `adjtimex` answers while the clock is not synchronised.
const TIME_ERROR: u64 = 5;
/// `ADJ_OFFSET_SS_READ`: the one mode that only reads.
const ADJ_OFFSET_SS_READ: u32 = 0xa001;
/// The largest frequency correction, 500 ppm scaled by 2^16.
const MAX_FREQUENCY: i64 = 500 << 16;
/// `NTP_PHASE_LIMIT` in microseconds.
const MAX_ERROR: i64 = 16_000_000;
/// Microseconds in a clock tick.
const TICK_MICROS: i64 = 10_000;

/// `adjtimex(2)`: reads only.
pub fn adjtimex(cx: &mut Cx<'_>, buf: GuestAddr) -> SysResult {
    let modes: u32 = cx.read_pod(buf)?;
    if modes != 0 && modes != ADJ_OFFSET_SS_READ {
        return Err(Errno::EPERM);
    }
    let timex = Timex {
        modes,
        pad: 0,
        offset: 0,
        freq: 0,
        maxerror: MAX_ERROR,
        esterror: MAX_ERROR,
        status: STA_UNSYNC,
        pad2: 0,
        constant: 2,
        precision: 1,
        tolerance: MAX_FREQUENCY,
        time: Timeval::new(cx.now().realtime),
        tick: TICK_MICROS,
        pps: [0; 5],
        pps_shift: 0,
        tail: [0; 7],
    };
    cx.write_pod(buf, &timex)?;
    Ok(Flow::Done(TIME_ERROR))
}

/// `clock_adjtime(2)`: reads only.
pub fn clock_adjtime(cx: &mut Cx<'_>, clockid: i32, buf: GuestAddr) -> SysResult {
    if clockid != CLOCK_REALTIME {
        ClockId::new(cx, clockid)?;
        return Err(Errno::EOPNOTSUPP);
    }
    adjtimex(cx, buf)
}
