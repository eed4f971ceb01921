//! Signals: queues, masks, dispositions, delivery and return.

mod action;
mod deliver;
pub(crate) mod frame;
mod info;
mod outside;
mod queue;
mod send;
mod set;
mod stop;

pub use action::{ACTION_BYTES, Action, ActionFlags, Actions, Disposition};
pub(crate) use info::SI_TKILL;
pub use info::{ChildChange, SIGINFO_BYTES, SigInfo};
pub use queue::SignalQueue;
pub use set::{DefaultAction, SIGNALS, SigSet, Signal};

use crate::errno::{Errno, Result};

/// An alternative stack for handlers (`sigaltstack(2)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AltStack {
    /// Its lowest byte.
    pub base: u64,
    /// `SS_AUTODISARM`, `SS_DISABLE`.
    pub flags: u32,
    /// Its size in bytes; zero when there is none.
    pub size: u64,
}

/// The least size of an alternative stack in bytes (`MINSIGSTKSZ`).
const MIN_STACK_BYTES: u64 = 2048;

impl Default for AltStack {
    /// None.
    fn default() -> Self {
        AltStack { base: 0, flags: frame::SS_DISABLE, size: 0 }
    }
}

impl AltStack {
    /// Checks what a guest passes to `sigaltstack(2)`.
    ///
    /// # Errors
    /// `EINVAL` for unknown flags, `ENOMEM` for a stack that is too small.
    pub(crate) fn validated(self) -> Result<AltStack> {
        match self.flags & !frame::SS_AUTODISARM {
            frame::SS_DISABLE => Ok(AltStack { base: 0, size: 0, ..self }),
            0 | frame::SS_ONSTACK if self.size < MIN_STACK_BYTES => Err(Errno::ENOMEM),
            0 | frame::SS_ONSTACK => Ok(self),
            _ => Err(Errno::EINVAL),
        }
    }
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

    /// `SIGKILL` from the kernel (`SI_KERNEL`): no memory is left for the page.
    pub const fn out_of_memory(addr: u64) -> Fault {
        Fault { signal: Signal::KILL, code: 0x80, addr }
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
