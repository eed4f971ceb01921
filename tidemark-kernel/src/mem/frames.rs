//! The frame allocator: which 4 KiB frames of guest RAM are in use, by how many, and which are free.
//!
//! Owns: a buddy allocator over the ranges that the host lends, a reference count a frame, the memory budget, and
//! what is known to be zero. Does not own: what a frame holds or who maps it (page tables, page caches).

use std::ops::Range;

use super::page_table::FrameSource;
use super::ram::{FRAME_SHIFT, FRAME_SIZE, FrameNo, GuestRam};

/// The largest run the allocator hands out: 2^9 frames, 2 MiB.
pub const MAX_ORDER: u32 = 9;

/// Bytes asked of the host at once; less where it has no more.
const GROWTH_BYTES: u64 = 8 << 20;

/// Bytes of what the host lent that are entered at once: the largest run, in a few microseconds.
const ENTER_BYTES: u64 = 2 << 20;

/// The least that is asked of the host, in bytes.
const LEAST_GROWTH_BYTES: u64 = 64 << 10;

/// Frames in one piece of metadata: 2 MiB of guest RAM.
const CHUNK_FRAMES: usize = 512;

/// Single free frames kept unmerged in front of the buddy lists, where most come and go.
const RECENT_FRAMES: usize = 256;

/// Where guest RAM comes from: the host's memory, seen from here.
pub trait FrameSupply: Send {
    /// At least `bytes` more bytes of zeroes, as offsets from the region's base, both multiples of a frame; `None`
    /// when the host has no more. No two answers overlap.
    fn grow(&mut self, bytes: u64) -> Option<Range<u64>>;
}

/// How much guest memory there is, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FrameUsage {
    /// In use now.
    pub used: u64,
    /// The most that was ever in use.
    pub high_water: u64,
    /// What may be in use at the most.
    pub budget: u64,
    /// What the host has lent so far.
    pub lent: u64,
}

/// All frames of one guest system.
pub struct Frames {
    ram: GuestRam,
    supply: Box<dyn FrameSupply>,
    // By frame number; `None` where the host lent nothing. In pieces, so that growth copies nothing.
    chunks: Vec<Option<Box<[Meta; CHUNK_FRAMES]>>>,
    heads: [u32; MAX_ORDER as usize + 1],
    recent: Vec<u32>,
    budget: u64,
    used: u64,
    high_water: u64,
    lent: u64,
    /// What the host lent and is not entered yet.
    ahead: Range<u64>,
}

/// What is known of one frame. Exactly one of these holds: absent; in use (`refs > 0`); the first of a free block
/// (`head`); inside a free block or among the recent ones.
#[derive(Clone, Copy)]
struct Meta {
    refs: u32,
    next: u32,
    prev: u32,
    order: u8,
    head: bool,
    zeroed: bool,
    present: bool,
}

const NONE: u32 = u32::MAX;

const ABSENT: Meta =
    Meta { refs: 0, next: NONE, prev: NONE, order: 0, head: false, zeroed: false, present: false };

impl Frames {
    /// An allocator that may use at most `budget_bytes`.
    pub fn new(ram: GuestRam, supply: Box<dyn FrameSupply>, budget_bytes: u64) -> Self {
        Self {
            ram,
            supply,
            chunks: Vec::new(),
            heads: [NONE; MAX_ORDER as usize + 1],
            recent: Vec::with_capacity(RECENT_FRAMES),
            budget: budget_bytes >> FRAME_SHIFT,
            used: 0,
            high_water: 0,
            lent: 0,
            ahead: 0..0,
        }
    }

    /// The memory the frames lie in.
    pub fn ram(&self) -> GuestRam {
        self.ram
    }

    /// What is in use and what may be.
    pub fn usage(&self) -> FrameUsage {
        FrameUsage {
            used: self.used << FRAME_SHIFT,
            high_water: self.high_water << FRAME_SHIFT,
            budget: self.budget << FRAME_SHIFT,
            lent: self.lent << FRAME_SHIFT,
        }
    }

