//! Message queues (`msgget(2)`, `msgop(2)`, `msgctl(2)`).
//!
//! Owns the queues and which message a receiver gets. Waiting is the handlers'.

use std::collections::VecDeque;

use super::ids::{Object, Permissions, Table};
use super::limits::{IpcLimits, MESSAGE_OVERHEAD, MESSAGES_TOTAL};
use super::{Found, Key};
use crate::errno::{Errno, Result};
use crate::limits::STEP_ITEMS;
use crate::task::{Creds, Pid};
use crate::wait::{Events, WaitQueue, Woken};

/// A message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Message {
    /// Its type: positive.
    pub(crate) kind: i64,
    pub(crate) data: Box<[u8]>,
}

/// A queue.
#[derive(Debug)]
pub(crate) struct Queue {
    permissions: Permissions,
    messages: VecDeque<Message>,
    /// Bytes in all of them.
    pub(crate) bytes: u64,
    /// Bytes there may be (`msg_qbytes`).
    pub(crate) bytes_max: u64,
    /// When the last was sent and received, and the queue changed, in seconds of `CLOCK_REALTIME`; 0 is never.
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) changed: u64,
    pub(crate) last_sender: Option<Pid>,
    pub(crate) last_receiver: Option<Pid>,
    /// Receivers wait for [`Events::IN`], senders for [`Events::OUT`].
    pub(crate) waiters: WaitQueue,
}

impl Object for Queue {
    fn permissions(&self) -> &Permissions {
        &self.permissions
    }
    fn permissions_mut(&mut self) -> &mut Permissions {
        &mut self.permissions
    }
}

/// Which message a receiver wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Select {
    /// The oldest.
    Any,
    /// The oldest of this type.
    Kind(i64),
    /// The oldest that is not of this type (`MSG_EXCEPT`).
    NotKind(i64),
    /// The oldest of the lowest type up to this.
    UpTo(i64),
    /// The one at this place, from zero (`MSG_COPY`).
    Place(u64),
}

impl Queue {
    /// How many messages wait.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether a message of this many bytes may be added.
    pub(crate) fn has_room(&self, bytes: u64) -> bool {
        self.bytes + bytes <= self.bytes_max && (self.messages.len() as u64) < self.bytes_max
    }

    /// The place of the message that a receiver wants.
    pub(crate) fn find(&self, select: Select) -> Option<usize> {
        let mut messages = self.messages.iter();
        match select {
            Select::Any => (!self.messages.is_empty()).then_some(0),
            Select::Kind(kind) => messages.position(|message| message.kind == kind),
            Select::NotKind(kind) => messages.position(|message| message.kind != kind),
            Select::UpTo(most) => {
                let candidates = messages.enumerate().filter(|(_, message)| message.kind <= most);
                // Of equals the first is the least.
                candidates.min_by_key(|(_, message)| message.kind).map(|(place, _)| place)
            }
            Select::Place(place) => usize::try_from(place).ok().filter(|place| *place < self.messages.len()),
        }
    }

    /// The message at a place.
    pub(crate) fn peek(&self, place: usize) -> Option<&Message> {
        self.messages.get(place)
    }
}

/// All queues, and what they hold together.
#[derive(Default, Debug)]
pub(crate) struct Queues {
    pub(crate) table: Table<Queue>,
    /// Messages in all queues.
    pub(crate) messages: u64,
    /// Bytes in all of them.
    pub(crate) bytes: u64,
    /// Messages of queues that were removed, to be freed in steps.
    doomed: Vec<VecDeque<Message>>,
}

impl Queues {
    /// The queue of a key, made if it is wanted (`msgget(2)`). Its id.
    ///
    /// # Errors
    /// As `msgget(2)` lists them.
    pub(crate) fn look_up(
        &mut self,
        limits: &IpcLimits,
        (key, flags): (Key, u32),
        creds: &Creds,
        now: u64,
    ) -> Result<i32> {
        if let Found::There(id) = self.table.look_up(key, flags, creds, |_| Ok(()))? {
            return Ok(id);
        }
        let bytes_max = u64::from(limits.msg_queue_bytes);
        self.table.insert(key, flags, creds, limits.msg_queues, |permissions| Queue {
            permissions,
            messages: VecDeque::new(),
            bytes: 0,
            bytes_max,
            sent: 0,
            received: 0,
            changed: now,
            last_sender: None,
            last_receiver: None,
            waiters: WaitQueue::default(),
        })
    }

    /// Whether the kernel keeps a message of this many bytes besides those it has.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(crate) fn check_memory(&self, bytes: u64) -> Result<()> {
        let total = self.bytes + bytes + (self.messages + 1) * MESSAGE_OVERHEAD;
        if total > MESSAGES_TOTAL { Err(Errno::ENOMEM) } else { Ok(()) }
    }

    /// Adds a message to a queue that has room for it.
    ///
    /// # Errors
    /// `EINVAL` when there is no such queue.
    pub(crate) fn push(
        &mut self,
        id: i32,
        message: Message,
        sender: Pid,
        now: u64,
        woken: &mut Woken,
    ) -> Result<()> {
        let queue = self.table.get_mut(id)?;
        let length = message.data.len() as u64;
        queue.messages.push_back(message);
        queue.bytes += length;
        (queue.last_sender, queue.sent) = (Some(sender), now);
        queue.waiters.wake(Events::IN, woken);
        self.messages += 1;
        self.bytes += length;
        Ok(())
    }

    /// Takes the message at a place out of a queue.
    ///
    /// # Errors
    /// `EINVAL` when there is no such queue, `ENOMSG` when there is no such message.
    pub(crate) fn take(
        &mut self,
        id: i32,
        place: usize,
        receiver: Pid,
        now: u64,
        woken: &mut Woken,
    ) -> Result<Message> {
        let queue = self.table.get_mut(id)?;
        let message = queue.messages.remove(place).ok_or(Errno::ENOMSG)?;
        let length = message.data.len() as u64;
        queue.bytes -= length;
        (queue.last_receiver, queue.received) = (Some(receiver), now);
        queue.waiters.wake(Events::OUT, woken);
        self.messages -= 1;
        self.bytes -= length;
        Ok(message)
    }

    /// Removes a queue with its messages; who waits finds it gone.
    pub(crate) fn remove(&mut self, id: i32, woken: &mut Woken) {
        let Some(mut queue) = self.table.remove(id) else { return };
        queue.waiters.wake(Events::HUP, woken);
        self.messages -= queue.messages.len() as u64;
        self.bytes -= queue.bytes;
        self.doomed.push(queue.messages);
    }

    /// Frees some messages of queues that were removed. Whether more are left.
    pub(crate) fn free_doomed(&mut self) -> bool {
        if let Some(messages) = self.doomed.last_mut() {
            messages.truncate(messages.len().saturating_sub(STEP_ITEMS));
            if messages.is_empty() {
                self.doomed.pop();
            }
        }
        !self.doomed.is_empty()
    }
}
