//! Everything the kernel owns, as one plain value: the parts side by side.
//!
//! Routes nothing and decides nothing; see the parts' modules.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::entropy::Entropy;
use crate::fs::Vfs;
use crate::fs::proc::Settings;
use crate::futex::{Futexes, LockOwners};
use crate::ipc::Ipc;
use crate::limits::Limits;
use crate::mem::Memory;
use crate::operation::Operation;
use crate::status::Status;
use crate::task::{Deadline, Load, Pace, Pid, Tasks, Tid};
use crate::time::Now;
use crate::timers::{Due, Timers};
use crate::wait::{Entry, Woken};
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
    /// Which thread each worker runs.
    pub(crate) current: Box<[Option<Tid>]>,
    /// Time limits of programs that the application started.
    pub(crate) deadlines: BTreeMap<Pid, Deadline>,
    /// Whether the runtime is told of every process, not only of those that the application started.
    pub(crate) tell_processes: bool,
    /// Who waits on which word.
    pub futexes: Futexes,
    /// Who has which lock that others wait for.
    pub(crate) lock_owners: LockOwners,
    /// System V IPC.
    pub ipc: Ipc,
    /// The guest's randomness.
    pub entropy: Entropy,
    /// How fast programs run.
    pub(crate) pace: Pace,
    /// How busy it is.
    pub load: Load,
    /// What was set in `/proc/sys` and has no other place.
    pub(crate) settings: Settings,
    /// The host name (`uname(2)`).
    pub hostname: Vec<u8>,
    /// Whether system calls are reported.
    pub trace: bool,
    /// What the latest input made the kernel do.
    pub operation: Operation,
}

impl System {
    /// Goes on with what changes of System V objects left to do: one step. Whether more is left.
    pub(crate) fn settle_ipc(&mut self) -> bool {
        let segments = self.settle_segments();
        let semaphores = self.settle_semaphores();
        let queues = self.ipc.queues.free_doomed();
        segments || semaphores || queues
    }

    /// A deadline passed.
    pub(crate) fn timer_expired(&mut self, due: Due) {
        match due {
            Due::Park { tid, park } => self.unpark(tid, park, Entry::Timeout),
            Due::RealTimer(pid) => self.real_timer_due(pid),
            Due::PosixTimer { pid, id, armed } => self.posix_timer_due(pid, id, armed),
            Due::TimeLimit(pid) => self.time_limit_due(pid),
            Due::TimerFd { key, armed } => self.timerfd_due(key, armed),
        }
    }
}
