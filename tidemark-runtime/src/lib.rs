//! Workers, scheduling and handles around the Tidemark kernel, generic over what lends them: a [`tidemark_host::Host`].
//!
//! The kernel says *what* happens; this crate decides *where* and *when*: which worker runs which guest thread, who
//! holds the kernel's lock, how an application's requests reach it and how its answers come back. It knows no system
//! call, no package and no policy.
//!
//! # Roles
//! - **Pool workers** (`worker`) run guest threads, about one worker a core. They take the lock only for a trap.
//! - The **control loop** (`control`) is one task on the host's event loop. It serves the application's requests and
//!   never blocks; handles ([`Process`], [`StdinWriter`], [`OutputReader`]) are plain `Send` values that message it.
//!
//! # Fail-stop
//! A panic in a pool worker or in the kernel ends this sandbox only: every handle answers [`Gone`] from then on.

#![forbid(unsafe_code)]

mod bridge;
mod config;
mod control;
mod feed;
mod gone;
mod holds;
mod io;
mod lock;
mod process;
mod questions;
mod queue;
mod request;
mod running;
mod runtime;
mod schedule;
mod shootdown;
mod trace;
mod watch;
mod worker;

pub use bridge::{BridgeMount, Bridged, FileBridge, MountOptions, Names, Opened, Written};
pub use config::{Config, StartError};
pub use feed::{Feed, News};
pub use gone::Gone;
pub use holds::{HoldTimes, LockMeasure, LockReport, LongHold, Stopwatch};
pub use io::{OutputReader, StdinWriter, WriteError};
pub use process::{Exit, Process, Terminal};
pub use request::Sink;
pub use running::Usage;
pub use runtime::Runtime;
pub use schedule::{NotASchedule, RandomSchedule, Schedule};
pub use watch::FileWatch;
