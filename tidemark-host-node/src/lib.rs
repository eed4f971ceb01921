//! The Tidemark host for Node: threaded WebAssembly on `worker_threads`.
//!
//! Guest RAM is the module's own linear memory. One worker runs the control event loop (js/control.mjs), which starts
//! all others (js/worker.mjs); Node's main thread instantiates nothing and never waits. Every worker instantiates the same
//! module over the same memory, with a stack and thread-local storage of its own, so the statics of this crate are
//! one for all workers, and a worker finds the host through them.
//!
//! Built for `wasm32-unknown-unknown` with atomics only; for any other target the crate is empty.

#![cfg(target_family = "wasm")]
#![feature(stdarch_wasm_atomic_wait)]
#![deny(unsafe_code)]

mod clock;
mod control;
mod entropy;
pub mod entry;
pub mod limits;
mod memory;
mod wakeups;
mod workers;

use std::num::NonZeroUsize;
use std::sync::Arc;

use tidemark_host::{Absent, Capabilities, Capability, Host};

pub use clock::NodeClock;
pub use control::NodeControl;
pub use entropy::NodeEntropy;
pub use memory::NodeMemory;
pub use wakeups::{AsyncWait, NodeWakeups};
pub use workers::{NodeHandle, NodeWorkers};

/// The host of this module's memory. Clones are the same host; there is one for each memory.
#[derive(Clone)]
pub struct NodeHost(Arc<Parts>);

struct Parts {
    capabilities: Capabilities,
    memory: NodeMemory,
    workers: NodeWorkers,
    wakeups: NodeWakeups,
    clock: NodeClock,
    entropy: NodeEntropy,
    control: NodeControl,
    code: Absent,
}

impl NodeHost {
    /// The host of this module's memory, once the control event loop has started it.
    pub fn current() -> Option<Self> {
        entry::host()
    }

    fn new(parallelism: NonZeroUsize, maximum_bytes: u64) -> Self {
        let wakeups = NodeWakeups::new();
        let control = NodeControl::new(wakeups.clone());
        Self(Arc::new(Parts {
            capabilities: Capabilities::new("node")
                .with_parallel_workers(parallelism)
                .without(Capability::Fetch, "a later version")
                .without(Capability::TcpConnect, "a later version")
                .without(Capability::TcpListen, "a later version")
                .without(Capability::WebSocket, "a later version"),
            memory: NodeMemory::new(maximum_bytes),
            workers: NodeWorkers::new(control.clone(), wakeups.clone()),
            wakeups,
            clock: NodeClock::new(),
            entropy: NodeEntropy,
            control,
            code: Absent,
        }))
    }
}

impl Host for NodeHost {
    type Memory = NodeMemory;
    type Workers = NodeWorkers;
    type Wakeups = NodeWakeups;
    type Clock = NodeClock;
    type Entropy = NodeEntropy;
    type Control = NodeControl;
    type Fetch = Absent;
    type Sockets = Absent;
    type Code = Absent;

    fn capabilities(&self) -> &Capabilities {
        &self.0.capabilities
    }

    fn memory(&self) -> &NodeMemory {
        &self.0.memory
    }

    fn workers(&self) -> &NodeWorkers {
        &self.0.workers
    }

    fn wakeups(&self) -> &NodeWakeups {
        &self.0.wakeups
    }

    fn clock(&self) -> &NodeClock {
        &self.0.clock
    }

    fn entropy(&self) -> &NodeEntropy {
        &self.0.entropy
    }

    fn control(&self) -> &NodeControl {
        &self.0.control
    }

    fn code(&self) -> &Absent {
        &self.0.code
    }
}
