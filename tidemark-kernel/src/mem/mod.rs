//! Guest memory: the region's frames and, on top, what each address space maps.
//!
//! - [`ram`]: raw access to the region. [`frames`]: who uses which frame.
//! - [`page_table`], [`shared`]: what harts read without the lock.
//! - [`area`], [`areas`], [`space`], [`spaces`]: what is mapped where. [`object`]: what is mapped.
//! - [`mm`]: one space with all that changing it takes; `fault`, `map`, `remap`, `advise`, `fork`, `cut` change it, `work` in
//!   steps.
//! - [`user`], [`io`]: copying to and from a guest.

mod advise;
pub mod area;
pub mod areas;
mod cut;
mod fault;
mod fork;
pub mod frames;
pub mod image;
pub mod io;
pub mod layout;
mod lent;
mod map;
pub mod mm;
pub mod object;
pub mod page_table;
pub mod ram;
mod remap;
pub mod shared;
pub mod space;
pub mod spaces;
#[cfg(test)]
mod tests;
pub mod user;
mod work;

pub use advise::Advice;
pub use fork::Forking;
pub use frames::{FrameSupply, Frames};
pub use image::KernelImage;
pub use io::{IoSink, IoSource, Segments};
pub use lent::{Lent, lend};
pub use map::{Mapping, Place};
pub use mm::{Mm, Outside};
pub use object::FilePages;
pub(crate) use object::SegmentEvent;
pub use remap::{Remapping, Target};
pub use shared::SpaceShared;
pub use user::Pod;

use std::sync::Arc;

use self::fault::{Resolved, Unresolved};
use self::object::Objects;
use self::page_table::PageTable;
use self::ram::GuestRam;
use self::space::Space;
use self::spaces::Spaces;
use crate::addr::GuestAddr;
use crate::cpu::core::SpaceId;
use crate::cpu::exit::Access;
use crate::errno::{Errno, Result};
use crate::exec::vdso;
use crate::signal::Fault;
use crate::system::System;
use crate::task::{Pid, Resource, RunState, Tid};
use crate::time::Now;
use crate::worker::WorkerId;

/// Frames and address spaces of one guest system.
#[derive(Debug)]
pub struct Memory {
    /// Who uses which frame.
    pub frames: Frames,
    /// The address spaces.
    pub spaces: Spaces,
    /// Shared anonymous memory.
    pub(super) objects: Objects,
    /// Pages that every space maps.
    pub(super) image: KernelImage,
    /// Spaces that are being taken apart.
    #[expect(clippy::vec_box, reason = "a space moves here from its table as the box it is")]
    dying: Vec<Box<Space>>,
    /// What a file gave up and is being taken out of mappings.
    cutting: Option<cut::Cutting>,
}

/// What became of a page fault.
#[derive(Debug)]
pub enum FaultOutcome {
    /// The access can be made again.
    Resolved,
    /// Likewise, once other workers dropped translations older than the space's generation.
    Flush,
    /// The address space is busy with another thread's step: try again.
    Again,
    /// The access is wrong.
    Signal(Fault),
}

impl Memory {
    /// Memory of a system that may use `budget_bytes` of frames.
    pub fn new(ram: GuestRam, supply: Box<dyn FrameSupply>, budget_bytes: u64) -> Self {
        let mut frames = Frames::new(ram, supply, budget_bytes);
        // Where not even these few frames are to be had, no program can be loaded either (`ENOMEM`).
        let image = KernelImage::new(&mut frames).unwrap_or_default();
        Self {
            frames,
            spaces: Spaces::default(),
            objects: Objects::default(),
            image,
            dying: Vec::new(),
            cutting: None,
        }
    }

    /// Keeps the clock that programs read without a call in step with the kernel's.
    pub fn sync_clock(&mut self, now: Now) {
        self.image.sync_clock(now, self.frames.ram());
    }

    /// The moment as programs see it: `CLOCK_REALTIME` is what the vDSO makes of `CLOCK_MONOTONIC`, so that a call and the
    /// vDSO never disagree.
    pub fn seen_by_programs(&self, now: Now) -> Now {
        Now { realtime: self.image.realtime(now.monotonic), ..now }
    }

    /// The page table of a space.
    ///
    /// # Errors
    /// `EFAULT` when the space is gone.
    pub(crate) fn table(&self, space: SpaceId) -> Result<PageTable> {
        self.spaces.get(space).map(|space| space.shared.table).ok_or(Errno::EFAULT)
    }
}

impl Memory {
    /// One address space, with what its operations use.
    fn mm<'a>(&'a mut self, space: SpaceId, outside: Outside<'a>) -> Result<Mm<'a>> {
        let Memory { frames, spaces, objects, image, .. } = self;
        Ok(Mm { space: spaces.get_mut(space).ok_or(Errno::ESRCH)?, frames, objects, image, outside })
    }

