//! HTTP by the host: one request, one response, bodies streamed both ways.
//!
//! Owns the contract on requests, bodies and redirects. It does not own policy: which requests are allowed, and what is
//! added to them, is decided above the bridge.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use futures_core::Stream;

use crate::error::HostError;

/// Sends HTTP requests by the host's own client. Control side: async, not `Send`.
pub trait Fetch: 'static {
    /// Sends `request`, whose URI is absolute (`http` or `https`), and answers once the response's head has come; its
    /// body follows as it is read. Response bodies are decoded (`content-encoding` is the host's business) only where
    /// the platform cannot do otherwise; the host then removes `content-encoding` and `content-length`.
    ///
    /// Dropping the future, or later the response's body, aborts the exchange: nothing more is sent or buffered. A
    /// host reads ahead no further than its platform forces it to.
    ///
    /// # Errors
    /// - `Unsupported` of [`Fetch`](crate::Capability::Fetch), or of the capability that `redirects` or a streamed
    ///   body needs and the host lacks; nothing was sent.
    /// - `InvalidInput` for a relative or non-HTTP URI.
    /// - Otherwise what the platform said; a browser says no more than that it failed (`Other`).
    fn fetch(
        &self,
        request: http::Request<Body>,
        redirects: Redirects,
    ) -> impl Future<Output = Result<http::Response<Body>, HostError>>;
}

/// What to do with a redirect response (RFC 9110, 15.4). A host refuses one that it does not know with `InvalidInput`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Redirects {
    /// The host follows it, as its platform does.
    Follow,
    /// The redirect is the answer; the caller decides. Needs
    /// [`FetchRedirects`](crate::Capability::FetchRedirects).
    Return,
    /// The redirect is an error.
    Refuse,
}

/// A request's or response's body. A host refuses a shape that it does not know with `InvalidInput`.
#[non_exhaustive]
pub enum Body {
    /// No body.
    Empty,
    /// All of it.
    Full(Bytes),
    /// Chunks as they come. In a request it needs
    /// [`FetchStreamedRequest`](crate::Capability::FetchStreamedRequest).
    Streamed {
        /// The total length in bytes, if known beforehand.
        length: Option<u64>,
        /// The chunks. An error ends the body and, in a request, aborts it.
        chunks: Chunks,
    },
}

/// The chunks of a streamed body. Pulled: nothing is produced that was not asked for.
pub type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, HostError>>>>;

impl fmt::Debug for Body {
    /// The shape only; bodies hold what users sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            Self::Streamed { length, .. } => {
                f.debug_struct("Streamed").field("length", length).finish_non_exhaustive()
            }
        }
    }
}
