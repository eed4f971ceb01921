//! Waiting and notifying. Nothing may block here: the one thread is everybody's.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use tidemark_host::{Clock, Monotonic, WaitOutcome, Wakeups, Word};

use crate::clock::StdClock;
use crate::rotation::Rotation;

/// Waits are entries of the rotation's table.
#[derive(Clone, Debug)]
pub struct RotationWakeups {
    rotation: Arc<Rotation>,
    clock: StdClock,
}

impl RotationWakeups {
    /// Waits in this rotation, by this clock.
    pub fn new(rotation: Arc<Rotation>, clock: StdClock) -> Self {
        Self { rotation, clock }
    }
}

impl Wakeups for RotationWakeups {
    type Wait = RotationWait;

    fn wait(&self, _word: &AtomicU32, _expected: u32, _deadline: Option<Monotonic>) -> WaitOutcome {
        WaitOutcome::MustNotBlock
    }

    fn wait_async(&self, word: &Word, expected: u32, deadline: Option<Monotonic>) -> RotationWait {
        RotationWait { wakeups: self.clone(), word: word.clone(), expected, deadline, number: None }
    }

    fn notify(&self, word: &AtomicU32, count: u32) -> u32 {
        self.rotation.notify(word.as_ptr().addr(), count)
    }
}

/// One wait: in the table from its first poll until it was notified, its time came, or it was dropped.
#[derive(Debug)]
pub struct RotationWait {
    wakeups: RotationWakeups,
    word: Word,
    expected: u32,
    deadline: Option<Monotonic>,
    number: Option<u64>,
}

impl RotationWait {
    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= self.wakeups.clock.monotonic())
    }
}

impl Future for RotationWait {
    type Output = WaitOutcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<WaitOutcome> {
        let rotation = Arc::clone(&self.wakeups.rotation);
        let address = self.word.atomic().as_ptr().addr();
        let number = match self.number {
            None => {
                // Entered first, compared then: a notification in between finds the entry.
                let number = rotation.begin_wait(address, self.deadline, context.waker().clone());
                if self.word.atomic().load(Ordering::SeqCst) != self.expected && rotation.end_wait(number) {
                    return Poll::Ready(WaitOutcome::Changed);
                }
                self.number = Some(number);
                number
            }
            Some(number) => number,
        };
        if !rotation.renew_wait(number, context.waker()) {
            self.number = None;
            return Poll::Ready(WaitOutcome::Woken);
        }
        if self.is_late() {
            self.number = None;
            let outcome = if rotation.end_wait(number) { WaitOutcome::TimedOut } else { WaitOutcome::Woken };
            return Poll::Ready(outcome);
        }
        Poll::Pending
    }
}

impl Drop for RotationWait {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        if !self.wakeups.rotation.end_wait(number) {
            // It was notified and nobody saw it: the next waiter gets that.
            self.wakeups.notify(self.word.atomic(), 1);
        }
    }
}
