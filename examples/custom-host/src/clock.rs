//! Time, by the standard library.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tidemark_host::{Clock, Monotonic, Realtime};

/// The clocks. The monotonic one starts when the host is made.
#[derive(Clone, Copy, Debug)]
pub struct StdClock {
    origin: Instant,
}

impl StdClock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Clock for StdClock {
    fn monotonic(&self) -> Monotonic {
        Monotonic::ORIGIN.saturating_add(self.origin.elapsed())
    }

    fn realtime(&self) -> Realtime {
        // A date before 1970 reads as 1970.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Realtime::from_nanos(u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX))
    }

    fn resolution_nanos(&self) -> u64 {
        1
    }
}
