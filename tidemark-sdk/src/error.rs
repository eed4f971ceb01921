//! What can fail, one enum an operation, each variant saying what the caller can do about it.

use tidemark_kernel::Errno;

pub use tidemark_kernel::SpawnError as SpawnRefused;
pub use tidemark_runtime::{Gone, StartError, WriteError};

/// Why a program was not started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// The guest system could not start it.
    #[error(transparent)]
    Refused(#[from] tidemark_kernel::SpawnError),
    /// The guest has no such user or group.
    #[error("there is no user {user:?} in the guest")]
    NoSuchUser {
        /// What was asked for.
        user: String,
    },
    /// A file that a standard stream was to come from or go to could not be opened.
    #[error("cannot open {path} in the guest for a standard stream: {errno}")]
    Redirect {
        /// The file.
        path: String,
        /// Why not.
        errno: Errno,
    },
    /// The sandbox is dead; create another.
    #[error(transparent)]
    Gone(#[from] Gone),
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
    Gone(#[from] Gone),
}

/// Why there is no pipe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PipeError {
    /// The guest system has no room for another: see [`Limits`](crate::Limits).
    #[error("the guest cannot have another pipe: {0}")]
    Refused(Errno),
    /// The sandbox is gone.
    #[error(transparent)]
    Gone(#[from] Gone),
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
    /// The sandbox is gone.
    #[error(transparent)]
    Gone(#[from] Gone),
}
