//! What harts on several workers share of one address space, without the lock.

use std::sync::atomic::{AtomicU64, Ordering};

use super::page_table::PageTable;
use crate::cpu::core::{SpaceId, SpaceView};
use crate::worker::WorkerId;

/// The lock-free part of an address space; the mappings are the kernel's.
#[derive(Debug)]
pub struct SpaceShared {
    /// Identity, never reused.
    pub id: SpaceId,
    /// Translations.
    pub table: PageTable,
    /// Bumped when a translation loses a permission.
    pub tlb_gen: AtomicU64,
    /// Bumped by `fence.i` and `riscv_flush_icache`.
    pub icache_gen: AtomicU64,
    /// The workers that run a thread of this space now, one bit each. Changed under the kernel's lock only; read
    /// without it by a worker that waits for a shootdown.
    pub run_by: AtomicU64,
}

impl SpaceShared {
    /// What a hart runs in.
    pub fn view(&self) -> SpaceView<'_> {
        SpaceView { id: self.id, table: self.table, tlb_gen: &self.tlb_gen, icache_gen: &self.icache_gen }
    }

    /// Whether this worker runs a thread of the space now.
    pub fn is_run_by(&self, worker: WorkerId) -> bool {
        self.run_by.load(Ordering::SeqCst) & worker.bit() != 0
    }

    /// The current generation of translations.
    pub fn generation(&self) -> u64 {
        self.tlb_gen.load(Ordering::SeqCst)
    }
}
