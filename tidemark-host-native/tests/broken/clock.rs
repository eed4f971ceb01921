//! Broken clocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tidemark_host::{Clock, Monotonic, Realtime};
use tidemark_host_native::NativeClock;

use crate::fails;
use crate::patched::Patched;

#[derive(Clone)]
struct Broken {
    clock: NativeClock,
    readings: Arc<AtomicU64>,
    how: How,
}

#[derive(Clone, Copy)]
enum How {
    StandsStill,
    GoesBackNowAndThen,
    DiffersOnWorkers,
    DateStandsStill,
}

impl Clock for Broken {
    fn monotonic(&self) -> Monotonic {
        let now = self.clock.monotonic();
        let back = |by: Duration| Monotonic::from_nanos(now.as_nanos().saturating_sub(by.as_nanos() as u64));
        match self.how {
            How::StandsStill => Monotonic::from_nanos(1),
            How::GoesBackNowAndThen if self.readings.fetch_add(1, Ordering::Relaxed) % 100 == 99 => {
                back(Duration::from_millis(1))
            }
            How::DiffersOnWorkers if thread::current().name() == Some("tidemark conformance") => {
                back(Duration::from_millis(5))
            }
            _ => now,
        }
    }

    fn realtime(&self) -> Realtime {
        match self.how {
            How::DateStandsStill => Realtime::from_nanos(1_700_000_000_000_000_000),
            _ => self.clock.realtime(),
        }
    }

    fn resolution_nanos(&self) -> u64 {
        self.clock.resolution_nanos()
    }
}

fn host(
    how: How,
) -> Patched<
    tidemark_host_native::NativeMemory,
    tidemark_host_native::NativeWorkers,
    tidemark_host_native::NativeWakeups,
    Broken,
> {
    Patched::with_clock(|clock| Broken { clock, readings: Arc::default(), how })
}

#[test]
fn standing_still() {
    fails(&host(How::StandsStill), "clock: the monotonic clock advances and never goes back");
}

#[test]
fn going_back_now_and_then() {
    fails(&host(How::GoesBackNowAndThen), "clock: the monotonic clock advances and never goes back");
}

#[test]
fn differing_on_workers() {
    fails(&host(How::DiffersOnWorkers), "clock: the monotonic clock is one on all workers");
}

#[test]
fn a_date_that_stands_still() {
    fails(&host(How::DateStandsStill), "clock: the realtime clock advances with the monotonic one");
}
