//! Which frame holds which page of a file: sparse, in chunks, so that small files stay small.
//!
//! Owns the map; whoever takes a frame out of it owns its reference.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use crate::mem::ram::FrameNo;

/// Pages in a chunk: one allocation for 256 KiB of file.
const CHUNK_PAGES: u64 = 64;

type Chunk = Box<[Option<NonZeroU32>; CHUNK_PAGES as usize]>;

/// The frames of one file, by page index.
#[derive(Debug, Default)]
pub(crate) struct PageMap {
    chunks: BTreeMap<u64, Chunk>,
    len: u64,
}

impl PageMap {
    /// The frame of a page.
    pub(crate) fn get(&self, index: u64) -> Option<FrameNo> {
        let slot = self.chunks.get(&(index / CHUNK_PAGES))?[(index % CHUNK_PAGES) as usize]?;
        Some(FrameNo::new(slot.get() - 1))
    }

    /// Sets the frame of a page that has none.
    pub(crate) fn insert(&mut self, index: u64, frame: FrameNo) {
        let chunk =
            self.chunks.entry(index / CHUNK_PAGES).or_insert_with(|| Box::new([None; CHUNK_PAGES as usize]));
        // A frame number is far below 2^32 - 1: that many frames would be 16 TiB.
        let old = chunk[(index % CHUNK_PAGES) as usize].replace(NonZeroU32::MIN.saturating_add(frame.get()));
        debug_assert!(old.is_none(), "page {index} had a frame");
        self.len += 1;
    }

    /// Takes out one page at `start` or later, before `end`; `None` when there is none.
    pub(crate) fn take_first(&mut self, start: u64, end: u64) -> Option<FrameNo> {
        let (number, slot) = self.position(start, end)?;
        let chunk = self.chunks.get_mut(&number)?;
        let frame = chunk[slot].take()?;
        if chunk.iter().all(Option::is_none) {
            self.chunks.remove(&number);
        }
        self.len -= 1;
        Some(FrameNo::new(frame.get() - 1))
    }

    /// The first page at `start` or later, before `end`, that has a frame.
    pub(crate) fn first(&self, start: u64, end: u64) -> Option<u64> {
        let (number, slot) = self.position(start, end)?;
        Some(number * CHUNK_PAGES + slot as u64)
    }

    /// The last page that has a frame.
    pub(crate) fn last(&self) -> Option<u64> {
        let (number, chunk) = self.chunks.last_key_value()?;
        let slot = chunk.iter().rposition(Option::is_some)?;
        Some(number * CHUNK_PAGES + slot as u64)
    }

    fn position(&self, start: u64, end: u64) -> Option<(u64, usize)> {
        if start >= end {
            return None;
        }
        for (&number, chunk) in self.chunks.range(start / CHUNK_PAGES..=(end - 1) / CHUNK_PAGES) {
            let base = number * CHUNK_PAGES;
            for (slot, entry) in chunk.iter().enumerate() {
                let index = base + slot as u64;
                if entry.is_some() && index >= start && index < end {
                    return Some((number, slot));
                }
            }
        }
        None
    }

    /// Takes out all pages from `start` on.
    pub(crate) fn split_off(&mut self, start: u64) -> PageMap {
        if start == 0 {
            return std::mem::take(self);
        }
        let mut chunks = self.chunks.split_off(&start.div_ceil(CHUNK_PAGES));
        let number = start / CHUNK_PAGES;
        if let Some(chunk) = self.chunks.get_mut(&number).filter(|_| !start.is_multiple_of(CHUNK_PAGES)) {
            let mut tail: Chunk = Box::new([None; CHUNK_PAGES as usize]);
            let from = (start % CHUNK_PAGES) as usize;
            tail[from..].swap_with_slice(&mut chunk[from..]);
            if tail.iter().any(Option::is_some) {
                chunks.insert(number, tail);
            }
            if chunk.iter().all(Option::is_none) {
                self.chunks.remove(&number);
            }
        }
        let len = chunks.values().flat_map(|chunk| chunk.iter()).flatten().count() as u64;
        self.len -= len;
        PageMap { chunks, len }
    }

    /// How many pages have frames.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_plain_map(ops in prop::collection::vec((0u8..3, 0u64..300, 0u64..300), 1..200)) {
            let mut pages = PageMap::default();
            let mut model = BTreeMap::new();
            for (op, a, b) in ops {
                match op {
                    0 if !model.contains_key(&a) => {
                        pages.insert(a, FrameNo::new(b as u32));
                        model.insert(a, FrameNo::new(b as u32));
                    }
                    1 => {
                        let expected = model.range(a.min(b)..b).next().map(|(&key, _)| key);
                        let expected = expected.and_then(|key| model.remove(&key));
                        prop_assert_eq!(pages.take_first(a, b), expected);
                    }
                    _ => {
                        prop_assert_eq!(pages.get(a), model.get(&a).copied());
                        prop_assert_eq!(pages.first(a, b), model.range(a.min(b)..b).next().map(|(&key, _)| key));
                    }
                }
                prop_assert_eq!(pages.len(), model.len() as u64);
            }
        }
    }
}
