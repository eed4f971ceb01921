//! Advice and questions about mappings: `madvise(2)`, `mlock(2)`, `mincore(2)`, `msync(2)`.

use std::ops::Range;

use super::area::{AreaFlags, Backing};
use super::mm::Mm;
use super::page_table::Pte;
use super::work::{Change, Work};
use crate::addr::{ADDRESS_LIMIT, PAGE_SIZE};
use crate::errno::{Errno, Result};

/// Advice that has an effect here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Advice {
    /// Nothing to do, if the range is mapped.
    None,
    /// Drop the pages: anonymous memory reads as zeroes after, files as they are (`MADV_DONTNEED`).
    Drop,
    /// The same, for private anonymous memory only (`MADV_FREE`). Linux waits for memory to get short; a program cannot
    /// rely on that.
    Free,
    /// Make the pages.
    Populate,
    /// Set flags, and take away others.
    Flags {
        /// To set.
        set: AreaFlags,
        /// To take away.
        unset: AreaFlags,
    },
}

impl Mm<'_> {
    /// Follows advice on a page-aligned range.
    ///
    /// # Errors
    /// `ENOMEM` when part of the range is not mapped; the rest is done. `EINVAL` when the advice does not fit what is
    /// mapped there.
    pub fn advise(&mut self, range: Range<u64>, advice: Advice) -> Result<()> {
        let whole = self.space.areas.covers(range.clone());
        let mut wrong = false;
        for area in self.space.areas.overlapping(range.clone()) {
            wrong |= match advice {
                Advice::Drop => area.flags.contains(AreaFlags::LOCKED),
                Advice::Free => area.backing != Backing::Anonymous || area.flags.contains(AreaFlags::LOCKED),
                Advice::Flags { set, .. } => {
                    set.contains(AreaFlags::WIPE_ON_FORK) && area.backing != Backing::Anonymous
                }
                Advice::None | Advice::Populate => false,
            };
        }
        if wrong {
            return Err(Errno::EINVAL);
        }
        match advice {
            Advice::None => {}
            Advice::Drop | Advice::Free => self.clear_later(range),
            Advice::Populate => self.space.work.push_back(Work::Populate(range)),
            Advice::Flags { set, unset } => self.set_flags(range, set, unset)?,
        }
        self.advance();
        if whole { Ok(()) } else { Err(Errno::ENOMEM) }
    }

    fn set_flags(&mut self, range: Range<u64>, set: AreaFlags, unset: AreaFlags) -> Result<()> {
        if self.space.areas.len() + 2 > self.outside.areas_max {
            return Err(Errno::ENOMEM);
        }
        self.space.work.push_back(Work::Change(range, Change::Flags { set, unset }));
        Ok(())
    }

    /// Locks the pages of a range; `now` also makes them.
    ///
    /// # Errors
    /// `ENOMEM` when part of the range is not mapped, or there are too many areas.
    pub fn lock(&mut self, range: Range<u64>, now: bool) -> Result<()> {
        self.set_flags(range.clone(), AreaFlags::LOCKED, AreaFlags::EMPTY)?;
        if now {
            self.space.work.push_back(Work::Populate(range.clone()));
        }
        self.advance();
        if self.space.areas.covers(range) { Ok(()) } else { Err(Errno::ENOMEM) }
    }

    /// Unlocks the pages of a range.
    ///
    /// # Errors
    /// As [`lock`](Self::lock).
    pub fn unlock(&mut self, range: Range<u64>) -> Result<()> {
        self.set_flags(range.clone(), AreaFlags::EMPTY, AreaFlags::LOCKED)?;
        self.advance();
        if self.space.areas.covers(range) { Ok(()) } else { Err(Errno::ENOMEM) }
    }

    /// Locks all that is mapped; `now` also makes its pages.
    pub fn lock_all(&mut self, now: bool) {
        self.flag_all(AreaFlags::LOCKED, AreaFlags::EMPTY);
        if now {
            self.space.work.push_back(Work::Populate(0..ADDRESS_LIMIT));
        }
        self.advance();
    }

    /// Unlocks all that is mapped.
    pub fn unlock_all(&mut self) {
        self.flag_all(AreaFlags::EMPTY, AreaFlags::LOCKED);
        self.advance();
    }

    fn flag_all(&mut self, set: AreaFlags, unset: AreaFlags) {
        self.space.work.push_back(Work::Change(0..ADDRESS_LIMIT, Change::Flags { set, unset }));
    }

    /// Whether areas mapped from now on are locked.
    pub fn set_lock_future(&mut self, lock: bool) {
        self.space.lock_future = lock;
    }

    /// Whether areas mapped from now on are locked.
    pub fn locks_future(&self) -> bool {
        self.space.lock_future
    }

    /// Locked bytes (`/proc/PID/status`, `VmLck`).
    pub fn locked_bytes(&self) -> u64 {
        let locked = self.space.areas.iter().filter(|area| area.flags.contains(AreaFlags::LOCKED));
        locked.map(super::area::Area::len).sum()
    }

    /// Whether each page of a range is resident: the low bit of a byte a page.
    ///
    /// # Errors
    /// `ENOMEM` when part of the range is not mapped.
    pub fn residency(&self, range: Range<u64>) -> Result<Vec<u8>> {
        if !self.space.areas.covers(range.clone()) {
            return Err(Errno::ENOMEM);
        }
        let table = self.table();
        let resident = |page| u8::from(table.walk(page) != Pte::EMPTY);
        Ok(range.step_by(PAGE_SIZE as usize).map(resident).collect())
    }
}
