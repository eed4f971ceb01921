//! What goes into the interpreter's loop and comes out of it.

use super::super::block::Slot;
use super::super::code_cache::HotPages;
use super::super::core::TickSource;
use super::super::exit::{Access, Exit};
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
    /// How many instructions may be executed in all.
    pub(super) granted: i64,
    /// How many of them are left; as of the last time that the loop was left.
    pub(in super::super) budget: i64,
    /// Where in the page's slots execution stopped, if that is behind those of its halfwords, in a body.
    pub(in super::super) in_body: Option<usize>,
    /// Why the loop was left.
    pub(super) left: Left,
    /// Why the kernel is needed, if that is the reason.
    pub(in super::super) exit: Exit,
    /// The address of the access that had no cached translation, if that is the reason.
    pub(super) va: u64,
}

impl<'a> Machine<'a> {
    /// At the first of `slots`, which stands at the guest address `origin`.
    pub(in super::super) fn new(
        (hart, tlb, hot): (&'a mut Hart, &'a mut Tlb, &'a HotPages),
        (ram, table, ticks): (GuestRam, &'a PageTable, &'a dyn TickSource),
        (origin, slots): (u64, *const Slot),
        budget: i64,
    ) -> Self {
        let (left, exit) = (Left::Stopped(Stop::Page), Exit::Budget);
        let in_body = None;
        Self {
            hart,
            tlb,
            hot,
            ram,
            table,
            ticks,
            origin,
            slots,
            granted: budget,
            budget,
            in_body,
            left,
            exit,
            va: 0,
        }
    }
}

/// Why execution stopped. `pc` is then at the next instruction to execute.
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
    /// The instruction at `pc` has to be executed in isolation.
    Alone,
}

/// Why the loop was left.
#[derive(Clone, Copy)]
pub(super) enum Left {
    /// For the caller of [`execute`](super::execute).
    Stopped(Stop),
    /// The slot's instruction, of a fused one the first, is one for [`outside`](super::outside).
    Outside,
    /// No cached translation covers the access of `size` bytes at [`Machine::va`].
    Miss {
        /// Which translations.
        access: Access,
        /// In bytes.
        size: u8,
    },
}
