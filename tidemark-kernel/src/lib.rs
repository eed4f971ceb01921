//! The kernel of Tidemark: a state machine that owns what a riscv64 Linux guest observes.
//!
//! [`Kernel`] is a plain value. A runtime brings inputs (a thread's trap, a deadline, bytes from a stream, a request)
//! and drains statuses (a thread can run, a process ended, a stream has data). Inside are no threads, no clock, no
//! randomness, no I/O, no async and no host API: blocking is data ([`wait`]), time comes with each input
//! ([`time::Now`]).
//!
//! Guest code runs outside the kernel's lock, on [`cpu::Hart`]s; only a trap enters. See ARCHITECTURE.md.

#[cfg(all(feature = "abi", target_arch = "wasm32"))]
pub mod abi;
pub mod addr;
mod call;
pub mod cpu;
mod create;
pub mod entropy;
pub mod errno;
pub mod exec;
pub mod fs;
pub mod futex;
#[cfg(test)]
mod harness;
pub mod ipc;
mod kernel;
pub mod limits;
pub mod mem;
pub mod net;
mod operation;
mod park;
mod ptrace;
pub mod signal;
mod spawn;
pub mod status;
pub mod syscall;
mod system;
mod system_usage;
pub mod task;
pub mod time;
pub mod timers;
pub mod tty;
pub mod wait;
pub mod worker;

pub use create::{CreateError, KernelConfig};
pub use errno::Errno;
pub use kernel::{Kernel, Running, Step};
pub use operation::Operation;
pub use spawn::{SpawnError, SpawnRequest, Spawned, Stdio};
pub use status::{ExitStatus, ProcessEvent, Status, StreamId, StreamRead, StreamWrite};
pub use system::System;
pub use system_usage::{FileFrames, SystemUsage};
pub use tty::WindowSize;
