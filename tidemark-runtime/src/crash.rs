//! Fail-stop: what is left of a sandbox in which a worker or the kernel panicked.

use std::sync::{Arc, OnceLock};

/// The sandbox died: a worker panicked or trapped, or the host took it away. Other sandboxes and the application are not
/// affected. Nothing of this one can be used any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox crashed: {report}")]
pub struct Crashed {
    /// What happened, for a bug report: the role and the panic's message.
    pub report: Arc<str>,
}

/// The first crash of a sandbox, if there was one.
#[derive(Clone, Debug, Default)]
pub(crate) struct CrashCell(Arc<OnceLock<Crashed>>);

impl CrashCell {
    /// Notes a crash; the first one is kept.
    pub(crate) fn set(&self, report: String) {
        let _ = self.0.set(Crashed { report: report.into() });
    }

    pub(crate) fn get(&self) -> Option<Crashed> {
        self.0.get().cloned()
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.get().is_some()
    }

    /// What a handle answers when its request was dropped unanswered.
    pub(crate) fn or_closed(&self) -> Crashed {
        self.get().unwrap_or_else(|| Crashed { report: "the sandbox was shut down".into() })
    }
}
