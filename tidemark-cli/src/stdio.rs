//! Between this process's standard streams and the guest program's: bytes unchanged, ends passed on.

use std::io;
use std::time::Duration;

use tidemark_sdk::{ChildOutput, ChildStdin, Gone};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;

/// How much is read from standard input at a time, in bytes: what a guest's pipe holds.
const READ_LEN: usize = 64 * 1024;
/// How long to wait for more output once the program has ended, while something else in the guest still holds
/// the pipe: what the program itself wrote is in the pipe by then.
const LATE_OUTPUT: Duration = Duration::from_secs(1);

/// How one of the guest's output streams came to its end.
#[derive(Debug)]
pub(crate) enum OutputEnd {
    /// All of it was written.
    Complete,
    /// Nobody reads our stream any more; the guest was told by closing its pipe.
    Closed,
    /// Our stream cannot be written.
    Failed(io::Error),
    /// The sandbox died.
    Gone(Gone),
}

/// Copies our standard input to the guest until its end, or until nobody in the guest reads it; then the guest
/// reads the end of the file. At a terminal, typing `end` says so.
pub(crate) async fn pump_input(
    mut input: impl AsyncRead + Unpin,
    mut guest: ChildStdin,
    end: &'static [u8],
) -> io::Result<()> {
    let mut buffer = vec![0; READ_LEN];
    loop {
        let len = input.read(&mut buffer).await?;
        if len == 0 && !end.is_empty() {
            // A program that has ended needs no end of its input.
            let _ = guest.write_all(end).await;
        }
        if len == 0 || guest.write_all(buffer[..len].to_vec()).await.is_err() {
            return Ok(());
        }
    }
}

/// Copies one of the guest's output streams to ours, until its end. `ended` turns true when the program has
/// ended: from then on only what it can have left is waited for: `pipe_len` bytes in the pipe, and those of a read that was
/// under way.
pub(crate) async fn pump_output(
    mut guest: ChildOutput,
    mut output: impl AsyncWrite + Unpin,
    mut ended: watch::Receiver<bool>,
    pipe_len: usize,
) -> OutputEnd {
    let mut left = pipe_len + READ_LEN;
    loop {
        let has_ended = *ended.borrow();
        let read = if has_ended {
            match timeout(LATE_OUTPUT, guest.read()).await {
                Ok(read) => read,
                Err(_) => return OutputEnd::Complete,
            }
        } else {
            tokio::select! {
                read = guest.read() => read,
                // What was being read stays in `guest` and is read next.
                _ = ended.changed() => continue,
            }
        };
        let bytes = match read {
            Ok(bytes) if bytes.is_empty() => return OutputEnd::Complete,
            Ok(bytes) => bytes,
            Err(crashed) => return OutputEnd::Gone(crashed),
        };
        let written = async {
            output.write_all(&bytes).await?;
            output.flush().await
        };
        match written.await {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return OutputEnd::Closed,
            Err(error) => return OutputEnd::Failed(error),
        }
        if has_ended {
            match left.checked_sub(bytes.len()) {
                Some(rest) if rest > 0 => left = rest,
                _ => return OutputEnd::Complete,
            }
        }
    }
}
