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
    /// A host reads ahead no further than its platform forces it to, and pulls no more of a streamed request body than
    /// it can send. Headers reach the other side as they are: repeated ones apart and in order, none merged or dropped
    /// (RFC 9110, 5.3), besides those that the platform keeps for itself (`host`, `content-length`, hop-by-hop headers).
    ///
    /// # Errors
    /// - `Unsupported` of [`Fetch`](crate::Capability::Fetch), or of the capability that `redirects` or a streamed
    ///   body needs and the host lacks; nothing was sent.
    /// - `InvalidInput`: the URI is relative or of another scheme, the method is `CONNECT` (a tunnel is not an
    ///   exchange), or a streamed body is longer or shorter than it said.
    /// - `Refused`, `Unreachable`, `NotFound`, `TimedOut`, `PermissionDenied`: no connection; as for
    ///   [`Sockets::connect`](crate::Sockets::connect).
    /// - `Reset`: the peer cut the connection, in the midst of the head or of the body (that is told by the body's
    ///   chunks). `Protocol`: what it sent is not HTTP, or not TLS that this host trusts.
    /// - `Aborted`: a redirect under [`Redirects::Refuse`], or one that cannot be followed.
    /// - A browser says no more than that it failed: `Other`.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Cancellation
    /// Dropping the future, or later the response's body, aborts the exchange: the peer sees the connection or stream
    /// end, and nothing more is sent, pulled or buffered.
    ///
    /// # Checked by
    /// - `capabilities: fetch is there as declared`
    /// - `fetch: generated requests and responses`
    /// - `fetch: methods reach the peer as they are`
    /// - `fetch: repeated headers stay apart and in order`
    /// - `fetch: bodies of 64 MiB are streamed both ways`
    /// - `fetch: a response's chunks come as the peer sends them`
    /// - `fetch: a response that is not read is not fetched ahead`
    /// - `fetch: a request's body is pulled no faster than it is sent`
    /// - `fetch: dropping the request aborts it`
    /// - `fetch: dropping a response's body aborts it`
    /// - `fetch: a request body's error aborts the request`
    /// - `fetch: redirects are followed`
    /// - `fetch: redirects are returned to the caller`
    /// - `fetch: redirects are refused`
    /// - `fetch: responses that break off are errors`
    /// - `fetch: answers that are not HTTP are errors`
    /// - `fetch: a peer that refuses is told`
    /// - `fetch: requests that break the rules are refused`
    /// - `fetch: many requests at once`
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
    /// The host follows it, as its platform does. A 307 or 308 whose request body was streamed cannot be: the body is
    /// gone.
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
