//! Guest memory: the region's frames and, on top, what each address space maps.

pub mod page_table;
pub mod ram;
mod space;

pub use space::SpaceShared;

use std::sync::Arc;

use crate::cpu::exit::Access;
use crate::signal::Fault;
use crate::system::System;
use crate::task::Tid;
use crate::worker::WorkerId;

/// Frames and address spaces of one guest system.
#[derive(Default)]
pub struct Memory {}

/// What became of a page fault.
#[derive(Debug)]
pub enum FaultOutcome {
    /// The access can be made again.
    Resolved,
    /// Likewise, once other workers dropped translations older than this generation.
    Flush(u64),
    /// The address space is busy with another thread's step: try again.
    Again,
    /// The access is wrong.
    Signal(Fault),
}

impl System {
    /// The address space of a thread that a worker is about to run; from now on the worker counts as running it.
    pub(crate) fn enter_space(&mut self, _tid: Tid, _worker: WorkerId) -> Option<Arc<SpaceShared>> {
        None
    }

    /// The thread's worker runs the space no more.
    pub(crate) fn leave_space(&mut self, _tid: Tid, _space: &Arc<SpaceShared>) {}

    /// Handles a page fault of a thread.
    pub(crate) fn page_fault(&mut self, _tid: Tid, addr: u64, _access: Access) -> FaultOutcome {
        FaultOutcome::Signal(Fault::unmapped(addr))
    }

    /// Frees the frames that waited for a shootdown of this space.
    pub(crate) fn release_flushed_frames(&mut self, _space: &SpaceShared) {}
}
