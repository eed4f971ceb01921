//! Conversions: between the formats, and from and to integers.

use super::{
    Env, Finite, Format, Magnitude, NV, NX, infinity, is_negative, magnitude, propagate_nan, round,
    rounds_up, shift_right_sticky, zero,
};

/// A value of format `From` in format `To`.
pub(in super::super) fn resize<From: Format, To: Format>(a: u64, env: &mut Env) -> u64 {
    let negative = is_negative::<From>(a);
    match magnitude::<From>(a) {
        Magnitude::Nan => {
            propagate_nan::<From>(&[a], env);
            To::CANONICAL_NAN
        }
        Magnitude::Infinity => infinity::<To>(negative),
        Magnitude::Zero => zero::<To>(negative),
        Magnitude::Finite(value) => round::<To>(negative, value, false, env),
    }
}

/// An unsigned integer as a value.
pub(in super::super) fn from_u64<F: Format>(value: u64, env: &mut Env) -> u64 {
    from_sign_magnitude::<F>(false, value, env)
}

/// A signed integer as a value.
pub(in super::super) fn from_i64<F: Format>(value: i64, env: &mut Env) -> u64 {
    from_sign_magnitude::<F>(value < 0, value.unsigned_abs(), env)
}

/// To a signed 32-bit integer, saturating; out of range and NaN are invalid.
pub(in super::super) fn to_i32<F: Format>(a: u64, env: &mut Env) -> u64 {
    to_integer::<F>(a, i32::MIN.into(), i32::MAX.into(), env) as u64
}

/// To an unsigned 32-bit integer, sign-extended from its 32 bits as RISC-V keeps them.
pub(in super::super) fn to_u32<F: Format>(a: u64, env: &mut Env) -> u64 {
    to_integer::<F>(a, 0, u32::MAX.into(), env) as i32 as u64
}

/// To a signed 64-bit integer.
pub(in super::super) fn to_i64<F: Format>(a: u64, env: &mut Env) -> u64 {
    to_integer::<F>(a, i64::MIN.into(), i64::MAX.into(), env) as u64
}

/// To an unsigned 64-bit integer.
pub(in super::super) fn to_u64<F: Format>(a: u64, env: &mut Env) -> u64 {
    to_integer::<F>(a, 0, u64::MAX.into(), env) as u64
}

fn from_sign_magnitude<F: Format>(negative: bool, value: u64, env: &mut Env) -> u64 {
    if value == 0 {
        return 0;
    }
    let shift = value.leading_zeros();
    round::<F>(negative, Finite { exponent: 63 - shift as i32, significand: value << shift }, false, env)
}

/// The nearest integer of a range in the rounding mode's sense; outside, the nearer end, and NaN the upper one.
fn to_integer<F: Format>(a: u64, min: i128, max: i128, env: &mut Env) -> i128 {
    let negative = is_negative::<F>(a);
    let outside = |env: &mut Env, end| {
        env.flags |= NV;
        end
    };
    let value = match magnitude::<F>(a) {
        Magnitude::Nan => return outside(env, max),
        Magnitude::Zero => return 0,
        Magnitude::Infinity => return outside(env, if negative { min } else { max }),
        Magnitude::Finite(value) => value,
    };
    if value.exponent > 63 {
        return outside(env, if negative { min } else { max });
    }
    // One bit below the integer, so that a half can be told from what is left.
    let shift = (63 - value.exponent) as u32;
    let (kept, cut, sticky) = if shift == 0 {
        (value.significand, 0, false)
    } else {
        let (doubled, sticky) = shift_right_sticky(value.significand, shift - 1);
        (doubled >> 1, doubled & 1, sticky)
    };
    let up = rounds_up(env.rounding, negative, kept, cut, 2, sticky);
    let magnitude = i128::from(kept) + i128::from(up);
    let integer = if negative { -magnitude } else { magnitude };
    if integer < min || integer > max {
        return outside(env, if negative { min } else { max });
    }
    if cut != 0 || sticky {
        env.flags |= NX;
    }
    integer
}
