//! Processes and threads: their tables, their life and their relations.
//!
//! Owns `Process`, `Thread`, ids, exit and wait states. The memory they run in is `mem`'s, their files `fs`'s, what
//! signals do to them `signal`'s.

mod process;
mod table;
mod thread;

pub use process::{Pid, Process};
pub use table::Tasks;
pub use thread::{RunState, Thread, Tid};
