//! Where things lie in a guest's address space, as Linux puts them on riscv64 (without randomisation).
//!
//! Owns the numbers only.

use crate::addr::{ADDRESS_LIMIT, PAGE_SIZE};

/// Lowest address that `mmap` picks or accepts (`/proc/sys/vm/mmap_min_addr`).
pub const MAP_MIN: u64 = 64 << 10;

/// Unmapped bytes kept below an area that grows down (`stack_guard_gap`, 256 pages).
pub const STACK_GUARD_BYTES: u64 = 256 * PAGE_SIZE;

/// First address after the stack: the top of what a program can use.
pub const STACK_TOP: u64 = ADDRESS_LIMIT;

/// The least distance in bytes from the stack's top to where `mmap` starts giving out addresses downwards: 128 MiB
/// (Linux, `mm/util.c`, `MIN_GAP`).
pub const MAP_GAP_MIN: u64 = 128 << 20;

/// The largest such distance: five sixths of all addresses (`MAX_GAP`).
pub const MAP_GAP_MAX: u64 = STACK_TOP / 6 * 5;

/// Where a position-independent program goes: two thirds up (`ELF_ET_DYN_BASE`).
pub const PROGRAM_BASE: u64 = (STACK_TOP / 3 * 2) & !(PAGE_SIZE - 1);

/// Where `mmap` starts giving out addresses downwards, for a stack limit in bytes.
pub fn map_top(stack_limit: u64) -> u64 {
    let gap = stack_limit.saturating_add(STACK_GUARD_BYTES).clamp(MAP_GAP_MIN, MAP_GAP_MAX);
    (STACK_TOP - gap) & !(PAGE_SIZE - 1)
}
