//! Reserving and committing address space by `VirtualAlloc`.

use std::io;
use std::ops::Range;
use std::ptr;

use tidemark_host::Discarded;
use windows_sys::Win32::System::Memory::{
    MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_NOACCESS, PAGE_READWRITE, VirtualAlloc, VirtualFree,
};

/// Address space that belongs to this value until it is dropped. `VirtualAlloc` reserves at multiples of 64 KiB, which
/// is the growth step.
#[derive(Debug)]
pub(super) struct Reservation {
    base: *mut u8,
    len: usize,
}

// SAFETY: the pointer names pages of the process, which any thread may change by system calls.
unsafe impl Send for Reservation {}
// SAFETY: as above; the methods take `&self` and change only page protections.
unsafe impl Sync for Reservation {}

impl Reservation {
    /// Reserves `len` bytes, inaccessible and without a claim on memory.
    pub(super) fn new(len: u64) -> io::Result<Self> {
        let len = usize::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        // SAFETY: a new reservation at an address of the system's choice overlaps nothing.
        let base = unsafe { VirtualAlloc(ptr::null(), len, MEM_RESERVE, PAGE_NOACCESS) };
        if base.is_null() { Err(io::Error::last_os_error()) } else { Ok(Self { base: base.cast(), len }) }
    }

    pub(super) fn base(&self) -> *mut u8 {
        self.base
    }

    pub(super) fn len(&self) -> u64 {
        self.len as u64
    }

    /// Makes `range` readable and writable; fresh pages read as zero.
    pub(super) fn commit(&self, range: Range<u64>) -> io::Result<()> {
        if range.start > range.end || range.end > self.len() {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        // Both are at most `self.len`, which is a usize.
        let (start, end) = (range.start as usize, range.end as usize);
        let start_address = self.base.wrapping_add(start).cast();
        // SAFETY: the range lies within this reservation, and committing takes nothing from anyone.
        let committed = unsafe { VirtualAlloc(start_address, end - start, MEM_COMMIT, PAGE_READWRITE) };
        if committed.is_null() { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Keeps everything: decommitting and committing again would leave the range inaccessible in between.
    pub(super) fn discard(&self, _range: Range<u64>) -> io::Result<Discarded> {
        Ok(Discarded::Kept)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: this value owns the whole reservation, and the last user of the region is gone with it. Its only
        // failure is an address that is not a reservation's.
        unsafe { VirtualFree(self.base.cast(), 0, MEM_RELEASE) };
    }
}
