//! Changes of an address space that go on in steps, so that none holds the kernel's lock for long.
//!
//! Owns the list of what is left to do and how one step does part of it. A change first settles what the areas say
//! and then works through the pages. While work is left no other change begins; whoever wants to begin one does a
//! step of what is left instead, so that nothing depends on the thread that began it.
//!
//! Page faults go on meanwhile. They see the areas as they will be, which every kind of work allows for.

use std::ops::Range;

use super::area::{Area, AreaFlags, Backing, Prot};
use super::fault::Unresolved;
use super::mm::{Mm, page_flags};
use super::page_table::Pte;
use super::space::Space;
use crate::addr::PAGE_SIZE;
use crate::cpu::exit::Access;
use crate::limits::STEP_PAGES;

/// What a page-table node costs, in pages.
const NODE_COST: u64 = 32;

/// What a page that has to be made costs, in pages: filling 64 KiB or reading from a file.
const FAULT_COST: u64 = 64;

/// What an area costs that is copied, in pages.
const AREA_COST: u64 = 8;

/// Areas that are taken out or changed at once.
const AREAS_PER_STEP: usize = 32;

/// Something left to do.
#[derive(Debug)]
pub(super) enum Work {
    /// Take out the areas of a range, and their pages.
    TakeOut(Range<u64>),
    /// Change the areas of a range.
    Change(Range<u64>, Change),
    /// Take out the pages of a range. Its areas are gone, or keep on with new pages.
    Clear(Range<u64>),
    /// Unlink the page-table nodes of a range that was cleared, from an address on.
    Prune(Range<u64>, u64),
    /// Take out what files gave up: pages that are no more a file's, and private copies of pages past its end.
    Cut(Range<u64>),
    /// Take out all pages of a space that is being taken apart, and leave its page-table nodes to be freed as a whole.
    Vacate(Range<u64>),
    /// Give the pages of a range the rights that its areas say.
    Protect(Range<u64>),
    /// Enter an area, now that its addresses are clear.
    Insert(Area),
    /// Move the pages of a range to another place, where page-table nodes are ready for them.
    Move {
        /// Where they are.
        from: Range<u64>,
        /// Where the range's start goes.
        to: u64,
    },
    /// Make the pages of a range, as if they were touched.
    Populate(Range<u64>),
    /// Copy the space.
    Fork(Box<Fork>),
}

/// What changes in areas.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    /// Their rights.
    Prot(Prot),
    /// Their flags.
    Flags {
        /// To set.
        set: AreaFlags,
        /// To take away.
        unset: AreaFlags,
    },
}

impl Change {
    fn apply(self, area: &mut Area) {
        match self {
            Change::Prot(prot) => area.prot = prot,
            Change::Flags { set, unset } => area.flags = area.flags.without(unset).with(set),
        }
    }
}

/// A copy in the making.
#[derive(Debug)]
pub(super) struct Fork {
    pub(super) child: Box<Space>,
    /// Pages below this were copied.
    pub(super) next: u64,
    pub(super) state: ForkState,
}

/// How far a copy is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ForkState {
    /// Areas and pages are left.
    Copying,
    /// The child is as it should be; whoever began takes it.
    Complete,
    /// There were not enough frames; whoever began takes what there is of the child, and disposes of it.
    OutOfMemory,
}

/// What one step may still do and what it did.
struct Step {
    budget: u64,
    /// Whether no worker can touch the space's memory now.
    quiet: bool,
    /// Whether pages lost permissions.
    lost: bool,
}

impl Step {
    fn charge(&mut self, cost: u64) {
        self.budget = self.budget.saturating_sub(cost);
    }
}

