//! The Tidemark host on operating-system threads.
//!
//! Implements the contract of `tidemark-host` under the same file names: a reserved mapping as memory, threads as
//! workers, `parking_lot_core`'s table (futexes, on Linux) for waits, a current-thread tokio runtime as the control
//! event loop, hyper for fetch, tokio's and tungstenite's sockets. Generated code is [`Absent`], and the capability
//! report says so.
//!
//! It knows nothing of guests. It installs no panic hook, no signal handler and no global state.

#![deny(unsafe_code)]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use tidemark_host::{Absent, Capabilities, Capability, Host, HostError};

mod clock;
mod control;
mod entropy;
mod fetch;
pub mod limits;
mod memory;
mod sockets;
mod tls;
mod wakeups;
mod workers;

pub use clock::NativeClock;
#[cfg(unix)]
pub use clock::thread_cpu_nanos;
pub use control::NativeControl;
pub use entropy::NativeEntropy;
pub use fetch::NativeFetch;
pub use memory::NativeMemory;
pub use sockets::{NativeListener, NativeSockets, NativeStream, NativeWebSocket};
pub use wakeups::{NativeWait, NativeWakeups};
pub use workers::{NativeWorker, NativeWorkers};

/// How a [`NativeHost`] is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeConfig {
    /// The length that guest memory cannot exceed, in bytes: address space to reserve, not memory to use. Where the
    /// platform grants less, the region is smaller ([`SharedMemory::reserved`](tidemark_host::SharedMemory::reserved)
    /// tells).
    pub reserved_bytes: u64,
    /// How many workers there may be at once, idle ones included.
    pub max_workers: usize,
    /// Authorities to trust for `https` and `wss` besides those that the platform trusts: X.509 certificates in DER.
    pub extra_roots: Vec<Vec<u8>>,
}

impl Default for NativeConfig {
    fn default() -> Self {
        Self {
            reserved_bytes: limits::DEFAULT_RESERVED_BYTES,
            max_workers: limits::DEFAULT_MAX_WORKERS,
            extra_roots: Vec::new(),
        }
    }
}

/// A host on this process's threads and memory. Clones are the same host; when the last is dropped, its memory is
/// unmapped and its idle threads end.
#[derive(Clone, Debug)]
pub struct NativeHost {
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    capabilities: Capabilities,
    memory: NativeMemory,
    workers: NativeWorkers,
    wakeups: NativeWakeups,
    clock: NativeClock,
    entropy: NativeEntropy,
    control: NativeControl,
    code: Absent,
}

impl NativeHost {
    /// Makes a host: reserves its memory and starts its control event loop. Workers start when they are asked for.
    ///
    /// # Errors
    /// - `InvalidInput` if `reserved_bytes` is less than the growth step.
    /// - `Exhausted` if the platform grants too little address space.
    /// - The platform's, if it grants no thread.
    pub fn new(config: &NativeConfig) -> Result<Self, HostError> {
        let clock = NativeClock::new();
        let wakeups = NativeWakeups::new(clock)?;
        let parallelism = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let parts = Parts {
            capabilities: Capabilities::new("native")
                .with_parallel_workers(parallelism)
                .with(Capability::Fetch)
                .with(Capability::FetchStreamedRequest)
                .with(Capability::FetchRedirects)
                .with(Capability::TcpConnect)
                .with(Capability::TcpListen)
                .with(Capability::WebSocket),
            memory: NativeMemory::reserve(config.reserved_bytes)?,
            workers: NativeWorkers::new(wakeups.clone(), config.max_workers),
            wakeups,
            clock,
            entropy: NativeEntropy,
            control: NativeControl::start(config.extra_roots.clone())?,
            code: Absent,
        };
        Ok(Self { parts: Arc::new(parts) })
    }
}

impl Host for NativeHost {
    type Memory = NativeMemory;
    type Workers = NativeWorkers;
    type Wakeups = NativeWakeups;
    type Clock = NativeClock;
    type Entropy = NativeEntropy;
    type Control = NativeControl;
    type Fetch = NativeFetch;
    type Sockets = NativeSockets;
    type Code = Absent;

    fn capabilities(&self) -> &Capabilities {
        &self.parts.capabilities
    }

    fn memory(&self) -> &NativeMemory {
        &self.parts.memory
    }

    fn workers(&self) -> &NativeWorkers {
        &self.parts.workers
    }

    fn wakeups(&self) -> &NativeWakeups {
        &self.parts.wakeups
    }

    fn clock(&self) -> &NativeClock {
        &self.parts.clock
    }

    fn entropy(&self) -> &NativeEntropy {
        &self.parts.entropy
    }

    fn control(&self) -> &NativeControl {
        &self.parts.control
    }

    fn code(&self) -> &Absent {
        &self.parts.code
    }
}
