//! epoll: a set of watched files and the list of those that may be ready (`epoll(7)`).
//!
//! Owns interest and ready lists. Whether a file is ready is asked of the file when events are collected, so that a
//! stale entry of the ready list costs a look and nothing else.

use std::collections::{BTreeMap, VecDeque};

use super::descriptors::Fd;
use super::file::FileKind;
use super::{FileId, Vfs};
use crate::errno::{Errno, Result};
use crate::limits::STEP_ITEMS;
use crate::system::System;
use crate::task::Tid;
use crate::wait::{Events, WaitQueue, WaitTarget, Waiter};

/// `EPOLLEXCLUSIVE`
pub(crate) const EXCLUSIVE: u32 = 1 << 28;
/// `EPOLLWAKEUP`
const WAKEUP: u32 = 1 << 29;
/// `EPOLLONESHOT`
const ONESHOT: u32 = 1 << 30;
/// `EPOLLET`
const EDGE: u32 = 1 << 31;
/// What `EPOLLEXCLUSIVE` may come with (`epoll_ctl(2)`).
const EXCLUSIVE_WITH: u32 = 1 | 4 | 8 | 0x10 | WAKEUP | EDGE | EXCLUSIVE;
/// How deep epoll instances may watch each other (`EP_MAX_NESTS`).
const MAX_NESTING: u32 = 4;
/// Files that one instance watches at the most.
pub(super) const MAX_ITEMS: usize = 65_536;

/// One watched file.
#[derive(Debug)]
struct Item {
    fd: Fd,
    file: FileId,
    events: u32,
    data: u64,
    /// Whether it stands in the ready list.
    queued: bool,
    /// Told once under `EPOLLONESHOT`; silent until it is modified.
    disabled: bool,
}

impl Item {
    fn mask(&self) -> Events {
        let flags = EXCLUSIVE | WAKEUP | ONESHOT | EDGE;
        Events(self.events & !flags).union(Events::ERR).union(Events::HUP)
    }
}

/// An epoll instance.
#[derive(Debug, Default)]
pub(crate) struct Epoll {
    items: BTreeMap<u64, Item>,
    /// A descriptor and its open file together are what is watched: the same file may be under several.
    by_file: BTreeMap<(Fd, FileId), u64>,
    ready: VecDeque<u64>,
    next_item: u64,
    pub(super) queue: WaitQueue,
}

/// What `epoll_ctl(2)` does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ctl {
    /// `EPOLL_CTL_ADD`
    Add,
    /// `EPOLL_CTL_DEL`
    Delete,
    /// `EPOLL_CTL_MOD`
    Modify,
}

impl Epoll {
    /// What `/proc/PID/fdinfo` shows: a line for each watched descriptor.
    pub(super) fn shown(&self) -> String {
        let line = |item: &Item| {
            format!("tfd: {:8} events: {:8x} data: {:16x}\n", item.fd.get(), item.events, item.data)
        };
        self.items.values().map(line).collect()
    }
}

impl Vfs {
    fn epoll_mut(&mut self, epoll: FileId) -> Result<&mut Epoll> {
        match &mut self.file_mut(epoll)?.kind {
            FileKind::Epoll(epoll) => Ok(epoll),
            _ => Err(Errno::EINVAL),
        }
    }

    fn epoll(&self, epoll: FileId) -> Result<&Epoll> {
        match &self.file(epoll)?.kind {
            FileKind::Epoll(epoll) => Ok(epoll),
            _ => Err(Errno::EINVAL),
        }
    }

    /// How many levels of instances a file stands for; `None` if `forbidden` is among them.
    fn nesting(&self, file: FileId, forbidden: FileId, left: u32) -> Option<u32> {
        if file == forbidden || left == 0 {
            return None;
        }
        let Ok(epoll) = self.epoll(file) else { return Some(0) };
        let mut deepest = 0;
        for item in epoll.items.values() {
            deepest = deepest.max(self.nesting(item.file, forbidden, left - 1)?);
        }
        Some(deepest + 1)
    }

