//! What an application asks for when it starts a program, and what it gets.
//!
//! Owns the shapes only; how a process comes to be is `task`'s and `exec`'s.

use crate::errno::Errno;
use crate::fs::FileId;
use crate::status::StreamId;
use crate::task::{Pid, ProcessRef, RLimit, Resource, TimeLimit};
use crate::tty::WindowSize;

/// Where one of a new process's standard streams goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Stdio {
    /// A pipe whose other end is the application's stream.
    #[default]
    Piped,
    /// `/dev/null`.
    Null,
    /// The same open file as standard output; for standard error only (`2>&1`).
    SameAsStdout,
    /// The terminal that [`SpawnRequest::terminal`] asks for; without one, as [`Stdio::Piped`].
    Terminal,
    /// An open file: of [`Kernel::fs_open_stdio`](crate::Kernel::fs_open_stdio), or an end of a
    /// [`Kernel::new_pipe`](crate::Kernel::new_pipe). The process gets a reference of its own.
    File(FileId),
}

/// A program to start.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SpawnRequest {
    /// The program: a path with a slash, or a name to look up in the `PATH` of [`env`](Self::env).
    pub program: Vec<u8>,
    /// The argument vector, the program's own name first.
    pub argv: Vec<Vec<u8>>,
    /// The environment, `NAME=value` each.
    pub env: Vec<Vec<u8>>,
    /// The working directory; `/` if empty.
    pub cwd: Vec<u8>,
    /// User and group id of the process.
    pub ids: (u32, u32),
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// The nice value, -20 to 19; others are taken for the nearest of these.
    pub nice: i8,
    /// Resource limits that differ from what processes begin with.
    pub rlimits: Vec<(Resource, RLimit)>,
    /// Permission bits that new files don't get; 0022 if `None`.
    pub umask: Option<u16>,
    /// The process whose group and session it joins; a new group and session, which it leads, if `None`. A
    /// [`terminal`](Self::terminal) needs a new session.
    pub beside: Option<Pid>,
    /// How long it may run.
    pub time_limit: Option<TimeLimit>,
    /// Standard input, output and error.
    pub stdio: [Stdio; 3],
    /// The size of a terminal that controls the process, if it is to have one.
    pub terminal: Option<WindowSize>,
}

/// A process that was started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spawned {
    /// Its id.
    pub pid: Pid,
    /// The same, as long as it is its id.
    pub process: ProcessRef,
    /// Its process group.
    pub group: Pid,
    /// The application's ends of those standard streams that are [`Stdio::Piped`]. Of a terminal, they are the keyboard
    /// in the place of standard input, and the screen in the place of standard output, or else of standard error.
    pub streams: [Option<StreamId>; 3],
    /// The process's terminal, to change its size. The terminal is hung up when all of its streams are closed.
    pub terminal: Option<StreamId>,
}

/// Why a program was not started. Nothing of it is left.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// No such program.
    #[error("{program}: not found in the guest")]
    NotFound {
        /// What was asked for.
        program: String,
    },
    /// It is there but cannot be run.
    #[error("{program}: cannot be run in the guest: {why}")]
    NotExecutable {
        /// What was asked for.
        program: String,
        /// Why, and what to do about it.
        why: String,
        /// What `execve(2)` would have answered.
        errno: Errno,
    },
    /// The working directory does not exist or is not one.
    #[error("the working directory {cwd} cannot be entered: {errno}")]
    WorkingDirectory {
        /// What was asked for.
        cwd: String,
        /// Why not.
        errno: Errno,
    },
    /// The process beside which it was to run has ended, or a terminal was asked for beside it.
    #[error("there is no process group to join: {0}")]
    Group(Errno),
    /// A limit of the sandbox is reached.
    #[error("a limit of the sandbox does not allow another process: {0}")]
    Limit(Errno),
}
