//! Processes and threads: their tables, their life and their relations.
//!
//! Owns `Process`, `Thread`, ids, exit and wait states. The memory they run in is `mem`'s, their files `fs`'s, what
//! signals do to them `signal`'s.

mod clone;
mod create;
mod creds;
mod deadline;
mod exec;
mod exit;
mod group;
mod list;
mod load;
mod process;
mod rlimit;
mod scheduling;
mod shared;
mod spawn;
mod table;
#[cfg(test)]
mod tests;
mod thread;
mod time;
mod timer;
mod usage;
mod wait;

pub(crate) use clone::{CloneFlags, CloneRequest};
pub(crate) use create::INIT;
pub use creds::{Capabilities, Creds, Gid, LAST_CAPABILITY, SecureBits, Uid};
pub(crate) use deadline::Deadline;
pub use deadline::{GroupSignal, TimeLimit};
pub(crate) use exec::ExecIdentity;
pub use group::Groups;
pub use list::{ProcessInfo, ProcessState};
pub use load::Load;
pub use process::{Kept, Pid, Process, ProcessRef, ProcessSignals};
pub use rlimit::{INFINITY, RESOURCES, RLimit, RLimits, Resource};
pub use scheduling::{Policy, Scheduling};
pub use shared::{ProcessShared, ThreadShared, fast_call};

pub use table::Tasks;
pub use thread::{NAME_BYTES, Name, RunState, Thread, ThreadSignals, Tid};
pub(crate) use time::Pace;
pub use timer::{Notify, PosixTimer, ProcessTimers, Setting, TimerClock};
pub use usage::{IoUsage, Usage};
pub(crate) use wait::{Children, WaitFor, Waited};
