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
    /// A TCP connection. Closing the writer is the half-close (FIN; RFC 9293, 3.6) and leaves the reader open; dropping
    /// the stream closes both directions. Its errors are those of `std::io`: `ConnectionReset` if the peer cut it.
    type Stream: AsyncRead + AsyncWrite + Unpin + 'static;
    /// A listening TCP socket.
    type Listener: Listener<Stream = Self::Stream>;
    /// A WebSocket connection.
    type WebSocket: WebSocket;

    /// Connects by TCP.
    ///
    /// # Errors
    /// - `Unsupported` of [`TcpConnect`](crate::Capability::TcpConnect).
    /// - `NotFound`: the name has no address.
    /// - `Refused`, `Unreachable`, `TimedOut`: what became of the last address that was tried.
    /// - `PermissionDenied`: the platform forbids it. `Exhausted`: it has no socket left.
    ///
    /// # Blocking
    /// Never; names are resolved elsewhere. The platform decides how long it tries.
    ///
    /// # Cancellation
    /// Dropping the future abandons the attempt.
    ///
    /// # Checked by
    /// - `capabilities: sockets are there as declared`
    /// - `tcp: generated transfers come back as sent`
    /// - `tcp: a name is resolved`
    /// - `tcp: a peer that refuses is told`
    /// - `tcp: an unreachable address is told`
    /// - `tcp: closing the writer leaves the reader open`
    /// - `tcp: the peer's half-close leaves the writer open`
    /// - `tcp: a reset is an error`
    /// - `tcp: bytes that are not read are not taken`
    /// - `tcp: bytes are written no faster than they are taken`
    /// - `tcp: dropping a read or a write loses nothing`
    /// - `tcp: dropping the stream closes the connection`
    /// - `tcp: a thousand connections at once`
    fn connect(&self, to: Destination) -> impl Future<Output = Result<Self::Stream, HostError>>;

    /// Listens for TCP connections at `address`; port 0 lets the platform choose.
    ///
    /// # Errors
    /// - `Unsupported` of [`TcpListen`](crate::Capability::TcpListen).
    /// - `AddressUnavailable`: taken, or not an address of this machine.
    /// - `PermissionDenied`: the platform forbids it (a port below 1024).
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Cancellation
    /// Dropping the future leaves nothing listening.
    ///
    /// # Checked by
    /// - `capabilities: sockets are there as declared`
    /// - `tcp: a listener accepts what connects`
    /// - `tcp: an address that is taken is told`
    /// - `tcp: dropping a listener stops listening`
    fn listen(&self, address: SocketAddr) -> impl Future<Output = Result<Self::Listener, HostError>>;

    /// Opens a WebSocket (RFC 6455) to a `ws` or `wss` URI, offering `protocols` in this order. Answers once the
    /// handshake is done.
    ///
    /// # Errors
    /// - `Unsupported` of [`WebSocket`](crate::Capability::WebSocket).
    /// - `InvalidInput`: the URI is relative or of another scheme, a protocol is not a token or is offered twice.
    /// - `Protocol`: the server answered with something else than this handshake.
    /// - As for [`connect`](Self::connect); a browser says no more than that it failed (`Other`).
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Cancellation
    /// Dropping the future abandons the attempt and closes the connection.
    ///
    /// # Checked by
    /// - `capabilities: sockets are there as declared`
    /// - `web socket: generated messages come back as sent`
    /// - `web socket: the server's choice of subprotocol is told`
    /// - `web socket: handshakes that fail are errors`
    /// - `web socket: a peer that refuses is told`
    /// - `web socket: requests that break the rules are refused`
    /// - `web socket: dropping it closes the connection`
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
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `tcp: a listener accepts what connects`
    fn local_address(&self) -> SocketAddr;

    /// The next connection and its peer's address.
    ///
    /// # Errors
    /// - `Exhausted`: a shortage that may pass; the connection waits.
    /// - `Closed`: the socket is gone.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Cancellation
    /// Dropping the future loses no connection: the next call accepts it.
    ///
    /// # Checked by
    /// - `tcp: a listener accepts what connects`
    /// - `tcp: dropping an accept loses no connection`
    fn accept(&self) -> impl Future<Output = Result<(Self::Stream, SocketAddr), HostError>>;
}

