//! Page faults: what becomes of an access that the page table does not allow.
//!
//! Owns: pages made on first touch (zeroes, pages of files, shared memory), copies on first write, the growing stack,
//! and which signal an access that is wrong gets. Never changes areas except to grow a stack, so that it can run
//! between the steps of a longer change.

use std::ops::Range;

use super::area::{Area, AreaFlags, Backing, KernelPages};
use super::layout::{MAP_MIN, STACK_GUARD_BYTES};
use super::mm::{Mm, borrowed_mark, page_flags};
use super::page_table::{Leaf, Pte};
use super::ram::FrameNo;
use super::work::Work;
use crate::addr::{ADDRESS_LIMIT, PAGE_SIZE};
use crate::cpu::exit::Access;
use crate::limits::STEP_BYTES;
use crate::signal::Fault;

/// Pages made at once for a process with much memory, as a binary logarithm: 64 KiB, which one TLB entry covers.
const RUN_ORDER: u32 = 4;

/// The same for a small process, whose every page costs `fork` and `exit`: 16 KiB.
const SMALL_RUN_ORDER: u32 = 2;

/// Private pages from which on a process is not small: 256 KiB.
const SMALL_PAGES: u64 = 64;

/// Pages of a file mapped around the one that was touched (Linux has 64 KiB, `fault_around_bytes`; here the pages may have
/// to be copied from a layer, under the lock).
const FILE_WINDOW_BYTES: u64 = 2 * STEP_BYTES;

/// What one fault maps at the most lies within a multiple of this: the larger of a window and a run.
const FAULT_REACH_BYTES: u64 =
    if FILE_WINDOW_BYTES > PAGE_SIZE << RUN_ORDER { FILE_WINDOW_BYTES } else { PAGE_SIZE << RUN_ORDER };

/// Why a fault was not resolved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unresolved {
    /// The access is wrong.
    Signal(Fault),
    /// No frame is left.
    OutOfMemory,
    /// Others may still store to the page that is to be copied: to be tried again when they have dropped
    /// translations older than the space's generation.
    Unflushed,
}

/// How a fault was resolved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Resolved {
    /// The page table allows the access, and no older translation is wrong.
    Mapped,
    /// Likewise, but another frame took the place of one that translations may still lead to.
    Replaced,
}

