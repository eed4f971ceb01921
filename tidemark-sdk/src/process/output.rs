//! Collecting what a program writes, with a bound.

use futures::try_join;

use super::child::Child;
use super::result::{ExitStatus, ProcessUsage};
use super::streams::ChildOutput;
use crate::error::Gone;

/// What becomes of a program that writes more than is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Overflow {
    /// It goes on; what it writes beyond is read and thrown away.
    Discard,
    /// Its process group is killed (`SIGKILL`).
    Kill,
}

/// How much of each stream [`Command::output`](crate::Command::output) keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutputLimit {
    pub(super) bytes: usize,
    pub(super) overflow: Overflow,
}

impl OutputLimit {
    /// No bound but memory.
    pub(super) const NONE: OutputLimit = OutputLimit { bytes: usize::MAX, overflow: Overflow::Discard };
}

/// What a program wrote, and how it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// Whether something of one of them is missing, since it was more than [`max_output`](crate::Command::max_output).
    pub truncated: bool,
    /// Whether it had run into its [`timeout`](crate::Command::timeout).
    pub timed_out: bool,
    /// What it used.
    pub usage: ProcessUsage,
}

/// Reads both streams to their ends, and waits for the program's.
pub(super) async fn collect(mut child: Child) -> Result<Output, Gone> {
    drop(child.stdin.take());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ((stdout, cut), (stderr, cut_too)) = try_join!(keep(&child, stdout), keep(&child, stderr))?;
    let result = child.wait_result().await?;
    Ok(Output {
        status: result.status,
        stdout,
        stderr,
        truncated: cut || cut_too,
        timed_out: result.timed_out,
        usage: result.usage,
    })
}

/// What is kept of a stream, and whether that is not all.
async fn keep(child: &Child, output: Option<ChildOutput>) -> Result<(Vec<u8>, bool), Gone> {
    let mut kept = Vec::new();
    let mut cut = false;
    let Some(mut output) = output else { return Ok((kept, cut)) };
    let limit = child.output_limit();
    loop {
        let bytes = output.read().await?;
        if bytes.is_empty() {
            return Ok((kept, cut));
        }
        let room = limit.bytes - kept.len();
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room && !cut {
            cut = true;
            if limit.overflow == Overflow::Kill {
                child.kill_group_soon();
            }
        }
    }
}
