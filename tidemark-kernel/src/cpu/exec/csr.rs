//! Control and status registers: floating-point state and the user counters.

use super::super::block::{Op, Slot};
use super::super::core::TickSource;

/// `fflags`, `frm` and `fcsr`.
const FFLAGS: i32 = 0x001;
const FRM: i32 = 0x002;
/// `cycle` and `instret`, which are the same here; `time`.
const CYCLE: i32 = 0xc00;
const TIME: i32 = 0xc01;
const INSTRET: i32 = 0xc02;

/// Executes a CSR instruction that the decoder allowed: writes `fcsr` if it does, and returns the old value for `rd`.
///
/// `rs1` is the value of that register; `instret` counts the instructions before this one.
#[inline(never)]
pub(super) fn execute(slot: &Slot, rs1: u64, fcsr: &mut u32, instret: u64, ticks: &dyn TickSource) -> u64 {
    let (shift, mask) = match slot.imm {
        FFLAGS => (0, 0x1f),
        FRM => (5, 0x7),
        CYCLE | INSTRET => return instret,
        TIME => return ticks.ticks(instret),
        _ => (0, 0xff),
    };
    let old = (*fcsr >> shift) & mask;
    // Setting and clearing no bits is not writing, but the same here; the counters cannot be written.
    let (register, immediate) = (rs1 as u32, u32::from(slot.rs1.number()));
    let new = match slot.op {
        Op::Csrrw => register,
        Op::Csrrwi => immediate,
        Op::Csrrs => old | register,
        Op::Csrrsi => old | immediate,
        Op::Csrrc => old & !register,
        _ => old & !immediate,
    };
    *fcsr = (*fcsr & !(mask << shift)) | ((new & mask) << shift);
    old.into()
}
