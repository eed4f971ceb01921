//! Broken WebSockets.

use std::cell::RefCell;
use std::rc::Rc;

use tidemark_host::{Closed, ErrorKind, HostError, Message, Sockets, WebSocket};
use tidemark_host_native::{NativeSockets, NativeWebSocket};
use tokio::task::{spawn_local, yield_now};

use crate::fails;
use crate::net::{How as Net, host};

pub(crate) struct BrokenWebSocket {
    socket: Rc<NativeWebSocket>,
    offered: Option<String>,
    is_closed: RefCell<bool>,
    how: Option<How>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    TakesTextForBinary,
    CutsLargeMessages,
    ForgetsTheCode,
    ForgetsThePeersCode,
    ClosesWithAnyCode,
    SendsAfterClose,
    SendsWithoutBound,
    ReadsAhead,
    LosesDroppedReceives,
    KeepsDropped,
    EndsBrokenInOrder,
    TellsFirstProtocol,
    MistakesErrors,
    TakesAnyUri,
}

impl BrokenWebSocket {
    pub(crate) async fn open(
        sockets: &NativeSockets,
        uri: http::Uri,
        protocols: Vec<String>,
        how: Option<How>,
    ) -> Result<Self, HostError> {
        let offered = protocols.first().cloned();
        let socket = sockets.web_socket(uri, protocols).await.map_err(|error| match how {
            Some(How::MistakesErrors) => HostError::new(ErrorKind::TimedOut, "guessing"),
            Some(How::TakesAnyUri) if error.kind() == ErrorKind::InvalidInput => {
                HostError::new(ErrorKind::Refused, "connecting anyway")
            }
            _ => error,
        })?;
        let socket = Rc::new(socket);
        if how == Some(How::KeepsDropped) {
            std::mem::forget(Rc::clone(&socket));
        }
        if how == Some(How::ReadsAhead) {
            let ahead = Rc::clone(&socket);
            spawn_local(async move {
                let mut kept = Vec::new();
                while let Ok(Some(message)) = ahead.receive().await {
                    kept.push(message);
                    yield_now().await;
                }
            });
        }
        Ok(Self { socket, offered, is_closed: RefCell::new(false), how })
    }
}

impl WebSocket for BrokenWebSocket {
    fn protocol(&self) -> Option<&str> {
        match self.how {
            Some(How::TellsFirstProtocol) => self.offered.as_deref(),
            _ => self.socket.protocol(),
        }
    }

    async fn send(&self, message: Message) -> Result<(), HostError> {
        match (self.how, message) {
            (Some(How::SendsAfterClose), _) if *self.is_closed.borrow() => Ok(()),
            (Some(How::SendsWithoutBound), message) => {
                let socket = Rc::clone(&self.socket);
                spawn_local(async move { socket.send(message).await });
                // As often as a real one would let others go on.
                yield_now().await;
                Ok(())
            }
            (_, message) => self.socket.send(message).await,
        }
    }

    async fn receive(&self) -> Result<Option<Message>, HostError> {
        let received = self.socket.receive().await;
        match (self.how, received) {
            (Some(How::TakesTextForBinary), Ok(Some(Message::Text(text)))) => {
                Ok(Some(Message::Binary(text.into())))
            }
            (Some(How::CutsLargeMessages), Ok(Some(Message::Binary(bytes)))) => {
                Ok(Some(Message::Binary(bytes.slice(..bytes.len().min(1 << 20)))))
            }
            (Some(How::LosesDroppedReceives), received) => {
                yield_now().await;
                received
            }
            (Some(How::EndsBrokenInOrder), Err(_)) => Ok(None),
            (_, received) => received,
        }
    }

    fn closed(&self) -> Option<Closed> {
        match self.how {
            Some(How::ForgetsThePeersCode) => self.socket.closed().map(|_| Closed::new(1000, "")),
            _ => self.socket.closed(),
        }
    }

    async fn close(&self, code: u16, reason: &str) -> Result<(), HostError> {
        *self.is_closed.borrow_mut() = true;
        match self.how {
            Some(How::ForgetsTheCode) => self.socket.close(1000, reason).await,
            Some(How::ClosesWithAnyCode) if code < 1000 => self.socket.close(1000, reason).await,
            _ => self.socket.close(code, reason).await,
        }
    }
}

#[track_caller]
fn breaks(how: How, check: &str) {
    fails(&host(Net { web_socket: Some(how), ..Net::default() }), check);
}

#[test]
fn taking_text_for_binary() {
    breaks(How::TakesTextForBinary, "web socket: generated messages come back as sent");
}

#[test]
fn cutting_large_messages() {
    breaks(How::CutsLargeMessages, "web socket: messages of 16 MiB");
}

#[test]
fn losing_the_close_code() {
    breaks(How::ForgetsTheCode, "web socket: the close code reaches the peer");
}

#[test]
fn losing_the_peer_s_close_code() {
    breaks(How::ForgetsThePeersCode, "web socket: the peer's close code is told");
}

#[test]
fn closing_with_any_code() {
    breaks(How::ClosesWithAnyCode, "web socket: close codes that are not the caller's are refused");
}

#[test]
fn pretending_to_send_after_the_close() {
    breaks(How::SendsAfterClose, "web socket: after the close nothing is sent");
}

#[test]
fn sending_without_bound() {
    breaks(How::SendsWithoutBound, "web socket: messages are sent no faster than they are taken");
}

#[test]
fn reading_ahead() {
    breaks(How::ReadsAhead, "web socket: messages that are not received are not read ahead");
}

#[test]
fn losing_messages_when_a_receive_is_dropped() {
    breaks(How::LosesDroppedReceives, "web socket: dropping a receive loses no message");
}

#[test]
fn keeping_sockets_that_were_dropped() {
    breaks(How::KeepsDropped, "web socket: dropping it closes the connection");
}

#[test]
fn ending_in_order_what_broke() {
    breaks(How::EndsBrokenInOrder, "web socket: a connection that breaks is an error");
    breaks(How::EndsBrokenInOrder, "web socket: frames that break the protocol are errors");
}

#[test]
fn telling_the_first_protocol() {
    breaks(How::TellsFirstProtocol, "web socket: the server's choice of subprotocol is told");
}

#[test]
fn mistaking_errors() {
    breaks(How::MistakesErrors, "web socket: handshakes that fail are errors");
    breaks(How::MistakesErrors, "web socket: a peer that refuses is told");
}

#[test]
fn taking_any_uri() {
    breaks(How::TakesAnyUri, "web socket: requests that break the rules are refused");
}
