//! The one lock around the kernel.
//!
//! Owns mutual exclusion, precedence for the control loop, and when a measured hold begins and ends; what is counted is
//! `holds`' business. What happens under the lock is the kernel's.
//!
//! Waiting goes through the host's wakeups, not the standard library's mutex: a worker that trapped in WebAssembly
//! leaves its lock behind, and the others must be told, not wait for ever. The inner `Mutex` is there for its safe
//! interior mutability alone; it is never contended.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};

use tidemark_host::Wakeups;
use tidemark_kernel::Kernel;
use tidemark_kernel::time::Nanos;

use crate::holds::{Holds, LockReport, Start};
use crate::queue::RunQueue;

/// What the lock protects: the kernel, and who runs next.
pub(crate) struct Locked {
    pub(crate) kernel: Kernel,
    pub(crate) queue: RunQueue,
}

/// The lock. Its holders are short (`LOCK_HOLD`), so waiting for it is spinning first.
pub(crate) struct KernelLock<W: Wakeups> {
    inner: Mutex<Locked>,
    /// [`FREE`], [`HELD`] or [`CONTENDED`].
    state: AtomicU32,
    /// The control loop waits: workers let it through first.
    control_waits: AtomicBool,
    /// The sandbox is dead: nobody gets the lock any more.
    dead: AtomicBool,
    wakeups: W,
    holds: Option<Holds>,
}

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody sleeps on it.
const CONTENDED: u32 = 2;

/// Nobody gets the lock any more: the sandbox is dead.
#[derive(Debug)]
pub(crate) struct Dead;

/// Tries before a worker sleeps: a few microseconds, several times a usual hold.
const SPINS: u32 = 400;

/// Spins before a worker stops giving the control loop precedence.
const PRECEDENCE_SPINS: u32 = 2_000;

/// Spins before the control loop, which may not block, lets the operating system run something else.
const CONTROL_SPINS: u32 = 200;

impl<W: Wakeups> KernelLock<W> {
    /// With `holds`, callers say when they [`begin`](Guard::begin) and [`end`](Guard::end) a hold.
    pub(crate) fn new(locked: Locked, wakeups: W, holds: Option<Holds>) -> Self {
        KernelLock {
            inner: Mutex::new(locked),
            state: AtomicU32::new(FREE),
            control_waits: AtomicBool::new(false),
            dead: AtomicBool::new(false),
            wakeups,
            holds,
        }
    }

    /// Takes the lock for a worker. Blocks.
    pub(crate) fn lock(&self) -> Result<Guard<'_, W>, Dead> {
        let mut spins = 0;
        while self.control_waits.load(Ordering::Relaxed) && spins < PRECEDENCE_SPINS {
            std::hint::spin_loop();
            spins += 1;
        }
        for _ in 0..SPINS {
            if self.try_take() {
                return self.guard();
            }
            std::hint::spin_loop();
        }
        loop {
            if self.dead.load(Ordering::SeqCst) {
                return Err(Dead);
            }
            if self.state.swap(CONTENDED, Ordering::Acquire) == FREE {
                return self.guard();
            }
            self.wakeups.wait(&self.state, CONTENDED, None);
        }
    }

    /// Takes the lock for the control loop, before any worker that is not in it already. Spins, as the loop may not
    /// block.
    pub(crate) fn lock_control(&self) -> Result<Guard<'_, W>, Dead> {
        self.control_waits.store(true, Ordering::Relaxed);
        let mut spins = 0;
        let guard = loop {
            if self.dead.load(Ordering::SeqCst) {
                break Err(Dead);
            }
            if self.try_take() {
                break self.guard();
            }
            spins += 1;
            if spins % CONTROL_SPINS == 0 {
                std::thread::yield_now();
            }
            std::hint::spin_loop();
        };
        self.control_waits.store(false, Ordering::Relaxed);
        guard
    }

    /// Nobody gets the lock from now on, and whoever waits for it is told.
    pub(crate) fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.wakeups.notify(&self.state, u32::MAX);
    }

    pub(crate) fn report(&self) -> LockReport {
        self.holds.as_ref().map(Holds::report).unwrap_or_default()
    }

    fn try_take(&self) -> bool {
        self.state.load(Ordering::Relaxed) == FREE
            && self.state.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    fn guard(&self) -> Result<Guard<'_, W>, Dead> {
        if self.dead.load(Ordering::SeqCst) {
            return Err(Dead);
        }
        match self.inner.try_lock() {
            Ok(inner) => Ok(Guard { inner: Some(inner), lock: self, start: None }),
            // A holder panicked: what it was changing may be half changed.
            Err(_) => {
                self.kill();
                Err(Dead)
            }
        }
    }
}

/// The lock, held.
pub(crate) struct Guard<'a, W: Wakeups> {
    /// `None` only while dropping: the mutex is free before the state says so.
    inner: Option<MutexGuard<'a, Locked>>,
    lock: &'a KernelLock<W>,
    start: Option<Start>,
}

impl<W: Wakeups> Guard<'_, W> {
    /// The hold began at `now`, if holds are measured.
    pub(crate) fn begin(&mut self, now: Nanos) {
        self.start = self.lock.holds.as_ref().map(|holds| holds.start(now));
    }

    /// Gives the lock away, and counts the hold if it was begun; `clock` is read only then.
    pub(crate) fn end(self, clock: impl FnOnce() -> Nanos) {
        let (lock, start, operation) = (self.lock, self.start, self.kernel.operation());
        drop(self);
        if let (Some(holds), Some(start)) = (&lock.holds, start) {
            holds.end(start, operation, clock());
        }
    }
}

impl<W: Wakeups> Deref for Guard<'_, W> {
    type Target = Locked;
    fn deref(&self) -> &Locked {
        self.inner.as_ref().expect("present until drop")
    }
}

impl<W: Wakeups> DerefMut for Guard<'_, W> {
    fn deref_mut(&mut self) -> &mut Locked {
        self.inner.as_mut().expect("present until drop")
    }
}

impl<W: Wakeups> Drop for Guard<'_, W> {
    fn drop(&mut self) {
        self.inner = None;
        if self.lock.state.swap(FREE, Ordering::Release) == CONTENDED {
            self.lock.wakeups.notify(&self.lock.state, 1);
        }
    }
}