    /// How many levels of instances watch a file.
    fn watchers_above(&self, file: FileId, left: u32) -> u32 {
        let Ok(open) = self.file(file) else { return 0 };
        if left == 0 {
            return 0;
        }
        open.watchers.iter().map(|(epoll, _)| 1 + self.watchers_above(*epoll, left - 1)).max().unwrap_or(0)
    }

    fn remove_item(&mut self, epoll: FileId, item: u64) {
        let Ok(instance) = self.epoll_mut(epoll) else { return };
        let Some(removed) = instance.items.remove(&item) else { return };
        instance.by_file.remove(&(removed.fd, removed.file));
        // Item numbers are not given again: those of removed items are passed over, and dropped when they are many.
        let Epoll { ready, items, .. } = instance;
        if ready.len() > 2 * items.len() + STEP_ITEMS {
            ready.retain(|ready| items.contains_key(ready));
        }
    }

    /// A file ends: the instances that watch it forget it.
    pub(super) fn end_watching(&mut self, watched_by: &[(FileId, u64)]) {
        for &(epoll, item) in watched_by {
            self.remove_item(epoll, item);
        }
    }

    /// A file ends: if it is an instance, it leaves the queues of some of the files it watches. Whether of all.
    pub(super) fn forget_watched(&mut self, file: FileId) -> bool {
        let Ok(instance) = self.epoll_mut(file) else { return true };
        // Nobody asks it any more what is ready.
        instance.ready = VecDeque::new();
        let step = core::iter::from_fn(|| instance.items.pop_first()).take(STEP_ITEMS);
        let items: Vec<(u64, FileId)> = step.map(|(id, item)| (id, item.file)).collect();
        let more = !instance.items.is_empty();
        for (item, watched) in items {
            if let Ok(open) = self.file_mut(watched) {
                open.watchers.retain(|watcher| *watcher != (file, item));
            }
            self.stop_waiting(watched, WaitTarget::Epoll { epoll: file, item });
        }
        !more
    }
}

impl System {
    /// `epoll_ctl(2)`.
    ///
    /// # Errors
    /// Those of `epoll_ctl(2)`.
    pub(crate) fn epoll_ctl(
        &mut self,
        tid: Tid,
        epoll: FileId,
        ctl: Ctl,
        (fd, file): (Fd, FileId),
        events: u32,
        data: u64,
    ) -> Result<()> {
        if epoll == file {
            return Err(Errno::EINVAL);
        }
        let instance = self.fs.epoll(epoll)?;
        let known = instance.by_file.get(&(fd, file)).copied();
        let full = instance.items.len() >= MAX_ITEMS;
        if !self.fs.can_be_watched(file)? {
            return Err(Errno::EPERM);
        }
        let watches_epoll = self.fs.epoll(file).is_ok();
        if events & EXCLUSIVE != 0
            && ctl != Ctl::Delete
            && (ctl == Ctl::Modify || watches_epoll || events & !EXCLUSIVE_WITH != 0)
        {
            return Err(Errno::EINVAL);
        }
        let item = match (ctl, known) {
            (Ctl::Add, Some(_)) => return Err(Errno::EEXIST),
            (Ctl::Delete | Ctl::Modify, None) => return Err(Errno::ENOENT),
            (Ctl::Delete, Some(item)) => {
                self.fs.remove_item(epoll, item);
                self.fs.file_mut(file)?.watchers.retain(|watcher| *watcher != (epoll, item));
                self.stop_waiting(file, WaitTarget::Epoll { epoll, item });
                return Ok(());
            }
            (Ctl::Modify, Some(item)) => {
                let instance = self.fs.epoll_mut(epoll)?;
                let known = instance.items.get_mut(&item).ok_or(Errno::ENOENT)?;
                if known.events & EXCLUSIVE != 0 {
                    return Err(Errno::EINVAL);
                }
                known.events = events;
                known.data = data;
                known.disabled = false;
                item
            }
            (Ctl::Add, None) => {
                if watches_epoll {
                    let below = self.fs.nesting(file, epoll, MAX_NESTING + 1).ok_or(Errno::ELOOP)?;
                    if below + self.fs.watchers_above(epoll, MAX_NESTING + 1) > MAX_NESTING {
                        return Err(Errno::ELOOP);
                    }
                }
                if full {
                    return Err(Errno::ENOSPC);
                }
                let instance = self.fs.epoll_mut(epoll)?;
                let item = instance.next_item;
                instance.next_item += 1;
                instance.by_file.insert((fd, file), item);
                let new = Item { fd, file, events, data, queued: false, disabled: false };
                instance.items.insert(item, new);
                self.fs.file_mut(file)?.watchers.push((epoll, item));
                item
            }
        };
        let wanted = match self.fs.epoll(epoll)?.items.get(&item) {
            Some(item) => item.mask(),
            None => return Err(Errno::ENOENT),
        };
        self.wait_file(file, Waiter { target: WaitTarget::Epoll { epoll, item }, events: wanted }, tid)?;
        let ready = self.poll_file(file, tid)?;
        if ready.intersects(wanted) {
            self.epoll_event(epoll, item, ready);
        }
        Ok(())
    }

