//! Broken TCP.

use std::cell::Cell;
use std::io;
use std::mem::ManuallyDrop;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use tidemark_host::{Destination, ErrorKind, HostError, Listener, Sockets};
use tidemark_host_native::{NativeListener, NativeSockets, NativeStream};
use tokio::task::yield_now;

use crate::fails;
use crate::net::{How as Net, host};
use crate::web_socket::{BrokenWebSocket, How as WebSocketHow};

pub(crate) struct BrokenSockets {
    pub(crate) sockets: NativeSockets,
    pub(crate) tcp: Option<How>,
    pub(crate) web_socket: Option<WebSocketHow>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    HalfCloseClosesBoth,
    NeverHalfCloses,
    EndsOnReset,
    LosesLateBytes,
    WritesWithoutBound,
    KeepsDroppedStreams,
    ConnectsTheRefused,
    MistakesUnreachable,
    ResolvesNothing,
    LosesDroppedAccepts,
    KeepsListening,
    ListensElsewhere,
    TellsPortZero,
    RunsOutOfSockets,
}

impl Sockets for BrokenSockets {
    type Stream = BrokenStream;
    type Listener = BrokenListener;
    type WebSocket = BrokenWebSocket;

    async fn connect(&self, to: Destination) -> Result<BrokenStream, HostError> {
        let to = match (self.tcp, to) {
            (Some(How::ResolvesNothing), Destination::Name { port, .. }) => {
                Destination::Address(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            }
            (_, to) => to,
        };
        // From the attempt on: whether attempts overlap is the machine's business.
        let slot = Slot::take();
        if self.tcp == Some(How::RunsOutOfSockets) && OPEN.get() > 600 {
            return Err(HostError::new(ErrorKind::Exhausted, "connecting"));
        }
        let stream = self.sockets.connect(to).await.map_err(|error| match self.tcp {
            Some(How::ConnectsTheRefused) => HostError::new(ErrorKind::Reset, "connecting"),
            Some(How::MistakesUnreachable) => HostError::new(ErrorKind::Refused, "connecting"),
            _ => error,
        })?;
        Ok(BrokenStream::new(stream, self.tcp, slot))
    }

    async fn listen(&self, address: SocketAddr) -> Result<BrokenListener, HostError> {
        let listener = match self.sockets.listen(address).await {
            Err(_) if self.tcp == Some(How::ListensElsewhere) => {
                self.sockets.listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?
            }
            listener => listener?,
        };
        Ok(BrokenListener { listener: ManuallyDrop::new(listener), how: self.tcp })
    }

    async fn web_socket(&self, uri: http::Uri, protocols: Vec<String>) -> Result<BrokenWebSocket, HostError> {
        BrokenWebSocket::open(&self.sockets, uri, protocols, self.web_socket).await
    }
}

thread_local! {
    /// Streams that the host of this control loop has open, or is opening.
    static OPEN: Cell<usize> = const { Cell::new(0) };
}

/// A stream that counts as open.
struct Slot;

impl Slot {
    fn take() -> Self {
        OPEN.set(OPEN.get() + 1);
        Self
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        OPEN.set(OPEN.get() - 1);
    }
}

pub(crate) struct BrokenStream {
    stream: ManuallyDrop<NativeStream>,
    how: Option<How>,
    is_closed: bool,
    received: usize,
    /// What was taken and not sent.
    unsent: Vec<u8>,
    _slot: Slot,
}

impl BrokenStream {
    fn new(stream: NativeStream, how: Option<How>, slot: Slot) -> Self {
        let stream = ManuallyDrop::new(stream);
        Self { stream, how, is_closed: false, received: 0, unsent: Vec::new(), _slot: slot }
    }

