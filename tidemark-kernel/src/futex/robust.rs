//! Robust futexes: what a thread that ends does to the locks it held (`set_robust_list(2)`; the kernel's
//! Documentation/locking/robust-futex-ABI.rst).

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

const FUTEX_WAITERS: u32 = 0x8000_0000;
const FUTEX_OWNER_DIED: u32 = 0x4000_0000;
const FUTEX_TID_MASK: u32 = 0x3fff_ffff;

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
        // The lowest bit of a link says that the lock is a priority-inheriting one.
        let entry = |link: u64| link & !1;
        for _ in 0..STEP_ENTRIES {
            if entry(walk.next) == head.0 || walk.left == 0 {
                if entry(pending) != 0 {
                    self.owner_died(space, tid, entry(pending).wrapping_add(offset))?;
                }
                return Ok(None);
            }
            // Read on before the lock is released: its new owner may unlink it.
            let at = entry(walk.next);
            let next = self.read_pod_in::<u64>(space, GuestAddr(at));
            if at != entry(pending) {
                self.owner_died(space, tid, at.wrapping_add(offset))?;
            }
            walk = RobustWalk { next: next?, left: walk.left - 1 };
        }
        Ok(Some(walk))
    }

    fn owner_died(&mut self, space: SpaceId, tid: Tid, word: u64) -> Result<()> {
        let addr = GuestAddr(word);
        let key = self.futex_key(space, addr, false)?;
        let held = |value: u32| value & FUTEX_TID_MASK == tid.get();
        let old = self.futex_update(space, addr, |value| {
            held(value).then_some(value & FUTEX_WAITERS | FUTEX_OWNER_DIED)
        })?;
        if held(old) && old & FUTEX_WAITERS != 0 {
            self.futex_wake(key, 1, u32::MAX);
        }
        Ok(())
    }
}
