//! Virtual time: it passes because somebody looks at it, because a step was made, or because nothing is left to do but
//! wait.

use std::sync::Arc;

use super::shared::Shared;
use crate::clock::{Clock, Monotonic, Realtime};

/// A reading takes up to this long, in nanoseconds.
const READING: u64 = 200;

/// A reading during which the thread was put aside takes up to this long, in nanoseconds.
const PREEMPTION: u64 = 8_000_000;

/// The clock of a simulated world.
#[derive(Clone, Debug)]
pub struct SimClock(pub(super) Arc<Shared>);

impl Clock for SimClock {
    fn monotonic(&self) -> Monotonic {
        let faults = self.0.config.faults;
        self.0.with(|state| {
            let longest = if state.clock_dice.happens(faults.preemptions) { PREEMPTION } else { READING };
            let spent = 1 + state.clock_dice.below(longest);
            state.pass(spent);
            Monotonic::from_nanos(state.now)
        })
    }

    fn realtime(&self) -> Realtime {
        let since_start = self.monotonic().as_nanos();
        Realtime::from_nanos(self.0.config.epoch_nanos.saturating_add(since_start))
    }

    fn resolution_nanos(&self) -> u64 {
        1
    }
}