    /// Bytes that can still be allocated within the budget.
    pub fn available(&self) -> u64 {
        (self.budget - self.used) << FRAME_SHIFT
    }

    /// 2^`order` adjoining frames of zeroes, aligned to their size, each with one reference and released on its
    /// own. `None` when the budget or the host's memory does not allow it (`ENOMEM`).
    ///
    /// Up to order 4 (64 KiB) this is short enough for one step under the lock.
    pub fn alloc(&mut self, order: u32) -> Option<FrameNo> {
        let first = self.take(order)?;
        for frame in first..first + (1 << order) {
            let meta = self.meta_mut(frame);
            let zeroed = std::mem::replace(&mut meta.zeroed, false);
            meta.refs = 1;
            if !zeroed {
                self.ram.zero(FrameNo::new(frame).offset(), FRAME_SIZE as usize);
            }
        }
        Some(FrameNo::new(first))
    }

    /// One frame whose bytes are whatever they were: for callers that fill it whole at once.
    pub fn alloc_dirty(&mut self) -> Option<FrameNo> {
        let frame = self.take(0)?;
        let meta = self.meta_mut(frame);
        meta.zeroed = false;
        meta.refs = 1;
        Some(FrameNo::new(frame))
    }

    /// A new frame with the bytes of `from`.
    pub fn alloc_copy(&mut self, from: FrameNo) -> Option<FrameNo> {
        let copy = self.alloc_dirty()?;
        self.ram.copy_within(from.offset(), copy.offset(), FRAME_SIZE as usize);
        Some(copy)
    }

    /// One more reference to a frame in use.
    pub fn share(&mut self, frame: FrameNo) {
        let meta = self.meta_mut(frame.get());
        debug_assert!(meta.refs > 0, "only a frame in use is shared");
        meta.refs += 1;
    }

    /// One reference less; the frame is free after the last. Whether it was the last.
    pub fn release(&mut self, frame: FrameNo) -> bool {
        let meta = self.meta_mut(frame.get());
        assert!(meta.refs > 0, "a frame is released once a reference");
        meta.refs -= 1;
        if meta.refs > 0 {
            return false;
        }
        self.used -= 1;
        if self.recent.len() < RECENT_FRAMES {
            self.recent.push(frame.get());
        } else {
            self.free_block(frame.get(), 0);
        }
        true
    }

    /// Counts frames that are not lent from here: memory of the kernel's own that a guest makes it use. False where the
    /// budget does not allow it.
    pub fn charge(&mut self, count: u64) -> bool {
        if self.used + count > self.budget {
            return false;
        }
        self.used += count;
        self.high_water = self.high_water.max(self.used);
        true
    }

    /// Ends the counting of frames that were [charged](Self::charge).
    pub fn discharge(&mut self, count: u64) {
        debug_assert!(count <= self.used, "what is given back was counted");
        self.used = self.used.saturating_sub(count);
    }

    /// How many references a frame has; 0 if it is free.
    pub fn references(&self, frame: FrameNo) -> u32 {
        self.meta(frame.get()).map_or(0, |meta| meta.refs)
    }

    /// Takes a block off the free lists and counts it. Its frames still have no references.
    fn take(&mut self, order: u32) -> Option<u32> {
        let count = 1u64 << order;
        if order > MAX_ORDER || self.used + count > self.budget {
            return None;
        }
        let first = match if order == 0 { self.recent.pop() } else { None } {
            Some(frame) => frame,
            None => self.take_block(order)?,
        };
        self.used += count;
        self.high_water = self.high_water.max(self.used);
        Some(first)
    }

    fn take_block(&mut self, order: u32) -> Option<u32> {
        loop {
            if let Some(from) = (order..=MAX_ORDER).find(|&order| self.heads[order as usize] != NONE) {
                let first = self.heads[from as usize];
                self.unlink(first, from);
                for half in (order..from).rev() {
                    self.link(first + (1 << half), half);
                }
                return Some(first);
            }
            if !self.grow() && !self.merge_recent() {
                return None;
            }
        }
    }

