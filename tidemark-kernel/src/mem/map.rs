//! Mapping, unmapping, changing rights, and the program break.
//!
//! Owns what these do to areas and which pages they set to work on. Each begins on an idle space (see `work`), settles
//! the areas at once and does the first step; the caller drives the rest. What a raw argument means is `syscall::mm`'s.

use std::ops::Range;

use super::area::{Area, AreaFlags, Backing, Prot};
use super::areas::is_data;
use super::layout::MAP_MIN;
use super::mm::Mm;
use super::object::ObjectId;
use super::work::{Change, Work};
use crate::addr::{ADDRESS_LIMIT, PAGE_SIZE, page_align_up};
use crate::errno::{Errno, Result};
use crate::fs::FileId;

/// Where a mapping goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Anywhere.
    Anywhere,
    /// There if those addresses are free, else anywhere.
    Hint(u64),
    /// There, instead of what is there (`MAP_FIXED`).
    Fixed(u64),
    /// There, if those addresses are free (`MAP_FIXED_NOREPLACE`).
    FixedFree(u64),
}

/// A mapping to be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mapping {
    /// Where.
    pub place: Place,
    /// Length in bytes; rounded up to whole pages.
    pub len: u64,
    /// What may be done with it.
    pub prot: Prot,
    /// Its other properties.
    pub flags: AreaFlags,
    /// What backs it. The reference goes over to the mapping if that succeeds.
    pub backing: Backing,
    /// Whether its pages are made at once (`MAP_POPULATE`).
    pub populate: bool,
}

