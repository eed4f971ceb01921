//! `AF_UNIX` (`unix(7)`): what such a socket keeps, and when it is ready.
//!
//! - [`address`]: addresses as bytes. [`names`]: who has which.
//! - [`connect`]: pairs, connections, their ends. [`transfer`]: messages. [`urgent`]: `MSG_OOB`.

pub(crate) mod address;
pub(crate) mod connect;
pub(crate) mod names;
pub(crate) mod transfer;
mod urgent;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use super::limits::DATAGRAM_QUEUE;
use super::message::Message;
use super::socket::{Kind, PeerCreds, Socket, SocketId, SocketKey};
use super::{Sockets, WRITABLE};
use crate::errno::{Errno, Result};
use crate::fs::node::Location;
use crate::wait::{Events, WaitQueue, Waiter};

/// What an `AF_UNIX` socket keeps.
#[derive(Debug, Default)]
pub(crate) struct Unix {
    /// Its address, as [`address`] has it.
    pub(super) name: Option<Arc<[u8]>>,
    /// The node that it is bound to, which it holds.
    pub(super) node: Option<Location>,
    pub(super) state: State,
    /// The other end, which may be gone.
    pub(super) peer: Option<SocketKey>,
    /// The address the other end had when it went.
    pub(super) gone_name: Option<Arc<[u8]>>,
    /// Who connected, or listened.
    pub(super) peer_creds: Option<PeerCreds>,
    /// Messages to be received.
    pub(super) inbox: VecDeque<Message>,
    /// Bytes of messages that it sent and nobody has taken, as they count.
    pub(super) sent: usize,
    /// Connections to be accepted.
    pub(super) pending: VecDeque<SocketId>,
    pub(super) backlog: usize,
    /// Those who wait for room in the inbox, or among the pending.
    pub(super) room: WaitQueue,
    /// Datagram sockets whose peer this is.
    pub(super) connected_from: Vec<SocketKey>,
    /// Sockets in messages of the inbox.
    pub(super) flying: usize,
    /// Whether one of the messages is the urgent byte.
    pub(super) urgent: bool,
}

/// Where a socket with connections is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum State {
    #[default]
    Idle,
    Listening,
    Connected,
}

impl Unix {
    /// Whether datagram sockets that are not its peer wait to send to it.
    pub(super) fn is_inbox_full(&self) -> bool {
        self.inbox.len() > DATAGRAM_QUEUE
    }

    /// Whether those who connect wait.
    pub(super) fn is_backlog_full(&self) -> bool {
        self.pending.len() > self.backlog
    }
}

impl Socket {
    /// Whether it listens (`SO_ACCEPTCONN`).
    pub(crate) fn is_listening(&self) -> bool {
        self.unix().state == State::Listening
    }

    /// Whether it has a peer.
    pub(crate) fn is_connected(&self) -> bool {
        self.unix().peer.is_some()
    }

    /// Its address, if it has one.
    pub(crate) fn name(&self) -> Option<&Arc<[u8]>> {
        self.unix().name.as_ref()
    }

    /// Who was at the other end when the connection was made.
    pub(crate) fn peer_creds(&self) -> Option<&PeerCreds> {
        self.unix().peer_creds.as_ref()
    }

    /// The node that it is bound to.
    pub(crate) fn bound_node(&self) -> Option<Location> {
        self.unix().node
    }

    /// What a socket is to `/proc/net/unix`: inode, number of type, whether it listens, whether it is connected, address.
    pub(crate) fn shown(&self) -> (u64, u32, bool, bool, Option<&[u8]>) {
        let unix = self.unix();
        let connected = unix.peer.is_some();
        (self.ino, self.kind.number(), self.is_listening(), connected, unix.name.as_deref())
    }
}

impl Sockets {
    /// `unix_poll` and `unix_dgram_poll`.
    pub(super) fn poll_unix(&self, socket: &Socket) -> Events {
        let unix = socket.unix();
        let mut events = Events::default();
        let mut tell = |when: bool, what: Events| {
            if when {
                events = events.union(what);
            }
        };
        tell(socket.error.is_some(), Events::ERR);
        tell(socket.shut.is_both(), Events::HUP);
        tell(socket.shut.receive, Events::RDHUP.union(Events::IN));
        tell(!unix.inbox.is_empty() || !unix.pending.is_empty(), Events::IN);
        tell(unix.urgent, Events::PRI);
        tell(socket.kind.has_connections() && unix.state == State::Idle, Events::HUP);
        let writable = !socket.is_listening() && socket.is_writable() && !self.is_peer_full(socket);
        tell(writable, WRITABLE);
        events
    }

    /// Whether a datagram socket's peer takes no more for now. Two that are each other's peers never wait for that.
    fn is_peer_full(&self, socket: &Socket) -> bool {
        let Some(peer) = socket.unix().peer.filter(|_| socket.kind == Kind::Datagram) else { return false };
        self.find(peer).is_some_and(|other| {
            other.unix().is_inbox_full() && other.unix().peer.is_none_or(|back| back.ino != socket.ino)
        })
    }
}

impl Sockets {
    /// The address of a socket's peer; `None` if that has none.
    ///
    /// # Errors
    /// `ENOTCONN` without a peer.
    pub(crate) fn peer_name(&self, id: SocketId) -> Result<Option<Arc<[u8]>>> {
        let unix = self.get(id)?.unix();
        let peer = unix.peer.ok_or(Errno::ENOTCONN)?;
        Ok(self.find(peer).map_or_else(|| unix.gone_name.clone(), |other| other.unix().name.clone()))
    }
}

impl Sockets {
    /// Has `waiter` told when a socket takes messages, or connections, again.
    ///
    /// # Errors
    /// `EBADF` when it is gone.
    pub(crate) fn wait_for_room(&mut self, id: SocketId, waiter: Waiter) -> Result<()> {
        self.get_mut(id)?.unix_mut().room.add(waiter);
        Ok(())
    }
}
