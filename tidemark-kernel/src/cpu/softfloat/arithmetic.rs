//! Addition, multiplication, division, square root and fused multiply-add.
//!
//! All work on 128-bit significands, of which at most 106 bits carry information. What is shifted out is kept as a
//! sticky bit; there are always enough bits between it and the last one that is kept.

use super::{
    DZ, Env, Finite, Format, Magnitude, Rounding, infinity, invalid, is_negative, magnitude, propagate_nan,
    round, zero,
};
use Magnitude::{Infinity, Nan, Zero};

/// The sum of two values.
pub(in super::super) fn add<F: Format>(a: u64, b: u64, env: &mut Env) -> u64 {
    let (negative_a, negative_b) = (is_negative::<F>(a), is_negative::<F>(b));
    match (magnitude::<F>(a), magnitude::<F>(b)) {
        (Nan, _) | (_, Nan) => propagate_nan::<F>(&[a, b], env),
        (Infinity, Infinity) if negative_a != negative_b => invalid::<F>(env),
        (Infinity, _) => a,
        (_, Infinity) => b,
        (Zero, Zero) if negative_a == negative_b => a,
        (Zero, Zero) => exact_zero::<F>(env),
        (Zero, _) => b,
        (_, Zero) => a,
        (Magnitude::Finite(x), Magnitude::Finite(y)) => {
            round_sum::<F>((negative_a, Wide::from(x)), (negative_b, Wide::from(y)), env)
        }
    }
}

/// The difference of two values.
pub(in super::super) fn sub<F: Format>(a: u64, b: u64, env: &mut Env) -> u64 {
    // Changing a NaN's sign changes neither result nor flags.
    add::<F>(a, b ^ F::SIGN, env)
}

/// The product of two values.
pub(in super::super) fn mul<F: Format>(a: u64, b: u64, env: &mut Env) -> u64 {
    let negative = is_negative::<F>(a ^ b);
    match (magnitude::<F>(a), magnitude::<F>(b)) {
        (Nan, _) | (_, Nan) => propagate_nan::<F>(&[a, b], env),
        (Infinity, Zero) | (Zero, Infinity) => invalid::<F>(env),
        (Infinity, _) | (_, Infinity) => infinity::<F>(negative),
        (Zero, _) | (_, Zero) => zero::<F>(negative),
        (Magnitude::Finite(x), Magnitude::Finite(y)) => Wide::product(x, y).round::<F>(negative, env),
    }
}

/// The quotient of two values.
pub(in super::super) fn div<F: Format>(a: u64, b: u64, env: &mut Env) -> u64 {
    let negative = is_negative::<F>(a ^ b);
    match (magnitude::<F>(a), magnitude::<F>(b)) {
        (Nan, _) | (_, Nan) => propagate_nan::<F>(&[a, b], env),
        (Infinity, Infinity) | (Zero, Zero) => invalid::<F>(env),
        (Infinity, _) => infinity::<F>(negative),
        (Zero, _) | (_, Infinity) => zero::<F>(negative),
        (_, Zero) => {
            env.flags |= DZ;
            infinity::<F>(negative)
        }
        (Magnitude::Finite(x), Magnitude::Finite(y)) => {
            // Between one half and two, so 63 or 64 bits: more than enough for 53.
            let (numerator, denominator) = (u128::from(x.significand) << 63, u128::from(y.significand));
            let (quotient, remainder) = (numerator / denominator, numerator % denominator);
            let wide = Wide { exponent: x.exponent - y.exponent, significand: quotient << 63 };
            Wide { significand: wide.significand | u128::from(remainder != 0), ..wide }
                .round::<F>(negative, env)
        }
    }
}

/// The square root of a value.
pub(in super::super) fn sqrt<F: Format>(a: u64, env: &mut Env) -> u64 {
    match magnitude::<F>(a) {
        Nan => propagate_nan::<F>(&[a], env),
        Zero => a,
        _ if is_negative::<F>(a) => invalid::<F>(env),
        Infinity => a,
        Magnitude::Finite(x) => {
            // An even exponent and a radicand of 127 or 128 bits give a root of 64 bits.
            let odd = x.exponent & 1;
            let radicand = u128::from(x.significand) << (63 + odd);
            let root = radicand.isqrt();
            let wide = Wide { exponent: (x.exponent - odd) / 2, significand: root << 63 };
            let inexact = root * root != radicand;
            Wide { significand: wide.significand | u128::from(inexact), ..wide }.round::<F>(false, env)
        }
    }
}

