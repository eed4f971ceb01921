//! What a worker that runs harts shares with the kernel without the lock: one slot a worker.
//!
//! Owns the attention word and the shootdown acknowledgement; does not own scheduling, which is the runtime's.
//!
//! # The shootdown protocol
//! Every address space counts a generation; taking permissions away bumps it. A worker publishes, in
//! [`WorkerSlot::seen`], the generation its translations are no older than. To finish, the thread that took the
//! permissions away waits (without the lock) until each other worker that runs the space has `seen` at least the new
//! generation. A worker that is about to wait for the lock publishes [`QUIESCENT`]: it touches no guest memory until
//! the kernel, under the lock, lets it go on, and then it starts from the current generation.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Which worker: an index from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub struct WorkerId(pub u16);

impl WorkerId {
    /// This worker's bit in a set of at most 64.
    pub const fn bit(self) -> u64 {
        1 << (self.0 & 63)
    }
}

/// Value of [`WorkerSlot::seen`] while the worker touches no guest memory.
pub const QUIESCENT: u64 = u64::MAX;

/// Attention bit: drop translations older than the space's generation, publish it, and go on.
pub const ATTENTION_FLUSH: u32 = 1;
/// Attention bit: trap into the kernel (a signal, a stop, a preemption).
pub const ATTENTION_TRAP: u32 = 2;

/// The words one worker shares.
#[derive(Debug)]
#[repr(align(128))] // two cache lines: no false sharing between workers
pub struct WorkerSlot {
    /// Polled by a running hart; non-zero ends its slice.
    pub attention: AtomicU32,
    /// The generation of its current space that this worker's translations are no older than.
    pub seen: AtomicU64,
}

impl Default for WorkerSlot {
    fn default() -> Self {
        WorkerSlot { attention: AtomicU32::new(0), seen: AtomicU64::new(QUIESCENT) }
    }
}

impl WorkerSlot {
    /// Asks the worker to look up.
    pub fn raise(&self, bits: u32) {
        self.attention.fetch_or(bits, Ordering::SeqCst);
    }

    /// The worker is about to wait for the lock, or for work.
    pub fn set_quiescent(&self) {
        self.seen.store(QUIESCENT, Ordering::SeqCst);
    }

    /// Whether translations older than `generation` are gone from this worker.
    pub fn has_seen(&self, generation: u64) -> bool {
        self.seen.load(Ordering::SeqCst) >= generation
    }
}
