//! The software TLB: a worker's cache of an address space's translations.
//!
//! Owns: look-up, filling from the page table, and the slow path of accesses that no single entry covers. Does not own:
//! when entries become wrong. The owner ([`super::core`]) flushes when the address space's generation moved.
//!
//! An entry describes an *extent*, a run of guest addresses that is one run of RAM with the permission in
//! question, and hits for any access that lies inside it, aligned or not, across pages or not. Entries are found by
//! the page number of the access's first byte, so that each page of an extent fills an entry of its own.
//! Loads and stores have separate arrays, so that permission needs no test.

use super::exit::{Access, Exit};
use crate::mem::page_table::{PageTable, Pte};
use crate::mem::ram::{FRAME_SHIFT, FRAME_SIZE, FrameNo, GuestRam, RamPtr, Word};

/// Entries for loads and entries for stores, each.
pub(super) const TLB_ENTRIES: usize = 256;

/// Pages that filling looks at for widening an extent: an aligned group of 64 KiB.
const GROUP_PAGES: usize = 16;

/// An extent of guest addresses and where it lies in RAM.
#[repr(C, align(32))]
#[derive(Clone, Copy)]
pub(super) struct TlbEntry {
    /// First guest address.
    base: u64,
    /// Length in bytes.
    len: u64,
    /// Where in RAM `base` lies.
    at: RamPtr,
}

// What `covers` rests on.
const _: () = assert!(GROUP_PAGES < TLB_ENTRIES);

impl TlbEntry {
    /// An entry for array index `index` that never hits: its base is on a page two further on.
    const fn empty(index: usize) -> Self {
        Self { base: ((index + 2) as u64) << FRAME_SHIFT, len: 0, at: RamPtr::NOWHERE }
    }

    /// How far into the extent an access of `size` bytes (at most eight) lies, if the extent covers all of it.
    ///
    /// The sum wraps only for an address less than `size` bytes below the base. That is on the page before the extent,
    /// which has another index than every page of the extent, so that this entry is not looked at.
    #[inline(always)]
    fn covers(&self, va: u64, size: u64) -> Option<u64> {
        let delta = va.wrapping_sub(self.base);
        if delta.wrapping_add(size) <= self.len { Some(delta) } else { None }
    }

    /// Loads the word at `va`, if the extent covers it.
    #[inline(always)]
    pub(super) fn load<T: Word>(&self, va: u64) -> Option<T> {
        let delta = self.covers(va, size_of::<T>() as u64)?;
        // SAFETY: the access is inside the extent, and extents are made of frames in RAM.
        Some(unsafe { self.at.load(delta as usize) })
    }

    /// Stores a word at `va`, if the extent covers it.
    #[inline(always)]
    pub(super) fn store<T: Word>(&self, va: u64, value: T) -> Option<()> {
        let delta = self.covers(va, size_of::<T>() as u64)?;
        // SAFETY: as in `load`; entries for stores are made of writable pages only.
        unsafe { self.at.store(delta as usize, value) };
        Some(())
    }
}

/// The translations of one address space.
pub(super) struct Tlb {
    pub(super) read: [TlbEntry; TLB_ENTRIES],
    pub(super) write: [TlbEntry; TLB_ENTRIES],
}

/// Index of the entry that an access at `va` uses.
#[inline(always)]
pub(super) fn tlb_index(va: u64) -> usize {
    (va >> FRAME_SHIFT) as usize % TLB_ENTRIES
}

impl Tlb {
    pub(super) fn new() -> Self {
        Self { read: std::array::from_fn(TlbEntry::empty), write: std::array::from_fn(TlbEntry::empty) }
    }

    /// Forgets all translations. In place, as a second array on the stack would be 16 KiB.
    pub(super) fn flush(&mut self) {
        for array in [&mut self.read, &mut self.write] {
            array.iter_mut().enumerate().for_each(|(index, entry)| *entry = TlbEntry::empty(index));
        }
    }

    /// Loads a word of two extents.
    ///
    /// # Errors
    ///
    /// [`Exit::PageFault`] at the first byte that may not be read.
    pub(super) fn load_scattered<T: Word>(ram: GuestRam, table: &PageTable, va: u64) -> Result<T, Exit> {
        let size = size_of::<T>();
        let places = Self::scattered(table, va, size as u64, Access::Read)?;
        let bytes = places[..size].iter().rev();
        let value = bytes.fold(0, |value, place| value << 8 | u64::from(ram.load::<u8>(*place)));
        Ok(T::truncate(value))
    }

