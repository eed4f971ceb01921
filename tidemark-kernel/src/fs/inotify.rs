//! inotify instances: their watches and their queues of events (`inotify(7)`).
//!
//! Owns what one instance remembers and how its events read. Which change is told to which watch is
//! [`notify`](super::notify)'s.

use std::collections::{BTreeMap, VecDeque};

use super::node::{FsId, NodeKey};
use crate::errno::{Errno, Result};
use crate::mem::io::IoSink;
use crate::task::Uid;
use crate::wait::{Events, WaitQueue};

/// Events that wait to be read, of one instance (`/proc/sys/fs/inotify/max_queued_events`).
pub(crate) const MAX_QUEUED: usize = 16_384;
/// Instances of one user (`/proc/sys/fs/inotify/max_user_instances`).
pub(crate) const MAX_INSTANCES: u32 = 128;
/// Watches of one user, here of one instance (`/proc/sys/fs/inotify/max_user_watches`).
pub(crate) const MAX_WATCHES: usize = 65_536;

/// Bits of a watch's and of an event's mask.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Mask(pub u32);

impl Mask {
    /// `IN_ACCESS`
    pub const ACCESS: Mask = Mask(0x1);
    /// `IN_MODIFY`
    pub const MODIFY: Mask = Mask(0x2);
    /// `IN_ATTRIB`
    pub const ATTRIB: Mask = Mask(0x4);
    /// `IN_CLOSE_WRITE`
    pub const CLOSE_WRITE: Mask = Mask(0x8);
    /// `IN_CLOSE_NOWRITE`
    pub const CLOSE_NO_WRITE: Mask = Mask(0x10);
    /// `IN_OPEN`
    pub const OPEN: Mask = Mask(0x20);
    /// `IN_MOVED_FROM`
    pub const MOVED_FROM: Mask = Mask(0x40);
    /// `IN_MOVED_TO`
    pub const MOVED_TO: Mask = Mask(0x80);
    /// `IN_CREATE`
    pub const CREATE: Mask = Mask(0x100);
    /// `IN_DELETE`
    pub const DELETE: Mask = Mask(0x200);
    /// `IN_DELETE_SELF`
    pub const DELETE_SELF: Mask = Mask(0x400);
    /// `IN_MOVE_SELF`
    pub const MOVE_SELF: Mask = Mask(0x800);
    /// `IN_Q_OVERFLOW`
    pub const OVERFLOW: Mask = Mask(0x4000);
    /// `IN_IGNORED`
    pub const IGNORED: Mask = Mask(0x8000);
    /// `IN_EXCL_UNLINK`
    pub const EXCLUDE_UNLINKED: Mask = Mask(0x0400_0000);
    /// `IN_ISDIR`
    pub const IS_DIRECTORY: Mask = Mask(0x4000_0000);
    /// `IN_ONESHOT`
    pub const ONE_SHOT: Mask = Mask(0x8000_0000);
    /// What a watch keeps of the mask it was asked for: the twelve events and two options.
    pub const KEPT: Mask = Mask(0xfff | Mask::EXCLUDE_UNLINKED.0 | Mask::ONE_SHOT.0);

    /// The bits of both.
    pub const fn with(self, other: Mask) -> Mask {
        Mask(self.0 | other.0)
    }

    /// The bits in both.
    pub const fn and(self, other: Mask) -> Mask {
        Mask(self.0 & other.0)
    }

    /// Whether any bit is shared with `other`.
    pub const fn intersects(self, other: Mask) -> bool {
        self.0 & other.0 != 0
    }
}

/// A node, as a watch remembers it.
pub(crate) type Watched = (FsId, NodeKey);

/// A watch descriptor.
pub(crate) type WatchId = i32;

/// How a watch is added where the node may have one (`inotify_add_watch(2)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Adding {
    /// The new mask replaces the old.
    Replace,
    /// `IN_MASK_ADD`: they are joined.
    Join,
    /// `IN_MASK_CREATE`: there may be none.
    Fresh,
}

