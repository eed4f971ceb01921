//! Why a sandbox does not answer any more: it was shut down, or it crashed (fail-stop).

use std::sync::{Arc, OnceLock};

/// The sandbox is gone, and nothing of it can be used any more. Other sandboxes and the application are not affected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Gone {
    /// It was shut down, by [`Runtime::shutdown`](crate::Runtime::shutdown) or because nobody had a handle any more.
    #[error("the sandbox was shut down")]
    ShutDown,
    /// A worker panicked or trapped, or the host took it away.
    #[error("the sandbox crashed: {report}")]
    Crashed {
        /// What happened, for a bug report: the role and the panic's message.
        report: Arc<str>,
    },
}

impl Gone {
    /// What happened, if it crashed.
    pub fn crash_report(&self) -> Option<&str> {
        match self {
            Gone::ShutDown => None,
            Gone::Crashed { report } => Some(report),
        }
    }
}

/// The first crash of a sandbox, if there was one.
#[derive(Clone, Debug, Default)]
pub(crate) struct CrashCell(Arc<OnceLock<Gone>>);

impl CrashCell {
    /// Notes a crash; the first one is kept.
    pub(crate) fn set(&self, report: String) {
        let _ = self.0.set(Gone::Crashed { report: report.into() });
    }

    pub(crate) fn get(&self) -> Option<Gone> {
        self.0.get().cloned()
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.get().is_some()
    }

    /// What a handle answers when its request was dropped unanswered.
    pub(crate) fn or_shut_down(&self) -> Gone {
        self.get().unwrap_or(Gone::ShutDown)
    }
}
