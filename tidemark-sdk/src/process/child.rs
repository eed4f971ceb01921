//! A started program.

use tidemark_kernel::{Errno, WindowSize};
use tidemark_runtime::Process;

use super::output::{self, Output, OutputLimit};
use super::result::{ExitStatus, ProcessResult};
use super::streams::{ChildOutput, ChildStdin};
use crate::error::{Gone, SignalError};

/// A started program. Dropping it leaves the program running, unless [`kill_on_drop`](crate::Command::kill_on_drop) says
/// otherwise, and closes those of its streams that were not taken. A terminal without a keyboard, a screen and its `Child`
/// is hung up: the programs in it get `SIGHUP`.
pub struct Child {
    /// Its standard input, if piped: dropping it is the end of the file. Or the keyboard of its terminal: what is written
    /// is typed, and dropping it means that nobody types any more.
    pub stdin: Option<ChildStdin>,
    /// Its standard output, if piped, or the screen of its terminal: that ends when no program uses the terminal.
    pub stdout: Option<ChildOutput>,
    /// Its standard error, if piped.
    pub stderr: Option<ChildOutput>,
    process: Process,
    output_limit: OutputLimit,
    kill_on_drop: bool,
}

impl Child {
    pub(super) fn new(mut process: Process, output_limit: OutputLimit, kill_on_drop: bool) -> Child {
        Child {
            stdin: process.stdin.take().map(ChildStdin::new),
            stdout: process.stdout.take().map(ChildOutput::new),
            stderr: process.stderr.take().map(ChildOutput::new),
            process,
            output_limit,
            kill_on_drop,
        }
    }

    pub(super) fn process(&self) -> &Process {
        &self.process
    }

    pub(super) fn output_limit(&self) -> OutputLimit {
        self.output_limit
    }

    pub(super) fn kill_group_soon(&self) {
        self.process.kill_group();
    }

    /// Its process id in the guest.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sets the size of its terminal, in characters; programs that use it are told by `SIGWINCH`. Nothing happens without
    /// a terminal.
    ///
    /// # Errors
    /// [`Gone`] when the sandbox is gone.
    pub async fn resize(&self, columns: u16, rows: u16) -> Result<(), Gone> {
        match &self.process.terminal {
            Some(terminal) => terminal.resize(WindowSize::new(columns, rows)).await,
            None => Ok(()),
        }
    }

    /// Waits for its end. Does not close its standard input: a program that reads it to the end waits for that.
    ///
    /// # Errors
    /// [`Gone`] when the sandbox is gone.
    pub async fn wait(&self) -> Result<ExitStatus, Gone> {
        Ok(self.wait_result().await?.status)
    }

    /// As [`wait`](Self::wait), and says what it used, and whether it ran into its time limit.
    ///
    /// # Errors
    /// [`Gone`] when the sandbox is gone.
    pub async fn wait_result(&self) -> Result<ProcessResult, Gone> {
        Ok(self.process.wait().await?.into())
    }

    /// Closes its input, collects its output, as much as [`max_output`](crate::Command::max_output) allows, and waits for
    /// its end. A program on a terminal has to end by itself.
    ///
    /// # Errors
    /// [`Gone`] when the sandbox is gone.
    pub async fn wait_with_output(self) -> Result<Output, Gone> {
        output::collect(self).await
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

    /// Sends a signal by number to every process of its group: it, and what it started, unless that left the group.
    ///
    /// # Errors
    /// [`SignalError::Ended`] when none of them is left.
    pub async fn signal_group(&self, signal: u8) -> Result<(), SignalError> {
        match self.process.signal_group(signal).await? {
            Ok(()) => Ok(()),
            Err(Errno::ESRCH) => Err(SignalError::Ended),
            Err(_) => Err(SignalError::NoSuchSignal { signal }),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.kill_on_drop {
            self.process.kill_group();
        }
    }
}
