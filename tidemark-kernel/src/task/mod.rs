//! Processes and threads: their tables, their life and their relations.
//!
//! Owns `Process`, `Thread`, ids, exit and wait states. The memory they run in is `mem`'s, their files `fs`'s, what
//! signals do to them `signal`'s.

mod create;
mod creds;
mod exit;
mod process;
mod rlimit;
mod shared;
mod table;
mod thread;
mod usage;

pub use creds::{Capabilities, Creds, Gid, LAST_CAPABILITY, Uid};
pub use process::{Pid, Process, ProcessSignals};
pub use rlimit::{INFINITY, RESOURCES, RLimit, RLimits, Resource};
pub use shared::{ProcessShared, ThreadShared, fast_call};

pub use table::Tasks;
pub use thread::{NAME_BYTES, Name, RunState, Thread, ThreadSignals, Tid};
pub use usage::Usage;
