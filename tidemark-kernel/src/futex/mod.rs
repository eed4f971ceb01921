//! Futexes: waiting on a word of guest memory (`futex(2)`, `futex(7)`).
//!
//! Owns who waits on which word, and waking: the waker completes the waiter's call. The word itself is guest memory;
//! comparing it and entering the queue happen in one hold of the kernel's lock, which every waker takes too.

mod queue;
mod robust;

pub use queue::{FutexKey, Futexes, WaitId};
pub(crate) use robust::{HEAD_BYTES as ROBUST_HEAD_BYTES, RobustWalk};

use crate::addr::GuestAddr;
use crate::cpu::core::SpaceId;
use crate::errno::{Errno, Result};
use crate::system::System;
use crate::task::Tid;
use crate::wait::Entry;

/// Waiters that one step under the lock wakes or moves at the most.
pub(crate) const STEP_WAITERS: u32 = 32;

impl System {
    /// What the word at an address is called: by its place in RAM where other address spaces may map it too, else by
    /// address space and address.
    ///
    /// # Errors
    /// `EINVAL` when it is not aligned, `EFAULT` when it cannot be read.
    pub(crate) fn futex_key(&mut self, space: SpaceId, addr: GuestAddr, private: bool) -> Result<FutexKey> {
        if !addr.0.is_multiple_of(4) {
            return Err(Errno::EINVAL);
        }
        if private || !self.is_shared_mapping(space, addr) {
            return Ok(FutexKey::private(space, addr));
        }
        Ok(FutexKey::shared(self.word_in(space, addr, false)?))
    }

    /// The word's value now.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(crate) fn futex_value(&mut self, space: SpaceId, addr: GuestAddr) -> Result<u32> {
        use std::sync::atomic::Ordering;
        let offset = self.word_in(space, addr, false)?;
        Ok(u32::from_le(self.mem.frames.ram().atomic_u32(offset).load(Ordering::SeqCst)))
    }

    /// Replaces the word by what `change` makes of it, atomically; nothing if that is `None`. Answers the old value.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(crate) fn futex_update(
        &mut self,
        space: SpaceId,
        addr: GuestAddr,
        mut change: impl FnMut(u32) -> Option<u32>,
    ) -> Result<u32> {
        use std::sync::atomic::Ordering::SeqCst;
        let offset = self.word_in(space, addr, true)?;
        let ram = self.mem.frames.ram();
        let word = ram.atomic_u32(offset);
        let result = word.fetch_update(SeqCst, SeqCst, |raw| change(u32::from_le(raw)).map(u32::to_le));
        Ok(u32::from_le(match result {
            Ok(old) | Err(old) => old,
        }))
    }

    /// Wakes up to `most` waiters whose bits meet `bitset`, at most [`STEP_WAITERS`]. Answers how many.
    pub(crate) fn futex_wake(&mut self, key: FutexKey, most: u32, bitset: u32) -> u32 {
        let mut woken = 0;
        while woken < most.min(STEP_WAITERS) {
            let Some(tid) = self.futexes.pop(key, bitset) else { break };
            self.complete_futex_wait(tid);
            woken += 1;
        }
        woken
    }

    /// The thread's wait is over: its call answers 0 without being entered again.
    fn complete_futex_wait(&mut self, tid: Tid) {
        let Some(thread) = self.tasks.thread_mut(tid) else { return };
        thread.futex_wait = None;
        if let Some(parked) = &mut thread.parked {
            parked.completed = Some(Ok(0));
        }
        let park = thread.park.0;
        // One that timed out or was interrupted just now is on its way already; it finds itself woken.
        self.unpark(tid, park, Entry::Event);
    }
}
