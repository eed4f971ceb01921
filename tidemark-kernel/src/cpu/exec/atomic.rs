//! LR, SC and the AMOs, with the host's atomics, so that they hold between harts that run in parallel.
//!
//! Every one is sequentially consistent, whatever its `aq` and `rl` bits: stronger than asked for, and what the
//! host's read-modify-write operations cost anyway.

use super::super::block::{Op, Slot};
use super::super::exit::{Access, Exit};
use super::super::hart::Reservation;
use super::super::tlb::atomic_offset;
use super::alu::sext32;
use crate::mem::page_table::PageTable;
use crate::mem::ram::GuestRam;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// Executes an atomic operation at `va` and returns what goes to `rd`.
///
/// SC succeeds if the word still holds what LR loaded, by compare-exchange. That also accepts a word that was changed
/// and changed back, which no program can rely on to fail in user mode; qemu does the same.
///
/// # Errors
///
/// [`Exit::Misaligned`] and [`Exit::PageFault`]; nothing has been changed then.
#[inline(never)]
pub(super) fn execute(
    slot: &Slot,
    (va, operand): (u64, u64),
    reservation: &mut Option<Reservation>,
    (ram, table): (GuestRam, &PageTable),
) -> Result<u64, Exit> {
    let op = slot.op;
    let size = if is_word(op) { 4 } else { 8 };
    let access = if matches!(op, Op::LrW | Op::LrD) { Access::Read } else { Access::Write };
    if matches!(op, Op::ScW | Op::ScD) {
        let reserved = reservation.take().filter(|held| held.addr == va && held.size == size);
        let Some(held) = reserved else {
            // Fails without touching memory, but a misaligned address is still one.
            return if va.is_multiple_of(size.into()) { Ok(1) } else { Err(Exit::Misaligned { addr: va }) };
        };
        let at = atomic_offset(table, va, size.into(), access)?;
        let stored = if size == 4 {
            let (old, new) = (held.value as u32, operand as u32);
            ram.atomic_u32(at).compare_exchange(old, new, SeqCst, SeqCst).is_ok()
        } else {
            ram.atomic_u64(at).compare_exchange(held.value, operand, SeqCst, SeqCst).is_ok()
        };
        return Ok(u64::from(!stored));
    }
    let at = atomic_offset(table, va, size.into(), access)?;
    if access == Access::Read {
        let value = if size == 4 {
            sext32(ram.atomic_u32(at).load(SeqCst).into())
        } else {
            ram.atomic_u64(at).load(SeqCst)
        };
        *reservation = Some(Reservation { addr: va, value, size });
        return Ok(value);
    }
    Ok(if size == 4 {
        sext32(amo_word(op, ram.atomic_u32(at), operand as u32).into())
    } else {
        amo_double(op, ram.atomic_u64(at), operand)
    })
}

/// Whether an operation is one of these.
pub(super) fn is_atomic(op: Op) -> bool {
    use Op::*;
    is_word(op)
        || matches!(op, LrD | ScD | AmoswapD | AmoaddD | AmoxorD | AmoandD | AmoorD | AmominD | AmomaxD)
        || matches!(op, AmominuD | AmomaxuD)
}

fn is_word(op: Op) -> bool {
    use Op::*;
    matches!(
        op,
        LrW | ScW | AmoswapW | AmoaddW | AmoxorW | AmoandW | AmoorW | AmominW | AmomaxW | AmominuW | AmomaxuW
    )
}

/// The old value.
fn amo_word(op: Op, cell: &AtomicU32, operand: u32) -> u32 {
    let signed = |pick: fn(i32, i32) -> i32| {
        cell.fetch_update(SeqCst, SeqCst, |old| Some(pick(old as i32, operand as i32) as u32))
            .unwrap_or_else(|old| old)
    };
    match op {
        Op::AmoswapW => cell.swap(operand, SeqCst),
        Op::AmoaddW => cell.fetch_add(operand, SeqCst),
        Op::AmoxorW => cell.fetch_xor(operand, SeqCst),
        Op::AmoandW => cell.fetch_and(operand, SeqCst),
        Op::AmoorW => cell.fetch_or(operand, SeqCst),
        Op::AmominW => signed(i32::min),
        Op::AmomaxW => signed(i32::max),
        Op::AmominuW => cell.fetch_min(operand, SeqCst),
        Op::AmomaxuW => cell.fetch_max(operand, SeqCst),
        _ => unreachable!("{op:?} is not a word AMO"),
    }
}

/// The old value.
fn amo_double(op: Op, cell: &AtomicU64, operand: u64) -> u64 {
    let signed = |pick: fn(i64, i64) -> i64| {
        cell.fetch_update(SeqCst, SeqCst, |old| Some(pick(old as i64, operand as i64) as u64))
            .unwrap_or_else(|old| old)
    };
    match op {
        Op::AmoswapD => cell.swap(operand, SeqCst),
        Op::AmoaddD => cell.fetch_add(operand, SeqCst),
        Op::AmoxorD => cell.fetch_xor(operand, SeqCst),
        Op::AmoandD => cell.fetch_and(operand, SeqCst),
        Op::AmoorD => cell.fetch_or(operand, SeqCst),
        Op::AmominD => signed(i64::min),
        Op::AmomaxD => signed(i64::max),
        Op::AmominuD => cell.fetch_min(operand, SeqCst),
        Op::AmomaxuD => cell.fetch_max(operand, SeqCst),
        _ => unreachable!("{op:?} is not a doubleword AMO"),
    }
}
