//! The shared region: one allocation of zeroes, handed out from its start.

#![allow(unsafe_code, reason = "vouches for the allocation that guest memory lies in")]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use tidemark_host::limits::GROWTH_STEP_BYTES as STEP;
use tidemark_host::{Discarded, ErrorKind, HostError, SharedMemory};

/// The region. Clones are the same one.
#[derive(Clone, Debug)]
pub struct HeapMemory(Arc<Region>);

#[derive(Debug)]
struct Region {
    /// What was allocated: a step more than the region, so that an aligned place is in it.
    start: NonNull<u8>,
    layout: Layout,
    base: NonNull<u8>,
    reserved: u64,
    committed: Mutex<u64>,
}

// SAFETY: the pointers are to an allocation that is freed by `drop` alone, and nothing here dereferences them.
unsafe impl Send for Region {}
// SAFETY: as for `Send`; what changes is behind a lock.
unsafe impl Sync for Region {}

impl HeapMemory {
    /// Reserves a region of `bytes` bytes, rounded up to the growth step.
    ///
    /// # Errors
    /// `Exhausted` if the allocator does not have as much.
    pub fn reserve(bytes: u64) -> Result<Self, HostError> {
        let doing = || format!("reserving {bytes} bytes of memory");
        let exhausted = || HostError::new(ErrorKind::Exhausted, doing());
        let reserved = bytes.max(1).checked_next_multiple_of(STEP).ok_or_else(exhausted)?;
        let length = reserved.checked_add(STEP).and_then(|length| usize::try_from(length).ok());
        let layout =
            length.and_then(|length| Layout::from_size_align(length, 16).ok()).ok_or_else(exhausted)?;
        // SAFETY: the layout's size is not zero.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(exhausted)?;
        let padding = start.align_offset(STEP as usize).min(STEP as usize);
        // SAFETY: within the allocation, which is a step longer than the region.
        let base = unsafe { start.add(padding) };
        Ok(Self(Arc::new(Region { start, layout, base, reserved, committed: Mutex::new(0) })))
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and no clone of the region is left.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}

// SAFETY: the base is aligned and stays; a range is handed out once and lies within the allocation; its bytes are touched
// by nothing here, nor is there a reference to them.
unsafe impl SharedMemory for HeapMemory {
    fn base(&self) -> *mut u8 {
        self.0.base.as_ptr()
    }

    fn grow(&self, bytes: u64) -> Result<Range<u64>, HostError> {
        let doing = format!("growing memory by {bytes} bytes");
        if bytes == 0 {
            return Err(HostError::new(ErrorKind::InvalidInput, doing));
        }
        let mut committed = self.0.committed.lock().unwrap_or_else(PoisonError::into_inner);
        let end = bytes.checked_next_multiple_of(STEP).and_then(|bytes| committed.checked_add(bytes));
        match end.filter(|end| *end <= self.0.reserved) {
            Some(end) => Ok(std::mem::replace(&mut *committed, end)..end),
            None => Err(HostError::new(ErrorKind::Exhausted, doing)),
        }
    }

    fn discard(&self, range: Range<u64>) -> Result<Discarded, HostError> {
        let whole_steps = range.start.is_multiple_of(STEP) && range.end.is_multiple_of(STEP);
        if range.is_empty() || !whole_steps || range.end > self.committed() {
            return Err(HostError::new(ErrorKind::InvalidInput, format!("discarding {range:?}")));
        }
        // An allocator takes nothing back in part.
        Ok(Discarded::Kept)
    }

    fn reserved(&self) -> u64 {
        self.0.reserved
    }

    fn committed(&self) -> u64 {
        *self.0.committed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn high_water(&self) -> u64 {
        self.committed()
    }
}
