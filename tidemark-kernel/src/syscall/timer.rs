//! Interval timers and POSIX timers.

use super::time::ClockId;
use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::signal::Signal;
use crate::task::{Notify, Resource, Setting, Tid, TimerClock};
use crate::time::{Nanos, Timespec, Timeval};
use crate::wait::Flow;

const ITIMER_REAL: i32 = 0;
const ITIMER_VIRTUAL: i32 = 1;
const ITIMER_PROF: i32 = 2;

crate::pod! {
    /// `struct itimerval`.
    struct ITimerVal {
        interval: Timeval,
        value: Timeval,
    }
}

/// The setting of an interval timer, and the present moment on what it counts.
fn interval_timer(cx: &mut Cx<'_>, which: i32) -> Result<(Setting, Nanos)> {
    let timers = &cx.process().timers;
    let setting = match which {
        ITIMER_REAL => return Ok((timers.real, cx.now().monotonic)),
        ITIMER_VIRTUAL => timers.virt,
        ITIMER_PROF => timers.prof,
        _ => return Err(Errno::EINVAL),
    };
    let used = cx.sys.process_usage(cx.pid);
    Ok((setting, if which == ITIMER_VIRTUAL { used.user } else { used.cpu }))
}

/// `getitimer(2)`.
pub fn getitimer(cx: &mut Cx<'_>, which: i32, curr_value: GuestAddr) -> SysResult {
    let (setting, now) = interval_timer(cx, which)?;
    let value = ITimerVal { interval: Timeval::new(setting.interval), value: timeval_left(setting, now) };
    cx.write_pod(curr_value, &value)?;
    Ok(Flow::Done(0))
}

/// An armed timer never reads as zero.
fn timeval_left(setting: Setting, now: Nanos) -> Timeval {
    let left = setting.left(now);
    Timeval::new(if left == 0 { 0 } else { left.max(1000) })
}

/// `setitimer(2)`.
pub fn setitimer(cx: &mut Cx<'_>, which: i32, new_value: GuestAddr, old_value: GuestAddr) -> SysResult {
    let (old, now) = interval_timer(cx, which)?;
    let new = if new_value.is_null() {
        Setting::default()
    } else {
        let value: ITimerVal = cx.read_pod(new_value)?;
        let (interval, after) = (value.interval.nanos()?, value.value.nanos()?);
        Setting { at: (after > 0).then(|| now.saturating_add(after)), interval }
    };
    match which {
        ITIMER_REAL => cx.sys.set_real_timer(cx.pid, new),
        _ => cx.sys.set_cpu_timer(cx.pid, which == ITIMER_PROF, new),
    }
    if !old_value.is_null() {
        let value = ITimerVal { interval: Timeval::new(old.interval), value: timeval_left(old, now) };
        cx.write_pod(old_value, &value)?;
    }
    Ok(Flow::Done(0))
}

crate::pod! {
    /// `struct sigevent`, as far as the kernel reads it.
    struct SigEvent {
        value: u64,
        signo: i32,
        notify: i32,
        tid: i32,
    }
}

const SIGEV_SIGNAL: i32 = 0;
const SIGEV_NONE: i32 = 1;
const SIGEV_THREAD: i32 = 2;
const SIGEV_THREAD_ID: i32 = 4;

/// `timer_create(2)`.
pub fn timer_create(cx: &mut Cx<'_>, clockid: i32, sevp: GuestAddr, timerid: GuestAddr) -> SysResult {
    let clock = match ClockId::new(cx, clockid)? {
        ClockId::Clock(clock) => TimerClock::Clock(clock),
        ClockId::Raw | ClockId::Coarse(_) => return Err(Errno::EOPNOTSUPP),
        ClockId::Process(pid) if pid == cx.pid => TimerClock::ProcessCpu,
        ClockId::Process(_) => return Err(Errno::EINVAL),
        ClockId::Thread(tid) => TimerClock::ThreadCpu(tid),
    };
    let event = if sevp.is_null() { None } else { Some(cx.read_pod::<SigEvent>(sevp)?) };
    let notify = match &event {
        None => Notify::Process(Signal::ALRM),
        Some(event) => notification(cx, event)?,
    };
    // Each timer has a place for its signal among those that may be queued.
    let process = cx.process();
    let places = process.rlimits.soft(Resource::PendingSignals).saturating_sub(process.signals.queued);
    let id = process.timers.create(clock, places, |id| match event {
        None => (notify, u64::from(id)),
        Some(event) => (notify, event.value),
    })?;
    if let Err(errno) = cx.write_pod(timerid, &id) {
        cx.sys.delete_posix_timer(cx.pid, id)?;
        return Err(errno);
    }
    Ok(Flow::Done(0))
}