/// `a` × `b` + `c`, rounded once.
pub(in super::super) fn fused_multiply_add<F: Format>(a: u64, b: u64, c: u64, env: &mut Env) -> u64 {
    let negative = is_negative::<F>(a ^ b);
    let negative_c = is_negative::<F>(c);
    let (x, y, z) = (magnitude::<F>(a), magnitude::<F>(b), magnitude::<F>(c));
    match (x, y) {
        // Invalid even if the addend is a quiet NaN (manual, 21.6).
        (Infinity, Zero) | (Zero, Infinity) => return invalid::<F>(env),
        _ => {}
    }
    match (x, y, z) {
        (Nan, _, _) | (_, Nan, _) | (_, _, Nan) => propagate_nan::<F>(&[a, b, c], env),
        (Infinity, _, Infinity) | (_, Infinity, Infinity) if negative != negative_c => invalid::<F>(env),
        (Infinity, _, _) | (_, Infinity, _) => infinity::<F>(negative),
        (_, _, Infinity) => c,
        (Zero, _, Zero) | (_, Zero, Zero) if negative == negative_c => c,
        (Zero, _, Zero) | (_, Zero, Zero) => exact_zero::<F>(env),
        (Zero, _, _) | (_, Zero, _) => c,
        (Magnitude::Finite(x), Magnitude::Finite(y), Zero) => Wide::product(x, y).round::<F>(negative, env),
        (Magnitude::Finite(x), Magnitude::Finite(y), Magnitude::Finite(z)) => {
            round_sum::<F>((negative, Wide::product(x, y)), (negative_c, Wide::from(z)), env)
        }
    }
}

/// The zero that a sum of opposite values is.
fn exact_zero<F: Format>(env: &Env) -> u64 {
    zero::<F>(env.rounding == Rounding::Down)
}

/// A value with a wide significand: `significand` × 2^(`exponent` − 126). Bit 126 is the highest that is set, or 125
/// or 127 next to it.
#[derive(Clone, Copy)]
struct Wide {
    exponent: i32,
    significand: u128,
}

impl From<Finite> for Wide {
    fn from(value: Finite) -> Self {
        Self { exponent: value.exponent, significand: u128::from(value.significand) << 63 }
    }
}

impl Wide {
    /// The exact product, with bit 126 the highest.
    fn product(x: Finite, y: Finite) -> Self {
        // Between 2^126 and 2^128; its low 22 bits are zero, as no factor has more than 53 bits.
        let product = u128::from(x.significand) * u128::from(y.significand);
        let carry = (product >> 127) as u32;
        Self { exponent: x.exponent + y.exponent + carry as i32, significand: product >> carry }
    }

    fn round<F: Format>(self, negative: bool, env: &mut Env) -> u64 {
        let shift = self.significand.leading_zeros();
        let significand = self.significand << shift;
        let value =
            Finite { exponent: self.exponent + 1 - shift as i32, significand: (significand >> 64) as u64 };
        round::<F>(negative, value, significand as u64 != 0, env)
    }
}

/// Adds two values of which the highest bit is bit 126, and rounds.
fn round_sum<F: Format>((negative_a, a): (bool, Wide), (negative_b, b): (bool, Wide), env: &mut Env) -> u64 {
    let a_is_larger = (a.exponent, a.significand) >= (b.exponent, b.significand);
    let ((negative, large), small) = if a_is_larger { ((negative_a, a), b) } else { ((negative_b, b), a) };
    // Only if the exponents are far apart does shifting lose bits, and then the difference has at least 125 bits,
    // so that a lost bit can be represented by the lowest one.
    let shift = (large.exponent - small.exponent) as u32;
    let shifted = if shift >= 128 {
        u128::from(small.significand != 0)
    } else {
        let kept = small.significand >> shift;
        kept | u128::from(kept << shift != small.significand)
    };
    let significand =
        if negative_a == negative_b { large.significand + shifted } else { large.significand - shifted };
    if significand == 0 {
        return exact_zero::<F>(env);
    }
    Wide { exponent: large.exponent, significand }.round::<F>(negative, env)
}