    /// Something happened to a file that an epoll instance watches.
    pub(crate) fn epoll_event(&mut self, epoll: FileId, item: u64, events: Events) {
        let Ok(instance) = self.fs.epoll_mut(epoll) else { return };
        let Some(watched) = instance.items.get_mut(&item) else { return };
        if watched.disabled || !watched.mask().intersects(events) {
            return;
        }
        if !watched.queued {
            watched.queued = true;
            instance.ready.push_back(item);
        }
        instance.queue.wake(Events::IN, &mut self.woken);
    }

    /// Entries that the ready list of an instance has: what one call looks at.
    ///
    /// # Errors
    /// `EINVAL` for what is no epoll instance.
    pub(crate) fn epoll_candidates(&self, epoll: FileId) -> Result<usize> {
        Ok(self.fs.epoll(epoll)?.ready.len())
    }

    /// Up to `max` events of an instance, from `count` entries of its ready list: what happened, and the data given with
    /// the interest.
    ///
    /// # Errors
    /// `EINVAL` for what is no epoll instance.
    pub(crate) fn epoll_collect(
        &mut self,
        tid: Tid,
        epoll: FileId,
        max: usize,
        count: usize,
    ) -> Result<Vec<(u32, u64)>> {
        let mut told = Vec::new();
        // Each entry is looked at once: those that stay ready go to the end, so that all get their turn.
        for _ in 0..count {
            if told.len() == max {
                break;
            }
            let instance = self.fs.epoll_mut(epoll)?;
            let Some(id) = instance.ready.pop_front() else { break };
            let Some(item) = instance.items.get_mut(&id) else { continue };
            item.queued = false;
            let (file, mask) = (item.file, item.mask());
            let ready = self.poll_file(file, tid).unwrap_or_default().and(mask);
            if ready.is_empty() {
                continue;
            }
            let instance = self.fs.epoll_mut(epoll)?;
            let Some(item) = instance.items.get_mut(&id) else { continue };
            if item.disabled {
                continue;
            }
            told.push((ready.0, item.data));
            if item.events & ONESHOT != 0 {
                item.disabled = true;
            } else if item.events & EDGE == 0 {
                item.queued = true;
                instance.ready.push_back(id);
            }
        }
        Ok(told)
    }

    /// Whether an instance has something to tell: what polling it answers.
    pub(super) fn poll_epoll(&self, epoll: FileId, tid: Tid) -> Events {
        let Ok(instance) = self.fs.epoll(epoll) else { return Events::default() };
        let any = instance.ready.iter().filter_map(|id| instance.items.get(id)).any(|item| {
            // Nesting is bounded when an instance is added to another, so this ends.
            !item.disabled && self.poll_file(item.file, tid).is_ok_and(|ready| ready.intersects(item.mask()))
        });
        if any { Events::IN } else { Events::default() }
    }
}
