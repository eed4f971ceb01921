//! Locks that the kernel hands over (`futex(2)`, "Priority-inheritance futexes").
//!
//! Owns who has a lock that others wait for, handing it over, and what a thread that ends does to those it has. While
//! nobody waits for a lock its word alone says whose it is. Threads take turns all alike, so that there is no priority
//! to inherit: the first to come is the next to have it.

use std::collections::{BTreeMap, BTreeSet};

use super::{FutexKey, Kind, STEP_WAITERS};
use crate::addr::GuestAddr;
use crate::cpu::core::SpaceId;
use crate::errno::{Errno, Result};
use crate::system::System;
use crate::task::Tid;

/// In a word: somebody waits, so that letting go takes a call.
pub(crate) const WAITERS: u32 = 0x8000_0000;
/// In a word: its last owner ended without letting go.
pub(crate) const OWNER_DIED: u32 = 0x4000_0000;
/// In a word: the id of the thread that has the lock; zero is nobody.
pub(crate) const TID_MASK: u32 = 0x3fff_ffff;

/// Locks that a chain of owners, each waiting for the next, may have (`/proc/sys/kernel/max_lock_depth`).
const CHAIN_MAX: u32 = 1024;

/// The owners of the locks that somebody waits for.
#[derive(Debug, Default)]
pub(crate) struct LockOwners {
    owners: BTreeMap<FutexKey, Tid>,
    held: BTreeSet<(Tid, FutexKey)>,
}

impl LockOwners {
    fn of(&self, key: FutexKey) -> Option<Tid> {
        self.owners.get(&key).copied()
    }

    fn set(&mut self, key: FutexKey, owner: Tid) {
        if let Some(before) = self.owners.insert(key, owner) {
            self.held.remove(&(before, key));
        }
        self.held.insert((owner, key));
    }

    fn forget(&mut self, key: FutexKey) {
        if let Some(owner) = self.owners.remove(&key) {
            self.held.remove(&(owner, key));
        }
    }

    fn first_of(&self, owner: Tid) -> Option<FutexKey> {
        let least = (owner, FutexKey::shared(0));
        self.held.range(least..).next().filter(|(tid, _)| *tid == owner).map(|(_, key)| *key)
    }
}

/// What became of trying to have a lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Attempt {
    /// It is the caller's.
    Acquired,
    /// It is this thread's, and its word says that somebody waits.
    OwnedBy(Tid),
}

impl System {
    /// Tries to have the lock at `addr` for the thread `who`; `contended` says that others will wait for it.
    ///
    /// # Errors
    /// `EDEADLK` when it has it already, `EINVAL` when the word contradicts what the kernel knows, `ESRCH` when its owner
    /// is gone, `EFAULT`.
    pub(crate) fn try_lock(
        &mut self,
        space: SpaceId,
        addr: GuestAddr,
        key: FutexKey,
        who: Tid,
        contended: bool,
    ) -> Result<Attempt> {
        let first = self.futexes.first(key).map(|(_, _, kind)| kind);
        if let Some(kind) = first {
            let word = self.futex_value(space, addr)?;
            return self.join_waiters(key, kind, word, who);
        }
        let contended = if contended { WAITERS } else { 0 };
        let word = self.futex_update(space, addr, |word| match word & TID_MASK {
            owner if owner == who.get() => None,
            0 => Some(word & OWNER_DIED | who.get() | contended),
            _ => Some(word | WAITERS),
        })?;
        match word & TID_MASK {
            0 => Ok(Attempt::Acquired),
            owner if owner == who.get() => Err(Errno::EDEADLK),
            owner => {
                let owner = Tid::new(owner).ok_or(Errno::ESRCH)?;
                let thread = self.tasks.thread(owner).ok_or(Errno::ESRCH)?;
                if thread.gave_up_locks() { Err(Errno::ESRCH) } else { Ok(Attempt::OwnedBy(owner)) }
            }
        }
    }

    /// The word of a lock that others wait for must say what the kernel knows (Linux, `attach_to_pi_state`).
    fn join_waiters(&self, key: FutexKey, first: Kind, word: u32, who: Tid) -> Result<Attempt> {
        let in_word = word & TID_MASK;
        if in_word == who.get() {
            return Err(Errno::EDEADLK);
        }
        let (Kind::Lock(_), Some(owner)) = (first, self.lock_owners.of(key)) else {
            return Err(Errno::EINVAL);
        };
        // One that ends has marked the word and not yet handed the lock over.
        let dying = in_word == 0 && word & OWNER_DIED != 0;
        if dying || in_word == owner.get() { Ok(Attempt::OwnedBy(owner)) } else { Err(Errno::EINVAL) }
    }

    /// Whether a thread that waited for this owner's lock would wait for itself.
    pub(crate) fn would_deadlock(&self, who: Tid, mut owner: Tid) -> bool {
        for _ in 0..CHAIN_MAX {
            if owner == who {
                return true;
            }
            let wait = self.tasks.thread(owner).and_then(|thread| thread.futex_waits.first().copied());
            let next = match wait.and_then(|id| self.futexes.place(id)) {
                Some((key, Kind::Lock(_))) => self.lock_owners.of(key),
                _ => None,
            };
            match next {
                Some(next) => owner = next,
                None => return false,
            }
        }
        true
    }

