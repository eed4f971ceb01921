//! Guest memory: the region's frames and, on top, what each address space maps.
//!
//! - [`ram`]: raw access to the region. [`frames`]: who uses which frame.
//! - [`page_table`], [`shared`]: what harts read without the lock. [`spaces`], [`space`]: what the kernel keeps of it.
//! - [`user`], [`io`]: copying to and from a guest.

pub mod frames;
pub mod io;
mod lent;
pub mod page_table;
pub mod ram;
pub mod shared;
pub mod space;
pub mod spaces;
pub mod user;

pub use frames::{FrameSupply, Frames};
pub use io::{IoSink, IoSource, Segments};
pub use lent::{Lent, lend};
pub use shared::SpaceShared;
pub use user::Pod;

use std::sync::Arc;

use crate::addr::GuestAddr;

use self::page_table::PageTable;
use self::ram::GuestRam;
use self::space::Space;
use self::spaces::Spaces;
use crate::cpu::core::SpaceId;
use crate::cpu::exit::Access;
use crate::errno::{Errno, Result};
use crate::signal::Fault;
use crate::system::System;
use crate::task::{RunState, Tid};
use crate::worker::WorkerId;

/// Frames and address spaces of one guest system.
#[derive(Debug)]
pub struct Memory {
    /// Who uses which frame.
    pub frames: Frames,
    /// The address spaces.
    pub spaces: Spaces,
}

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

impl Memory {
    /// Memory of a system that may use `budget_bytes` of frames.
    pub fn new(ram: GuestRam, supply: Box<dyn FrameSupply>, budget_bytes: u64) -> Self {
        Self { frames: Frames::new(ram, supply, budget_bytes), spaces: Spaces::default() }
    }

    /// A new, empty address space.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn create_space(&mut self) -> Result<SpaceId> {
        let frames = &mut self.frames;
        self.spaces.insert_with(|id| Space::new(id, frames)).ok_or(Errno::ENOMEM)
    }

    /// The page table of a space.
    ///
    /// # Errors
    /// `EFAULT` when the space is gone.
    pub(crate) fn table(&self, space: SpaceId) -> Result<PageTable> {
        self.spaces.get(space).map(|space| space.shared.table).ok_or(Errno::EFAULT)
    }
}

impl System {
    /// The address space of a thread that a worker is about to run; from now on the worker counts as running it.
    pub(crate) fn enter_space(&mut self, tid: Tid, worker: WorkerId) -> Option<Arc<SpaceShared>> {
        let pid = self.tasks.thread(tid)?.pid;
        let space = self.mem.spaces.get(self.tasks.process(pid)?.space)?;
        space.shared.enter(worker);
        Some(Arc::clone(&space.shared))
    }

    /// The thread's worker runs the space no more. Called while the thread is still [`RunState::Running`].
    pub(crate) fn leave_space(&mut self, tid: Tid, space: &Arc<SpaceShared>) {
        if let Some(RunState::Running(worker)) = self.tasks.thread(tid).map(|thread| thread.state) {
            space.leave(worker);
        }
    }

    /// Handles a page fault of a thread.
    pub(crate) fn page_fault(&mut self, tid: Tid, addr: u64, access: Access) -> FaultOutcome {
        let space = self.tasks.thread(tid).and_then(|thread| Some(self.tasks.process(thread.pid)?.space));
        match space {
            Some(space) => self.fault_in(space, addr, access),
            None => FaultOutcome::Signal(Fault::unmapped(addr)),
        }
    }

    /// Resolves a fault in a space, for its threads or for the kernel's own access.
    pub(crate) fn fault_in(&mut self, _space: SpaceId, addr: u64, _access: Access) -> FaultOutcome {
        FaultOutcome::Signal(Fault::unmapped(addr))
    }

    /// Whether an address lies in a mapping that other spaces may share.
    pub(crate) fn is_shared_mapping(&mut self, _space: SpaceId, _addr: GuestAddr) -> bool {
        false
    }

    /// Where a handler returns to: `__vdso_rt_sigreturn`.
    pub(crate) fn sigreturn_trampoline(&mut self, _space: SpaceId) -> GuestAddr {
        GuestAddr::NULL
    }

    /// Frees the frames that waited for a shootdown of this space.
    pub(crate) fn release_flushed_frames(&mut self, _space: &SpaceShared) {}
}

/// How far a copy of a space is.
#[derive(Debug)]
pub enum Forking {
    /// It is there, with one user.
    Done(SpaceId),
    /// Not yet: answer this and ask again when entered next.
    NotYet(crate::wait::Flow),
}

impl Memory {
    /// One more user of a space.
    pub fn share_space(&mut self, _space: SpaceId) {}
    /// One user less.
    pub fn release_space(&mut self, _space: SpaceId) {}
}

impl System {
    /// A limit that concerns memory was changed.
    pub(crate) fn rlimit_changed(&mut self, _pid: crate::task::Pid) {}
    /// Copies an address space, in steps.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn fork_space(&mut self, _parent: SpaceId, _begun: &mut bool) -> Result<Forking> {
        Err(Errno::ENOMEM)
    }
    /// Takes spaces apart that are used no more: one step. Whether more is left.
    pub fn release_step(&mut self) -> bool {
        false
    }
}
