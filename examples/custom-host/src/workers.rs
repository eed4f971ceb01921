//! Workers: tasks of the rotation that take turns, and give way after each.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tidemark_host::{
    ControlFuture, HostError, OnEnd, Role, Turn, TurnResult, Wakeups, WorkerEnd, WorkerHandle, WorkerId,
    Workers,
};

use crate::rotation::Rotation;
use crate::wakeups::RotationWakeups;

/// Starts tasks that take turns.
#[derive(Clone, Debug)]
pub struct RotationWorkers {
    rotation: Arc<Rotation>,
    wakeups: RotationWakeups,
}

impl RotationWorkers {
    /// Workers in this rotation.
    pub fn new(rotation: Arc<Rotation>, wakeups: RotationWakeups) -> Self {
        Self { rotation, wakeups }
    }
}

impl Workers for RotationWorkers {
    type Handle = RotationWorker;

    fn spawn(&self, _role: Role, entry: Box<dyn Turn>, on_end: OnEnd) -> Result<RotationWorker, HostError> {
        let (end, wakeups) = (Arc::new(OnceLock::new()), self.wakeups.clone());
        let begin = Box::new(move || -> ControlFuture { Box::pin(take_turns(entry, wakeups)) });
        let id = self.rotation.start(begin, Arc::clone(&end), on_end)?;
        Ok(RotationWorker { id, end })
    }

    fn start_ahead(&self, _role: Role, _count: usize) -> Result<(), HostError> {
        // A task is started in no time.
        Ok(())
    }
}

async fn take_turns(mut entry: Box<dyn Turn>, wakeups: RotationWakeups) {
    loop {
        match entry.turn() {
            TurnResult::Park { word, expected, deadline } => {
                // However it ends, the next turn is due.
                wakeups.wait_async(&word, expected, deadline).await;
            }
            TurnResult::Exit => return,
            // All else: the next turn, once the others had theirs.
            _ => GiveWay { given: false }.await,
        }
    }
}

/// One started worker.
#[derive(Debug)]
pub struct RotationWorker {
    id: WorkerId,
    end: Arc<OnceLock<WorkerEnd>>,
}

impl WorkerHandle for RotationWorker {
    fn id(&self) -> WorkerId {
        self.id
    }

    fn end(&self) -> Option<WorkerEnd> {
        self.end.get().cloned()
    }
}

/// Lets the other tasks go first, once.
struct GiveWay {
    given: bool,
}

impl Future for GiveWay {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.given {
            return Poll::Ready(());
        }
        self.given = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
