//! Time: a monotonic clock for deadlines, a realtime clock for dates.
//!
//! Owns the two time types. It owns no timers: a deadline is an argument of a wait ([`Wakeups`](crate::Wakeups)).

use std::time::Duration;

/// Reads the host's clocks. Worker side: synchronous, callable from any worker, cheap (tens of nanoseconds natively).
pub trait Clock: Clone + Send + Sync + 'static {
    /// The monotonic clock. Never goes back, on any worker: a reading that happens after another is not less.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `clock: the monotonic clock advances and never goes back`
    /// - `clock: the monotonic clock is one on all workers`
    fn monotonic(&self) -> Monotonic;

    /// The realtime clock. May jump in either direction when the platform's clock is set.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `clock: the realtime clock tells a date of our time`
    /// - `clock: the realtime clock advances with the monotonic one`
    fn realtime(&self) -> Realtime;

    /// The step in which the monotonic clock advances, in nanoseconds, as far as the host knows; at least 1.
    /// Browsers coarsen it (5 µs with cross-origin isolation, 100 µs without).
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `clock: the resolution is between 1 ns and 1 s`
    fn resolution_nanos(&self) -> u64;
}

/// A point on a host's monotonic clock: nanoseconds since an origin that the host chose. Comparable only with others
/// of the same host. Its 64 bits last 584 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Monotonic {
    nanos: u64,
}

impl Monotonic {
    /// The clock's origin.
    pub const ORIGIN: Self = Self::from_nanos(0);

    /// The latest point there is; a deadline that never comes is better said as `None`.
    pub const MAX: Self = Self::from_nanos(u64::MAX);

    /// The point `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self { nanos }
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.nanos
    }

    /// The point `duration` later, or `None` past [`Monotonic::MAX`].
    pub fn checked_add(self, duration: Duration) -> Option<Self> {
        let added = u64::try_from(duration.as_nanos()).ok()?;
        self.nanos.checked_add(added).map(Self::from_nanos)
    }

    /// The point `duration` later, at most [`Monotonic::MAX`].
    pub fn saturating_add(self, duration: Duration) -> Self {
        self.checked_add(duration).unwrap_or(Self::MAX)
    }

    /// The time from `earlier` to here; zero if `earlier` is later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos.saturating_sub(earlier.nanos))
    }
}

/// A point on the realtime clock: nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX.1-2024,
/// 4.19 "Seconds Since the Epoch"). Its 64 bits last until the year 2554; an earlier date than 1970 reads as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Realtime {
    nanos: u64,
}

impl Realtime {
    /// The point `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self { nanos }
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> u64 {
        self.nanos
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_ends_at_the_clock_s_ends() {
        let late = Monotonic::from_nanos(u64::MAX - 1);
        assert_eq!(late.checked_add(Duration::from_nanos(1)), Some(Monotonic::MAX));
        assert_eq!(late.checked_add(Duration::from_nanos(2)), None);
        assert_eq!(late.saturating_add(Duration::MAX), Monotonic::MAX);
        assert_eq!(Monotonic::ORIGIN.saturating_since(late), Duration::ZERO);
        assert_eq!(Monotonic::MAX.saturating_since(late), Duration::from_nanos(1));
    }
}
