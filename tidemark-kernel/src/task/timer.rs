//! Interval timers (`setitimer(2)`) and POSIX timers (`timer_create(2)`) of a process.
//!
//! Owns their settings and expiries. Those on a clock stand among the kernel's deadlines; those on CPU time are
//! looked at when a thread of the process leaves the kernel.

use super::{INFINITY, Pid, RLimit, Resource, Tid, Usage};
use crate::errno::{Errno, Result};
use crate::limits::STEP_ITEMS;
use crate::signal::{SigInfo, Signal};
use crate::system::System;
use crate::time::{Clock, NANOS_PER_SECOND, Nanos};
use crate::timers::Due;
use crate::wait::Waiter;

/// Overruns counted at the most (`DELAYTIMER_MAX`).
const OVERRUN_MAX: u64 = i32::MAX as u64;

/// POSIX timers of one process at the most.
const POSIX_TIMERS: usize = 1024;

/// What a timer counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimerClock {
    /// A clock.
    Clock(Clock),
    /// CPU time of the process.
    ProcessCpu,
    /// CPU time of one thread.
    ThreadCpu(Tid),
}

/// When a timer expires: on `CLOCK_MONOTONIC`, or on the CPU time it counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Setting {
    /// The next expiry; `None` when it is not armed.
    pub at: Option<Nanos>,
    /// From one expiry to the next; zero for a single one.
    pub interval: Nanos,
}

impl Setting {
    /// Takes the expiries up to `now`: how many there were. The next one is set.
    fn expire(&mut self, now: Nanos) -> u64 {
        let Some(at) = self.at.filter(|at| *at <= now) else { return 0 };
        if self.interval == 0 {
            self.at = None;
            return 1;
        }
        let more = (now - at) / self.interval;
        self.at = Some(at.saturating_add((more + 1).saturating_mul(self.interval)));
        more + 1
    }

    /// Time left at `now`; zero when it is not armed, never when it is.
    pub fn left(&self, now: Nanos) -> Nanos {
        self.at.map_or(0, |at| at.saturating_sub(now).max(1))
    }
}

/// What a POSIX timer does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notify {
    /// Nothing.
    None,
    /// A signal to the process.
    Process(Signal),
    /// A signal to one thread (`SIGEV_THREAD_ID`).
    Thread(Signal, Tid),
}

/// A POSIX timer.
#[derive(Clone, Copy, Debug)]
pub struct PosixTimer {
    /// What it counts.
    pub clock: TimerClock,
    /// What it does.
    pub notify: Notify,
    /// `si_value`.
    pub value: u64,
    /// When.
    pub setting: Setting,
    /// Counts settings, so that a deadline of an earlier one is stale.
    armed: u32,
    /// Expiries since the signal that is pending was sent.
    overrun: u64,
    /// Of the signal delivered last (`timer_getoverrun(2)`).
    pub last_overrun: u32,
}

impl PosixTimer {
    /// The deadline it stands for among the kernel's, if it is armed and on a clock.
    fn deadline(&self, pid: Pid, id: u32) -> Option<(Nanos, Due)> {
        let at = self.setting.at.filter(|_| matches!(self.clock, TimerClock::Clock(_)))?;
        Some((at, Due::PosixTimer { pid, id, armed: self.armed }))
    }
}

/// The timers of a process.
#[derive(Debug, Default)]
pub struct ProcessTimers {
    /// `ITIMER_REAL`, on `CLOCK_MONOTONIC`.
    pub real: Setting,
    /// `ITIMER_VIRTUAL`, on the process's CPU time.
    pub virt: Setting,
    /// `ITIMER_PROF`, likewise.
    pub prof: Setting,
    posix: Vec<Option<PosixTimer>>,
    /// Who sleeps until so much CPU time was used (`clock_nanosleep(2)`).
    sleepers: Vec<(TimerClock, Nanos, Waiter)>,
    /// When the limit on CPU time is looked at next, if there is one (`RLIMIT_CPU`).
    cpu_limit: Option<Nanos>,
    /// Whether anything waits for CPU time.
    pub(crate) on_cpu: bool,
}

