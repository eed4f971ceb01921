//! A host of one's own: cooperative, one thread, nothing but Tidemark's crates and the standard library.
//!
//! `docs/write-a-host.md` builds it step by step.

pub mod clock;
pub mod control;
pub mod entropy;
pub mod memory;
pub mod rotation;
pub mod wakeups;
pub mod workers;

use std::sync::Arc;

use tidemark_host::{Absent, Capabilities, Capability, Host, HostError};

use clock::StdClock;
use control::RotationControl;
use entropy::DeviceEntropy;
use memory::HeapMemory;
use rotation::Rotation;
use wakeups::RotationWakeups;
use workers::RotationWorkers;

/// The parts, made once; clones are the same host.
#[derive(Clone, Debug)]
pub struct CustomHost {
    capabilities: Arc<Capabilities>,
    rotation: Arc<Rotation>,
    memory: HeapMemory,
    workers: RotationWorkers,
    wakeups: RotationWakeups,
    clock: StdClock,
    control: RotationControl,
}

impl CustomHost {
    /// A host with a memory of `memory_bytes` at the most.
    ///
    /// # Errors
    /// `Exhausted` if there is not as much memory.
    pub fn new(memory_bytes: u64) -> Result<Self, HostError> {
        let clock = StdClock::start();
        let rotation = Rotation::new(clock);
        let wakeups = RotationWakeups::new(Arc::clone(&rotation), clock);
        let capabilities = Capabilities::new("custom")
            .without(Capability::ParallelWorkers, "a host with threads; this example has one");
        Ok(Self {
            capabilities: Arc::new(capabilities),
            memory: HeapMemory::reserve(memory_bytes)?,
            workers: RotationWorkers::new(Arc::clone(&rotation), wakeups.clone()),
            control: RotationControl::new(Arc::clone(&rotation)),
            rotation,
            wakeups,
            clock,
        })
    }

    /// Runs what was started on this host, on the calling thread, until `future` completes. Blocks meanwhile. What is left
    /// then is lost, and nothing can be started any more.
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        self.rotation.run(future)
    }
}

impl Host for CustomHost {
    type Memory = HeapMemory;
    type Workers = RotationWorkers;
    type Wakeups = RotationWakeups;
    type Clock = StdClock;
    type Entropy = DeviceEntropy;
    type Control = RotationControl;
    type Fetch = Absent;
    type Sockets = Absent;
    type Code = Absent;

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn memory(&self) -> &HeapMemory {
        &self.memory
    }

    fn workers(&self) -> &RotationWorkers {
        &self.workers
    }

    fn wakeups(&self) -> &RotationWakeups {
        &self.wakeups
    }

    fn clock(&self) -> &StdClock {
        &self.clock
    }

    fn entropy(&self) -> &DeviceEntropy {
        &DeviceEntropy
    }

    fn control(&self) -> &RotationControl {
        &self.control
    }

    fn code(&self) -> &Absent {
        &Absent
    }
}

// What follows is not in the guide.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/write-a-host.md")]
struct Guide;
