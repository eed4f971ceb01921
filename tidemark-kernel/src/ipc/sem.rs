//! Semaphore sets (`semget(2)`, `semop(2)`, `semctl(2)`).
//!
//! Owns the values, the operations that wait for them and what is undone when a process ends. An operation that can go
//! on is done by whoever made that possible, in the order in which they wait; its thread finds its call completed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::ids::{Object, Permissions, Table};
use super::limits::{IpcLimits, SEM_UNDO_MAX, SEM_VALUE_MAX};
use super::{Found, Key};
use crate::errno::{Errno, Result};
use crate::limits::STEP_ITEMS;
use crate::system::System;
use crate::task::{Creds, Pid, Tid};
use crate::time::NANOS_PER_SECOND;
use crate::wait::{Entry, ParkSeq};

/// Single operations that one step tries at the most.
const STEP_OPERATIONS: usize = 1024;

/// Undo lists that one step of a process's end goes through at the most.
const STEP_UNDO: usize = 16;

crate::pod! {
    /// `struct sembuf`.
    pub(crate) struct Operation {
        /// Which semaphore of the set.
        pub(crate) number: u16,
        /// What to add; zero is to wait for zero.
        pub(crate) change: i16,
        /// `IPC_NOWAIT`, `SEM_UNDO`.
        pub(crate) flags: i16,
    }
}

impl Operation {
    const NO_WAIT: i16 = 0o4000;
    const UNDO: i16 = 0x1000;

    pub(crate) fn has_undo(&self) -> bool {
        self.flags & Operation::UNDO != 0
    }

    fn may_wait(&self) -> bool {
        self.flags & Operation::NO_WAIT == 0
    }
}

/// One semaphore.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Semaphore {
    pub(crate) value: u16,
    /// Who changed it last.
    pub(crate) last: Option<Pid>,
}

/// Operations of a thread that waits.
#[derive(Debug)]
struct Pending {
    tid: Tid,
    /// The park it waits in.
    park: ParkSeq,
    pid: Pid,
    operations: Vec<Operation>,
    /// The one that cannot be done.
    blocking: usize,
}

/// A set.
#[derive(Debug)]
pub(crate) struct Set {
    permissions: Permissions,
    pub(crate) values: Values,
    /// When it was operated on and changed last, in seconds of `CLOCK_REALTIME`; 0 is never.
    pub(crate) operated: u64,
    pub(crate) changed: u64,
    pending: VecDeque<Pending>,
    /// The first of these that has not been tried since the set changed.
    next: usize,
}

/// The semaphores of a set.
#[derive(Debug)]
pub(crate) struct Values {
    semaphores: Vec<Semaphore>,
    /// What each process's end adds, by semaphore.
    undo: BTreeMap<Pid, BTreeMap<u16, i32>>,
}

impl Object for Set {
    fn permissions(&self) -> &Permissions {
        &self.permissions
    }
    fn permissions_mut(&mut self) -> &mut Permissions {
        &mut self.permissions
    }
}

/// What trying operations came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tried {
    /// All are done.
    Done,
    /// None is: the one at this place has to wait.
    Blocked(usize),
}

impl Values {
    /// The semaphores, by number.
    pub(crate) fn all(&self) -> &[Semaphore] {
        &self.semaphores
    }

    /// Does all of the operations or none.
    ///
    /// # Errors
    /// `ERANGE` when a value would leave its range, `EAGAIN` where one would wait and may not.
    pub(crate) fn attempt(&mut self, pid: Pid, operations: &[Operation]) -> Result<Tried> {
        for (place, operation) in operations.iter().enumerate() {
            if let Err(reason) = self.apply(pid, operation) {
                operations[..place].iter().rev().for_each(|done| self.take_back(pid, done));
                return match reason {
                    NotNow::Range => Err(Errno::ERANGE),
                    NotNow::Wait if operation.may_wait() => Ok(Tried::Blocked(place)),
                    NotNow::Wait => Err(Errno::EAGAIN),
                };
            }
        }
        for operation in operations {
            self.semaphores[usize::from(operation.number)].last = Some(pid);
        }
        Ok(Tried::Done)
    }

