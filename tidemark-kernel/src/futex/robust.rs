//! Robust futexes: what a thread that ends does to the locks it held (`set_robust_list(2)`; the kernel's
//! Documentation/locking/robust-futex-ABI.rst).

use super::{OWNER_DIED, TID_MASK, WAITERS};
use crate::addr::GuestAddr;
use crate::cpu::core::SpaceId;
use crate::errno::Result;
use crate::system::System;
use crate::task::Tid;

/// Bytes of `struct robust_list_head`.
pub(crate) const HEAD_BYTES: u64 = 24;

/// Entries that are looked at before the list counts as broken (`ROBUST_LIST_LIMIT`).
pub(crate) const LIST_LIMIT: u32 = 2048;

/// Entries looked at in one step under the lock.
const STEP_ENTRIES: u32 = 32;

/// A walk along a thread's list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RobustWalk {
    next: u64,
    left: u32,
}

impl System {
    /// Begins a walk along the list at `head`; none if there is nothing to walk.
    pub(crate) fn begin_robust_walk(&mut self, space: SpaceId, head: GuestAddr) -> Option<RobustWalk> {
        if head.is_null() {
            return None;
        }
        let next = self.read_pod_in::<u64>(space, head).ok()?;
        Some(RobustWalk { next, left: LIST_LIMIT })
    }

    /// Marks some of the locks as their owner's death left them, and wakes a waiter each. The rest of the walk, if there
    /// is any.
    pub(crate) fn robust_step(
        &mut self,
        space: SpaceId,
        tid: Tid,
        head: GuestAddr,
        walk: RobustWalk,
    ) -> Option<RobustWalk> {
        // A list that cannot be read ends here: the guest's own doing.
        self.try_robust_step(space, tid, head, walk).unwrap_or(None)
    }

    fn try_robust_step(
        &mut self,
        space: SpaceId,
        tid: Tid,
        head: GuestAddr,
        mut walk: RobustWalk,
    ) -> Result<Option<RobustWalk>> {
        let [_, offset, pending] = self.read_pod_in::<[u64; 3]>(space, head)?;
        for _ in 0..STEP_ENTRIES {
            let at = place(walk.next);
            if at == head.0 || walk.left == 0 {
                if place(pending) != 0 {
                    self.owner_died(space, tid, pending, offset, true)?;
                }
                return Ok(None);
            }
            // Read on before the lock is released: its new owner may unlink it.
            let next = self.read_pod_in::<u64>(space, GuestAddr(at));
            if at != place(pending) {
                self.owner_died(space, tid, walk.next, offset, false)?;
            }
            walk = RobustWalk { next: next?, left: walk.left - 1 };
        }
        Ok(Some(walk))
    }

    /// Marks the lock of an entry, if it is the thread's. Waiters of one that the kernel hands over are told when it does.
    fn owner_died(&mut self, space: SpaceId, tid: Tid, link: u64, offset: u64, pending: bool) -> Result<()> {
        let addr = GuestAddr(place(link).wrapping_add(offset));
        let handed_over = link & 1 != 0;
        let key = self.futex_key(space, addr, false)?;
        let held = |word: u32| word & TID_MASK == tid.get();
        let word =
            self.futex_update(space, addr, |word| held(word).then_some(word & WAITERS | OWNER_DIED))?;
        // One that was let go while its owner was about to wake who waits.
        let unlocked = pending && word == 0;
        if !handed_over && (unlocked || held(word) && word & WAITERS != 0) {
            // Waiters that are not to be woken so are the guest's own doing.
            let _: Result<u32> = self.futex_wake(key, 1, u32::MAX);
        }
        Ok(())
    }
}

/// An entry's address: the lowest bit of a link says that the lock is a priority-inheriting one.
const fn place(link: u64) -> u64 {
    link & !1
}
