//! Outside of the loop: what is rare or needs a call, one instruction at a time.
//!
//! Owns: what happens between leaving the loop and entering it again. Does not own: why execution stops altogether, which
//! goes through here unchanged.

use super::super::block::{Op, Slot};
use super::super::exit::{Access, Exit};
use super::super::tlb::Tlb;
use super::alu::{mulh, mulhsu, mulhu, sext32};
use super::cursor::Cursor;
use super::machine::{Left, Machine, Stop};
use super::{atomic, csr, float};
use crate::mem::ram::Word;

/// Halfwords of the instructions that are executed here, unless they say otherwise.
const WIDE: usize = 2;

/// Does what the loop was left for at `cursor`. Returns where to enter it again, or why execution stops.
pub(super) fn go_on(m: &mut Machine<'_>, mut cursor: Cursor) -> Result<Cursor, Stop> {
    let halfwords = match m.left {
        Left::Stopped(stop) => return Err(stop),
        Left::Outside => operation(m, cursor.slot())?,
        Left::Miss { access, size } => miss(m, cursor.slot(), access, size)?,
    };
    if halfwords > 0 {
        m.budget -= 1;
        cursor.advance(halfwords);
    }
    Ok(cursor)
}

/// The instruction of a slot, of a fused one the first. Returns how far to go on from it, as the others do.
fn operation(m: &mut Machine<'_>, slot: &Slot) -> Result<usize, Stop> {
    match slot.op {
        op if atomic::is_atomic(op) => {
            let operands = (m.hart.regs.get(slot.rs1), m.hart.regs.get(slot.rs2));
            let value = atomic::execute(slot, operands, &mut m.hart.reservation, (m.ram, m.table));
            let value = value.map_err(|exit| leave(m, exit))?;
            m.hart.regs.set(slot.rd, value);
        }
        Op::Csrrw | Op::Csrrs | Op::Csrrc | Op::Csrrwi | Op::Csrrsi | Op::Csrrci => {
            let instret = m.hart.instret.wrapping_add((m.granted - m.budget) as u64);
            m.hart.regs.set(slot.rd, csr::counter(slot, instret, m.ticks));
        }
        Op::Mulh | Op::Mulhsu | Op::Mulhu => {
            let (a, b) = (m.hart.regs.get(slot.rs1), m.hart.regs.get(slot.rs2));
            let value = match slot.op {
                Op::Mulh => mulh(a, b),
                Op::Mulhsu => mulhsu(a, b),
                _ => mulhu(a, b),
            };
            m.hart.regs.set(slot.rd, value);
        }
        op => {
            let op = if op == Op::FmulFaddD { Op::FmulD } else { op };
            if !float::execute(op, slot, &mut m.hart.regs, &mut m.hart.fcsr) {
                return Err(Stop::IllegalRounding);
            }
        }
    }
    Ok(WIDE)
}

/// Caches the translation for an access, so that the loop can do it; or does it here, if no single translation covers it.
fn miss(m: &mut Machine<'_>, slot: &Slot, access: Access, size: u8) -> Result<usize, Stop> {
    let covered = m.tlb.fill(m.ram, m.table, m.va, access, size.into()).map_err(|exit| leave(m, exit))?;
    if covered { Ok(0) } else { scattered(m, slot) }
}

/// A load or store over two extents.
fn scattered(m: &mut Machine<'_>, slot: &Slot) -> Result<usize, Stop> {
    let stored = m.hart.regs.get(slot.rs2);
    let loaded = match slot.op {
        Op::Lh => load::<u16>(m).map(|v| v as i16 as u64),
        Op::Lhu => load::<u16>(m).map(u64::from),
        Op::Lw | Op::LwC => load::<u32>(m).map(|v| sext32(v.into())),
        Op::Lwu => load::<u32>(m).map(u64::from),
        Op::Flw => load::<u32>(m).map(float::boxed),
        Op::Ld | Op::Fld | Op::LdC | Op::FldC => load::<u64>(m),
        Op::Sh => return store(m, stored as u16).map(|()| WIDE),
        Op::Sw | Op::Fsw => return store(m, stored as u32).map(|()| WIDE),
        Op::SwC => return store(m, stored as u32).map(|()| 1),
        Op::Sd | Op::Fsd => return store(m, stored).map(|()| WIDE),
        Op::SdC | Op::FsdC => return store(m, stored).map(|()| 1),
        // Fused with another: alone, it comes here again.
        _ => return Err(Stop::Alone),
    };
    m.hart.regs.set(slot.rd, loaded?);
    Ok(if matches!(slot.op, Op::LwC | Op::LdC | Op::FldC) { 1 } else { WIDE })
}

fn load<T: Word>(m: &mut Machine<'_>) -> Result<T, Stop> {
    Tlb::load_scattered(m.ram, m.table, m.va).map_err(|exit| leave(m, exit))
}

fn store<T: Word>(m: &mut Machine<'_>, value: T) -> Result<(), Stop> {
    Tlb::store_scattered(m.ram, m.table, m.va, value).map_err(|exit| leave(m, exit))
}

fn leave(m: &mut Machine<'_>, exit: Exit) -> Stop {
    m.exit = exit;
    Stop::Exit
}
