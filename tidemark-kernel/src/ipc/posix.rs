//! POSIX message queues (`mq_overview(7)`): names, messages by priority, and who is told of the first.
//!
//! Owns the queues and what they may hold. Descriptors are `fs`'s, waiting is the handlers', signals are `signal`'s.

use core::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use super::limits::{MESSAGES_TOTAL, MQ_OVERHEAD, MQ_PRIORITIES, MqLimits};
use crate::errno::{Errno, Result};
use crate::fs::slab::Slab;
use crate::signal::Signal;
use crate::task::{Capabilities, Creds, Gid, ProcessRef, Tid, Uid};
use crate::wait::{Events, WaitQueue, Woken};

/// A queue, by its place in the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct QueueId(pub(crate) u32);

/// What a queue may hold (`mq_getattr(3)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Shape {
    /// Messages.
    pub(crate) messages: u64,
    /// Bytes of each.
    pub(crate) message_bytes: u64,
}

impl Shape {
    /// What it counts against `RLIMIT_MSGQUEUE` (`getrlimit(2)`).
    ///
    /// # Errors
    /// `EOVERFLOW`.
    fn charge(&self) -> Result<u64> {
        let nodes = self.messages.min(u64::from(MQ_PRIORITIES)) * MQ_OVERHEAD;
        let bytes = self.messages.checked_mul(self.message_bytes + MQ_OVERHEAD);
        bytes.and_then(|bytes| bytes.checked_add(nodes)).ok_or(Errno::EOVERFLOW)
    }
}

/// Who is told when a message comes to an empty queue (`mq_notify(3)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Notice {
    pub(crate) process: ProcessRef,
    /// The signal and its value; none with `SIGEV_NONE`.
    pub(crate) signal: Option<(Signal, u64)>,
}

/// A queue.
#[derive(Debug)]
pub(crate) struct Queue {
    /// Its name without the slash, while it has one.
    name: Option<Vec<u8>>,
    pub(crate) uid: Uid,
    gid: Gid,
    mode: u32,
    pub(crate) shape: Shape,
    lanes: BTreeMap<Reverse<u32>, VecDeque<Box<[u8]>>>,
    count: u64,
    /// Bytes in all messages.
    bytes: u64,
    /// Open descriptions of it.
    opens: u32,
    /// What it counts for its maker's limit.
    charge: u64,
    pub(crate) notice: Option<Notice>,
    /// Threads that wait for a message: they take it before anybody is told.
    receivers: Vec<Tid>,
    pub(crate) waiters: WaitQueue,
}

impl Queue {
    /// Messages in it.
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    pub(crate) fn poll(&self) -> Events {
        let readable = if self.count > 0 { Events::IN } else { Events::default() };
        readable.union(if self.count < self.shape.messages { Events::OUT } else { Events::default() })
    }

    /// What reading its descriptor shows (`mq_overview(7)`, "Mounting").
    pub(crate) fn status(&self) -> String {
        const SIGEV_NONE: u8 = 1;
        let (how, signal, pid) = match self.notice {
            None => (0, 0, 0),
            Some(Notice { process, signal: None }) => (SIGEV_NONE, 0, process.pid().get()),
            Some(Notice { process, signal: Some((signal, _)) }) => (0, signal.number(), process.pid().get()),
        };
        format!("QSIZE:{:<10} NOTIFY:{how:<5} SIGNO:{signal:<5} NOTIFY_PID:{pid:<6}\n", self.bytes)
    }

    /// Whether a message fits.
    pub(crate) fn has_room(&self) -> bool {
        self.count < self.shape.messages
    }

    /// Adds a message, for which there is room. Who is to be told of it, once.
    pub(crate) fn push(&mut self, priority: u32, data: Box<[u8]>, woken: &mut Woken) -> Option<Notice> {
        self.bytes += data.len() as u64;
        self.count += 1;
        self.lanes.entry(Reverse(priority)).or_default().push_back(data);
        self.waiters.wake(Events::IN, woken);
        if self.count == 1 && self.receivers.is_empty() { self.notice.take() } else { None }
    }

    /// Takes the oldest message of the highest priority.
    pub(crate) fn pop(&mut self, woken: &mut Woken) -> Option<(u32, Box<[u8]>)> {
        let mut lane = self.lanes.first_entry()?;
        let Reverse(priority) = *lane.key();
        let data = lane.get_mut().pop_front()?;
        if lane.get().is_empty() {
            lane.remove();
        }
        self.count -= 1;
        self.bytes -= data.len() as u64;
        self.waiters.wake(Events::OUT, woken);
        Some((priority, data))
    }

    /// Notes whether a thread waits for a message.
    pub(crate) fn set_waiting(&mut self, tid: Tid, waits: bool) {
        self.receivers.retain(|other| *other != tid);
        if waits {
            self.receivers.push(tid);
        }
    }

    /// Checks that it may be opened for reading (4) and writing (2).
    fn check(&self, creds: &Creds, wanted: u32) -> Result<()> {
        let class = if creds.fsuid == self.uid {
            self.mode >> 6
        } else if creds.in_group(self.gid) {
            self.mode >> 3
        } else {
            self.mode
        };
        let allowed = wanted & !class & 7 == 0 || creds.can(Capabilities::DAC_OVERRIDE);
        if allowed { Ok(()) } else { Err(Errno::EACCES) }
    }
}

