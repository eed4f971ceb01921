//! Copying an address space for `fork`, and how an address space ends.
//!
//! Owns the life of spaces: made, copied, used by several, taken apart in steps when the last user is gone.

use super::Memory;
use super::mm::{Mm, Outside};
use super::page_table::VA_END;
use super::space::{Resident, Space};
use super::work::{Fork, ForkState, Work};
use crate::cpu::core::SpaceId;
use crate::errno::{Errno, Result};
use crate::limits::STEP_PAGES;
use crate::system::System;
use crate::task::Pid;
use crate::wait::Flow;

/// Areas of a dying space that one step gives up.
const AREAS_PER_STEP: usize = 32;

/// How far a copy of a space is.
#[derive(Debug)]
pub enum Forking {
    /// It is there, with one user.
    Done(SpaceId),
    /// Not yet: answer this and ask again when entered next.
    NotYet(Flow),
}

impl Memory {
    /// A new, empty address space with one user, for a stack of at most `stack_limit` bytes.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn create_space(&mut self, stack_limit: u64) -> Result<SpaceId> {
        let space = self.new_space(stack_limit)?;
        Ok(self.spaces.insert(space))
    }

    fn new_space(&mut self, stack_limit: u64) -> Result<Box<Space>> {
        let id = self.spaces.reserve().ok_or(Errno::ENOMEM)?;
        match Space::new(id, stack_limit, &mut self.frames) {
            Some(space) => Ok(Box::new(space)),
            None => {
                self.spaces.cancel(id);
                Err(Errno::ENOMEM)
            }
        }
    }

    /// One more user of a space: a process made by `vfork`, or by `clone` with `CLONE_VM`.
    pub fn share_space(&mut self, space: SpaceId) {
        if let Some(space) = self.spaces.get_mut(space) {
            space.users += 1;
        }
    }

    /// Whether several processes use a space.
    pub(crate) fn is_space_shared(&self, space: SpaceId) -> bool {
        self.spaces.get(space).is_some_and(|space| space.users > 1)
    }

    /// A process ended or went on to another program: one user less.
    pub(crate) fn leave_space(&mut self, id: SpaceId, leaver: Pid) {
        if let Some(space) = self.spaces.get_mut(id) {
            space.leaver = Some(leaver);
        }
        self.release_space(id);
    }

    /// One user less. After the last, no thread runs in it.
    pub fn release_space(&mut self, id: SpaceId) {
        let Some(space) = self.spaces.get_mut(id) else { return };
        space.users -= 1;
        if space.users == 0
            && let Some(space) = self.spaces.remove(id)
        {
            self.bury(space);
        }
    }

    /// Has a space taken apart that nobody uses any more.
    pub(super) fn bury(&mut self, mut space: Box<Space>) {
        for work in std::mem::take(&mut space.work) {
            match work {
                Work::Fork(fork) => {
                    self.spaces.cancel(fork.child.id());
                    self.bury(fork.child);
                }
                // The areas own references, so that one not yet entered must be.
                Work::Insert(area) => space.areas.push_last(area),
                Work::TakeOut(_)
                | Work::Change(..)
                | Work::Clear(_)
                | Work::Prune(..)
                | Work::Cut(_)
                | Work::Vacate(_)
                | Work::Protect(_)
                | Work::Move { .. }
                | Work::Populate(_) => {}
            }
        }
        self.dying.push(space);
    }
}

