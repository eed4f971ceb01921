//! Pre-decoded code: a frame's instructions in the form the interpreter executes.
//!
//! Owns: [`CodePage`], the immutable decode of one 4 KiB frame, and [`Isolated`], that of one instruction.
//! Does not own: what instructions do (`cpu::exec`), where pages are kept (`cpu::code_cache`), or encodings.
//!
//! A page has one [`Slot`] a halfword, and *every* halfword is decoded as if an instruction began there. So
//! any entry point is valid, nothing is ever added to a page, and workers share pages without a lock. Fused
//! slots execute two instructions and skip the second one's slot, which stays valid for who jumps there.
//!
//! # Counting
//!
//! [`Slot::count`] is the number of instructions from a slot to the end of its straight line: an instruction
//! that never falls through, or the page's end. A taken branch leaves that many minus one uncounted. The
//! interpreter therefore keeps one number, *credit* = budget left − `count` of the current slot, which does not
//! change along a straight line; branches inside a page change it by a constant computed here, and credit that
//! is not negative means that the whole straight line is affordable.

mod build;
mod fuse;
mod slot;

pub(super) use slot::{Op, SLOT_BYTES, Slot};

use super::decode::{decode, is_wide};
use crate::mem::ram::FRAME_SIZE;
use build::{Placement, build_slot};

/// Halfwords in a frame.
const HALFWORDS: usize = FRAME_SIZE as usize / 2;

/// The immutable decode of one frame.
pub(super) struct CodePage {
    /// One slot a halfword, and one behind the last that leaves the page.
    slots: Box<[Slot]>,
    source: Box<[u8; FRAME_SIZE as usize]>,
}

impl CodePage {
    /// Decodes a frame's bytes.
    pub(super) fn build(source: Box<[u8; FRAME_SIZE as usize]>) -> Self {
        let halfword = |i: usize| u16::from_le_bytes([source[2 * i], source[2 * i + 1]]);
        let mut slots = vec![Slot::leave(); HALFWORDS + 1].into_boxed_slice();
        // Backwards, as counts and fusion need what follows: the instructions one and two halfwords further on.
        let mut following = [None; 2];
        for i in (0..HALFWORDS).rev() {
            let low = halfword(i);
            let instr = if !is_wide(low) {
                decode(low.into())
            } else if i + 1 < HALFWORDS {
                decode(u32::from(low) | u32::from(halfword(i + 1)) << 16)
            } else {
                // Half of it lies on the next page: leave, and let the instruction be executed in isolation.
                following = [None; 2];
                continue;
            };
            slots[i] = build_slot(&instr, Placement::InPage { index: i, slots: &slots, following });
            following = [Some(instr), following[0]];
        }
        build::link_branches(&mut slots);
        Self { slots, source }
    }

    /// The bytes that were decoded.
    pub(super) fn source(&self) -> &[u8; FRAME_SIZE as usize] {
        &self.source
    }

    /// The first slot. The slot of byte offset `o` in the page is `o / 2` slots from it.
    pub(super) fn slots(&self) -> *const Slot {
        self.slots.as_ptr()
    }
}

/// One instruction with nothing around it: for those that lie on two pages, and to run fewer instructions than
/// a straight line has.
#[derive(Clone, Copy)]
pub(super) struct Isolated {
    slots: [Slot; 3],
}

impl Isolated {
    /// Decodes one instruction from its first two or four bytes.
    pub(super) fn build(bits: u32) -> Self {
        let mut slots = [Slot::leave(); 3];
        slots[0] = build_slot(&decode(bits), Placement::Isolated);
        Self { slots }
    }

    /// The instruction's slot; the one behind it leaves.
    pub(super) fn slots(&self) -> *const Slot {
        self.slots.as_ptr()
    }
}
