//! System V IPC (`sysvipc(7)`): shared memory, semaphores and message queues, by key and by id; and POSIX message queues,
//! by name.
//!
//! Owns the objects, their limits and who may use them. Pages of shared memory are `mem`'s, and so is the count of who
//! has them attached; what a raw argument means is the handlers' in `syscall`.

mod ids;
pub(crate) mod limits;
pub(crate) mod msg;
pub(crate) mod posix;
mod report;
pub(crate) mod sem;
pub(crate) mod shm;

pub(crate) use ids::{Object, Permissions, Wanted};

use ids::{Found, Key, Table};

use limits::IpcLimits;
use msg::Queues;
use sem::Semaphores;
use shm::Segment;

/// All System V objects of one guest system.
#[derive(Debug)]
pub struct Ipc {
    /// What there may be.
    pub(crate) limits: IpcLimits,
    /// Shared memory.
    pub(crate) segments: Table<Segment>,
    /// Semaphores.
    pub(crate) semaphores: Semaphores,
    /// Message queues.
    pub(crate) queues: Queues,
}

impl Ipc {
    /// Objects of all kinds.
    pub(crate) fn count(&self) -> usize {
        self.segments.len() + self.semaphores.table.len() + self.queues.table.len()
    }

    /// Of a system that may use `memory_bytes` of memory.
    pub(crate) fn new(memory_bytes: u64) -> Ipc {
        let limits = IpcLimits::new(memory_bytes);
        Ipc {
            segments: Table::default(),
            semaphores: Semaphores::default(),
            queues: Queues::default(),
            limits,
        }
    }
}
