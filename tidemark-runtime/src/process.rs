//! A guest process that the application started, as a handle.

use futures::channel::oneshot;
use futures::future::{FutureExt, Shared};
use tidemark_kernel::errno::Errno;
use tidemark_kernel::task::{GroupSignal, Pid, ProcessRef, Usage};
use tidemark_kernel::{ExitStatus, Spawned, StreamId, WindowSize};

use crate::gone::Gone;
use crate::io::{OutputReader, StdinWriter};
use crate::request::{Request, Requests};

/// How a process ended, and what it used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Exit {
    /// Its code or signal.
    pub status: ExitStatus,
    /// What it used, its children that it waited for included.
    pub usage: Usage,
    /// Whether it had reached its time limit ([`SpawnRequest::time_limit`](tidemark_kernel::SpawnRequest::time_limit)).
    pub timed_out: bool,
}

/// A running or ended process. A plain `Send` value; dropping it leaves the process running.
pub struct Process {
    pid: Pid,
    process: ProcessRef,
    group: Pid,
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
    /// [`Gone`] when the sandbox is gone.
    pub async fn resize(&self, size: WindowSize) -> Result<(), Gone> {
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
    /// A process that was started; `streams` are those of its streams that nobody takes yet.
    pub(crate) fn new(
        spawned: &Spawned,
        streams: [Option<StreamId>; 3],
        exit: oneshot::Receiver<Exit>,
        requests: Requests,
    ) -> Self {
        let [stdin, stdout, stderr] = streams;
        Process {
            pid: spawned.pid,
            process: spawned.process,
            group: spawned.group,
            stdin: stdin.map(|stream| StdinWriter::new(stream, requests.clone())),
            stdout: stdout.map(|stream| OutputReader::new(stream, requests.clone())),
            stderr: stderr.map(|stream| OutputReader::new(stream, requests.clone())),
            terminal: spawned.terminal.map(|stream| Terminal { stream, requests: requests.clone() }),
            exit: exit.shared(),
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
    /// [`Gone`] when the sandbox is gone.
    pub async fn wait(&self) -> Result<Exit, Gone> {
        self.exit.clone().await.map_err(|_| self.requests.crash().or_shut_down())
    }

    /// Sends it a signal by number, as `kill(2)` from outside.
    ///
    /// # Errors
    /// `Ok(Err(ESRCH))` when it has ended, `Ok(Err(EINVAL))` for no such signal; [`Gone`] when the sandbox is gone.
    pub async fn signal(&self, signal: u8) -> Result<Result<(), Errno>, Gone> {
        let process = self.process;
        self.requests.with_kernel(move |kernel, now| kernel.signal(process, signal, now)).await
    }

    /// Sends a signal by number to every process of its group, also after it ended itself.
    ///
    /// # Errors
    /// `Ok(Err(ESRCH))` when none is left, `Ok(Err(EINVAL))` for no such signal; [`Gone`] when the sandbox is gone.
    pub async fn signal_group(&self, signal: u8) -> Result<Result<(), Errno>, Gone> {
        let mut sending = match GroupSignal::new(self.group, self.process, signal) {
            Ok(sending) => sending,
            Err(errno) => return Ok(Err(errno)),
        };
        loop {
            let (sent, more) = self
                .requests
                .with_kernel(move |kernel, now| {
                    let more = kernel.signal_group_step(&mut sending, now);
                    (sending, more)
                })
                .await?;
            sending = sent;
            if !more {
                return Ok(if sending.reached_somebody() { Ok(()) } else { Err(Errno::ESRCH) });
            }
        }
    }

    /// Sends `SIGKILL` to every process of its group, without waiting for it.
    pub fn kill_group(&self) {
        const SIGKILL: u8 = 9;
        if let Ok(sending) = GroupSignal::new(self.group, self.process, SIGKILL) {
            self.requests.send_group(sending);
        }
    }

    /// The id, for a process that is to run beside it.
    pub fn pid(&self) -> Pid {
        self.pid
    }
}