    /// Resolves a fault in a space.
    fn fault_in(
        &mut self,
        space: SpaceId,
        addr: u64,
        access: Access,
        forced: bool,
        mut outside: Outside<'_>,
    ) -> FaultOutcome {
        let Ok(mut mm) = self.mm(space, outside.reborrow()) else {
            return FaultOutcome::Signal(Fault::unmapped(addr));
        };
        let resolved = match forced {
            true => mm.force(addr, access),
            false => mm.resolve(addr, access),
        };
        match resolved {
            Ok(Resolved::Mapped) => FaultOutcome::Resolved,
            Ok(Resolved::Replaced) => {
                mm.start_generation();
                match mm.is_flushed() {
                    true => FaultOutcome::Resolved,
                    false => FaultOutcome::Flush,
                }
            }
            Err(Unresolved::Unflushed) => FaultOutcome::Flush,
            Err(Unresolved::Signal(fault)) => FaultOutcome::Signal(fault),
            // What was used until now is on its way back.
            Err(Unresolved::OutOfMemory) if self.is_releasing() => {
                self.release_step(outside);
                FaultOutcome::Again
            }
            Err(Unresolved::OutOfMemory) => FaultOutcome::Signal(Fault::out_of_memory(addr)),
        }
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
            Some(space) => {
                let outcome = self.fault_in(space, addr, access);
                if let (FaultOutcome::Resolved | FaultOutcome::Flush, Some(thread)) =
                    (&outcome, self.tasks.thread_mut(tid))
                {
                    thread.usage.minor_faults += 1;
                }
                outcome
            }
            None => FaultOutcome::Signal(Fault::unmapped(addr)),
        }
    }

    /// Resolves a fault in a space.
    pub(crate) fn fault_in(&mut self, space: SpaceId, addr: u64, access: Access) -> FaultOutcome {
        let (mem, outside) = self.mem_and_outside();
        mem.fault_in(space, addr, access, false, outside)
    }

    /// Makes a page be there for a debugger, whatever the rights of the space's own threads.
    pub(crate) fn force_in(&mut self, space: SpaceId, addr: u64, access: Access) -> FaultOutcome {
        let (mem, outside) = self.mem_and_outside();
        mem.fault_in(space, addr, access, true, outside)
    }

    /// Whether an address lies in a mapping that other spaces may share.
    pub(crate) fn is_shared_mapping(&self, space: SpaceId, addr: GuestAddr) -> bool {
        let area = self.mem.spaces.get(space).and_then(|space| space.areas().find(addr.0));
        area.is_some_and(area::Area::is_shared)
    }

    /// Where a handler returns to: `__vdso_rt_sigreturn`.
    pub(crate) fn sigreturn_trampoline(&self, space: SpaceId) -> GuestAddr {
        let vdso = self.mem.spaces.get(space).map_or(0, |space| space.marks().vdso);
        GuestAddr(vdso.saturating_add(vdso::RT_SIGRETURN))
    }

    /// A limit that concerns memory was changed.
    pub(crate) fn rlimit_changed(&mut self, pid: Pid) {
        let Some(process) = self.tasks.process(pid) else { return };
        let limit = |resource| process.rlimits.soft(resource);
        let (stack, size, data) =
            (limit(Resource::Stack), limit(Resource::AddressSpace), limit(Resource::Data));
        let cpu = limit(Resource::Cpu);
        if let Some(space) = self.mem.spaces.get_mut(process.space) {
            space.set_limits(stack, size, data);
        }
        if let Some(process) = self.tasks.process_mut(pid) {
            process.timers.limit_cpu(cpu);
        }
    }

    /// One address space, with what its operations use.
    ///
    /// # Errors
    /// `ESRCH` when it is gone.
    pub fn mm(&mut self, space: SpaceId) -> Result<Mm<'_>> {
        let (mem, outside) = self.mem_and_outside();
        mem.mm(space, outside)
    }

    /// Frees the frames that waited for a shootdown of this space.
    pub(crate) fn release_flushed_frames(&mut self, space: &SpaceShared) {
        if let Ok(mut mm) = self.mm(space.id) {
            mm.release_zombies();
        }
    }

    /// Memory, and what it uses of the rest.
    fn mem_and_outside(&mut self) -> (&mut Memory, Outside<'_>) {
        let areas_max = self.limits.mappings as usize;
        let now = self.now;
        (&mut self.mem, Outside { files: &mut self.fs, workers: &self.workers, areas_max, now })
    }
}
