//! Waits and notifications of a simulated world.
//!
//! Nothing blocks: the one thread is everybody's. Whom a notification wakes is chosen at random, and a wait may end for
//! no reason, as the contract allows.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use super::shared::{Shared, Wait, Who};
use crate::clock::Monotonic;
use crate::wakeups::{WaitOutcome, Wakeups, Word};

/// Waiting in a simulated world.
#[derive(Clone, Debug)]
pub struct SimWakeups(pub(super) Arc<Shared>);

impl Wakeups for SimWakeups {
    type Wait = SimWait;

    fn wait(&self, _word: &AtomicU32, _expected: u32, _deadline: Option<Monotonic>) -> WaitOutcome {
        WaitOutcome::MustNotBlock
    }

    fn wait_async(&self, word: &Word, expected: u32, deadline: Option<Monotonic>) -> SimWait {
        SimWait { shared: Arc::clone(&self.0), word: word.clone(), expected, deadline, number: None }
    }

    fn notify(&self, word: &AtomicU32, count: u32) -> u32 {
        let (ended, wakers) = self.0.with(|state| state.notify(word.as_ptr().addr(), count));
        wakers.into_iter().for_each(Waker::wake);
        ended
    }
}

/// An async wait. It is in the table from its first poll until it was notified, its time came, or it was dropped.
#[derive(Debug)]
pub struct SimWait {
    shared: Arc<Shared>,
    word: Word,
    expected: u32,
    deadline: Option<Monotonic>,
    number: Option<u64>,
}

impl SimWait {
    fn first_poll(&mut self, waker: &Waker) -> Poll<WaitOutcome> {
        if self.word.atomic().load(Ordering::SeqCst) != self.expected {
            return Poll::Ready(WaitOutcome::Changed);
        }
        let deadline = self.deadline.map(Monotonic::as_nanos);
        let faults = self.shared.config.faults;
        let number = self.shared.with(|state| {
            if deadline.is_some_and(|deadline| deadline <= state.now) {
                return Err(WaitOutcome::TimedOut);
            }
            if state.wakeups_dice.happens(faults.spurious_wakeups) {
                return Err(WaitOutcome::Woken);
            }
            let who = Who::Future(waker.clone());
            Ok(state.begin_wait(Wait { word: self.word.clone(), deadline, rung: false, who }))
        });
        match number {
            Ok(number) => {
                self.number = Some(number);
                Poll::Pending
            }
            Err(outcome) => Poll::Ready(outcome),
        }
    }

    fn next_poll(&mut self, number: u64, waker: &Waker) -> Poll<WaitOutcome> {
        let outcome = self.shared.with(|state| {
            let (now, Some(wait)) = (state.now, state.waits.get_mut(&number)) else {
                return Some(WaitOutcome::Woken);
            };
            if wait.deadline.is_some_and(|deadline| deadline <= now) {
                state.waits.remove(&number);
                return Some(WaitOutcome::TimedOut);
            }
            wait.who = Who::Future(waker.clone());
            None
        });
        match outcome {
            Some(outcome) => {
                self.number = None;
                Poll::Ready(outcome)
            }
            None => Poll::Pending,
        }
    }
}

impl Future for SimWait {
    type Output = WaitOutcome;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<WaitOutcome> {
        let this = self.get_mut();
        match this.number {
            None => this.first_poll(context.waker()),
            Some(number) => this.next_poll(number, context.waker()),
        }
    }
}

impl Drop for SimWait {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        if self.shared.with(|state| state.waits.remove(&number)).is_none() {
            // It had taken a notification that nobody saw.
            SimWakeups(Arc::clone(&self.shared)).notify(self.word.atomic(), 1);
        }
    }
}
