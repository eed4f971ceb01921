//! Floating point on the host's own arithmetic, where that is provably the same.
//!
//! The idea is qemu's ("hardfloat"): if rounding is to nearest even and the inexact flag is already set, an
//! operation whose result is well inside the normal range has the host's result and changes no flag. Each function
//! here answers `None` when it cannot be sure; `float` then works it out.
//!
//! Why a look at the result is enough. A NaN or infinite operand, overflow, division by zero and every invalid
//! operation give a NaN or an infinity (or, of a quotient, zero); underflow gives a result no larger than the smallest
//! normal number, as rounding may have brought it up to that. Sums are exact where they are
//! that small (Hauser, "Handling floating-point exceptions in numeric programs", theorem 3.4.1). A NaN's payload,
//! which hosts differ in, is never used.

use super::float::{boxed, unboxed};

/// The bits of `fcsr` that decide: the rounding mode, and the inexact flag.
pub(super) const FCSR_MASK: u32 = 0xe1;

/// What they are when the host's arithmetic may be used: round to nearest even, inexact already raised.
pub(in super::super) const FCSR_FAST: i32 = 1;

/// No value of `fcsr`'s masked bits: for operations whose own rounding mode is another one.
pub(in super::super) const FCSR_NEVER: i32 = -1;

/// The sign bit of a double.
pub(super) const DOUBLE_SIGN: u64 = 1 << 63;

/// An interchange format as the host has it.
pub(super) trait HostFloat: Sized + Copy + PartialOrd {
    /// From a register.
    fn unpack(register: u64) -> Self;
    /// To a register.
    fn pack(self) -> u64;
    /// Neither NaN nor infinite.
    fn is_finite(self) -> bool;
    /// Finite and, in magnitude, at least twice the smallest normal number.
    fn is_well_inside(self) -> bool;
    /// The square root.
    fn sqrt(self) -> Self;
    /// `self` × `b` + `c` rounded once, if the host can do that quickly.
    fn fused_multiply_add(self, b: Self, c: Self) -> Option<Self>;
}

impl HostFloat for f64 {
    #[inline(always)]
    fn unpack(register: u64) -> Self {
        f64::from_bits(register)
    }
    #[inline(always)]
    fn pack(self) -> u64 {
        self.to_bits()
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.is_finite()
    }
    #[inline(always)]
    fn is_well_inside(self) -> bool {
        // Biased exponents 2 to 0x7fe.
        ((self.to_bits() >> 52) & 0x7ff).wrapping_sub(2) < 0x7fd
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }
    #[inline(always)]
    fn fused_multiply_add(self, b: Self, c: Self) -> Option<Self> {
        host_fma::double(self, b, c)
    }
}

impl HostFloat for f32 {
    #[inline(always)]
    fn unpack(register: u64) -> Self {
        f32::from_bits(unboxed(register))
    }
    #[inline(always)]
    fn pack(self) -> u64 {
        boxed(self.to_bits())
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.is_finite()
    }
    #[inline(always)]
    fn is_well_inside(self) -> bool {
        // Biased exponents 2 to 0xfe.
        ((self.to_bits() >> 23) & 0xff).wrapping_sub(2) < 0xfd
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }
    #[inline(always)]
    fn fused_multiply_add(self, b: Self, c: Self) -> Option<Self> {
        host_fma::single(self, b, c)
    }
}

/// A sum or difference.
#[inline(always)]
pub(super) fn sum<T: HostFloat>(a: u64, b: u64, op: impl Fn(T, T) -> T) -> Option<u64> {
    let result = op(T::unpack(a), T::unpack(b));
    result.is_finite().then(|| result.pack())
}

/// A product or quotient.
#[inline(always)]
pub(super) fn product<T: HostFloat>(a: u64, b: u64, op: impl Fn(T, T) -> T) -> Option<u64> {
    let result = op(T::unpack(a), T::unpack(b));
    result.is_well_inside().then(|| result.pack())
}

/// A square root.
#[inline(always)]
pub(super) fn sqrt<T: HostFloat>(a: u64) -> Option<u64> {
    let result = T::unpack(a).sqrt();
    result.is_well_inside().then(|| result.pack())
}

/// `a` × `b` + `c`; the signs of operands are the caller's to change.
#[inline(always)]
pub(super) fn fused_multiply_add<T: HostFloat>(a: T, b: T, c: T) -> Option<u64> {
    let result = a.fused_multiply_add(b, c)?;
    result.is_well_inside().then(|| result.pack())
}

/// A comparison; `None` if an operand is a NaN. Needs no look at `fcsr`.
#[inline(always)]
pub(super) fn compare<T: HostFloat>(a: u64, b: u64, op: impl Fn(&T, &T) -> bool) -> Option<u64> {
    let (a, b) = (T::unpack(a), T::unpack(b));
    a.partial_cmp(&b).map(|_| op(&a, &b).into())
}

/// A double as a single.
#[inline(always)]
pub(super) fn narrow(a: u64) -> Option<u64> {
    let result = f64::from_bits(a) as f32;
    result.is_well_inside().then(|| result.pack())
}

/// A single as a double, which is exact. Needs no look at `fcsr`.
#[inline(always)]
pub(super) fn widen(a: u64) -> Option<u64> {
    let result = f64::from(f32::unpack(a));
    HostFloat::is_finite(result).then(|| result.to_bits())
}

/// A double as a 32-bit integer, cut off towards zero, when the inexact flag is set.
#[inline(always)]
pub(super) fn truncate_i32(a: u64) -> Option<u64> {
    let value = f64::from_bits(a);
    (value > -2_147_483_649.0 && value < 2_147_483_648.0).then_some(value as i32 as u64)
}

/// A double as a 64-bit integer, cut off towards zero, when the inexact flag is set.
#[inline(always)]
pub(super) fn truncate_i64(a: u64) -> Option<u64> {
    let value = f64::from_bits(a);
    (value.abs() < 9_223_372_036_854_775_808.0).then_some(value as i64 as u64)
}

/// The host's fused multiply-add instruction.
#[cfg(target_arch = "x86_64")]
mod host_fma {
    #[target_feature(enable = "fma")]
    fn double_instruction(a: f64, b: f64, c: f64) -> f64 {
        a.mul_add(b, c)
    }

    #[target_feature(enable = "fma")]
    fn single_instruction(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }

    #[inline(always)]
    pub(super) fn double(a: f64, b: f64, c: f64) -> Option<f64> {
        // SAFETY: the feature was just found.
        is_x86_feature_detected!("fma").then(|| unsafe { double_instruction(a, b, c) })
    }

    #[inline(always)]
    pub(super) fn single(a: f32, b: f32, c: f32) -> Option<f32> {
        // SAFETY: the feature was just found.
        is_x86_feature_detected!("fma").then(|| unsafe { single_instruction(a, b, c) })
    }
}

/// The host's fused multiply-add instruction, which this architecture always has.
#[cfg(target_arch = "aarch64")]
mod host_fma {
    #[inline(always)]
    pub(super) fn double(a: f64, b: f64, c: f64) -> Option<f64> {
        Some(a.mul_add(b, c))
    }

    #[inline(always)]
    pub(super) fn single(a: f32, b: f32, c: f32) -> Option<f32> {
        Some(a.mul_add(b, c))
    }
}

/// No such instruction: WebAssembly has none.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use super::fused as host_fma;
