//! What the HTTP client's errors mean: the kind that lies deepest, since each layer wraps the one beneath.

use std::error::Error;
use std::io;

use tidemark_host::{ErrorKind, HostError};

/// The host's error for one of hyper's.
pub(super) fn of(doing: &'static str, error: impl Error + Send + Sync + 'static) -> HostError {
    HostError::new(kind(&error), doing).with_source(error)
}

/// The kind of the deepest cause that has one.
fn kind(error: &(dyn Error + 'static)) -> ErrorKind {
    let (mut found, mut cause) = (ErrorKind::Other, Some(error));
    while let Some(error) = cause {
        // This host's own parts have looked beneath already.
        if let Some(error) = error.downcast_ref::<HostError>() {
            return error.kind();
        }
        found = kind_of_one(error).unwrap_or(found);
        cause = error.source();
    }
    found
}

fn kind_of_one(error: &(dyn Error + 'static)) -> Option<ErrorKind> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        // What an `io::Error` wraps is not its source but itself, as far as `Error::source` can see.
        let wrapped = error.get_ref().map(|wrapped| kind(wrapped));
        return wrapped.filter(|kind| *kind != ErrorKind::Other).or(match error.kind() {
            // It ended where HTTP goes on.
            io::ErrorKind::UnexpectedEof => Some(ErrorKind::Reset),
            // The decoder of chunks says so of lengths that are none.
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Some(ErrorKind::Protocol),
            io::ErrorKind::Other => None,
            kind => Some(ErrorKind::from(kind)),
        });
    }
    if error.is::<rustls::Error>() {
        return Some(ErrorKind::Protocol);
    }
    let error = error.downcast_ref::<hyper::Error>()?;
    if error.is_incomplete_message() {
        Some(ErrorKind::Reset)
    } else if error.is_parse() {
        Some(ErrorKind::Protocol)
    } else if error.is_canceled() {
        Some(ErrorKind::Aborted)
    } else if error.is_timeout() {
        Some(ErrorKind::TimedOut)
    } else {
        None
    }
}
