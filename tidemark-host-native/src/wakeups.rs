//! Waiting and notifying: threads in `parking_lot_core`'s table (a futex a thread on Linux), event loops in our own.
//!
//! Owns the order of a wait: check, spin, sleep. A notify that finds nobody costs no system call. The async half is in
//! `async_wait.rs`, its deadlines in `deadlines.rs`.

#![allow(
    unsafe_code,
    reason = "parking_lot_core's functions are unsafe, for the sake of their keys and callbacks"
)]

use std::cell::Cell;
use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use parking_lot_core::{DEFAULT_PARK_TOKEN, DEFAULT_UNPARK_TOKEN, FilterOp, ParkResult};
use tidemark_host::{Clock, HostError, Monotonic, WaitOutcome, Wakeups, Word};

use crate::clock::NativeClock;
use crate::limits::SPIN;

mod async_wait;
mod deadlines;

pub use async_wait::NativeWait;
use async_wait::Waiters;
use deadlines::Deadlines;

thread_local! {
    /// Set on the control event loop's thread.
    static MUST_NOT_BLOCK: Cell<bool> = const { Cell::new(false) };
}

/// Says that waits on this thread would stop an event loop.
pub(crate) fn forbid_blocking_here() {
    MUST_NOT_BLOCK.set(true);
}

/// Makes timed waits of this thread as exact as the platform can. Linux rounds those of ordinary threads up by as much
/// as 50 µs, to save wake-ups (`PR_SET_TIMERSLACK`, prctl(2)); a guest asks for its own rounding.
pub(crate) fn wake_in_time_here() {
    #[cfg(target_os = "linux")]
    {
        let smallest = Some(std::num::NonZeroU64::MIN);
        // A platform that refuses leaves waits a little late, which no deadline rules out.
        let _ = rustix::thread::set_current_timer_slack(smallest);
    }
}

/// Futex-like waits for threads and for event loops.
#[derive(Clone, Debug)]
pub struct NativeWakeups {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: NativeClock,
    waiters: Waiters,
    deadlines: Deadlines,
}

impl NativeWakeups {
    /// # Errors
    /// The platform's, if it has no thread for the deadlines of async waits.
    pub(crate) fn new(clock: NativeClock) -> Result<Self, HostError> {
        let shared = Shared { clock, waiters: Waiters::new(), deadlines: Deadlines::start()? };
        Ok(Self { shared: Arc::new(shared) })
    }
}

impl Wakeups for NativeWakeups {
    type Wait = NativeWait;

    fn wait(&self, word: &AtomicU32, expected: u32, deadline: Option<Monotonic>) -> WaitOutcome {
        if word.load(Ordering::SeqCst) != expected {
            return WaitOutcome::Changed;
        }
        if MUST_NOT_BLOCK.get() {
            return WaitOutcome::MustNotBlock;
        }
        if deadline.is_some_and(|deadline| deadline <= self.shared.clock.monotonic()) {
            return WaitOutcome::TimedOut;
        }
        if spin_until_changed(word, expected) {
            return WaitOutcome::Woken;
        }
        // A deadline beyond what the platform can express is as good as none.
        let until = deadline.and_then(|deadline| self.shared.clock.instant(deadline));
        sleep(word, expected, until)
    }

    fn wait_async(&self, word: &Word, expected: u32, deadline: Option<Monotonic>) -> NativeWait {
        NativeWait::new(self.clone(), word.clone(), expected, deadline)
    }

    fn notify(&self, word: &AtomicU32, count: u32) -> u32 {
        let threads = wake_threads(word, count);
        threads + self.shared.waiters.wake(word, count - threads)
    }
}

/// Whether `word` changed within [`SPIN`].
fn spin_until_changed(word: &AtomicU32, expected: u32) -> bool {
    /// Looks at the word between two looks at the clock, which costs as much as a few dozen of them.
    const LOOKS: u32 = 32;
    let start = Instant::now();
    loop {
        for _ in 0..LOOKS {
            if word.load(Ordering::Relaxed) != expected {
                return true;
            }
            hint::spin_loop();
        }
        if start.elapsed() >= SPIN {
            return false;
        }
    }
}

/// Sleeps on `word` until notified or `until`. The comparison happens under the lock that notifying takes.
fn sleep(word: &AtomicU32, expected: u32, until: Option<Instant>) -> WaitOutcome {
    let unchanged = || word.load(Ordering::SeqCst) == expected;
    // SAFETY: the callbacks neither panic nor call into parking_lot_core. The key is the address of an atomic that is
    // borrowed meanwhile, so it is nobody else's key: other users of the table use addresses of their own locks.
    let result =
        unsafe { parking_lot_core::park(key(word), unchanged, || {}, |_, _| {}, DEFAULT_PARK_TOKEN, until) };
    match result {
        ParkResult::Unparked(_) => WaitOutcome::Woken,
        ParkResult::Invalid => WaitOutcome::Changed,
        ParkResult::TimedOut => WaitOutcome::TimedOut,
    }
}

/// Wakes at most `count` threads that sleep on `word`; returns how many.
fn wake_threads(word: &AtomicU32, count: u32) -> u32 {
    let woken = match count {
        0 => 0,
        // SAFETY: no callback; the key as in `sleep`.
        u32::MAX => unsafe { parking_lot_core::unpark_all(key(word), DEFAULT_UNPARK_TOKEN) },
        _ => {
            let mut left = count;
            let take = |_| match left.checked_sub(1) {
                Some(rest) => {
                    left = rest;
                    FilterOp::Unpark
                }
                None => FilterOp::Stop,
            };
            // SAFETY: the callbacks neither panic nor call into parking_lot_core; the key as in `sleep`.
            unsafe { parking_lot_core::unpark_filter(key(word), take, |_| DEFAULT_UNPARK_TOKEN) }
                .unparked_threads
        }
    };
    // More threads than u32 counts do not exist; the minimum keeps `count - woken` from wrapping all the same.
    u32::try_from(woken).unwrap_or(u32::MAX).min(count)
}

fn key(word: &AtomicU32) -> usize {
    word.as_ptr().addr()
}
