//! Floating-point operations.

use super::super::block::Slot;
use super::super::hart::RegisterFile;
pub(super) fn boxed(v: u32) -> u64 {
    u64::from(v) | 0xffff_ffff_0000_0000
}
pub(super) fn execute(_s: &Slot, _regs: &mut RegisterFile, _fcsr: &mut u32) -> bool {
    false
}
