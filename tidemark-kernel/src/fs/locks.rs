//! Advisory locks on a node: POSIX and open-file-description record locks (`fcntl_locking(2)`), and `flock(2)`.
//!
//! Owns who holds what and who waits. Unlocking when a descriptor is closed is the descriptor table's to ask for.

use super::{FdTableId, FileId};
use crate::errno::{Errno, Result};
use crate::wait::{Events, WaitQueue, Waiter, Woken};

/// Record locks on one node: bounds what one guest can make the kernel remember and search.
const MAX_RECORDS: usize = 4096;

/// Who holds a record lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockOwner {
    /// A process, by its descriptor table, as Linux's `files_struct` (`F_SETLK`).
    Process {
        /// The table.
        table: FdTableId,
        /// What `F_GETLK` tells.
        pid: u32,
    },
    /// An open file description (`F_OFD_SETLK`).
    Description(FileId),
}

impl LockOwner {
    pub(super) fn is(self, other: LockOwner) -> bool {
        match (self, other) {
            (LockOwner::Process { table: a, .. }, LockOwner::Process { table: b, .. }) => a == b,
            (LockOwner::Description(a), LockOwner::Description(b)) => a == b,
            _ => false,
        }
    }
}

/// A locked range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// Whose.
    pub owner: LockOwner,
    /// First byte.
    pub start: u64,
    /// First byte after it; `u64::MAX` for 'to the end, wherever that is'.
    pub end: u64,
    /// Whether it excludes other readers.
    pub exclusive: bool,
}

/// A lock on the file as a whole (`flock(2)`).
#[derive(Clone, Copy, Debug)]
struct Whole {
    file: FileId,
    exclusive: bool,
    /// Who asked for it.
    pid: u32,
}

#[derive(Debug, Default)]
struct Locks {
    records: Vec<Record>,
    whole: Vec<Whole>,
    queue: WaitQueue,
}

/// The locks of one node; no memory while there are none.
#[derive(Debug, Default)]
pub(crate) struct LockList(Option<Box<Locks>>);

impl LockList {
    /// A record lock that keeps `wanted` from being granted.
    pub(crate) fn conflict(&self, wanted: &Record) -> Option<Record> {
        self.0.as_ref()?.records.iter().copied().find(|held| {
            !held.owner.is(wanted.owner)
                && (held.exclusive || wanted.exclusive)
                && held.start < wanted.end
                && wanted.start < held.end
        })
    }

    /// Locks a range, converting what its owner held of it.
    ///
    /// # Errors
    /// `EAGAIN` on a conflict, `ENOLCK` at the limit.
    pub(crate) fn lock(&mut self, wanted: Record, woken: &mut Woken) -> Result<()> {
        if self.conflict(&wanted).is_some() {
            return Err(Errno::EAGAIN);
        }
        let locks = self.0.get_or_insert_default();
        if locks.records.len() + 2 > MAX_RECORDS {
            return Err(Errno::ENOLCK);
        }
        let touches = |held: &Record, wanted: &Record| {
            held.owner.is(wanted.owner) && held.start <= wanted.end && wanted.start <= held.end
        };
        let mut merged = wanted;
        // Most often it is only to be added, and looking is quicker than moving thousands.
        if locks.records.iter().any(|held| touches(held, &wanted)) {
            cut(&mut locks.records, wanted.owner, wanted.start, wanted.end);
            locks.records.retain(|held| {
                let merges = held.exclusive == wanted.exclusive && touches(held, &merged);
                if merges {
                    merged.start = merged.start.min(held.start);
                    merged.end = merged.end.max(held.end);
                }
                !merges
            });
        }
        locks.records.push(merged);
        // A writer's lock that became a reader's may let others in.
        locks.queue.wake(Events::OUT, woken);
        Ok(())
    }

    /// Unlocks a range.
    pub(crate) fn unlock(&mut self, owner: LockOwner, start: u64, end: u64, woken: &mut Woken) {
        if let Some(locks) = &mut self.0 {
            cut(&mut locks.records, owner, start, end);
            locks.queue.wake(Events::OUT, woken);
        }
        self.tidy();
    }

    /// Takes or converts a `flock`.
    ///
    /// # Errors
    /// `EAGAIN` on a conflict.
    pub(crate) fn flock(&mut self, file: FileId, exclusive: bool, pid: u32, woken: &mut Woken) -> Result<()> {
        let locks = self.0.get_or_insert_default();
        let held = locks.whole.iter().position(|held| held.file == file);
        if held.is_some_and(|at| locks.whole[at].exclusive == exclusive) {
            return Ok(());
        }
        // A conversion gives the old lock up first (`flock(2)`, "not atomic").
        if let Some(at) = held {
            locks.whole.swap_remove(at);
            locks.queue.wake(Events::OUT, woken);
        }
        if locks.whole.iter().any(|other| other.exclusive || exclusive) {
            return Err(Errno::EAGAIN);
        }
        locks.whole.push(Whole { file, exclusive, pid });
        Ok(())
    }

