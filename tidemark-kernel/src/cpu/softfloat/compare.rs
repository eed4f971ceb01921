//! Comparisons, minimum and maximum, classification.

use super::{Env, Format, NV, is_nan, is_negative, is_signaling};

/// `a == b`; a quiet comparison: only a signaling NaN is invalid.
pub(in super::super) fn equal<F: Format>(a: u64, b: u64, env: &mut Env) -> bool {
    if is_nan::<F>(a) || is_nan::<F>(b) {
        signal_signaling::<F>(a, b, env);
        return false;
    }
    a == b || (a | b) & !F::SIGN == 0
}

/// `a < b`; any NaN is invalid.
pub(in super::super) fn less<F: Format>(a: u64, b: u64, env: &mut Env) -> bool {
    ordered::<F>(a, b, env) && order::<F>(a) < order::<F>(b)
}

/// `a <= b`; any NaN is invalid.
pub(in super::super) fn less_or_equal<F: Format>(a: u64, b: u64, env: &mut Env) -> bool {
    ordered::<F>(a, b, env) && order::<F>(a) <= order::<F>(b)
}

/// IEEE 754-2019 minimumNumber, as F 2.2 asks: a number wins over a NaN, −0 is less than +0.
pub(in super::super) fn minimum<F: Format>(a: u64, b: u64, env: &mut Env) -> u64 {
    select::<F>(a, b, env, |a, b| total_order::<F>(a) < total_order::<F>(b))
}

/// IEEE 754-2019 maximumNumber.
pub(in super::super) fn maximum<F: Format>(a: u64, b: u64, env: &mut Env) -> u64 {
    select::<F>(a, b, env, |a, b| total_order::<F>(a) > total_order::<F>(b))
}

/// The one-bit mask of `fclass`.
pub(in super::super) fn classify<F: Format>(a: u64) -> u64 {
    let magnitude = a & !F::SIGN;
    let class = if is_nan::<F>(a) {
        return if is_signaling::<F>(a) { 1 << 8 } else { 1 << 9 };
    } else if magnitude == F::INFINITY {
        0
    } else if magnitude > F::FRACTION {
        1
    } else if magnitude != 0 {
        2
    } else {
        3
    };
    // Negative classes count up from 0, positive ones down from 7.
    1 << if is_negative::<F>(a) { class } else { 7 - class }
}

fn select<F: Format>(a: u64, b: u64, env: &mut Env, wins: impl Fn(u64, u64) -> bool) -> u64 {
    signal_signaling::<F>(a, b, env);
    match (is_nan::<F>(a), is_nan::<F>(b)) {
        (true, true) => F::CANONICAL_NAN,
        (true, false) => b,
        (false, true) => a,
        (false, false) => {
            if wins(a, b) {
                a
            } else {
                b
            }
        }
    }
}

fn signal_signaling<F: Format>(a: u64, b: u64, env: &mut Env) {
    if is_signaling::<F>(a) || is_signaling::<F>(b) {
        env.flags |= NV;
    }
}

fn ordered<F: Format>(a: u64, b: u64, env: &mut Env) -> bool {
    let ordered = !is_nan::<F>(a) && !is_nan::<F>(b);
    if !ordered {
        env.flags |= NV;
    }
    ordered
}

/// An integer that orders as the values do, zeros equal.
fn order<F: Format>(a: u64) -> i64 {
    let magnitude = (a & !F::SIGN) as i64;
    if is_negative::<F>(a) { -magnitude } else { magnitude }
}

/// An integer that orders as the values do, −0 below +0.
fn total_order<F: Format>(a: u64) -> i64 {
    let magnitude = (a & !F::SIGN) as i64;
    if is_negative::<F>(a) { !magnitude } else { magnitude }
}