    /// Does one operation, whose semaphore exists.
    fn apply(&mut self, pid: Pid, operation: &Operation) -> Result<(), NotNow> {
        let semaphore = &mut self.semaphores[usize::from(operation.number)];
        let (value, change) = (i32::from(semaphore.value), i32::from(operation.change));
        if change == 0 && value != 0 || value + change < 0 {
            return Err(NotNow::Wait);
        }
        if value + change > SEM_VALUE_MAX {
            return Err(NotNow::Range);
        }
        if operation.has_undo() {
            let undo = self.undo.entry(pid).or_default().entry(operation.number).or_default();
            let wanted = *undo - change;
            if !(-SEM_UNDO_MAX - 1..=SEM_UNDO_MAX).contains(&wanted) {
                return Err(NotNow::Range);
            }
            *undo = wanted;
        }
        semaphore.value = (value + change) as u16;
        Ok(())
    }

    /// The reverse of [`apply`](Self::apply), after it went well.
    fn take_back(&mut self, pid: Pid, operation: &Operation) {
        let change = i32::from(operation.change);
        let semaphore = &mut self.semaphores[usize::from(operation.number)];
        semaphore.value = (i32::from(semaphore.value) - change) as u16;
        if operation.has_undo()
            && let Some(undo) = self.undo.get_mut(&pid).and_then(|undo| undo.get_mut(&operation.number))
        {
            *undo += change;
        }
    }

    /// Sets values, from one semaphore on; what was to be undone is forgotten (`semctl(2)`, `SETVAL`, `SETALL`).
    pub(crate) fn set(&mut self, first: u16, values: &[u16], pid: Pid) {
        let range = usize::from(first)..usize::from(first) + values.len();
        for (semaphore, value) in self.semaphores[range.clone()].iter_mut().zip(values) {
            *semaphore = Semaphore { value: *value, last: Some(pid) };
        }
        for undo in self.undo.values_mut() {
            undo.retain(|number, _| !range.contains(&usize::from(*number)));
        }
    }
}

impl Set {
    /// Has operations wait; the one at `blocking` cannot be done.
    pub(crate) fn wait(
        &mut self,
        (tid, park, pid): (Tid, ParkSeq, Pid),
        operations: Vec<Operation>,
        blocking: usize,
    ) {
        self.pending.push_back(Pending { tid, park, pid, operations, blocking });
    }

    /// The thread waits no more. Whether it did.
    pub(crate) fn stop_waiting(&mut self, tid: Tid) -> bool {
        let Some(place) = self.pending.iter().position(|pending| pending.tid == tid) else { return false };
        self.pending.remove(place);
        self.next -= usize::from(place < self.next);
        true
    }

    /// Threads that wait for a semaphore to become zero, or, if not `zero`, to rise.
    pub(crate) fn waiting_for(&self, number: u16, zero: bool) -> usize {
        let blocked = |pending: &&Pending| {
            let operation = pending.operations[pending.blocking];
            operation.number == number && (operation.change == 0) == zero
        };
        self.pending.iter().filter(blocked).count()
    }
}

/// Why an operation is not done.
enum NotNow {
    Wait,
    Range,
}

/// All sets.
#[derive(Default, Debug)]
pub(crate) struct Semaphores {
    pub(crate) table: Table<Set>,
    /// Semaphores in all of them.
    pub(crate) total: u64,
    /// In which sets a process's end changes something.
    undo: BTreeMap<Pid, BTreeSet<i32>>,
    /// Sets that changed and have waiting operations that were not tried since.
    changed: BTreeSet<i32>,
    /// Threads that wait for a set that was removed.
    orphans: VecDeque<(Tid, ParkSeq)>,
}

impl Semaphores {
    /// The set of a key, made if it is wanted (`semget(2)`). Its id.
    ///
    /// # Errors
    /// As `semget(2)` lists them.
    pub(crate) fn look_up(
        &mut self,
        limits: &IpcLimits,
        (key, count, flags): (Key, i32, u32),
        creds: &Creds,
        now: u64,
    ) -> Result<i32> {
        let count = u32::try_from(count).ok().filter(|count| *count <= limits.sem_per_set);
        let count = count.ok_or(Errno::EINVAL)?;
        let found = self.table.look_up(key, flags, creds, |set| {
            if count as usize > set.values.all().len() { Err(Errno::EINVAL) } else { Ok(()) }
        })?;
        if let Found::There(id) = found {
            return Ok(id);
        }
        if count == 0 {
            return Err(Errno::EINVAL);
        }
        if self.total + u64::from(count) > u64::from(limits.sem_total) {
            return Err(Errno::ENOSPC);
        }
        let id = self.table.insert(key, flags, creds, limits.sem_sets, |permissions| Set {
            permissions,
            values: Values { semaphores: vec![Semaphore::default(); count as usize], undo: BTreeMap::new() },
            operated: 0,
            changed: now,
            pending: VecDeque::new(),
            next: 0,
        })?;
        self.total += u64::from(count);
        Ok(id)
    }

