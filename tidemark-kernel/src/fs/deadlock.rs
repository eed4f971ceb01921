//! Who waits for whose record lock, to refuse a wait that would never end (`fcntl_locking(2)`, `EDEADLK`).
//!
//! Locks of open file descriptions don't count, as on Linux: they belong to no process.

use super::Vfs;
use super::locks::{LockOwner, Record};
use super::node::Location;
use crate::system::System;
use crate::task::{RunState, Tid};
use crate::wait::ParkSeq;

/// Waits that are followed at the most (`MAX_DEADLK_ITERATIONS`).
const MAX_FOLLOWED: usize = 10;

/// A wait for a record lock. It is over when the thread is in another park.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LockWait {
    pub(crate) tid: Tid,
    pub(crate) park: ParkSeq,
    pub(crate) at: Location,
    pub(crate) wanted: Record,
}

impl System {
    /// Whether waiting for a lock would close a circle of waits.
    pub(crate) fn lock_would_deadlock(&mut self, at: Location, wanted: &Record) -> bool {
        let tasks = &self.tasks;
        self.fs.lock_waits.retain(|wait| {
            tasks
                .thread(wait.tid)
                .is_some_and(|thread| thread.state == RunState::Parked && thread.park == wait.park)
        });
        let mut blocker = self.fs.lock_holder(at, wanted);
        for _ in 0..MAX_FOLLOWED {
            let Some(owner) = blocker else { return false };
            if owner.is(wanted.owner) {
                return true;
            }
            let wait = self.fs.lock_waits.iter().find(|wait| wait.wanted.owner.is(owner)).copied();
            blocker = wait.and_then(|wait| self.fs.lock_holder(wait.at, &wait.wanted));
        }
        false
    }
}

impl Vfs {
    /// Notes a wait; one of the same thread before is over.
    pub(crate) fn note_lock_wait(&mut self, wait: LockWait) {
        self.lock_waits.retain(|old| old.tid != wait.tid);
        self.lock_waits.push(wait);
    }

    /// The process whose lock keeps this one from being granted.
    fn lock_holder(&mut self, at: Location, wanted: &Record) -> Option<LockOwner> {
        let held = self.locks_of(at)?.conflict(wanted)?;
        matches!(held.owner, LockOwner::Process { .. }).then_some(held.owner)
    }
}