fn notification(cx: &mut Cx<'_>, event: &SigEvent) -> Result<Notify> {
    let signal = u32::try_from(event.signo).ok().and_then(Signal::new).ok_or(Errno::EINVAL);
    match event.notify {
        SIGEV_NONE => Ok(Notify::None),
        // SIGEV_THREAD is the C library's affair; the kernel signals.
        SIGEV_SIGNAL | SIGEV_THREAD => Ok(Notify::Process(signal?)),
        SIGEV_THREAD_ID => {
            let tid = u32::try_from(event.tid).ok().and_then(Tid::new).ok_or(Errno::EINVAL)?;
            let thread = cx.sys.tasks.thread(tid).ok_or(Errno::EINVAL)?;
            if thread.pid != cx.pid {
                return Err(Errno::EINVAL);
            }
            Ok(Notify::Thread(signal?, tid))
        }
        _ => Err(Errno::EINVAL),
    }
}

crate::pod! {
    /// `struct itimerspec`.
    struct ITimerSpec {
        interval: Timespec,
        value: Timespec,
    }
}

/// A timer's setting, what it counts, and the present moment on that.
fn posix_timer(cx: &mut Cx<'_>, id: u32) -> Result<(Setting, TimerClock, Nanos)> {
    let timer = cx.process().timers.posix(id)?;
    let (setting, clock) = (timer.setting, timer.clock);
    let now = match clock {
        TimerClock::Clock(_) => cx.now().monotonic,
        TimerClock::ProcessCpu => cx.sys.process_usage(cx.pid).cpu,
        TimerClock::ThreadCpu(tid) => {
            let now = cx.now().monotonic;
            cx.sys.tasks.thread(tid).map_or(0, |thread| thread.cpu_time(now))
        }
    };
    Ok((setting, clock, now))
}

const TIMER_ABSTIME: i32 = 1;

/// `timer_settime(2)`.
pub fn timer_settime(
    cx: &mut Cx<'_>,
    timerid: u32,
    flags: i32,
    new_value: GuestAddr,
    old_value: GuestAddr,
) -> SysResult {
    let new: ITimerSpec = cx.read_pod(new_value)?;
    let (interval, value) = (new.interval.nanos()?, new.value.nanos()?);
    let (old, clock, now) = posix_timer(cx, timerid)?;
    let at = match clock {
        _ if value == 0 => None,
        TimerClock::Clock(clock) if flags & TIMER_ABSTIME != 0 => Some(clock.deadline(value, cx.now())),
        _ if flags & TIMER_ABSTIME != 0 => Some(value),
        _ => Some(now.saturating_add(value)),
    };
    cx.sys.set_posix_timer(cx.pid, timerid, Setting { at, interval })?;
    if !old_value.is_null() {
        cx.write_pod(old_value, &spec(old, now))?;
    }
    Ok(Flow::Done(0))
}

fn spec(setting: Setting, now: Nanos) -> ITimerSpec {
    ITimerSpec { interval: Timespec::new(setting.interval), value: Timespec::new(setting.left(now)) }
}

/// `timer_gettime(2)`.
pub fn timer_gettime(cx: &mut Cx<'_>, timerid: u32, curr_value: GuestAddr) -> SysResult {
    let (setting, _, now) = posix_timer(cx, timerid)?;
    cx.write_pod(curr_value, &spec(setting, now))?;
    Ok(Flow::Done(0))
}

/// `timer_getoverrun(2)`.
pub fn timer_getoverrun(cx: &mut Cx<'_>, timerid: u32) -> SysResult {
    Ok(Flow::Done(u64::from(cx.process().timers.posix(timerid)?.last_overrun)))
}

/// `timer_delete(2)`.
pub fn timer_delete(cx: &mut Cx<'_>, timerid: u32) -> SysResult {
    cx.sys.delete_posix_timer(cx.pid, timerid)?;
    Ok(Flow::Done(0))
}
