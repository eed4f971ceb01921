//! A process: what its threads share.

use super::Tid;
use crate::cpu::core::SpaceId;

/// A process id: the id of its first thread.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pid(pub Tid);

/// One process.
#[derive(Debug)]
pub struct Process {
    /// Its id.
    pub pid: Pid,
    /// Who is told of its end; `None` for the first process.
    pub parent: Option<Pid>,
    /// The address space its threads run in.
    pub space: SpaceId,
    /// Its live threads.
    pub threads: Vec<Tid>,
}
