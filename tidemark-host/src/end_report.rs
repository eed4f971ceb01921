//! The promise that an end is reported exactly once, whatever happens.
//!
//! Owns what every host needs for [`Workers::spawn`](crate::Workers::spawn) and [`Control::start`](crate::Control::start)
//! alike; no rule of the contract is here. A host may keep the promise in another way.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use crate::workers::{OnEnd, WorkerEnd};

/// Owed to whoever started a worker or task: sent when it has ended, or [`WorkerEnd::Lost`] when dropped before that.
pub struct EndReport {
    end: Arc<OnceLock<WorkerEnd>>,
    on_end: Option<OnEnd>,
}

impl EndReport {
    /// A report that sets `end`, where the worker's handle looks, then calls `on_end`.
    pub fn new(end: Arc<OnceLock<WorkerEnd>>, on_end: OnEnd) -> Self {
        Self { end, on_end: Some(on_end) }
    }

    /// Reports `end`. A panic of `on_end`, which must not, is swallowed: there is nobody left to tell.
    pub fn send(mut self, end: WorkerEnd) {
        self.settle(end);
    }

    fn settle(&mut self, end: WorkerEnd) {
        let Some(on_end) = self.on_end.take() else { return };
        // Nobody else sets it, so it is not set yet.
        let _ = self.end.set(end.clone());
        let _ = catch_unwind(AssertUnwindSafe(move || on_end(end)));
    }
}

impl Drop for EndReport {
    fn drop(&mut self) {
        self.settle(WorkerEnd::Lost { reason: "the host has ended".to_owned() });
    }
}

impl fmt::Debug for EndReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndReport").field("sent", &self.on_end.is_none()).finish_non_exhaustive()
    }
}

impl WorkerEnd {
    /// The end by a panic whose payload [`catch_unwind`] returned: a `&str` or `String`, as `panic!` makes them.
    pub fn from_panic(payload: Box<dyn Any + Send>) -> Self {
        let message = match payload.downcast::<String>() {
            Ok(message) => *message,
            Err(payload) => match payload.downcast_ref::<&str>() {
                Some(message) => (*message).to_owned(),
                None => "a panic without a message".to_owned(),
            },
        };
        Self::Panicked { message }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// What `on_end` was told.
    type Told = Arc<Mutex<Vec<WorkerEnd>>>;

    fn report() -> (EndReport, Arc<OnceLock<WorkerEnd>>, Told) {
        let (end, told) = (Arc::new(OnceLock::new()), Arc::new(Mutex::new(Vec::new())));
        let to = Arc::clone(&told);
        let report =
            EndReport::new(Arc::clone(&end), Box::new(move |end| to.lock().expect("no panic").push(end)));
        (report, end, told)
    }

    #[test]
    fn an_end_is_told_once() {
        let (report, end, told) = report();
        report.send(WorkerEnd::Exited);
        assert_eq!(end.get(), Some(&WorkerEnd::Exited));
        assert_eq!(*told.lock().unwrap(), [WorkerEnd::Exited]);
    }

    #[test]
    fn what_is_dropped_is_lost() {
        let (report, end, told) = report();
        drop(report);
        assert!(matches!(end.get(), Some(WorkerEnd::Lost { .. })));
        assert_eq!(told.lock().unwrap().len(), 1);
    }

    #[test]
    fn panics_say_what_they_said() {
        let of = |panic: fn()| WorkerEnd::from_panic(catch_unwind(panic).unwrap_err()).to_string();
        assert_eq!(of(|| panic!("plain")), "panicked: plain");
        assert_eq!(of(|| panic!("{}", 7)), "panicked: 7");
        assert_eq!(of(|| std::panic::panic_any(7)), "panicked: a panic without a message");
    }
}