impl Mm<'_> {
    /// Makes the page table allow an access, if the areas do.
    pub(super) fn resolve(&mut self, addr: u64, access: Access) -> Result<Resolved, Unresolved> {
        let area = self.area_for(addr, access)?;
        self.resolve_in(&area, addr, access)
    }

    /// Makes the page of an address be there, and private pages the space's own for [`Access::Write`], whatever the area's
    /// rights (Linux, `FOLL_FORCE`).
    pub(super) fn force(&mut self, addr: u64, access: Access) -> Result<Resolved, Unresolved> {
        let refused = Unresolved::Signal(Fault::not_permitted(addr));
        let area = self.space.areas.find(addr).cloned().ok_or(refused)?;
        if access == Access::Write && area.is_shared() && !area.prot.permits(access) {
            return Err(refused);
        }
        self.resolve_in(&area, addr, access)
    }

    fn resolve_in(&mut self, area: &Area, addr: u64, access: Access) -> Result<Resolved, Unresolved> {
        let page = addr & !(PAGE_SIZE - 1);
        let leaf = self
            .table()
            .leaf(page & !(FAULT_REACH_BYTES - 1), area.end, self.frames)
            .map_err(|_| Unresolved::OutOfMemory)?;
        let pte = leaf.get(page);
        let Some(frame) = pte.frame() else {
            return self.make_page(area, &leaf, page, access).map_err(|unresolved| match unresolved {
                Unresolved::Signal(fault) => Unresolved::Signal(Fault { addr, ..fault }),
                other => other,
            });
        };
        let shared_until_written = !area.is_shared() && pte.flags() & (Pte::SOFT | Pte::COW) != 0;
        if access != Access::Write || !shared_until_written {
            // It was resolved in the meantime, or the area's rights were widened and its pages not yet all brought up.
            leaf.set(page, pte.with_flags(page_flags(area, pte)));
            return Ok(Resolved::Mapped);
        }
        let own = area.prot.pte_flags();
        if pte.is_cow() && self.frames.references(frame) == 1 {
            leaf.set(page, Pte::new(frame, own));
            return Ok(Resolved::Mapped);
        }
        if self.is_being_forked(page, frame) && !self.is_flushed() {
            return Err(Unresolved::Unflushed);
        }
        let copy = self.frames.alloc_copy(frame).ok_or(Unresolved::OutOfMemory)?;
        leaf.set(page, Pte::new(copy, own));
        self.space.resident.anonymous += 1;
        let quiet = self.is_quiet();
        self.drop_page(pte, quiet);
        Ok(Resolved::Replaced)
    }

    /// Whether a page is shared just with the child of a `fork` that goes on. Only then may some hart still store to
    /// it through a translation from before.
    pub(super) fn is_being_forked(&self, page: u64, frame: FrameNo) -> bool {
        let passed = matches!(self.space.work.front(), Some(Work::Fork(fork)) if page < fork.next);
        passed && self.frames.references(frame) == 2
    }

    /// The area of an access that is allowed.
    fn area_for(&mut self, addr: u64, access: Access) -> Result<Area, Unresolved> {
        let unmapped = Unresolved::Signal(Fault::unmapped(addr));
        if addr >= ADDRESS_LIMIT {
            return Err(unmapped);
        }
        if self.space.areas.find(addr).is_none() && !self.grow_stack(addr) {
            return Err(unmapped);
        }
        let area = self.space.areas.find(addr).ok_or(unmapped)?;
        if !area.prot.permits(access) {
            return Err(Unresolved::Signal(Fault::not_permitted(addr)));
        }
        Ok(area.clone())
    }

    /// Grows the area above an address down to it, if that is one that grows, within the limits (Linux, `mm/mmap.c`,
    /// `expand_downwards`).
    fn grow_stack(&mut self, addr: u64) -> bool {
        let start = addr & !(PAGE_SIZE - 1);
        let areas = &self.space.areas;
        let Some(area) = areas.find_or_next(addr).filter(|area| area.flags.contains(AreaFlags::GROWS_DOWN))
        else {
            return false;
        };
        let growth = area.start - start;
        let clear = match areas.before(area.start) {
            Some(below) if below.flags.contains(AreaFlags::GROWS_DOWN) => below.end <= start,
            Some(below) => below.end.saturating_add(STACK_GUARD_BYTES) <= start,
            None => true,
        };
        let within = area.end - start <= self.space.stack_limit && self.space.admits(area, growth);
        if !clear || !within || start < MAP_MIN {
            return false;
        }
        let old = area.start;
        self.space.areas.grow_down(old, start);
        true
    }

    /// Fills a page that is not there, and maybe some around it.
    fn make_page(
        &mut self,
        area: &Area,
        leaf: &Leaf,
        page: u64,
        access: Access,
    ) -> Result<Resolved, Unresolved> {
        match area.backing {
            Backing::Anonymous => self.make_zeroes(area, leaf, page)?,
            Backing::File { shared: false, .. } if access == Access::Write => {
                let frame = self.borrowed_frame(area, page)?;
                let copy = self.frames.alloc_copy(frame).ok_or(Unresolved::OutOfMemory)?;
                leaf.set(page, Pte::new(copy, area.prot.pte_flags()));
                self.space.resident.anonymous += 1;
            }
            Backing::File { shared: false, .. } | Backing::Kernel { .. } => {
                let frame = self.borrowed_frame(area, page)?;
                self.map_borrowed(area, leaf, page, frame);
                for near in window(area, leaf, page).step_by(PAGE_SIZE as usize) {
                    if !leaf.get(near).is_valid()
                        && let Ok(frame) = self.borrowed_frame(area, near)
                    {
                        self.map_borrowed(area, leaf, near, frame);
                    }
                }
            }
            Backing::File { shared: true, .. } | Backing::Shared { .. } => {
                let frame = self.borrowed_frame(area, page)?;
                self.map_borrowed(area, leaf, page, frame);
                // As Linux tells times of files in memory: later stores to the page make no fault.
                if let Backing::File { file, .. } = area.backing
                    && access == Access::Write
                {
                    self.outside.files.stored(file, self.outside.now);
                }
            }
        }
        Ok(Resolved::Mapped)
    }

    /// Maps the largest run of new pages around `page` that the area has room for.
    fn make_zeroes(&mut self, area: &Area, leaf: &Leaf, page: u64) -> Result<(), Unresolved> {
        let largest = if self.space.resident.anonymous < SMALL_PAGES { SMALL_RUN_ORDER } else { RUN_ORDER };
        for order in (0..=largest).rev() {
            let len = PAGE_SIZE << order;
            let start = page & !(len - 1);
            let pages = (start..start + len).step_by(PAGE_SIZE as usize);
            let fits = area.start <= start && start + len <= area.end;
            if !fits || pages.clone().any(|page| leaf.get(page).is_valid()) {
                continue;
            }
            let Some(first) = self.frames.alloc(order) else { continue };
            for (number, page) in (first.get()..).zip(pages) {
                leaf.set(page, Pte::new(FrameNo::new(number), area.prot.pte_flags()));
            }
            self.space.resident.anonymous += 1 << order;
            return Ok(());
        }
        Err(Unresolved::OutOfMemory)
    }

    fn map_borrowed(&mut self, area: &Area, leaf: &Leaf, page: u64, frame: FrameNo) {
        self.frames.share(frame);
        let marked = Pte::new(frame, borrowed_mark(area));
        leaf.set(page, marked.with_flags(page_flags(area, marked)));
        self.space.resident.shared += 1;
    }

    /// The frame of a page of a file, an object or the kernel.
    fn borrowed_frame(&mut self, area: &Area, page: u64) -> Result<FrameNo, Unresolved> {
        let index = area.backing_page(page);
        match area.backing {
            Backing::File { file, .. } => match self.outside.files.page(file, index, self.frames) {
                Ok(Some(frame)) => Ok(frame),
                Ok(None) => Err(Unresolved::Signal(Fault::beyond_file(page))),
                Err(crate::Errno::ENOMEM | crate::Errno::ENOSPC) => Err(Unresolved::OutOfMemory),
                Err(_) => Err(Unresolved::Signal(Fault::beyond_file(page))),
            },
            Backing::Shared { object, .. } => match self.objects.page(object, index, self.frames) {
                Ok(frame) => frame.ok_or(Unresolved::Signal(Fault::beyond_file(page))),
                Err(_) => Err(Unresolved::OutOfMemory),
            },
            Backing::Kernel { pages, .. } => {
                let frames = match pages {
                    KernelPages::Vdso => &self.image.vdso,
                    KernelPages::Vvar => &self.image.vvar,
                };
                let frame = usize::try_from(index).ok().and_then(|index| frames.get(index));
                frame.copied().ok_or(Unresolved::Signal(Fault::beyond_file(page)))
            }
            // Anonymous pages are made, not borrowed.
            Backing::Anonymous => Err(Unresolved::Signal(Fault::unmapped(page))),
        }
    }
}

/// The aligned window around a page, as far as the area and the leaf node reach.
fn window(area: &Area, leaf: &Leaf, page: u64) -> Range<u64> {
    let start = page & !(FILE_WINDOW_BYTES - 1);
    let reach = leaf.range();
    start.max(area.start).max(reach.start)..(start + FILE_WINDOW_BYTES).min(area.end).min(reach.end)
}
