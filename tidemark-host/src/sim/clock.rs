//! Virtual time: it passes because somebody looks at it, because a step was made, or because nothing is left to do but
//! wait.

use std::sync::Arc;

use super::shared::Shared;
use crate::clock::{Clock, Monotonic, Realtime};

/// A reading takes up to this long, in nanoseconds.
const READING: u64 = 200;

/// The clock of a simulated world.
#[derive(Clone, Debug)]
pub struct SimClock(pub(super) Arc<Shared>);

impl Clock for SimClock {
    fn monotonic(&self) -> Monotonic {
        self.0.with(|state| {
            let spent = 1 + state.clock_dice.below(READING);
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
