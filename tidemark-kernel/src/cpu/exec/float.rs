//! Floating-point operations in general: operands from registers, any rounding mode, exact flags.
//!
//! Owns: NaN boxing, the rounding-mode field and which softfloat function an operation is. The common cases do not
//! come here but are answered by `fast_float`.

use super::super::block::{Op, Slot};
use super::super::decode::RM_DYN;
use super::super::hart::RegisterFile;
use super::super::softfloat::{self as soft, Double, Env, Format, Rounding, Single};

/// A single in a register: its bits under a pattern that reads as NaN in double.
#[inline(always)]
pub(super) fn boxed(single: u32) -> u64 {
    u64::from(single) | 0xffff_ffff_0000_0000
}

/// The single in a register; the canonical NaN if there is none.
#[inline(always)]
pub(super) fn unboxed(register: u64) -> u32 {
    if register >> 32 == 0xffff_ffff { register as u32 } else { Single::CANONICAL_NAN as u32 }
}

/// Executes a floating-point operation other than loads and stores: `op`, which is the slot's or, if that is fused, the
/// first half's. False, with nothing changed, if its rounding mode
/// is dynamic and `frm` holds a reserved one.
#[inline(never)]
pub(super) fn execute(op: Op, slot: &Slot, regs: &mut RegisterFile, fcsr: &mut u32) -> bool {
    let mode = if slot.aux == i32::from(RM_DYN) { (*fcsr >> 5) & 7 } else { slot.aux as u32 };
    let Some(rounding) = Rounding::from_bits(mode) else { return false };
    let mut env = Env::new(rounding);
    let operands = [regs.get(slot.rs1), regs.get(slot.rs2), regs.get(slot.rs3)];
    let result = if is_single(op) {
        single(op, operands.map(|register| unboxed(register).into()), operands[0], &mut env)
    } else {
        double(op, operands, &mut env)
    };
    regs.set(slot.rd, result);
    *fcsr |= env.flags;
    true
}

/// Whether an operation's floating-point operands are singles, or, where it has none, its result.
fn is_single(op: Op) -> bool {
    use Op::*;
    matches!(
        op,
        FmaddS
            | FmsubS
            | FnmsubS
            | FnmaddS
            | FaddS
            | FsubS
            | FmulS
            | FdivS
            | FsqrtS
            | FsgnjS
            | FsgnjnS
            | FsgnjxS
    ) || matches!(op, FminS | FmaxS | FeqS | FltS | FleS | FclassS | FmvXW | FmvWX | FcvtDS)
        || matches!(op, FcvtWS | FcvtWuS | FcvtLS | FcvtLuS | FcvtSW | FcvtSWu | FcvtSL | FcvtSLu)
}