impl Mm<'_> {
    /// Whether nothing is left to do.
    pub(crate) fn is_idle(&self) -> bool {
        self.space.work.is_empty()
    }

    /// One step of what is left. Whether nothing is left.
    pub(crate) fn advance(&mut self) -> bool {
        if self.is_idle() {
            return true;
        }
        self.release_zombies();
        if !self.space.zombies.is_empty() {
            // A shootdown goes on; the frames that wait for it are bounded by one step's.
            return false;
        }
        let mut step = Step { budget: STEP_PAGES, quiet: self.is_quiet(), lost: false };
        while step.budget > 0
            && let Some(work) = self.space.work.pop_front()
        {
            if let Some(rest) = self.step(work, &mut step) {
                self.space.work.push_front(rest);
                break;
            }
        }
        if step.lost {
            self.start_generation();
        }
        self.is_idle()
    }

    /// Does as much of a work as the step allows; what is left of it.
    fn step(&mut self, work: Work, step: &mut Step) -> Option<Work> {
        match work {
            Work::Change(range, change) => {
                self.change_areas(range, change, step).map(|rest| Work::Change(rest, change))
            }
            Work::Clear(range) => self.clear_pages(range, step).map(Work::Clear),
            Work::Prune(range, from) => {
                let zombies = self.space.zombies.len();
                let next = self.prune(range.clone(), from, &mut step.budget, step.quiet);
                // A hart may be on its way through a node.
                step.lost |= self.space.zombies.len() > zombies;
                next.map(|next| Work::Prune(range, next))
            }
            Work::TakeOut(range) => {
                let (areas, mut backings) = self.areas();
                let removed = areas.remove(range.clone(), AREAS_PER_STEP, &mut backings);
                let (first, last) = (removed.first()?.start, removed.last()?.end);
                step.charge(AREA_COST * removed.len() as u64);
                self.release_areas(removed);
                if last < range.end {
                    self.space.work.push_front(Work::TakeOut(last..range.end));
                }
                self.space.work.push_front(Work::Prune(first..last, first));
                self.clear_pages(first..last, step).map(Work::Clear)
            }
            Work::Cut(range) => self.cut_pages(range, step).map(Work::Cut),
            Work::Vacate(range) => self.clear_pages(range, step).map(Work::Vacate),
            Work::Protect(range) => self.protect_pages(range, step).map(Work::Protect),
            Work::Insert(area) => {
                let (areas, mut backings) = self.areas();
                areas.insert(area, &mut backings);
                None
            }
            Work::Move { from, to } => {
                let rest = self.move_pages(from.clone(), to, step)?;
                Some(Work::Move { to: to + (rest.start - from.start), from: rest })
            }
            Work::Populate(range) => self.populate_pages(range, step).map(Work::Populate),
            Work::Fork(mut fork) => {
                if fork.state == ForkState::Copying {
                    self.fork(&mut fork, step);
                }
                Some(Work::Fork(fork))
            }
        }
    }

    fn change_areas(&mut self, mut range: Range<u64>, change: Change, step: &mut Step) -> Option<Range<u64>> {
        loop {
            let first = self.space.areas.overlapping(range.clone()).take(AREAS_PER_STEP);
            let (count, end) = first.fold((0, range.start), |(count, _), area| (count + 1, area.end));
            if count == 0 {
                return None;
            }
            if step.budget == 0 {
                return Some(range);
            }
            step.charge(AREA_COST * count);
            let end = end.min(range.end);
            let (areas, mut backings) = self.areas();
            areas.change(range.start..end, &mut backings, |area| change.apply(area));
            range.start = end;
        }
    }

    /// Has the pages of a range taken out, and the page-table nodes that are then empty.
    pub(super) fn clear_later(&mut self, range: Range<u64>) {
        let start = range.start;
        self.space.work.push_back(Work::Clear(range.clone()));
        self.space.work.push_back(Work::Prune(range, start));
    }

    fn clear_pages(&mut self, range: Range<u64>, step: &mut Step) -> Option<Range<u64>> {
        for leaf in self.table().leaves(range.clone()) {
            if step.budget == 0 {
                return Some(leaf.range().start..range.end);
            }
            step.charge(NODE_COST);
            for (page, pte) in leaf.mapped() {
                if step.budget == 0 {
                    return Some(page..range.end);
                }
                step.charge(1);
                leaf.set(page, Pte::EMPTY);
                step.lost = true;
                self.drop_page(pte, step.quiet);
            }
        }
        None
    }

    fn cut_pages(&mut self, range: Range<u64>, step: &mut Step) -> Option<Range<u64>> {
        let mut at = range.start;
        while let Some(area) = self.next_area(at..range.end) {
            let part = area.start.max(at)..area.end.min(range.end);
            at = part.end;
            step.charge(1);
            let Backing::File { file, .. } = area.backing else { continue };
            for leaf in self.table().leaves(part) {
                if step.budget == 0 {
                    return Some(leaf.range().start..range.end);
                }
                step.charge(NODE_COST);
                for (page, pte) in leaf.mapped() {
                    if step.budget == 0 {
                        return Some(page..range.end);
                    }
                    step.charge(2);
                    let borrowed = pte.frame().filter(|_| pte.flags() & Pte::SOFT != 0);
                    if !self.outside.files.holds(file, area.backing_page(page), borrowed) {
                        leaf.set(page, Pte::EMPTY);
                        step.lost = true;
                        self.drop_page(pte, step.quiet);
                    }
                }
            }
        }
        None
    }

    /// The first area that shares addresses with a range.
    fn next_area(&self, range: Range<u64>) -> Option<Area> {
        self.space.areas.overlapping(range).next().cloned()
    }

    fn protect_pages(&mut self, range: Range<u64>, step: &mut Step) -> Option<Range<u64>> {
        let mut at = range.start;
        while let Some(area) = self.next_area(at..range.end) {
            let part = area.start.max(at)..area.end.min(range.end);
            step.charge(1);
            for leaf in self.table().leaves(part.clone()) {
                if step.budget == 0 {
                    return Some(leaf.range().start..range.end);
                }
                step.charge(NODE_COST);
                for (page, pte) in leaf.mapped() {
                    if step.budget == 0 {
                        return Some(page..range.end);
                    }
                    step.charge(1);
                    let new = pte.with_flags(page_flags(&area, pte));
                    step.lost |= pte.flags() & !new.flags() != 0;
                    leaf.set(page, new);
                }
            }
            at = part.end;
        }
        None
    }

    fn move_pages(&mut self, from: Range<u64>, to: u64, step: &mut Step) -> Option<Range<u64>> {
        let table = self.table();
        for leaf in table.leaves(from.clone()) {
            if step.budget == 0 {
                return Some(leaf.range().start..from.end);
            }
            step.charge(NODE_COST);
            for (page, pte) in leaf.mapped() {
                if step.budget == 0 {
                    return Some(page..from.end);
                }
                step.charge(2);
                // The nodes are ready: see `map::prepare_move`. Were one missing, losing the page would be wrong, so
                // that it stays where it is, out of any area's reach, until the space goes.
                if table.set(to + (page - from.start), pte, self.frames).is_ok() {
                    leaf.set(page, Pte::EMPTY);
                }
                step.lost = true;
            }
        }
        None
    }

    fn populate_pages(&mut self, range: Range<u64>, step: &mut Step) -> Option<Range<u64>> {
        let mut at = range.start;
        while let Some(area) = self.next_area(at..range.end) {
            let (start, end) = (area.start.max(at), area.end.min(range.end));
            let access = if !area.is_shared() && area.prot.permits(Access::Write) {
                Access::Write
            } else {
                Access::Read
            };
            let permitted = area.prot.permits(access);
            at = end;
            for page in (start..end).step_by(PAGE_SIZE as usize).take_while(|_| permitted) {
                if step.budget == 0 {
                    return Some(page..range.end);
                }
                step.charge(1);
                let need = if access == Access::Write { Pte::WRITE } else { Pte::READ };
                if self.table().walk(page).allows(need) {
                    continue;
                }
                step.charge(FAULT_COST);
                match self.resolve(page, access) {
                    Ok(resolved) => step.lost |= resolved == super::fault::Resolved::Replaced,
                    // As `mmap(2)` says, a page that cannot be made is no error here. Nor is there more to be had.
                    Err(Unresolved::OutOfMemory) => return None,
                    Err(_) => break,
                }
            }
        }
        None
    }

    fn fork(&mut self, fork: &mut Fork, step: &mut Step) {
        while let Some(area) = self.space.areas.find_or_next(fork.next) {
            let area = area.clone();
            if step.budget == 0 {
                return;
            }
            if area.flags.contains(AreaFlags::DONT_FORK) {
                fork.next = area.end;
                continue;
            }
            // By its end, as a stack may grow at its start between two steps.
            if fork.child.areas.find(area.end - 1).is_none() {
                step.charge(AREA_COST);
                let (_, mut backings) = self.areas();
                backings.retain(area.backing);
                let flags = area.flags.without(AreaFlags::LOCKED);
                fork.child.areas.push_last(Area { flags, ..area.clone() });
            }
            let wiped = area.flags.contains(AreaFlags::WIPE_ON_FORK);
            let rest = fork.next.max(area.start)..area.end;
            if area.is_shared() || wiped {
                // Shared pages are found again when they are touched.
                fork.next = area.end;
            } else if !self.fork_pages(rest, fork, step) {
                return;
            }
        }
        fork.state = ForkState::Complete;
    }

    /// Leaves the private pages of a range to both spaces. Whether it came to the range's end.
    fn fork_pages(&mut self, range: Range<u64>, fork: &mut Fork, step: &mut Step) -> bool {
        let (table, child) = (self.table(), fork.child.shared.table);
        for leaf in table.leaves(range.clone()) {
            if step.budget == 0 {
                fork.next = leaf.range().start;
                return false;
            }
            step.charge(NODE_COST);
            let mut child_leaf = None;
            for (page, pte) in leaf.mapped() {
                // Pages of files are found again when they are touched.
                let Some(frame) = pte.frame().filter(|_| pte.flags() & Pte::SOFT == 0) else { continue };
                if step.budget == 0 {
                    fork.next = page;
                    return false;
                }
                step.charge(1);
                let child_leaf = match &child_leaf {
                    Some(leaf) => leaf,
                    None => match child.leaf(page, leaf.range().end, self.frames) {
                        Ok(new) => child_leaf.insert(new),
                        Err(_) => {
                            (fork.next, fork.state) = (page, ForkState::OutOfMemory);
                            return false;
                        }
                    },
                };
                let shared = pte.with_flags(pte.flags() & !Pte::WRITE | Pte::COW);
                if shared != pte {
                    leaf.set(page, shared);
                    step.lost |= pte.allows(Pte::WRITE);
                }
                child_leaf.set(page, shared);
                self.frames.share(frame);
                fork.child.resident.anonymous += 1;
            }
            fork.next = leaf.range().end;
        }
        fork.next = range.end;
        true
    }
}
