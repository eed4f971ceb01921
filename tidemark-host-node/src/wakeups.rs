//! Waiting and notifying: WebAssembly's own wait and notify for workers, a table of waiters for the control event loop.
//!
//! The event loop does not wait by `Atomics.waitAsync` on the word itself, since such a wait can't be called off and
//! would swallow a notification long after its future was dropped. Its waiters stand in a table that `notify` looks
//! into; the loop sleeps on its one doorbell.

#![allow(unsafe_code, reason = "WebAssembly's wait and notify take raw pointers")]

use std::arch::wasm32::{memory_atomic_notify, memory_atomic_wait32};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tidemark_host::{Monotonic, WaitOutcome, Wakeups, Word};

use crate::clock::now;
use crate::control;
use crate::limits::SPINS_BEFORE_WAIT;

/// Waiting and notifying in this module's memory.
#[derive(Clone)]
pub struct NodeWakeups(Arc<AsyncWaits>);

impl NodeWakeups {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AsyncWaits { count: AtomicUsize::new(0), table: Mutex::new(Table::default()) }))
    }

    /// Ends the async waits whose deadline has come, and tells the next deadline.
    pub(crate) fn expire(&self, now: Monotonic) -> Option<Monotonic> {
        let mut due = Vec::new();
        let next = loop {
            let mut table = self.0.lock();
            match table.deadlines.first().copied() {
                Some((deadline, place)) if deadline <= now => {
                    due.extend(self.0.take(&mut table, place, TIMED_OUT));
                }
                other => break other.map(|(deadline, _)| deadline),
            }
        };
        due.into_iter().for_each(Waker::wake);
        next
    }
}

impl Wakeups for NodeWakeups {
    type Wait = AsyncWait;

    fn wait(&self, word: &AtomicU32, expected: u32, deadline: Option<Monotonic>) -> WaitOutcome {
        if control::is_this_thread() {
            return WaitOutcome::MustNotBlock;
        }
        for _ in 0..SPINS_BEFORE_WAIT {
            if word.load(Ordering::Acquire) != expected {
                return WaitOutcome::Changed;
            }
            std::hint::spin_loop();
        }
        // A negative timeout is none (WebAssembly threads proposal, "Wait").
        let timeout_nanos = deadline.map_or(-1, |deadline| {
            i64::try_from(deadline.saturating_since(now()).as_nanos()).unwrap_or(i64::MAX)
        });
        // SAFETY: the pointer comes from a reference to an aligned atomic that outlives the call.
        match unsafe { memory_atomic_wait32(word.as_ptr().cast(), expected.cast_signed(), timeout_nanos) } {
            0 => WaitOutcome::Woken,
            1 => WaitOutcome::Changed,
            _ => WaitOutcome::TimedOut,
        }
    }

    fn wait_async(&self, word: &Word, expected: u32, deadline: Option<Monotonic>) -> AsyncWait {
        AsyncWait { waits: self.clone(), word: word.clone(), expected, deadline, waiting: None }
    }

    fn notify(&self, word: &AtomicU32, count: u32) -> u32 {
        let woken = notify_workers(word, count);
        woken + self.0.notify(word, count - woken)
    }
}

/// Wakes workers that sleep on `word`; returns how many.
pub(crate) fn notify_workers(word: &AtomicU32, count: u32) -> u32 {
    // SAFETY: the pointer comes from a reference to an aligned atomic; notifying reads and writes nothing there.
    unsafe { memory_atomic_notify(word.as_ptr().cast(), count) }
}

/// Waiters of the control event loop.
struct AsyncWaits {
    /// How many stand in the table, so that a notification that concerns none takes no lock. A waiter counts itself
    /// before it compares its word, a waker changes the word before it looks here: one of them sees the other.
    count: AtomicUsize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    waiters: BTreeMap<Place, Waiter>,
    deadlines: BTreeSet<(Monotonic, Place)>,
    last: u64,
}

/// A waiter's key: the address it waits on, and its number among all.
type Place = (usize, u64);

