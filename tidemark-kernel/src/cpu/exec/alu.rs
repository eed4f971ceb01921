//! Integer operations that are more than one Rust operator.

/// `value`'s low 32 bits, sign-extended.
#[inline(always)]
pub(super) fn sext32(value: u64) -> u64 {
    value as i32 as u64
}

pub(super) fn mulh(a: u64, b: u64) -> u64 {
    ((i128::from(a as i64) * i128::from(b as i64)) >> 64) as u64
}

pub(super) fn mulhsu(a: u64, b: u64) -> u64 {
    ((i128::from(a as i64) * i128::from(b)) >> 64) as u64
}

pub(super) fn mulhu(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

// Division never traps: by zero gives all ones and the dividend, overflow the dividend and zero (manual, 13.2).

pub(super) fn div(a: u64, b: u64) -> u64 {
    if b == 0 { u64::MAX } else { (a as i64).wrapping_div(b as i64) as u64 }
}

pub(super) fn divu(a: u64, b: u64) -> u64 {
    a.checked_div(b).unwrap_or(u64::MAX)
}

pub(super) fn rem(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { (a as i64).wrapping_rem(b as i64) as u64 }
}

pub(super) fn remu(a: u64, b: u64) -> u64 {
    a.checked_rem(b).unwrap_or(a)
}

pub(super) fn divw(a: u64, b: u64) -> u64 {
    if b as u32 == 0 { u64::MAX } else { (a as i32).wrapping_div(b as i32) as u64 }
}

pub(super) fn divuw(a: u64, b: u64) -> u64 {
    sext32((a as u32).checked_div(b as u32).unwrap_or(u32::MAX).into())
}

pub(super) fn remw(a: u64, b: u64) -> u64 {
    if b as u32 == 0 { sext32(a) } else { (a as i32).wrapping_rem(b as i32) as u64 }
}

pub(super) fn remuw(a: u64, b: u64) -> u64 {
    sext32((a as u32).checked_rem(b as u32).unwrap_or(a as u32).into())
}

/// Three amounts to rotate or shift by, a byte each.
#[inline(always)]
pub(super) fn amounts(imm: i32) -> [u32; 3] {
    [0, 8, 16].map(|shift| imm as u32 >> shift & 0xff)
}

/// Each byte that is not zero becomes all ones.
pub(super) fn orc_b(value: u64) -> u64 {
    u64::from_le_bytes(value.to_le_bytes().map(|byte| if byte == 0 { 0 } else { 0xff }))
}