/// How a queue is opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    /// Reading (4) and writing (2).
    pub(crate) wanted: u32,
    pub(crate) create: bool,
    pub(crate) exclusive: bool,
    /// Permissions of a new one, and what it holds if not what is usual.
    pub(crate) mode: u32,
    pub(crate) shape: Option<Shape>,
    /// Bytes in queues that its maker may have.
    pub(crate) bytes_max: u64,
}

/// All queues.
#[derive(Default, Debug)]
pub(crate) struct Queues {
    pub(crate) limits: MqLimits,
    slab: Slab<Queue>,
    by_name: BTreeMap<Vec<u8>, QueueId>,
}

impl Queues {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    /// The queue of an id.
    ///
    /// # Errors
    /// `EBADF`.
    pub(crate) fn get(&self, id: QueueId) -> Result<&Queue> {
        self.slab.get(id.0).ok_or(Errno::EBADF)
    }

    /// As [`get`](Self::get).
    ///
    /// # Errors
    /// `EBADF`.
    pub(crate) fn get_mut(&mut self, id: QueueId) -> Result<&mut Queue> {
        self.slab.get_mut(id.0).ok_or(Errno::EBADF)
    }

    /// Opens the queue of a name, made if that is wanted.
    ///
    /// # Errors
    /// As `mq_open(3)` lists them.
    pub(crate) fn open(&mut self, name: &[u8], how: &Opening, creds: &Creds) -> Result<QueueId> {
        if let Some(&id) = self.by_name.get(name) {
            if how.create && how.exclusive {
                return Err(Errno::EEXIST);
            }
            let queue = self.get_mut(id)?;
            queue.check(creds, how.wanted)?;
            queue.opens += 1;
            return Ok(id);
        }
        if !how.create {
            return Err(Errno::ENOENT);
        }
        let privileged = creds.can(Capabilities::SYS_RESOURCE);
        if self.by_name.len() >= self.limits.queues as usize && !privileged {
            return Err(Errno::ENOSPC);
        }
        let shape = match how.shape {
            Some(shape) => self.limits.checked(shape, privileged)?,
            None => self.limits.usual(),
        };
        let charge = shape.charge()?;
        let charged: u64 = self
            .slab
            .iter()
            .filter(|(_, queue)| queue.uid == creds.fsuid)
            .map(|(_, queue)| queue.charge)
            .sum();
        if charged.checked_add(charge).is_none_or(|all| all > how.bytes_max) {
            return Err(Errno::EMFILE);
        }
        let id = QueueId(self.slab.insert(Queue {
            name: Some(name.to_vec()),
            uid: creds.fsuid,
            gid: creds.fsgid,
            mode: how.mode,
            shape,
            lanes: BTreeMap::new(),
            count: 0,
            bytes: 0,
            opens: 1,
            charge,
            notice: None,
            receivers: Vec::new(),
            waiters: WaitQueue::default(),
        }));
        self.by_name.insert(name.to_vec(), id);
        Ok(id)
    }

    /// Takes a queue's name away (`mq_unlink(3)`).
    ///
    /// # Errors
    /// `ENOENT`; `EPERM` for another user's, as in a folder with the sticky bit.
    pub(crate) fn unlink(&mut self, name: &[u8], creds: &Creds) -> Result<()> {
        let id = *self.by_name.get(name).ok_or(Errno::ENOENT)?;
        let queue = self.get_mut(id)?;
        // The folder is root's (`mq_overview(7)`: mode 1777).
        if creds.fsuid != queue.uid && creds.fsuid != 0 && !creds.can(Capabilities::FOWNER) {
            return Err(Errno::EPERM);
        }
        queue.name = None;
        self.by_name.remove(name);
        self.end_unused(id);
        Ok(())
    }

    /// An open description of a queue ends.
    pub(crate) fn close(&mut self, id: QueueId) {
        if let Ok(queue) = self.get_mut(id) {
            queue.opens = queue.opens.saturating_sub(1);
            self.end_unused(id);
        }
    }

    fn end_unused(&mut self, id: QueueId) {
        if self.get(id).is_ok_and(|queue| queue.opens == 0 && queue.name.is_none()) {
            self.slab.remove(id.0);
        }
    }

    /// The name of a queue, with its slash; none once it was unlinked.
    pub(crate) fn shown_name(&self, id: QueueId) -> String {
        match self.get(id).ok().and_then(|queue| queue.name.as_deref()) {
            Some(name) => format!("/{}", String::from_utf8_lossy(name)),
            None => "/ (deleted)".to_owned(),
        }
    }

    /// A process closes a queue, or goes on to another program: it is not told any more.
    pub(crate) fn forget(&mut self, id: QueueId, process: ProcessRef) {
        if let Ok(queue) = self.get_mut(id) {
            queue.notice.take_if(|notice| notice.process == process);
        }
    }

    /// As [`forget`](Self::forget), of every queue.
    pub(crate) fn forget_everywhere(&mut self, process: ProcessRef) {
        let ids: Vec<u32> = self.slab.iter().map(|(id, _)| id).collect();
        ids.into_iter().for_each(|id| self.forget(QueueId(id), process));
    }

    /// Whether the kernel keeps a message of this many bytes besides those it has.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(crate) fn check_memory(&self, bytes: u64) -> Result<()> {
        let all: u64 = self.slab.iter().map(|(_, queue)| queue.bytes + queue.count * MQ_OVERHEAD).sum();
        if all + bytes + MQ_OVERHEAD > MESSAGES_TOTAL { Err(Errno::ENOMEM) } else { Ok(()) }
    }
}
