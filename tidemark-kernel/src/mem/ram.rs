//! Guest RAM: the one place that reads and writes the memory guests live in.
//!
//! Owns: raw loads, stores, atomics and bulk copies on the region that the host reserved, addressed by byte
//! offset from its base, and the frame numbering on top. Does not own: which frame is free, who maps it, or
//! what an address means to a guest (`mem::page_table` and its neighbours).
//!
//! # The data-race gap
//!
//! Guest threads race with each other, as programs on real machines do, and their plain loads and stores end
//! up here as plain Rust reads and writes. Formally a race between two such accesses is undefined behaviour
//! in Rust. The alternatives are worse: `volatile` blocks the combining of bytes into one unaligned move, and
//! relaxed atomics trap (WebAssembly) or are split (others) when the address is not aligned. So:
//!
//! - the region is never seen as a Rust reference or slice, only through raw pointers, so that the compiler
//!   may derive nothing from aliasing rules about it;
//! - every plain access is one `read_unaligned`/`write_unaligned` of at most eight bytes, which compiles to
//!   one machine move (`tests::plain_accesses_are_single_moves` pins that), and a guest that races sees what
//!   RISC-V's weak memory model allows it to see;
//! - everything that synchronises (AMO, LR/SC, futex words, page-table entries) goes through real atomics;
//! - the kernel copies guest data in once and validates the copy, never the original.

use std::sync::atomic::{AtomicU32, AtomicU64};

/// Bytes in a frame, the unit of guest memory: 4 KiB, as RISC-V Linux's page.
pub const FRAME_SIZE: u64 = 4096;

/// Binary logarithm of [`FRAME_SIZE`].
pub const FRAME_SHIFT: u32 = 12;

/// The number of a 4 KiB frame: its byte offset from the region's base is `number * 4096`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FrameNo(u32);

impl FrameNo {
    /// The frame with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The frame's number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The frame's first byte, in bytes from the region's base.
    pub const fn offset(self) -> u64 {
        (self.0 as u64) << FRAME_SHIFT
    }
}

/// A scalar that guest memory is read and written in: `u8`, `u16`, `u32`, `u64`, little-endian in memory.
pub trait Word: Copy + sealed::Sealed {
    /// From the bytes' little-endian order to the machine's.
    fn from_le(raw: Self) -> Self;
    /// From the machine's order to little-endian.
    fn to_le(self) -> Self;
    /// Zero-extended to 64 bits.
    fn widen(self) -> u64;
    /// The low bits of `value`.
    fn truncate(value: u64) -> Self;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! word {
    ($($t:ty),*) => {$(
        impl sealed::Sealed for $t {}
        impl Word for $t {
            #[inline(always)]
            fn from_le(raw: Self) -> Self {
                <$t>::from_le(raw)
            }
            #[inline(always)]
            fn to_le(self) -> Self {
                <$t>::to_le(self)
            }
            #[inline(always)]
            fn widen(self) -> u64 {
                u64::from(self)
            }
            #[inline(always)]
            fn truncate(value: u64) -> Self {
                value as $t
            }
        }
    )*};
}
word!(u8, u16, u32, u64);

/// An address in guest RAM as the host has it, for accesses too hot to add the region's base each time.
#[derive(Clone, Copy, Debug)]
pub struct RamPtr(*mut u8);

impl RamPtr {
    /// Points nowhere; for places that are filled later.
    pub const NOWHERE: Self = Self(std::ptr::null_mut());

    /// Loads a word `delta` bytes on, which need not be aligned.
    ///
    /// # Safety
    ///
    /// The pointer came from [`GuestRam::pointer`], and the access lies inside that region.
    #[inline(always)]
    pub unsafe fn load<T: Word>(self, delta: usize) -> T {
        // SAFETY: the caller keeps the access inside the region, which `GuestRam::new`'s contract makes readable.
        T::from_le(unsafe { self.0.add(delta).cast::<T>().read_unaligned() })
    }