    /// Enters a piece of what the host lent, which is asked for more where nothing is left of that.
    fn grow(&mut self) -> bool {
        if self.ahead.is_empty() && !self.borrow() {
            return false;
        }
        let start = self.ahead.start;
        let end = (start + 1).next_multiple_of(ENTER_BYTES).min(self.ahead.end);
        self.ahead.start = end;
        self.add(start..end);
        true
    }

    /// Asks the host for more, in ever smaller pieces.
    fn borrow(&mut self) -> bool {
        let missing = self.budget.saturating_sub(self.lent) << FRAME_SHIFT;
        if missing == 0 {
            return false;
        }
        let mut bytes = missing.next_power_of_two().clamp(LEAST_GROWTH_BYTES, GROWTH_BYTES);
        while bytes >= LEAST_GROWTH_BYTES {
            if let Some(range) = self.supply.grow(bytes) {
                assert!(range.end <= self.ram.len(), "the host lends inside its region");
                self.lent += (range.end - range.start) >> FRAME_SHIFT;
                self.ahead = range;
                return true;
            }
            bytes /= 2;
        }
        false
    }

    /// Enters part of what the host lent, all zeroes.
    fn add(&mut self, range: Range<u64>) {
        let (mut frame, end) = ((range.start >> FRAME_SHIFT) as u32, (range.end >> FRAME_SHIFT) as u32);
        for number in frame..end {
            let chunk = number as usize / CHUNK_FRAMES;
            if chunk >= self.chunks.len() {
                self.chunks.resize_with(chunk + 1, || None);
            }
            let chunk = self.chunks[chunk].get_or_insert_with(new_chunk);
            chunk[number as usize % CHUNK_FRAMES] = Meta { zeroed: true, present: true, ..ABSENT };
        }
        while frame < end {
            let aligned = frame.trailing_zeros().min(MAX_ORDER);
            let order = aligned.min((end - frame).ilog2());
            self.free_block(frame, order);
            frame += 1 << order;
        }
    }

    /// Gives the recent frames back to the buddy lists, where they may merge into larger runs.
    fn merge_recent(&mut self) -> bool {
        let any = !self.recent.is_empty();
        while let Some(frame) = self.recent.pop() {
            self.free_block(frame, 0);
        }
        any
    }

    /// Links a free block, merged with its free buddies.
    fn free_block(&mut self, mut first: u32, mut order: u32) {
        while order < MAX_ORDER {
            let buddy = first ^ (1 << order);
            match self.meta(buddy) {
                Some(meta) if meta.head && u32::from(meta.order) == order => self.unlink(buddy, order),
                _ => break,
            }
            first &= !(1 << order);
            order += 1;
        }
        self.link(first, order);
    }

    fn link(&mut self, first: u32, order: u32) {
        let next = std::mem::replace(&mut self.heads[order as usize], first);
        if next != NONE {
            self.meta_mut(next).prev = first;
        }
        let meta = self.meta_mut(first);
        (meta.next, meta.prev, meta.order, meta.head) = (next, NONE, order as u8, true);
    }

    fn unlink(&mut self, first: u32, order: u32) {
        let meta = self.meta_mut(first);
        meta.head = false;
        let (prev, next) = (meta.prev, meta.next);
        if next != NONE {
            self.meta_mut(next).prev = prev;
        }
        if prev == NONE {
            self.heads[order as usize] = next;
        } else {
            self.meta_mut(prev).next = next;
        }
    }

    fn meta(&self, frame: u32) -> Option<&Meta> {
        let chunk = self.chunks.get(frame as usize / CHUNK_FRAMES)?.as_ref()?;
        Some(&chunk[frame as usize % CHUNK_FRAMES]).filter(|meta| meta.present)
    }

    /// Frame numbers come from the kernel's own tables: one that was never lent is a kernel bug.
    fn meta_mut(&mut self, frame: u32) -> &mut Meta {
        let chunk = self.chunks[frame as usize / CHUNK_FRAMES].as_mut().expect("the frame was lent");
        &mut chunk[frame as usize % CHUNK_FRAMES]
    }
}

