//! Checks of [`SharedMemory`]: ranges are fresh, zeroed, aligned, disjoint, kept; the accounts are right.

#![allow(unsafe_code, reason = "reads and writes the region, as the kernel does")]

use std::cell::RefCell;
use std::ops::Range;

use futures_util::future::join_all;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;

use super::generate::for_all;
use super::suite::Suite;
use super::{Failure, Progress, require};
use crate::limits::GROWTH_STEP_BYTES as STEP;
use crate::memory::{Discarded, SharedMemory};
use crate::{ErrorKind, Host};

/// The most that a generated sequence grows by at once. A region never shrinks, so the suite is frugal.
const MAX_GROWTH: u64 = 4 * STEP;

pub(super) async fn check<H: Host>(suite: &Suite<H>, progress: &Progress) {
    progress.record("memory: the region grows by what is asked for", grows(suite)).await;
    progress.record("memory: generated growth, writes and discards", generated(suite)).await;
    progress.record("memory: requests that break the rules are refused", refuses(suite)).await;
    progress.record("memory: workers see the same bytes", seen_by_workers(suite)).await;
    progress.record("memory: workers growing at once get ranges of their own", grown_by_workers(suite)).await;
}

async fn grows<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let memory = suite.host.memory();
    for (asked, got) in [(1, STEP), (STEP, STEP), (STEP + 1, 2 * STEP)] {
        let before = memory.committed();
        let range = memory.grow(asked)?;
        require(range.end - range.start == got, || format!("asked for {asked} bytes, got {range:?}"))?;
        let committed = memory.committed();
        require(committed == before + got, || {
            format!("{before} bytes were committed, then {got} more: {committed}")
        })?;
    }
    Ok(())
}

/// One step of a generated sequence. Indexes count modulo what there is.
#[derive(Clone, Debug)]
enum Op {
    Grow { bytes: u64 },
    Fill { range: usize, byte: u8 },
    Discard { range: usize, from: u64, steps: u64 },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let bytes = prop_oneof![Just(1), 1..=MAX_GROWTH, (1..=4_u64).prop_map(|steps| steps * STEP)];
    let op = prop_oneof![
        bytes.prop_map(|bytes| Op::Grow { bytes }),
        (any::<usize>(), any::<u8>()).prop_map(|(range, byte)| Op::Fill { range, byte }),
        (any::<usize>(), 0..4_u64, 1..=4_u64).prop_map(|(range, from, steps)| Op::Discard {
            range,
            from,
            steps
        }),
    ];
    vec(op, 1..12)
}

/// What the region should hold: a byte for each step of each range.
struct Model {
    ranges: Vec<(Range<u64>, Vec<u8>)>,
}

async fn generated<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let memory = suite.host.memory();
    // Of all sequences, so that ranges are disjoint across them too.
    let granted = RefCell::new(Vec::new());
    for_all(suite, ops(), async |ops| {
        let mut model = Model { ranges: Vec::new() };
        for op in ops {
            apply(memory, &op, &mut model, &mut granted.borrow_mut())?;
        }
        for (range, bytes) in &model.ranges {
            holds(memory, range, bytes)?;
        }
        Ok(())
    })
    .await
}

