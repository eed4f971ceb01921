//! Control and status registers: floating-point state and the user counters.

use super::super::block::Op;

/// `fflags`, `frm` and `fcsr`.
const FFLAGS: i32 = 0x001;
const FRM: i32 = 0x002;
/// `cycle` and `instret`, which are the same here; `time`.
const CYCLE: i32 = 0xc00;
const TIME: i32 = 0xc01;
const INSTRET: i32 = 0xc02;

/// Executes a CSR instruction that the decoder allowed: writes `fcsr` if it does, and returns the old value for `rd`.
///
/// `operand` is the register or immediate; `touches` whether csrrs/csrrc write at all (their `rs1` field is not
/// zero). `instret` counts the instructions before this one.
#[inline(never)]
pub(super) fn execute(
    (op, csr): (Op, i32),
    (operand, touches): (u64, bool),
    fcsr: &mut u32,
    instret: u64,
    ticks: impl FnOnce() -> u64,
) -> u64 {
    let (shift, mask) = match csr {
        FFLAGS => (0, 0x1f),
        FRM => (5, 0x7),
        CYCLE | INSTRET => return instret,
        TIME => return ticks(),
        _ => (0, 0xff),
    };
    let old = (*fcsr >> shift) & mask;
    let operand = operand as u32;
    let new = match op {
        Op::Csrrw | Op::Csrrwi => operand,
        Op::Csrrs | Op::Csrrsi if touches => old | operand,
        Op::Csrrc | Op::Csrrci if touches => old & !operand,
        _ => old,
    };
    *fcsr = (*fcsr & !(mask << shift)) | ((new & mask) << shift);
    old.into()
}