impl FrameSource for Frames {
    fn alloc_zeroed(&mut self) -> Option<FrameNo> {
        self.alloc(0)
    }

    fn free(&mut self, frame: FrameNo) {
        self.release(frame);
    }
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames").field("usage", &self.usage()).finish_non_exhaustive()
    }
}

fn new_chunk() -> Box<[Meta; CHUNK_FRAMES]> {
    let chunk = vec![ABSENT; CHUNK_FRAMES].into_boxed_slice();
    chunk.try_into().unwrap_or_else(|_| unreachable!("the length is CHUNK_FRAMES"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::ram::tests::TestRam;
    use super::*;

    /// Lends a test's RAM from offset `next` on.
    pub(crate) struct TestSupply {
        pub(crate) next: u64,
        pub(crate) end: u64,
    }

    impl FrameSupply for TestSupply {
        fn grow(&mut self, bytes: u64) -> Option<Range<u64>> {
            let end = self.next.checked_add(bytes).filter(|end| *end <= self.end)?;
            Some(std::mem::replace(&mut self.next, end)..end)
        }
    }

    pub(crate) fn frames(test: &TestRam, budget_bytes: u64) -> Frames {
        let ram = test.ram();
        Frames::new(ram, Box::new(TestSupply { next: 0, end: ram.len() }), budget_bytes)
    }

    #[test]
    fn frames_are_zero_and_runs_are_aligned() {
        // Room for a largest run beside those that small ones split.
        let test = TestRam::new(2048);
        let mut frames = frames(&test, 8 << 20);
        for round in 0..3 {
            let mut held = Vec::new();
            for order in [0, 4, 0, 2, 9, 4] {
                let first = frames.alloc(order).unwrap();
                assert!(first.get().is_multiple_of(1 << order), "round {round}");
                for number in first.get()..first.get() + (1 << order) {
                    let frame = FrameNo::new(number);
                    assert!(frames.ram().equals(frame.offset(), &[0; 4096]));
                    frames.ram().store(frame.offset() + 4088, 7u64);
                    held.push(frame);
                }
            }
            held.sort();
            assert!(held.windows(2).all(|pair| pair[0] < pair[1]), "no frame is handed out twice");
            assert_eq!(frames.usage().used, held.len() as u64 * 4096);
            held.into_iter().for_each(|frame| assert!(frames.release(frame)));
        }
        assert_eq!(frames.usage().used, 0);
    }

    #[test]
    fn the_budget_holds_and_freed_frames_merge_again() {
        let test = TestRam::new(2048);
        let mut frames = frames(&test, 4 << 20);
        let all: Vec<_> = std::iter::from_fn(|| frames.alloc(0)).collect();
        assert_eq!(all.len(), 1024);
        assert_eq!(frames.alloc(0), None);
        all.into_iter().for_each(|frame| assert!(frames.release(frame)));
        assert!(frames.alloc(9).is_some() && frames.alloc(9).is_some());
        assert_eq!(frames.alloc(9), None);
        assert_eq!(frames.usage().high_water, 4 << 20);
    }

    #[test]
    fn the_host_may_have_less_than_the_budget() {
        let test = TestRam::new(48);
        let mut frames = frames(&test, 4 << 20);
        assert_eq!(std::iter::from_fn(|| frames.alloc(0)).count(), 48);
    }

    #[test]
    fn shared_frames_stay_until_the_last_release() {
        let test = TestRam::new(16);
        let mut frames = frames(&test, 1 << 20);
        let frame = frames.alloc(0).unwrap();
        frames.share(frame);
        assert_eq!(frames.references(frame), 2);
        assert!(!frames.release(frame));
        assert!(frames.release(frame));
        assert_eq!((frames.references(frame), frames.usage().used), (0, 0));
    }

    #[test]
    #[should_panic(expected = "released once")]
    fn a_free_frame_cannot_be_released() {
        let test = TestRam::new(16);
        let mut frames = frames(&test, 1 << 20);
        let frame = frames.alloc(0).unwrap();
        frames.release(frame);
        frames.release(frame);
    }
}
