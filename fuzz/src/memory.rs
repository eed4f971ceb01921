//! Guest memory for one run: a piece of the heap, so that the sanitizer sees every access out of it.

#![allow(unsafe_code, reason = "vouches for the piece of heap it lends")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tidemark_host::limits::GROWTH_STEP_BYTES;
use tidemark_host::{Discarded, ErrorKind, HostError, SharedMemory};

/// How much there is.
const BYTES: u64 = 16 << 20;

/// A region that is made whole and lent from its start on. What is never lent is never touched: most runs take little.
#[derive(Clone)]
pub(crate) struct Region(Arc<Piece>);

struct Piece {
    base: *mut u8,
    lent: AtomicU64,
}

const fn layout() -> Layout {
    // SAFETY: the alignment is a power of two, and the size is far below the limit.
    unsafe { Layout::from_size_align_unchecked(BYTES as usize, GROWTH_STEP_BYTES as usize) }
}

impl Region {
    /// A region of which nothing is lent: an earlier one that nobody has any more, since the sanitizer takes longer to
    /// make one than most runs last.
    pub(crate) fn new() -> Self {
        static LAST: Mutex<Option<Region>> = Mutex::new(None);
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        let unused = last.take().filter(|last| Arc::strong_count(&last.0) == 1);
        let region = unused.unwrap_or_else(Self::made);
        region.0.lent.store(0, Ordering::Relaxed);
        last.insert(region).clone()
    }

    fn made() -> Self {
        // SAFETY: the layout's size is not zero.
        let base = unsafe { alloc(layout()) };
        if base.is_null() {
            handle_alloc_error(layout());
        }
        Self(Arc::new(Piece { base, lent: AtomicU64::new(0) }))
    }
}

// SAFETY: an address and a counter; what lies behind the address is accessed by the rules of `SharedMemory` only.
unsafe impl Send for Piece {}
// SAFETY: as above.
unsafe impl Sync for Piece {}

impl Drop for Piece {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, and no clone is left.
        unsafe { dealloc(self.base, layout()) }
    }
}

// SAFETY: the piece lives as long as any clone, never moves, and is lent once from its start on.
unsafe impl SharedMemory for Region {
    fn base(&self) -> *mut u8 {
        self.0.base
    }

    fn grow(&self, bytes: u64) -> Result<Range<u64>, HostError> {
        const DOING: &str = "growing memory";
        if bytes == 0 {
            return Err(HostError::new(ErrorKind::InvalidInput, DOING));
        }
        let after = |lent: u64| {
            let step = bytes.checked_next_multiple_of(GROWTH_STEP_BYTES)?;
            lent.checked_add(step).filter(|end| *end <= BYTES)
        };
        let before = self.0.lent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, after);
        let start = before.map_err(|_| HostError::new(ErrorKind::Exhausted, DOING))?;
        let end = after(start).unwrap_or(start);
        // SAFETY: inside the piece, and nobody has this part yet.
        unsafe { self.0.base.add(start as usize).write_bytes(0, (end - start) as usize) }
        Ok(start..end)
    }

    fn discard(&self, _range: Range<u64>) -> Result<Discarded, HostError> {
        Ok(Discarded::Kept)
    }

    fn reserved(&self) -> u64 {
        BYTES
    }

    fn committed(&self) -> u64 {
        self.0.lent.load(Ordering::Relaxed)
    }

    fn high_water(&self) -> u64 {
        self.committed()
    }
}