/// One watch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    pub(crate) node: Watched,
    pub(crate) mask: Mask,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Event {
    watch: WatchId,
    mask: Mask,
    cookie: u32,
    name: Box<[u8]>,
}

/// Bytes of a `struct inotify_event` before its name.
const HEADER: usize = 16;

impl Event {
    /// Bytes of the name as it is read: with its NUL, padded to whole headers; none without a name.
    fn name_bytes(&self) -> usize {
        if self.name.is_empty() { 0 } else { (self.name.len() + 1).next_multiple_of(HEADER) }
    }

    fn bytes(&self) -> usize {
        HEADER + self.name_bytes()
    }

    /// Whether a later event tells nothing new.
    fn says(&self, other: &Event) -> bool {
        !self.mask.intersects(Mask::IGNORED)
            && (self.watch, self.mask, &self.name) == (other.watch, other.mask, &other.name)
    }
}

/// An inotify instance.
#[derive(Debug)]
pub(crate) struct Inotify {
    /// Whose it counts as.
    pub(crate) owner: Uid,
    watches: BTreeMap<WatchId, Watch>,
    last: WatchId,
    events: VecDeque<Event>,
    /// Of all events.
    bytes: usize,
    pub(crate) queue: WaitQueue,
}

impl Inotify {
    pub(crate) fn new(owner: Uid) -> Inotify {
        Inotify {
            owner,
            watches: BTreeMap::new(),
            last: 0,
            events: VecDeque::new(),
            bytes: 0,
            queue: WaitQueue::default(),
        }
    }

