//! What can go wrong between a package's name and its layer, and what the user can do about it.

use std::io;
use std::path::PathBuf;

use tidemark_sdk::layer::BuildError;

use super::mirror::MIRROR_VARIABLE;
use crate::exit::FailureKind;

/// Why packages could not be made ready. Messages are one line and say what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DebianError {
    #[error(
        "no Debian mirror is known: pass --mirror URL or set {MIRROR_VARIABLE} to the URL of a Debian archive \
         (the folder that holds dists/ and pool/)"
    )]
    NoMirror,
    #[error("{url:?} is not a mirror: give an http:// or https:// URL of a Debian archive")]
    BadMirror { url: String },
    #[error("cannot download {url}: {reason}; check the network and the mirror")]
    Download { url: String, reason: String },
    #[error("{url} is larger than the {expected} bytes that the signed index states: try another mirror")]
    TooLarge { url: String, expected: u64 },
    #[error("{url} is larger than {max_len} bytes: it is no layer")]
    TooLong { url: String, max_len: u64 },
    #[error("cannot read the lock file {path}: {reason}; remove it to lock anew")]
    Lock { path: PathBuf, reason: String },
    #[error("{path} locks {locked}, but {wanted} is asked for: ask for the same, or remove it to lock anew")]
    LockedOther { path: PathBuf, locked: String, wanted: String },
    #[error("{error}; {path} pins it: remove that to lock newer versions")]
    Locked { path: PathBuf, error: Box<DebianError> },
    #[error("cannot write the lock file {path}: {source}")]
    LockUnwritable { path: PathBuf, source: io::Error },
    #[error(
        "{what} does not have the SHA-256 that the signed index states: try again later or another mirror"
    )]
    Digest { what: String },
    #[error("{what} is not cached and --offline was given: run once without it")]
    Offline { what: String },
    #[error("cannot read the keyring {path}: {reason}")]
    Keyring { path: PathBuf, reason: String },
    #[error("the signature of {url} cannot be trusted: {reason}")]
    Signature { url: String, reason: String },
    #[error("the mirror's {suite} cannot be used: {reason}")]
    Release { suite: String, reason: String },
    #[error("the package index is malformed: {reason}")]
    Index { reason: String },
    #[error("there is no package {name:?} in {suite} for riscv64{suggestion}")]
    NoPackage { name: String, suite: String, suggestion: String },
    #[error("there is no version {version} of {name} in {suite}, but {known}: leave out \"={version}\"")]
    NoVersion { name: String, version: String, suite: String, known: String },
    #[error("several packages provide {name:?}: name one of {providers}")]
    Virtual { name: String, providers: String },
    #[error("{chain}, {reason}: leave it out, or try another mirror")]
    Unsatisfied { chain: String, reason: String },
    #[error("{one} and {other} cannot be installed together{because}: leave one out")]
    Conflict { one: String, other: String, because: String },
    #[error("packages come from {suite} only: leave out \"/{named}\" after {name}")]
    OtherSuite { name: String, named: String, suite: String },
    #[error("packages are for riscv64 only: leave out \":{named}\" after {name}")]
    OtherArchitecture { name: String, named: String },
    #[error("{name:?} is not a package name: lower-case letters, digits and + - . are allowed")]
    BadName { name: String },
    #[error("{package} is not a usable Debian package: {reason}")]
    Package { package: String, reason: String },
    #[error("cannot unpack {package}: {source}")]
    Unpack { package: String, source: BuildError },
    #[error("cannot unpack {package}: it has {path}, which {owner} has, too")]
    Overwrites { package: String, path: String, owner: String },
    #[error("the {script} of {package} failed ({why}); it last said: {output}")]
    Script { package: String, script: String, why: String, output: String },
    #[error("cannot configure the packages: {reason}; --no-essential leaves them as they are unpacked")]
    Guest { reason: String },
    #[error("cannot write to the cache at {path}: {source}; choose another with --cache-dir")]
    Cache { path: PathBuf, source: io::Error },
}

impl DebianError {
    /// What kind of failure this is, for the exit code.
    pub(crate) fn kind(&self) -> FailureKind {
        match self {
            Self::NoMirror | Self::BadMirror { .. } => FailureKind::Configuration,
            Self::BadName { .. } | Self::OtherSuite { .. } | Self::OtherArchitecture { .. } => {
                FailureKind::Usage
            }
            Self::Download { .. } | Self::Offline { .. } => FailureKind::Unavailable,
            Self::NoPackage { .. } | Self::NoVersion { .. } | Self::Virtual { .. } | Self::Keyring { .. } => {
                FailureKind::NoInput
            }
            Self::Unsatisfied { .. } | Self::Conflict { .. } => FailureKind::NotInstallable,
            Self::TooLarge { .. }
            | Self::Digest { .. }
            | Self::Signature { .. }
            | Self::Release { .. }
            | Self::Index { .. }
            | Self::Package { .. }
            | Self::Overwrites { .. }
            | Self::TooLong { .. }
            | Self::Lock { .. }
            | Self::LockedOther { .. }
            | Self::Script { .. } => FailureKind::BadData,
            Self::Guest { .. } => FailureKind::Software,
            Self::Unpack { source: BuildError::Write(_), .. }
            | Self::Cache { .. }
            | Self::LockUnwritable { .. } => FailureKind::CannotCreate,
            Self::Locked { error, .. } => error.kind(),
            Self::Unpack { .. } => FailureKind::BadData,
        }
    }
}
