//! A process's standard streams as an application sees them: one reader or writer each, with back-pressure.
//!
//! The bytes lie in the guest's pipe until they are asked for; nothing is buffered here.

use bytes::Bytes;
use tidemark_kernel::StreamId;

use crate::gone::Gone;
use crate::request::{Request, Requests};

/// Bytes that one read asks for at the most; a pipe holds about as much.
pub(crate) const READ_BYTES: usize = 64 << 10;

/// What a guest writes to its standard output or error, or what its terminal shows. Dropping it closes the reading end:
/// the guest's next write gets `EPIPE` and `SIGPIPE`, as with any pipe.
pub struct OutputReader {
    stream: StreamId,
    requests: Requests,
}

impl OutputReader {
    pub(crate) fn new(stream: StreamId, requests: Requests) -> Self {
        OutputReader { stream, requests }
    }

    /// The next bytes, 1 to 64 KiB of them; empty at the end. Waits for the guest to write. Dropping the future loses
    /// nothing that was not read.
    ///
    /// # Errors
    /// [`Gone`] when the sandbox is gone.
    pub async fn read(&mut self) -> Result<Bytes, Gone> {
        let stream = self.stream;
        self.requests.ask(|reply| Request::Read { stream, max: READ_BYTES, reply }).await
    }
}

impl Drop for OutputReader {
    fn drop(&mut self) {
        self.requests.send(Request::Close { stream: self.stream });
    }
}

/// The guest's standard input, or its terminal's keyboard. Dropping it closes the writing end: the guest reads the end of
/// the file, except from a terminal.
pub struct StdinWriter {
    stream: StreamId,
    requests: Requests,
}

/// Why a write to a guest's standard input failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Nobody in the guest can read it any more.
    #[error("the guest closed its standard input after {taken} more bytes")]
    Closed {
        /// Bytes of this write that went into the pipe before.
        taken: usize,
    },
    /// The sandbox is gone.
    #[error(transparent)]
    Gone(#[from] Gone),
}

impl StdinWriter {
    pub(crate) fn new(stream: StreamId, requests: Requests) -> Self {
        StdinWriter { stream, requests }
    }

    /// Writes all of `data`. Waits while the pipe is full. When the future is dropped, a part may have been written.
    ///
    /// # Errors
    /// [`WriteError::Closed`] when the last reader is gone, [`WriteError::Gone`] when the sandbox is gone.
    pub async fn write_all(&mut self, data: impl Into<Bytes>) -> Result<(), WriteError> {
        let (stream, data) = (self.stream, data.into());
        self.requests
            .ask(|reply| Request::Write { stream, data, reply })
            .await?
            .map_err(|taken| WriteError::Closed { taken })
    }
}

impl Drop for StdinWriter {
    fn drop(&mut self) {
        self.requests.send(Request::Close { stream: self.stream });
    }
}