impl Memory {
    /// Copies an address space, in steps: each side sees the memory as it was, and pages are copied when either writes.
    /// `begun` is the caller's to keep between entries, `false` at first.
    ///
    /// When it is done, no hart can store to what both have.
    ///
    /// # Errors
    /// `ENOMEM`; `ESRCH` when there is no such space.
    pub(super) fn fork_step(
        &mut self,
        parent: SpaceId,
        begun: &mut bool,
        mut outside: Outside<'_>,
    ) -> Result<Forking> {
        if !*begun {
            let mut mm = self.mm(parent, outside.reborrow())?;
            if !mm.advance() {
                return Ok(Forking::NotYet(mm.wait_flow()));
            }
            let (marks, stack_limit) = (mm.space.marks, mm.space.stack_limit);
            let (size_limit, data_limit) = (mm.space.size_limit, mm.space.data_limit);
            let mut child = self.new_space(stack_limit)?;
            (child.marks, child.size_limit, child.data_limit) = (marks, size_limit, data_limit);
            let fork = Work::Fork(Box::new(Fork { child, next: 0, state: ForkState::Copying }));
            self.spaces.get_mut(parent).ok_or(Errno::ESRCH)?.work.push_back(fork);
            *begun = true;
        }
        let mut mm = self.mm(parent, outside)?;
        mm.advance();
        let state = match mm.space.work.front() {
            Some(Work::Fork(fork)) => fork.state,
            _ => return Err(Errno::ENOMEM),
        };
        if state == ForkState::Copying || !mm.is_flushed() {
            return Ok(Forking::NotYet(mm.wait_flow()));
        }
        let Some(Work::Fork(fork)) = mm.space.work.pop_front() else { return Err(Errno::ENOMEM) };
        if state == ForkState::OutOfMemory {
            self.spaces.cancel(fork.child.id());
            self.bury(fork.child);
            return Err(Errno::ENOMEM);
        }
        Ok(Forking::Done(self.spaces.insert(fork.child)))
    }

    /// Takes spaces apart that are used no more: one step. Whether more is left.
    pub(super) fn release_step(&mut self, outside: Outside<'_>) -> bool {
        let Some(mut space) = self.dying.pop() else { return self.objects.free_doomed(&mut self.frames) };
        let mut mm = Mm {
            space: &mut space,
            frames: &mut self.frames,
            objects: &mut self.objects,
            image: &self.image,
            outside,
        };
        if !mm.dissolve() {
            self.dying.push(space);
        }
        self.is_releasing()
    }

    /// Frees some of the shared memory that nobody maps any more.
    pub(crate) fn free_shared(&mut self) {
        self.objects.free_doomed(&mut self.frames);
    }

    /// Address spaces, also those that are being taken apart.
    pub(crate) fn space_count(&self) -> usize {
        self.spaces.count() + self.dying.len()
    }

    /// Whether memory is on its way back.
    pub(super) fn is_releasing(&self) -> bool {
        !self.dying.is_empty() || self.objects.has_doomed()
    }
}

impl System {
    /// Copies an address space, in steps: each side sees the memory as it was, and pages are copied when either writes.
    /// `begun` is the caller's to keep between entries, `false` at first.
    ///
    /// When it is done, no hart can store to what both have.
    ///
    /// # Errors
    /// `ENOMEM`; `ESRCH` when there is no such space.
    pub fn fork_space(&mut self, parent: SpaceId, begun: &mut bool) -> Result<Forking> {
        let (mem, outside) = self.mem_and_outside();
        mem.fork_step(parent, begun, outside)
    }

    /// Takes spaces apart that are used no more: one step. Whether more is left.
    pub fn release_step(&mut self) -> bool {
        let (mem, outside) = self.mem_and_outside();
        mem.release_step(outside)
    }
}

impl Mm<'_> {
    /// What to answer while work is left: others first have to drop translations, or just another turn.
    pub(crate) fn wait_flow(&self) -> Flow {
        if self.is_flushed() { Flow::Again } else { Flow::Shootdown }
    }

    /// One step of taking the space apart. Whether nothing is left of it.
    fn dissolve(&mut self) -> bool {
        debug_assert!(self.is_quiet(), "no thread runs in a space without users");
        if !self.advance() {
            return false;
        }
        let removed = self.space.areas.take_first(AREAS_PER_STEP);
        if !removed.is_empty() {
            self.space.work.extend(removed.iter().map(|area| Work::Vacate(area.range())));
            self.release_areas(removed);
            self.advance();
            if !self.is_idle() || !self.space.areas.is_empty() {
                return false;
            }
        }
        if self.space.resident != Resident::default() {
            // Pages outside any area, of a change that was not finished.
            self.space.work.push_back(Work::Vacate(0..VA_END));
            return false;
        }
        let table = self.table();
        let mut budget = STEP_PAGES;
        if let Some(next) = table.prune(0..VA_END, self.space.pruned, &mut budget, self.frames) {
            self.space.pruned = next;
            return false;
        }
        table.destroy(self.frames);
        true
    }
}