    /// Takes note that the end of a process changes a set.
    pub(crate) fn note_undo(&mut self, pid: Pid, id: i32) {
        self.undo.entry(pid).or_default().insert(id);
    }

    /// A set changed: its waiting operations are to be tried.
    pub(crate) fn note_change(&mut self, id: i32) {
        if let Ok(set) = self.table.get_mut(id)
            && !set.pending.is_empty()
        {
            set.next = 0;
            self.changed.insert(id);
        }
    }
}

impl System {
    /// Tries operations that wait for sets that changed, and tells those whose set is gone: one step. Whether more are left.
    pub(crate) fn settle_semaphores(&mut self) -> bool {
        for _ in 0..STEP_ITEMS {
            let Some((tid, park)) = self.ipc.semaphores.orphans.pop_front() else { break };
            self.complete_call(tid, park, Err(Errno::EIDRM));
        }
        let mut budget = STEP_OPERATIONS;
        while let Some(&id) = self.ipc.semaphores.changed.first() {
            if !self.try_pending(id, &mut budget) {
                return true;
            }
            self.ipc.semaphores.changed.remove(&id);
        }
        !self.ipc.semaphores.orphans.is_empty()
    }

    /// Tries the operations that wait for a set. False where the budget ends before they do.
    fn try_pending(&mut self, id: i32, budget: &mut usize) -> bool {
        let now = self.mem.seen_by_programs(self.now).realtime / NANOS_PER_SECOND;
        while let Ok(set) = self.ipc.semaphores.table.get_mut(id) {
            let Some(pending) = set.pending.get_mut(set.next) else { break };
            if *budget == 0 {
                return false;
            }
            *budget = budget.saturating_sub(pending.operations.len());
            let result = match set.values.attempt(pending.pid, &pending.operations) {
                Ok(Tried::Blocked(place)) => {
                    pending.blocking = place;
                    set.next += 1;
                    continue;
                }
                Ok(Tried::Done) => Ok(0),
                Err(errno) => Err(errno),
            };
            let Some(done) = set.pending.remove(set.next) else { break };
            if result.is_ok() {
                set.operated = now;
                if done.operations.iter().any(|operation| operation.change != 0) {
                    set.next = 0;
                }
                if done.operations.iter().any(Operation::has_undo) {
                    self.ipc.semaphores.note_undo(done.pid, id);
                }
            }
            self.complete_call(done.tid, done.park, result);
        }
        true
    }

    /// Removes a set; who waits is told.
    pub(crate) fn remove_semaphores(&mut self, id: i32) {
        let semaphores = &mut self.ipc.semaphores;
        let Some(set) = semaphores.table.remove(id) else { return };
        semaphores.total -= set.values.semaphores.len() as u64;
        semaphores.changed.remove(&id);
        semaphores.orphans.extend(set.pending.iter().map(|pending| (pending.tid, pending.park)));
    }

    /// Finishes the call in which a thread was parked, if it still is: its handler is not entered again.
    fn complete_call(&mut self, tid: Tid, park: ParkSeq, result: Result<u64>) {
        let Some(thread) = self.tasks.thread_mut(tid) else { return };
        if thread.park != park {
            return;
        }
        let Some(parked) = &mut thread.parked else { return };
        parked.completed = Some(result);
        self.unpark(tid, park.get(), Entry::Event);
    }

    /// A step of undoing what a process that ends asked for (`semop(2)`, `SEM_UNDO`). Whether more is left.
    pub(crate) fn undo_semaphores(&mut self, pid: Pid) -> bool {
        let now = self.mem.seen_by_programs(self.now).realtime / NANOS_PER_SECOND;
        let semaphores = &mut self.ipc.semaphores;
        for _ in 0..STEP_UNDO {
            let Some(sets) = semaphores.undo.get_mut(&pid) else { return false };
            let Some(id) = sets.pop_first() else {
                semaphores.undo.remove(&pid);
                return false;
            };
            let Ok(set) = semaphores.table.get_mut(id) else { continue };
            for (number, change) in set.values.undo.remove(&pid).unwrap_or_default() {
                let semaphore = &mut set.values.semaphores[usize::from(number)];
                // As Linux: what cannot be undone is undone as far as it can.
                let value = (i32::from(semaphore.value) + change).clamp(0, SEM_VALUE_MAX);
                if change != 0 {
                    *semaphore = Semaphore { value: value as u16, last: Some(pid) };
                }
            }
            set.operated = now;
            semaphores.note_change(id);
        }
        true
    }
}
