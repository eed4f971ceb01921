//! The one lock around the kernel, and how long it is held.
//!
//! Owns mutual exclusion, precedence for the control loop, and the measurement of holds. What happens under the lock is
//! the kernel's.
//!
//! Waiting goes through the host's wakeups, not the standard library's mutex: a worker that trapped in WebAssembly
//! leaves its lock behind, and the others must be told, not wait for ever. The inner `Mutex` is there for its safe
//! interior mutability alone; it is never contended.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use tidemark_host::Wakeups;
use tidemark_kernel::Kernel;
use tidemark_kernel::limits::LOCK_HOLD;

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
    holds: Holds,
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
    pub(crate) fn new(locked: Locked, wakeups: W, measure: bool) -> Self {
        KernelLock {
            inner: Mutex::new(locked),
            state: AtomicU32::new(FREE),
            control_waits: AtomicBool::new(false),
            dead: AtomicBool::new(false),
            wakeups,
            holds: Holds { measure, ..Holds::default() },
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

    /// Whether holds are measured: then callers read the clock at both ends and [`record`](Self::record).
    pub(crate) fn measures(&self) -> bool {
        self.holds.measure
    }

    pub(crate) fn record(&self, nanos: u64) {
        self.holds.record(nanos);
    }

    pub(crate) fn report(&self) -> LockReport {
        self.holds.report()
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
            Ok(inner) => Ok(Guard { inner: Some(inner), lock: self }),
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

/// Buckets of a histogram by powers of two: bucket `i` counts holds of `2^i` to `2^(i+1) - 1` nanoseconds.
const BUCKETS: usize = 32;

#[derive(Default)]
struct Holds {
    measure: bool,
    buckets: [AtomicU32; BUCKETS],
    longest: AtomicU64,
    over: AtomicU64,
}

impl Holds {
    fn record(&self, nanos: u64) {
        let bucket = (nanos.max(1).ilog2() as usize).min(BUCKETS - 1);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.longest.fetch_max(nanos, Ordering::Relaxed);
        if nanos > LOCK_HOLD {
            self.over.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn report(&self) -> LockReport {
        LockReport {
            longest_nanos: self.longest.load(Ordering::Relaxed),
            over_limit: self.over.load(Ordering::Relaxed),
            buckets: std::array::from_fn(|i| self.buckets[i].load(Ordering::Relaxed)),
        }
    }
}

/// How long the kernel's lock was held, where [`Config::measure_lock`](crate::Config::measure_lock) was set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockReport {
    /// The longest hold, in nanoseconds of wall-clock time: on a busy machine it includes time in which the operating
    /// system ran something else.
    pub longest_nanos: u64,
    /// Holds longer than [`LOCK_HOLD`].
    pub over_limit: u64,
    /// Counts by length: entry `i` is of holds of `2^i` to `2^(i+1) - 1` nanoseconds.
    pub buckets: [u32; BUCKETS],
}

impl LockReport {
    /// All holds.
    pub fn count(&self) -> u64 {
        self.buckets.iter().copied().map(u64::from).sum()
    }

    /// The upper end, in nanoseconds, of the bucket that the given fraction (0 to 1) of holds does not exceed.
    pub fn quantile_nanos(&self, fraction: f64) -> u64 {
        let wanted = (self.count() as f64 * fraction).ceil() as u64;
        let mut seen = 0;
        for (i, count) in self.buckets.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return (2u64 << i) - 1;
            }
        }
        self.longest_nanos
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_are_counted_by_powers_of_two() {
        let holds = Holds { measure: true, ..Holds::default() };
        for nanos in [0, 1, 100, 127, 128, 60_000] {
            holds.record(nanos);
        }
        let report = holds.report();
        assert_eq!((report.count(), report.over_limit, report.longest_nanos), (6, 1, 60_000));
        assert_eq!(report.buckets[6], 2);
        assert_eq!(report.quantile_nanos(0.5), 127);
        assert_eq!(report.quantile_nanos(1.0), 65_535);
    }
}