struct Waiter {
    waker: Waker,
    deadline: Option<Monotonic>,
    outcome: Arc<AtomicU8>,
}

const PENDING: u8 = 0;
const WOKEN: u8 = 1;
const TIMED_OUT: u8 = 2;

impl AsyncWaits {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes a waiter and settles its outcome.
    fn take(&self, table: &mut Table, place: Place, outcome: u8) -> Option<Waker> {
        let waiter = table.waiters.remove(&place)?;
        self.count.fetch_sub(1, Ordering::SeqCst);
        if let Some(deadline) = waiter.deadline {
            table.deadlines.remove(&(deadline, place));
        }
        waiter.outcome.store(outcome, Ordering::Release);
        Some(waiter.waker)
    }

    fn notify(&self, word: &AtomicU32, count: u32) -> u32 {
        if count == 0 || self.count.load(Ordering::SeqCst) == 0 {
            return 0;
        }
        let address = word.as_ptr().addr();
        let mut woken = Vec::new();
        let mut table = self.lock();
        while (woken.len() as u64) < u64::from(count) {
            let Some((&place, _)) = table.waiters.range((address, 0)..=(address, u64::MAX)).next() else {
                break;
            };
            woken.extend(self.take(&mut table, place, WOKEN));
        }
        drop(table);
        // At most `count`, which is a u32.
        let number = woken.len() as u32;
        woken.into_iter().for_each(Waker::wake);
        number
    }
}

/// A wait of the control event loop.
pub struct AsyncWait {
    waits: NodeWakeups,
    word: Word,
    expected: u32,
    deadline: Option<Monotonic>,
    waiting: Option<(Place, Arc<AtomicU8>)>,
}

impl Future for AsyncWait {
    type Output = WaitOutcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<WaitOutcome> {
        let Some((place, outcome)) = &self.waiting else { return self.begin(context.waker()) };
        let settled = match outcome.load(Ordering::Acquire) {
            PENDING => {
                let mut table = self.waits.0.lock();
                if let Some(waiter) = table.waiters.get_mut(place) {
                    waiter.waker.clone_from(context.waker());
                    return Poll::Pending;
                }
                // Settled between the look and the lock.
                outcome.load(Ordering::Acquire)
            }
            settled => settled,
        };
        self.waiting = None;
        Poll::Ready(if settled == TIMED_OUT { WaitOutcome::TimedOut } else { WaitOutcome::Woken })
    }
}

impl AsyncWait {
    fn begin(&mut self, waker: &Waker) -> Poll<WaitOutcome> {
        let waits = &self.waits.0;
        let mut table = waits.lock();
        waits.count.fetch_add(1, Ordering::SeqCst);
        if self.word.atomic().load(Ordering::SeqCst) != self.expected {
            waits.count.fetch_sub(1, Ordering::SeqCst);
            return Poll::Ready(WaitOutcome::Changed);
        }
        if self.deadline.is_some_and(|deadline| deadline <= now()) {
            waits.count.fetch_sub(1, Ordering::SeqCst);
            return Poll::Ready(WaitOutcome::TimedOut);
        }
        table.last += 1;
        let place = (self.word.atomic().as_ptr().addr(), table.last);
        let outcome = Arc::new(AtomicU8::new(PENDING));
        let waiter = Waiter { waker: waker.clone(), deadline: self.deadline, outcome: Arc::clone(&outcome) };
        table.waiters.insert(place, waiter);
        table.deadlines.extend(self.deadline.map(|deadline| (deadline, place)));
        drop(table);
        self.waiting = Some((place, outcome));
        Poll::Pending
    }
}

impl Drop for AsyncWait {
    fn drop(&mut self) {
        let Some((place, outcome)) = self.waiting.take() else { return };
        let waits = &self.waits.0;
        let unsettled = waits.take(&mut waits.lock(), place, PENDING);
        if unsettled.is_none() && outcome.load(Ordering::Acquire) == WOKEN {
            // It took a notification that nobody will look at: the next waiter shall have it.
            self.waits.notify(self.word.atomic(), 1);
        }
    }
}
