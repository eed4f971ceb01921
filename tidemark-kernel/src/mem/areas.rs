//! All areas of one address space, sorted, never overlapping, joined where two make one.
//!
//! Owns look-up, splitting, joining and the search for free addresses. What a change means for pages is its caller's.

use std::collections::BTreeMap;
use std::ops::Range;

use super::area::{Area, AreaFlags, Prot};
use super::layout::{MAP_MIN, STACK_GUARD_BYTES};
use super::object::Backings;
use crate::addr::ADDRESS_LIMIT;

/// The areas of one address space.
#[derive(Debug)]
pub struct Areas {
    by_start: BTreeMap<u64, Area>,
    /// Bytes in all of them.
    total: u64,
    /// Bytes in those that are data: private, writable, and no stack.
    data: u64,
    /// Free addresses are looked for from here down: above it, no hole is larger than `skipped`.
    search_from: u64,
    skipped: u64,
    /// Where a search that starts over begins.
    top: u64,
}

impl Areas {
    /// None, with free addresses given out from `top` down.
    pub(super) fn new(top: u64) -> Self {
        Self { by_start: BTreeMap::new(), total: 0, data: 0, search_from: top, skipped: 0, top }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_start.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_start.is_empty()
    }

    /// Bytes in all of them.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Bytes in those that are data: private, writable, and no stack.
    pub fn data(&self) -> u64 {
        self.data
    }

    /// Counts an area that comes, or the part by which one grows.
    fn count(&mut self, area: &Area, len: u64) {
        self.total += len;
        self.data += if is_data(area) { len } else { 0 };
    }

