//! Guest RAM: ranges of the module's own linear memory.
//!
//! The heap grows in the same memory, by the same instruction; each `memory.grow` gives its pages to its caller alone.

#![allow(unsafe_code, reason = "vouches for ranges of linear memory")]

use std::arch::wasm32::{memory_grow, memory_size};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tidemark_host::limits::GROWTH_STEP_BYTES;
use tidemark_host::{Discarded, ErrorKind, HostError, SharedMemory};

/// The module's linear memory.
#[derive(Clone)]
pub struct NodeMemory(Arc<Region>);

struct Region {
    maximum_bytes: u64,
    committed_bytes: AtomicU64,
    ranges: Mutex<Vec<Range<u64>>>,
}

impl NodeMemory {
    /// `maximum_bytes` is the maximum that the memory was made with.
    pub(crate) fn new(maximum_bytes: u64) -> Self {
        Self(Arc::new(Region {
            maximum_bytes,
            committed_bytes: AtomicU64::new(0),
            ranges: Mutex::new(Vec::new()),
        }))
    }
}

// SAFETY: linear memory never moves and never shrinks, its base is address 0, and every instance sees all of it. Pages
// that `memory.grow` adds were in no range before, and nobody else learns of them: the allocator keeps to those that
// its own calls added.
unsafe impl SharedMemory for NodeMemory {
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
        self.0.committed_bytes.fetch_add(range.end - range.start, Ordering::Relaxed);
        self.0.ranges.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(range.clone());
        Ok(range)
    }

    fn discard(&self, range: Range<u64>) -> Result<Discarded, HostError> {
        let aligned = [range.start, range.end].iter().all(|end| end.is_multiple_of(GROWTH_STEP_BYTES));
        let ranges = self.0.ranges.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let within = |whole: &Range<u64>| whole.start <= range.start && range.end <= whole.end;
        if !aligned || range.start >= range.end || !ranges.iter().any(within) {
            return Err(HostError::new(ErrorKind::InvalidInput, "discarding memory"));
        }
        // Linear memory has no instruction that gives pages back.
        Ok(Discarded::Kept)
    }

    fn reserved(&self) -> u64 {
        self.0.maximum_bytes
    }

    fn committed(&self) -> u64 {
        self.0.committed_bytes.load(Ordering::Relaxed)
    }

    fn high_water(&self) -> u64 {
        memory_size::<0>() as u64 * GROWTH_STEP_BYTES
    }
}
