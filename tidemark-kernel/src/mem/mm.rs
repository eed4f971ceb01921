//! One address space with all that changing it takes.
//!
//! Owns [`Mm`], whose operations the neighbours implement (`fault`, `map`, `work`, …), and what they share: taking
//! pages out of the page table so that no worker reaches a frame that was given to someone else.
//!
//! # When frames are free again
//! A worker may hold translations of pages that were just taken out. If every worker that runs the space is quiescent
//! (it must then start from a new generation), their frames are released at once; else they wait among the space's
//! zombies until the shootdown is over. The thread that took them out does not return to its program before that.

use std::ops::Range;
use std::sync::atomic::Ordering;

use super::KernelImage;
use super::area::{Area, Backing};
use super::frames::Frames;
use super::object::{Backings, FilePages, Objects};
use super::page_table::{FrameSource, PageTable, Pte};
use super::ram::FrameNo;
use super::space::Space;
use crate::time::Now;
use crate::worker::{QUIESCENT, WorkerSlot};

/// One address space and what its operations use.
pub struct Mm<'a> {
    pub(super) space: &'a mut Space,
    pub(super) frames: &'a mut Frames,
    pub(super) objects: &'a mut Objects,
    pub(super) image: &'a KernelImage,
    pub(super) outside: Outside<'a>,
}

/// What memory uses of the system around it.
pub struct Outside<'a> {
    /// The files that may be mapped.
    pub files: &'a mut (dyn FilePages + 'static),
    /// The workers that may run the space.
    pub workers: &'a [WorkerSlot],
    /// Areas that a space may have.
    pub areas_max: usize,
    /// When this is.
    pub now: Now,
}

impl Outside<'_> {
    /// The same for a shorter time.
    pub(super) fn reborrow(&mut self) -> Outside<'_> {
        Outside { files: self.files, workers: self.workers, areas_max: self.areas_max, now: self.now }
    }
}

impl Mm<'_> {
    /// The space.
    pub fn space(&self) -> &Space {
        self.space
    }

    /// The space, to change.
    pub fn space_mut(&mut self) -> &mut Space {
        self.space
    }

    pub(super) fn table(&self) -> PageTable {
        self.space.shared.table
    }

    /// The areas, and what counts their references.
    pub(super) fn areas(&mut self) -> (&mut super::areas::Areas, Backings<'_>) {
        let leaver = self.space.leaver;
        let backings = Backings { leaver, objects: self.objects, files: self.outside.files };
        (&mut self.space.areas, backings)
    }

    /// Gives back the references of areas that were taken out.
    pub(super) fn release_areas(&mut self, areas: impl IntoIterator<Item = Area>) {
        let leaver = self.space.leaver;
        let mut backings = Backings { leaver, objects: self.objects, files: self.outside.files };
        areas.into_iter().for_each(|area| backings.release(area.backing));
    }

    /// Whether no worker can touch guest memory of this space while the lock is held.
    pub(super) fn is_quiet(&self) -> bool {
        self.space.shared.is_flushed(QUIESCENT, self.outside.workers)
    }

    /// Whether every worker that runs the space has dropped translations older than its generation.
    pub(super) fn is_flushed(&self) -> bool {
        self.space.shared.is_flushed(self.space.shared.generation(), self.outside.workers)
    }

    /// Starts a new generation, after permissions were taken away, or to order the memory accesses of all harts: the
    /// calling thread returns to its program when every worker that runs the space has begun it.
    pub fn start_generation(&mut self) {
        self.space.shared.start_generation(self.outside.workers);
    }

    /// Has all harts of the space look at their instructions anew, before the calling thread returns to its program.
    pub fn flush_instructions(&mut self) {
        self.space.shared.icache_gen.fetch_add(1, Ordering::SeqCst);
        self.start_generation();
    }

    /// Which change of the areas was begun last.
    pub(crate) fn change_number(&self) -> u64 {
        self.space.changes
    }

    /// Begins a change: none goes on.
    pub(crate) fn begin_change(&mut self) {
        debug_assert!(self.is_idle(), "changes come one after the other");
        self.space.changes += 1;
    }

    /// Counts a page that was taken out of the page table, and releases its frame or keeps it for later.
    pub(super) fn drop_page(&mut self, pte: Pte, quiet: bool) {
        let Some(frame) = pte.frame() else { return };
        self.space.note_peak();
        *self.resident_of(pte) -= 1;
        self.drop_frame(frame, quiet);
    }

    pub(super) fn drop_frame(&mut self, frame: FrameNo, quiet: bool) {
        if quiet {
            self.frames.release(frame);
        } else {
            self.space.zombies.push(frame);
        }
    }

    /// The counter that a mapped page belongs to.
    pub(super) fn resident_of(&mut self, pte: Pte) -> &mut u64 {
        if pte.flags() & Pte::SOFT != 0 {
            &mut self.space.resident.shared
        } else {
            &mut self.space.resident.anonymous
        }
    }

    /// Unlinks page-table nodes of a range that is empty now, from an address on; see [`PageTable::prune`].
    pub(super) fn prune(
        &mut self,
        range: Range<u64>,
        from: u64,
        budget: &mut u64,
        quiet: bool,
    ) -> Option<u64> {
        let table = self.table();
        if quiet {
            table.prune(range, from, budget, self.frames)
        } else {
            let mut zombies = Zombies { frames: self.frames, zombies: &mut self.space.zombies };
            table.prune(range, from, budget, &mut zombies)
        }
    }

    /// Releases the frames that waited for a shootdown, if it is over.
    pub(super) fn release_zombies(&mut self) {
        if !self.space.zombies.is_empty() && self.is_flushed() {
            for frame in self.space.zombies.drain(..) {
                self.frames.release(frame);
            }
        }
    }
}

/// Page-table flags of a page in an area: `private` if the frame is the area's own, `cow` if others may have it too.
///
/// [`Pte::SOFT`] marks frames of files, objects and the kernel; [`Pte::COW`] private frames that `fork` may have left
/// to several spaces.
pub(super) fn page_flags(area: &Area, pte: Pte) -> u64 {
    let marks = pte.flags() & (Pte::SOFT | Pte::COW);
    let private = !area.is_shared();
    let prot = if private && marks != 0 { area.prot.read_only() } else { area.prot };
    prot.pte_flags() | marks
}

/// The mark of a frame that an area maps straight from where it is kept.
pub(super) fn borrowed_mark(area: &Area) -> u64 {
    match area.backing {
        Backing::Anonymous => 0,
        Backing::Shared { .. } | Backing::File { .. } | Backing::Kernel { .. } => Pte::SOFT,
    }
}

/// Page-table nodes that workers may still walk through.
struct Zombies<'a> {
    frames: &'a mut Frames,
    zombies: &'a mut Vec<FrameNo>,
}

impl FrameSource for Zombies<'_> {
    fn alloc_zeroed(&mut self) -> Option<FrameNo> {
        self.frames.alloc(0)
    }

    fn free(&mut self, frame: FrameNo) {
        self.zombies.push(frame);
    }
}
