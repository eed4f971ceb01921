//! Futexes: waiting on a word of guest memory (`futex(2)`, `futex(7)`).
//!
//! Owns who waits on which word, and waking: the waker completes the waiter's call. The word itself is guest memory;
//! comparing it and entering the queue happen in one hold of the kernel's lock, which every waker takes too.

mod pi;
mod queue;
mod robust;

pub(crate) use pi::{Attempt, LockOwners, OWNER_DIED, TID_MASK, WAITERS};
pub use queue::{FutexKey, Futexes, Kind, WaitId};
pub(crate) use robust::{HEAD_BYTES as ROBUST_HEAD_BYTES, RobustWalk};

use crate::addr::{ADDRESS_LIMIT, GuestAddr};
use crate::cpu::core::SpaceId;
use crate::errno::{Errno, Result};
use crate::system::System;
use crate::task::Tid;
use crate::wait::Entry;

/// Waiters that one step under the lock wakes or moves at the most.
pub(crate) const STEP_WAITERS: u32 = 32;

impl System {
    /// What the word at an address is called: by its place in RAM where other address spaces may map it too, else by
    /// address space and address. A private one need not be there.
    ///
    /// # Errors
    /// `EINVAL` when it is not aligned, `EFAULT` when it cannot be read.
    pub(crate) fn futex_key(&mut self, space: SpaceId, addr: GuestAddr, private: bool) -> Result<FutexKey> {
        if !addr.0.is_multiple_of(4) {
            return Err(Errno::EINVAL);
        }
        if private {
            return if addr.0 < ADDRESS_LIMIT {
                Ok(FutexKey::private(space, addr))
            } else {
                Err(Errno::EFAULT)
            };
        }
        let offset = self.word_in(space, addr, false)?;
        let shared = self.is_shared_mapping(space, addr);
        Ok(if shared { FutexKey::shared(offset) } else { FutexKey::unflagged(space, addr) })
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
    ///
    /// # Errors
    /// `EINVAL` when it comes to one that waits for a lock.
    pub(crate) fn futex_wake(&mut self, key: FutexKey, most: u32, bitset: u32) -> Result<u32> {
        let mut woken = 0;
        while woken < most.min(STEP_WAITERS) {
            let Some((tid, answer)) = self.futexes.pop(key, bitset)? else { break };
            self.complete_futex_wait(tid, Ok(u64::from(answer)));
            woken += 1;
        }
        Ok(woken)
    }

    /// The thread's wait is over: its call gives this without being entered again.
    fn complete_futex_wait(&mut self, tid: Tid, result: Result<u64>) {
        self.leave_futexes(tid);
        let Some(thread) = self.tasks.thread_mut(tid) else { return };
        if let Some(parked) = &mut thread.parked {
            parked.completed = Some(result);
        }
        let park = thread.park.0;
        // One that timed out or was interrupted just now is on its way already; it finds itself woken.
        self.unpark(tid, park, Entry::Event);
    }

    /// Adds the thread to a word's queue.
    pub(crate) fn enter_futex(&mut self, tid: Tid, key: FutexKey, bitset: u32, kind: Kind) {
        let id = self.futexes.push(key, tid, bitset, kind);
        if let Some(thread) = self.tasks.thread_mut(tid) {
            thread.futex_waits.push(id);
        }
    }

    /// Takes the thread out of every queue it is in. What it was waiting for last, if it was.
    pub(crate) fn leave_futexes(&mut self, tid: Tid) -> Option<Kind> {
        let mut last = None;
        while let Some(id) = self.tasks.thread_mut(tid).and_then(|thread| thread.futex_waits.pop()) {
            // Who was woken has left that queue already.
            let Some((key, kind)) = self.futexes.place(id) else { continue };
            self.futexes.remove(id);
            self.disown_unless_awaited(key);
            last = Some(kind);
        }
        last
    }
}
