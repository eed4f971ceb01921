//! This host's named bounds and its defaults.

use std::time::Duration;

/// The region reserved unless the configuration says otherwise, in bytes. Address space only: nothing is committed.
pub const DEFAULT_RESERVED_BYTES: u64 = 64 << 30;

/// The smallest region worth starting with, in bytes. Where the platform grants less address space than asked for (an
/// address-space limit, a 32-bit machine), halves are tried down to this.
pub const MIN_RESERVED_BYTES: u64 = 512 << 20;

/// Workers at once unless the configuration says otherwise.
pub const DEFAULT_MAX_WORKERS: usize = 512;

/// Threads kept idle after their worker exited, for the next one.
pub const MAX_IDLE_WORKERS: usize = 64;

/// How long a wait spins before it sleeps. A sleep and a wake-up cost about 5 µs, so what comes within the first
/// microsecond is cheaper to await awake; longer spinning takes the core from whoever should notify.
pub const SPIN: Duration = Duration::from_micros(1);

/// Stack of the threads that run the control event loop and the deadlines of async waits, in bytes.
pub const SERVICE_STACK_BYTES: usize = 2 << 20;