/// An operation on singles. `raw` is the first source register as it is.
fn single(op: Op, [a, b, c]: [u64; 3], raw: u64, env: &mut Env) -> u64 {
    type F = Single;
    let value = match op {
        Op::FmaddS => soft::fused_multiply_add::<F>(a, b, c, env),
        Op::FmsubS => soft::fused_multiply_add::<F>(a, b, c ^ F::SIGN, env),
        Op::FnmsubS => soft::fused_multiply_add::<F>(a ^ F::SIGN, b, c, env),
        Op::FnmaddS => soft::fused_multiply_add::<F>(a ^ F::SIGN, b, c ^ F::SIGN, env),
        Op::FaddS => soft::add::<F>(a, b, env),
        Op::FsubS => soft::sub::<F>(a, b, env),
        Op::FmulS => soft::mul::<F>(a, b, env),
        Op::FdivS => soft::div::<F>(a, b, env),
        Op::FsqrtS => soft::sqrt::<F>(a, env),
        Op::FsgnjS => sign_from::<F>(a, b),
        Op::FsgnjnS => sign_from::<F>(a, !b),
        Op::FsgnjxS => a ^ (b & F::SIGN),
        Op::FminS => soft::minimum::<F>(a, b, env),
        Op::FmaxS => soft::maximum::<F>(a, b, env),
        Op::FmvWX => raw,
        Op::FcvtSW => soft::from_i64::<F>(raw as i32 as i64, env),
        Op::FcvtSWu => soft::from_u64::<F>(raw as u32 as u64, env),
        Op::FcvtSL => soft::from_i64::<F>(raw as i64, env),
        Op::FcvtSLu => soft::from_u64::<F>(raw, env),

        Op::FeqS => return soft::equal::<F>(a, b, env).into(),
        Op::FltS => return soft::less::<F>(a, b, env).into(),
        Op::FleS => return soft::less_or_equal::<F>(a, b, env).into(),
        Op::FclassS => return soft::classify::<F>(a),
        Op::FmvXW => return raw as i32 as u64,
        Op::FcvtWS => return soft::to_i32::<F>(a, env),
        Op::FcvtWuS => return soft::to_u32::<F>(a, env),
        Op::FcvtLS => return soft::to_i64::<F>(a, env),
        Op::FcvtLuS => return soft::to_u64::<F>(a, env),
        Op::FcvtDS => return soft::resize::<F, Double>(a, env),
        _ => unreachable!("{op:?} is not an operation on singles"),
    };
    boxed(value as u32)
}

/// An operation on doubles.
fn double(op: Op, [a, b, c]: [u64; 3], env: &mut Env) -> u64 {
    type F = Double;
    match op {
        Op::FmaddD => soft::fused_multiply_add::<F>(a, b, c, env),
        Op::FmsubD => soft::fused_multiply_add::<F>(a, b, c ^ F::SIGN, env),
        Op::FnmsubD => soft::fused_multiply_add::<F>(a ^ F::SIGN, b, c, env),
        Op::FnmaddD => soft::fused_multiply_add::<F>(a ^ F::SIGN, b, c ^ F::SIGN, env),
        Op::FaddD => soft::add::<F>(a, b, env),
        Op::FsubD => soft::sub::<F>(a, b, env),
        Op::FmulD => soft::mul::<F>(a, b, env),
        Op::FdivD => soft::div::<F>(a, b, env),
        Op::FsqrtD => soft::sqrt::<F>(a, env),
        Op::FsgnjD => sign_from::<F>(a, b),
        Op::FsgnjnD => sign_from::<F>(a, !b),
        Op::FsgnjxD => a ^ (b & F::SIGN),
        Op::FminD => soft::minimum::<F>(a, b, env),
        Op::FmaxD => soft::maximum::<F>(a, b, env),
        Op::FeqD => soft::equal::<F>(a, b, env).into(),
        Op::FltD => soft::less::<F>(a, b, env).into(),
        Op::FleD => soft::less_or_equal::<F>(a, b, env).into(),
        Op::FclassD => soft::classify::<F>(a),
        Op::FmvXD | Op::FmvDX => a,
        Op::FcvtWD => soft::to_i32::<F>(a, env),
        Op::FcvtWuD => soft::to_u32::<F>(a, env),
        Op::FcvtLD => soft::to_i64::<F>(a, env),
        Op::FcvtLuD => soft::to_u64::<F>(a, env),
        Op::FcvtDW => soft::from_i64::<F>(a as i32 as i64, env),
        Op::FcvtDWu => soft::from_u64::<F>(a as u32 as u64, env),
        Op::FcvtDL => soft::from_i64::<F>(a as i64, env),
        Op::FcvtDLu => soft::from_u64::<F>(a, env),
        Op::FcvtSD => boxed(soft::resize::<F, Single>(a, env) as u32),
        _ => unreachable!("{op:?} is not an operation on doubles"),
    }
}

/// `a` with the sign of `sign`.
fn sign_from<F: Format>(a: u64, sign: u64) -> u64 {
    (a & !F::SIGN) | (sign & F::SIGN)
}