    /// Stores a word over two extents. Nothing is written unless all of it can be.
    ///
    /// # Errors
    ///
    /// [`Exit::PageFault`] at the first byte that may not be written.
    pub(super) fn store_scattered<T: Word>(
        ram: GuestRam,
        table: &PageTable,
        va: u64,
        value: T,
    ) -> Result<(), Exit> {
        let size = size_of::<T>();
        let places = Self::scattered(table, va, size as u64, Access::Write)?;
        for (i, place) in places[..size].iter().enumerate() {
            ram.store::<u8>(*place, (value.widen() >> (8 * i)) as u8);
        }
        Ok(())
    }

    /// Where each byte of an access over two extents lies in RAM.
    fn scattered(table: &PageTable, va: u64, size: u64, access: Access) -> Result<[u64; 8], Exit> {
        let mut places = [0; 8];
        for (i, place) in (0..size).zip(&mut places) {
            *place = offset_of(table, va.wrapping_add(i), access)?;
        }
        Ok(places)
    }

    /// Walks the page table for `va`'s page and enters the extent around it. Returns whether that covers all of an access
    /// of `size` bytes at `va`; it does not where the access ends in another extent.
    ///
    /// # Errors
    ///
    /// [`Exit::PageFault`] at `va` if its page may not be accessed.
    pub(super) fn fill(
        &mut self,
        ram: GuestRam,
        table: &PageTable,
        va: u64,
        access: Access,
        size: u64,
    ) -> Result<bool, Exit> {
        let needed = permission(access);
        let group: [Pte; GROUP_PAGES] = table.walk_group(va);
        let page = (va >> FRAME_SHIFT) as usize % GROUP_PAGES;
        let frame_of = |i: usize| group[i].frame().filter(|_| group[i].allows(needed));
        let Some(frame) = frame_of(page) else { return Err(Exit::PageFault { addr: va, access }) };
        let continues = |i: usize| {
            let distance = i as i64 - page as i64;
            let wanted = u32::try_from(i64::from(frame.get()) + distance).ok().map(FrameNo::new);
            wanted.is_some() && frame_of(i) == wanted
        };
        let mut first = page;
        while first > 0 && continues(first - 1) {
            first -= 1;
        }
        let mut end = page + 1;
        while end < GROUP_PAGES && continues(end) {
            end += 1;
        }
        let before = (page - first) as u64 * FRAME_SIZE;
        let entry = TlbEntry {
            base: (va & !(FRAME_SIZE - 1)) - before,
            len: (end - first) as u64 * FRAME_SIZE,
            at: ram.pointer(frame.offset() - before),
        };
        let entries = if access == Access::Write { &mut self.write } else { &mut self.read };
        entries[tlb_index(va)] = entry;
        Ok(entry.covers(va, size).is_some())
    }
}

/// Where the aligned word of an atomic access lies in RAM, by a walk of the page table: an atomic operation costs more
/// than that.
///
/// # Errors
///
/// [`Exit::Misaligned`] before [`Exit::PageFault`].
pub(super) fn atomic_offset(table: &PageTable, va: u64, size: u64, access: Access) -> Result<u64, Exit> {
    if !va.is_multiple_of(size) {
        return Err(Exit::Misaligned { addr: va });
    }
    offset_of(table, va, access)
}

/// Where one byte lies in RAM.
fn offset_of(table: &PageTable, va: u64, access: Access) -> Result<u64, Exit> {
    let pte = table.walk(va);
    let frame = pte.frame().filter(|_| pte.allows(permission(access)));
    let frame = frame.ok_or(Exit::PageFault { addr: va, access })?;
    Ok(frame.offset() + va % FRAME_SIZE)
}