    /// Adds a watch under the next number.
    ///
    /// # Errors
    /// `ENOSPC` at the limit.
    pub(crate) fn add(&mut self, watch: Watch) -> Result<WatchId> {
        if self.watches.len() >= MAX_WATCHES {
            return Err(Errno::ENOSPC);
        }
        // Numbers of watches that are gone are not given again soon: their last events may still be read.
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if !self.watches.contains_key(&self.last) {
                break;
            }
        }
        self.watches.insert(self.last, watch);
        Ok(self.last)
    }

    pub(crate) fn watch_mut(&mut self, id: WatchId) -> Option<&mut Watch> {
        self.watches.get_mut(&id)
    }

    /// All watches, by number.
    pub(crate) fn watches(&self) -> impl Iterator<Item = (WatchId, &Watch)> {
        self.watches.iter().map(|(id, watch)| (*id, watch))
    }

    /// Takes one watch out, as the end of the instance does; `None` when there are none left.
    pub(crate) fn take_any(&mut self) -> Option<(WatchId, Watch)> {
        self.watches.pop_first()
    }

    /// Ends a watch: `IN_IGNORED` is its last event.
    pub(crate) fn end(&mut self, id: WatchId) -> Option<Watch> {
        let watch = self.watches.remove(&id)?;
        self.push(Event { watch: id, mask: Mask::IGNORED, cookie: 0, name: Box::default() });
        Some(watch)
    }

    /// Tells a watch of a change, if it asked for that. Whether it has been told, and was to be told but once.
    pub(crate) fn tell(&mut self, id: WatchId, what: Mask, cookie: u32, name: &[u8]) -> bool {
        let Some(watch) = self.watches.get(&id) else { return false };
        if !watch.mask.and(Mask(0xfff)).intersects(what) {
            return false;
        }
        let once = watch.mask.intersects(Mask::ONE_SHOT);
        // That the watched node itself is a directory goes without saying where it moves or ends.
        let own_end = what.intersects(Mask::DELETE_SELF.with(Mask::MOVE_SELF));
        let mask = if own_end { Mask(what.0 & !Mask::IS_DIRECTORY.0) } else { what };
        self.push(Event { watch: id, mask, cookie, name: name.into() });
        once
    }

    fn push(&mut self, event: Event) {
        if self.events.back().is_some_and(|last| last.says(&event)) {
            return;
        }
        let event = match self.events.len().cmp(&MAX_QUEUED) {
            core::cmp::Ordering::Less => event,
            core::cmp::Ordering::Equal => {
                Event { watch: -1, mask: Mask::OVERFLOW, cookie: 0, name: Box::default() }
            }
            core::cmp::Ordering::Greater => return,
        };
        self.bytes += event.bytes();
        self.events.push_back(event);
    }

    /// Reads as many events as fit.
    ///
    /// # Errors
    /// `EAGAIN` when there are none, `EINVAL` when the first does not fit.
    pub(crate) fn read(&mut self, sink: &mut IoSink<'_>) -> Result<u64> {
        let mut done = 0;
        while let Some(event) = self.events.front() {
            let len = event.bytes();
            if len > sink.remaining() {
                return if done > 0 { Ok(done) } else { Err(Errno::EINVAL) };
            }
            let mut bytes = Vec::with_capacity(len);
            bytes.extend_from_slice(&event.watch.to_le_bytes());
            bytes.extend_from_slice(&event.mask.0.to_le_bytes());
            bytes.extend_from_slice(&event.cookie.to_le_bytes());
            bytes.extend_from_slice(&(event.name_bytes() as u32).to_le_bytes());
            bytes.extend_from_slice(&event.name);
            bytes.resize(len, 0);
            done += sink.put_bytes(&bytes) as u64;
            self.bytes -= len;
            self.events.pop_front();
        }
        if done > 0 { Ok(done) } else { Err(Errno::EAGAIN) }
    }

    pub(crate) fn poll(&self) -> Events {
        if self.events.is_empty() { Events::default() } else { Events::IN }
    }

    /// Bytes that can be read at once.
    pub(crate) fn available(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::ram::tests::TestRam;

    fn instance() -> (Inotify, WatchId) {
        let mut inotify = Inotify::new(0);
        let watch = Watch { node: (FsId(0), NodeKey(1)), mask: Mask(0xfff) };
        let id = inotify.add(watch).unwrap();
        (inotify, id)
    }

    #[test]
    fn a_repeated_event_is_told_once() {
        let (mut inotify, id) = instance();
        inotify.tell(id, Mask::MODIFY, 0, b"name");
        inotify.tell(id, Mask::MODIFY, 0, b"name");
        assert_eq!(inotify.available(), 32);
        inotify.tell(id, Mask::MODIFY, 0, b"other");
        inotify.tell(id, Mask::MODIFY, 0, b"name");
        assert_eq!(inotify.available(), 96);
    }

    #[test]
    fn too_many_events_overflow_once() {
        let test = TestRam::new(1);
        let (mut inotify, id) = instance();
        for round in 0..MAX_QUEUED + 10 {
            inotify.tell(id, if round % 2 == 0 { Mask::OPEN } else { Mask::ACCESS }, 0, b"");
        }
        assert_eq!(inotify.available(), (MAX_QUEUED + 1) * HEADER);
        let mut bytes = vec![0; (MAX_QUEUED + 1) * HEADER];
        let mut sink = IoSink::Kernel { ram: test.ram(), buffer: &mut bytes };
        assert_eq!(inotify.read(&mut sink), Ok(((MAX_QUEUED + 1) * HEADER) as u64));
        let last = &bytes[MAX_QUEUED * HEADER..];
        assert_eq!(last[..8], [(-1i32).to_le_bytes(), Mask::OVERFLOW.0.to_le_bytes()].concat());
    }

    #[test]
    fn a_small_buffer_is_refused_and_nothing_is_lost() {
        let test = TestRam::new(1);
        let (mut inotify, id) = instance();
        inotify.tell(id, Mask::CREATE, 7, b"a");
        let mut small = [0; 31];
        let mut sink = IoSink::Kernel { ram: test.ram(), buffer: &mut small };
        assert_eq!(inotify.read(&mut sink), Err(Errno::EINVAL));
        assert_eq!(inotify.available(), 32);
    }
}
