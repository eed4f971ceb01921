//! Blocking as data: what a thread waits for, and who is told when it happens.
//!
//! Owns wait queues, the wake list and the state of a parked system call. Does not decide when something is ready:
//! that is the object's that embeds the queue.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::fs::FileId;
use crate::fs::held::HeldFiles;
use crate::mem::SpaceShared;
use crate::status::StreamId;
use crate::task::Tid;
use crate::time::Nanos;

/// Readiness bits, numbered as `poll(2)` numbers them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Events(pub u32);

impl Events {
    /// Data can be read.
    pub const IN: Events = Events(0x001);
    /// Urgent data or an exceptional condition.
    pub const PRI: Events = Events(0x002);
    /// Writing will not block.
    pub const OUT: Events = Events(0x004);
    /// Error condition; always reported.
    pub const ERR: Events = Events(0x008);
    /// The other side is gone; always reported.
    pub const HUP: Events = Events(0x010);
    /// Invalid descriptor; always reported.
    pub const NVAL: Events = Events(0x020);
    /// The peer closed its writing half.
    pub const RDHUP: Events = Events(0x2000);
    /// Everything.
    pub const ALL: Events = Events(u32::MAX);

    /// Whether any bit is shared with `other`.
    pub const fn intersects(self, other: Events) -> bool {
        self.0 & other.0 != 0
    }

    /// The bits of both.
    pub const fn union(self, other: Events) -> Events {
        Events(self.0 | other.0)
    }

    /// The bits in both.
    pub const fn and(self, other: Events) -> Events {
        Events(self.0 & other.0)
    }

    /// Whether no bit is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Which time a thread was parked: a waiter from an earlier park is stale and ignored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ParkSeq(pub u64);

/// Who is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitTarget {
    /// A thread, if it is still in this very park.
    Thread {
        /// The thread.
        tid: Tid,
        /// The park it waits in.
        park: ParkSeq,
    },
    /// An item of an epoll instance.
    Epoll {
        /// The open file description of the instance.
        epoll: FileId,
        /// The item's key inside it.
        item: u64,
    },
    /// Whoever gets the signals of an open file.
    Owner(FileId),
    /// The application, about one of its streams; once.
    Stream(StreamId),
}

/// One entry of a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiter {
    /// Who is told.
    pub target: WaitTarget,
    /// Of which events.
    pub events: Events,
}

/// Those who wait for something to happen to the object that embeds this.
#[derive(Default, Debug)]
pub struct WaitQueue {
    waiters: Vec<Waiter>,
}

impl WaitQueue {
    /// Adds a waiter; an older entry of the same thread (from a park long over) is replaced, so that the queue is
    /// bounded by the number of threads and epoll items.
    pub fn add(&mut self, waiter: Waiter) {
        let same = |old: &Waiter| match (old.target, waiter.target) {
            (WaitTarget::Thread { tid: a, .. }, WaitTarget::Thread { tid: b, .. }) => a == b,
            (a, b) => a == b,
        };
        match self.waiters.iter_mut().find(|old| same(old)) {
            // One call may wait for several things of one object: both ends of a pipe, say.
            Some(old)
                if matches!(waiter.target, WaitTarget::Thread { .. }) && old.target == waiter.target =>
            {
                old.events = old.events.union(waiter.events);
            }
            Some(old) => *old = waiter,
            None => self.waiters.push(waiter),
        }
    }

    /// Removes an epoll item (threads leave by going stale).
    pub fn remove(&mut self, target: WaitTarget) {
        self.waiters.retain(|w| w.target != target);
    }

    /// Tells every waiter that asked for one of `events`. Threads leave the queue; epoll items and owners stay.
    pub fn wake(&mut self, events: Events, woken: &mut Woken) {
        if self.waiters.is_empty() {
            return;
        }
        let always = Events::ERR.union(Events::HUP);
        self.waiters.retain(|w| {
            if !w.events.union(always).intersects(events) {
                return true;
            }
            woken.list.push((w.target, events));
            matches!(w.target, WaitTarget::Epoll { .. } | WaitTarget::Owner(_))
        });
    }

    /// Tells owners alone, where Linux sends signals though nothing has changed.
    pub(crate) fn signal(&self, events: Events, woken: &mut Woken) {
        for waiter in &self.waiters {
            if matches!(waiter.target, WaitTarget::Owner(_)) && waiter.events.intersects(events) {
                woken.list.push((waiter.target, events));
            }
        }
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }
}

/// What was woken since the kernel last looked; the kernel turns it into runnable threads.
#[derive(Default, Debug)]
pub struct Woken {
    pub(crate) list: Vec<(WaitTarget, Events)>,
    /// Sockets that got an urgent byte: their owners get `SIGURG`.
    pub(crate) urgent: Vec<FileId>,
    /// Threads of which there were too many for one step: woken by the next ones.
    pub(crate) later: VecDeque<(Tid, ParkSeq)>,
}

