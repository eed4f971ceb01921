//! WebSockets (RFC 6455) by tungstenite, over TCP or TLS.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::str::FromStr as _;
use std::task::{Context, Poll, ready};

use futures_util::{Sink as _, Stream as _};
use http::HeaderValue;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use rustls::pki_types::ServerName;
use tidemark_host::{Closed, Destination, ErrorKind, HostError, Message, WebSocket};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::limits::{CLOSE_HANDSHAKE_LIFE, MAX_CLOSE_REASON_BYTES, MAX_MESSAGE_BYTES};
use crate::tls::Tls;

/// What there is to say of a close frame without a code (RFC 6455, 7.1.5).
const NO_STATUS: u16 = 1005;

/// What a WebSocket runs over.
trait Transport: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Transport for T {}

/// A WebSocket connection of this process.
pub struct NativeWebSocket {
    protocol: Option<String>,
    state: RefCell<State>,
    /// Held while a message is being sent: of two tasks that send at once, one waits here.
    sending: Mutex<()>,
    /// Held while a message is being received.
    receiving: Mutex<()>,
}

struct State {
    stream: WebSocketStream<Box<dyn Transport>>,
    /// The peer's close frame.
    closed: Option<Closed>,
    /// Why nothing comes any more.
    ended: Option<End>,
}

/// How a connection ended.
#[derive(Clone, Copy)]
enum End {
    InOrder,
    Broken(ErrorKind),
}

impl std::fmt::Debug for NativeWebSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NativeWebSocket").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

/// Connects and shakes hands.
pub(super) async fn open(
    tls: &Tls,
    uri: http::Uri,
    protocols: Vec<String>,
) -> Result<NativeWebSocket, HostError> {
    let invalid = |why: &'static str| HostError::new(ErrorKind::InvalidInput, OPENING).with_source(why);
    let is_secure = match uri.scheme_str() {
        Some("ws") => false,
        Some("wss") => true,
        _ => return Err(invalid("the URI's scheme is neither ws nor wss")),
    };
    let host = uri.host().ok_or_else(|| invalid("the URI names no host"))?;
    // As a socket address an IPv6 address has no brackets.
    let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let offered =
        offer(&protocols).ok_or_else(|| invalid("a protocol is not a token, or is offered twice"))?;

    let tcp = super::connect(&Destination::Name { name: name.clone(), port }).await;
    let tcp = tcp.map_err(|error| super::failed(OPENING, error))?;
    let transport: Box<dyn Transport> = if is_secure {
        let server = ServerName::try_from(name).map_err(|_| invalid("the host is no name that TLS knows"))?;
        let connector = TlsConnector::from(tls.client_config().await?);
        Box::new(connector.connect(server, tcp).await.map_err(|error| super::failed(OPENING, error))?)
    } else {
        Box::new(tcp)
    };

    let mut request = uri.into_client_request().map_err(|error| failed(OPENING, error))?;
    if let Some(offered) = offered {
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, offered);
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let (stream, response) = client_async_with_config(request, transport, Some(config))
        .await
        .map_err(|error| failed(OPENING, error))?;
    let chosen = response.headers().get(SEC_WEBSOCKET_PROTOCOL).and_then(|chosen| chosen.to_str().ok());
    Ok(NativeWebSocket {
        protocol: chosen.map(str::to_owned),
        state: RefCell::new(State { stream, closed: None, ended: None }),
        sending: Mutex::new(()),
        receiving: Mutex::new(()),
    })
}

const OPENING: &str = "opening a WebSocket";
const SENDING: &str = "sending a WebSocket message";
const RECEIVING: &str = "receiving a WebSocket message";
const CLOSING: &str = "closing a WebSocket";

/// The header that offers `protocols`, if there are any; no answer if they may not be offered (RFC 6455, 4.1: tokens,
/// each once).
fn offer(protocols: &[String]) -> Option<Option<HeaderValue>> {
    // A header's name is exactly a token (RFC 9110, 5.6.2).
    let is_token = |protocol: &String| http::HeaderName::from_str(protocol).is_ok();
    let is_repeated = |(index, protocol)| protocols[..index].contains(protocol);
    if !protocols.iter().all(is_token) || protocols.iter().enumerate().any(is_repeated) {
        return None;
    }
    if protocols.is_empty() {
        return Some(None);
    }
    HeaderValue::try_from(protocols.join(", ")).ok().map(Some)
}

impl WebSocket for NativeWebSocket {
    fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    async fn send(&self, message: Message) -> Result<(), HostError> {
        let _sending = self.sending.lock().await;
        let mut message = Some(match message {
            Message::Binary(bytes) => tungstenite::Message::Binary(bytes),
            Message::Text(text) => tungstenite::Message::text(text),
            _ => return Err(HostError::new(ErrorKind::InvalidInput, SENDING)),
        });
        poll_fn(|context| self.state.borrow_mut().poll_send(&mut message, context)).await
    }

