//! Sockets of the host: TCP where it has it, WebSocket.
//!
//! Owns the contract on streams, listeners and messages. It does not own guest sockets (the kernel's) nor what stands
//! behind a guest's connection (the bridge's choice).

use std::future::Future;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_io::{AsyncRead, AsyncWrite};

use crate::error::HostError;

/// Opens connections. Control side: async, not `Send`. Each method is a capability of its own; one that the host lacks
/// answers `Unsupported`.
pub trait Sockets: 'static {
    /// A TCP connection. Closing the writer is the half-close (FIN); dropping the stream closes both directions.
    type Stream: AsyncRead + AsyncWrite + Unpin + 'static;
    /// A listening TCP socket.
    type Listener: Listener<Stream = Self::Stream>;
    /// A WebSocket connection.
    type WebSocket: WebSocket;

    /// Connects by TCP. Dropping the future abandons the attempt.
    ///
    /// # Errors
    /// `Unsupported`, `NotFound` (the name has no address), `Refused`, `Unreachable`, `TimedOut`, `PermissionDenied`.
    fn connect(&self, to: Destination) -> impl Future<Output = Result<Self::Stream, HostError>>;

    /// Listens for TCP connections at `address`; port 0 lets the platform choose.
    ///
    /// # Errors
    /// `Unsupported`, `AddressUnavailable`, `PermissionDenied`.
    fn listen(&self, address: SocketAddr) -> impl Future<Output = Result<Self::Listener, HostError>>;

    /// Opens a WebSocket (RFC 6455) to a `ws` or `wss` URI, offering `protocols`. Answers once the handshake is done.
    ///
    /// # Errors
    /// `Unsupported`, `InvalidInput` (the URI), `Protocol` (the handshake), and as for [`connect`](Self::connect) where
    /// the platform tells.
    fn web_socket(
        &self,
        uri: http::Uri,
        protocols: Vec<String>,
    ) -> impl Future<Output = Result<Self::WebSocket, HostError>>;
}

/// Where to connect to. A host refuses a form that it does not know with `InvalidInput`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Destination {
    /// An address.
    Address(SocketAddr),
    /// A name, resolved by the host, which tries its addresses as it sees fit.
    Name {
        /// The host name, without a port.
        name: String,
        /// The port.
        port: u16,
    },
}

/// A listening TCP socket; dropping it stops listening.
pub trait Listener: 'static {
    /// What it accepts.
    type Stream;

    /// The address it listens at, with the port that was chosen.
    fn local_address(&self) -> SocketAddr;

    /// The next connection and its peer's address. Dropping the future loses no connection.
    ///
    /// # Errors
    /// `Exhausted` for a shortage that may pass; `Closed` if the socket is gone.
    fn accept(&self) -> impl Future<Output = Result<(Self::Stream, SocketAddr), HostError>>;
}

/// An open WebSocket; dropping it closes the connection. Sending and receiving may overlap.
pub trait WebSocket: 'static {
    /// The subprotocol that the server chose, if any.
    fn protocol(&self) -> Option<&str>;

    /// Sends one message. Completes when the host is ready for the next one, which is not when it has arrived: a host
    /// keeps a bounded amount of unsent data.
    ///
    /// # Errors
    /// `Closed` or `Reset` once the connection has ended.
    fn send(&self, message: Message) -> impl Future<Output = Result<(), HostError>>;

    /// The next message; `None` once the peer has closed the connection in order. Dropping the future loses no message.
    ///
    /// # Errors
    /// `Reset` or `Protocol` if the connection broke.
    fn receive(&self) -> impl Future<Output = Result<Option<Message>, HostError>>;

    /// Sends a close frame with `code` (1000, or 3000 to 4999; RFC 6455, 7.4) and `reason` (at most 123 bytes), and
    /// completes when the connection is closed.
    ///
    /// # Errors
    /// `InvalidInput` for another code or a longer reason; `Reset` if the connection broke first.
    fn close(&self, code: u16, reason: &str) -> impl Future<Output = Result<(), HostError>>;
}

/// A WebSocket message. A host refuses a kind that it does not know with `InvalidInput`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Message {
    /// Bytes.
    Binary(Bytes),
    /// Text.
    Text(String),
}
