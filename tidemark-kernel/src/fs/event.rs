//! eventfd, timerfd and signalfd: counters, expiries and signals behind a descriptor.
//!
//! Owns their state. When a timer is due is the kernel's timers' to say, which signals are pending `signal`'s.

use super::file::FileKind;
use super::flags::OpenFlags;
use super::node::{Attr, FileType, Location, NodeKey};
use super::view::Env;
use super::{FileId, Vfs};
use crate::errno::{Errno, Result};
use crate::mem::io::{IoSink, IoSource};
use crate::signal::SigSet;
use crate::system::System;
use crate::time::{Clock, Nanos, Now};
use crate::timers::{Due, Timers};
use crate::wait::{Events, WaitQueue, Woken};

/// The largest value an eventfd's counter has (`eventfd(2)`).
const MAX_COUNT: u64 = u64::MAX - 1;

/// An eventfd.
#[derive(Debug)]
pub(crate) struct EventCounter {
    count: u64,
    semaphore: bool,
    pub(super) queue: WaitQueue,
}

impl EventCounter {
    pub(crate) fn new(count: u64, semaphore: bool) -> EventCounter {
        EventCounter { count, semaphore, queue: WaitQueue::default() }
    }

    pub(super) fn read(&mut self, sink: &mut IoSink<'_>, woken: &mut Woken) -> Result<u64> {
        if sink.remaining() < 8 {
            return Err(Errno::EINVAL);
        }
        if self.count == 0 {
            return Err(Errno::EAGAIN);
        }
        let taken = if self.semaphore { 1 } else { self.count };
        self.count -= taken;
        self.queue.wake(Events::OUT, woken);
        Ok(sink.put_bytes(&taken.to_le_bytes()) as u64)
    }

    pub(super) fn write(&mut self, source: &mut IoSource<'_>, woken: &mut Woken) -> Result<u64> {
        let mut bytes = [0; 8];
        if source.remaining() < bytes.len() {
            return Err(Errno::EINVAL);
        }
        source.take_bytes(&mut bytes);
        let added = u64::from_le_bytes(bytes);
        if added == u64::MAX {
            return Err(Errno::EINVAL);
        }
        match self.count.checked_add(added).filter(|sum| *sum <= MAX_COUNT) {
            None => Err(Errno::EAGAIN),
            Some(sum) => {
                self.count = sum;
                self.queue.wake(Events::IN, woken);
                Ok(8)
            }
        }
    }

    pub(super) fn poll(&self) -> Events {
        let readable = if self.count > 0 { Events::IN } else { Events::default() };
        readable.union(if self.count < MAX_COUNT { Events::OUT } else { Events::default() })
    }

    /// What `/proc/PID/fdinfo` shows.
    pub(super) fn count(&self) -> u64 {
        self.count
    }
}

/// A timerfd.
#[derive(Debug)]
pub(crate) struct TimerFile {
    pub(crate) clock: Clock,
    /// When it expires next, on `CLOCK_MONOTONIC`.
    next: Option<Nanos>,
    interval: Nanos,
    /// Counts armings, so that deadlines of earlier ones are recognised.
    armed: u32,
    expiries: u64,
    pub(super) queue: WaitQueue,
}

impl TimerFile {
    pub(crate) fn new(clock: Clock) -> TimerFile {
        TimerFile { clock, next: None, interval: 0, armed: 0, expiries: 0, queue: WaitQueue::default() }
    }

    /// Time left until the next expiry, zero when disarmed, and the interval.
    pub(crate) fn get(&self, now: Now) -> (Nanos, Nanos) {
        // An expiry that is due but was not counted yet is a moment away, not 'disarmed'.
        let left = self.next.map_or(0, |next| next.saturating_sub(now.monotonic).max(1));
        (left, self.interval)
    }

    pub(super) fn read(&mut self, sink: &mut IoSink<'_>) -> Result<u64> {
        if sink.remaining() < 8 {
            return Err(Errno::EINVAL);
        }
        if self.expiries == 0 {
            return Err(Errno::EAGAIN);
        }
        let expiries = core::mem::take(&mut self.expiries);
        Ok(sink.put_bytes(&expiries.to_le_bytes()) as u64)
    }

    pub(super) fn poll(&self) -> Events {
        if self.expiries > 0 { Events::IN } else { Events::default() }
    }

    /// What `/proc/PID/fdinfo` shows.
    pub(super) fn shown(&self, now: Now) -> String {
        use crate::time::NANOS_PER_SECOND;
        let time = |nanos: Nanos| format!("({}, {})", nanos / NANOS_PER_SECOND, nanos % NANOS_PER_SECOND);
        let (left, interval) = self.get(now);
        format!(
            "clockid: {}\nticks: {}\nsettime flags: 00\nit_value: {}\nit_interval: {}\n",
            self.clock.number(),
            self.expiries,
            time(left),
            time(interval)
        )
    }

    /// What it stands for among the kernel's deadlines as the file `key`, if it is armed.
    pub(super) fn deadline(&self, key: u32) -> Option<(Nanos, Due)> {
        Some((self.next?, Due::TimerFd { key, armed: self.armed }))
    }

    fn due(&mut self, key: u32, now: Now, timers: &mut Timers, woken: &mut Woken) {
        let Some(next) = self.next else { return };
        if next > now.monotonic {
            return;
        }
        let behind = now.monotonic - next;
        // Zero is 'no interval': it expires once.
        match behind.checked_div(self.interval) {
            None => {
                self.expiries += 1;
                self.next = None;
            }
            Some(missed) => {
                self.expiries = self.expiries.saturating_add(missed + 1);
                let again = next.saturating_add((missed + 1).saturating_mul(self.interval));
                self.next = Some(again);
                timers.add(again, Due::TimerFd { key, armed: self.armed });
            }
        }
        self.queue.wake(Events::IN, woken);
    }
}

