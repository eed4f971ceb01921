//! What harts on several workers share of one address space, without the lock.
//!
//! Owns the generations and the set of workers that run the space: what the shootdown protocol (see
//! [`crate::worker`]) waits on. The mappings are the kernel's.

use std::sync::atomic::{AtomicU64, Ordering};

use super::page_table::PageTable;
use crate::cpu::core::{SpaceId, SpaceView};
use crate::worker::{ATTENTION_FLUSH, WorkerId, WorkerSlot};

/// The lock-free part of an address space.
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
    pub(super) fn new(id: SpaceId, table: PageTable) -> Self {
        Self {
            id,
            table,
            tlb_gen: AtomicU64::new(0),
            icache_gen: AtomicU64::new(0),
            run_by: AtomicU64::new(0),
        }
    }

    /// What a hart runs in.
    pub fn view(&self) -> SpaceView<'_> {
        SpaceView { id: self.id, table: self.table, tlb_gen: &self.tlb_gen, icache_gen: &self.icache_gen }
    }

    /// The current generation of translations.
    pub fn generation(&self) -> u64 {
        self.tlb_gen.load(Ordering::SeqCst)
    }

    /// Whether this worker runs a thread of the space now.
    pub fn is_run_by(&self, worker: WorkerId) -> bool {
        self.run_by.load(Ordering::SeqCst) & worker.bit() != 0
    }

    /// Whether every worker that runs this space has dropped translations older than `generation`. Lock-free. A worker
    /// that waits for the lock, or for others to flush, is quiescent and so has.
    pub fn is_flushed(&self, generation: u64, workers: &[WorkerSlot]) -> bool {
        self.slots(workers).all(|slot| slot.has_seen(generation))
    }

    pub(super) fn enter(&self, worker: WorkerId) {
        self.run_by.fetch_or(worker.bit(), Ordering::SeqCst);
    }

    pub(super) fn leave(&self, worker: WorkerId) {
        self.run_by.fetch_and(!worker.bit(), Ordering::SeqCst);
    }

    /// Starts a new generation, after permissions were taken away, and asks the workers that have older translations
    /// to drop them. The generation.
    pub(super) fn start_generation(&self, workers: &[WorkerSlot]) -> u64 {
        let generation = self.tlb_gen.fetch_add(1, Ordering::SeqCst) + 1;
        self.slots(workers)
            .filter(|slot| !slot.has_seen(generation))
            .for_each(|slot| slot.raise(ATTENTION_FLUSH));
        generation
    }

    /// The slots of the workers that run this space.
    fn slots<'a>(&self, workers: &'a [WorkerSlot]) -> impl Iterator<Item = &'a WorkerSlot> + use<'a> {
        let mut bits = self.run_by.load(Ordering::SeqCst);
        std::iter::from_fn(move || {
            let index = bits.trailing_zeros() as usize;
            bits &= bits.wrapping_sub(1);
            (index < 64).then_some(index)
        })
        .filter_map(|index| workers.get(index))
    }
}
