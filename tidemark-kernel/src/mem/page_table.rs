//! The page table: guest virtual page to frame and permissions, a four-level radix tree of 512 entries over
//! 48-bit addresses, as RISC-V's Sv48 but with our own entry format.
//!
//! Owns: the tree's shape and its entries. Nodes are guest frames, so that page tables count in the frame
//! budget and every worker reaches them through [`GuestRam`] alone. Does not own: frame accounting
//! ([`FrameSource`]), VMAs, copy-on-write policy, or the shootdown that must follow a change.
//!
//! Harts walk without a lock while the kernel, under its lock, changes entries: every entry is one atomic
//! word, a child node is zeroed before it is linked, and a node that was unlinked stays readable until the
//! shootdown is over ([`PageTable::prune`]).

use super::ram::{FRAME_SHIFT, FRAME_SIZE, FrameNo, GuestRam};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bits of a guest virtual address that are translated.
pub const VA_BITS: u32 = 48;

/// The first address past the translated range.
pub const VA_END: u64 = 1 << VA_BITS;

const LEVELS: u32 = 4;
const INDEX_BITS: u32 = 9;
const ENTRIES: u64 = 1 << INDEX_BITS;

/// What looking through a node costs in [`PageTable::prune`]'s budget, where looking for one costs 1.
const PRUNE_COST: u64 = 8;

/// Where page-table nodes come from and go to: the frame allocator, seen from here.
pub trait FrameSource {
    /// A frame whose bytes are all zero, or `None` when the budget is used up.
    fn alloc_zeroed(&mut self) -> Option<FrameNo>;

    /// Takes back a node. A hart may still be walking through it until the next shootdown of the address space
    /// completes, so it must not be reused before.
    fn free(&mut self, frame: FrameNo);
}

/// No frame was left for a page-table node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no frame left for a page-table node")]
pub struct OutOfFrames;

/// A page-table entry: a frame and what may be done with it.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Pte(u64);

impl Pte {
    /// Nothing is mapped.
    pub const EMPTY: Self = Self(0);
    /// Loads are allowed.
    pub const READ: u64 = 1 << 1;
    /// Stores are allowed. Implies [`READ`](Self::READ), as RISC-V reserves write without read.
    pub const WRITE: u64 = 1 << 2;
    /// Instruction fetch is allowed.
    pub const EXECUTE: u64 = 1 << 3;
    /// For the kernel: the frame is shared until the first write.
    pub const COW: u64 = 1 << 4;
    /// For the kernel: a spare bit.
    pub const SOFT: u64 = 1 << 5;

    const VALID: u64 = 1;
    const FLAGS: u64 = Self::READ | Self::WRITE | Self::EXECUTE | Self::COW | Self::SOFT;

    /// An entry for `frame` with an or of the flag constants; without any, a page that is present but that
    /// every access faults on.
    pub const fn new(frame: FrameNo, flags: u64) -> Self {
        let read = if flags & Self::WRITE != 0 { Self::READ } else { 0 };
        Self(frame.offset() | (flags & Self::FLAGS) | read | Self::VALID)
    }

    /// Whether a frame is mapped.
    pub const fn is_valid(self) -> bool {
        self.0 & Self::VALID != 0
    }

    /// The flags that are set, as an or of the flag constants.
    pub const fn flags(self) -> u64 {
        self.0 & Self::FLAGS
    }

    /// Whether all of `flags` are set on a mapped page.
    pub const fn allows(self, flags: u64) -> bool {
        self.0 & (flags | Self::VALID) == flags | Self::VALID
    }

    /// Whether the kernel's copy-on-write bit is set.
    pub const fn is_cow(self) -> bool {
        self.0 & Self::COW != 0
    }

    /// The same frame with other flags. An empty entry stays empty.
    pub const fn with_flags(self, flags: u64) -> Self {
        if self.is_valid() { Self::new(self.frame_unchecked(), flags) } else { self }
    }

