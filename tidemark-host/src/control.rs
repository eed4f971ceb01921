//! The control side: the host's one event loop, and what lives only there.
//!
//! Owns how a task gets onto the loop. Fetch and sockets are made there, per task, and stay there: their values may
//! hold JavaScript objects and are not `Send`. Everything else in the contract is worker side.

use std::future::Future;
use std::pin::Pin;

use crate::error::HostError;
use crate::fetch::Fetch;
use crate::sockets::Sockets;
use crate::workers::OnEnd;

/// Starts tasks on the control event loop: the event loop of one worker that never blocks, never the page's main
/// thread. Callable from any worker.
pub trait Control: Clone + Send + Sync + 'static {
    /// The host's HTTP client.
    type Fetch: Fetch;
    /// The host's sockets.
    type Sockets: Sockets;

    /// Sends `task` to the loop, where it is called with the parts that live there, and the future it returns is driven
    /// to its end. `on_end` is then called once, with [`Exited`](crate::WorkerEnd::Exited) or with how it failed; a
    /// task's panic ends that task only.
    ///
    /// There are no timers of its own: a task that waits for a time waits on a word with a deadline
    /// ([`Wakeups::wait_async`](crate::Wakeups::wait_async)).
    ///
    /// # Errors
    /// `Closed` if the loop has ended; `task` and `on_end` are dropped.
    ///
    /// # Blocking
    /// Never: returns at once, before the task has begun.
    ///
    /// # Checked by
    /// - `control: a task runs to its end, which is told`
    /// - `control: a worker can start a task`
    /// - `control: a task's panic ends that task only`
    /// - `control: tasks take turns`
    /// - `control: the loop refuses to block`
    fn start(&self, task: ControlTask<Self::Fetch, Self::Sockets>, on_end: OnEnd) -> Result<(), HostError>;
}

/// What a control task is called with.
#[derive(Debug)]
#[non_exhaustive]
pub struct ControlSide<F, S> {
    /// The HTTP client, or [`Absent`](crate::Absent).
    pub fetch: F,
    /// The sockets, or [`Absent`](crate::Absent).
    pub sockets: S,
}

impl<F, S> ControlSide<F, S> {
    /// The parts that a host's loop lends to a task.
    pub fn new(fetch: F, sockets: S) -> Self {
        Self { fetch, sockets }
    }
}

/// A task for the control event loop. The closure travels there; the future it makes need not be `Send`.
pub type ControlTask<F, S> = Box<dyn FnOnce(ControlSide<F, S>) -> ControlFuture + Send>;

/// The future of a [`ControlTask`].
pub type ControlFuture = Pin<Box<dyn Future<Output = ()>>>;
