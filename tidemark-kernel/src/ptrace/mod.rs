//! Tracing (`ptrace(2)`): processes that watch and change others, as debuggers do.
//!
//! Owns who traces whom, when a traced thread stops and how it goes on. A thread that nobody traces carries one empty
//! field, and is asked for it where it enters and leaves the kernel. What a request's arguments mean is `syscall`'s.

mod access;
mod registers;
mod relation;
mod stop;

pub(crate) use access::Poked;
pub(crate) use registers::{REGISTER_BYTES, RegisterSet};
pub(crate) use stop::{Next, shown_result};

use crate::signal::{SigInfo, Signal};
use crate::task::Pid;
use crate::wait::{Parked, Restart};

/// A call that was interrupted, and whether it is made again.
pub(crate) type Interrupted = (Restart, Box<Parked>);

/// Bits of `PTRACE_SETOPTIONS`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Options(pub(crate) u64);

impl Options {
    /// Bit 7 of the signal in stops at system calls.
    pub(crate) const SYSGOOD: Options = Options(1);
    pub(crate) const FORK: Options = Options(1 << 1);
    pub(crate) const VFORK: Options = Options(1 << 2);
    pub(crate) const CLONE: Options = Options(1 << 3);
    pub(crate) const EXEC: Options = Options(1 << 4);
    pub(crate) const VFORK_DONE: Options = Options(1 << 5);
    pub(crate) const EXIT: Options = Options(1 << 6);
    /// Tracees end with their tracer.
    pub(crate) const EXIT_KILL: Options = Options(1 << 20);

    /// All that may be set; `PTRACE_O_TRACESECCOMP` never happens, since there are no filters.
    const KNOWN: u64 = 0xff | Options::EXIT_KILL.0;

    /// Checks what a tracer asks for.
    pub(crate) const fn new(bits: u64) -> Option<Options> {
        if bits & !Options::KNOWN == 0 { Some(Options(bits)) } else { None }
    }

    /// Whether it is set.
    pub(crate) const fn has(self, other: Options) -> bool {
        self.0 & other.0 == other.0
    }
}

/// `PTRACE_EVENT_…`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum Event {
    Fork = 1,
    Vfork = 2,
    Clone = 3,
    Exec = 4,
    VforkDone = 5,
    Exit = 6,
    Stop = 128,
}

impl Event {
    /// The option that asks for it; none for the stop that is always told.
    pub(crate) const fn option(self) -> Options {
        match self {
            Event::Fork => Options::FORK,
            Event::Vfork => Options::VFORK,
            Event::Clone => Options::CLONE,
            Event::Exec => Options::EXEC,
            Event::VforkDone => Options::VFORK_DONE,
            Event::Exit => Options::EXIT,
            Event::Stop => Options(0),
        }
    }
}

/// How far a tracer let its tracee go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Until {
    /// Until something happens (`PTRACE_CONT`).
    #[default]
    Event,
    /// Until it enters or leaves a system call, too.
    Call,
    /// For one instruction.
    Step,
}

/// Why a tracee stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reason {
    /// A signal is about to be delivered.
    Signal(SigInfo),
    /// Its process stopped.
    Group(Signal),
    /// It is about to make a call.
    Entry,
    /// A call is over.
    Exit,
    /// An event.
    Event(Event),
}

/// A tracee's stop.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) reason: Reason,
    /// What its tracer is told: the signal, and above it the event.
    pub(crate) code: u32,
    /// Whether its tracer has not waited for it yet.
    pub(crate) news: bool,
    /// Whether its tracer waits for news without letting it go on (`PTRACE_LISTEN`).
    pub(crate) listening: bool,
    /// How it goes on.
    pub(crate) next: Next,
}

/// What a traced thread carries.
#[derive(Debug)]
pub(crate) struct Tracee {
    pub(crate) tracer: Pid,
    /// Attached by `PTRACE_SEIZE`.
    pub(crate) seized: bool,
    pub(crate) options: Options,
    pub(crate) until: Until,
    /// While it is stopped.
    pub(crate) stop: Option<Stopped>,
    /// How it goes on, once it was let go.
    pub(crate) next: Option<Next>,
    /// What its tracer has it take.
    pub(crate) injected: Option<SigInfo>,
    /// It is to stop as soon as it can (`PTRACE_INTERRUPT`, a new thread).
    pub(crate) interrupt: bool,
    /// An event that its call made.
    pub(crate) event: Option<(Event, u64)>,
    /// `PTRACE_GETEVENTMSG`.
    pub(crate) message: u64,
    /// It was let go on from the stop its process is in.
    pub(crate) passed_stop: bool,
    /// Its tracer was told that it is about to end.
    pub(crate) exit_told: bool,
    /// The call it is in, and the `pc` that belongs to it, while its tracer has it do something else.
    pub(crate) kept_call: Option<(u64, Interrupted)>,
}

impl Tracee {
    fn new(tracer: Pid, seized: bool, options: Options) -> Tracee {
        Tracee {
            tracer,
            seized,
            options,
            until: Until::Event,
            stop: None,
            next: None,
            injected: None,
            interrupt: false,
            event: None,
            message: 0,
            passed_stop: false,
            exit_told: false,
            kept_call: None,
        }
    }
}
