//! Messages on their way from one socket to another.
//!
//! Owns their bytes and what comes with them. Open files on board are counted by [`files`](super::files).

use std::sync::Arc;

use super::limits::{MESSAGE_OVERHEAD, SPARE_BUFFERS, STREAM_CHUNK};
use super::socket::{Sender, SocketKey};
use crate::fs::FileId;
use crate::task::Uid;
use crate::time::Nanos;

/// One message, or a piece of a stream.
#[derive(Debug)]
pub(crate) struct Message {
    /// All bytes; those before `start` are taken.
    pub(super) data: Vec<u8>,
    pub(super) start: usize,
    /// Who is charged for it.
    pub(super) sender: SocketKey,
    pub(super) from: Option<Arc<[u8]>>,
    pub(super) by: Sender,
    /// When it was sent, on `CLOCK_REALTIME`, if the receiver wanted to know by then.
    pub(super) sent_at: Option<Nanos>,
    /// Whether it is the urgent byte of a stream (`MSG_OOB`).
    pub(super) urgent: bool,
    /// Whether it was looked at.
    pub(super) peeked: bool,
    pub(super) rights: Rights,
}

impl Message {
    /// The bytes that are left.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.data.get(self.start..).unwrap_or_default()
    }

    /// Whether it is where an urgent byte was that has been taken: no other message of a stream is empty.
    pub(super) fn is_mark(&self) -> bool {
        self.bytes().is_empty()
    }

    /// What it counts in its sender's buffer.
    pub(super) fn charge(&self) -> usize {
        self.data.len() + MESSAGE_OVERHEAD
    }

    /// What a receiver is told beside the bytes. The open files move, if they are `taken`.
    pub(super) fn envelope(&mut self, taken: bool) -> Envelope {
        let rights = if taken { core::mem::take(&mut self.rights) } else { self.rights.clone() };
        Envelope { from: self.from.clone(), by: self.by, sent_at: self.sent_at, rights }
    }
}

/// Open files in a message (`SCM_RIGHTS`), and who is charged for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rights {
    pub(crate) files: Vec<FileId>,
    pub(crate) user: Uid,
}

/// What a receiver is told of a message beside its bytes.
#[derive(Debug)]
pub(crate) struct Envelope {
    /// The sender's address; `None` if it has none.
    pub(crate) from: Option<Arc<[u8]>>,
    /// The sender.
    pub(crate) by: Sender,
    /// When it was sent, if that is known.
    pub(crate) sent_at: Option<Nanos>,
    /// Open files, each with a reference if they were taken.
    pub(crate) rights: Rights,
}

/// Buffers of messages that are over: steady traffic allocates nothing.
#[derive(Debug, Default)]
pub(super) struct Spares(Vec<Vec<u8>>);

impl Spares {
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    pub(super) fn keep(&mut self, buffer: Vec<u8>) {
        if self.0.len() < SPARE_BUFFERS && buffer.capacity() <= STREAM_CHUNK {
            self.0.push(buffer);
        }
    }
}
