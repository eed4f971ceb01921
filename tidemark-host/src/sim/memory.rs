//! The shared region of a simulated world: one allocation of zeroes, of which the platform backs what is touched.

#![allow(unsafe_code, reason = "vouches for the allocation that the kernel's raw accesses rely on")]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::shared::Shared;
use crate::error::{ErrorKind, HostError};
use crate::limits::GROWTH_STEP_BYTES;
use crate::memory::{Discarded, SharedMemory};

/// The memory of a simulated world.
#[derive(Clone, Debug)]
pub struct SimMemory {
    region: Arc<Region>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Region {
    /// The allocation, a growth step longer than the region, so that an aligned place is in it.
    start: NonNull<u8>,
    layout: Layout,
    base: NonNull<u8>,
    reserved: u64,
    committed: AtomicU64,
}

// SAFETY: the pointers are to an allocation that nothing but `drop` frees; what lies there is accessed by the kernel only,
// under the contract of `SharedMemory`.
unsafe impl Send for Region {}
// SAFETY: as for `Send`; the one field that changes is atomic.
unsafe impl Sync for Region {}

impl SimMemory {
    /// # Errors
    /// `InvalidInput` if less than one growth step is wanted, or more than fits into an address space; `Exhausted` if the
    /// platform does not grant it.
    pub(super) fn reserve(shared: Arc<Shared>) -> Result<Self, HostError> {
        let wanted = shared.config.reserved_bytes;
        let doing = || format!("reserving {wanted} bytes of simulated memory");
        let reserved = wanted - wanted % GROWTH_STEP_BYTES;
        let length = reserved.checked_add(GROWTH_STEP_BYTES).and_then(|bytes| usize::try_from(bytes).ok());
        // No alignment of its own: allocators that align write the zeroes themselves, and all would be touched.
        let layout = length.and_then(|length| Layout::from_size_align(length, 16).ok());
        let Some(layout) = layout.filter(|_| reserved > 0) else {
            return Err(HostError::new(ErrorKind::InvalidInput, doing()));
        };
        // SAFETY: the size is not zero.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) })
            .ok_or_else(|| HostError::new(ErrorKind::Exhausted, doing()))?;
        // At most `usize::MAX` where no offset aligns, which no allocator's pointer to bytes has.
        let padding = start.align_offset(GROWTH_STEP_BYTES as usize).min(GROWTH_STEP_BYTES as usize);
        // SAFETY: the padding is less than the growth step by which the allocation is longer than the region.
        let base = unsafe { start.add(padding) };
        let region = Region { start, layout, base, reserved, committed: AtomicU64::new(0) };
        Ok(Self { region: Arc::new(region), shared })
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout; nobody has a clone of the region any more.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}

// SAFETY: the base is that of one allocation, aligned to the growth step, freed when the last clone is dropped. A range is
// handed out once; nothing here accesses its bytes but `discard`, which is a request to.
unsafe impl SharedMemory for SimMemory {
    fn base(&self) -> *mut u8 {
        self.region.base.as_ptr()
    }

    fn grow(&self, bytes: u64) -> Result<Range<u64>, HostError> {
        let doing = || format!("growing memory by {bytes} bytes");
        if bytes == 0 {
            return Err(HostError::new(ErrorKind::InvalidInput, doing()));
        }
        let faults = self.shared.config.faults;
        if self.shared.with(|state| state.memory_dice.happens(faults.refused_growth)) {
            return Err(
                HostError::new(ErrorKind::Exhausted, doing()).with_source("the simulation refuses it")
            );
        }
        let end_from = |start: u64| {
            let bytes = bytes.checked_next_multiple_of(GROWTH_STEP_BYTES)?;
            start.checked_add(bytes).filter(|end| *end <= self.region.reserved)
        };
        let committed = &self.region.committed;
        let range = committed
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, end_from)
            .ok()
            .and_then(|start| Some(start..end_from(start)?));
        range.ok_or_else(|| {
            HostError::new(ErrorKind::Exhausted, doing()).with_source("the reserve is used up")
        })
    }

    fn discard(&self, range: Range<u64>) -> Result<Discarded, HostError> {
        let steps = [range.start, range.end].iter().all(|end| end.is_multiple_of(GROWTH_STEP_BYTES));
        if range.is_empty() || !steps || range.end > self.region.committed.load(Ordering::Relaxed) {
            return Err(HostError::new(ErrorKind::InvalidInput, format!("discarding {range:?}")));
        }
        if self.shared.with(|state| state.memory_dice.happens(500)) {
            return Ok(Discarded::Kept);
        }
        let length = (range.end - range.start) as usize;
        // SAFETY: the range is within what was handed out, which lies within the allocation; its owner says that nobody
        // needs, and so nobody accesses, its bytes now.
        unsafe { self.region.base.add(range.start as usize).write_bytes(0, length) };
        Ok(Discarded::Zeroed)
    }

    fn reserved(&self) -> u64 {
        self.region.reserved
    }

    fn committed(&self) -> u64 {
        self.region.committed.load(Ordering::Relaxed)
    }

    fn high_water(&self) -> u64 {
        self.committed()
    }
}
