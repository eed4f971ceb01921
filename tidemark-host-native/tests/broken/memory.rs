//! Broken memories.

use std::ops::Range;
use std::thread;
use std::time::Duration;

use tidemark_host::limits::GROWTH_STEP_BYTES;
use tidemark_host::{Discarded, HostError, SharedMemory};
use tidemark_host_native::NativeMemory;

use crate::fails;
use crate::patched::Patched;

const GENERATED: &str = "memory: generated growth, writes and discards";

#[derive(Clone)]
struct Broken {
    memory: NativeMemory,
    how: How,
}

#[derive(Clone, Copy)]
enum How {
    NotZeroed,
    Overlapping,
    OverlappingWhenRaced,
    GrowsByNothing,
    MiscountsCommitted,
    DiscardsOneStep,
    DiscardsAnything,
}

// SAFETY: it breaks promises about which range is whose, but every range lies within the native memory's committed
// part, and nobody but the suite accesses it.
unsafe impl SharedMemory for Broken {
    fn base(&self) -> *mut u8 {
        self.memory.base()
    }

    fn grow(&self, bytes: u64) -> Result<Range<u64>, HostError> {
        let before = self.memory.committed();
        match self.how {
            How::GrowsByNothing if bytes == 0 => return Ok(0..0),
            How::OverlappingWhenRaced => thread::sleep(Duration::from_millis(1)),
            _ => {}
        }
        let range = self.memory.grow(bytes)?;
        match self.how {
            How::NotZeroed => {
                let last = self.memory.base().wrapping_add(range.end as usize - 1);
                // SAFETY: the last byte of a range that was just committed.
                unsafe { last.write(1) };
                Ok(range)
            }
            How::Overlapping if range.start / GROWTH_STEP_BYTES % 2 == 1 => {
                Ok(range.start - GROWTH_STEP_BYTES..range.end - GROWTH_STEP_BYTES)
            }
            How::OverlappingWhenRaced => Ok(before..before + (range.end - range.start)),
            _ => Ok(range),
        }
    }

    fn discard(&self, range: Range<u64>) -> Result<Discarded, HostError> {
        match self.how {
            How::DiscardsOneStep => self.memory.discard(range.start..range.start + GROWTH_STEP_BYTES),
            How::DiscardsAnything => Ok(Discarded::Kept),
            _ => self.memory.discard(range),
        }
    }

    fn reserved(&self) -> u64 {
        self.memory.reserved()
    }

    fn committed(&self) -> u64 {
        match self.how {
            How::MiscountsCommitted => self.memory.committed() / 2,
            _ => self.memory.committed(),
        }
    }

    fn high_water(&self) -> u64 {
        self.memory.high_water()
    }
}

fn host(how: How) -> Patched<Broken> {
    Patched::with_memory(|memory| Broken { memory, how })
}

#[test]
fn not_zeroed() {
    fails(&host(How::NotZeroed), GENERATED);
}

#[test]
fn overlapping() {
    fails(&host(How::Overlapping), GENERATED);
}

#[test]
fn overlapping_when_raced() {
    fails(&host(How::OverlappingWhenRaced), "memory: workers growing at once get ranges of their own");
}

#[test]
fn growing_by_nothing() {
    fails(&host(How::GrowsByNothing), "memory: requests that break the rules are refused");
}

#[test]
fn miscounting_what_is_committed() {
    fails(&host(How::MiscountsCommitted), "memory: the region grows by what is asked for");
}

#[test]
fn discarding_the_first_step_only() {
    fails(&host(How::DiscardsOneStep), GENERATED);
}

#[test]
fn discarding_without_a_look_at_the_range() {
    fails(&host(How::DiscardsAnything), "memory: requests that break the rules are refused");
}