fn permission(access: Access) -> u64 {
    match access {
        Access::Read => Pte::READ,
        Access::Write => Pte::WRITE,
        Access::Execute => Pte::EXECUTE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::page_table::tests::TestFrames;
    use crate::mem::ram::tests::TestRam;

    const BASE: u64 = 0x40_0000;

    fn load<T: Word>(tlb: &mut Tlb, ram: GuestRam, table: &PageTable, va: u64) -> Result<T, Exit> {
        let covered = tlb.fill(ram, table, va, Access::Read, size_of::<T>() as u64)?;
        let entry = tlb.read[tlb_index(va)].load(va);
        assert_eq!(entry.is_some(), covered);
        entry.map_or_else(|| Tlb::load_scattered(ram, table, va), Ok)
    }

    fn store<T: Word>(
        tlb: &mut Tlb,
        ram: GuestRam,
        table: &PageTable,
        va: u64,
        value: T,
    ) -> Result<(), Exit> {
        let covered = tlb.fill(ram, table, va, Access::Write, size_of::<T>() as u64)?;
        let entry = tlb.write[tlb_index(va)].store(va, value);
        assert_eq!(entry.is_some(), covered);
        entry.map_or_else(|| Tlb::store_scattered(ram, table, va, value), Ok)
    }

    /// Pages from [`BASE`] on, each with a frame number and flags.
    fn table(ram: GuestRam, pages: &[(u32, u64)]) -> PageTable {
        let mut frames = TestFrames::new(ram);
        let table = PageTable::new(ram, &mut frames).unwrap();
        for (i, (frame, flags)) in pages.iter().enumerate() {
            let va = BASE + i as u64 * FRAME_SIZE;
            table.set(va, Pte::new(FrameNo::new(*frame), *flags), &mut frames).unwrap();
        }
        table
    }

    #[test]
    fn an_extent_grows_over_contiguous_frames_with_the_permission() {
        let test = TestRam::new(64);
        let (ram, read, write) = (test.ram(), Pte::READ, Pte::WRITE);
        let table =
            table(ram, &[(30, write), (31, write), (32, read), (33, write), (20, write), (35, write)]);
        let mut tlb = Tlb::new();
        let extent = |entry: &TlbEntry| (entry.base - BASE, entry.len);
        for page in 0..6 {
            load::<u64>(&mut tlb, ram, &table, BASE + page * FRAME_SIZE).unwrap();
        }
        let reads = [0, 1, 2, 3, 4, 5].map(|page| extent(&tlb.read[tlb_index(BASE + page * FRAME_SIZE)]));
        assert_eq!(
            reads,
            [(0, 0x4000), (0, 0x4000), (0, 0x4000), (0, 0x4000), (0x4000, 0x1000), (0x5000, 0x1000)]
        );
        store::<u64>(&mut tlb, ram, &table, BASE + FRAME_SIZE, 1).unwrap();
        assert_eq!(extent(&tlb.write[tlb_index(BASE + FRAME_SIZE)]), (0, 0x2000));
        // A store over the two frames of one extent hits, one into the read-only page does not.
        store::<u8>(&mut tlb, ram, &table, BASE, 1).unwrap();
        let write_entry = tlb.write[tlb_index(BASE)];
        assert!(write_entry.store::<u64>(BASE + 0xffd, 7).is_some());
        assert!(write_entry.store::<u64>(BASE + 0x1ff9, 7).is_none());
        assert_eq!(ram.load::<u64>(30 * FRAME_SIZE + 0xffd), 7);
    }

    #[test]
    fn entries_miss_just_outside_their_extent() {
        let test = TestRam::new(64);
        let table = table(test.ram(), &[(30, Pte::READ)]);
        let mut tlb = Tlb::new();
        load::<u8>(&mut tlb, test.ram(), &table, BASE).unwrap();
        let end = BASE + FRAME_SIZE;
        for va in [0, BASE - 1, BASE - 8, end, end - 7, u64::MAX, BASE + (1 << 63)] {
            assert!(tlb.read[tlb_index(va)].load::<u64>(va).is_none(), "{va:#x}");
        }
        assert!(tlb.read[tlb_index(end - 8)].load::<u64>(end - 8).is_some());
        tlb.flush();
        for page in 0..2 * TLB_ENTRIES as u64 {
            for va in [page * FRAME_SIZE, (page * FRAME_SIZE).wrapping_sub(8), page * FRAME_SIZE + 4088] {
                assert!(tlb.read[tlb_index(va)].load::<u64>(va).is_none(), "{va:#x} in an empty TLB");
                assert!(tlb.write[tlb_index(va)].load::<u8>(va).is_none(), "{va:#x} in an empty TLB");
            }
        }
    }

    #[test]
    fn an_access_over_two_extents() {
        let test = TestRam::new(64);
        let (ram, write) = (test.ram(), Pte::WRITE);
        let table = table(ram, &[(30, write), (20, write), (40, Pte::READ)]);
        let mut tlb = Tlb::new();
        store::<u64>(&mut tlb, ram, &table, BASE + 0xffd, 0x0807_0605_0403_0201).unwrap();
        assert_eq!(ram.load::<u32>(30 * FRAME_SIZE + 0xffc), 0x0302_0100);
        assert_eq!(ram.load::<u64>(20 * FRAME_SIZE), 0x08_0706_0504);
        assert_eq!(load::<u64>(&mut tlb, ram, &table, BASE + 0xffd), Ok(0x0807_0605_0403_0201));
        let fault = Exit::PageFault { addr: BASE + 0x2000, access: Access::Write };
        assert_eq!(store::<u64>(&mut tlb, ram, &table, BASE + 0x1ffc, u64::MAX), Err(fault));
        assert_eq!(ram.load::<u32>(20 * FRAME_SIZE + 0xffc), 0);
    }
}
