//! What the kernel tells its runtime.

use crate::fs::hosted::BridgeId;
use crate::fs::hosted::{FileCall, HostCallId};
use crate::task::{Pid, Tid, Usage};
use crate::time::Nanos;

/// A stream between a guest and its application, such as a process's standard output: the other end of a pipe.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StreamId(pub u32);

/// What reading a stream gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StreamRead {
    /// This many bytes, at least one.
    Data(usize),
    /// Nothing now: [`Status::StreamReadable`] tells when there is.
    Empty,
    /// Nothing ever again: no writer is left.
    Closed,
}

/// What writing to a stream did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StreamWrite {
    /// This many bytes were taken. If not all: [`Status::StreamWritable`] tells when there is room.
    Accepted(usize),
    /// Nobody can read it any more.
    Closed,
}

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitStatus {
    /// It called `exit` with this code, 0 to 255.
    Code(u8),
    /// This signal ended it.
    Signal {
        /// The signal's number.
        number: u8,
        /// Whether Linux would have written a core file.
        core: bool,
    },
}

/// What became of a process.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ProcessEvent {
    /// It was forked, or started by the application.
    Started {
        /// The process.
        pid: Pid,
        /// Its parent.
        parent: Pid,
    },
    /// It runs another program.
    Executed {
        /// The process.
        pid: Pid,
        /// The name of its first thread (`/proc/PID/comm`).
        name: Vec<u8>,
    },
    /// It ended.
    Exited {
        /// The process.
        pid: Pid,
        /// How.
        status: ExitStatus,
    },
}

/// Something that happened, in the order it did.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Status {
    /// A thread can run: [`Kernel::dispatch`](crate::Kernel::dispatch) it on some worker.
    Runnable {
        /// The thread.
        tid: Tid,
        /// Whether the thread that woke it is likely to wait soon (a pipe write, a futex wake), so that running it
        /// next on the same worker is cheaper than waking another.
        sync: bool,
    },
    /// A process that the application started ended.
    Exited {
        /// The process.
        pid: Pid,
        /// How.
        status: ExitStatus,
        /// What it used, its children that it waited for included.
        usage: Usage,
        /// Whether it had reached its time limit.
        timed_out: bool,
    },
    /// A process began, runs another program or ended; told of only after [`Kernel::tell_processes`](crate::Kernel::tell_processes).
    Process(ProcessEvent),
    /// A stream that was empty has data, or its writers are gone.
    StreamReadable(StreamId),
    /// A stream that was full has room, or its readers are gone.
    StreamWritable(StreamId),
    /// A bridge is asked about its files; the answer comes with [`Kernel::host_answer`](crate::Kernel::host_answer).
    Host {
        /// The question.
        id: HostCallId,
        /// Which bridge.
        bridge: BridgeId,
        /// What; `None`: the answer to the question that has this id is not wanted any more.
        call: Option<FileCall>,
    },
    /// What a [request](crate::Kernel::ask_for) waited for was answered: it can go on.
    RequestReady(u64),
    /// A line for the log.
    Trace {
        /// The system call that it is about; `None` for other things, such as signals.
        call: Option<&'static str>,
        /// The line, without its end.
        line: String,
    },
}

/// When the kernel wants to be called again though nothing came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdleUntil(pub Option<Nanos>);
