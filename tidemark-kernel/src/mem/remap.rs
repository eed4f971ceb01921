//! `mremap(2)`: growing, shrinking and moving a mapping.

use std::ops::Range;

use super::area::{Area, AreaFlags, Backing};
use super::layout::MAP_MIN;
use super::mm::Mm;
use super::work::Work;
use crate::addr::{ADDRESS_LIMIT, PAGE_SIZE};
use crate::errno::{Errno, Result};

/// Where `mremap` may put the mapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// Where it is.
    InPlace,
    /// Anywhere, if it cannot grow where it is (`MREMAP_MAYMOVE`).
    Anywhere,
    /// There, instead of what is there (`MREMAP_FIXED`).
    Fixed(u64),
}

/// A mapping to be resized or moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Remapping {
    /// Where it is, page-aligned.
    pub old: u64,
    /// Its length in bytes, in whole pages; 0 makes another mapping of the same shared memory.
    pub old_len: u64,
    /// The length it is to have, in whole pages, not 0.
    pub new_len: u64,
    /// Where it may go.
    pub target: Target,
    /// Whether the old addresses stay mapped, with new pages (`MREMAP_DONTUNMAP`).
    pub keep_old: bool,
}

impl Mm<'_> {
    /// Resizes or moves a mapping. Its address.
    ///
    /// # Errors
    /// - `EFAULT`: the old range is not within one mapping.
    /// - `EINVAL`: overlapping ranges, an address that is not page-aligned, or an impossible combination.
    /// - `ENOMEM`: no room, or it may not move and cannot grow where it is.
    pub fn remap(&mut self, remapping: Remapping) -> Result<u64> {
        let Remapping { old, old_len, new_len, target, keep_old } = remapping;
        let area = self.space.areas.find(old).ok_or(Errno::EFAULT)?.clone();
        let old_end = old.checked_add(old_len).filter(|end| *end <= area.end).ok_or(Errno::EFAULT)?;
        if old_len == 0 && !area.is_shared() {
            return Err(Errno::EINVAL);
        }
        if keep_old && (old_len != new_len || target == Target::InPlace) {
            return Err(Errno::EINVAL);
        }
        if let Target::Fixed(new) = target {
            return self.move_to(&area, old..old_end, new, new_len, keep_old);
        }
        if !keep_old && old_len > 0 {
            if new_len <= old_len {
                self.unmap(old + new_len..old_end)?;
                return Ok(old);
            }
            if self.grow_in_place(&area, old_end, new_len - old_len)? {
                return Ok(old);
            }
        }
        if target == Target::InPlace {
            return Err(Errno::ENOMEM);
        }
        let new = self.space.areas.find_free(new_len).ok_or(Errno::ENOMEM)?;
        self.move_to(&area, old..old_end, new, new_len, keep_old)
    }

    fn grow_in_place(&mut self, area: &Area, old_end: u64, growth: u64) -> Result<bool> {
        let Some(end) = old_end.checked_add(growth).filter(|end| *end <= ADDRESS_LIMIT) else {
            return Ok(false);
        };
        if old_end != area.end || !self.space.areas.is_free(old_end..end) {
            return Ok(false);
        }
        self.check_growth(area, growth)?;
        // An area that goes on where this one ends: the two become one.
        let mut grown = area.clone();
        grown.end = end;
        let rest = grown.split_off(old_end);
        let (areas, mut backings) = self.areas();
        backings.retain(rest.backing);
        areas.insert(rest, &mut backings);
        if area.flags.contains(AreaFlags::LOCKED) {
            self.space.work.push_back(Work::Populate(old_end..end));
            self.advance();
        }
        Ok(true)
    }

    fn check_growth(&self, area: &Area, growth: u64) -> Result<()> {
        if self.space.admits(area, growth) { Ok(()) } else { Err(Errno::ENOMEM) }
    }

    fn move_to(
        &mut self,
        area: &Area,
        old: Range<u64>,
        new: u64,
        new_len: u64,
        keep_old: bool,
    ) -> Result<u64> {
        let new_end = new.checked_add(new_len).filter(|end| *end <= ADDRESS_LIMIT).ok_or(Errno::EINVAL)?;
        if !new.is_multiple_of(PAGE_SIZE) || (new < old.end.max(old.start + 1) && old.start < new_end) {
            return Err(Errno::EINVAL);
        }
        if new < MAP_MIN {
            return Err(Errno::EPERM);
        }
        if self.space.areas.len() + 4 > self.outside.areas_max {
            return Err(Errno::ENOMEM);
        }
        let old_len = old.end - old.start;
        if keep_old || new_len > old_len {
            self.check_growth(area, if keep_old { new_len } else { new_len - old_len })?;
        }
        let moved_len = old_len.min(new_len);
        self.prepare_move(old.start..old.start + moved_len, new)?;

        // The target's areas go first, then the old ones; pages follow.
        self.take_out(new..new_end);
        let mut moved = area.clone();
        if moved.start < old.start {
            moved = moved.split_off(old.start);
        }
        (moved.start, moved.end) = (new, new_end);
        let (areas, mut backings) = self.areas();
        backings.retain(moved.backing);
        if old_len > 0 && !keep_old {
            let removed = areas.remove(old.clone(), usize::MAX, &mut backings);
            self.release_areas(removed);
        }
        if old_len > 0 {
            self.space.work.push_back(Work::Move { from: old.start..old.start + moved_len, to: new });
            self.clear_later(old.start + moved_len..old.end);
            self.space.work.push_back(Work::Prune(old.clone(), old.start));
        }
        let locked = moved.flags.contains(AreaFlags::LOCKED);
        let is_file = matches!(moved.backing, Backing::File { .. });
        self.space.work.push_back(Work::Insert(moved));
        if is_file {
            // Who cuts the file short meanwhile may have looked here before.
            self.space.work.push_back(Work::Cut(new..new + moved_len));
        }
        if locked {
            self.space.work.push_back(Work::Populate(new..new_end));
        }
        self.advance();
        Ok(new)
    }

    /// Makes the page-table nodes that moving the pages of a range will need, so that it cannot fail half-way.
    fn prepare_move(&mut self, from: Range<u64>, to: u64) -> Result<()> {
        let table = self.table();
        for leaf in table.leaves(from.clone()) {
            let part = leaf.range();
            for page in [part.start, part.end - PAGE_SIZE] {
                table.leaf(to + (page - from.start), u64::MAX, self.frames).map_err(|_| Errno::ENOMEM)?;
            }
        }
        Ok(())
    }

    /// Whether `MREMAP_DONTUNMAP` applies to the mapping at an address: private memory without a file, or any that is
    /// shared (`mremap(2)`).
    pub fn can_keep_old(&self, old: u64) -> bool {
        let area = self.space.areas.find(old);
        area.is_some_and(|area| matches!(area.backing, Backing::Anonymous | Backing::Shared { .. }))
    }
}
