//! What checks are written with: waiting for something to happen, and running something on a worker.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};

use super::{Failure, Options, require};
use crate::clock::{Clock, Monotonic};
use crate::wakeups::{Wakeups, Word};
use crate::workers::{OnEnd, Role, Turn, TurnResult, WorkerEnd, WorkerHandle, Workers};
use crate::{Capability, Host};

/// The role of the suite's workers.
pub(super) const ROLE: Role = Role::new("conformance");

/// How often the suite looks whether something has happened.
const LOOK_EVERY: Duration = Duration::from_micros(500);

/// A host under judgement.
pub(super) struct Suite<H> {
    pub(super) host: H,
    pub(super) options: Options,
}

impl<H: Host> Suite<H> {
    pub(super) fn new(host: H, options: Options) -> Self {
        Self { host, options }
    }

    /// The point in time until which the suite is patient.
    pub(super) fn patience_ends(&self) -> Monotonic {
        self.in_time(self.options.patience)
    }

    /// The point in time `duration` from now.
    pub(super) fn in_time(&self, duration: Duration) -> Monotonic {
        self.host.clock().monotonic().saturating_add(duration)
    }

    /// Whether the host runs workers in parallel, where they may block.
    pub(super) fn is_parallel(&self) -> bool {
        self.host.capabilities().has(Capability::ParallelWorkers)
    }

    /// Lets `duration` pass.
    pub(super) async fn pause(&self, duration: Duration) {
        let until = self.in_time(duration);
        while self.host.clock().monotonic() < until {
            self.host.wakeups().wait_async(&Word::new(0), 0, Some(until)).await;
        }
    }

    /// Awaits that `happened` answers true.
    pub(super) async fn until(&self, what: &str, mut happened: impl FnMut() -> bool) -> Result<(), Failure> {
        let patience_ends = self.patience_ends();
        while !happened() {
            require(self.host.clock().monotonic() < patience_ends, || {
                format!("{what}: has not happened within {:?}", self.options.patience)
            })?;
            self.pause(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// What `future` answers, with patience.
    pub(super) async fn within<T>(&self, what: &str, future: impl Future<Output = T>) -> Result<T, Failure> {
        let (future, patience) = (pin!(future), pin!(self.pause(self.options.patience)));
        match select(future, patience).await {
            Either::Left((answer, _)) => Ok(answer),
            Either::Right(((), _)) => {
                Err(Failure::new(format!("{what}: has not happened within {:?}", self.options.patience)))
            }
        }
    }

    /// Starts a worker.
    pub(super) fn spawn(
        &self,
        entry: impl Turn,
    ) -> Result<Started<<H::Workers as Workers>::Handle>, Failure> {
        let (on_end, end) = Shared::on_end();
        let handle = self.host.workers().spawn(ROLE, Box::new(entry), on_end)?;
        Ok(Started { handle, end })
    }

    /// Awaits the end of a worker.
    pub(super) async fn ended<W: WorkerHandle>(&self, started: &Started<W>) -> Result<WorkerEnd, Failure> {
        self.until("the worker's end is reported", || started.end.get().is_some()).await?;
        let end = started.end.get().ok_or_else(|| Failure::new("a worker's end was reported and is gone"))?;
        require(started.handle.end().as_ref() == Some(&end), || {
            format!("on_end was told {end}, the handle says {:?}", started.handle.end())
        })?;
        Ok(end)
    }

    /// Awaits that a worker exits, as opposed to any other end.
    pub(super) async fn exited<W: WorkerHandle>(&self, started: &Started<W>) -> Result<(), Failure> {
        let end = self.ended(started).await?;
        require(end == WorkerEnd::Exited, || format!("a worker that exits: {end}"))
    }

    /// What `work` answers when it is run on a worker.
    pub(super) async fn on_worker<T>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure>
    where
        T: Clone + Send + 'static,
    {
        let answer = Shared::empty();
        let (mut work, to) = (Some(work), answer.clone());
        let started = self.spawn(move || {
            if let Some(work) = work.take() {
                to.set(work());
            }
            TurnResult::Exit
        })?;
        self.exited(&started).await?;
        answer.get().ok_or_else(|| Failure::new("a worker exited without having had its turn"))
    }
}

/// A worker and the report of its end.
pub(super) struct Started<W> {
    pub(super) handle: W,
    pub(super) end: Shared<WorkerEnd>,
}

/// A value that one side sets and the other looks at.
pub(super) struct Shared<T>(Arc<Mutex<Option<T>>>);

impl<T: Clone> Shared<T> {
    pub(super) fn empty() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }

    pub(super) fn get(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }
}

impl Shared<WorkerEnd> {
    /// A callback, and where it leaves what it was told.
    pub(super) fn on_end() -> (OnEnd, Self) {
        let end = Self::empty();
        let told = end.clone();
        (Box::new(move |end| told.set(end)), end)
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