    /// Stores a word `delta` bytes on, which need not be aligned.
    ///
    /// # Safety
    ///
    /// As for [`load`](Self::load).
    #[inline(always)]
    pub unsafe fn store<T: Word>(self, delta: usize, value: T) {
        // SAFETY: the caller keeps the access inside the region, which `GuestRam::new`'s contract makes writable.
        unsafe { self.0.add(delta).cast::<T>().write_unaligned(value.to_le()) }
    }
}

// SAFETY: as for `GuestRam`, whose memory it points into.
unsafe impl Send for RamPtr {}

/// The region guest frames live in: a base pointer and the length reserved behind it. A cheap handle; all
/// copies mean the same memory.
///
/// The checked methods panic when an offset lies outside the region. Offsets come from the kernel's own frame
/// numbers, never straight from a guest, so such a panic is a kernel bug. A frame inside the reserved length
/// that the host has not grown to yet faults in the host (a signal, or a WebAssembly trap); it never aliases
/// other memory.
#[derive(Clone, Copy, Debug)]
pub struct GuestRam {
    // An address, perhaps zero: in WebAssembly the region is the linear memory itself.
    base: *mut u8,
    len: u64,
}

// SAFETY: `GuestRam` is an address range. Its accesses are raw or atomic, and `GuestRam::new` demands that the
// range stays usable from every thread; the module's documentation tells what races mean.
unsafe impl Send for GuestRam {}
// SAFETY: as above.
unsafe impl Sync for GuestRam {}

impl GuestRam {
    /// A handle on the `len` bytes at `base`.
    ///
    /// # Safety
    ///
    /// `base` is aligned to [`FRAME_SIZE`]; `len` is a multiple of it. For as long as any copy of the handle is used,
    /// the range is reserved for guest memory: no Rust reference points into it and nothing else is placed
    /// there. Bytes the host has not committed yet may fault when touched, but nothing worse.
    ///
    /// # Panics
    ///
    /// If `base` is misaligned, or the range is larger than the address space or 2^32 frames.
    pub unsafe fn new(base: *mut u8, len: u64) -> Self {
        assert!((base as usize).is_multiple_of(FRAME_SIZE as usize), "guest RAM is aligned to a frame");
        assert!(len.is_multiple_of(FRAME_SIZE) && len >> FRAME_SHIFT <= 1 << 32, "guest RAM is whole frames");
        let end = usize::try_from(len).ok().and_then(|len| (base as usize).checked_add(len));
        assert!(end.is_some(), "guest RAM fits into the address space");
        Self { base, len }
    }

    /// The byte at an offset. `wrapping_add`, because the base may be address zero, to which nothing may be added
    /// 'in bounds'.
    #[inline(always)]
    fn at(self, offset: usize) -> *mut u8 {
        self.base.wrapping_add(offset)
    }

    /// The region's first byte. Generated code adds offsets to it, as this module does.
    pub fn base(self) -> *mut u8 {
        self.base
    }

    /// Reserved length in bytes.
    pub fn len(self) -> u64 {
        self.len
    }

    /// Whether nothing is reserved.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The host's address of a byte offset.
    pub fn pointer(self, offset: u64) -> RamPtr {
        RamPtr(self.base().wrapping_add(self.check(offset, 0)))
    }

    /// Loads a word at a byte offset, which need not be aligned.
    ///
    /// # Safety
    ///
    /// `offset + size_of::<T>()` does not exceed [`len`](Self::len).
    #[inline(always)]
    pub unsafe fn load_unchecked<T: Word>(self, offset: usize) -> T {
        // SAFETY: the caller keeps the access inside the region, which `new`'s contract makes readable.
        T::from_le(unsafe { self.at(offset).cast::<T>().read_unaligned() })
    }

    /// Stores a word at a byte offset, which need not be aligned.
    ///
    /// # Safety
    ///
    /// `offset + size_of::<T>()` does not exceed [`len`](Self::len).
    #[inline(always)]
    pub unsafe fn store_unchecked<T: Word>(self, offset: usize, value: T) {
        // SAFETY: the caller keeps the access inside the region, which `new`'s contract makes writable.
        unsafe { self.at(offset).cast::<T>().write_unaligned(value.to_le()) }
    }

    /// Loads a word at a byte offset, which need not be aligned.
    #[inline]
    pub fn load<T: Word>(self, offset: u64) -> T {
        let at = self.check(offset, size_of::<T>());
        // SAFETY: just checked.
        unsafe { self.load_unchecked(at) }
    }

    /// Stores a word at a byte offset, which need not be aligned.
    #[inline]
    pub fn store<T: Word>(self, offset: u64, value: T) {
        let at = self.check(offset, size_of::<T>());
        // SAFETY: just checked.
        unsafe { self.store_unchecked(at, value) }
    }