    fn send_unsent(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let sent = std::task::ready!(Pin::new(&mut *self.stream).poll_write(context, &self.unsent))?;
            self.unsent.drain(..sent);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for BrokenStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.how == Some(How::HalfCloseClosesBoth) && self.is_closed {
            return Poll::Ready(Ok(0));
        }
        let read = std::task::ready!(Pin::new(&mut *self.stream).poll_read(context, buffer));
        Poll::Ready(match (self.how, read) {
            (Some(How::EndsOnReset), Err(_)) => Ok(0),
            (Some(How::LosesLateBytes), Ok(count)) if count > 1 && self.received > 50_000 => {
                self.received = 0;
                Ok(count - 1)
            }
            (_, Ok(count)) => {
                self.received += count;
                Ok(count)
            }
            (_, read) => read,
        })
    }
}

impl AsyncWrite for BrokenStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.how == Some(How::WritesWithoutBound) {
            self.unsent.extend_from_slice(bytes);
            let _ = self.send_unsent(context)?;
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut *self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.send_unsent(context))?;
        Pin::new(&mut *self.stream).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.send_unsent(context))?;
        self.is_closed = true;
        if self.how == Some(How::NeverHalfCloses) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut *self.stream).poll_close(context)
    }
}

impl Drop for BrokenStream {
    fn drop(&mut self) {
        if self.how != Some(How::KeepsDroppedStreams) {
            // SAFETY: not used after this.
            unsafe { ManuallyDrop::drop(&mut self.stream) };
        }
    }
}

pub(crate) struct BrokenListener {
    listener: ManuallyDrop<NativeListener>,
    how: Option<How>,
}

impl Listener for BrokenListener {
    type Stream = BrokenStream;

    fn local_address(&self) -> SocketAddr {
        let mut address = self.listener.local_address();
        if self.how == Some(How::TellsPortZero) {
            address.set_port(0);
        }
        address
    }

    async fn accept(&self) -> Result<(BrokenStream, SocketAddr), HostError> {
        let (stream, peer) = self.listener.accept().await?;
        if self.how == Some(How::LosesDroppedAccepts) {
            yield_now().await;
        }
        Ok((BrokenStream::new(stream, self.how, Slot::take()), peer))
    }
}

impl Drop for BrokenListener {
    fn drop(&mut self) {
        if self.how != Some(How::KeepsListening) {
            // SAFETY: not used after this.
            unsafe { ManuallyDrop::drop(&mut self.listener) };
        }
    }
}

#[track_caller]
fn breaks(how: How, check: &str) {
    fails(&host(Net { tcp: Some(how), ..Net::default() }), check);
}

#[test]
fn closing_both_directions_at_a_half_close() {
    breaks(How::HalfCloseClosesBoth, "tcp: closing the writer leaves the reader open");
}

#[test]
fn never_closing_one_direction() {
    breaks(How::NeverHalfCloses, "tcp: closing the writer leaves the reader open");
}

#[test]
fn taking_a_reset_for_the_end() {
    breaks(How::EndsOnReset, "tcp: a reset is an error");
}

#[test]
fn losing_a_byte_now_and_then() {
    breaks(How::LosesLateBytes, "tcp: generated transfers come back as sent");
}

#[test]
fn writing_without_bound() {
    breaks(How::WritesWithoutBound, "tcp: bytes are written no faster than they are taken");
}

#[test]
fn keeping_streams_that_were_dropped() {
    breaks(How::KeepsDroppedStreams, "tcp: dropping the stream closes the connection");
}

#[test]
fn telling_a_refusal_as_a_reset() {
    breaks(How::ConnectsTheRefused, "tcp: a peer that refuses is told");
}

#[test]
fn telling_the_unreachable_as_refused() {
    breaks(How::MistakesUnreachable, "tcp: an unreachable address is told");
}

#[test]
fn resolving_every_name_alike() {
    breaks(How::ResolvesNothing, "tcp: a name is resolved");
}

#[test]
fn losing_connections_when_an_accept_is_dropped() {
    breaks(How::LosesDroppedAccepts, "tcp: dropping an accept loses no connection");
}

#[test]
fn listening_on_after_the_drop() {
    breaks(How::KeepsListening, "tcp: dropping a listener stops listening");
}

#[test]
fn listening_somewhere_else() {
    breaks(How::ListensElsewhere, "tcp: an address that is taken is told");
}

#[test]
fn telling_port_zero() {
    breaks(How::TellsPortZero, "tcp: a listener accepts what connects");
}

#[test]
fn running_out_of_sockets() {
    breaks(How::RunsOutOfSockets, "tcp: a thousand connections at once");
}
