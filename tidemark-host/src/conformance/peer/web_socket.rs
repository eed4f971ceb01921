//! The WebSocket server: the URI's path says what it does.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::HeaderValue;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::seen::{Seen, Witness};
use super::{CHUNK_BYTES, FLOOD_BYTES, HOLD, keep_little_unread, keep_little_unsent, reset};

type Socket = WebSocketStream<TcpStream>;

/// The longest message that is taken, in bytes.
const MAX_MESSAGE_BYTES: usize = 64 << 20;

pub(super) async fn serve(stream: TcpStream, seen: Arc<Seen>) -> io::Result<()> {
    keep_little_unsent(&stream)?;
    keep_little_unread(&stream)?;
    stream.set_nodelay(true)?;
    let mut asked = String::new();
    #[expect(clippy::result_large_err, reason = "tungstenite's own callback type")]
    let choose = |request: &Request, mut response: Response| {
        asked = request.uri().to_string();
        if request.uri().path() == "/protocol"
            && let Some(chosen) = second_of(request)
        {
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, chosen);
        }
        Ok(response)
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let socket =
        accept_hdr_async_with_config(stream, choose, Some(config)).await.map_err(io::Error::other)?;
    let (path, name) = asked.split_once('?').unwrap_or((&asked, ""));
    play(socket, path, name, &seen).await.map_err(io::Error::other)
}

/// The second of the protocols that are offered: a host that takes the first for granted is wrong.
fn second_of(request: &Request) -> Option<HeaderValue> {
    let offered = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let offered: Vec<_> = offered.filter_map(|value| value.to_str().ok()).collect();
    let second = offered.join(",").split(',').nth(1)?.trim().to_owned();
    HeaderValue::try_from(second).ok()
}

async fn play(mut socket: Socket, path: &str, name: &str, seen: &Arc<Seen>) -> Result<(), Error> {
    match path {
        "/echo" | "/protocol" => echo(socket).await,
        "/fragments" => fragments(socket).await,
        "/ping" => ping(socket).await,
        "/close" => {
            let (code, reason) = (CloseCode::from(4321), "enough".into());
            socket.close(Some(CloseFrame { code, reason })).await?;
            drain(&mut socket, None).await;
            Ok(())
        }
        "/watch" => {
            let witness = Witness::new(seen, name);
            drain(&mut socket, Some(&witness)).await;
            Ok(())
        }
        "/seen" => {
            socket.send(Message::text(seen.tell(name))).await?;
            drain(&mut socket, None).await;
            Ok(())
        }
        "/flood" => flood(socket, &Witness::new(seen, name)).await,
        "/stall" => {
            let _witness = Witness::new(seen, name);
            tokio::time::sleep(HOLD).await;
            Ok(())
        }
        "/count" => count(socket).await,
        "/vanish" => {
            socket.send(Message::text("hello")).await?;
            wait_for_word(&mut socket).await;
            Ok(())
        }
        "/cut" => {
            socket.send(Message::text("hello")).await?;
            wait_for_word(&mut socket).await;
            Ok(reset(socket.get_ref())?)
        }
        "/bad-text" => rude_frame(socket, Frame::message(vec![0xC3, 0x28], TEXT, true)).await,
        "/bad-continuation" => rude_frame(socket, Frame::message(vec![1], CONTINUE, true)).await,
        "/bad-bits" => {
            let mut frame = Frame::message(vec![1], TEXT, true);
            frame.header_mut().rsv2 = true;
            rude_frame(socket, frame).await
        }
        _ => Ok(()),
    }
}

const TEXT: OpCode = OpCode::Data(Data::Text);
const BINARY: OpCode = OpCode::Data(Data::Binary);
const CONTINUE: OpCode = OpCode::Data(Data::Continue);

async fn echo(mut socket: Socket) -> Result<(), Error> {
    while let Some(message) = socket.next().await {
        if let message @ (Message::Text(_) | Message::Binary(_)) = message? {
            socket.send(message).await?;
        }
    }
    Ok(())
}

/// A text and a binary message, each in frames of one byte, with pings between them (RFC 6455, 5.4).
async fn fragments(mut socket: Socket) -> Result<(), Error> {
    // Two-byte characters, so that a frame's end is not a character's.
    let messages: [(OpCode, &[u8]); 2] = [(TEXT, "Grüße, Привет".as_bytes()), (BINARY, &[0, 1, 2, 255])];
    for (kind, bytes) in messages {
        for (index, byte) in bytes.iter().enumerate() {
            let kind = if index == 0 { kind } else { CONTINUE };
            let frame = Frame::message(vec![*byte], kind, index + 1 == bytes.len());
            socket.send(Message::Frame(frame)).await?;
            socket.send(Message::Ping(Bytes::from_static(b"between"))).await?;
        }
    }
    drain(&mut socket, None).await;
    Ok(())
}

/// Says that it was answered, once it was.
async fn ping(mut socket: Socket) -> Result<(), Error> {
    socket.send(Message::Ping(Bytes::from_static(b"marco"))).await?;
    while let Some(message) = socket.next().await {
        if message? == Message::Pong(Bytes::from_static(b"marco")) {
            socket.send(Message::text("polo")).await?;
        }
    }
    Ok(())
}

async fn flood(mut socket: Socket, witness: &Witness) -> Result<(), Error> {
    let chunk = Bytes::from(vec![b'~'; CHUNK_BYTES]);
    let mut left = FLOOD_BYTES;
    while left > 0 {
        socket.send(Message::Binary(chunk.clone())).await?;
        witness.sent(chunk.len());
        left = left.saturating_sub(chunk.len() as u64);
    }
    socket.close(None).await
}

/// Numbers, one a message.
async fn count(mut socket: Socket) -> Result<(), Error> {
    for number in 0..200 {
        socket.send(Message::text(number.to_string())).await?;
    }
    socket.close(None).await?;
    drain(&mut socket, None).await;
    Ok(())
}

async fn rude_frame(mut socket: Socket, frame: Frame) -> Result<(), Error> {
    socket.send(Message::Frame(frame)).await?;
    drain(&mut socket, None).await;
    Ok(())
}

/// Reads until the connection ends; how, the witness is told.
async fn drain(socket: &mut Socket, witness: Option<&Witness>) {
    let mut end = "aborted".to_owned();
    while let Some(message) = socket.next().await {
        match message {
            Ok(Message::Close(Some(frame))) => end = format!("{}:{}", u16::from(frame.code), frame.reason),
            Ok(Message::Close(None)) => end = "1005:".to_owned(),
            Ok(message) => {
                if let Some(witness) = witness {
                    witness.received(message.len());
                }
            }
            Err(_) => break,
        }
    }
    if let Some(witness) = witness {
        witness.ended(end);
    }
}

async fn wait_for_word(socket: &mut Socket) {
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() {
            break;
        }
    }
}