/// An open WebSocket; dropping it closes the connection. Sending and receiving may overlap. Pings are answered while
/// somebody receives.
pub trait WebSocket: 'static {
    /// The subprotocol that the server chose, if any.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `web socket: the server's choice of subprotocol is told`
    fn protocol(&self) -> Option<&str>;

    /// Sends one message. Completes when the host is ready for the next one, which is not when it has arrived: a host
    /// keeps a bounded amount of unsent data.
    ///
    /// # Errors
    /// - `Closed` once either side has closed the connection in order.
    /// - `Reset` once it broke.
    ///
    /// # Blocking
    /// Never; waits while the peer takes nothing.
    ///
    /// # Cancellation
    /// Dropping the future may leave the message sent or unsent, but never in part.
    ///
    /// # Checked by
    /// - `web socket: generated messages come back as sent`
    /// - `web socket: messages of 16 MiB`
    /// - `web socket: messages are sent no faster than they are taken`
    /// - `web socket: after the close nothing is sent`
    fn send(&self, message: Message) -> impl Future<Output = Result<(), HostError>>;

    /// The next message; `None` once the connection has been closed in order, by whichever side.
    ///
    /// # Errors
    /// - `Reset` if the connection broke, which includes that it ended without a close frame.
    /// - `Protocol` if the peer broke the protocol, or sent a message longer than the host takes.
    ///
    /// # Blocking
    /// Never; waits until a message is whole.
    ///
    /// # Cancellation
    /// Dropping the future loses no message.
    ///
    /// # Checked by
    /// - `web socket: generated messages come back as sent`
    /// - `web socket: fragments are put together`
    /// - `web socket: messages of 16 MiB`
    /// - `web socket: pings are answered`
    /// - `web socket: messages that are not received are not read ahead`
    /// - `web socket: dropping a receive loses no message`
    /// - `web socket: a connection that breaks is an error`
    /// - `web socket: frames that break the protocol are errors`
    fn receive(&self) -> impl Future<Output = Result<Option<Message>, HostError>>;

    /// The close frame that the peer sent, be it in answer to ours; `None` before [`receive`](Self::receive) has
    /// answered `None` or [`close`](Self::close) has completed.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Checked by
    /// - `web socket: the peer's close code is told`
    fn closed(&self) -> Option<Closed>;

    /// Sends a close frame with `code` (1000, or 3000 to 4999; RFC 6455, 7.4) and `reason` (at most 123 bytes), and
    /// completes when the connection is closed. Messages that come meanwhile are dropped.
    ///
    /// # Errors
    /// - `InvalidInput` for another code or a longer reason; nothing was sent.
    /// - `Reset` if the connection broke first.
    /// - `TimedOut` if the peer did not answer the close frame within the platform's patience; the connection is
    ///   closed all the same.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Cancellation
    /// Dropping the future may leave the close frame sent or unsent; call again to know.
    ///
    /// # Checked by
    /// - `web socket: the close code reaches the peer`
    /// - `web socket: close codes that are not the caller's are refused`
    /// - `web socket: after the close nothing is sent`
    fn close(&self, code: u16, reason: &str) -> impl Future<Output = Result<(), HostError>>;
}

/// What a WebSocket's close frame said (RFC 6455, 5.5.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Closed {
    /// The status code; 1005 where the frame had none (RFC 6455, 7.1.5).
    pub code: u16,
    /// The reason, or empty.
    pub reason: String,
}

impl Closed {
    /// What a close frame of `code` and `reason` said.
    pub fn new(code: u16, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
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
