//! `HostError`: what a host answers when it cannot do what it was asked.
//!
//! Owns the error type and its kinds. It does not own guest errors (`Errno`, the kernel's) nor what an application
//! can do about a failure (the SDK's): a `HostError` says what the host was doing and why that failed.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;

use crate::capability::Capability;

/// A failed request to a host: its kind, what the host was doing, and what lay beneath, if anything.
///
/// A host never returns a panic, a bare string or a JavaScript value: what it learns from its platform becomes the
/// `source` of one of these (a JavaScript error as its text, since a JavaScript value is not `Send`).
#[derive(Debug)]
pub struct HostError {
    kind: ErrorKind,
    doing: Cow<'static, str>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What kind of failure a [`HostError`] is; the part that code decides on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// This host has no such part; asking again is useless.
    Unsupported(Capability),
    /// An argument broke a rule that the contract gives to the caller.
    InvalidInput,
    /// A limit was reached: memory, workers, handles.
    Exhausted,
    /// The platform forbids it: a permission, a browser's policy, cross-origin rules.
    PermissionDenied,
    /// A name was not resolved, or an identifier names nothing.
    NotFound,
    /// The peer refused the connection.
    Refused,
    /// No route to the peer.
    Unreachable,
    /// The local address is taken or is not ours.
    AddressUnavailable,
    /// The peer cut the connection.
    Reset,
    /// The platform gave up waiting.
    TimedOut,
    /// The operation was abandoned on this side.
    Aborted,
    /// The part was closed, or the host has ended.
    Closed,
    /// The peer broke the protocol.
    Protocol,
    /// Anything else; the source tells.
    Other,
}

impl HostError {
    /// An error of `kind` met while `doing` something (a phrase that continues "while", such as "growing memory").
    pub fn new(kind: ErrorKind, doing: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, doing: doing.into(), source: None }
    }

    /// The answer of a part that the host lacks.
    pub fn unsupported(capability: Capability, doing: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Unsupported(capability), doing)
    }

    /// The error of an operating-system call, its kind taken from the `io::Error`.
    pub fn from_io(doing: impl Into<Cow<'static, str>>, source: io::Error) -> Self {
        Self::new(ErrorKind::from(source.kind()), doing).with_source(source)
    }

    /// The same error with what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What the host was doing, as a phrase that continues "while".
    pub fn doing(&self) -> &str {
        &self.doing
    }
}

impl fmt::Display for HostError {
    /// One line with kind and activity, without the source: error reporters print the chain themselves.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} while {}", self.kind, self.doing)
    }
}

impl Error for HostError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Unsupported(capability) => return write!(f, "this host has no {capability}"),
            Self::InvalidInput => "invalid input",
            Self::Exhausted => "a limit was reached",
            Self::PermissionDenied => "permission denied",
            Self::NotFound => "not found",
            Self::Refused => "connection refused",
            Self::Unreachable => "unreachable",
            Self::AddressUnavailable => "address not available",
            Self::Reset => "connection reset",
            Self::TimedOut => "timed out",
            Self::Aborted => "aborted",
            Self::Closed => "closed",
            Self::Protocol => "protocol error",
            Self::Other => "failed",
        };
        f.write_str(text)
    }
}

impl From<io::ErrorKind> for ErrorKind {
    fn from(kind: io::ErrorKind) -> Self {
        match kind {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::PermissionDenied => Self::PermissionDenied,
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Reset,
            io::ErrorKind::ConnectionAborted => Self::Aborted,
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown => Self::Unreachable,
            io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable => Self::AddressUnavailable,
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::InvalidInput => Self::InvalidInput,
            io::ErrorKind::InvalidData => Self::Protocol,
            io::ErrorKind::UnexpectedEof | io::ErrorKind::NotConnected => Self::Closed,
            io::ErrorKind::OutOfMemory | io::ErrorKind::WouldBlock | io::ErrorKind::QuotaExceeded => {
                Self::Exhausted
            }
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsupported_part_is_named_in_the_message() {
        let error = HostError::unsupported(Capability::TcpListen, "listening on port 80");
        assert_eq!(error.kind(), ErrorKind::Unsupported(Capability::TcpListen));
        assert_eq!(error.to_string(), "this host has no TCP listening while listening on port 80");
    }

    #[test]
    fn the_source_stays_reachable_and_gives_the_kind() {
        let error = HostError::from_io("connecting", io::Error::from(io::ErrorKind::ConnectionRefused));
        assert_eq!(error.kind(), ErrorKind::Refused);
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.map(io::Error::kind), Some(io::ErrorKind::ConnectionRefused));
    }
}
