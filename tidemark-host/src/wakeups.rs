//! Waiting on a word of shared memory, and waking who waits there.
//!
//! Owns the futex-like contract and the [`Word`] that outlives its waiters. It does not own guest futexes: a blocked
//! guest thread waits inside the kernel and holds no worker.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use crate::clock::Monotonic;

/// Blocks until a word is notified, and notifies. Worker side, except [`wait_async`](Self::wait_async).
///
/// The word's value is the message and the notification only the doorbell: whoever wakes up looks at the word again.
/// Comparing the word with `expected` and beginning to wait are one step as far as `notify` can see, so this never
/// sleeps through the change:
///
/// ```text
/// waker:  word.store(new, Release);  notify(&word, 1)
/// waiter: while word.load(Acquire) == old { wait(&word, old, deadline) }
/// ```
///
/// Waiters in [`wait`](Self::wait), in [`wait_async`](Self::wait_async) and parked workers
/// ([`TurnResult::Park`](crate::TurnResult::Park)) on the same word are woken alike; their order is unspecified.
pub trait Wakeups: Clone + Send + Sync + 'static {
    /// The future of [`wait_async`](Self::wait_async).
    type Wait: Future<Output = WaitOutcome> + 'static;

    /// Blocks the calling worker while `word` equals `expected`, until it is notified or `deadline` has come (`None`:
    /// never). May wake for no reason, with [`WaitOutcome::Woken`]. A past deadline returns at once.
    ///
    /// The host spins about a microsecond before it sleeps; callers need no spinning of their own.
    ///
    /// # Blocking
    /// Until the wait ends, on a worker. Where the caller must not block it returns
    /// [`MustNotBlock`](WaitOutcome::MustNotBlock) at once.
    ///
    /// # Checked by
    /// - `wakeups: a worker that must not block is told so`
    /// - `wakeups: a wait at another value does not wait`
    /// - `wakeups: a wait ends at its deadline, not before`
    /// - `wakeups: workers wake each other`
    /// - `wakeups: generated hand-overs between workers`
    /// - `control: the loop refuses to block`
    fn wait(&self, word: &AtomicU32, expected: u32, deadline: Option<Monotonic>) -> WaitOutcome;

    /// The same wait for an event loop, which serves its other tasks meanwhile. Must be called and awaited on the host's
    /// control event loop. Waiting begins when the future is first polled. A future that spans a wait keeps the loop, and
    /// with it the process, alive.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Cancellation
    /// Dropping the future ends the wait: it takes no notification any more, and one that it had taken unseen goes to the
    /// next waiter.
    ///
    /// # Checked by
    /// - `wakeups: an async wait at another value does not wait`
    /// - `wakeups: an async wait ends at its deadline`
    /// - `wakeups: generated async waits and notifications`
    /// - `wakeups: a dropped async wait passes its notification on`
    /// - `wakeups: an event loop and a worker wake each other`
    fn wait_async(&self, word: &Word, expected: u32, deadline: Option<Monotonic>) -> Self::Wait;

    /// Wakes at most `count` of those who wait on `word` (`u32::MAX`: all); returns how many. Any thread may call it,
    /// the control event loop too. Does not touch the word's value.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `wakeups: generated async waits and notifications`
    /// - `wakeups: notify wakes no more async waits than asked`
    /// - `wakeups: notify wakes no more workers than asked`
    /// - `wakeups: notify wakes workers and event loops alike`
    fn notify(&self, word: &AtomicU32, count: u32) -> u32;
}

/// Why a wait ended. Whoever gets an answer that it does not know looks at the word, as after
/// [`Woken`](Self::Woken).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitOutcome {
    /// A notification came, or nothing did: look at the word.
    Woken,
    /// The word did not equal the expected value, so there was no wait.
    Changed,
    /// The deadline came first.
    TimedOut,
    /// The calling context must not block (the control event loop, or a host without parallel workers), and the wait
    /// was not begun. On an event loop use [`Wakeups::wait_async`]; in a turn, park.
    MustNotBlock,
}

/// A word to wait on that lives as long as anybody refers to it. Clones are the same word.
///
/// Parked workers and async waits hold one; a synchronous wait needs only a reference to an atomic. In WebAssembly the
/// heap is shared memory, so any word can be waited on by every worker.
#[derive(Clone, Debug)]
pub struct Word(Arc<Padded>);

/// A cache line of its own (128 bytes: adjacent lines are prefetched in pairs on x86-64), because words are written by
/// one worker and polled by others.
#[derive(Debug)]
#[repr(align(128))]
struct Padded(AtomicU32);

impl Word {
    /// A new word that holds `value`.
    pub fn new(value: u32) -> Self {
        Self(Arc::new(Padded(AtomicU32::new(value))))
    }

    /// The atomic itself.
    pub fn atomic(&self) -> &AtomicU32 {
        &self.0.0
    }

    /// Whether both are the same word (not: hold the same value).
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn clones_are_the_same_word() {
        let word = Word::new(7);
        let clone = word.clone();
        clone.atomic().store(8, Ordering::Relaxed);
        assert_eq!(word.atomic().load(Ordering::Relaxed), 8);
        assert!(word.is_same(&clone));
        assert!(!word.is_same(&Word::new(8)));
    }
}
