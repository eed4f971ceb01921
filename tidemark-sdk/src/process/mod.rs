//! Programs: starting them, their standard streams, their end, and the list of those that run.

mod child;
mod command;
mod list;
mod output;
mod result;
mod stdio;
mod streams;
mod user;

pub use child::Child;
pub use command::Command;
pub use list::{ProcessEvents, ProcessNews};
pub use output::{Output, Overflow};
pub use result::{ExitStatus, ProcessResult, ProcessUsage};
pub use stdio::{PipeReader, PipeWriter, Stdio};
pub use streams::{ChildOutput, ChildStdin};

pub(crate) use list::processes;
pub(crate) use stdio::pipe;
