//! Execution: the interpreter's loop over pre-decoded slots.
//!
//! Owns: what every instruction does. Does not own: decoding, the choice of the next page, or budgets beyond the
//! one it is given (`super::core`).
//!
//! One `match` in a loop, which native compilers and V8 both turn into one jump table. An arm either moves the
//! cursor on and continues, or evaluates to a guest address to jump to in another page, or breaks the loop. `pc`
//! and the instruction count exist only implicitly, in the cursor and the credit (see `block`), until the loop
//! is left.
//!
//! The loop makes no calls. Whatever needs one is done outside of it, an instruction at a time (`outside`), and the
//! loop is entered again behind it: a call in one arm makes a register allocator that knows nothing of how often
//! that arm runs (V8's) keep the loop's state on the stack in all arms that are like it, and that costs its speed.

mod alu;
mod atomic;
mod csr;
mod cursor;
mod fast_float;
mod float;
#[cfg(any(test, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod fused;
mod keep_apart;
mod machine;
mod outside;
mod run;

use super::block::Slot;
use crate::mem::ram::FRAME_SIZE;
use cursor::Cursor;
pub(super) use fast_float::{FCSR_FAST, FCSR_NEVER};
pub(super) use machine::{Machine, Stop};
use run::run;

/// Executes from slot `start` of the page (or isolated instruction) that `m` is at.
///
/// # Safety
///
/// `m.slots` is the first slot of a code page or isolated instruction, `start` one of its slots with a count that
/// the budget covers, and all pages in `m.hot` are alive, for the whole call.
pub(super) unsafe fn execute(m: &mut Machine<'_>, start: *const Slot) -> Stop {
    let mut cursor = Cursor::new(start);
    loop {
        // SAFETY: the first time as the caller says; later, `cursor` is at the slot that the loop was left at or at the
        // one that follows it on its straight line, which the same budget covers.
        cursor = unsafe { run(m, cursor) };
        match outside::go_on(m, cursor) {
            Ok(next) => cursor = next,
            Err(stop) => {
                let slot = cursor.index(m.slots);
                m.in_body = (slot > FRAME_SIZE as usize / 2).then_some(slot);
                return stop;
            }
        }
    }
}
