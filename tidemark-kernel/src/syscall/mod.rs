//! System calls: the table, the decoding of arguments, and one file of thin handlers a family.
//!
//! Owns how a number becomes a call of a handler; the logic is in the part that owns the state.

mod clone;
mod compatibility;
mod control;
mod copy;
mod cx;
mod dir;
mod event;
mod exec;
mod fcntl;
mod files;
mod futex;
mod handle;
mod id;
mod inotify;
mod inspect;
mod io;
mod ipc;
mod kill;
mod message;
mod misc;
mod mlock;
mod mm;
mod mqueue;
mod msg;
mod namespace;
mod open;
mod owner;
mod param;
mod pidfd;
mod pipe;
mod poll;
mod prctl;
mod priority;
mod process;
mod ptrace;
mod rlimit;
mod sched;
mod seek;
mod sem;
mod shm;
mod signal;
mod socket;
mod sockopt;
mod stat;
pub mod table;
mod time;
mod timer;
pub(crate) mod trace;
mod wait;
mod xattr;

pub use compatibility::compatibility_markdown;
pub use cx::Cx;
pub(crate) use misc::hwprobe_value;
pub use misc::{MACHINE, RELEASE, VERSION};
pub use param::{Param, ParamKind};
pub use table::{ROWS, Row};

use crate::errno::Result;
use crate::wait::Flow;

/// What a handler answers.
pub type SysResult = Result<Flow>;

/// How far a call is implemented, as the compatibility page says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Support {
    /// As the man page says.
    Full,
    /// With the exception named here.
    Partial(&'static str),
    /// Always answers this error, for this reason.
    Refused(crate::errno::Errno, &'static str),
}
