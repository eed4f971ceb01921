//! How much of a sandbox still runs: its workers and its control loop.
//!
//! Owns the count and who waits for it to be none.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::channel::oneshot;
use futures::future::{FutureExt, Shared};

/// Counts what runs.
#[derive(Clone)]
pub(crate) struct Running(Arc<Inner>);

struct Inner {
    workers: AtomicU32,
    /// Workers and the control loop; and one more until all of them are started.
    all: AtomicU32,
    tell: Mutex<Option<oneshot::Sender<()>>>,
    told: Shared<oneshot::Receiver<()>>,
}

impl Running {
    pub(crate) fn new() -> Running {
        let (tell, told) = oneshot::channel();
        Running(Arc::new(Inner {
            workers: AtomicU32::new(0),
            all: AtomicU32::new(1),
            tell: Mutex::new(Some(tell)),
            told: told.shared(),
        }))
    }

    /// A worker is about to be started.
    pub(crate) fn worker_begins(&self) {
        self.0.workers.fetch_add(1, Ordering::SeqCst);
        self.0.all.fetch_add(1, Ordering::SeqCst);
    }

    /// A worker ended, or could not be started.
    pub(crate) fn worker_ends(&self) {
        self.0.workers.fetch_sub(1, Ordering::SeqCst);
        self.one_less();
    }

    /// The control loop ended.
    pub(crate) fn control_ends(&self) {
        self.one_less();
    }

    fn one_less(&self) {
        if self.0.all.fetch_sub(1, Ordering::SeqCst) == 1 {
            // Dropping it tells, too.
            drop(self.0.tell.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }

    /// Workers that have not ended.
    pub(crate) fn workers(&self) -> u32 {
        self.0.workers.load(Ordering::SeqCst)
    }

    /// Waits until nothing runs any more.
    pub(crate) async fn ended(&self) {
        let _ = self.0.told.clone().await;
    }
}

/// What a sandbox holds at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Usage {
    /// What the guest system holds. When every program has ended, only its memory is not zero, and what programs made that
    /// outlives them: System V objects and POSIX message queues.
    pub system: tidemark_kernel::SystemUsage,
    /// How much of the guest's memory files take, in bytes: those that were written, and parts of layers that were read.
    pub file_bytes: u64,
    /// Workers of the host that run guest threads or wait for some.
    pub workers: u32,
}
