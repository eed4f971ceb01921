//! What goes into the interpreter's loop and comes out of it.

use super::super::block::Slot;
use super::super::code_cache::HotPages;
use super::super::core::TickSource;
use super::super::exit::Exit;
use super::super::hart::Hart;
use super::super::tlb::Tlb;
use crate::mem::page_table::PageTable;
use crate::mem::ram::GuestRam;

/// What execution works on.
pub(in super::super) struct Machine<'a> {
    pub(in super::super) hart: &'a mut Hart,
    pub(in super::super) tlb: &'a mut Tlb,
    pub(in super::super) hot: &'a HotPages,
    pub(in super::super) ram: GuestRam,
    pub(in super::super) table: &'a PageTable,
    pub(in super::super) ticks: &'a dyn TickSource,
    /// Guest address that `slots` stands at.
    pub(in super::super) origin: u64,
    /// The first slot of the page, or of the isolated instruction, that is executed.
    pub(in super::super) slots: *const Slot,
    /// How many instructions may be executed, and afterwards how many are left of them.
    pub(in super::super) budget: i64,
    /// Why execution stopped.
    pub(in super::super) stop: Stop,
    /// Why the kernel is needed, if that is the reason.
    pub(in super::super) exit: Exit,
}

/// Why execution left the loop. `pc` is then at the next instruction to execute.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Stop {
    /// To find the code at `pc`, or because the budget does not cover the straight line there.
    Page,
    /// A `fence.i` was executed.
    FenceI,
    /// For the kernel; see [`Machine::exit`].
    Exit,
    /// The instruction at `pc` is illegal at the moment: its rounding mode is in `frm` and reserved.
    IllegalRounding,
}