    /// The aligned 32-bit word at a byte offset, as an atomic: for AMO, LR/SC and futexes.
    ///
    /// Its value is little-endian in memory; all our targets are.
    #[inline]
    pub fn atomic_u32(&self, offset: u64) -> &AtomicU32 {
        let at = self.check(offset, 4);
        assert!(at.is_multiple_of(4), "atomic word is aligned");
        // SAFETY: inside the region and aligned, since the base is aligned to a frame; the region outlives
        // the handle by `new`'s contract.
        unsafe { AtomicU32::from_ptr(self.at(at).cast()) }
    }

    /// The aligned 64-bit word at a byte offset, as an atomic: for AMO, LR/SC and page-table entries.
    #[inline]
    pub fn atomic_u64(&self, offset: u64) -> &AtomicU64 {
        let at = self.check(offset, 8);
        assert!(at.is_multiple_of(8), "atomic word is aligned");
        // SAFETY: as for `atomic_u32`.
        unsafe { AtomicU64::from_ptr(self.at(at).cast()) }
    }

    /// The `count` aligned 64-bit words from a byte offset, as atomics: a page-table node.
    #[inline]
    pub fn atomic_u64s(&self, offset: u64, count: usize) -> &[AtomicU64] {
        let at = self.check(offset, count.saturating_mul(8));
        assert!(at.is_multiple_of(8), "atomic words are aligned");
        // SAFETY: as for `atomic_u32`; atomics may be shared and changed through shared references.
        unsafe { std::slice::from_raw_parts(self.base().add(at).cast(), count) }
    }

    /// Copies guest bytes from a byte offset into `to`.
    pub fn read_bytes(self, offset: u64, to: &mut [u8]) {
        let at = self.check(offset, to.len());
        // SAFETY: inside the region, and `to` cannot overlap it since no reference points into the region.
        unsafe { self.at(at).copy_to_nonoverlapping(to.as_mut_ptr(), to.len()) }
    }

    /// Copies `from` to guest memory at a byte offset.
    pub fn write_bytes(self, offset: u64, from: &[u8]) {
        let at = self.check(offset, from.len());
        // SAFETY: as for `read_bytes`.
        unsafe { self.at(at).copy_from_nonoverlapping(from.as_ptr(), from.len()) }
    }

    /// Zeroes `len` bytes from a byte offset.
    pub fn zero(self, offset: u64, len: usize) {
        let at = self.check(offset, len);
        // SAFETY: inside the region.
        unsafe { self.at(at).write_bytes(0, len) }
    }

    /// Copies `len` bytes inside the region, from one byte offset to another; the ranges may overlap.
    pub fn copy_within(self, from: u64, to: u64, len: usize) {
        let (from, to) = (self.check(from, len), self.check(to, len));
        // SAFETY: both inside the region; `copy_to` allows overlap.
        unsafe { self.at(from).copy_to(self.at(to), len) }
    }

    /// Whether the guest bytes from a byte offset equal `bytes`.
    pub fn equals(self, offset: u64, bytes: &[u8]) -> bool {
        let at = self.check(offset, bytes.len());
        // Word by word, since a slice over guest memory must not exist; the fold of eight words at a time lets
        // the compiler use vectors.
        let (blocks, rest) = bytes.as_chunks::<64>();
        for (i, block) in blocks.iter().enumerate() {
            let mut difference = 0;
            for (k, word) in block.as_chunks::<8>().0.iter().enumerate() {
                // SAFETY: inside the range checked above.
                let guest: u64 = unsafe { self.load_unchecked(at + i * 64 + k * 8) };
                difference |= guest ^ u64::from_le_bytes(*word);
            }
            if difference != 0 {
                return false;
            }
        }
        let tail = at + blocks.len() * 64;
        // SAFETY: inside the range checked above.
        rest.iter().enumerate().all(|(i, byte)| unsafe { self.load_unchecked::<u8>(tail + i) } == *byte)
    }

