//! Time as the kernel knows it: a value that comes in with every input.
//!
//! Owns `Now` and the kernel's nanosecond type; reads no clock itself.

use crate::errno::{Errno, Result};

/// Nanoseconds on some clock, or a span of them.
pub type Nanos = u64;

/// The moment an input was made, on the clocks the kernel keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Nanoseconds of `CLOCK_MONOTONIC`, from an arbitrary start; never steps back.
    pub monotonic: Nanos,
    /// Nanoseconds since 1970-01-01 UTC (`CLOCK_REALTIME`).
    pub realtime: Nanos,
}

/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: Nanos = 1_000_000_000;

/// Clock ticks a second as user space sees them (`sysconf(_SC_CLK_TCK)`, `USER_HZ`).
pub const CLOCK_TICKS: u64 = 100;

/// `nanos` in clock ticks.
pub const fn clock_ticks(nanos: Nanos) -> u64 {
    nanos / (NANOS_PER_SECOND / CLOCK_TICKS)
}

crate::pod! {
    /// `struct timespec`.
    pub struct Timespec {
        /// Whole seconds.
        pub seconds: i64,
        /// Nanoseconds on top.
        pub nanos: i64,
    }
}

crate::pod! {
    /// `struct timeval`.
    pub struct Timeval {
        /// Whole seconds.
        pub seconds: i64,
        /// Microseconds on top.
        pub micros: i64,
    }
}

impl Timespec {
    /// From a span or moment.
    pub const fn new(nanos: Nanos) -> Timespec {
        Timespec { seconds: (nanos / NANOS_PER_SECOND) as i64, nanos: (nanos % NANOS_PER_SECOND) as i64 }
    }

    /// The span or moment; what does not fit is the largest that does.
    ///
    /// # Errors
    /// `EINVAL` when it is negative or not normalised.
    pub fn nanos(&self) -> Result<Nanos> {
        let seconds = u64::try_from(self.seconds).map_err(|_| Errno::EINVAL)?;
        let nanos = u64::try_from(self.nanos).ok().filter(|nanos| *nanos < NANOS_PER_SECOND);
        Ok(seconds.saturating_mul(NANOS_PER_SECOND).saturating_add(nanos.ok_or(Errno::EINVAL)?))
    }
}

impl Timeval {
    /// From a span or moment.
    pub const fn new(nanos: Nanos) -> Timeval {
        Timeval {
            seconds: (nanos / NANOS_PER_SECOND) as i64,
            micros: (nanos % NANOS_PER_SECOND / 1000) as i64,
        }
    }

    /// The span or moment; what does not fit is the largest that does.
    ///
    /// # Errors
    /// `EINVAL` when it is negative or not normalised.
    pub fn nanos(&self) -> Result<Nanos> {
        let seconds = u64::try_from(self.seconds).map_err(|_| Errno::EINVAL)?;
        let micros = u64::try_from(self.micros).ok().filter(|micros| *micros < 1_000_000);
        Ok(seconds.saturating_mul(NANOS_PER_SECOND).saturating_add(micros.ok_or(Errno::EINVAL)? * 1000))
    }
}

/// A clock that deadlines are set on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clock {
    /// `CLOCK_REALTIME`.
    Realtime,
    /// `CLOCK_MONOTONIC`; `CLOCK_BOOTTIME` is the same, since the guest is never suspended.
    Monotonic,
}

impl Clock {
    /// The number that programs know it by (`clock_gettime(2)`).
    pub const fn number(self) -> u32 {
        match self {
            Clock::Realtime => 0,
            Clock::Monotonic => 1,
        }
    }

    /// The moment on this clock.
    pub const fn read(self, now: Now) -> Nanos {
        match self {
            Clock::Realtime => now.realtime,
            Clock::Monotonic => now.monotonic,
        }
    }

    /// The moment `at` of this clock on `CLOCK_MONOTONIC`; a past one is now.
    pub fn deadline(self, at: Nanos, now: Now) -> Nanos {
        now.monotonic.saturating_add(at.saturating_sub(self.read(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_checked() {
        assert_eq!(Timespec { seconds: 1, nanos: 2 }.nanos(), Ok(1_000_000_002));
        assert_eq!(Timespec { seconds: -1, nanos: 0 }.nanos(), Err(Errno::EINVAL));
        assert_eq!(Timespec { seconds: 0, nanos: 1_000_000_000 }.nanos(), Err(Errno::EINVAL));
        assert_eq!(Timespec { seconds: i64::MAX, nanos: 0 }.nanos(), Ok(Nanos::MAX));
        assert_eq!(Timeval { seconds: 0, micros: 1_000_000 }.nanos(), Err(Errno::EINVAL));
    }

    #[test]
    fn a_deadline_moves_to_the_monotonic_clock() {
        let now = Now { monotonic: 100, realtime: 5_000 };
        assert_eq!(Clock::Realtime.deadline(5_010, now), 110);
        assert_eq!(Clock::Realtime.deadline(4_000, now), 100);
        assert_eq!(Clock::Monotonic.deadline(50, now), 100);
    }
}