fn apply(
    memory: &impl SharedMemory,
    op: &Op,
    model: &mut Model,
    granted: &mut Vec<Range<u64>>,
) -> Result<(), Failure> {
    let base = memory.base();
    match *op {
        Op::Grow { bytes } => {
            let range = match memory.grow(bytes) {
                Ok(range) => range,
                // Somebody else's memory may be short; that it grows at all is a check of its own.
                Err(error) if error.kind() == ErrorKind::Exhausted => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            well_formed(memory, &range, bytes, granted)?;
            granted.push(range.clone());
            let zeroes = vec![0; index((range.end - range.start) / STEP)];
            holds(memory, &range, &zeroes)?;
            model.ranges.push((range, zeroes));
        }
        Op::Fill { range, byte } => {
            if let Some((range, bytes)) = model.pick(range) {
                fill(memory, range, byte);
                bytes.fill(byte);
            }
        }
        Op::Discard { range, from, steps } => {
            if let Some((range, bytes)) = model.pick(range) {
                let first = index(from) % bytes.len();
                let last = (first + index(steps)).min(bytes.len());
                let start = range.start + first as u64 * STEP;
                let part = start..start + (last - first) as u64 * STEP;
                if memory.discard(part)? == Discarded::Zeroed {
                    bytes[first..last].fill(0);
                }
                let (range, bytes) = (range.clone(), bytes.clone());
                holds(memory, &range, &bytes)?;
            }
        }
    }
    require(memory.base() == base && memory.clone().base() == base, || "the base has moved".to_owned())?;
    accounts_are_right(memory, granted)
}

impl Model {
    fn pick(&mut self, number: usize) -> Option<(&mut Range<u64>, &mut Vec<u8>)> {
        let number = number.checked_rem(self.ranges.len())?;
        self.ranges.get_mut(number).map(|(range, bytes)| (range, bytes))
    }
}

fn well_formed(
    memory: &impl SharedMemory,
    range: &Range<u64>,
    asked: u64,
    granted: &[Range<u64>],
) -> Result<(), Failure> {
    let aligned = range.start.is_multiple_of(STEP) && range.end.is_multiple_of(STEP);
    require(aligned, || format!("{range:?} is not of whole steps"))?;
    let long_enough = range.start < range.end && range.end - range.start >= asked;
    require(long_enough, || format!("asked for {asked} bytes, got {range:?}"))?;
    let overlap = granted.iter().find(|other| range.start < other.end && other.start < range.end);
    require(overlap.is_none(), || format!("{range:?} overlaps {overlap:?}"))?;
    require(range.end <= memory.reserved(), || format!("{range:?} of {} reserved bytes", memory.reserved()))
}

fn accounts_are_right(memory: &impl SharedMemory, granted: &[Range<u64>]) -> Result<(), Failure> {
    let (committed, high_water, reserved) = (memory.committed(), memory.high_water(), memory.reserved());
    let known: u64 = granted.iter().map(|range| range.end - range.start).sum();
    let right = known <= committed && committed <= high_water && high_water <= reserved;
    require(right, || {
        format!(
            "granted {known}, committed {committed}, high water {high_water}, reserved {reserved}: must not decrease"
        )
    })?;
    require(memory.base().addr().is_multiple_of(index(STEP)), || {
        format!("the base {:?} is not aligned", memory.base())
    })
}

async fn refuses<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let memory = suite.host.memory();
    let range = memory.grow(2 * STEP)?;
    let before = memory.committed();
    for bytes in [memory.reserved(), memory.reserved() + 1, u64::MAX] {
        let kind = memory.grow(bytes).map_err(|error| error.kind());
        require(kind == Err(ErrorKind::Exhausted), || format!("growing by {bytes} bytes: {kind:?}"))?;
    }
    let kind = memory.grow(0).map_err(|error| error.kind());
    require(kind == Err(ErrorKind::InvalidInput), || format!("growing by nothing: {kind:?}"))?;

    let Range { start, end } = range;
    let beyond = memory.reserved();
    let wrong =
        [start..start, end..start, start + 1..end, start..end - 1, beyond..beyond + STEP, start..u64::MAX];
    for range in wrong {
        let kind = memory.discard(range.clone()).map_err(|error| error.kind());
        require(kind == Err(ErrorKind::InvalidInput), || format!("discarding {range:?}: {kind:?}"))?;
    }
    let after = memory.committed();
    require(before == after, || format!("refusals changed what is committed from {before} to {after}"))
}

async fn seen_by_workers<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let range = suite.host.memory().grow(STEP)?;
    fill(suite.host.memory(), &range, 0x5A);
    let (host, part) = (suite.host.clone(), range.clone());
    let seen = suite.on_worker(move || {
        let seen = holds(host.memory(), &part, &[0x5A]);
        fill(host.memory(), &part, 0xA5);
        seen
    });
    seen.await??;
    holds(suite.host.memory(), &range, &[0xA5])
}

async fn grown_by_workers<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    const WORKERS: u8 = 4;
    const GROWTHS: usize = 16;
    let before = suite.host.memory().committed();
    let grown: Vec<_> = (1..=WORKERS)
        .map(|mark| {
            let host = suite.host.clone();
            suite.on_worker(move || {
                let mut ranges = Vec::new();
                for _ in 0..GROWTHS {
                    let range = host.memory().grow(STEP)?;
                    fill(host.memory(), &range, mark);
                    ranges.push((range, mark));
                }
                Ok::<_, Failure>(ranges)
            })
        })
        .collect();
    let mut granted = Vec::new();
    for ranges in join_all(grown).await {
        for (range, mark) in ranges?? {
            well_formed(suite.host.memory(), &range, STEP, &granted)?;
            holds(suite.host.memory(), &range, &[mark])?;
            granted.push(range);
        }
    }
    let (after, grown) = (suite.host.memory().committed(), granted.len() as u64 * STEP);
    require(after == before + grown, || format!("{before} bytes were committed, then {grown} more: {after}"))
}

/// Whether each step of `range` consists of its byte.
fn holds(memory: &impl SharedMemory, range: &Range<u64>, bytes: &[u8]) -> Result<(), Failure> {
    for (step, &byte) in bytes.iter().enumerate() {
        let expected = u64::from_ne_bytes([byte; 8]);
        for word in 0..STEP / 8 {
            let offset = range.start + step as u64 * STEP + word * 8;
            let address = memory.base().wrapping_add(index(offset)).cast::<u64>();
            // SAFETY: `offset` lies in a range that `grow` returned; the base and it are aligned to more than 8, and
            // while the suite runs nobody else accesses it.
            let found = unsafe { address.read_volatile() };
            require(found == expected, || {
                format!("offset {offset:#x} holds {found:#x}, expected {expected:#x}")
            })?;
        }
    }
    Ok(())
}

fn fill(memory: &impl SharedMemory, range: &Range<u64>, byte: u8) {
    let address = memory.base().wrapping_add(index(range.start));
    // SAFETY: `range` was returned by `grow`, and while the suite runs nobody else accesses it.
    unsafe { address.write_bytes(byte, index(range.end - range.start)) };
}

/// An offset within what was granted, which fits the address space.
fn index(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
