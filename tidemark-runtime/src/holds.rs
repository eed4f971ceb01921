//! How long the kernel's lock is held, and what for.
//!
//! Owns counting. When a hold begins and ends is the lock's to say.
//!
//! Two lengths are told apart. The *time held* is wall-clock time: what others waited. The *work* is the time that the
//! holder computed meanwhile, by a [`Stopwatch`] that whoever measures brings along: it leaves out that the operating
//! system took the holder off its processor, which no code of ours can help. A host need not have such a thing, so it
//! is no part of the contract.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use tidemark_kernel::Operation;
use tidemark_kernel::limits::LOCK_HOLD;
use tidemark_kernel::time::Nanos;

/// Reads how long the thread that calls it has computed so far, in nanoseconds: on Linux,
/// `CLOCK_THREAD_CPUTIME_ID` (`clock_gettime(2)`).
pub type Stopwatch = fn() -> Nanos;

/// Whether and how holds of the lock are measured.
#[derive(Clone, Copy, Debug, Default)]
pub enum LockMeasure {
    /// Not at all.
    #[default]
    Off,
    /// The time held; two clock readings a hold.
    Held,
    /// Also the work; two readings of this stopwatch more, which themselves count as work in part.
    Worked(Stopwatch),
}

/// Buckets of a histogram by powers of two: bucket `i` counts holds of `2^i` to `2^(i+1) - 1` nanoseconds.
const BUCKETS: usize = 32;

/// Operations that a report lists at the most.
const LISTED: usize = 32;

/// What is counted of all holds.
pub(crate) struct Holds {
    stopwatch: Option<Stopwatch>,
    held: Lengths,
    worked: Lengths,
    /// By operation: its longest hold and how many were too long, by the work where it is measured.
    operations: Box<[Longest]>,
}

/// When a hold began.
#[derive(Clone, Copy)]
pub(crate) struct Start {
    held: Nanos,
    worked: Nanos,
}

#[derive(Default)]
struct Longest {
    nanos: AtomicU64,
    over: AtomicU64,
}

impl Holds {
    pub(crate) fn new(measure: LockMeasure) -> Option<Holds> {
        let stopwatch = match measure {
            LockMeasure::Off => return None,
            LockMeasure::Held => None,
            LockMeasure::Worked(stopwatch) => Some(stopwatch),
        };
        Some(Holds {
            stopwatch,
            held: Lengths::default(),
            worked: Lengths::default(),
            operations: (0..Operation::COUNT).map(|_| Longest::default()).collect(),
        })
    }

    pub(crate) fn start(&self, now: Nanos) -> Start {
        Start { held: now, worked: self.stopwatch.map_or(0, |read| read()) }
    }