    /// The mapped frame, if there is one.
    pub const fn frame(self) -> Option<FrameNo> {
        if self.is_valid() { Some(self.frame_unchecked()) } else { None }
    }

    const fn frame_unchecked(self) -> FrameNo {
        FrameNo::new((self.0 >> FRAME_SHIFT) as u32)
    }
}

impl std::fmt::Debug for Pte {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bit = |flag, name| if self.0 & flag != 0 { name } else { '-' };
        match self.frame() {
            None => f.write_str("Pte(empty)"),
            Some(frame) => write!(
                f,
                "Pte({:#x} {}{}{}{}{})",
                frame.get(),
                bit(Self::READ, 'r'),
                bit(Self::WRITE, 'w'),
                bit(Self::EXECUTE, 'x'),
                bit(Self::COW, 'c'),
                bit(Self::SOFT, 's'),
            ),
        }
    }
}

/// A page table, by its root node. A cheap handle; all copies mean the same tree.
#[derive(Clone, Copy, Debug)]
pub struct PageTable {
    root: FrameNo,
    ram: GuestRam,
}

impl PageTable {
    /// An empty table; takes one frame.
    ///
    /// # Errors
    ///
    /// [`OutOfFrames`] when there is none.
    pub fn new(ram: GuestRam, frames: &mut impl FrameSource) -> Result<Self, OutOfFrames> {
        Ok(Self { root: frames.alloc_zeroed().ok_or(OutOfFrames)?, ram })
    }

    /// The root node's frame.
    pub fn root(&self) -> FrameNo {
        self.root
    }

    /// The entry of the page that `va` lies in; empty beyond [`VA_END`]. Lock-free.
    pub fn walk(&self, va: u64) -> Pte {
        match self.leaf_node(va) {
            Some(node) => self.load(node, leaf_index(va)),
            None => Pte::EMPTY,
        }
    }

    /// The entries of the aligned group of `N` pages around `va`, `N` a power of two of at most 512. Lock-free; one walk.
    pub fn walk_group<const N: usize>(&self, va: u64) -> [Pte; N] {
        const { assert!(N.is_power_of_two() && N as u64 <= ENTRIES) };
        match self.leaf_node(va) {
            Some(node) => {
                let first = leaf_index(va) & !(N as u64 - 1);
                std::array::from_fn(|i| self.load(node, first + i as u64))
            }
            None => [Pte::EMPTY; N],
        }
    }

    /// Sets a page's entry and returns the one it replaces. Under the kernel's lock.
    ///
    /// # Errors
    ///
    /// [`OutOfFrames`] when a node is needed and there is none; the table then maps what it did before.
    ///
    /// # Panics
    ///
    /// If `va` is not below [`VA_END`]: callers validate ranges where they enter.
    pub fn set(&self, va: u64, pte: Pte, frames: &mut impl FrameSource) -> Result<Pte, OutOfFrames> {
        assert!(va < VA_END, "page-table address is translated");
        let node = self.leaf_or_new(va, frames)?;
        Ok(self.swap(node, leaf_index(va), pte))
    }

    /// Empties a page's entry and returns what it was. Nodes stay: see [`prune`](Self::prune). Under the kernel's lock.
    pub fn clear(&self, va: u64) -> Pte {
        match self.leaf_node(va) {
            Some(node) => self.swap(node, leaf_index(va), Pte::EMPTY),
            None => Pte::EMPTY,
        }
    }

    /// Replaces the entries of a range's mapped pages by what `change(va, entry)` returns, skipping what is not
    /// mapped. Under the kernel's lock; needs no frames.
    pub fn update(&self, range: Range<u64>, mut change: impl FnMut(u64, Pte) -> Pte) {
        let mut va = range.start;
        while let Some((page, node, pte)) = self.next_mapped(va, range.end) {
            let changed = change(page, pte);
            if changed != pte {
                self.store(node, leaf_index(page), changed);
            }
            va = page + FRAME_SIZE;
        }
    }

