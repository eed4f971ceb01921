//! Signals: queues, masks, dispositions, delivery and return.

mod action;
mod info;
mod queue;
mod set;

pub use action::{ACTION_BYTES, Action, ActionFlags, Actions, Disposition};
pub use info::{ChildChange, SIGINFO_BYTES, SigInfo};
pub use queue::SignalQueue;
pub use set::{DefaultAction, SIGNALS, SigSet, Signal};

use crate::kernel::{Kernel, Running, Step};
use crate::system::System;
use crate::task::Tid;
use crate::wait::{Parked, Restart};

/// An alternative stack for handlers (`sigaltstack(2)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AltStack {
    /// Its lowest byte.
    pub base: u64,
    /// `SS_AUTODISARM`, or zero.
    pub flags: u32,
    /// Its size in bytes; zero when there is none.
    pub size: u64,
}

/// A synchronous fault that becomes a signal for the thread that made it (`sigaction(2)`, `si_code`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The signal.
    pub signal: Signal,
    /// Its `si_code`.
    pub code: i32,
    /// Its `si_addr`.
    pub addr: u64,
}

impl Fault {
    /// `SIGSEGV`, nothing mapped there (`SEGV_MAPERR`).
    pub const fn unmapped(addr: u64) -> Fault {
        Fault { signal: Signal::SEGV, code: 1, addr }
    }

    /// `SIGSEGV`, mapped without this permission (`SEGV_ACCERR`).
    pub const fn not_permitted(addr: u64) -> Fault {
        Fault { signal: Signal::SEGV, code: 2, addr }
    }

    /// `SIGBUS`, misaligned (`BUS_ADRALN`).
    pub const fn misaligned(addr: u64) -> Fault {
        Fault { signal: Signal::BUS, code: 1, addr }
    }

    /// `SIGBUS`, past the end of the mapped file (`BUS_ADRERR`).
    pub const fn beyond_file(addr: u64) -> Fault {
        Fault { signal: Signal::BUS, code: 2, addr }
    }

    /// `SIGILL` (`ILL_ILLOPC`).
    pub const fn illegal(addr: u64) -> Fault {
        Fault { signal: Signal::ILL, code: 1, addr }
    }

    /// `SIGTRAP` (`TRAP_BRKPT`).
    pub const fn breakpoint(addr: u64) -> Fault {
        Fault { signal: Signal::TRAP, code: 1, addr }
    }
}

impl System {
    /// Whether a signal is pending that this thread would have to act on.
    pub(crate) fn has_deliverable_signal(&self, _tid: Tid) -> bool {
        false
    }
}

impl Kernel {
    /// Last stop before guest code: delivers pending signals, stops, ends or goes on.
    pub(crate) fn return_to_guest(&mut self, running: Running) -> Step {
        if self.sys.must_exit(running.tid) {
            return self.exit_thread(running);
        }
        Step::Run(running)
    }

    /// A synchronous fault: queues the signal, then as [`Kernel::return_to_guest`].
    pub(crate) fn fault(&mut self, running: Running, _fault: Fault) -> Step {
        self.return_to_guest(running)
    }

    /// A signal interrupted the call: arranges for its restart or for `EINTR`.
    pub(crate) fn interrupted(&mut self, _running: &mut Running, _restart: Restart, _parked: &Parked) {}

    /// After a call that does not return: the thread is gone, or goes on with other registers.
    pub(crate) fn after_no_return(&mut self, running: Running) -> Step {
        self.return_to_guest(running)
    }
}