    async fn receive(&self) -> Result<Option<Message>, HostError> {
        let _receiving = self.receiving.lock().await;
        poll_fn(|context| self.state.borrow_mut().poll_receive(context)).await
    }

    fn closed(&self) -> Option<Closed> {
        let state = self.state.borrow();
        state.closed.clone().filter(|_| state.ended.is_some())
    }

    async fn close(&self, code: u16, reason: &str) -> Result<(), HostError> {
        let is_callers = code == 1000 || (3000..5000).contains(&code);
        if !is_callers || reason.len() > MAX_CLOSE_REASON_BYTES {
            return Err(HostError::new(ErrorKind::InvalidInput, CLOSING)
                .with_source("the code is not the caller's to send, or the reason is too long"));
        }
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.to_owned().into() };
        timeout(CLOSE_HANDSHAKE_LIFE, self.shake_hands(frame)).await.unwrap_or_else(|_| {
            self.state.borrow_mut().ended = Some(End::Broken(ErrorKind::TimedOut));
            Err(HostError::new(ErrorKind::TimedOut, CLOSING))
        })
    }
}

impl NativeWebSocket {
    /// Sends the close frame and reads until the peer's has come.
    async fn shake_hands(&self, frame: CloseFrame) -> Result<(), HostError> {
        let mut message = Some(tungstenite::Message::Close(Some(frame)));
        {
            let _sending = self.sending.lock().await;
            let sent = poll_fn(|context| self.state.borrow_mut().poll_send(&mut message, context)).await;
            // The peer may have closed first: then there is nothing left to send.
            if let Err(error) = sent
                && error.kind() != ErrorKind::Closed
            {
                return Err(error);
            }
        }
        while self
            .receive()
            .await
            .map_err(|error| HostError::new(error.kind(), CLOSING).with_source(error))?
            .is_some()
        {}
        Ok(())
    }
}

impl State {
    /// Hands `message` over, then waits until it has left.
    fn poll_send(
        &mut self,
        message: &mut Option<tungstenite::Message>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), HostError>> {
        match self.ended {
            Some(End::InOrder) => return Poll::Ready(Err(HostError::new(ErrorKind::Closed, SENDING))),
            Some(End::Broken(_)) => return Poll::Ready(Err(HostError::new(ErrorKind::Reset, SENDING))),
            None => {}
        }
        let mut stream = Pin::new(&mut self.stream);
        let sent = (|| {
            if message.is_some() {
                ready!(stream.as_mut().poll_ready(context))?;
                if let Some(message) = message.take() {
                    stream.as_mut().start_send(message)?;
                }
            }
            stream.poll_flush(context)
        })();
        sent.map_err(|error| failed(SENDING, error))
    }

    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Message>, HostError>> {
        loop {
            match self.ended {
                Some(End::InOrder) => return Poll::Ready(Ok(None)),
                Some(End::Broken(kind)) => return Poll::Ready(Err(HostError::new(kind, RECEIVING))),
                None => {}
            }
            match ready!(Pin::new(&mut self.stream).poll_next(context)) {
                Some(Ok(tungstenite::Message::Text(text))) => {
                    return Poll::Ready(Ok(Some(Message::Text(text.as_str().to_owned()))));
                }
                Some(Ok(tungstenite::Message::Binary(bytes))) => {
                    return Poll::Ready(Ok(Some(Message::Binary(bytes))));
                }
                // The answer is sent, and the transport's end read, by going on.
                Some(Ok(tungstenite::Message::Close(frame))) => {
                    let (code, reason) = match frame {
                        Some(frame) => (frame.code.into(), frame.reason.as_str().to_owned()),
                        None => (NO_STATUS, String::new()),
                    };
                    self.closed = Some(Closed::new(code, reason));
                }
                Some(Ok(_)) => {}
                Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) | None => {
                    self.ended = Some(End::InOrder);
                }
                // After both close frames it does not matter how the transport ends.
                Some(Err(Error::Io(_))) if self.closed.is_some() => self.ended = Some(End::InOrder),
                Some(Err(error)) => {
                    let error = failed(RECEIVING, error);
                    self.ended = Some(End::Broken(error.kind()));
                    return Poll::Ready(Err(error));
                }
            }
        }
    }
}

/// The host's error for tungstenite's.
fn failed(doing: &'static str, error: Error) -> HostError {
    let kind = match &error {
        Error::ConnectionClosed | Error::AlreadyClosed => ErrorKind::Closed,
        Error::Protocol(ProtocolError::SendAfterClosing) => ErrorKind::Closed,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => ErrorKind::Reset,
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => ErrorKind::Reset,
        Error::Io(error) => ErrorKind::from(error.kind()),
        Error::Url(_) => ErrorKind::InvalidInput,
        Error::Protocol(_) | Error::Capacity(_) | Error::Utf8(_) | Error::Http(_) | Error::HttpFormat(_) => {
            ErrorKind::Protocol
        }
        _ => ErrorKind::Other,
    };
    HostError::new(kind, doing).with_source(error)
}
