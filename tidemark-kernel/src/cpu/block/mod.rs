//! Pre-decoded code: a frame's instructions in the form the interpreter executes.
//!
//! Owns: [`CodePage`], the immutable decode of one 4 KiB frame, and [`Isolated`], that of one instruction.
//! Does not own: what instructions do (`cpu::exec`), where pages are kept (`cpu::code_cache`), or encodings.
//!
//! A page has one [`Slot`] a halfword, and *every* halfword is decoded as if an instruction began there. So
//! any entry point is valid, nothing is ever added to a page, and workers share pages without a lock. Fused
//! slots execute two instructions and skip the second one's slot, which stays valid for who jumps there. Long lines that
//! compute by shifts also have a body behind the page's slots, where a slot may execute many (see `body`).
//!
//! # Counting
//!
//! [`Slot::count`] is the number of instructions from a slot to the end of its straight line: an instruction
//! that never falls through, or the page's end. A taken branch leaves that many minus one uncounted. The
//! interpreter therefore keeps one number, *credit* = budget left − `count` of the current slot, which does not
//! change along a straight line; branches inside a page change it by a constant computed here, and credit that
//! is not negative means that the whole straight line is affordable.

mod body;
mod build;
mod fuse;
mod line;
mod pattern;
mod slot;

pub(super) use slot::{Op, SLOT_BYTES, Slot};

use super::decode::{decode, is_wide};
use super::hart::RegisterFile;
use crate::mem::ram::FRAME_SIZE;
use body::{Body, add_bodies};
use build::{Placement, build_slot};

/// Halfwords in a frame.
const HALFWORDS: usize = FRAME_SIZE as usize / 2;

/// The immutable decode of one frame.
pub(super) struct CodePage {
    /// One slot a halfword, one behind the last that leaves the page, and bodies.
    slots: Box<[Slot]>,
    bodies: Vec<Body>,
    source: Box<[u8; FRAME_SIZE as usize]>,
}

impl CodePage {
    /// Decodes a frame's bytes.
    pub(super) fn build(source: Box<[u8; FRAME_SIZE as usize]>) -> Self {
        let halfword = |i: usize| u16::from_le_bytes([source[2 * i], source[2 * i + 1]]);
        let mut slots = vec![Slot::leave(); HALFWORDS + 1];
        let mut decoded = vec![None; HALFWORDS];
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
            decoded[i] = Some(instr);
            slots[i] = build_slot(&instr, Placement::InPage { index: i, slots: &slots, following });
            following = [Some(instr), following[0]];
        }
        build::link_branches(&mut slots);
        let bodies = add_bodies(&mut slots, &decoded);
        Self { slots: slots.into_boxed_slice(), bodies, source }
    }

    /// Where execution was left at a slot of a body: makes the registers what they must be there. Returns the instruction's
    /// offset in the page, in bytes, and how many instructions before it were executed only by this.
    pub(super) fn leave_body(&self, slot: usize, registers: &mut RegisterFile) -> Option<(u64, u64)> {
        let (halfword, executed) = self.bodies.iter().find_map(|body| body.leave(slot, registers))?;
        Some((2 * halfword as u64, executed))
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

#[cfg(test)]
mod tests {
    use super::build::is_local_jump;
    use super::fuse::ends_in_branch;
    use super::*;

    /// What the interpreter's unchecked cursor rests on.
    #[test]
    fn jumps_and_counts_stay_in_the_page_whatever_it_holds() {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        for round in 0..60 {
            let mut source = Box::new([0; FRAME_SIZE as usize]);
            source.iter_mut().for_each(|byte| *byte = next());
            if round % 2 == 0 {
                // Denser in branches and jumps.
                source
                    .iter_mut()
                    .step_by(4)
                    .for_each(|byte| *byte = if *byte & 1 == 0 { 0x63 } else { 0x6f });
            }
            let page = CodePage::build(source);
            for (i, slot) in page.slots[..=HALFWORDS].iter().enumerate() {
                let inside = |distance: i32| (0..=HALFWORDS as i32).contains(&(i as i32 + distance));
                assert!(usize::from(slot.count) <= HALFWORDS - i, "slot {i} counts past the page's end");
                if is_local_jump(slot.op) {
                    assert!(
                        slot.imm % SLOT_BYTES as i32 == 0 && inside(slot.imm / SLOT_BYTES as i32),
                        "slot {i}"
                    );
                }
                if ends_in_branch(slot.op) {
                    assert!(inside(slot.aux >> 16) && inside(slot.imm >> 16), "slot {i}");
                }
            }
            assert_eq!(page.slots[HALFWORDS].op, Op::Leave);
        }
    }
}
