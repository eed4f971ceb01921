//! Broken waits.

use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use tidemark_host::{Monotonic, WaitOutcome, Wakeups, Word};
use tidemark_host_native::{NativeMemory, NativeWait, NativeWakeups, NativeWorkers};

use crate::patched::Patched;
use crate::{fails, fails_one_of};

#[derive(Clone)]
pub(crate) struct Broken {
    wakeups: NativeWakeups,
    notifications: Arc<AtomicU32>,
    how: How,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum How {
    LosesNotifications,
    WakesOneTooMany,
    MiscountsWoken,
    WaitsAsyncAtAnyValue,
    EndsAsyncEarly,
    EndsEarly,
    NeverTimesOut,
    SleepsThroughChanges,
    WakesAll,
    WakesNoEventLoop,
    BlocksTheEventLoop,
    KeepsDroppedWaits,
}

impl Wakeups for Broken {
    type Wait = BrokenWait;

    fn wait(&self, word: &AtomicU32, expected: u32, deadline: Option<Monotonic>) -> WaitOutcome {
        let outcome = match self.how {
            How::EndsEarly => {
                let early = deadline.map(|deadline| Monotonic::from_nanos(deadline.as_nanos() - 10_000_000));
                self.wakeups.wait(word, expected, early)
            }
            How::SleepsThroughChanges => self.wakeups.wait(word, word.load(Ordering::Acquire), deadline),
            _ => self.wakeups.wait(word, expected, deadline),
        };
        if self.how == How::BlocksTheEventLoop && outcome == WaitOutcome::MustNotBlock {
            thread::sleep(Duration::from_millis(1));
            return WaitOutcome::Woken;
        }
        outcome
    }

    fn wait_async(&self, word: &Word, expected: u32, deadline: Option<Monotonic>) -> BrokenWait {
        let deadline = deadline.filter(|_| self.how != How::NeverTimesOut);
        let word =
            if self.how == How::WakesNoEventLoop && deadline.is_none() { &Word::new(expected) } else { word };
        let expected = match self.how {
            How::WaitsAsyncAtAnyValue => word.atomic().load(Ordering::Acquire),
            _ => expected,
        };
        let deadline = match (self.how, deadline) {
            (How::EndsAsyncEarly, Some(deadline)) => {
                Some(Monotonic::from_nanos(deadline.as_nanos().saturating_sub(200_000)))
            }
            _ => deadline,
        };
        let wait = ManuallyDrop::new(Box::pin(self.wakeups.wait_async(word, expected, deadline)));
        BrokenWait { wait, keeps: self.how == How::KeepsDroppedWaits }
    }

    fn notify(&self, word: &AtomicU32, count: u32) -> u32 {
        let number = self.notifications.fetch_add(1, Ordering::Relaxed);
        match self.how {
            How::LosesNotifications if number % 100 == 99 => 0,
            How::WakesOneTooMany if count > 0 => {
                self.wakeups.notify(word, count.saturating_add(1)).min(count)
            }
            How::MiscountsWoken => self.wakeups.notify(word, count) + u32::from(count > 0),
            How::WakesAll if count > 0 => self.wakeups.notify(word, u32::MAX).min(count),
            _ => self.wakeups.notify(word, count),
        }
    }
}

pub(crate) struct BrokenWait {
    wait: ManuallyDrop<Pin<Box<NativeWait>>>,
    keeps: bool,
}

impl Future for BrokenWait {
    type Output = WaitOutcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<WaitOutcome> {
        self.wait.as_mut().poll(context)
    }
}

impl Drop for BrokenWait {
    fn drop(&mut self) {
        if !self.keeps {
            // SAFETY: not used after this.
            unsafe { ManuallyDrop::drop(&mut self.wait) };
        }
    }
}

pub(crate) fn host(how: How) -> Patched<NativeMemory, NativeWorkers, Broken> {
    Patched::with_wakeups(|wakeups| Broken { wakeups, notifications: Arc::default(), how })
}

#[test]
fn losing_one_notification_in_a_hundred() {
    // A worker that is not asleep yet misses nothing: which of these meets a sleeper is the machine's choice.
    let checks = ["wakeups: workers wake each other", "wakeups: an event loop and a worker wake each other"];
    fails_one_of(&host(How::LosesNotifications), &checks);
}

#[test]
fn ending_before_the_deadline() {
    fails(&host(How::EndsEarly), "wakeups: a wait ends at its deadline, not before");
}

#[test]
fn sleeping_through_changes() {
    fails(&host(How::SleepsThroughChanges), "wakeups: a wait at another value does not wait");
}

#[test]
fn ending_an_async_wait_before_its_deadline() {
    fails(&host(How::EndsAsyncEarly), "wakeups: an async wait ends at its deadline");
}

#[test]
fn beginning_an_async_wait_at_any_value() {
    fails(&host(How::WaitsAsyncAtAnyValue), "wakeups: an async wait at another value does not wait");
}

#[test]
fn waking_one_too_many() {
    let host = host(How::WakesOneTooMany);
    fails(&host, "wakeups: notify wakes no more async waits than asked");
    fails(&host, "wakeups: notify wakes no more workers than asked");
}

#[test]
fn miscounting_who_was_woken() {
    fails(&host(How::MiscountsWoken), "wakeups: generated async waits and notifications");
}

#[test]
fn waking_all() {
    let host = host(How::WakesAll);
    fails(&host, "wakeups: notify wakes no more async waits than asked");
    fails(&host, "wakeups: notify wakes no more workers than asked");
}

#[test]
fn waking_no_event_loop() {
    fails(&host(How::WakesNoEventLoop), "wakeups: generated async waits and notifications");
}

#[test]
fn blocking_the_event_loop() {
    fails(&host(How::BlocksTheEventLoop), "control: the loop refuses to block");
}

#[test]
fn keeping_waits_that_were_dropped() {
    fails(&host(How::KeepsDroppedWaits), "wakeups: a dropped async wait passes its notification on");
}

/// The suite itself hangs then; whoever drives it asks where.
#[test]
fn never_timing_out() {
    let host = host(How::NeverTimesOut);
    let progress = tidemark_host::conformance::start(&host, Default::default(), |_| ()).unwrap();
    let hung = || progress.snapshot().running == Some("wakeups: an async wait ends at its deadline");
    let mut looks = 0;
    while !hung() && looks < 1_000 {
        thread::sleep(Duration::from_millis(10));
        looks += 1;
    }
    thread::sleep(Duration::from_millis(500));
    assert!(hung(), "{}", progress.snapshot());
}