    /// In rising order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Area> {
        self.by_start.values()
    }

    /// The area that holds an address.
    pub fn find(&self, addr: u64) -> Option<&Area> {
        self.by_start.range(..=addr).next_back().map(|(_, area)| area).filter(|area| addr < area.end)
    }

    /// The first area that ends after an address: the one that holds it, or the next.
    pub fn find_or_next(&self, addr: u64) -> Option<&Area> {
        self.find(addr).or_else(|| self.by_start.range(addr..).next().map(|(_, area)| area))
    }

    /// The last area that ends at or before an address.
    pub(super) fn before(&self, addr: u64) -> Option<&Area> {
        self.by_start.range(..addr).next_back().map(|(_, area)| area).filter(|area| area.end <= addr)
    }

    /// The areas that share addresses with a range, in rising order.
    pub fn overlapping(&self, range: Range<u64>) -> impl Iterator<Item = &Area> {
        let first = self.find(range.start).map_or(range.start, |area| area.start);
        let end = if range.is_empty() { first } else { range.end };
        self.by_start.range(first..end).map(|(_, area)| area)
    }

    /// Whether no area shares an address with a range.
    pub fn is_free(&self, range: Range<u64>) -> bool {
        self.overlapping(range).next().is_none()
    }

    /// Whether every address of a range is in an area.
    pub fn covers(&self, range: Range<u64>) -> bool {
        let mut at = range.start;
        for area in self.overlapping(range.clone()) {
            if area.start > at {
                return false;
            }
            at = area.end;
        }
        at >= range.end
    }

    /// How many bytes of a range are in areas.
    pub(super) fn covered(&self, range: Range<u64>) -> u64 {
        let inside = |area: &Area| area.end.min(range.end) - area.start.max(range.start);
        self.overlapping(range.clone()).map(inside).sum()
    }

    /// Enters an area whose addresses are free, joined with its neighbours where possible. The area's reference goes
    /// over; joining gives one back.
    pub(super) fn insert(&mut self, mut area: Area, backings: &mut Backings<'_>) {
        if area.is_empty() {
            return;
        }
        debug_assert!(self.is_free(area.range()), "areas do not overlap");
        self.count(&area, area.len());
        if let Some(before) = self.before(area.start).filter(|before| before.continues_in(&area)) {
            let start = before.start;
            if let Some(before) = self.by_start.remove(&start) {
                backings.release(area.backing);
                area.start = start;
                area.backing = before.backing;
            }
        }
        if let Some(next) = self.by_start.get(&area.end).filter(|next| area.continues_in(next)) {
            let (start, end) = (next.start, next.end);
            if let Some(next) = self.by_start.remove(&start) {
                backings.release(next.backing);
                area.end = end;
            }
        }
        self.by_start.insert(area.start, area);
    }

    /// Enters an area above all others, as it is.
    pub(super) fn push_last(&mut self, area: Area) {
        self.count(&area, area.len());
        self.by_start.insert(area.start, area);
    }

    /// Takes out the first areas, up to `count` of them.
    pub(super) fn take_first(&mut self, count: usize) -> Vec<Area> {
        std::iter::from_fn(|| self.by_start.pop_first()).map(|(_, area)| area).take(count).collect()
    }

    /// Takes out the first areas in a range, `most` of them, cutting what reaches out of it. The references of what is
    /// taken out are the caller's.
    pub(super) fn remove(
        &mut self,
        range: Range<u64>,
        most: usize,
        backings: &mut Backings<'_>,
    ) -> Vec<Area> {
        let mut removed = Vec::new();
        while removed.len() < most {
            let Some(start) = self.overlapping(range.clone()).next().map(|area| area.start) else { break };
            let Some(mut area) = self.by_start.remove(&start) else { break };
            if area.end > range.end {
                let rest = area.split_off(range.end);
                backings.retain(rest.backing);
                self.by_start.insert(rest.start, rest);
            }
            if area.start < range.start {
                let inside = area.split_off(range.start);
                backings.retain(inside.backing);
                self.by_start.insert(area.start, area);
                area = inside;
            }
            self.total -= area.len();
            self.data -= if is_data(&area) { area.len() } else { 0 };
            removed.push(area);
        }
        if self.search_from < range.end && !removed.is_empty() {
            self.search_from = range.end.min(self.top);
        }
        removed
    }

    /// Applies a change to everything in a range, cutting areas that reach out of it and joining what is alike after.
    pub(super) fn change(
        &mut self,
        range: Range<u64>,
        backings: &mut Backings<'_>,
        mut change: impl FnMut(&mut Area),
    ) {
        // Where one area covers the range and would not change, nothing has to be cut.
        if let Some(area) = self.find(range.start).filter(|area| range.end <= area.end) {
            let mut changed = area.clone();
            change(&mut changed);
            if changed == *area {
                return;
            }
        }
        let search = (self.search_from, self.skipped);
        for mut area in self.remove(range, usize::MAX, backings) {
            change(&mut area);
            self.insert(area, backings);
        }
        (self.search_from, self.skipped) = search;
    }

    /// Moves the start of a growing area down to `start`; what lies between is free.
    pub(super) fn grow_down(&mut self, area_start: u64, start: u64) {
        if let Some(mut area) = self.by_start.remove(&area_start) {
            self.count(&area, area_start - start);
            area.start = start;
            self.by_start.insert(start, area);
        }
    }

    /// The highest free run of `len` bytes below the top.
    pub(super) fn find_free(&mut self, len: u64) -> Option<u64> {
        if len <= self.skipped {
            (self.search_from, self.skipped) = (self.top, 0);
        }
        let found = self.find_free_below(self.search_from, len).or_else(|| {
            (self.search_from, self.skipped) = (self.top, 0);
            self.find_free_below(self.top, len)
        })?;
        self.search_from = found;
        Some(found)
    }

    /// The highest free run of `len` bytes that ends at `limit` or below.
    fn find_free_below(&mut self, limit: u64, len: u64) -> Option<u64> {
        let mut end = limit.min(ADDRESS_LIMIT);
        // The area above may be one that grows down and wants its gap.
        if let Some(next) = self.find_or_next(end) {
            end = end.min(reserved_start(next));
        }
        for area in self.by_start.range(..end).rev().map(|(_, area)| area) {
            let hole = end.saturating_sub(area.end);
            if hole >= len {
                return Some(end - len);
            }
            self.skipped = self.skipped.max(hole);
            end = end.min(reserved_start(area));
        }
        end.checked_sub(len).filter(|start| *start >= MAP_MIN)
    }
}

/// As Linux counts data (`mm/mmap.c`, `is_data_mapping`).
pub(super) fn is_data(area: &Area) -> bool {
    area.prot.contains(Prot::WRITE) && !area.is_shared() && !area.flags.contains(AreaFlags::GROWS_DOWN)
}

/// Where an area begins, the gap below one that grows down included.
fn reserved_start(area: &Area) -> u64 {
    let gap = if area.flags.contains(AreaFlags::GROWS_DOWN) { STACK_GUARD_BYTES } else { 0 };
    area.start.saturating_sub(gap)
}
