//! Deadlines of async waits: one thread that sleeps until the earliest.
//!
//! tokio's timers would do, were they not rounded up to a millisecond: guests sleep for 50 µs.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::Instant;

use tidemark_host::HostError;

use crate::limits::SERVICE_STACK_BYTES;

/// Wakes wakers when their time has come. Dropping it ends the thread.
#[derive(Debug)]
pub(super) struct Deadlines {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    wakers: BTreeMap<(Instant, u64), Waker>,
    /// Until when the thread sleeps; `None`: until `changed`.
    sleeping_until: Option<Instant>,
    ended: bool,
}

impl Deadlines {
    pub(super) fn start() -> Result<Self, HostError> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("tidemark-deadlines".to_owned())
            .stack_size(SERVICE_STACK_BYTES)
            .spawn(move || of_thread.run())
            .map_err(|error| HostError::from_io("starting the thread for deadlines", error))?;
        Ok(Self { shared })
    }

    /// Wakes `waker` at `at`. Replaces the waker of the same `at` and `id`.
    pub(super) fn set(&self, at: Instant, id: u64, waker: &Waker) {
        let mut queue = self.shared.lock();
        queue.wakers.insert((at, id), waker.clone());
        // Only an earlier deadline is worth waking the thread for. One taken back costs it a wake-up for nothing, later.
        if queue.sleeping_until.is_none_or(|until| at < until) {
            queue.sleeping_until = Some(at);
            self.shared.changed.notify_one();
        }
    }

    /// Takes a deadline back; nothing happens if it has come.
    pub(super) fn clear(&self, at: Instant, id: u64) {
        self.shared.lock().wakers.remove(&(at, id));
    }
}

impl Drop for Deadlines {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn run(&self) {
        super::wake_in_time_here();
        let mut queue = self.lock();
        while !queue.ended {
            let now = Instant::now();
            // `(now, MAX)` is the last key whose time has come.
            let later = queue.wakers.split_off(&(now, u64::MAX));
            let due = mem::replace(&mut queue.wakers, later);
            if !due.is_empty() {
                // A waker may run anything, so the lock is not held.
                drop(queue);
                due.into_values().for_each(Waker::wake);
                queue = self.lock();
                continue;
            }
            queue.sleeping_until = queue.wakers.first_key_value().map(|((at, _), _)| *at);
            queue = match queue.sleeping_until {
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let timeout = until.saturating_duration_since(now);
                    self.changed.wait_timeout(queue, timeout).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// A panic cannot leave the queue half changed, so a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
