//! IEEE 754 arithmetic in integers: five rounding modes, five flags, canonical NaNs, as RISC-V's F and D ask.
//!
//! Owns: exact results and flags for binary32 and binary64. Does not own: registers, NaN boxing, rounding-mode fields,
//! or the fast path on the host's own arithmetic (`cpu::exec::float`).
//!
//! Values are passed as bits in a `u64`, for both formats; [`Format`] tells them apart. Inside, both unpack to the same
//! [`Finite`] with a 64-bit significand, and [`round`] is the only place that rounds. Tininess is detected after
//! rounding (manual, chapter 21.2).

mod arithmetic;
mod compare;
mod convert;
#[cfg(test)]
mod tests;

pub(super) use arithmetic::{add, div, fused_multiply_add, mul, sqrt, sub};
pub(super) use compare::{classify, equal, less, less_or_equal, maximum, minimum};
pub(super) use convert::{from_i64, from_u64, resize, to_i32, to_i64, to_u32, to_u64};

/// Inexact.
pub(super) const NX: u32 = 1;
/// Underflow.
pub(super) const UF: u32 = 2;
/// Overflow.
pub(super) const OF: u32 = 4;
/// Division by zero.
pub(super) const DZ: u32 = 8;
/// Invalid operation.
pub(super) const NV: u32 = 16;

/// A rounding mode, by its encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rounding {
    /// RNE: to nearest, ties to even.
    NearestEven,
    /// RTZ.
    TowardZero,
    /// RDN.
    Down,
    /// RUP.
    Up,
    /// RMM: to nearest, ties away from zero.
    NearestAway,
}

impl Rounding {
    /// The mode of an encoding, if it is not reserved.
    pub(super) fn from_bits(bits: u32) -> Option<Self> {
        [Self::NearestEven, Self::TowardZero, Self::Down, Self::Up, Self::NearestAway]
            .get(bits as usize)
            .copied()
    }
}

/// The rounding mode of an operation, and the flags it raises.
#[derive(Clone, Copy, Debug)]
pub(super) struct Env {
    pub(super) rounding: Rounding,
    pub(super) flags: u32,
}

impl Env {
    pub(super) fn new(rounding: Rounding) -> Self {
        Self { rounding, flags: 0 }
    }
}

/// An interchange format.
pub(super) trait Format {
    /// Bits of the significand, with the implicit one.
    const PRECISION: u32;
    /// Largest exponent of a finite value; also the bias.
    const EXPONENT_MAX: i32;
    /// All bits of the encoding.
    const WIDTH: u32;

    /// Smallest exponent of a normal value.
    const EXPONENT_MIN: i32 = 1 - Self::EXPONENT_MAX;
    /// Mask of the fraction field.
    const FRACTION: u64 = (1 << (Self::PRECISION - 1)) - 1;
    /// The sign bit.
    const SIGN: u64 = 1 << (Self::WIDTH - 1);
    /// Positive infinity: also the mask of the exponent field.
    const INFINITY: u64 = (Self::SIGN - 1) & !Self::FRACTION;
    /// The bit that makes a NaN quiet.
    const QUIET: u64 = 1 << (Self::PRECISION - 2);
    /// The NaN that every operation returns.
    const CANONICAL_NAN: u64 = Self::INFINITY | Self::QUIET;
}

/// binary32.
pub(super) struct Single;

impl Format for Single {
    const PRECISION: u32 = 24;
    const EXPONENT_MAX: i32 = 127;
    const WIDTH: u32 = 32;
}

/// binary64.
pub(super) struct Double;

impl Format for Double {
    const PRECISION: u32 = 53;
    const EXPONENT_MAX: i32 = 1023;
    const WIDTH: u32 = 64;
}

/// A finite value that is not zero: `significand` × 2^(`exponent` − 63), with the significand's bit 63 set.
#[derive(Clone, Copy)]
struct Finite {
    exponent: i32,
    significand: u64,
}

/// What a value's bits stand for, sign aside.
#[derive(Clone, Copy)]
enum Magnitude {
    Zero,
    Finite(Finite),
    Infinity,
    Nan,
}

fn is_negative<F: Format>(bits: u64) -> bool {
    bits & F::SIGN != 0
}

fn is_nan<F: Format>(bits: u64) -> bool {
    bits & !F::SIGN > F::INFINITY
}

fn is_signaling<F: Format>(bits: u64) -> bool {
    is_nan::<F>(bits) && bits & F::QUIET == 0
}

fn zero<F: Format>(negative: bool) -> u64 {
    if negative { F::SIGN } else { 0 }
}

