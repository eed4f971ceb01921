//! Everything the kernel owns, as one plain value: the parts side by side.
//!
//! Routes nothing and decides nothing; see the parts' modules.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::entropy::Entropy;
use crate::fs::Vfs;
use crate::limits::Limits;
use crate::mem::Memory;
use crate::status::Status;
use crate::task::Tasks;
use crate::time::Now;
use crate::timers::Timers;
use crate::wait::Woken;
use crate::worker::WorkerSlot;

/// The state of one guest system.
pub struct System {
    /// What it may use.
    pub limits: Limits,
    /// The moment of the input being handled.
    pub now: Now,
    /// The moment the kernel was made.
    pub boot: Now,
    /// Processes and threads.
    pub tasks: Tasks,
    /// Frames and address spaces.
    pub mem: Memory,
    /// Files.
    pub fs: Vfs,
    /// What is due when.
    pub timers: Timers,
    /// Who was woken since the kernel last looked.
    pub woken: Woken,
    /// What the runtime is to be told.
    pub statuses: VecDeque<Status>,
    /// What each worker shares.
    pub workers: Arc<[WorkerSlot]>,
    /// The guest's randomness.
    pub entropy: Entropy,
    /// The host name (`uname(2)`).
    pub hostname: Vec<u8>,
    /// Whether system calls are reported.
    pub trace: bool,
}

impl System {
    /// A timer other than a park's deadline expired.
    pub(crate) fn timer_expired(&mut self, _due: crate::timers::Due) {}
}
