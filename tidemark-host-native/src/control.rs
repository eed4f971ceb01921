//! The control event loop: a current-thread tokio runtime on a thread of its own.
//!
//! Owns the loop and its tasks' ends, and makes fetch and sockets, which stay here.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::thread;

use tidemark_host::{
    Control, ControlFuture, ControlSide, ControlTask, EndReport, ErrorKind, HostError, OnEnd, WorkerEnd,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{LocalSet, spawn_local};

use crate::fetch::NativeFetch;
use crate::limits::SERVICE_STACK_BYTES;
use crate::sockets::NativeSockets;
use crate::tls::Tls;
use crate::wakeups::forbid_blocking_here;

/// The way to the loop. When the last clone is gone, the loop drops the tasks that are left (their end is
/// [`WorkerEnd::Lost`]) and ends.
#[derive(Clone, Debug)]
pub struct NativeControl {
    jobs: UnboundedSender<Job>,
}

struct Job {
    task: ControlTask<NativeFetch, NativeSockets>,
    report: EndReport,
}

impl NativeControl {
    /// Starts the loop. Its connections trust `extra_roots` besides the platform's authorities.
    ///
    /// # Errors
    /// The platform's, if it has no thread or event queue left.
    pub(crate) fn start(extra_roots: Vec<Vec<u8>>) -> Result<Self, HostError> {
        let failed = |error: io::Error| HostError::from_io("starting the control event loop", error);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (jobs, queue) = unbounded_channel();
        thread::Builder::new()
            .name("tidemark-control".to_owned())
            .stack_size(SERVICE_STACK_BYTES)
            .spawn(move || run(runtime, queue, extra_roots))
            .map_err(failed)?;
        Ok(Self { jobs })
    }
}

impl Control for NativeControl {
    type Fetch = NativeFetch;
    type Sockets = NativeSockets;

    fn start(&self, task: ControlTask<NativeFetch, NativeSockets>, on_end: OnEnd) -> Result<(), HostError> {
        if self.jobs.is_closed() {
            return Err(HostError::new(ErrorKind::Closed, "starting a control task"));
        }
        let report = EndReport::new(Arc::new(OnceLock::new()), on_end);
        // Should the loop end right now, the job is dropped and its end reported as lost.
        let _ = self.jobs.send(Job { task, report });
        Ok(())
    }
}

/// The loop's thread.
fn run(runtime: Runtime, mut queue: UnboundedReceiver<Job>, extra_roots: Vec<Vec<u8>>) {
    forbid_blocking_here();
    let tasks = LocalSet::new();
    tasks.block_on(&runtime, async {
        let tls = Arc::new(Tls::new(extra_roots));
        let (fetch, sockets) = (NativeFetch::new(Arc::clone(&tls)), NativeSockets::new(tls));
        while let Some(job) = queue.recv().await {
            spawn_local(run_job(job, ControlSide::new(fetch.clone(), sockets.clone())));
        }
    });
    drop(tasks);
    // A name that is still being resolved is nobody's any more: its thread is not waited for.
    runtime.shutdown_background();
}

async fn run_job(job: Job, side: ControlSide<NativeFetch, NativeSockets>) {
    let end = match catch_unwind(AssertUnwindSafe(move || (job.task)(side))) {
        Ok(future) => CatchPanic(future).await,
        Err(payload) => WorkerEnd::from_panic(payload),
    };
    job.report.send(end);
}

/// Drives a task's future; a panic is its end, not the loop's.
struct CatchPanic(ControlFuture);

impl Future for CatchPanic {
    type Output = WorkerEnd;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<WorkerEnd> {
        // What the task shares with others may be half changed: that is for whoever is told to judge.
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => Poll::Ready(WorkerEnd::Exited),
            Err(payload) => Poll::Ready(WorkerEnd::from_panic(payload)),
        }
    }
}