    /// The mapped pages of a range in rising order, as (address, entry). Empty subtrees are skipped whole.
    pub fn mapped(&self, range: Range<u64>) -> impl Iterator<Item = (u64, Pte)> + use<> {
        let (table, mut va, end) = (*self, range.start, range.end);
        std::iter::from_fn(move || {
            let (page, _, pte) = table.next_mapped(va, end)?;
            va = page + FRAME_SIZE;
            Some((page, pte))
        })
    }

    /// Unlinks the nodes that lie wholly inside a range and map nothing, and gives them to
    /// [`FrameSource::free`], whose contract keeps walking harts safe. Goes on at `from` (at first the range's start)
    /// and ends when it has looked at nodes for `budget`; where to go on then. Under the kernel's lock.
    pub fn prune(
        &self,
        range: Range<u64>,
        mut from: u64,
        budget: &mut u64,
        frames: &mut impl FrameSource,
    ) -> Option<u64> {
        let end = range.end.min(VA_END);
        while let Some(at) = from.checked_next_multiple_of(span(1)).filter(|at| at + span(1) <= end) {
            if *budget == 0 {
                return Some(at);
            }
            from = match self.node_above(at, 1) {
                Ok(_) => {
                    let freed_or_there = self.prune_at(at, 1, frames);
                    *budget = budget.saturating_sub(if freed_or_there { PRUNE_COST } else { 1 });
                    at + span(1)
                }
                Err(absent) => next_multiple(at, span(absent)),
            };
            // Nodes above are looked at when all below them were.
            for level in 2..LEVELS {
                let start = at & !(span(level) - 1);
                if range.start <= start && start + span(level) <= from.min(end) {
                    self.prune_at(start, level, frames);
                }
            }
        }
        None
    }

    /// Unlinks the node below an entry if it is empty. Whether there is or was one.
    fn prune_at(&self, va: u64, level: u32, frames: &mut impl FrameSource) -> bool {
        let Ok(parent) = self.node_above(va, level) else { return false };
        let at = index(va, level);
        let Some(child) = self.load(parent, at).frame() else { return false };
        if self.is_empty(child) {
            self.store(parent, at, Pte::EMPTY);
            frames.free(child);
        }
        true
    }

    /// The leaf nodes that cover a range, in rising order, each with the part of the range that it covers. Absent
    /// subtrees are skipped whole.
    pub fn leaves(&self, range: Range<u64>) -> impl Iterator<Item = Leaf> + use<> {
        let (table, mut va, end) = (*self, range.start & !(FRAME_SIZE - 1), range.end.min(VA_END));
        std::iter::from_fn(move || {
            while va < end {
                match table.node_above(va, 0) {
                    Ok(node) => {
                        let next = next_multiple(va, FRAME_SIZE << INDEX_BITS).min(end);
                        let leaf = Leaf { ram: table.ram, node, start: va, end: next };
                        va = next;
                        return Some(leaf);
                    }
                    Err(absent) => va = next_multiple(va, FRAME_SIZE << (INDEX_BITS * absent)),
                }
            }
            None
        })
    }

    /// The leaf node of `va`, made if it is not there; its range ends with the node or at `end`. Under the kernel's
    /// lock.
    ///
    /// # Errors
    ///
    /// [`OutOfFrames`] when a node is needed and there is none.
    ///
    /// # Panics
    ///
    /// If `va` is not below [`VA_END`].
    pub fn leaf(&self, va: u64, end: u64, frames: &mut impl FrameSource) -> Result<Leaf, OutOfFrames> {
        assert!(va < VA_END, "page-table address is translated");
        let start = va & !(FRAME_SIZE - 1);
        let end = next_multiple(va, FRAME_SIZE << INDEX_BITS).min(end);
        Ok(Leaf { ram: self.ram, node: self.leaf_or_new(va, frames)?, start, end })
    }

