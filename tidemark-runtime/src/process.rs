//! A guest process that the application started, as a handle.

use futures::channel::oneshot;
use futures::future::{FutureExt, Shared};
use tidemark_kernel::errno::Errno;
use tidemark_kernel::task::Pid;
use tidemark_kernel::{ExitStatus, StreamId, WindowSize};

use crate::crash::Crashed;
use crate::io::{OutputReader, StdinWriter};
use crate::request::{Request, Requests, Started};

/// How a process ended, and what it used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Exit {
    /// Its code or signal.
    pub status: ExitStatus,
}

/// A running or ended process. A plain `Send` value; dropping it leaves the process running.
pub struct Process {
    pid: Pid,
    /// The guest's standard input, if it is piped; the keyboard, if it is a terminal.
    pub stdin: Option<StdinWriter>,
    /// The guest's standard output, if it is piped; the screen, if it is a terminal.
    pub stdout: Option<OutputReader>,
    /// The guest's standard error, if it is piped.
    pub stderr: Option<OutputReader>,
    /// The terminal that controls it, if it was started with one.
    pub terminal: Option<Terminal>,
    exit: Shared<oneshot::Receiver<Exit>>,
    requests: Requests,
}

/// A process's terminal, to change its size. The terminal is hung up when this, the input and the output are dropped.
pub struct Terminal {
    stream: StreamId,
    requests: Requests,
}

impl Terminal {
    /// Sets its size; programs that use it get `SIGWINCH`.
    ///
    /// # Errors
    /// [`Crashed`] when the sandbox is dead.
    pub async fn resize(&self, size: WindowSize) -> Result<(), Crashed> {
        let stream = self.stream;
        self.requests.with_kernel(move |kernel, now| kernel.resize_terminal(stream, size, now)).await
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.requests.send(Request::Close { stream: self.stream });
    }
}

impl Process {
    pub(crate) fn new(started: Started, requests: Requests) -> Self {
        let [stdin, stdout, stderr] = started.spawned.streams;
        Process {
            pid: started.spawned.pid,
            stdin: stdin.map(|stream| StdinWriter::new(stream, requests.clone())),
            stdout: stdout.map(|stream| OutputReader::new(stream, requests.clone())),
            stderr: stderr.map(|stream| OutputReader::new(stream, requests.clone())),
            terminal: started.spawned.terminal.map(|stream| Terminal { stream, requests: requests.clone() }),
            exit: started.exit.shared(),
            requests,
        }
    }

    /// Its process id in the guest.
    pub fn id(&self) -> u32 {
        self.pid.0.get()
    }

    /// Waits for its end; answers at once, again and again, when it has ended.
    ///
    /// # Errors
    /// [`Crashed`] when the sandbox is dead.
    pub async fn wait(&self) -> Result<Exit, Crashed> {
        self.exit.clone().await.map_err(|_| self.requests.crash().or_closed())
    }

    /// Sends it a signal by number, as `kill(2)` from outside.
    ///
    /// # Errors
    /// `Ok(Err(ESRCH))` when it has ended, `Ok(Err(EINVAL))` for no such signal; [`Crashed`] when the sandbox is dead.
    pub async fn signal(&self, signal: u8) -> Result<Result<(), Errno>, Crashed> {
        let pid = self.pid;
        self.requests.with_kernel(move |kernel, now| kernel.signal(pid, signal, now)).await
    }
}
