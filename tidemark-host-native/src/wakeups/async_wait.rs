//! Waits of event loops: a table of wakers beside the table of sleeping threads.
//!
//! A waiter's presence in the table is its state: it is there from its first poll until it was notified, timed out or
//! dropped. All of that happens under its bucket's lock.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tidemark_host::{Clock, Monotonic, WaitOutcome, Wakeups, Word};

use super::NativeWakeups;

/// Enough that unrelated words rarely share one; a power of two.
const BUCKETS: usize = 64;

/// Every async wait under way, by the address of its word.
#[derive(Debug)]
pub(super) struct Waiters {
    buckets: [Bucket; BUCKETS],
    next_id: AtomicU64,
}

/// Aligned, so that a notify that looks at one bucket's count does not touch its neighbours'.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Bucket {
    /// How many wait here; read without the lock by `wake`.
    count: AtomicUsize,
    waiting: Mutex<Vec<Waiter>>,
}

#[derive(Debug)]
struct Waiter {
    address: usize,
    id: u64,
    waker: Waker,
}

impl Waiters {
    pub(super) fn new() -> Self {
        Self { buckets: std::array::from_fn(|_| Bucket::default()), next_id: AtomicU64::new(0) }
    }

    /// Wakes at most `count` async waiters of `word`; returns how many.
    pub(super) fn wake(&self, word: &AtomicU32, count: u32) -> u32 {
        let bucket = self.bucket(word);
        // Pairs with the fence in `enter`: either this sees the waiter counted, or the waiter sees the word's new value.
        fence(Ordering::SeqCst);
        if count == 0 || bucket.count.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        let mut woken = Vec::new();
        let mut waiting = bucket.lock();
        let mut left = count;
        waiting.retain_mut(|waiter| {
            if left == 0 || waiter.address != address(word) {
                return true;
            }
            left -= 1;
            woken.push(waiter.waker.clone());
            false
        });
        bucket.count.store(waiting.len(), Ordering::Relaxed);
        drop(waiting);
        // A waker may run anything, so the lock is not held.
        woken.into_iter().for_each(Waker::wake);
        count - left
    }

    /// Begins to wait, unless `word` differs from `expected`.
    fn enter(&self, word: &AtomicU32, expected: u32, waker: &Waker) -> Option<u64> {
        let bucket = self.bucket(word);
        let mut waiting = bucket.lock();
        bucket.count.store(waiting.len() + 1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if word.load(Ordering::SeqCst) != expected {
            bucket.count.store(waiting.len(), Ordering::Relaxed);
            return None;
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        waiting.push(Waiter { address: address(word), id, waker: waker.clone() });
        Some(id)
    }

    /// Sets a waiter's waker; `false` if it is not waiting any more, because it was notified.
    fn renew(&self, word: &AtomicU32, id: u64, waker: &Waker) -> bool {
        let mut waiting = self.bucket(word).lock();
        match waiting.iter_mut().find(|waiter| waiter.id == id) {
            Some(waiter) => {
                waiter.waker.clone_from(waker);
                true
            }
            None => false,
        }
    }

    /// Ends a wait; `false` if a notification had ended it before.
    fn leave(&self, word: &AtomicU32, id: u64) -> bool {
        let bucket = self.bucket(word);
        let mut waiting = bucket.lock();
        let position = waiting.iter().position(|waiter| waiter.id == id);
        if let Some(position) = position {
            // Not `swap_remove`: who waited longest is woken first.
            waiting.remove(position);
        }
        bucket.count.store(waiting.len(), Ordering::Relaxed);
        position.is_some()
    }

    fn bucket(&self, word: &AtomicU32) -> &Bucket {
        // Fibonacci hashing: the upper bits of the product depend on all bits of the address.
        let hash = (address(word) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        &self.buckets[(hash >> 32) as usize % BUCKETS]
    }
}

impl Bucket {
    /// A panic cannot leave the list half changed, so a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, Vec<Waiter>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn address(word: &AtomicU32) -> usize {
    word.as_ptr().addr()
}

/// A wait of an event loop. Any executor on any thread may poll it.
#[derive(Debug)]
pub struct NativeWait {
    wakeups: NativeWakeups,
    word: Word,
    expected: u32,
    deadline: Option<Monotonic>,
    /// The waiter's number while it is, or may be, in the table.
    waiting: Option<u64>,
}

impl NativeWait {
    pub(super) fn new(
        wakeups: NativeWakeups,
        word: Word,
        expected: u32,
        deadline: Option<Monotonic>,
    ) -> Self {
        Self { wakeups, word, expected, deadline, waiting: None }
    }

    fn first_poll(&mut self, waker: &Waker) -> Poll<WaitOutcome> {
        let shared = &self.wakeups.shared;
        let Some(id) = shared.waiters.enter(self.word.atomic(), self.expected, waker) else {
            return Poll::Ready(WaitOutcome::Changed);
        };
        self.waiting = Some(id);
        self.poll_deadline(id, waker)
    }

    fn next_poll(&mut self, id: u64, waker: &Waker) -> Poll<WaitOutcome> {
        if self.wakeups.shared.waiters.renew(self.word.atomic(), id, waker) {
            return self.poll_deadline(id, waker);
        }
        self.forget(id);
        Poll::Ready(WaitOutcome::Woken)
    }

    fn poll_deadline(&mut self, id: u64, waker: &Waker) -> Poll<WaitOutcome> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        let shared = &self.wakeups.shared;
        if deadline > shared.clock.monotonic() {
            if let Some(at) = shared.clock.instant(deadline) {
                shared.deadlines.set(at, id, waker);
            }
            return Poll::Pending;
        }
        let outcome = match shared.waiters.leave(self.word.atomic(), id) {
            true => WaitOutcome::TimedOut,
            // Notified since `renew`: a notification taken must not be lost.
            false => WaitOutcome::Woken,
        };
        self.forget(id);
        Poll::Ready(outcome)
    }

    /// Takes back the deadline of a wait that is not in the table any more.
    fn forget(&mut self, id: u64) {
        self.waiting = None;
        let shared = &self.wakeups.shared;
        if let Some(at) = self.deadline.and_then(|deadline| shared.clock.instant(deadline)) {
            shared.deadlines.clear(at, id);
        }
    }
}

impl Future for NativeWait {
    type Output = WaitOutcome;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<WaitOutcome> {
        let this = self.get_mut();
        match this.waiting {
            None => this.first_poll(context.waker()),
            Some(id) => this.next_poll(id, context.waker()),
        }
    }
}

impl Drop for NativeWait {
    fn drop(&mut self) {
        let Some(id) = self.waiting else { return };
        let still_waiting = self.wakeups.shared.waiters.leave(self.word.atomic(), id);
        self.forget(id);
        if !still_waiting {
            // It had taken a notification that nobody saw.
            self.wakeups.notify(self.word.atomic(), 1);
        }
    }
}
