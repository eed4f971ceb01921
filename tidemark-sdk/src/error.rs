//! What can fail, one enum an operation, each variant saying what the caller can do about it.

pub use tidemark_kernel::SpawnError as SpawnRefused;
pub use tidemark_runtime::{Crashed, StartError, WriteError};

/// Why a program was not started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// The guest system could not start it.
    #[error(transparent)]
    Refused(#[from] tidemark_kernel::SpawnError),
    /// The sandbox is dead; create another.
    #[error(transparent)]
    Crashed(#[from] Crashed),
}

/// Why [`Command::output`](crate::Command::output) has no output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The program was not started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// The sandbox died while it ran.
    #[error(transparent)]
    Crashed(#[from] Crashed),
}

/// Why a signal was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignalError {
    /// The program has ended.
    #[error("the program has already ended")]
    Ended,
    /// There is no such signal.
    #[error("there is no signal {signal}: signals are 1 to 64")]
    NoSuchSignal {
        /// What was asked for.
        signal: u8,
    },
    /// The sandbox is dead.
    #[error(transparent)]
    Crashed(#[from] Crashed),
}
