//! A started program and its standard streams.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use tidemark_kernel::{Errno, WindowSize};
use tidemark_runtime::{OutputReader, Process, StdinWriter, WriteError};

use crate::error::{Crashed, SignalError};

pub use tidemark_kernel::ExitStatus as Ended;

/// How a program ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExitStatus(Ended);

impl ExitStatus {
    /// Whether it exited with code 0.
    pub fn success(self) -> bool {
        self.0 == Ended::Code(0)
    }

    /// Its exit code; `None` when a signal ended it.
    pub fn code(self) -> Option<u8> {
        match self.0 {
            Ended::Code(code) => Some(code),
            Ended::Signal { .. } => None,
        }
    }

    /// The signal that ended it; `None` when it exited.
    pub fn signal(self) -> Option<u8> {
        match self.0 {
            Ended::Code(_) => None,
            Ended::Signal { number, .. } => Some(number),
        }
    }

    /// What a shell's `$?` would be: the code, or 128 plus the signal.
    pub fn shell_code(self) -> u8 {
        match self.0 {
            Ended::Code(code) => code,
            Ended::Signal { number, .. } => 128u8.wrapping_add(number),
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ended::Code(code) => write!(f, "exit code {code}"),
            Ended::Signal { number, core } => {
                write!(f, "signal {number}{}", if core { " (core dumped)" } else { "" })
            }
        }
    }
}

/// What a program wrote, and how it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// A started program. Dropping it leaves the program running and closes those of its streams that were not taken. A
/// terminal without a keyboard, a screen and its `Child` is hung up: the programs in it get `SIGHUP`.
pub struct Child {
    /// Its standard input, if piped: dropping it is the end of the file. Or the keyboard of its terminal: what is written
    /// is typed, and dropping it means that nobody types any more.
    pub stdin: Option<ChildStdin>,
    /// Its standard output, if piped, or the screen of its terminal: that ends when no program uses the terminal.
    pub stdout: Option<ChildOutput>,
    /// Its standard error, if piped.
    pub stderr: Option<ChildOutput>,
    process: Process,
}

impl Child {
    pub(crate) fn new(mut process: Process) -> Child {
        Child {
            stdin: process.stdin.take().map(ChildStdin),
            stdout: process.stdout.take().map(ChildOutput::new),
            stderr: process.stderr.take().map(ChildOutput::new),
            process,
        }
    }

    /// Its process id in the guest.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sets the size of its terminal, in characters; programs that use it are told by `SIGWINCH`. Nothing happens without
    /// a terminal.
    ///
    /// # Errors
    /// [`Crashed`] when the sandbox is dead.
    pub async fn resize(&self, columns: u16, rows: u16) -> Result<(), Crashed> {
        match &self.process.terminal {
            Some(terminal) => terminal.resize(WindowSize::new(columns, rows)).await,
            None => Ok(()),
        }
    }

    /// Waits for its end. Does not close its standard input: a program that reads it to the end waits for that.
    ///
    /// # Errors
    /// [`Crashed`] when the sandbox is dead.
    pub async fn wait(&self) -> Result<ExitStatus, Crashed> {
        Ok(ExitStatus(self.process.wait().await?.status))
    }

    /// Closes its input, collects its output and waits for its end. A program on a terminal has to end by itself.
    ///
    /// # Errors
    /// [`Crashed`] when the sandbox is dead.
    pub async fn wait_with_output(mut self) -> Result<Output, Crashed> {
        drop(self.stdin.take());
        let (stdout, stderr) = (self.stdout.take(), self.stderr.take());
        let (stdout, stderr) = futures::try_join!(collect(stdout), collect(stderr))?;
        Ok(Output { status: self.wait().await?, stdout, stderr })
    }

    /// Ends it with `SIGKILL`.
    ///
    /// # Errors
    /// As [`signal`](Self::signal).
    pub async fn kill(&self) -> Result<(), SignalError> {
        const SIGKILL: u8 = 9;
        self.signal(SIGKILL).await
    }

    /// Sends it a signal by number (`signal(7)`, the generic numbering).
    ///
    /// # Errors
    /// [`SignalError::Ended`] when it has ended.
    pub async fn signal(&self, signal: u8) -> Result<(), SignalError> {
        match self.process.signal(signal).await? {
            Ok(()) => Ok(()),
            Err(Errno::ESRCH) => Err(SignalError::Ended),
            Err(_) => Err(SignalError::NoSuchSignal { signal }),
        }
    }
}

async fn collect(output: Option<ChildOutput>) -> Result<Vec<u8>, Crashed> {
    match output {
        Some(mut output) => output.read_to_end().await,
        None => Ok(Vec::new()),
    }
}

/// A program's standard input.
pub struct ChildStdin(StdinWriter);

impl ChildStdin {
    /// Writes all of `data`; waits while the pipe is full.
    ///
    /// # Errors
    /// [`WriteError::Closed`] when the program closed it, [`WriteError::Crashed`] when the sandbox is dead.
    pub async fn write_all(&mut self, data: impl Into<Bytes>) -> Result<(), WriteError> {
        self.0.write_all(data).await
    }
}

/// A program's standard output or error: a [`Stream`] of the bytes as they come, with back-pressure.
pub struct ChildOutput {
    /// Between two items of the stream the reader is here, during one it is in the future.
    state: ReadState,
}

type ReadFuture = Pin<Box<dyn Future<Output = (OutputReader, Result<Bytes, Crashed>)> + Send>>;

enum ReadState {
    Idle(OutputReader),
    Reading(ReadFuture),
    Ended,
}

impl ChildOutput {
    fn new(reader: OutputReader) -> Self {
        ChildOutput { state: ReadState::Idle(reader) }
    }

    /// The next bytes as the program wrote them, at most 64 KiB; empty at the end.
    ///
    /// # Errors
    /// [`Crashed`] when the sandbox is dead.
    pub async fn read(&mut self) -> Result<Bytes, Crashed> {
        use futures::StreamExt as _;
        self.next().await.unwrap_or(Ok(Bytes::new()))
    }

    /// Everything until the end.
    ///
    /// # Errors
    /// [`Crashed`] when the sandbox is dead.
    pub async fn read_to_end(&mut self) -> Result<Vec<u8>, Crashed> {
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
    type Item = Result<Bytes, Crashed>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
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
                    Poll::Ready((_, Err(crashed))) => return Poll::Ready(Some(Err(crashed))),
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
