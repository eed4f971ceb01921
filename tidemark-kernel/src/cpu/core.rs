//! A worker's core: the caches that stay with the worker while harts come and go.

use super::exit::{Access, Exit};
use super::hart::Hart;
use crate::mem::page_table::{PageTable, Pte};
use crate::mem::ram::GuestRam;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// What `rdtime` reads. The worker-side clock, or the instruction count under the simulator.
pub trait TickSource: Send {
    /// The time in ticks of the guest's `time` counter, at `instret` retired instructions of the reading hart.
    fn ticks(&self, instret: u64) -> u64;
}

/// Names an address space; never reused while any worker may hold caches for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SpaceId(u64);

impl SpaceId {
    /// The address space with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// An address space as a hart sees it.
#[derive(Clone, Copy, Debug)]
pub struct SpaceView<'a> {
    /// Keys the worker's caches.
    pub id: SpaceId,
    /// What is mapped.
    pub table: PageTable,
    /// Counts changes that make cached translations wrong. The kernel raises it after it takes away a mapping
    /// or permission, before the shootdown; adding one needs nothing.
    pub tlb_gen: &'a AtomicU64,
    /// Counts instruction-cache flushes of the whole address space; `fence.i` and `riscv_flush_icache` raise it.
    pub icache_gen: &'a AtomicU64,
}

/// Decoded code shared by all workers.
#[derive(Debug, Default)]
pub struct CodeTable {}

impl CodeTable {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }
}

/// A worker's translation and code caches.
pub struct WorkerCore {
    ram: GuestRam,
    #[expect(dead_code, reason = "until the interpreter reads it")]
    code: Arc<CodeTable>,
    #[expect(dead_code, reason = "until the interpreter reads it")]
    ticks: Box<dyn TickSource>,
}

impl WorkerCore {
    /// A core with empty caches.
    pub fn new(ram: GuestRam, code: Arc<CodeTable>, ticks: Box<dyn TickSource>) -> Self {
        Self { ram, code, ticks }
    }

    pub(super) fn run(
        &mut self,
        hart: &mut Hart,
        space: &SpaceView<'_>,
        budget: u64,
        attention: &AtomicU32,
    ) -> Exit {
        if attention.load(Ordering::Acquire) != 0 {
            return Exit::Attention;
        }
        if budget == 0 {
            return Exit::Budget;
        }
        let pte = space.table.walk(hart.pc);
        match pte.frame() {
            Some(frame) if pte.allows(Pte::EXECUTE) => {
                let halfword: u16 = self.ram.load(frame.offset() + (hart.pc & 0xffe));
                Exit::Illegal { instr: halfword.into() }
            }
            _ => Exit::PageFault { addr: hart.pc, access: Access::Execute },
        }
    }
}
