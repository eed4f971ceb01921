//! Against the host's arithmetic where that exists, against what rounding means where not. The whole is compared with
//! qemu by the random and edge tests of the processor.

use super::*;

/// Reproducible operands that favour the ends of each field.
struct Operands(u64);

impl Operands {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let x = self.0;
        (x ^ (x >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn value<F: Format>(&mut self) -> u64 {
        let choice = self.next() >> 59;
        let bits = self.next();
        let sign = bits & F::SIGN;
        let fraction = match choice & 3 {
            0 => 0,
            1 => F::FRACTION & !(bits >> 40 & 3),
            _ => self.next() & F::FRACTION,
        };
        let exponent = match choice >> 2 {
            0 => 0,
            1 => F::INFINITY,
            2 => F::INFINITY - (F::FRACTION + 1) * (1 + (bits & 3)),
            3 => (F::FRACTION + 1) * (1 + (bits & 3)),
            4 => bits & F::INFINITY,
            _ => (F::FRACTION + 1) * (F::EXPONENT_MAX as u64 - 2 + (bits & 7)),
        };
        sign | exponent | fraction
    }
}

fn env() -> Env {
    Env::new(Rounding::NearestEven)
}

/// Same bits, or both NaN and ours canonical.
fn assert_same<F: Format>(ours: u64, host: u64, what: std::fmt::Arguments<'_>) {
    let same = if is_nan::<F>(host) { ours == F::CANONICAL_NAN } else { ours == host };
    assert!(same, "{what}: {ours:#x}, on the host {host:#x}");
}

macro_rules! agrees_with_host {
    ($name:ident, $format:ty, $float:ty, $bits:ty) => {
        #[test]
        fn $name() {
            type F = $format;
            let mut operands = Operands(1);
            for _ in 0..200_000 {
                let [a, b, c] = std::array::from_fn(|_| operands.value::<F>());
                let [x, y, z] = [a, b, c].map(|bits| <$float>::from_bits(bits as $bits));
                let host = |value: $float| u64::from(value.to_bits());
                let at = format_args!("{a:#x} {b:#x} {c:#x}");
                assert_same::<F>(add::<F>(a, b, &mut env()), host(x + y), at);
                assert_same::<F>(sub::<F>(a, b, &mut env()), host(x - y), at);
                assert_same::<F>(mul::<F>(a, b, &mut env()), host(x * y), at);
                assert_same::<F>(div::<F>(a, b, &mut env()), host(x / y), at);
                assert_same::<F>(sqrt::<F>(a, &mut env()), host(x.sqrt()), at);
                assert_same::<F>(fused_multiply_add::<F>(a, b, c, &mut env()), host(x.mul_add(y, z)), at);
                assert_eq!(equal::<F>(a, b, &mut env()), x == y, "{at}");
                assert_eq!(less::<F>(a, b, &mut env()), x < y, "{at}");
                assert_eq!(less_or_equal::<F>(a, b, &mut env()), x <= y, "{at}");
                let mut toward_zero = Env::new(Rounding::TowardZero);
                if !x.is_nan() {
                    assert_eq!(to_i64::<F>(a, &mut toward_zero), x as i64 as u64, "{at}");
                    assert_eq!(to_u64::<F>(a, &mut toward_zero), x as u64, "{at}");
                    assert_eq!(to_i32::<F>(a, &mut toward_zero), x as i32 as u64, "{at}");
                    assert_eq!(to_u32::<F>(a, &mut toward_zero), x as u32 as i32 as u64, "{at}");
                }
                let integer = operands.next() >> (a & 63);
                assert_eq!(from_u64::<F>(integer, &mut env()), host(integer as $float), "{integer}");
                assert_eq!(
                    from_i64::<F>(integer as i64, &mut env()),
                    host(integer as i64 as $float),
                    "{integer}"
                );
            }
        }
    };
}

agrees_with_host!(singles_agree_with_the_host, Single, f32, u32);
agrees_with_host!(doubles_agree_with_the_host, Double, f64, u64);

#[test]
fn resizing_agrees_with_the_host() {
    let mut operands = Operands(2);
    for _ in 0..200_000 {
        let a = operands.value::<Double>();
        let narrow = f64::from_bits(a) as f32;
        assert_same::<Single>(
            resize::<Double, Single>(a, &mut env()),
            narrow.to_bits().into(),
            format_args!("{a:#x}"),
        );
        let b = operands.value::<Single>();
        let wide = f64::from(f32::from_bits(b as u32));
        assert_same::<Double>(
            resize::<Single, Double>(b, &mut env()),
            wide.to_bits(),
            format_args!("{b:#x}"),
        );
    }
}

/// The directed modes enclose the exact result, and meet exactly when nothing is raised.
#[test]
fn directed_rounding_encloses() {
    type F = Double;
    let ordered = |bits: u64| if bits & F::SIGN != 0 { !bits } else { bits | F::SIGN };
    let mut operands = Operands(3);
    for _ in 0..200_000 {
        let [a, b, c] = std::array::from_fn(|_| operands.value::<F>());
        let modes = [
            Rounding::Down,
            Rounding::Up,
            Rounding::TowardZero,
            Rounding::NearestEven,
            Rounding::NearestAway,
        ];
        type Operation = fn(u64, u64, u64, &mut Env) -> u64;
        let operations: [Operation; 5] = [
            |a, b, _, env| add::<F>(a, b, env),
            |a, b, _, env| mul::<F>(a, b, env),
            |a, b, _, env| div::<F>(a, b, env),
            |a, _, _, env| sqrt::<F>(a, env),
            |a, b, c, env| fused_multiply_add::<F>(a, b, c, env),
        ];
        for operation in operations {
            let results = modes.map(|mode| {
                let mut env = Env::new(mode);
                (operation(a, b, c, &mut env), env.flags)
            });
            let [(down, flags), (up, _), (zero, _), (even, _), (away, _)] = results;
            let at = format_args!("{a:#x} {b:#x} {c:#x}");
            if is_nan::<F>(down) {
                assert!(results.iter().all(|(bits, _)| *bits == F::CANONICAL_NAN), "{at}");
            } else if flags & NX == 0 {
                // Exact, but for the sign of a zero that is a difference.
                let same = |bits| bits == down || (bits | down) & !F::SIGN == 0;
                assert!(results.iter().all(|(bits, flags)| same(*bits) && flags & NX == 0), "{at}");
            } else {
                assert_eq!(ordered(up), ordered(down) + 1, "{at}: neighbours");
                assert!([down, up].contains(&even) && [down, up].contains(&away), "{at}");
                assert_eq!(
                    zero,
                    if is_negative::<F>(down) && is_negative::<F>(up) { up } else { down },
                    "{at}"
                );
                assert!(results.iter().all(|(_, flags)| flags & NX != 0), "{at}");
            }
        }
    }
}

/// An operation's result and flags under each rounding mode, in the order of their encodings.
fn under_all(operation: impl Fn(&mut Env) -> u64) -> [(u64, u32); 5] {
    std::array::from_fn(|mode| {
        let mut env = Env::new(Rounding::from_bits(mode as u32).expect("five modes"));
        (operation(&mut env), env.flags)
    })
}

#[test]
fn tininess_is_detected_after_rounding() {
    let just_below_one = 0x3fef_ffff_ffff_ffff;
    let smallest_normal = 0x0010_0000_0000_0000;
    let results = under_all(|env| mul::<Double>(just_below_one, smallest_normal, env));
    // The product has one bit too many for a subnormal, and would be exact with a smaller exponent: tiny in all modes.
    let (up, down) = ((smallest_normal, NX | UF), (smallest_normal - 1, NX | UF));
    assert_eq!(results, [up, down, down, up, up]);
    // (1 - 2^-27) × (1 + 2^-27) is half an ulp below one. Where that rounds up, it is inexact but not tiny.
    let results = under_all(|env| mul::<Double>(0x3fef_ffff_fc00_0000, 0x0010_0000_0200_0000, env));
    let (up, down) = ((smallest_normal, NX), (smallest_normal - 1, NX | UF));
    assert_eq!(results, [up, down, down, up, up]);
}

#[test]
fn overflow_goes_where_the_mode_says() {
    let largest = Double::INFINITY - 1;
    let results = under_all(|env| add::<Double>(largest, largest, env));
    let (to_infinity, stays) = ((Double::INFINITY, OF | NX), (largest, OF | NX));
    assert_eq!(results, [to_infinity, stays, stays, to_infinity, to_infinity]);
    let negative = under_all(|env| add::<Double>(largest | Double::SIGN, largest | Double::SIGN, env));
    assert_eq!(
        negative.map(|(bits, _)| bits & !Double::SIGN == Double::INFINITY),
        [true, false, true, false, true]
    );
}

#[test]
fn invalid_operations_and_division_by_zero() {
    let (one, infinity, quiet) = (0x3ff0_0000_0000_0000, Double::INFINITY, Double::CANONICAL_NAN);
    let signaling = Double::INFINITY | 1;
    let flags = |operation: &dyn Fn(&mut Env) -> u64| {
        let mut env = env();
        (operation(&mut env), env.flags)
    };
    assert_eq!(flags(&|env| sub::<Double>(infinity, infinity, env)), (quiet, NV));
    assert_eq!(flags(&|env| mul::<Double>(0, infinity, env)), (quiet, NV));
    assert_eq!(flags(&|env| div::<Double>(0, 0, env)), (quiet, NV));
    assert_eq!(flags(&|env| div::<Double>(one, Double::SIGN, env)), (infinity | Double::SIGN, DZ));
    assert_eq!(flags(&|env| div::<Double>(infinity, 0, env)), (infinity, 0));
    assert_eq!(flags(&|env| sqrt::<Double>(one | Double::SIGN, env)), (quiet, NV));
    assert_eq!(flags(&|env| sqrt::<Double>(Double::SIGN, env)), (Double::SIGN, 0));
    assert_eq!(flags(&|env| add::<Double>(quiet | 7, one, env)), (quiet, 0));
    assert_eq!(flags(&|env| add::<Double>(signaling, one, env)), (quiet, NV));
    assert_eq!(flags(&|env| fused_multiply_add::<Double>(0, infinity, quiet, env)), (quiet, NV));
    assert_eq!(flags(&|env| u64::from(equal::<Double>(quiet, one, env))), (0, 0));
    assert_eq!(flags(&|env| u64::from(less::<Double>(quiet, one, env))), (0, NV));
    assert_eq!(flags(&|env| minimum::<Double>(quiet, one, env)), (one, 0));
    assert_eq!(flags(&|env| minimum::<Double>(signaling, one, env)), (one, NV));
    assert_eq!(flags(&|env| maximum::<Double>(Double::SIGN, 0, env)), (0, 0));
    assert_eq!(flags(&|env| minimum::<Double>(0, Double::SIGN, env)), (Double::SIGN, 0));
    assert_eq!(flags(&|env| to_u32::<Double>(one | Double::SIGN, env)), (0, NV));
    assert_eq!(flags(&|env| to_i32::<Double>(quiet, env)), (i32::MAX as u64, NV));
}

#[test]
fn classes() {
    let positive = [Double::INFINITY, 0x3ff0_0000_0000_0000, 1, 0];
    for (i, bits) in positive.into_iter().enumerate() {
        assert_eq!(classify::<Double>(bits), 1 << (7 - i));
        assert_eq!(classify::<Double>(bits | Double::SIGN), 1 << i);
    }
    assert_eq!(classify::<Double>(Double::INFINITY | 1), 1 << 8);
    assert_eq!(classify::<Double>(Double::CANONICAL_NAN | Double::SIGN), 1 << 9);
    assert_eq!(classify::<Single>(Single::FRACTION), 1 << 5);
}
