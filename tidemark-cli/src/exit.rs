//! Exit codes: what a script can tell from them.
//!
//! Commands that run no guest use the codes of sysexits(3).

use std::process::ExitCode;

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The command line is wrong (`EX_USAGE`).
    Usage,
    /// What was downloaded is damaged, expired or not to be trusted (`EX_DATAERR`).
    BadData,
    /// What was asked for does not exist (`EX_NOINPUT`).
    NoInput,
    /// The network or the mirror does not answer (`EX_UNAVAILABLE`).
    Unavailable,
    /// The cache cannot be written (`EX_CANTCREAT`).
    CannotCreate,
    /// Something needs to be set (`EX_CONFIG`).
    Configuration,
}

impl FailureKind {
    /// The exit code of a command that runs no guest (sysexits(3)).
    pub(crate) fn sysexit(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage => 64,
            Self::BadData => 65,
            Self::NoInput => 66,
            Self::Unavailable => 69,
            Self::CannotCreate => 73,
            Self::Configuration => 78,
        })
    }
}
