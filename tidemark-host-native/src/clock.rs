//! The platform's clocks: `Instant` for deadlines, `SystemTime` for dates.

use std::time::{Duration, Instant, SystemTime};

use tidemark_host::{Clock, Monotonic, Realtime};

/// Clocks of the operating system. The monotonic origin is the moment the host was made.
#[derive(Clone, Copy, Debug)]
pub struct NativeClock {
    origin: Instant,
    resolution_nanos: u64,
}

impl NativeClock {
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now(), resolution_nanos: resolution_nanos().max(1) }
    }

    /// The platform's point in time for `deadline`; `None` if it lies beyond what the platform can express.
    pub(crate) fn instant(&self, deadline: Monotonic) -> Option<Instant> {
        self.origin.checked_add(Duration::from_nanos(deadline.as_nanos()))
    }
}

impl Clock for NativeClock {
    fn monotonic(&self) -> Monotonic {
        Monotonic::ORIGIN.saturating_add(self.origin.elapsed())
    }

    fn realtime(&self) -> Realtime {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Realtime::from_nanos(u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX))
    }

    fn resolution_nanos(&self) -> u64 {
        self.resolution_nanos
    }
}

/// How long the calling thread has computed so far, in nanoseconds: what is left of wall-clock time without waiting and
/// without the operating system running something else on its processor (interrupts may count). Costs a system call.
/// Not of the contract: for measuring natively.
#[cfg(unix)]
pub fn thread_cpu_nanos() -> u64 {
    nanos(rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime))
}

#[cfg(unix)]
fn nanos(time: rustix::time::Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

#[cfg(unix)]
fn resolution_nanos() -> u64 {
    nanos(rustix::time::clock_getres(rustix::time::ClockId::Monotonic))
}

/// The unit in which Windows' performance counter is commonly read: 100 ns.
#[cfg(windows)]
fn resolution_nanos() -> u64 {
    100
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn sleeping_is_not_computing() {
        let before = thread_cpu_nanos();
        std::thread::sleep(Duration::from_millis(50));
        let slept = thread_cpu_nanos();
        assert!(slept - before < 25_000_000);
        while thread_cpu_nanos() - slept < 1_000_000 {}
    }
}