    /// Frees all nodes, the root included. The frames that entries map are the caller's to free before
    /// (see [`mapped`](Self::mapped)). No hart may run the address space any more.
    pub fn destroy(self, frames: &mut impl FrameSource) {
        let nodes = |node: FrameNo| {
            let words = self.ram.atomic_u64s(node.offset(), ENTRIES as usize);
            words.iter().filter_map(|word| Pte(word.load(Ordering::Relaxed)).frame())
        };
        for level2 in nodes(self.root) {
            for level1 in nodes(level2) {
                nodes(level1).for_each(|leaf| frames.free(leaf));
                frames.free(level1);
            }
            frames.free(level2);
        }
        frames.free(self.root);
    }

    /// The first mapped page at or after `va` and before `end`, with its leaf node.
    fn next_mapped(&self, mut va: u64, end: u64) -> Option<(u64, FrameNo, Pte)> {
        va &= !(FRAME_SIZE - 1);
        let end = end.min(VA_END);
        while va < end {
            match self.node_above(va, 0) {
                Ok(node) => {
                    let pte = self.load(node, leaf_index(va));
                    if pte.is_valid() {
                        return Some((va, node, pte));
                    }
                    va += FRAME_SIZE;
                }
                Err(absent) => va = next_multiple(va, FRAME_SIZE << (INDEX_BITS * absent)),
            }
        }
        None
    }

    fn is_empty(&self, node: FrameNo) -> bool {
        let words = self.ram.atomic_u64s(node.offset(), ENTRIES as usize);
        words.iter().all(|word| word.load(Ordering::Relaxed) == 0)
    }

    fn leaf_or_new(&self, va: u64, frames: &mut impl FrameSource) -> Result<FrameNo, OutOfFrames> {
        let mut node = self.root;
        for level in (1..LEVELS).rev() {
            let index = index(va, level);
            node = match self.load(node, index).frame() {
                Some(child) => child,
                None => {
                    let child = frames.alloc_zeroed().ok_or(OutOfFrames)?;
                    self.store(node, index, Pte::new(child, 0));
                    child
                }
            };
        }
        Ok(node)
    }

    fn leaf_node(&self, va: u64) -> Option<FrameNo> {
        if va < VA_END { self.node_above(va, 0).ok() } else { None }
    }

    /// The node whose entries at `level` cover `va`, or the level at which an entry is empty.
    fn node_above(&self, va: u64, level: u32) -> Result<FrameNo, u32> {
        let mut node = self.root;
        for above in (level + 1..LEVELS).rev() {
            node = self.load(node, index(va, above)).frame().ok_or(above)?;
        }
        Ok(node)
    }

    fn load(&self, node: FrameNo, index: u64) -> Pte {
        // Acquire pairs with `store`'s release: a hart that sees a link also sees the zeroed node behind it,
        // and one that sees a page also sees what the kernel filled it with.
        Pte(self.ram.atomic_u64(node.offset() + index * 8).load(Ordering::Acquire))
    }

    fn store(&self, node: FrameNo, index: u64, pte: Pte) {
        self.ram.atomic_u64(node.offset() + index * 8).store(pte.0, Ordering::Release);
    }

    fn swap(&self, node: FrameNo, index: u64, pte: Pte) -> Pte {
        Pte(self.ram.atomic_u64(node.offset() + index * 8).swap(pte.0, Ordering::AcqRel))
    }
}

/// A leaf node and the range of addresses that a caller asked of it: entries without a walk each. Under the
/// kernel's lock.
#[derive(Clone, Debug)]
pub struct Leaf {
    ram: GuestRam,
    node: FrameNo,
    start: u64,
    end: u64,
}

impl Leaf {
    /// The part of the asked range that this node covers.
    pub fn range(&self) -> Range<u64> {
        self.start..self.end
    }

