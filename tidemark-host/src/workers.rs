//! Workers: where turns run.
//!
//! Owns the contract on starting workers, on the turns they run, and on how their end is reported. It does not own
//! what the roles are (the runtime's) nor scheduling: a host runs the turns it was given and nothing else.

use std::fmt;

use crate::clock::Monotonic;
use crate::error::{ErrorKind, HostError};
use crate::limits::{DEFAULT_STACK_BYTES, MAX_STACK_BYTES, MIN_STACK_BYTES};
use crate::wakeups::Word;

/// Starts workers. Callable from any worker and from the control event loop.
///
/// A worker is an operating-system thread, a Web Worker, a `worker_threads` thread, or, on a host without
/// [`ParallelWorkers`](crate::Capability::ParallelWorkers), an entry in a list of turns that one thread runs in
/// rotation. Turns cannot tell, as long as they park rather than block.
pub trait Workers: Clone + Send + Sync + 'static {
    /// What [`spawn`](Self::spawn) returns. Dropping it detaches the worker.
    type Handle: WorkerHandle;

    /// Starts a worker that runs `entry` until it exits or panics, or takes one that was started ahead. When the worker
    /// has ended, `on_end` is called, exactly once.
    ///
    /// # Errors
    /// `Exhausted` if the host's limit on workers or the platform's is reached; `entry` and `on_end` are dropped.
    ///
    /// # Blocking
    /// Not on a worker's progress: returns without waiting for the first turn. Starting a thread of the platform may take
    /// tens of microseconds.
    ///
    /// # Checked by
    /// - `workers: generated sequences of turns`
    /// - `workers: a parked worker goes on when notified`
    /// - `workers: a parked worker goes on at its deadline`
    /// - `workers: a parked worker takes no turns`
    /// - `workers: an exit drops the entry, then is told`
    /// - `workers: a panic is told, and ends that worker only`
    /// - `workers: a worker can start another`
    /// - `workers: many at once, round after round`
    /// - `workers: a dropped handle detaches`
    /// - `workers: two make progress at once`
    /// - `workers: yielding lets others go on`
    fn spawn(&self, role: Role, entry: Box<dyn Turn>, on_end: OnEnd) -> Result<Self::Handle, HostError>;

    /// Starts idle workers until `count` of them wait for a [`spawn`](Self::spawn) of this role's stack size or less.
    ///
    /// # Errors
    /// `Exhausted` as in [`spawn`](Self::spawn); those already started stay.
    ///
    /// # Blocking
    /// As [`spawn`](Self::spawn): returns before they are up where starting one takes long.
    ///
    /// # Checked by
    /// - `workers: started ahead, and with stacks of their own`
    fn start_ahead(&self, role: Role, count: usize) -> Result<(), HostError>;
}

/// What a worker runs: a piece of work at a time, never for long.
///
/// The host calls [`turn`](Self::turn) over and over and does what the result says. On any host it may return to its
/// event loop between two turns, and on some it must: a turn that never returns starves messages in a browser and
/// every other turn on a host without parallel workers. A millisecond or so is a good length.
///
/// A turn that panics (or traps, in WebAssembly) ends its worker with [`WorkerEnd::Panicked`]; the host drops the entry
/// if the platform still can.
pub trait Turn: Send + 'static {
    /// Does a piece of work and says how to go on. Called by the host, implemented by its user.
    fn turn(&mut self) -> TurnResult;
}

/// A closure is an entry whose turn is a call.
impl<F: FnMut() -> TurnResult + Send + 'static> Turn for F {
    fn turn(&mut self) -> TurnResult {
        self()
    }
}

/// What a turn wants next. A host takes a wish that it does not know for [`Again`](Self::Again), which is always right and
/// perhaps slow.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TurnResult {
    /// The next turn, now: there is more to do.
    Again,
    /// The next turn once `word` was notified, differs from `expected`, or `deadline` came (`None`: never comes). As
    /// with [`Wakeups::wait`](crate::Wakeups::wait), it may also come for no reason. Whether parking blocks the thread
    /// or returns to the worker's event loop is the host's choice.
    Park {
        /// The word to wait on.
        word: Word,
        /// The value to go on waiting at.
        expected: u32,
        /// When to go on regardless.
        deadline: Option<Monotonic>,
    },
    /// The next turn, after others had their chance: the worker's event loop, and other turns on the same thread.
    Yield,
    /// No more turns: the worker ends with [`WorkerEnd::Exited`] and its entry is dropped.
    Exit,
}