impl ProcessTimers {
    /// Makes a POSIX timer, unarmed, where there are fewer than `most`. Its id.
    ///
    /// # Errors
    /// `EAGAIN` when there are too many.
    pub fn create(
        &mut self,
        clock: TimerClock,
        most: u64,
        notify: impl FnOnce(u32) -> (Notify, u64),
    ) -> Result<u32> {
        if self.posix.iter().flatten().count() as u64 >= most {
            return Err(Errno::EAGAIN);
        }
        let index = match self.posix.iter().position(Option::is_none) {
            Some(index) => index,
            None if self.posix.len() >= POSIX_TIMERS => return Err(Errno::EAGAIN),
            None => {
                self.posix.push(None);
                self.posix.len() - 1
            }
        };
        let id = index as u32;
        let (notify, value) = notify(id);
        self.posix[index] = Some(PosixTimer {
            clock,
            notify,
            value,
            setting: Setting::default(),
            armed: 0,
            overrun: 0,
            last_overrun: 0,
        });
        Ok(id)
    }

    /// A POSIX timer.
    ///
    /// # Errors
    /// `EINVAL` when there is none of this id.
    pub fn posix(&mut self, id: u32) -> Result<&mut PosixTimer> {
        self.posix.get_mut(id as usize).and_then(Option::as_mut).ok_or(Errno::EINVAL)
    }

    /// All POSIX timers, with their ids.
    pub fn all(&self) -> impl Iterator<Item = (u32, &PosixTimer)> {
        (0..).zip(&self.posix).filter_map(|(id, timer)| Some((id, timer.as_ref()?)))
    }

    /// Has somebody woken when so much CPU time was used.
    pub(crate) fn sleep(&mut self, clock: TimerClock, until: Nanos, waiter: Waiter) {
        // One that left early went stale.
        self.sleepers.retain(|(_, _, old)| old.target != waiter.target);
        self.sleepers.push((clock, until, waiter));
        self.on_cpu = true;
    }

    /// Looks at a limit on CPU time when so much was used.
    pub(crate) fn limit_cpu(&mut self, soft_seconds: u64) {
        // A limit of zero is one of a second (`setrlimit(2)`, `RLIMIT_CPU`, as Linux has it).
        self.cpu_limit =
            (soft_seconds != INFINITY).then(|| soft_seconds.max(1).saturating_mul(NANOS_PER_SECOND));
        self.recount();
    }

    fn recount(&mut self) {
        let counts_cpu =
            |timer: &PosixTimer| !matches!(timer.clock, TimerClock::Clock(_)) && timer.setting.at.is_some();
        self.on_cpu = self.virt.at.is_some()
            || self.prof.at.is_some()
            || self.cpu_limit.is_some()
            || !self.sleepers.is_empty()
            || self.posix.iter().flatten().any(counts_cpu);
    }
}

impl System {
    /// Arms or disarms `ITIMER_REAL`.
    pub(crate) fn set_real_timer(&mut self, pid: Pid, setting: Setting) {
        let Some(process) = self.tasks.process_mut(pid) else { return };
        let before = core::mem::replace(&mut process.timers.real, setting);
        if let Some(at) = before.at {
            self.timers.cancel(at, Due::RealTimer(pid));
        }
        if let Some(at) = setting.at {
            self.timers.add(at, Due::RealTimer(pid));
        }
    }

    /// Arms or disarms a timer on the process's CPU time.
    pub(crate) fn set_cpu_timer(&mut self, pid: Pid, profiling: bool, setting: Setting) {
        let Some(process) = self.tasks.process_mut(pid) else { return };
        *(if profiling { &mut process.timers.prof } else { &mut process.timers.virt }) = setting;
        process.timers.recount();
    }

    /// Arms or disarms a POSIX timer; an expiry that is pending counts no more.
    ///
    /// # Errors
    /// `EINVAL` when there is none of this id.
    pub(crate) fn set_posix_timer(&mut self, pid: Pid, id: u32, setting: Setting) -> Result<()> {
        let process = self.tasks.process_mut(pid).ok_or(Errno::EINVAL)?;
        let timer = process.timers.posix(id)?;
        let before = timer.deadline(pid, id);
        timer.setting = setting;
        timer.armed = timer.armed.wrapping_add(1);
        timer.overrun = 0;
        let next = timer.deadline(pid, id);
        process.timers.recount();
        if let Some((at, due)) = before {
            self.timers.cancel(at, due);
        }
        if let Some((at, due)) = next {
            self.timers.add(at, due);
        }
        Ok(())
    }

