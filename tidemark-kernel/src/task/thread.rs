//! A guest thread: registers and a little state. It is not a worker.

use core::num::NonZeroU32;

use super::Pid;
use crate::cpu::hart::Hart;
use crate::limits::PID_MAX;
use crate::time::Nanos;
use crate::wait::{Entry, ParkSeq, Parked};
use crate::worker::WorkerId;

/// A thread id, 1 to [`PID_MAX`], as `gettid(2)` gives it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tid(NonZeroU32);

impl Tid {
    /// Checks the range.
    pub fn new(number: u32) -> Option<Tid> {
        (number <= PID_MAX).then(|| NonZeroU32::new(number).map(Tid)).flatten()
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

/// What a thread is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunState {
    /// Ready to run; its hart is in [`Thread::hart`].
    Runnable,
    /// On a worker, which holds its hart.
    Running(WorkerId),
    /// In a system call that waits ([`Thread::parked`]).
    Parked,
    /// Stopped by a signal, until `SIGCONT` or a fatal one.
    Stopped,
    /// Gone; the id is kept until it is reaped.
    Dead,
}

/// One guest thread.
#[derive(Debug)]
pub struct Thread {
    /// Its id.
    pub tid: Tid,
    /// The process it belongs to.
    pub pid: Pid,
    /// Registers, unless a worker holds them.
    pub hart: Option<Box<Hart>>,
    /// What it does.
    pub state: RunState,
    /// The system call it is in, while that waits or goes step by step.
    pub parked: Option<Box<Parked>>,
    /// How the handler of [`Thread::parked`] is entered next.
    pub entry: Entry,
    /// Counts parks, so that stale waiters are recognised.
    pub park: ParkSeq,
    /// CPU time used so far.
    pub cpu_time: Nanos,
}
