//! Reserving and committing address space by `mmap(2)` and `mprotect(2)`.

use std::io;
use std::ops::Range;
use std::ptr;

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use tidemark_host::Discarded;
use tidemark_host::limits::GROWTH_STEP_BYTES;

/// Address space that belongs to this value until it is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    /// What was mapped: the region, and slack on both sides of it for the sake of alignment.
    mapping: *mut u8,
    mapping_len: usize,
    /// The region's aligned start, within the mapping.
    base: *mut u8,
    len: usize,
}

// SAFETY: the pointers name a mapping of the process, which any thread may change by system calls.
unsafe impl Send for Reservation {}
// SAFETY: as above; the methods take `&self` and change only page protections and contents.
unsafe impl Sync for Reservation {}

impl Reservation {
    /// Reserves `len` bytes, inaccessible and without a claim on memory, aligned to the growth step.
    pub(super) fn new(len: u64) -> io::Result<Self> {
        let too_large = || io::Error::from(io::ErrorKind::OutOfMemory);
        let align = usize::try_from(GROWTH_STEP_BYTES).map_err(|_| too_large())?;
        let len = usize::try_from(len).map_err(|_| too_large())?;
        let mapping_len = len.checked_add(align).ok_or_else(too_large)?;
        // SAFETY: a new mapping at an address of the system's choice overlaps nothing.
        let mapping =
            unsafe { mmap_anonymous(ptr::null_mut(), mapping_len, ProtFlags::empty(), reserve_flags()) }?;
        let mapping = mapping.cast::<u8>();
        let slack = mapping.addr().next_multiple_of(align) - mapping.addr();
        // `slack < align`, so the region ends within the mapping.
        Ok(Self { mapping, mapping_len, base: mapping.wrapping_add(slack), len })
    }

    pub(super) fn base(&self) -> *mut u8 {
        self.base
    }

    pub(super) fn len(&self) -> u64 {
        self.len as u64
    }

    /// Makes `range` readable and writable; fresh pages read as zero.
    pub(super) fn commit(&self, range: Range<u64>) -> io::Result<()> {
        let (start, len) = self.part(range)?;
        // SAFETY: `part` lies within this reservation, and more access takes nothing from anyone.
        unsafe { mprotect(start.cast(), len, MprotectFlags::READ | MprotectFlags::WRITE) }?;
        Ok(())
    }

    /// Drops the pages of a committed `range`; it reads as zero afterwards.
    #[cfg(target_os = "linux")]
    pub(super) fn discard(&self, range: Range<u64>) -> io::Result<Discarded> {
        let (start, len) = self.part(range)?;
        // madvise(2): MADV_DONTNEED on private anonymous memory gives zero-fill-on-demand pages.
        // SAFETY: `part` lies within this reservation, whose contents the caller has given up.
        unsafe { rustix::mm::madvise(start.cast(), len, rustix::mm::Advice::LinuxDontNeed) }?;
        Ok(Discarded::Zeroed)
    }

    /// Replaces a committed `range` by fresh pages: other systems' `MADV_DONTNEED` need not zero.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn discard(&self, range: Range<u64>) -> io::Result<Discarded> {
        let (start, len) = self.part(range)?;
        let flags = reserve_flags() | MapFlags::FIXED;
        // SAFETY: `part` lies within this reservation, whose contents the caller has given up.
        unsafe { mmap_anonymous(start.cast(), len, ProtFlags::READ | ProtFlags::WRITE, flags) }?;
        Ok(Discarded::Zeroed)
    }

    /// The address and length of `range`, checked to lie within the reservation.
    fn part(&self, range: Range<u64>) -> io::Result<(*mut u8, usize)> {
        if range.start > range.end || range.end > self.len() {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        // Both are at most `self.len`, which is a usize.
        let (start, end) = (range.start as usize, range.end as usize);
        Ok((self.base.wrapping_add(start), end - start))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: this value owns the whole mapping, and the last user of the region is gone with it. The only failure
        // munmap(2) knows here is running out of mappings, upon which the address space stays reserved.
        let _ = unsafe { munmap(self.mapping.cast(), self.mapping_len) };
    }
}

/// Private memory without swap accounting: a reservation of many gigabytes is no claim on memory.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn reserve_flags() -> MapFlags {
    MapFlags::PRIVATE | MapFlags::NORESERVE
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn reserve_flags() -> MapFlags {
    MapFlags::PRIVATE
}
