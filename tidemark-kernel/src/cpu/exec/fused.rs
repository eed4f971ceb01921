//! Fused multiply-add from the host's other operations, for hosts that have no such instruction (WebAssembly).
//!
//! The product and the sums are kept as a rounded value and its exact error; what is left of them is added with
//! rounding to odd, so that the last rounding sees on which side of a tie it is (Boldo and Melquiond, "Emulation of
//! FMA and correctly rounded sums: proved algorithms using rounding to odd", IEEE Transactions on Computers 57(4), 2008).
//! When that may be used at all, and why `None` is a safe answer, is said in `fast_float`.

/// Exponents of operands for which no intermediate result overflows or is subnormal: of 2⁻³⁰⁰ to 2³⁰⁰.
const SAFE_EXPONENTS: std::ops::RangeInclusive<u64> = 1023 - 300..=1023 + 300;

/// Multiplying by it splits a double into two halves of 26 bits (Veltkamp).
const SPLITTER: f64 = ((1 << 27) + 1) as f64;

/// The result, or none if the operands are not safe. It is right if it is well inside the normal range.
#[inline(always)]
pub(super) fn double(a: f64, b: f64, c: f64) -> Option<f64> {
    let is_safe = |value: f64| SAFE_EXPONENTS.contains(&((value.to_bits() >> 52) & 0x7ff));
    if !is_safe(a) || !is_safe(b) {
        return None;
    }
    if c == 0.0 {
        return Some(a * b);
    }
    if !is_safe(c) {
        return None;
    }
    let (product, product_error) = exact_product(a, b);
    let (low, low_error) = exact_sum(c, product_error);
    let (high, high_error) = exact_sum(product, low);
    Some(high + sum_to_odd(low_error, high_error))
}

/// The result, as for doubles. A product of singles is exact in double, and a sum rounded to odd there is as good as exact.
#[inline(always)]
pub(super) fn single(a: f32, b: f32, c: f32) -> Option<f32> {
    Some(sum_to_odd(f64::from(a) * f64::from(b), c.into()) as f32)
}

/// The rounded sum and its error (Knuth).
#[inline(always)]
fn exact_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

/// The rounded product and its error (Dekker).
#[inline(always)]
fn exact_product(a: f64, b: f64) -> (f64, f64) {
    let split = |value: f64| {
        let scaled = SPLITTER * value;
        let high = scaled - (scaled - value);
        (high, value - high)
    };
    let (product, (a_high, a_low), (b_high, b_low)) = (a * b, split(a), split(b));
    let error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
    (product, error)
}

/// The sum, if it is inexact rounded to the neighbour whose last bit is set.
#[inline(always)]
fn sum_to_odd(a: f64, b: f64) -> f64 {
    let (sum, error) = exact_sum(a, b);
    if error == 0.0 || sum.to_bits() & 1 == 1 {
        return sum;
    }
    // Of a sum that is not zero, one bit pattern up is away from zero.
    let away = (error > 0.0) == (sum > 0.0);
    f64::from_bits(if away { sum.to_bits().wrapping_add(1) } else { sum.to_bits().wrapping_sub(1) })
}

#[cfg(test)]
mod tests {
    use super::super::fast_float::HostFloat;
    use super::*;

    /// Numbers of a few exponents and with runs of equal bits, so that sums cancel and ties happen.
    fn numbers() -> impl Iterator<Item = u64> {
        let mut state = 1u64;
        std::iter::from_fn(move || {
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state >> 20
            };
            let (bits, from, to) = (next() << 20 ^ next(), next() % 64, next() % 64);
            let run = (u64::MAX << from) ^ (u64::MAX << to);
            Some(if next().is_multiple_of(2) { bits ^ run } else { run })
        })
    }

    #[test]
    fn doubles_agree_with_a_fused_multiply_add() {
        let near_one = |bits: u64| {
            let exponent = 1023 - 60 + (bits >> 52) % 120;
            f64::from_bits((bits & 0x800f_ffff_ffff_ffff) | exponent << 52)
        };
        let mut numbers = numbers().map(near_one);
        for _ in 0..300_000 {
            let (Some(a), Some(b), Some(c)) = (numbers.next(), numbers.next(), numbers.next()) else {
                return;
            };
            for c in [c, -(a * b), 1.5 * a * b, 0.0] {
                let result = double(a, b, c).map(f64::to_bits);
                assert_eq!(result, Some(a.mul_add(b, c).to_bits()), "{a:e} * {b:e} + {c:e}");
            }
        }
    }

    #[test]
    fn singles_agree_with_a_fused_multiply_add() {
        let mut numbers = numbers().map(|bits| f32::from_bits((bits >> 16) as u32));
        let well_inside = |result: f32| HostFloat::is_well_inside(result).then_some(result.to_bits());
        let mut compared = 0;
        for _ in 0..300_000 {
            let (Some(a), Some(b), Some(c)) = (numbers.next(), numbers.next(), numbers.next()) else {
                return;
            };
            for c in [c, -(a * b), a * b * 1.5] {
                let expected = well_inside(a.mul_add(b, c));
                compared += usize::from(expected.is_some());
                assert_eq!(single(a, b, c).and_then(well_inside), expected, "{a:e} * {b:e} + {c:e}");
            }
        }
        assert!(compared > 100_000);
    }

    #[test]
    fn operands_that_could_overflow_or_underflow_are_refused() {
        for extreme in [f64::MAX, f64::MIN_POSITIVE, 1e-310, f64::INFINITY, f64::NAN, 1e200, 1e-200, 0.0] {
            assert_eq!(double(extreme, 1.0, 1.0), None);
            assert_eq!(double(1.0, extreme, 1.0), None);
            assert!(extreme == 0.0 || double(1.0, 1.0, extreme).is_none());
        }
    }
}