    pub(crate) fn end(&self, start: Start, operation: Operation, now: Nanos) {
        let held = now.saturating_sub(start.held);
        self.held.record(held);
        let length = match self.stopwatch {
            Some(read) => {
                let worked = read().saturating_sub(start.worked);
                self.worked.record(worked);
                worked
            }
            None => held,
        };
        if let Some(longest) = self.operations.get(operation.index()) {
            longest.nanos.fetch_max(length, Ordering::Relaxed);
            if length > LOCK_HOLD {
                longest.over.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn report(&self) -> LockReport {
        let mut longest: Vec<LongHold> = (self.operations.iter().enumerate())
            .filter_map(|(index, longest)| {
                let nanos = longest.nanos.load(Ordering::Relaxed);
                let operation = Operation::from_index(index).filter(|_| nanos > 0)?;
                Some(LongHold { operation, nanos, over_limit: longest.over.load(Ordering::Relaxed) })
            })
            .collect();
        longest.sort_by_key(|hold| std::cmp::Reverse(hold.nanos));
        longest.truncate(LISTED);
        LockReport {
            held: self.held.report(),
            worked: self.stopwatch.is_some().then(|| self.worked.report()),
            longest,
        }
    }
}

#[derive(Default)]
struct Lengths {
    buckets: [AtomicU32; BUCKETS],
    longest: AtomicU64,
    over: AtomicU64,
}

impl Lengths {
    fn record(&self, nanos: u64) {
        let bucket = (nanos.max(1).ilog2() as usize).min(BUCKETS - 1);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.longest.fetch_max(nanos, Ordering::Relaxed);
        if nanos > LOCK_HOLD {
            self.over.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn report(&self) -> HoldTimes {
        HoldTimes {
            longest_nanos: self.longest.load(Ordering::Relaxed),
            over_limit: self.over.load(Ordering::Relaxed),
            buckets: std::array::from_fn(|i| self.buckets[i].load(Ordering::Relaxed)),
        }
    }
}

/// How long the kernel's lock was held, as far as [`Config::measure_lock`](crate::Config::measure_lock) said to
/// measure it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockReport {
    /// Wall-clock time: on a busy machine it includes time in which the operating system ran something else.
    pub held: HoldTimes,
    /// Time that the holders computed; `None` without a [`Stopwatch`].
    pub worked: Option<HoldTimes>,
    /// The operations with the longest holds, longest first, each once: by the work where that is measured.
    pub longest: Vec<LongHold>,
}

/// The lengths of all holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldTimes {
    /// The longest, in nanoseconds.
    pub longest_nanos: Nanos,
    /// Holds longer than [`LOCK_HOLD`].
    pub over_limit: u64,
    /// Counts by length: entry `i` is of holds of `2^i` to `2^(i+1) - 1` nanoseconds.
    pub buckets: [u32; BUCKETS],
}

/// What one operation held the lock for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongHold {
    /// What was done under the lock.
    pub operation: Operation,
    /// Its longest hold, in nanoseconds.
    pub nanos: Nanos,
    /// Its holds longer than [`LOCK_HOLD`].
    pub over_limit: u64,
}

impl HoldTimes {
    /// All holds.
    pub fn count(&self) -> u64 {
        self.buckets.iter().copied().map(u64::from).sum()
    }

    /// The upper end, in nanoseconds, of the bucket that the given fraction (0 to 1) of holds does not exceed.
    pub fn quantile_nanos(&self, fraction: f64) -> Nanos {
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
        let holds = Holds::new(LockMeasure::Held).unwrap();
        for nanos in [0, 1, 100, 127, 128, 60_000] {
            holds.end(holds.start(1000), Operation::Timers, 1000 + nanos);
        }
        let LockReport { held, worked, longest } = holds.report();
        assert_eq!((held.count(), held.over_limit, held.longest_nanos), (6, 1, 60_000));
        assert_eq!(held.buckets[6], 2);
        assert_eq!(held.quantile_nanos(0.5), 127);
        assert_eq!(held.quantile_nanos(1.0), 65_535);
        assert_eq!(worked, None);
        let timers = LongHold { operation: Operation::Timers, nanos: 60_000, over_limit: 1 };
        assert_eq!(longest, [timers]);
        assert!(Holds::new(LockMeasure::Off).is_none());
    }

    #[test]
    fn work_is_told_from_waiting_and_named() {
        static WORKED: AtomicU64 = AtomicU64::new(0);
        let holds = Holds::new(LockMeasure::Worked(|| WORKED.load(Ordering::Relaxed))).unwrap();
        let hold = |operation, held: u64, worked: u64| {
            let start = holds.start(500);
            WORKED.fetch_add(worked, Ordering::Relaxed);
            holds.end(start, operation, 500 + held);
        };
        hold(Operation::Call(64), 3_000_000, 700);
        hold(Operation::PageFault, 70_000, 60_000);
        hold(Operation::Call(64), 900, 800);
        let report = holds.report();
        assert_eq!((report.held.over_limit, report.held.longest_nanos), (2, 3_000_000));
        let worked = report.worked.unwrap();
        assert_eq!((worked.over_limit, worked.longest_nanos), (1, 60_000));
        let expected = [
            LongHold { operation: Operation::PageFault, nanos: 60_000, over_limit: 1 },
            LongHold { operation: Operation::Call(64), nanos: 800, over_limit: 0 },
        ];
        assert_eq!(report.longest, expected);
    }
}