    /// Removes a POSIX timer.
    ///
    /// # Errors
    /// `EINVAL` when there is none of this id.
    pub(crate) fn delete_posix_timer(&mut self, pid: Pid, id: u32) -> Result<()> {
        let timers = &mut self.tasks.process_mut(pid).ok_or(Errno::EINVAL)?.timers;
        let deadline = timers.posix(id)?.deadline(pid, id);
        timers.posix[id as usize] = None;
        timers.recount();
        if let Some((at, due)) = deadline {
            self.timers.cancel(at, due);
        }
        Ok(())
    }

    /// Removes some POSIX timers of a process that ends or executes a program. Whether there are more.
    pub(crate) fn delete_posix_timers(&mut self, pid: Pid) -> bool {
        let Some(process) = self.tasks.process_mut(pid) else { return false };
        let timers = &mut process.timers;
        for _ in 0..STEP_ITEMS {
            let Some(timer) = timers.posix.pop() else { break };
            let id = timers.posix.len() as u32;
            if let Some((at, due)) = timer.and_then(|timer| timer.deadline(pid, id)) {
                self.timers.cancel(at, due);
            }
        }
        timers.recount();
        !timers.posix.is_empty()
    }

    /// `ITIMER_REAL` may have expired.
    pub(crate) fn real_timer_due(&mut self, pid: Pid) {
        let now = self.now.monotonic;
        let Some(process) = self.tasks.process_mut(pid) else { return };
        // An entry of an earlier setting finds that its moment is not the timer's.
        if process.timers.real.expire(now) == 0 {
            return;
        }
        if let Some(at) = process.timers.real.at {
            self.timers.add(at, Due::RealTimer(pid));
        }
        self.send_from_timer(pid, SigInfo::kernel(Signal::ALRM));
    }

    /// A POSIX timer's deadline passed.
    pub(crate) fn posix_timer_due(&mut self, pid: Pid, id: u32, armed: u32) {
        let now = self.now.monotonic;
        let Some(process) = self.tasks.process_mut(pid) else { return };
        let Ok(timer) = process.timers.posix(id) else { return };
        if timer.armed != armed {
            return;
        }
        let expiries = timer.setting.expire(now);
        let next = timer.setting.at;
        if let Some(at) = next {
            self.timers.add(at, Due::PosixTimer { pid, id, armed });
        }
        self.posix_timer_expired(pid, id, expiries);
    }

    fn posix_timer_expired(&mut self, pid: Pid, id: u32, expiries: u64) {
        let Some(process) = self.tasks.process_mut(pid) else { return };
        let Ok(timer) = process.timers.posix(id) else { return };
        let (signal, thread) = match timer.notify {
            _ if expiries == 0 => return,
            Notify::None => return,
            Notify::Process(signal) => (signal, None),
            Notify::Thread(signal, tid) => (signal, Some(tid)),
        };
        let value = timer.value;
        let queue = match thread {
            None => Some(&process.signals.pending),
            Some(tid) => self.tasks.thread(tid).map(|thread| &thread.signals.pending),
        };
        let pending = queue.is_some_and(|queue| queue.has_timer(signal, id));
        let Some(timer) = self.tasks.process_mut(pid).and_then(|process| process.timers.posix(id).ok())
        else {
            return;
        };
        // While its signal is pending, a timer only counts.
        if pending {
            timer.overrun = timer.overrun.saturating_add(expiries);
            return;
        }
        timer.overrun = expiries - 1;
        let info = SigInfo::timer(signal, id, 0, value);
        // A full queue loses the expiry: Linux keeps room for it from timer_create on, we the timer's overrun count.
        let _: Result<()> = match thread {
            None => self.send_to_process(pid, info),
            Some(tid) => self.send_to_thread(tid, info),
        };
    }

    /// Fills in a timer's overrun count when its signal is taken.
    pub(crate) fn with_overrun(&mut self, pid: Pid, mut info: SigInfo) -> SigInfo {
        let timer = info.timer_id().and_then(|id| self.tasks.process_mut(pid)?.timers.posix(id).ok());
        if let Some(timer) = timer {
            timer.last_overrun = core::mem::take(&mut timer.overrun).min(OVERRUN_MAX) as u32;
            info.set_overrun(timer.last_overrun);
        }
        info
    }

