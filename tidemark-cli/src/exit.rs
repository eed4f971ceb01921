//! Exit codes: what a script can tell from them.
//!
//! `tidemark run` follows env(1) and container runtimes: the guest's own code; 128 + n if signal n ended the
//! guest; 124 if its time was up; 125 if Tidemark failed before the guest ran or could not go on; 126 if the guest command exists but
//! cannot be executed; 127 if it does not exist. Other commands have no guest to make way for and use the
//! codes of sysexits(3).

use std::process::ExitCode;

/// Under `run`: the time that `--timeout` gives was up; as timeout(1).
pub(crate) const TIMED_OUT: u8 = 124;
/// Under `run`: Tidemark failed.
pub(crate) const TIDEMARK_FAILED: u8 = 125;
/// Under `run`: the guest command cannot be executed.
pub(crate) const NOT_EXECUTABLE: u8 = 126;
/// Under `run`: there is no such guest command.
pub(crate) const NOT_FOUND: u8 = 127;

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The command line is wrong (`EX_USAGE`).
    Usage,
    /// What was downloaded is damaged, expired or not to be trusted (`EX_DATAERR`).
    BadData,
    /// What was asked for does not exist (`EX_NOINPUT`).
    NoInput,
    /// Packages that cannot be installed: for want of others, or not together. Of our own making: sysexits(3) has no code
    /// for it, and 67 stands for users, of which there are none here.
    NotInstallable,
    /// The network or the mirror does not answer (`EX_UNAVAILABLE`).
    Unavailable,
    /// Tidemark itself cannot do what it should (`EX_SOFTWARE`).
    Software,
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
            Self::NotInstallable => 67,
            Self::Unavailable => 69,
            Self::Software => 70,
            Self::CannotCreate => 73,
            Self::Configuration => 78,
        })
    }
}
