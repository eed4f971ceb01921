//! The promise that an end is reported exactly once, whatever happens.
//!
//! Shared by workers and control tasks, whose ends are reported alike.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use tidemark_host::{OnEnd, WorkerEnd};

/// Owed to whoever started a worker or task: sent when it has ended, or `Lost` when dropped before that.
pub(crate) struct EndReport {
    end: Arc<OnceLock<WorkerEnd>>,
    on_end: Option<OnEnd>,
}

impl EndReport {
    /// A report that sets `end`, then calls `on_end`.
    pub(crate) fn new(end: Arc<OnceLock<WorkerEnd>>, on_end: OnEnd) -> Self {
        Self { end, on_end: Some(on_end) }
    }

    pub(crate) fn send(mut self, end: WorkerEnd) {
        self.settle(end);
    }

    fn settle(&mut self, end: WorkerEnd) {
        let Some(on_end) = self.on_end.take() else { return };
        // Nobody else sets it, so it is not set yet.
        let _ = self.end.set(end.clone());
        // `on_end` must not panic. If it does, there is nobody left to tell, and the thread serves others.
        let _ = catch_unwind(AssertUnwindSafe(move || on_end(end)));
    }
}

impl Drop for EndReport {
    fn drop(&mut self) {
        self.settle(WorkerEnd::Lost { reason: "the host has ended".to_owned() });
    }
}

/// The text of a panic's payload: a `&str` or `String`, as `panic!` makes them.
pub(crate) fn panic_message(payload: Box<dyn Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => match payload.downcast_ref::<&str>() {
            Some(message) => (*message).to_owned(),
            None => "a panic without a message".to_owned(),
        },
    }
}
