//! The module's own linear memory, lent to the kernel that lies in it.
//!
//! The allocator grows the same memory by the same instruction; each `memory.grow` gives its pages to its caller alone.

use std::arch::wasm32::{memory_grow, memory_size};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tidemark_host::limits::GROWTH_STEP_BYTES;
use tidemark_host::{Discarded, ErrorKind, HostError, SharedMemory};

/// The most that linear memory of 32-bit addresses can be, less a page, so that its end is an address too.
const MAXIMUM_BYTES: u64 = (4 << 30) - GROWTH_STEP_BYTES;

/// Linear memory. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(super) struct LinearMemory {
    committed_bytes: Arc<AtomicU64>,
}

// SAFETY: linear memory never moves and never shrinks, and its base is address 0. Pages that `memory.grow` adds were in
// no range before, and nobody else learns of them.
unsafe impl SharedMemory for LinearMemory {
    fn base(&self) -> *mut u8 {
        std::ptr::null_mut()
    }

    fn grow(&self, bytes: u64) -> Result<Range<u64>, HostError> {
        const DOING: &str = "growing linear memory";
        if bytes == 0 {
            return Err(HostError::new(ErrorKind::InvalidInput, DOING));
        }
        let exhausted = || HostError::new(ErrorKind::Exhausted, DOING);
        let pages = usize::try_from(bytes.div_ceil(GROWTH_STEP_BYTES)).map_err(|_| exhausted())?;
        let before = memory_grow::<0>(pages);
        if before == usize::MAX {
            return Err(exhausted());
        }
        let start = before as u64 * GROWTH_STEP_BYTES;
        let range = start..start + pages as u64 * GROWTH_STEP_BYTES;
        self.committed_bytes.fetch_add(range.end - range.start, Ordering::Relaxed);
        Ok(range)
    }

    fn discard(&self, range: Range<u64>) -> Result<Discarded, HostError> {
        let steps = [range.start, range.end].iter().all(|end| end.is_multiple_of(GROWTH_STEP_BYTES));
        if !steps || range.is_empty() || range.end > self.high_water() {
            return Err(HostError::new(ErrorKind::InvalidInput, "discarding memory"));
        }
        // Linear memory has no instruction that gives pages back.
        Ok(Discarded::Kept)
    }

    fn reserved(&self) -> u64 {
        MAXIMUM_BYTES
    }

    fn committed(&self) -> u64 {
        self.committed_bytes.load(Ordering::Relaxed)
    }

    fn high_water(&self) -> u64 {
        memory_size::<0>() as u64 * GROWTH_STEP_BYTES
    }
}