    /// The entry of a page in the range.
    ///
    /// # Panics
    ///
    /// If `va` is outside the range.
    pub fn get(&self, va: u64) -> Pte {
        Pte(self.word(va).load(Ordering::Relaxed))
    }

    /// Sets the entry of a page in the range.
    ///
    /// # Panics
    ///
    /// If `va` is outside the range.
    pub fn set(&self, va: u64, pte: Pte) {
        self.word(va).store(pte.0, Ordering::Release);
    }

    /// The mapped pages of the range in rising order.
    pub fn mapped(&self) -> impl Iterator<Item = (u64, Pte)> + '_ {
        let pages = ((self.end - self.start) >> FRAME_SHIFT) as usize;
        let words = self.ram.atomic_u64s(self.node.offset() + leaf_index(self.start) * 8, pages);
        let start = self.start;
        words.iter().enumerate().filter_map(move |(i, word)| {
            let pte = Pte(word.load(Ordering::Relaxed));
            pte.is_valid().then_some((start + ((i as u64) << FRAME_SHIFT), pte))
        })
    }

    fn word(&self, va: u64) -> &AtomicU64 {
        assert!(self.start <= va && va < self.end, "the page is in the leaf's range");
        self.ram.atomic_u64(self.node.offset() + leaf_index(va) * 8)
    }
}

const fn index(va: u64, level: u32) -> u64 {
    (va >> (FRAME_SHIFT + INDEX_BITS * level)) & (ENTRIES - 1)
}

/// Bytes that an entry of a node at this level covers.
const fn span(level: u32) -> u64 {
    FRAME_SIZE << (INDEX_BITS * level)
}

const fn leaf_index(va: u64) -> u64 {
    index(va, 0)
}

