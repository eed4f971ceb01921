//! A program's standard streams, as streams of bytes and as readers and writers of the `futures` crate.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures::{AsyncRead, AsyncWrite, Stream};
use tidemark_runtime::{OutputReader, StdinWriter, WriteError};

use crate::error::Gone;

/// A program's standard input. Dropping it is the end of the file for the program, unless it is a terminal's keyboard.
///
/// Also an [`AsyncWrite`]: that takes up to 64 KiB ahead of the pipe, so that an error is told by the write after.
pub struct ChildStdin {
    state: WriteState,
}

type WriteFuture = Pin<Box<dyn Future<Output = (StdinWriter, Result<(), WriteError>)> + Send>>;

enum WriteState {
    Idle(StdinWriter),
    Writing(WriteFuture),
    Closed,
}

/// Bytes that one poll takes at the most.
const AHEAD: usize = 64 << 10;

impl ChildStdin {
    pub(super) fn new(writer: StdinWriter) -> Self {
        ChildStdin { state: WriteState::Idle(writer) }
    }

    /// Writes all of `data`; waits while the pipe is full. When the future is dropped, a part may have been written.
    ///
    /// # Errors
    /// [`WriteError::Closed`] when the program closed it, [`WriteError::Gone`] when the sandbox is gone.
    pub async fn write_all(&mut self, data: impl Into<Bytes>) -> Result<(), WriteError> {
        std::future::poll_fn(|cx| self.poll_idle(cx)).await?;
        match &mut self.state {
            WriteState::Idle(writer) => writer.write_all(data).await,
            WriteState::Writing(_) | WriteState::Closed => Err(WriteError::Closed { taken: 0 }),
        }
    }

    /// Closes it, once what was written before has gone into the pipe.
    ///
    /// # Errors
    /// As [`write_all`](Self::write_all), of what was written before.
    pub async fn close(mut self) -> Result<(), WriteError> {
        std::future::poll_fn(|cx| self.poll_idle(cx)).await
    }

    /// Waits for a write that was begun.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        let WriteState::Writing(future) = &mut self.state else { return Poll::Ready(Ok(())) };
        let (writer, result) = ready!(future.as_mut().poll(cx));
        self.state = WriteState::Idle(writer);
        Poll::Ready(result)
    }
}

impl AsyncWrite for ChildStdin {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_idle(cx)).map_err(broken)?;
        let taken = bytes.len().min(AHEAD);
        match std::mem::replace(&mut self.state, WriteState::Closed) {
            WriteState::Idle(mut writer) => {
                let data = Bytes::copy_from_slice(&bytes[..taken]);
                let write = async move {
                    let result = writer.write_all(data).await;
                    (writer, result)
                };
                self.state = WriteState::Writing(Box::pin(write));
                // Most often there is room, and an error is told at once.
                match self.poll_idle(cx) {
                    Poll::Ready(result) => Poll::Ready(result.map(|()| taken).map_err(broken)),
                    Poll::Pending => Poll::Ready(Ok(taken)),
                }
            }
            state => {
                self.state = state;
                Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_idle(cx).map_err(broken)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(self.poll_idle(cx));
        self.state = WriteState::Closed;
        Poll::Ready(result.map_err(broken))
    }
}

fn broken(error: WriteError) -> io::Error {
    let kind = match error {
        WriteError::Closed { .. } => io::ErrorKind::BrokenPipe,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

/// A program's standard output or error: a [`Stream`] of the bytes as they come, and an [`AsyncRead`]. What is not read
/// lies in the pipe, and the program waits when that is full.
pub struct ChildOutput {
    /// Between two items of the stream the reader is here, during one it is in the future.
    state: ReadState,
    /// What a reader left of the latest item.
    left: Bytes,
}

type ReadFuture = Pin<Box<dyn Future<Output = (OutputReader, Result<Bytes, Gone>)> + Send>>;

enum ReadState {
    Idle(OutputReader),
    Reading(ReadFuture),
    Ended,
}

impl ChildOutput {
    pub(super) fn new(reader: OutputReader) -> Self {
        ChildOutput { state: ReadState::Idle(reader), left: Bytes::new() }
    }

    /// The next bytes as the program wrote them, at most 64 KiB; empty at the end.
    ///
    /// # Errors
    /// [`Gone`] when the sandbox is gone.
    pub async fn read(&mut self) -> Result<Bytes, Gone> {
        use futures::StreamExt as _;
        self.next().await.unwrap_or(Ok(Bytes::new()))
    }

    /// Everything until the end.
    ///
    /// # Errors
    /// [`Gone`] when the sandbox is gone.
    pub async fn read_to_end(&mut self) -> Result<Vec<u8>, Gone> {
        let mut all = Vec::new();
        loop {
            let bytes = self.read().await?;
            if bytes.is_empty() {
                return Ok(all);
            }
            all.extend_from_slice(&bytes);
        }
    }
}

impl Stream for ChildOutput {
    type Item = Result<Bytes, Gone>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.left.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.left))));
        }
        loop {
            match std::mem::replace(&mut self.state, ReadState::Ended) {
                ReadState::Idle(mut reader) => {
                    self.state = ReadState::Reading(Box::pin(async move {
                        let bytes = reader.read().await;
                        (reader, bytes)
                    }));
                }
                ReadState::Reading(mut future) => match future.as_mut().poll(cx) {
                    Poll::Pending => {
                        self.state = ReadState::Reading(future);
                        return Poll::Pending;
                    }
                    Poll::Ready((_, Ok(bytes))) if bytes.is_empty() => return Poll::Ready(None),
                    Poll::Ready((_, Err(gone))) => return Poll::Ready(Some(Err(gone))),
                    Poll::Ready((reader, Ok(bytes))) => {
                        self.state = ReadState::Idle(reader);
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                },
                ReadState::Ended => return Poll::Ready(None),
            }
        }
    }
}

impl AsyncRead for ChildOutput {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.left.is_empty() && !to.is_empty() {
            match ready!(self.as_mut().poll_next(cx)) {
                Some(Ok(bytes)) => self.left = bytes,
                Some(Err(gone)) => return Poll::Ready(Err(io::Error::other(gone))),
                None => return Poll::Ready(Ok(0)),
            }
        }
        let count = self.left.len().min(to.len());
        self.left.copy_to_slice(&mut to[..count]);
        Poll::Ready(Ok(count))
    }
}

impl fmt::Debug for ChildStdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildStdin").finish_non_exhaustive()
    }
}

impl fmt::Debug for ChildOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildOutput").finish_non_exhaustive()
    }
}