fn infinity<F: Format>(negative: bool) -> u64 {
    zero::<F>(negative) | F::INFINITY
}

fn magnitude<F: Format>(bits: u64) -> Magnitude {
    let fraction = bits & F::FRACTION;
    let biased = ((bits & F::INFINITY) >> (F::PRECISION - 1)) as i32;
    let spare = 64 - F::PRECISION;
    if bits & F::INFINITY == F::INFINITY {
        return if fraction == 0 { Magnitude::Infinity } else { Magnitude::Nan };
    }
    if biased != 0 {
        let significand = (fraction | (F::FRACTION + 1)) << spare;
        return Magnitude::Finite(Finite { exponent: biased - F::EXPONENT_MAX, significand });
    }
    if fraction == 0 {
        return Magnitude::Zero;
    }
    let shift = fraction.leading_zeros();
    let exponent = F::EXPONENT_MIN + spare as i32 - shift as i32;
    Magnitude::Finite(Finite { exponent, significand: fraction << shift })
}

/// The canonical NaN, after raising NV if an operand is a signaling NaN.
fn propagate_nan<F: Format>(operands: &[u64], env: &mut Env) -> u64 {
    if operands.iter().any(|bits| is_signaling::<F>(*bits)) {
        env.flags |= NV;
    }
    F::CANONICAL_NAN
}

/// The canonical NaN of an invalid operation.
fn invalid<F: Format>(env: &mut Env) -> u64 {
    env.flags |= NV;
    F::CANONICAL_NAN
}

/// Whether a value whose kept part is `kept` and whose cut part is `cut` of `unit` (plus something smaller if
/// `sticky`) is rounded away from zero.
fn rounds_up(rounding: Rounding, negative: bool, kept: u64, cut: u64, unit: u64, sticky: bool) -> bool {
    let half = unit / 2;
    let inexact = cut != 0 || sticky;
    match rounding {
        Rounding::NearestEven => cut > half || (cut == half && (sticky || kept & 1 == 1)),
        Rounding::NearestAway => cut >= half,
        Rounding::TowardZero => false,
        Rounding::Down => negative && inexact,
        Rounding::Up => !negative && inexact,
    }
}

/// Rounds to a format. `sticky` says that the true value is a little above the significand.
fn round<F: Format>(negative: bool, value: Finite, sticky: bool, env: &mut Env) -> u64 {
    let Finite { mut exponent, significand } = value;
    let spare = 64 - F::PRECISION;
    let unit = 1u64 << spare;
    let sign = zero::<F>(negative);
    // The significand at the format's precision, and whether that is inexact.
    let rounded = |significand: u64, sticky: bool| {
        let (kept, cut) = (significand >> spare, significand & (unit - 1));
        let up = rounds_up(env.rounding, negative, kept, cut, unit, sticky);
        (kept + u64::from(up), cut != 0 || sticky)
    };
    let (mut kept, inexact) = rounded(significand, sticky);
    let carried = kept > F::FRACTION * 2 + 1;
    if exponent < F::EXPONENT_MIN {
        // Tiny after rounding, unless rounding as if the exponent had no bound reaches the smallest normal.
        let tiny = exponent < F::EXPONENT_MIN - 1 || !carried;
        let shift = (F::EXPONENT_MIN - exponent) as u32;
        let (shifted, lost) = shift_right_sticky(significand, shift);
        let (kept, inexact) = rounded(shifted, lost || sticky);
        if inexact {
            env.flags |= NX | if tiny { UF } else { 0 };
        }
        // A carry into the exponent field makes the smallest normal, as it should.
        return sign | kept;
    }
    if carried {
        kept >>= 1;
        exponent += 1;
    }
    if exponent > F::EXPONENT_MAX {
        env.flags |= OF | NX;
        let to_infinity = match env.rounding {
            Rounding::NearestEven | Rounding::NearestAway => true,
            Rounding::TowardZero => false,
            Rounding::Down => negative,
            Rounding::Up => !negative,
        };
        return sign | (F::INFINITY - u64::from(!to_infinity));
    }
    if inexact {
        env.flags |= NX;
    }
    let biased = (exponent + F::EXPONENT_MAX) as u64;
    sign | (biased << (F::PRECISION - 1)) | (kept & F::FRACTION)
}

/// `value >> shift`, and whether a set bit was shifted out.
fn shift_right_sticky(value: u64, shift: u32) -> (u64, bool) {
    if shift >= 64 { (0, value != 0) } else { (value >> shift, value & ((1 << shift) - 1) != 0) }
}