impl Mm<'_> {
    /// Makes a mapping. Its address.
    ///
    /// # Errors
    /// - `EINVAL`: no length, or a fixed address that is not page-aligned.
    /// - `ENOMEM`: no room, too many areas, or over the limit on their size.
    /// - `EPERM`: a fixed address below the lowest allowed.
    /// - `EEXIST`: [`Place::FixedFree`] and something is there.
    pub fn map(&mut self, mapping: Mapping) -> Result<u64> {
        let len = page_align_up(mapping.len).filter(|len| *len <= ADDRESS_LIMIT).ok_or(Errno::ENOMEM)?;
        if len == 0 {
            return Err(Errno::EINVAL);
        }
        // One more, and one for the area that a fixed mapping may cut in two.
        if self.space.areas.len() + 2 > self.outside.areas_max {
            return Err(Errno::ENOMEM);
        }
        let start = self.place(mapping.place, len)?;
        let range = start..start + len;
        let locked = if self.space.lock_future { AreaFlags::LOCKED } else { AreaFlags::EMPTY };
        let area = Area {
            start,
            end: range.end,
            prot: mapping.prot,
            flags: mapping.flags.with(locked),
            backing: mapping.backing,
        };
        let is_fixed = matches!(mapping.place, Place::Fixed(_));
        let replaced = if is_fixed { self.space.areas.covered(range.clone()) } else { 0 };
        if !self.space.admits(&area, len - replaced) {
            return Err(Errno::ENOMEM);
        }
        if is_fixed {
            self.take_out(range.clone());
        }
        self.space.work.push_back(Work::Insert(area));
        if mapping.populate || self.space.lock_future {
            self.space.work.push_back(Work::Populate(range));
        }
        self.advance();
        Ok(start)
    }

    /// New shared memory, with a reference for the mapping to be made.
    pub fn new_shared_backing(&mut self) -> Backing {
        Backing::Shared { object: self.objects.create(), page: 0 }
    }

    /// All of a segment's memory, with a reference for the mapping to be made.
    pub(crate) fn segment_backing(&mut self, object: ObjectId) -> Backing {
        let backing = Backing::Shared { object, page: 0 };
        self.areas().1.retain(backing);
        backing
    }

    /// A file from a page on, with a reference for the mapping to be made.
    pub fn file_backing(&mut self, file: FileId, page: u64, shared: bool) -> Backing {
        self.outside.files.retain(file);
        Backing::File { file, page, shared }
    }

    /// Makes a mapping, as [`map`](Self::map); where that fails, the reference on what backs it is given back.
    ///
    /// # Errors
    /// As [`map`](Self::map).
    pub fn map_held(&mut self, mapping: Mapping) -> Result<u64> {
        let mapped = self.map(mapping);
        if mapped.is_err() {
            let (_, mut backings) = self.areas();
            backings.release(mapping.backing);
        }
        mapped
    }

    /// The address of `len` free bytes, in whole pages.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn find_free(&mut self, len: u64) -> Result<u64> {
        self.space.areas.find_free(len).ok_or(Errno::ENOMEM)
    }

    /// Picks or checks the addresses of a mapping.
    fn place(&mut self, place: Place, len: u64) -> Result<u64> {
        let inside = |start: u64| start.checked_add(len).is_some_and(|end| end <= ADDRESS_LIMIT);
        match place {
            Place::Hint(hint) => {
                let start = page_align_up(hint).unwrap_or(0);
                let free = start >= MAP_MIN && inside(start) && self.space.areas.is_free(start..start + len);
                if free { Ok(start) } else { self.place(Place::Anywhere, len) }
            }
            Place::Anywhere => self.find_free(len),
            Place::Fixed(start) | Place::FixedFree(start) => {
                if !start.is_multiple_of(PAGE_SIZE) {
                    return Err(Errno::EINVAL);
                }
                if !inside(start) {
                    return Err(Errno::ENOMEM);
                }
                if start < MAP_MIN {
                    return Err(Errno::EPERM);
                }
                if matches!(place, Place::FixedFree(_)) && !self.space.areas.is_free(start..start + len) {
                    return Err(Errno::EEXIST);
                }
                Ok(start)
            }
        }
    }

    /// Unmaps what is in a page-aligned range.
    ///
    /// # Errors
    /// `ENOMEM` when that would cut an area in two and there are too many.
    pub fn unmap(&mut self, range: Range<u64>) -> Result<()> {
        let inside = self.space.areas.find(range.start);
        if inside.is_some_and(|area| area.start < range.start && range.end < area.end)
            && self.space.areas.len() >= self.outside.areas_max
        {
            return Err(Errno::ENOMEM);
        }
        self.take_out(range);
        self.advance();
        Ok(())
    }

    /// Unmaps what is left of a segment that was attached at `start` and reached to `end` (`shmdt(2)`): areas that show of it
    /// what they showed then.
    ///
    /// # Errors
    /// Never: only whole areas go.
    pub(crate) fn detach(&mut self, object: ObjectId, start: u64, end: u64) -> Result<()> {
        let shown = |area: &&Area| match area.backing {
            Backing::Shared { object: other, page } => {
                other == object && area.start >= start && area.start - start == page * PAGE_SIZE
            }
            _ => false,
        };
        let areas = self.space.areas.overlapping(start..end).filter(shown);
        let ranges: Vec<_> = areas.map(|area| area.start..area.end.min(end)).collect();
        ranges.into_iter().for_each(|range| self.take_out(range));
        self.advance();
        Ok(())
    }

    /// Has the areas of a range taken out, and their pages.
    pub(super) fn take_out(&mut self, range: Range<u64>) {
        if !self.space.areas.is_free(range.clone()) {
            self.space.work.push_back(Work::TakeOut(range));
        }
    }

    /// Changes the rights of a page-aligned range.
    ///
    /// # Errors
    /// `ENOMEM` where nothing is mapped, when there are too many areas, or for data over its limit; `EACCES` for writing to a file that was not
    /// opened for it. What came before in the range is changed.
    pub fn protect(&mut self, range: Range<u64>, prot: Prot) -> Result<()> {
        let cuts = self.space.areas.len() + 2 > self.outside.areas_max;
        let (mut end, mut result, mut data) = (range.start, Ok(()), self.space.areas.data());
        for area in self.space.areas.overlapping(range.clone()) {
            if area.start > end {
                break;
            }
            if prot.contains(Prot::WRITE) && area.flags.contains(AreaFlags::NO_WRITE) {
                result = Err(Errno::EACCES);
                break;
            }
            if cuts && area.prot != prot && (area.start < range.start || range.end < area.end) {
                result = Err(Errno::ENOMEM);
                break;
            }
            let changed = Area { prot, ..area.clone() };
            let inside = area.start.max(range.start)..area.end.min(range.end);
            if is_data(&changed) && !is_data(area) {
                data = data.saturating_add(inside.end - inside.start);
                // Linux looks at each area as it comes to it, those before are changed (`mprotect_fixup`).
                if data > self.space.data_limit {
                    result = Err(Errno::ENOMEM);
                    break;
                }
            }
            end = inside.end;
        }
        if result.is_ok() && end < range.end {
            result = Err(Errno::ENOMEM);
        }
        if end > range.start {
            self.space.work.push_back(Work::Change(range.start..end, Change::Prot(prot)));
            self.space.work.push_back(Work::Protect(range.start..end));
            self.advance();
        }
        result
    }

    /// Moves the program break, if it can be where it is wanted. Where it is then (`brk(2)`, the system call).
    pub fn set_break(&mut self, wanted: u64) -> u64 {
        let marks = self.space.marks;
        let pages = |end: u64| page_align_up(end).unwrap_or(ADDRESS_LIMIT);
        let (old, new) = (pages(marks.heap_end), pages(wanted));
        if wanted < marks.heap_start
            || new > ADDRESS_LIMIT
            || wanted - marks.heap_start > self.space.data_limit
        {
            return marks.heap_end;
        }
        let moved = if new < old {
            self.unmap(new..old).is_ok()
        } else if new > old {
            let mapping = Mapping {
                place: Place::FixedFree(old),
                len: new - old,
                prot: Prot::WRITE,
                flags: AreaFlags::HEAP,
                backing: Backing::Anonymous,
                populate: false,
            };
            self.map(mapping).is_ok()
        } else {
            true
        };
        if moved {
            self.space.marks.heap_end = wanted;
        }
        self.space.marks.heap_end
    }
}