    /// Looks at the timers that count CPU time, of a thread that leaves the kernel.
    pub(crate) fn check_cpu_timers(&mut self, pid: Pid) {
        if self.tasks.process(pid).is_none_or(|process| !process.timers.on_cpu) {
            return;
        }
        let Usage { cpu: used, user, .. } = self.process_usage(pid);
        let Some(process) = self.tasks.process_mut(pid) else { return };
        let virt = process.timers.virt.expire(user) > 0;
        let prof = process.timers.prof.expire(used) > 0;
        let count = process.timers.posix.len() as u32;
        let sleepers = core::mem::take(&mut process.timers.sleepers);
        self.wake_cpu_sleepers(pid, used, sleepers);
        self.check_cpu_limit(pid, used);
        if virt {
            self.send_from_timer(pid, SigInfo::kernel(Signal::VTALRM));
        }
        if prof {
            self.send_from_timer(pid, SigInfo::kernel(Signal::PROF));
        }
        for id in 0..count {
            let Some(timer) = self.tasks.process_mut(pid).and_then(|process| process.timers.posix(id).ok())
            else {
                continue;
            };
            let clock = timer.clock;
            let now = match clock {
                TimerClock::Clock(_) => continue,
                TimerClock::ProcessCpu => used,
                TimerClock::ThreadCpu(tid) => {
                    self.tasks.thread(tid).map_or(0, |thread| thread.cpu_time(self.now.monotonic))
                }
            };
            let Some(timer) = self.tasks.process_mut(pid).and_then(|process| process.timers.posix(id).ok())
            else {
                continue;
            };
            let expiries = timer.setting.expire(now);
            self.posix_timer_expired(pid, id, expiries);
        }
        if let Some(process) = self.tasks.process_mut(pid) {
            process.timers.recount();
        }
    }

    fn wake_cpu_sleepers(&mut self, pid: Pid, used: Nanos, sleepers: Vec<(TimerClock, Nanos, Waiter)>) {
        for (clock, until, waiter) in sleepers {
            let now = match clock {
                TimerClock::ThreadCpu(tid) => {
                    self.tasks.thread(tid).map_or(0, |thread| thread.cpu_time(self.now.monotonic))
                }
                _ => used,
            };
            if now >= until {
                self.woken.list.push((waiter.target, waiter.events));
            } else if let Some(process) = self.tasks.process_mut(pid) {
                process.timers.sleepers.push((clock, until, waiter));
            }
        }
    }

    /// `SIGXCPU` at the soft limit and each second after it, `SIGKILL` at the hard one (`setrlimit(2)`).
    fn check_cpu_limit(&mut self, pid: Pid, used: Nanos) {
        let Some(process) = self.tasks.process_mut(pid) else { return };
        if process.timers.cpu_limit.is_none_or(|limit| used < limit) {
            return;
        }
        let limit = process.rlimits.get(Resource::Cpu);
        let signal = if used / NANOS_PER_SECOND >= limit.hard {
            Signal::KILL
        } else {
            let soft = limit.soft.saturating_add(1);
            process.rlimits.set(Resource::Cpu, RLimit { soft, ..limit });
            process.timers.limit_cpu(soft);
            Signal::XCPU
        };
        self.send_from_timer(pid, SigInfo::kernel(signal));
    }

    fn send_from_timer(&mut self, pid: Pid, info: SigInfo) {
        // The process may have ended meanwhile.
        let _: Result<()> = self.send_to_process(pid, info);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiries_keep_their_beat() {
        let mut setting = Setting { at: Some(100), interval: 10 };
        assert_eq!(setting.expire(99), 0);
        assert_eq!(setting.expire(125), 3);
        assert_eq!(setting.at, Some(130));
        let mut once = Setting { at: Some(100), interval: 0 };
        assert_eq!((once.expire(500), once.at), (1, None));
        assert_eq!(once.expire(500), 0);
    }

    #[test]
    fn an_armed_timer_always_has_time_left() {
        assert_eq!(Setting { at: Some(5), interval: 0 }.left(9), 1);
        assert_eq!(Setting::default().left(9), 0);
    }
}