    /// The offset as an index, after checking that `size` bytes from it are inside the region.
    #[inline]
    fn check(self, offset: u64, size: usize) -> usize {
        let inside = offset.checked_add(size as u64).is_some_and(|end| end <= self.len);
        assert!(inside, "guest RAM access of {size} bytes at {offset:#x} is outside {:#x}", self.len);
        offset as usize
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::alloc::{Layout, alloc_zeroed, dealloc};
    use std::sync::atomic::Ordering;

    /// Zeroed guest RAM on the heap for tests.
    pub(crate) struct TestRam {
        ram: GuestRam,
        layout: Layout,
    }

    impl TestRam {
        pub(crate) fn new(frames: u32) -> Self {
            let layout = Layout::from_size_align(frames as usize * 4096, 4096).unwrap();
            // SAFETY: the layout is not empty.
            let base = unsafe { alloc_zeroed(layout) };
            // SAFETY: freshly allocated with that alignment and length, used only through the handle.
            Self { ram: unsafe { GuestRam::new(base, layout.size() as u64) }, layout }
        }

        pub(crate) fn ram(&self) -> GuestRam {
            self.ram
        }
    }

    impl Drop for TestRam {
        fn drop(&mut self) {
            // SAFETY: allocated in `new` with this layout.
            unsafe { dealloc(self.ram.base(), self.layout) }
        }
    }

    #[test]
    fn words_are_little_endian_at_any_alignment() {
        let test = TestRam::new(1);
        let ram = test.ram();
        for at in 0..16 {
            ram.zero(0, 64);
            ram.store::<u64>(at, 0x0807_0605_0403_0201);
            for k in 0..8 {
                assert_eq!(ram.load::<u8>(at + k), k as u8 + 1);
            }
            assert_eq!(ram.load::<u16>(at + 1), 0x0302);
            assert_eq!(ram.load::<u32>(at + 3), 0x0706_0504);
            assert_eq!(ram.load::<u8>(at + 8), 0);
        }
    }

    #[test]
    fn atomics_see_what_plain_stores_wrote() {
        let test = TestRam::new(1);
        let ram = test.ram();
        ram.store::<u32>(8, 41);
        assert_eq!(ram.atomic_u32(8).fetch_add(1, Ordering::SeqCst), 41);
        assert_eq!(ram.atomic_u64(8).load(Ordering::Relaxed), 42);
    }

    #[test]
    fn bulk_copies_and_comparison() {
        let test = TestRam::new(2);
        let ram = test.ram();
        let bytes: Vec<u8> = (0..4096u32).map(|i| (i * 7) as u8).collect();
        ram.write_bytes(4096, &bytes);
        assert!(ram.equals(4096, &bytes));
        for at in [0, 63, 64, 4032, 4095] {
            let byte: u8 = ram.load(4096 + at);
            ram.store(4096 + at, byte ^ 1);
            assert!(!ram.equals(4096, &bytes), "difference at {at} not seen");
            ram.store(4096 + at, byte);
        }
        assert!(ram.equals(4096 + 5, &bytes[5..77]));
        ram.copy_within(4096, 0, 100);
        let mut back = [0; 100];
        ram.read_bytes(0, &mut back);
        assert_eq!(back, bytes[..100]);
    }

    #[test]
    #[should_panic(expected = "outside")]
    fn access_past_the_end_panics() {
        TestRam::new(1).ram().load::<u32>(4093);
    }

    /// The interpreter's speed and the racing guest's semantics both rest on this: a plain access is one move.
    #[cfg(all(target_arch = "x86_64", not(debug_assertions)))]
    #[test]
    fn plain_accesses_are_single_moves() {
        #[inline(never)]
        extern "C" fn load(ram: &GuestRam, offset: usize) -> u64 {
            // SAFETY: never called.
            unsafe { ram.load_unchecked(offset) }
        }
        #[inline(never)]
        extern "C" fn store(ram: &GuestRam, offset: usize, value: u64) {
            // SAFETY: never called.
            unsafe { ram.store_unchecked(offset, value) }
        }
        // mov rax,[rdi] (the base); mov rax,[rax+rsi]; ret
        let expected_load = [0x48, 0x8b, 0x07, 0x48, 0x8b, 0x04, 0x30, 0xc3];
        // mov rax,[rdi]; mov [rax+rsi],rdx; ret
        let expected_store = [0x48, 0x8b, 0x07, 0x48, 0x89, 0x14, 0x30, 0xc3];
        let code = |function: *const u8| -> [u8; 8] {
            // SAFETY: a function's code is readable and these are eight bytes long or longer with padding.
            unsafe { function.cast::<[u8; 8]>().read_unaligned() }
        };
        assert_eq!(code(std::hint::black_box(load as *const u8)), expected_load);
        assert_eq!(code(std::hint::black_box(store as *const u8)), expected_store);
    }
}