    /// Lets the thread wait for the lock at `addr` that `owner` has.
    pub(crate) fn await_lock(&mut self, tid: Tid, key: FutexKey, addr: GuestAddr, owner: Tid) {
        self.lock_owners.set(key, owner);
        self.enter_futex(tid, key, u32::MAX, Kind::Lock(addr));
    }

    /// The thread lets the lock at `addr` go: the first who waits has it.
    ///
    /// # Errors
    /// `EPERM` when it does not have it, `EINVAL` when the word contradicts what the kernel knows, `EFAULT`.
    pub(crate) fn unlock(&mut self, space: SpaceId, addr: GuestAddr, key: FutexKey, tid: Tid) -> Result<()> {
        let next = self.futexes.first(key);
        if let Some((_, _, kind)) = next {
            if self.futex_value(space, addr)? & TID_MASK != tid.get() {
                return Err(Errno::EPERM);
            }
            if !matches!(kind, Kind::Lock(_)) || self.lock_owners.of(key) != Some(tid) {
                return Err(Errno::EINVAL);
            }
        }
        let left = next.map_or(0, |(_, next, _)| WAITERS | next.get());
        let held = |word: u32| word & TID_MASK == tid.get();
        let word = self.futex_update(space, addr, |word| held(word).then_some(left))?;
        if !held(word) {
            return Err(Errno::EPERM);
        }
        if let Some((_, next, _)) = next {
            self.hand_over(key, next);
        }
        Ok(())
    }

    /// The lock is `next`'s, whose call ends.
    fn hand_over(&mut self, key: FutexKey, next: Tid) {
        self.lock_owners.set(key, next);
        self.complete_futex_wait(next, Ok(0));
    }

    /// Nobody waits for the lock any more: its word alone says whose it is.
    pub(super) fn disown_unless_awaited(&mut self, key: FutexKey) {
        let awaited = matches!(self.futexes.first(key), Some((_, _, Kind::Lock(_))));
        if !awaited {
            self.lock_owners.forget(key);
        }
    }

    /// Hands over some of the locks that a thread has which ends. Whether there are more.
    pub(crate) fn give_up_locks(&mut self, tid: Tid) -> bool {
        for _ in 0..STEP_WAITERS {
            let Some(key) = self.lock_owners.first_of(tid) else { return false };
            let Some((_, next, Kind::Lock(addr))) = self.futexes.first(key) else {
                self.lock_owners.forget(key);
                continue;
            };
            // The new owner's memory has the word, at its own address.
            let told = match self.space_of(next) {
                Some(space) => {
                    let word = WAITERS | OWNER_DIED | next.get();
                    self.futex_update(space, addr, |_| Some(word)).map(|_| ())
                }
                None => Err(Errno::EFAULT),
            };
            match told {
                Ok(()) => self.hand_over(key, next),
                // Its own doing; the one behind it is next.
                Err(errno) => self.complete_futex_wait(next, Err(errno)),
            }
        }
        self.lock_owners.first_of(tid).is_some()
    }

    fn space_of(&self, tid: Tid) -> Option<SpaceId> {
        let pid = self.tasks.thread(tid)?.pid;
        self.tasks.process(pid).map(|process| process.space)
    }

    /// Lets the first waiter of a condition's word have the lock it is for, if that is free.
    /// `None` when nobody waits, else whether it has it, or who does.
    ///
    /// # Errors
    /// As [`System::try_lock`]; `EINVAL` when the waiter is for no lock, or for another.
    pub(crate) fn lock_for_first(
        &mut self,
        space: SpaceId,
        from: FutexKey,
        to: FutexKey,
        addr: GuestAddr,
        contended: bool,
    ) -> Result<Option<Attempt>> {
        let Some((_, tid, kind)) = self.futexes.first(from) else { return Ok(None) };
        if !matches!(kind, Kind::Condition(lock, _) if lock == to) {
            return Err(Errno::EINVAL);
        }
        let attempt = self.try_lock(space, addr, to, tid, contended)?;
        if attempt == Attempt::Acquired {
            self.complete_futex_wait(tid, Ok(0));
        }
        Ok(Some(attempt))
    }

    /// Moves the first waiter of a condition's word to the lock it is for, which somebody has. Whether there was one.
    ///
    /// # Errors
    /// `EINVAL` when it is for no lock, or for another; `EDEADLK` when it would wait for itself.
    pub(crate) fn move_to_lock(&mut self, from: FutexKey, to: FutexKey, owner: Tid) -> Result<bool> {
        let Some((id, tid, kind)) = self.futexes.first(from) else { return Ok(false) };
        let addr = match kind {
            Kind::Condition(lock, addr) if lock == to => addr,
            _ => return Err(Errno::EINVAL),
        };
        let owner = self.lock_owners.of(to).unwrap_or(owner);
        if self.would_deadlock(tid, owner) {
            return Err(Errno::EDEADLK);
        }
        self.lock_owners.set(to, owner);
        self.futexes.shift(id, to, Kind::Lock(addr));
        Ok(true)
    }
}
