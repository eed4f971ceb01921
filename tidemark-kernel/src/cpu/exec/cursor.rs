//! Where execution is in a code page.

use super::super::block::{SLOT_BYTES, Slot};
use crate::mem::ram::FRAME_SIZE;

/// A pointer to the slot being executed.
///
/// Its methods are safe to call only as the loop above does; the reason why they stay inside the page is that of
/// `block`: a slot's length and jump distance lead to slots of the same page or of its bodies, and what could run past its
/// end ends in a slot that leaves.
#[derive(Clone, Copy)]
pub(super) struct Cursor(*const Slot);

impl Cursor {
    /// At a slot.
    pub(super) fn new(slot: *const Slot) -> Self {
        Self(slot)
    }

    /// The slot of an address's offset in its page.
    #[inline(always)]
    pub(super) fn at(slots: *const Slot, va: u64) -> Self {
        // SAFETY: a page has a slot for each of its halfwords.
        Self(unsafe { slots.add((va % FRAME_SIZE / 2) as usize) })
    }

    #[inline(always)]
    pub(super) fn slot<'a>(self) -> &'a Slot {
        // SAFETY: inside a page that `execute`'s caller keeps alive, and pages never change.
        unsafe { &*self.0 }
    }

    #[inline(always)]
    pub(super) fn advance(&mut self, halfwords: usize) {
        // SAFETY: the next instruction's slot or the leaving slot behind the page.
        self.0 = unsafe { self.0.add(halfwords) };
    }

    #[inline(always)]
    pub(super) fn jump(&mut self, distance: i32) {
        // SAFETY: `build` makes such jumps only to slots of the page.
        self.0 = unsafe { self.0.byte_offset(distance as isize) };
    }

    /// How many slots are before it.
    pub(super) fn index(self, slots: *const Slot) -> usize {
        (self.0 as usize - slots as usize) / SLOT_BYTES
    }

    /// The slot's distance from the first one, in bytes of guest code.
    #[inline(always)]
    pub(super) fn offset(self, slots: *const Slot) -> u64 {
        (self.0 as usize - slots as usize) as u64 / (SLOT_BYTES as u64 / 2)
    }
}