impl Vfs {
    /// Opens a file that has no node.
    ///
    /// # Errors
    /// `ENFILE`.
    pub(crate) fn open_anonymous(&mut self, kind: FileKind, flags: OpenFlags) -> Result<FileId> {
        self.open_anonymous_as(kind, flags.with(OpenFlags::READ_WRITE))
    }

    /// As [`open_anonymous`](Self::open_anonymous), with the access mode in `flags`.
    ///
    /// # Errors
    /// `ENFILE`.
    pub(crate) fn open_anonymous_as(&mut self, kind: FileKind, flags: OpenFlags) -> Result<FileId> {
        self.new_file(self.nowhere(), kind, flags)
    }

    /// Where files are that have no node.
    pub(super) fn nowhere(&self) -> Location {
        Location { mount: self.anonymous_mount, node: NodeKey(0) }
    }

    /// Arms or, with no time, disarms a timerfd; what it was set to comes back.
    ///
    /// # Errors
    /// `EINVAL` for what is no timerfd.
    pub(crate) fn set_timer(
        &mut self,
        file: FileId,
        next: Option<Nanos>,
        interval: Nanos,
        env: &mut Env<'_>,
    ) -> Result<(Nanos, Nanos)> {
        let FileKind::Timer(timer) = &mut self.file_mut(file)?.kind else { return Err(Errno::EINVAL) };
        let old = timer.get(env.now);
        let before = timer.deadline(file.0);
        timer.armed = timer.armed.wrapping_add(1);
        timer.next = next;
        timer.interval = interval;
        timer.expiries = 0;
        let after = timer.deadline(file.0);
        if let Some((at, due)) = before {
            env.timers.cancel(at, due);
        }
        if let Some((at, due)) = after {
            env.timers.add(at, due);
        }
        Ok(old)
    }

    /// A timerfd's settings and state.
    ///
    /// # Errors
    /// `EINVAL` for what is no timerfd.
    pub(crate) fn timer(&self, file: FileId) -> Result<&TimerFile> {
        match &self.file(file)?.kind {
            FileKind::Timer(timer) => Ok(timer),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Changes the signals that a signalfd is for.
    ///
    /// # Errors
    /// `EINVAL` for what is no signalfd.
    pub(crate) fn set_signal_mask(&mut self, file: FileId, mask: SigSet) -> Result<()> {
        match &mut self.file_mut(file)?.kind {
            FileKind::Signals(old) => {
                *old = mask;
                Ok(())
            }
            _ => Err(Errno::EINVAL),
        }
    }
}

impl System {
    /// A timerfd's deadline passed.
    pub(crate) fn timerfd_due(&mut self, key: u32, armed: u32) {
        let now = self.now;
        let Ok(file) = self.fs.file_mut(FileId(key)) else { return };
        if let FileKind::Timer(timer) = &mut file.kind
            && timer.armed == armed
        {
            timer.due(key, now, &mut self.timers, &mut self.woken);
        }
    }
}

/// Attributes of what has no node: one inode for all of them, as Linux's anonymous inode.
pub(super) fn anonymous_attr() -> Attr {
    const INO: u64 = 1;
    Attr::synthetic(INO, FileType::Anonymous, 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::ram::tests::TestRam;

    #[test]
    fn a_counter_blocks_at_both_ends() {
        let test = TestRam::new(1);
        let ram = test.ram();
        let mut woken = Woken::default();
        let mut counter = EventCounter::new(2, false);
        let add = |counter: &mut EventCounter, value: u64, woken: &mut Woken| {
            counter.write(&mut IoSource::Kernel { ram, buffer: &value.to_le_bytes() }, woken)
        };
        let take = |counter: &mut EventCounter, woken: &mut Woken| {
            let mut bytes = [0; 8];
            counter.read(&mut IoSink::Kernel { ram, buffer: &mut bytes }, woken)?;
            Ok(u64::from_le_bytes(bytes))
        };
        assert_eq!(add(&mut counter, u64::MAX, &mut woken), Err(Errno::EINVAL));
        assert_eq!(add(&mut counter, MAX_COUNT - 2, &mut woken), Ok(8));
        assert_eq!(counter.poll(), Events::IN);
        assert_eq!(add(&mut counter, 1, &mut woken), Err(Errno::EAGAIN));
        assert_eq!(take(&mut counter, &mut woken), Ok(MAX_COUNT));
        assert_eq!(take(&mut counter, &mut woken), Err(Errno::EAGAIN));
        assert_eq!(counter.poll(), Events::OUT);
        let mut semaphore = EventCounter::new(2, true);
        assert_eq!(take(&mut semaphore, &mut woken), Ok(1));
        assert_eq!(take(&mut semaphore, &mut woken), Ok(1));
        assert_eq!(take(&mut semaphore, &mut woken), Err(Errno::EAGAIN));
    }

    #[test]
    fn a_late_interval_timer_counts_what_it_missed() {
        let mut timers = Timers::default();
        let mut woken = Woken::default();
        let mut timer = TimerFile { next: Some(100), interval: 10, ..TimerFile::new(Clock::Monotonic) };
        let at = |monotonic| Now { monotonic, realtime: 0 };
        timer.due(1, at(99), &mut timers, &mut woken);
        assert_eq!(timer.expiries, 0);
        timer.due(1, at(135), &mut timers, &mut woken);
        assert_eq!((timer.expiries, timer.next), (4, Some(140)));
        assert_eq!(timer.get(at(135)), (5, 10));
    }
}