/// One started worker.
pub trait WorkerHandle: Send + Sync + 'static {
    /// The worker's name within its host; never used twice.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `workers: no two have the same id`
    fn id(&self) -> WorkerId;

    /// How the worker ended; `None` as long as it has not. Set before `on_end` is called.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `workers: an exit drops the entry, then is told`
    /// - `workers: a panic is told, and ends that worker only`
    fn end(&self) -> Option<WorkerEnd>;
}

/// Names a worker within its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId(u64);

impl WorkerId {
    /// The worker that its host counts as number `raw`.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The number.
    pub const fn as_raw(self) -> u64 {
        self.0
    }
}

/// Told how a worker or a control task ended. Called once, on a thread of the host's choice, possibly in the remains
/// of the failed worker: it must be short, must not block and must not panic. To store and notify is what it is for.
pub type OnEnd = Box<dyn FnOnce(WorkerEnd) + Send>;

/// How a worker or a control task ended. An end that the reader does not know is a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerEnd {
    /// The entry said [`TurnResult::Exit`], or the control task completed.
    Exited,
    /// The entry panicked or trapped. What it was changing may be half changed.
    Panicked {
        /// The panic's message, with its place where the platform tells.
        message: String,
    },
    /// The platform took the worker away: it could not be started after all, was terminated, or the host has ended.
    Lost {
        /// What the platform said.
        reason: String,
    },
}

impl fmt::Display for WorkerEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited => f.write_str("exited"),
            Self::Panicked { message } => write!(f, "panicked: {message}"),
            Self::Lost { reason } => write!(f, "lost: {reason}"),
        }
    }
}

/// What a worker is for: a name, for debuggers and reports, and the stack it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Role {
    name: &'static str,
    stack: StackBytes,
}

impl Role {
    /// A role with a stack of [`DEFAULT_STACK_BYTES`].
    pub const fn new(name: &'static str) -> Self {
        Self { name, stack: StackBytes(DEFAULT_STACK_BYTES) }
    }

    /// The same role with a stack of its own size.
    #[must_use]
    pub const fn with_stack(mut self, stack: StackBytes) -> Self {
        self.stack = stack;
        self
    }

    /// The role's name.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The size of the stack.
    pub const fn stack(self) -> StackBytes {
        self.stack
    }
}

/// A stack size within [`MIN_STACK_BYTES`] and [`MAX_STACK_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StackBytes(usize);

impl StackBytes {
    /// A stack of `bytes` bytes.
    ///
    /// # Errors
    /// `InvalidInput` outside [`MIN_STACK_BYTES`] to [`MAX_STACK_BYTES`].
    pub fn new(bytes: usize) -> Result<Self, HostError> {
        if (MIN_STACK_BYTES..=MAX_STACK_BYTES).contains(&bytes) {
            Ok(Self(bytes))
        } else {
            Err(HostError::new(ErrorKind::InvalidInput, format!("choosing a stack of {bytes} bytes")))
        }
    }

    /// The size in bytes.
    pub const fn get(self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_sizes_are_bounded() {
        assert!(StackBytes::new(MIN_STACK_BYTES - 1).is_err());
        assert_eq!(StackBytes::new(MIN_STACK_BYTES).map(StackBytes::get).ok(), Some(MIN_STACK_BYTES));
        assert_eq!(StackBytes::new(MAX_STACK_BYTES).map(StackBytes::get).ok(), Some(MAX_STACK_BYTES));
        assert!(StackBytes::new(MAX_STACK_BYTES + 1).is_err());
        assert!(StackBytes::new(Role::new("default").stack().get()).is_ok());
    }
}
