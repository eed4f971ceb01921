//! Sockets: a table of them, what all have in common, and one folder an address family.
//!
//! - [`socket`], [`options`]: what every socket has. [`message`]: what travels. [`limits`]: bounds.
//! - [`files`]: sockets as open files, and open files on their way through sockets. [`garbage`]: those that nobody can
//!   receive any more.
//! - [`unix`]: `AF_UNIX`. Another family is another variant of `Domain` and `Family`.
//!
//! Nothing here blocks: what would answers `EAGAIN`, and the system call's handler waits in the socket's queue. Bytes that
//! wait in sockets count against the guest's memory.

pub(crate) mod files;
mod garbage;
pub mod limits;
pub(crate) mod message;
pub(crate) mod options;
pub(crate) mod socket;
pub(crate) mod unix;

use std::collections::{BTreeMap, BTreeSet};

use message::{Message, Spares};
use socket::{Family, Kind, Options, Shut, Socket, SocketId, SocketKey};
use unix::Unix;
use unix::names::Names;

use crate::addr::PAGE_SIZE;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::slab::Slab;
use crate::fs::view::Env;
use crate::mem::frames::Frames;
use crate::task::{Creds, Uid};
use crate::wait::{Events, WaitQueue};

/// `POLLWRBAND`, which sockets tell with `POLLOUT`.
const WRBAND: Events = Events(0x200);
/// What those who could write again are told.
const WRITABLE: Events = Events::OUT.union(WRBAND);

/// All sockets of one guest system.
#[derive(Debug)]
pub(crate) struct Sockets {
    table: Slab<Socket>,
    /// Sockets there may be.
    most: usize,
    /// Bytes of send and receive buffers that can be asked for.
    buffer_bytes: u32,
    names: Names,
    spares: Spares,
    /// Bytes of all messages, and the pages of guest memory they count as.
    queued_bytes: u64,
    queued_pages: u64,
    /// Open files of messages that are gone: their references are to be given up.
    dropped: Vec<message::Rights>,
    /// Open files in messages, by who sent them.
    in_flight: BTreeMap<Uid, u64>,
    /// Sockets in whose messages sockets are.
    holders: BTreeSet<SocketId>,
    /// Whether there may be sockets that nobody can receive any more.
    garbage: bool,
    /// Sockets that are to be closed: connections that a closed listener had not accepted.
    doomed: Vec<SocketId>,
}

impl Sockets {
    pub(crate) fn new(open_files: u32, buffer_bytes: u32) -> Sockets {
        Sockets {
            table: Slab::default(),
            most: (open_files as usize).saturating_mul(limits::SOCKETS_PER_FILE),
            buffer_bytes,
            names: Names::default(),
            spares: Spares::default(),
            queued_bytes: 0,
            queued_pages: 0,
            dropped: Vec::new(),
            in_flight: BTreeMap::new(),
            holders: BTreeSet::new(),
            garbage: false,
            doomed: Vec::new(),
        }
    }

    /// A new socket without a name, a file or a peer.
    ///
    /// # Errors
    /// `ENFILE` at the limit of sockets.
    pub(super) fn create(&mut self, kind: Kind, ino: u64, creds: &Creds) -> Result<SocketId> {
        if self.table.len() >= self.most {
            return Err(Errno::ENFILE);
        }
        Ok(SocketId(self.table.insert(Socket {
            ino,
            kind,
            file: None,
            uid: creds.euid,
            gid: creds.egid,
            perm: 0o777,
            options: Options::default(),
            error: None,
            shut: Shut::default(),
            queue: WaitQueue::default(),
            family: Family::Unix(Unix::default()),
        })))
    }

    /// A socket.
    ///
    /// # Errors
    /// `EBADF` when it is gone.
    pub(crate) fn get(&self, id: SocketId) -> Result<&Socket> {
        self.table.get(id.0).ok_or(Errno::EBADF)
    }

    pub(super) fn get_mut(&mut self, id: SocketId) -> Result<&mut Socket> {
        self.table.get_mut(id.0).ok_or(Errno::EBADF)
    }

