//! The TCP server: a connection's first line says what to do with the rest.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy_buf};
use tokio::net::TcpStream;

use super::seen::{Seen, Witness};
use super::{CHUNK_BYTES, FLOOD_BYTES, HOLD, keep_little_unread, keep_little_unsent, reset};
use crate::conformance::pattern::Checker;

pub(super) async fn serve(stream: TcpStream, seen: Arc<Seen>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    // One that goes away without a word has accepted and closed what a case opened, and that is all.
    stream.read_line(&mut line).await?;
    let mut words = line.split_whitespace();
    let command = words.next().unwrap_or_default().to_owned();
    let argument = words.next().unwrap_or_default().to_owned();
    match command.as_str() {
        "echo" => echo(stream).await,
        "check" => check(stream, argument.parse().unwrap_or(0)).await,
        "half-close" => half_close(stream, &Witness::new(&seen, &argument)).await,
        "cut" => cut(stream).await,
        "flood" => flood(stream, &Witness::new(&seen, &argument)).await,
        "stall" => stall(stream, &Witness::new(&seen, &argument)).await,
        "hold" => hold(stream, &Witness::new(&seen, &argument)).await,
        "seen" => stream.write_all(seen.tell(&argument).as_bytes()).await,
        _ => Ok(()),
    }
}

async fn echo(stream: BufReader<TcpStream>) -> io::Result<()> {
    let buffered = stream.buffer().to_vec();
    let (read, mut write) = stream.into_inner().into_split();
    write.write_all(&buffered).await?;
    copy_buf(&mut BufReader::with_capacity(CHUNK_BYTES, read), &mut write).await?;
    write.shutdown().await
}

/// Reads a pattern to its end, and only then answers how long it was.
async fn check(mut stream: BufReader<TcpStream>, seed: u64) -> io::Result<()> {
    let mut checker = Checker::new(seed);
    let answer = loop {
        let bytes = stream.fill_buf().await?;
        let length = bytes.len();
        if length == 0 {
            break checker.offset().to_string();
        }
        if let Err(why) = checker.read(bytes) {
            break why;
        }
        stream.consume(length);
    };
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// Says a word, closes its own direction, and goes on reading.
async fn half_close(mut stream: BufReader<TcpStream>, witness: &Witness) -> io::Result<()> {
    stream.write_all(b"bye").await?;
    stream.shutdown().await?;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await?;
    witness.received(rest.len());
    witness.ended("whole");
    Ok(())
}

async fn cut(mut stream: BufReader<TcpStream>) -> io::Result<()> {
    stream.write_all(b"hello").await?;
    stream.flush().await?;
    // Until the other side says that it has read this, for a reset takes it back.
    stream.read_u8().await?;
    reset(stream.get_ref())
}

async fn flood(mut stream: BufReader<TcpStream>, witness: &Witness) -> io::Result<()> {
    keep_little_unsent(stream.get_ref())?;
    let chunk = vec![b'~'; CHUNK_BYTES];
    let mut left = FLOOD_BYTES;
    while left > 0 {
        stream.write_all(&chunk).await?;
        witness.sent(chunk.len());
        left = left.saturating_sub(chunk.len() as u64);
    }
    Ok(())
}

async fn stall(stream: BufReader<TcpStream>, _witness: &Witness) -> io::Result<()> {
    keep_little_unread(stream.get_ref())?;
    tokio::time::sleep(HOLD).await;
    Ok(())
}

/// Sends now and then, until the connection ends: then both directions are closed.
async fn hold(mut stream: BufReader<TcpStream>, witness: &Witness) -> io::Result<()> {
    let mut buffer = [0; 64];
    loop {
        tokio::select! {
            read = stream.read(&mut buffer) => match read {
                Ok(0) => {
                    // A half-close would do as much; writing tells, once the other side has answered with a reset.
                    for _ in 0..1_000 {
                        if stream.write_all(b".").await.is_err() {
                            witness.ended("closed");
                            return Ok(());
                        }
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    witness.ended("half-closed");
                    return Ok(());
                }
                Ok(count) => witness.received(count),
                Err(_) => {
                    witness.ended("closed");
                    return Ok(());
                }
            },
            () = tokio::time::sleep(HOLD) => return Ok(()),
        }
    }
}
