//! How a program ended, and what it used.

use std::fmt;
use std::time::Duration;

use tidemark_runtime::Exit;

use tidemark_kernel::ExitStatus as Ended;

/// How a program ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExitStatus(pub(super) Ended);

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

    /// Whether Linux would have written a core file (`WCOREDUMP`, `wait(2)`).
    pub fn core_dumped(self) -> bool {
        matches!(self.0, Ended::Signal { core: true, .. })
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

/// What a program used, with those of its children that it waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ProcessUsage {
    /// CPU time, in its own code and in system calls together.
    pub cpu: Duration,
    /// The largest resident set of any of the processes, in bytes.
    pub peak_memory: u64,
    /// Instructions executed.
    pub instructions: u64,
    /// Page faults.
    pub page_faults: u64,
    /// Times that it gave up the processor to wait.
    pub waits: u64,
    /// Times that the processor was given to another.
    pub preemptions: u64,
}

/// How a program ended, why, and what it used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ProcessResult {
    /// How it ended.
    pub status: ExitStatus,
    /// What it used.
    pub usage: ProcessUsage,
    /// Whether it had run into its [`timeout`](crate::Command::timeout); it may have exited with a code all the same.
    pub timed_out: bool,
}

impl From<Exit> for ProcessResult {
    fn from(exit: Exit) -> ProcessResult {
        let usage = exit.usage;
        ProcessResult {
            status: ExitStatus(exit.status),
            usage: ProcessUsage {
                cpu: Duration::from_nanos(usage.cpu),
                peak_memory: usage.peak_resident,
                instructions: usage.instructions,
                page_faults: usage.minor_faults,
                waits: usage.voluntary_switches,
                preemptions: usage.involuntary_switches,
            },
            timed_out: exit.timed_out,
        }
    }
}
