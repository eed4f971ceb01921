//! What a runtime is started with, and why it may not start.

use std::sync::Arc;

use tidemark_host::{HostError, MissingCapabilities};
use tidemark_kernel::CreateError;
use tidemark_kernel::fs::layer::Layer;
use tidemark_kernel::limits::Limits;

use crate::bridge::BridgeMount;
use crate::holds::LockMeasure;
use crate::schedule::Schedule;

/// How to start a [`Runtime`](crate::Runtime).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// What the guest system may use.
    pub limits: Limits,
    /// Pool workers; `None`: one for each core the host reports, at most [`MAX_WORKERS`].
    pub workers: Option<u16>,
    /// The read-only layers of the root file system, lowest first.
    pub layers: Vec<Arc<Layer>>,
    /// What bridges answer for, in the order it is mounted.
    pub mounts: Vec<BridgeMount>,
    /// The guest's host name (`uname -n`).
    pub hostname: String,
    /// Seed of the guest's randomness; `None`: from the schedule's seed if that is random, else from the host's entropy.
    pub seed: Option<[u8; 32]>,
    /// Write a line for every system call of these names or classes, such as `%file`, with `!` for all but these (all, if
    /// the list is empty), to the trace.
    pub trace: Option<Vec<String>>,
    /// Measure how long the kernel's lock is held ([`Runtime::lock_report`](crate::Runtime::lock_report)).
    pub measure_lock: LockMeasure,
    /// How guest threads take turns.
    pub schedule: Schedule,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            limits: Limits::default(),
            workers: None,
            layers: Vec::new(),
            mounts: Vec::new(),
            hostname: "tidemark".to_owned(),
            seed: None,
            trace: None,
            measure_lock: LockMeasure::Off,
            schedule: Schedule::default(),
        }
    }
}

/// Pool workers at the most: the kernel keeps sets of them in one word.
pub const MAX_WORKERS: u16 = 64;

/// Why a runtime did not start. Nothing is left behind then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The host lacks something; the message names each thing and what would provide it.
    #[error(transparent)]
    Missing(#[from] MissingCapabilities),
    /// The host failed.
    #[error("the host could not start a sandbox: {0}")]
    Host(#[from] HostError),
    /// A call that is to be traced is none of Linux', or its name is misspelt.
    #[error(
        "there is no system call named {0:?} to trace; name calls, or %file, %desc, %process, %signal, %memory, %network, \
         %ipc, with ! for all but these"
    )]
    UnknownCall(String),
    /// The kernel refused its configuration.
    #[error(transparent)]
    Kernel(#[from] CreateError),
}
