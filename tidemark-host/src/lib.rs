//! The contract between Tidemark and what lends it workers, memory and the network.
//!
//! A [`Host`] is a bundle of small traits, one a file, and one immutable capability report. It knows nothing of guests,
//! Linux or policy. Whoever writes a host implements these traits under the same file names, says in [`Capabilities`]
//! what it has, and runs the conformance suite (feature `conformance`) against it.
//!
//! # Two halves
//!
//! - **Worker side**: [`SharedMemory`], [`Workers`], [`Wakeups`], [`Clock`], [`Entropy`], [`CodeEngine`]. Synchronous,
//!   `Send`, called from any worker at any time.
//! - **Control side**: [`Fetch`], [`Sockets`]. Async and not `Send`: made on the host's one control event loop, which
//!   never blocks, and staying there. [`Control`] takes a task to that loop. A `Host` itself holds only what every
//!   worker may hold; where a platform's objects are bound to a thread, the host keeps ids of them.
//!
//! # Required and optional
//!
//! Memory, workers, wakeups, clock and entropy are required. The rest is optional: what a host lacks is the type
//! [`Absent`], whose calls answer [`ErrorKind::Unsupported`]. [`Requirements::check`] compares a configuration with
//! [`Capabilities`] before anything is built, so that a lack is told at once and whole.
//!
//! # Whose duty each check is
//!
//! - *The caller* keeps accesses within ranges that [`SharedMemory::grow`] returned; nothing checks them later. It looks
//!   at the word again after every wait, keeps turns short, and does not wait inside a turn where it can park.
//! - *The host* validates every argument of its methods and answers `InvalidInput`; it never panics on one. It rounds
//!   and bounds sizes, zeroes new memory, turns a worker's panic into a report, and answers for its platform's
//!   failures with a [`HostError`] rather than with a value made up.
//! - *The implementor of [`SharedMemory`]* vouches for the region (the trait is `unsafe` to implement); every other
//!   trait is safe to implement wrongly: the worst outcome is a stuck or failed sandbox, not undefined behaviour.
//! - *The types* check the rest: a [`Word`] lives as long as who waits on it, a [`StackBytes`] is within its limits, a
//!   control task's values cannot leave their loop.
//!
//! # Hosts without threads
//!
//! A worker's entry is a [`Turn`], not a thread's main function, so a host may run all turns in rotation on one thread.
//! It then lacks [`Capability::ParallelWorkers`], and [`Wakeups::wait`] answers [`WaitOutcome::MustNotBlock`].
//!
//! Contract traits have no default methods (a wrapper would forget to forward them) and no `cfg`.

#![deny(unsafe_code)]

mod absent;
mod capability;
mod clock;
mod code;
#[cfg(feature = "conformance")]
pub mod conformance;
mod control;
mod end_report;
mod entropy;
mod error;
mod fetch;
pub mod limits;
mod memory;
#[cfg(feature = "sim")]
pub mod sim;
mod sockets;
mod wakeups;
mod workers;
pub mod wrap;

pub use absent::{Absent, Nothing};
pub use capability::{Capabilities, Capability, MissingCapabilities, MissingCapability, Requirements};
pub use clock::{Clock, Monotonic, Realtime};
pub use code::{CodeEngine, CodeId};
pub use control::{Control, ControlFuture, ControlSide, ControlTask};
pub use end_report::EndReport;
pub use entropy::Entropy;
pub use error::{ErrorKind, HostError};
pub use fetch::{Body, Chunks, Fetch, Redirects};
pub use memory::{Discarded, SharedMemory};
pub use sockets::{Closed, Destination, Listener, Message, Sockets, WebSocket};
pub use wakeups::{WaitOutcome, Wakeups, Word};
pub use workers::{OnEnd, Role, StackBytes, Turn, TurnResult, WorkerEnd, WorkerHandle, WorkerId, Workers};

/// What lends Tidemark everything it runs on. Clones are the same host.
///
/// Associated types and accessors only: all behaviour is in the parts. Wrappers that trace, count or inject faults are
/// types of the same traits.
pub trait Host: Clone + Send + Sync + 'static {
    /// The shared region that guest pages live in.
    type Memory: SharedMemory;
    /// Where turns run.
    type Workers: Workers;
    /// Waiting and notifying.
    type Wakeups: Wakeups;
    /// Time.
    type Clock: Clock;
    /// Randomness.
    type Entropy: Entropy;
    /// The control event loop.
    type Control: Control<Fetch = Self::Fetch, Sockets = Self::Sockets>;
    /// HTTP, on the control event loop; or [`Absent`].
    type Fetch: Fetch;
    /// TCP and WebSocket, on the control event loop; or [`Absent`].
    type Sockets: Sockets;
    /// Generated code; or [`Absent`].
    type Code: CodeEngine;

    /// What this host has; always the same answer.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `capabilities: the report never changes`
    /// - `capabilities: fetch is there as declared`
    /// - `capabilities: sockets are there as declared`
    /// - `capabilities: the code engine is there as declared`
    fn capabilities(&self) -> &Capabilities;

    /// The shared region.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `memory: workers see the same bytes`
    fn memory(&self) -> &Self::Memory;

    /// Where turns run.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `workers: generated sequences of turns`
    fn workers(&self) -> &Self::Workers;

    /// Waiting and notifying.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `wakeups: workers wake each other`
    fn wakeups(&self) -> &Self::Wakeups;

    /// Time.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `clock: the monotonic clock is one on all workers`
    fn clock(&self) -> &Self::Clock;

    /// Randomness.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `entropy: workers get bytes of their own`
    fn entropy(&self) -> &Self::Entropy;

    /// The way to the control event loop, where [`Fetch`] and [`Sockets`] are made.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `control: a worker can start a task`
    fn control(&self) -> &Self::Control;

    /// Generated code.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `capabilities: the code engine is there as declared`
    fn code(&self) -> &Self::Code;
}
