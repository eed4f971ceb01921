//! A host of one thread, virtual time and seeded choices: whatever runs on it can be run again, step for step.
//!
//! [`Sim`] is a world. Its [`SimHost`] is lent like any host; what was started on it runs only inside [`Sim::run`], on the
//! thread that calls it, one turn or poll at a time, in an order that the seed decides. Time stands still except for
//! what a step costs, and jumps to the next deadline when nobody can go on: an hour's sleep takes no time.
//!
//! A world may be unkind ([`Faults`]): it wakes waiters for no reason, stands still for a while, refuses memory and
//! workers. What it does is all within the contract; a program that fails in it fails on some host on some day.
//!
//! It has what a host without threads has: no parallel workers, and for now neither fetch nor sockets.
//!
//! ```
//! use tidemark_host::sim::{Sim, SimConfig};
//! use tidemark_host::{Host, Role, TurnResult, Wakeups, Word, Workers};
//!
//! let mut sim = Sim::new(SimConfig::new(7))?;
//! let host = sim.host().clone();
//! let (word, wakeups) = (Word::new(0), host.wakeups().clone());
//! let rung = word.clone();
//! let ring = move || {
//!     rung.atomic().store(1, std::sync::atomic::Ordering::SeqCst);
//!     wakeups.notify(rung.atomic(), 1);
//!     TurnResult::Exit
//! };
//! host.workers().spawn(Role::new("ringer"), Box::new(ring), Box::new(|_| {}))?;
//! sim.run(host.wakeups().wait_async(&word, 0, None))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clock;
mod config;
mod control;
mod dice;
mod driver;
mod entropy;
mod memory;
mod shared;
mod wakeups;
mod workers;

use std::sync::Arc;

use crate::Host;
use crate::absent::Absent;
use crate::capability::{Capabilities, Capability};
use crate::error::HostError;

pub use clock::SimClock;
pub use config::{Faults, SimConfig};
pub use control::SimControl;
pub use driver::{Sim, Stuck};
pub use entropy::SimEntropy;
pub use memory::SimMemory;
pub use wakeups::{SimWait, SimWakeups};
pub use workers::{SimWorker, SimWorkers};

use shared::Shared;

/// What a [`Sim`] lends. Clones are the same host.
#[derive(Clone, Debug)]
pub struct SimHost {
    capabilities: Arc<Capabilities>,
    memory: SimMemory,
    workers: SimWorkers,
    wakeups: SimWakeups,
    clock: SimClock,
    entropy: SimEntropy,
    control: SimControl,
}

impl SimHost {
    fn new(shared: &Arc<Shared>) -> Result<Self, HostError> {
        let capabilities = Capabilities::new("simulation")
            .without(Capability::ParallelWorkers, "another host: a simulation is of one thread");
        Ok(Self {
            capabilities: Arc::new(capabilities),
            memory: SimMemory::reserve(Arc::clone(shared))?,
            workers: SimWorkers(Arc::clone(shared)),
            wakeups: SimWakeups(Arc::clone(shared)),
            clock: SimClock(Arc::clone(shared)),
            entropy: SimEntropy(Arc::clone(shared)),
            control: SimControl(Arc::clone(shared)),
        })
    }
}

impl Host for SimHost {
    type Memory = SimMemory;
    type Workers = SimWorkers;
    type Wakeups = SimWakeups;
    type Clock = SimClock;
    type Entropy = SimEntropy;
    type Control = SimControl;
    type Fetch = Absent;
    type Sockets = Absent;
    type Code = Absent;

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn memory(&self) -> &SimMemory {
        &self.memory
    }

    fn workers(&self) -> &SimWorkers {
        &self.workers
    }

    fn wakeups(&self) -> &SimWakeups {
        &self.wakeups
    }

    fn clock(&self) -> &SimClock {
        &self.clock
    }

    fn entropy(&self) -> &SimEntropy {
        &self.entropy
    }

    fn control(&self) -> &SimControl {
        &self.control
    }

    fn code(&self) -> &Absent {
        &Absent
    }
}