/// The first multiple of the power of two `span` above `va`; `va` is below [`VA_END`], so nothing overflows.
const fn next_multiple(va: u64, span: u64) -> u64 {
    (va & !(span - 1)) + span
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::ram::tests::TestRam;
    use super::*;
    use std::collections::BTreeMap;

    /// A frame source for tests: counts up, reuses what was freed, knows how many are out.
    pub(crate) struct TestFrames {
        ram: GuestRam,
        next: u32,
        free: Vec<FrameNo>,
        pub(crate) used: usize,
    }

    impl TestFrames {
        pub(crate) fn new(ram: GuestRam) -> Self {
            Self { ram, next: 0, free: Vec::new(), used: 0 }
        }
    }

    impl FrameSource for TestFrames {
        fn alloc_zeroed(&mut self) -> Option<FrameNo> {
            let frame = match self.free.pop() {
                Some(frame) => frame,
                None if FrameNo::new(self.next).offset() < self.ram.len() => {
                    self.next += 1;
                    FrameNo::new(self.next - 1)
                }
                None => return None,
            };
            self.used += 1;
            self.ram.zero(frame.offset(), FRAME_SIZE as usize);
            Some(frame)
        }

        fn free(&mut self, frame: FrameNo) {
            self.used -= 1;
            self.free.push(frame);
        }
    }

    /// Prunes in small steps.
    fn prune_all(table: &PageTable, frames: &mut TestFrames) -> Option<u64> {
        let mut next = Some(0);
        for _ in 0..10_000 {
            next = table.prune(0..VA_END, next?, &mut 3, frames);
        }
        next
    }

    #[test]
    fn set_walk_clear() {
        let test = TestRam::new(64);
        let mut frames = TestFrames::new(test.ram());
        let table = PageTable::new(test.ram(), &mut frames).unwrap();
        let pte = Pte::new(FrameNo::new(9), Pte::WRITE);
        for va in [0, 0x1000, 0x20_0000, 0x7fff_ffff_f000, VA_END - 0x1000] {
            assert_eq!(table.walk(va), Pte::EMPTY);
            assert_eq!(table.set(va, pte, &mut frames), Ok(Pte::EMPTY));
            assert_eq!(table.walk(va + 0xfff), pte);
            assert!(table.walk(va).allows(Pte::READ | Pte::WRITE));
            assert!(!table.walk(va).allows(Pte::EXECUTE));
            assert_eq!(table.clear(va), pte);
            assert_eq!(table.walk(va), Pte::EMPTY);
        }
        assert_eq!(table.walk(VA_END), Pte::EMPTY);
        assert_eq!(table.walk(u64::MAX), Pte::EMPTY);
        assert_eq!(prune_all(&table, &mut frames), None);
        assert_eq!(frames.used, 1, "only the root is left");
        table.destroy(&mut frames);
        assert_eq!(frames.used, 0);
    }

    #[test]
    fn agrees_with_a_map_and_returns_every_node() {
        let test = TestRam::new(512);
        let mut frames = TestFrames::new(test.ram());
        let table = PageTable::new(test.ram(), &mut frames).unwrap();
        let mut model = BTreeMap::new();
        let mut seed = 1u64;
        let mut random = |n: u64| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) % n
        };
        for _ in 0..4000 {
            let base =
                [0, 0x4000_0000, 0x7fff_0000_0000, 0x12_3456_0000_0000 & (VA_END - 1)][random(4) as usize];
            let va = base + random(1500) * FRAME_SIZE;
            if random(3) == 0 {
                assert_eq!(table.clear(va), model.remove(&va).unwrap_or(Pte::EMPTY));
            } else {
                let pte = Pte::new(FrameNo::new(random(1 << 32) as u32), random(64));
                let old = table.set(va, pte, &mut frames).unwrap();
                assert_eq!(old, model.insert(va, pte).unwrap_or(Pte::EMPTY));
            }
        }
        let range = 0x10_0000..0x7fff_0012_3000;
        assert!(table.mapped(range.clone()).eq(model.range(range.clone()).map(|(va, pte)| (*va, *pte))));
        table.update(range.clone(), |_, pte| pte.with_flags(Pte::COW));
        model.range_mut(range.clone()).for_each(|(_, pte)| *pte = pte.with_flags(Pte::COW));
        assert!(table.mapped(0..u64::MAX).eq(model.iter().map(|(va, pte)| (*va, *pte))));
        let leaves = table.leaves(range.clone()).flat_map(|leaf| leaf.mapped().collect::<Vec<_>>());
        assert!(leaves.eq(table.mapped(range.clone())));
        let leaf = table.leaf(0x4000_5000, u64::MAX, &mut frames).unwrap();
        assert_eq!(leaf.range(), 0x4000_5000..0x4020_0000);
        assert_eq!(leaf.get(0x4000_6000), table.walk(0x4000_6000));
        let group: [Pte; 16] = table.walk_group(0x4000_5000);
        for (i, pte) in group.into_iter().enumerate() {
            assert_eq!(pte, table.walk(0x4000_0000 + i as u64 * FRAME_SIZE));
        }
        assert_eq!(prune_all(&table, &mut frames), None);
        assert!(
            table.mapped(0..u64::MAX).eq(model.iter().map(|(va, pte)| (*va, *pte))),
            "prune maps the same"
        );
        table.update(0..VA_END, |_, _| Pte::EMPTY);
        assert_eq!(prune_all(&table, &mut frames), None);
        assert_eq!(frames.used, 1);
    }

    #[test]
    fn running_out_of_frames_is_an_error() {
        let test = TestRam::new(3);
        let mut frames = TestFrames::new(test.ram());
        let table = PageTable::new(test.ram(), &mut frames).unwrap();
        assert_eq!(table.set(0x1000, Pte::new(FrameNo::new(1), Pte::READ), &mut frames), Err(OutOfFrames));
        assert_eq!(table.walk(0x1000), Pte::EMPTY);
    }
}