/// Why a system call's handler is entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// The guest has just made the call.
    First,
    /// The handler asked for another step ([`Flow::Again`]).
    Step,
    /// Something it waited for happened (perhaps: it must look again).
    Event,
    /// Its deadline passed.
    Timeout,
    /// A signal is to be delivered: finish with what was done so far, or answer [`Flow::Interrupted`].
    Signal,
}

/// How a call that a signal interrupted goes on (`signal(7)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Restart {
    /// Made again if the handler has `SA_RESTART` or there is none, else `EINTR` (`ERESTARTSYS`).
    System,
    /// Made again only if no handler ran, else `EINTR` (`ERESTARTNOHAND`).
    NoHandler,
    /// Always `EINTR`.
    Never,
    /// Always made again, whatever ran (`ERESTARTNOINTR`).
    Always,
}

/// What a handler answers when there is no error.
#[derive(Debug)]
pub enum Flow {
    /// Finished, with this value in `a0`.
    Done(u64),
    /// Park the thread. The handler put [`Waiter`]s into queues first, in this entry or in steps before it; it is entered
    /// again with [`Entry::Event`], [`Entry::Timeout`] or [`Entry::Signal`], unless the waker completed the call.
    Block {
        /// Wake at this moment of `CLOCK_MONOTONIC` at the latest.
        deadline: Option<Nanos>,
    },
    /// Give the lock away and enter the handler again with [`Entry::Step`].
    Again,
    /// The page table lost permissions: enter again with [`Entry::Step`] once every other hart in this address space
    /// has dropped its old translations.
    Shootdown,
    /// The same of another address space.
    ShootdownOf(Arc<SpaceShared>),
    /// A signal came first.
    Interrupted(Restart),
    /// Finished, with this value in `a0`; other runnable threads go first (`sched_yield(2)`).
    Yield(u64),
    /// The call does not return to its caller: the thread is gone, or its registers were replaced as a whole
    /// (`exit`, `execve`, `rt_sigreturn`).
    NoReturn,
}

/// What a handler keeps between entries.
#[derive(Default)]
pub struct Progress {
    /// Bytes or items done so far.
    pub done: u64,
    /// The absolute deadline (`CLOCK_MONOTONIC`), fixed at the first entry.
    pub deadline: Option<Nanos>,
    /// Whatever else the handler needs.
    pub state: Option<Box<dyn Any + Send>>,
    /// The files it works on.
    pub(crate) files: HeldFiles,
}

impl core::fmt::Debug for Progress {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Progress").field("done", &self.done).field("deadline", &self.deadline).finish()
    }
}

/// A system call that waits.
#[derive(Debug)]
pub struct Parked {
    /// The call's number.
    pub number: u64,
    /// Its raw arguments.
    pub args: [u64; 6],
    /// What its handler keeps.
    pub progress: Progress,
    /// When it is woken at the latest.
    pub deadline: Option<Nanos>,
    /// Set by a waker that finished the call itself (a futex wake): the handler is not entered again.
    pub completed: Option<Result<u64, crate::errno::Errno>>,
    /// It waits for the host's answer, and is then entered again in this way.
    pub asking: Option<Entry>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiter(tid: u32, park: u64) -> Waiter {
        Waiter {
            target: WaitTarget::Thread { tid: Tid::new(tid).unwrap(), park: ParkSeq(park) },
            events: Events::IN,
        }
    }

    #[test]
    fn a_thread_stands_in_a_queue_once() {
        let mut queue = WaitQueue::default();
        queue.add(waiter(1, 1));
        queue.add(waiter(1, 2));
        let mut woken = Woken::default();
        queue.wake(Events::IN, &mut woken);
        assert_eq!(woken.list, [(waiter(1, 2).target, Events::IN)]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_call_waits_for_all_it_asked_for() {
        let mut queue = WaitQueue::default();
        queue.add(waiter(1, 1));
        queue.add(Waiter { events: Events::OUT, ..waiter(1, 1) });
        let mut woken = Woken::default();
        queue.wake(Events::IN, &mut woken);
        assert_eq!(woken.list.len(), 1);
    }

    #[test]
    fn only_the_events_asked_for_wake() {
        let mut queue = WaitQueue::default();
        queue.add(waiter(1, 1));
        let mut woken = Woken::default();
        queue.wake(Events::OUT, &mut woken);
        assert!(woken.list.is_empty() && !queue.is_empty());
        queue.wake(Events::HUP, &mut woken);
        assert_eq!(woken.list.len(), 1);
    }
}
