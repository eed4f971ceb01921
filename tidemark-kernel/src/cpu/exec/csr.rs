//! Control and status registers: floating-point state and the user counters.

use super::super::block::{Op, Slot};
use super::super::core::TickSource;

/// `fflags`, `frm` and `fcsr`.
const FFLAGS: i32 = 0x001;
const FRM: i32 = 0x002;
const FCSR: i32 = 0x003;
/// The counter of time.
const TIME: i32 = 0xc01;

/// Executes an instruction on the floating-point state: writes `fcsr` if it does, and returns the old value for `rd`.
/// Nothing if it is on a counter. `rs1` is the value of that register.
#[inline(always)]
pub(super) fn float_state(slot: &Slot, rs1: u64, fcsr: &mut u32) -> Option<u64> {
    let (shift, mask) = match slot.imm {
        FFLAGS => (0, 0x1f),
        FRM => (5, 0x7),
        FCSR => (0, 0xff),
        _ => return None,
    };
    let old = (*fcsr >> shift) & mask;
    // Setting and clearing no bits is not writing, but the same here.
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
    Some(old.into())
}

/// The value of a counter, which the decoder lets nobody write. `instret` counts the instructions before this one.
pub(super) fn counter(slot: &Slot, instret: u64, ticks: &dyn TickSource) -> u64 {
    // `cycle` and `instret` are the same here.
    if slot.imm == TIME { ticks.ticks(instret) } else { instret }
}