    /// Gives up what an open file description holds: its `flock` and its record locks.
    pub(crate) fn release_description(&mut self, file: FileId, woken: &mut Woken) {
        self.unflock(file, woken);
        self.unlock(LockOwner::Description(file), 0, u64::MAX, woken);
    }

    /// Gives up a `flock`.
    pub(crate) fn unflock(&mut self, file: FileId, woken: &mut Woken) {
        if let Some(locks) = &mut self.0 {
            locks.whole.retain(|held| held.file != file);
            locks.queue.wake(Events::OUT, woken);
        }
        self.tidy();
    }

    /// Adds somebody who waits for a lock to be given up.
    pub(crate) fn wait(&mut self, waiter: Waiter) {
        self.0.get_or_insert_default().queue.add(waiter);
    }

    /// Whether nobody holds any or waits for one.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Kind, access, holder and range of each, as `/proc/locks` shows them; `node` is what identifies the file.
    pub(crate) fn shown(&self, node: &str) -> Vec<String> {
        let Some(locks) = &self.0 else { return Vec::new() };
        let access = |exclusive| if exclusive { "WRITE" } else { "READ" };
        let whole = locks.whole.iter().map(|Whole { exclusive, pid, .. }| {
            format!("FLOCK  ADVISORY  {} {pid} {node} 0 EOF", access(*exclusive))
        });
        let records = locks.records.iter().map(|record| {
            let (kind, pid) = match record.owner {
                LockOwner::Process { pid, .. } => ("POSIX ", i64::from(pid)),
                LockOwner::Description(_) => ("OFDLCK", -1),
            };
            let end = match record.end {
                u64::MAX => "EOF".to_owned(),
                end => end.saturating_sub(1).to_string(),
            };
            format!("{kind} ADVISORY  {} {pid} {node} {} {end}", access(record.exclusive), record.start)
        });
        records.chain(whole).collect()
    }

    fn tidy(&mut self) {
        if self
            .0
            .as_ref()
            .is_some_and(|locks| locks.records.is_empty() && locks.whole.is_empty() && locks.queue.is_empty())
        {
            self.0 = None;
        }
    }
}

/// Removes `start..end` from what `owner` holds.
fn cut(records: &mut Vec<Record>, owner: LockOwner, start: u64, end: u64) {
    let mut rest = Vec::new();
    records.retain_mut(|held| {
        if !held.owner.is(owner) || held.end <= start || end <= held.start {
            return true;
        }
        if held.end > end {
            rest.push(Record { start: end, ..*held });
        }
        held.end = start;
        held.start < start
    });
    records.append(&mut rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(owner: u32, start: u64, end: u64, exclusive: bool) -> Record {
        Record { owner: LockOwner::Description(FileId(owner)), start, end, exclusive }
    }

    #[test]
    fn a_hole_is_cut_into_a_lock() {
        let mut woken = Woken::default();
        let mut locks = LockList::default();
        locks.lock(record(1, 0, 100, true), &mut woken).unwrap();
        locks.unlock(LockOwner::Description(FileId(1)), 40, 60, &mut woken);
        assert_eq!(locks.lock(record(2, 40, 60, true), &mut woken), Ok(()));
        assert_eq!(locks.lock(record(2, 59, 61, false), &mut woken), Err(Errno::EAGAIN));
        assert_eq!(locks.conflict(&record(3, 0, 1, false)), Some(record(1, 0, 40, true)));
        assert_eq!(locks.conflict(&record(3, 99, 200, false)), Some(record(1, 60, 100, true)));
    }

    #[test]
    fn readers_share_and_neighbours_merge() {
        let mut woken = Woken::default();
        let mut locks = LockList::default();
        locks.lock(record(1, 0, 10, false), &mut woken).unwrap();
        locks.lock(record(1, 10, 20, false), &mut woken).unwrap();
        locks.lock(record(2, 5, 15, false), &mut woken).unwrap();
        assert_eq!(locks.conflict(&record(2, 0, 20, true)), Some(record(1, 0, 20, false)));
        locks.release_description(FileId(1), &mut woken);
        assert_eq!(locks.lock(record(2, 0, 20, true), &mut woken), Ok(()));
        locks.release_description(FileId(2), &mut woken);
        assert!(locks.0.is_none(), "nothing is kept for a node without locks");
    }

    #[test]
    fn flock_excludes_and_converts() {
        let mut woken = Woken::default();
        let mut locks = LockList::default();
        assert_eq!(locks.flock(FileId(1), false, 1, &mut woken), Ok(()));
        assert_eq!(locks.flock(FileId(2), false, 1, &mut woken), Ok(()));
        assert_eq!(locks.flock(FileId(1), true, 1, &mut woken), Err(Errno::EAGAIN));
        locks.unflock(FileId(2), &mut woken);
        assert_eq!(locks.flock(FileId(1), true, 1, &mut woken), Ok(()));
    }
}