    fn key(&self, id: SocketId) -> Result<SocketKey> {
        Ok(SocketKey { id, ino: self.get(id)?.ino })
    }

    /// The socket of a key, if it is still that one.
    fn find(&self, key: SocketKey) -> Option<&Socket> {
        self.table.get(key.id.0).filter(|socket| socket.ino == key.ino)
    }

    fn find_mut(&mut self, key: SocketKey) -> Option<&mut Socket> {
        self.table.get_mut(key.id.0).filter(|socket| socket.ino == key.ino)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// All sockets, in the order of their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Socket> {
        self.table.iter().map(|(_, socket)| socket)
    }

    /// The queue of those who wait for a socket.
    ///
    /// # Errors
    /// `EBADF` when it is gone.
    pub(crate) fn queue_mut(&mut self, id: SocketId) -> Result<&mut WaitQueue> {
        Ok(&mut self.get_mut(id)?.queue)
    }

    /// What it is ready for (`poll(2)`).
    pub(crate) fn poll(&self, id: SocketId) -> Events {
        match self.get(id) {
            Ok(socket) => match &socket.family {
                Family::Unix(_) => self.poll_unix(socket),
            },
            Err(_) => Events::NVAL,
        }
    }

    /// Takes the pending error.
    ///
    /// # Errors
    /// That error.
    pub(super) fn take_error(&mut self, id: SocketId) -> Result<()> {
        self.get_mut(id)?.error.take().map_or(Ok(()), Err)
    }

    /// Counts the bytes of a message against the guest's memory.
    ///
    /// # Errors
    /// `ENOBUFS` when it has no more.
    fn charge(&mut self, bytes: usize, frames: &mut Frames) -> Result<()> {
        let total = self.queued_bytes + bytes as u64;
        let pages = total.div_ceil(PAGE_SIZE);
        if pages > self.queued_pages {
            if !frames.charge(pages - self.queued_pages) {
                return Err(Errno::ENOBUFS);
            }
            self.queued_pages = pages;
        }
        self.queued_bytes = total;
        Ok(())
    }

    /// Ends the counting of a message's bytes, and tells its sender if that can write again.
    fn discharge(&mut self, sender: SocketKey, bytes: usize, env: &mut Env<'_>) {
        self.queued_bytes = self.queued_bytes.saturating_sub(bytes as u64);
        let pages = self.queued_bytes.div_ceil(PAGE_SIZE);
        env.frames.discharge(self.queued_pages.saturating_sub(pages));
        self.queued_pages = pages;
        let Some(socket) = self.find_mut(sender) else { return };
        let was_writable = socket.is_writable();
        let unix = socket.unix_mut();
        unix.sent = unix.sent.saturating_sub(bytes);
        if !was_writable && socket.is_writable() {
            socket.queue.wake(WRITABLE, env.woken);
        }
    }

    /// Ends a message: its buffer is kept, its open files are given up.
    fn end_message(&mut self, message: Message, env: &mut Env<'_>) {
        self.discharge(message.sender, message.charge(), env);
        if !message.rights.files.is_empty() {
            self.dropped.push(message.rights);
        }
        self.spares.keep(message.data);
    }

    /// A buffer for a message's bytes.
    pub(crate) fn spare(&mut self) -> Vec<u8> {
        let mut buffer = self.spares.take();
        buffer.clear();
        buffer
    }

    /// The open file of a socket; a connection that is not accepted yet has none.
    pub(super) fn file_of(&self, id: SocketId) -> Option<FileId> {
        self.get(id).ok()?.file
    }
}

impl Socket {
    /// Bytes that are on their way from it.
    pub(crate) fn sent(&self) -> usize {
        self.unix().sent
    }

    /// Whether as much of its buffer is free as `poll(2)` wants: three quarters.
    fn is_writable(&self) -> bool {
        self.unix().sent.saturating_mul(4) <= self.options.send_buffer as usize
    }
}
