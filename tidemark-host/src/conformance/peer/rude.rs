//! The server that breaks the rules of HTTP, and of the WebSocket handshake.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::reset;
use super::seen::Seen;

/// The longest request head that is read, in bytes.
const MAX_HEAD_BYTES: usize = 16 << 10;

pub(super) async fn serve(mut stream: TcpStream, _seen: Arc<Seen>) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD_BYTES {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let answer: &[u8] = match path.as_str() {
        "/truncated" => b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly this",
        "/truncated-chunks" => b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nonly this\r\n",
        "/cut-body" => b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly this",
        "/truncated-head" => b"HTTP/1.1 200 OK\r\ncontent-le",
        "/nothing" | "/cut-head" => b"",
        "/garbage" => b"SSH-2.0-OpenSSH_10.0p2 Debian-7\r\n\r\n",
        "/bad-chunk" => {
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnine\r\nonly this\r\n0\r\n\r\n"
        }
        "/two-lengths" => b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nfour",
        "/forbidden" => b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
        "/no-upgrade" => b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        // The key of RFC 6455's own example (1.3), which nobody has sent.
        "/wrong-key" => {
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
              sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        }
        _ => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
    };
    stream.write_all(answer).await?;
    if path.starts_with("/cut") {
        // Once the head was read, or a reset takes it back.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        reset(&stream)?;
    }
    Ok(())
}
