//! A guest thread: registers and a little state. It is not a worker.

use core::num::NonZeroU32;
use std::sync::Arc;

use super::scheduling::Scheduling;
use super::shared::ThreadShared;
use super::time::Accounted;
use super::usage::Usage;
use super::{Pid, exit::ExitStep};
use crate::addr::GuestAddr;
use crate::cpu::hart::Hart;
use crate::futex::WaitId;
use crate::limits::PID_MAX;
use crate::ptrace::Tracee;
use crate::signal::{AltStack, SigSet, SignalQueue};
use crate::syscall::trace::Traced;
use crate::time::Nanos;
use crate::wait::{Entry, ParkSeq, Parked};
use crate::worker::WorkerId;

/// A thread id, 1 to [`PID_MAX`], as `gettid(2)` gives it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tid(NonZeroU32);

impl Tid {
    /// Checks the range.
    pub const fn new(number: u32) -> Option<Tid> {
        match NonZeroU32::new(number) {
            Some(number) if number.get() <= PID_MAX => Some(Tid(number)),
            _ => None,
        }
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
    /// Stopped for its tracer.
    Traced,
}

/// Bytes of a thread's name, its final NUL included (`PR_SET_NAME`).
pub const NAME_BYTES: usize = 16;

/// A thread's name, NUL-padded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Name([u8; NAME_BYTES]);

impl Name {
    /// The first 15 bytes of `name`.
    pub fn new(name: &[u8]) -> Name {
        let mut bytes = [0; NAME_BYTES];
        let length = name.iter().position(|&byte| byte == 0).unwrap_or(name.len()).min(NAME_BYTES - 1);
        bytes[..length].copy_from_slice(&name[..length]);
        Name(bytes)
    }

    /// Without the padding.
    pub fn as_bytes(&self) -> &[u8] {
        let length = self.0.iter().position(|&byte| byte == 0).unwrap_or(NAME_BYTES);
        &self.0[..length]
    }

    /// With the padding.
    pub fn padded(&self) -> &[u8; NAME_BYTES] {
        &self.0
    }
}

/// Signals as far as one thread has them.
#[derive(Debug, Default)]
pub struct ThreadSignals {
    /// Blocked.
    pub mask: SigSet,
    /// The mask to go back to when the call that replaced it ends (`ppoll`, `rt_sigsuspend`).
    pub saved_mask: Option<SigSet>,
    /// Pending for this thread alone.
    pub pending: SignalQueue,
    /// What `rt_sigtimedwait` waits for, while it does.
    pub awaited: SigSet,
    /// `sigaltstack(2)`.
    pub alt_stack: AltStack,
}

/// One guest thread.
#[derive(Debug)]
pub struct Thread {
    /// Its id.
    pub tid: Tid,
    /// The process it belongs to.
    pub pid: Pid,
    /// Its name (`/proc/self/comm`).
    pub name: Name,
    /// Registers, unless a worker holds them.
    pub hart: Option<Box<Hart>>,
    /// What it does.
    pub state: RunState,
    /// The system call it is in, while that waits or goes step by step.
    pub parked: Option<Box<Parked>>,
    /// The box of its last call, kept so that the next one that waits does not allocate.
    pub(crate) spare: Option<Box<Parked>>,
    /// How the handler of [`Thread::parked`] is entered next.
    pub entry: Entry,
    /// Counts parks, so that stale waiters are recognised.
    pub park: ParkSeq,
    /// The park that it was woken from before it began: its call looked at many things in steps.
    pub(crate) early: Option<ParkSeq>,
    /// Its call heeds only what ends it (`vfork`).
    pub killable_only: bool,
    /// Mask, queue and alternative stack.
    pub signals: ThreadSignals,
    /// What it asked of the scheduler.
    pub scheduling: Scheduling,
    /// Counters of it alone.
    pub usage: Usage,
    /// What its hart had executed when it began: a clone's goes on from its creator's.
    pub(crate) first_instruction: u64,
    /// When it last went onto a worker, while it is on one.
    pub on_worker_since: Option<Nanos>,
    /// Up to where its time there was shared out.
    pub(crate) accounted: Accounted,
    /// When it began, on `CLOCK_MONOTONIC`.
    pub started: Nanos,
    /// Cleared, and its waiters woken, when the thread ends (`set_tid_address(2)`).
    pub clear_child_tid: GuestAddr,
    /// Head of its list of held futexes (`set_robust_list(2)`).
    pub robust_list: GuestAddr,
    /// How far its end has got, once it began.
    pub(crate) exit: Option<ExitStep>,
    /// It left an address space that is to be taken apart before it goes on.
    pub(crate) reclaiming: bool,
    /// Its queue entries while it waits on futexes; the memory is kept.
    pub(crate) futex_waits: Vec<WaitId>,
    /// Who traces it, and how; set for a little longer where it goes on from its last stop.
    pub(crate) traced: Option<Box<Tracee>>,
    /// The traced call it is in.
    pub(crate) trace: Option<Box<Traced>>,
    /// What workers answer without the lock.
    pub shared: Arc<ThreadShared>,
}

impl Thread {
    /// Whether it is ending and has handed over the locks it had: nobody can wait for it to do so.
    pub(crate) fn gave_up_locks(&self) -> bool {
        !matches!(self.exit, None | Some(ExitStep::Siblings(_) | ExitStep::Robust(_) | ExitStep::Locks))
    }
}
