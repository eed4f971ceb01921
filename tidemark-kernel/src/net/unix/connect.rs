//! Pairs, connections and their ends: listen, connect, accept, shutdown, close.

use super::{State, WRITABLE};
use crate::errno::{Errno, Result};
use crate::fs::Vfs;
use crate::fs::view::Env;
use crate::net::Sockets;
use crate::net::limits::{BACKLOG, CLOSE_STEP};
use crate::net::options::{PASS_CREDS, PASS_PIDFD, PASS_SECURITY};
use crate::net::socket::{Kind, PeerCreds, Shut, SocketId, SocketKey};
use crate::task::Creds;
use crate::wait::Events;

/// Options that a connection has from the listener it was accepted by (`unix_sock_inherit_flags`).
const INHERITED: u128 = 1 << PASS_CREDS | 1 << PASS_SECURITY | 1 << PASS_PIDFD;

/// What both sides are told of when a connection ends.
const HUNG_UP: Events = Events::IN.union(Events::RDHUP).union(Events::HUP).union(WRITABLE);

/// What a side is told of when halves are shut down.
fn ended(shut: Shut) -> Events {
    if shut.is_both() { HUNG_UP } else { Events::IN.union(Events::RDHUP).union(WRITABLE) }
}

impl Sockets {
    /// Makes two new sockets each other's peer (`socketpair(2)`).
    ///
    /// # Errors
    /// `EBADF` when one is gone.
    pub(crate) fn join(&mut self, one: SocketId, other: SocketId, by: PeerCreds) -> Result<()> {
        let keys = (self.key(one)?, self.key(other)?);
        for (id, peer) in [(one, keys.1), (other, keys.0)] {
            let socket = self.get_mut(id)?;
            let kind = socket.kind;
            let unix = socket.unix_mut();
            (unix.peer, unix.peer_creds, unix.state) = (Some(peer), Some(by.clone()), State::Connected);
            if kind == Kind::Datagram {
                unix.connected_from.push(peer);
            }
        }
        Ok(())
    }

    /// `listen(2)`.
    ///
    /// # Errors
    /// `EOPNOTSUPP` for datagrams, `EINVAL` without an address or when connected.
    pub(crate) fn listen(
        &mut self,
        id: SocketId,
        backlog: i32,
        by: PeerCreds,
        env: &mut Env<'_>,
    ) -> Result<()> {
        let socket = self.get_mut(id)?;
        if !socket.kind.has_connections() {
            return Err(Errno::EOPNOTSUPP);
        }
        let unix = socket.unix_mut();
        if unix.name.is_none() || unix.state == State::Connected {
            return Err(Errno::EINVAL);
        }
        // A negative number asks for the most.
        unix.backlog = usize::try_from(backlog).unwrap_or(BACKLOG).min(BACKLOG);
        unix.state = State::Listening;
        unix.peer_creds = Some(by);
        unix.room.wake(Events::OUT, env.woken);
        Ok(())
    }

    /// Connects to a listener: makes the other end, which waits there to be accepted, with inode number `ino`.
    ///
    /// # Errors
    /// `ECONNREFUSED`, `EAGAIN` when too many wait already, `EISCONN`, `EINVAL` for a listener, `ENFILE`.
    pub(crate) fn connect_stream(
        &mut self,
        id: SocketId,
        listener: SocketId,
        by: PeerCreds,
        creds: &Creds,
        ino: u64,
        env: &mut Env<'_>,
    ) -> Result<()> {
        let target = self.get(listener)?;
        if !target.is_listening() || target.shut.receive {
            return Err(Errno::ECONNREFUSED);
        }
        if target.unix().is_backlog_full() {
            return Err(Errno::EAGAIN);
        }
        let (kind, name) = (target.kind, target.unix().name.clone());
        let listened_by = target.unix().peer_creds.clone();
        match self.get(id)?.unix().state {
            State::Idle => {}
            State::Connected => return Err(Errno::EISCONN),
            State::Listening => return Err(Errno::EINVAL),
        }
        let own = self.key(id)?;
        let other = self.create(kind, ino, creds)?;
        let other_key = self.key(other)?;
        let unix = self.get_mut(other)?.unix_mut();
        (unix.name, unix.peer, unix.peer_creds, unix.state) = (name, Some(own), Some(by), State::Connected);
        let socket = self.get_mut(id)?;
        let unix = socket.unix_mut();
        (unix.peer, unix.peer_creds, unix.state) = (Some(other_key), listened_by, State::Connected);
        socket.queue.wake(WRITABLE, env.woken);
        let target = self.get_mut(listener)?;
        target.unix_mut().pending.push_back(other);
        target.queue.wake(Events::IN, env.woken);
        Ok(())
    }

    /// Gives a datagram socket a peer, or with `None` takes it.
    ///
    /// # Errors
    /// `EPERM` when the other takes messages from its own peer only.
    pub(crate) fn connect_datagram(
        &mut self,
        id: SocketId,
        target: Option<SocketId>,
        env: &mut Env<'_>,
    ) -> Result<()> {
        let own = self.key(id)?;
        if let Some(other) = target
            && !self.may_send(own, other)?
        {
            return Err(Errno::EPERM);
        }
        let new = target.map(|other| self.key(other)).transpose()?;
        let unix = self.get_mut(id)?.unix_mut();
        let old = core::mem::replace(&mut unix.peer, new);
        unix.state = if new.is_some() { State::Connected } else { State::Idle };
        if old == new {
            return Ok(());
        }
        if let Some(old) = old {
            self.disconnect_datagram(own, old, env);
        }
        if let Some(other) = target {
            self.get_mut(other)?.unix_mut().connected_from.push(own);
        }
        Ok(())
    }

    /// A datagram socket leaves its peer. Messages between two that were each other's are lost, and the other is told.
    fn disconnect_datagram(&mut self, own: SocketKey, old: SocketKey, env: &mut Env<'_>) {
        self.empty_inbox(own.id, env);
        let Some(other) = self.find_mut(old) else { return };
        other.unix_mut().connected_from.retain(|key| *key != own);
        if other.unix().peer == Some(own) {
            other.error = Some(Errno::ECONNRESET);
            other.queue.wake(Events::ERR, env.woken);
        }
    }

    /// The oldest connection to be accepted.
    ///
    /// # Errors
    /// `EAGAIN` when there is none; `EOPNOTSUPP` for datagrams; `EINVAL` when it does not listen, or no more.
    pub(crate) fn accept(&mut self, id: SocketId, env: &mut Env<'_>) -> Result<SocketId> {
        let socket = self.get_mut(id)?;
        if !socket.kind.has_connections() {
            return Err(Errno::EOPNOTSUPP);
        }
        let shut = socket.shut.receive;
        let inherited = socket.options.switches & INHERITED;
        let unix = socket.unix_mut();
        if unix.state != State::Listening {
            return Err(Errno::EINVAL);
        }
        match unix.pending.pop_front() {
            Some(accepted) => {
                unix.room.wake(Events::OUT, env.woken);
                self.get_mut(accepted)?.options.switches |= inherited;
                Ok(accepted)
            }
            None if shut => Err(Errno::EINVAL),
            None => Err(Errno::EAGAIN),
        }
    }

    /// `shutdown(2)`.
    ///
    /// # Errors
    /// `EBADF` when it is gone.
    pub(crate) fn shut_down(&mut self, id: SocketId, shut: Shut, env: &mut Env<'_>) -> Result<()> {
        let socket = self.get_mut(id)?;
        socket.shut.add(shut);
        socket.queue.wake(ended(socket.shut), env.woken);
        socket.unix_mut().room.wake(Events::OUT, env.woken);
        if !socket.kind.has_connections() {
            return Ok(());
        }
        if let Some(peer) = socket.unix().peer
            && let Some(other) = self.find_mut(peer)
        {
            other.shut.add(Shut { receive: shut.send, send: shut.receive });
            other.queue.wake(ended(other.shut), env.woken);
        }
        Ok(())
    }

    /// Takes all messages out of a socket.
    pub(in crate::net) fn empty_inbox(&mut self, id: SocketId, env: &mut Env<'_>) {
        let Ok(socket) = self.get_mut(id) else { return };
        let unix = socket.unix_mut();
        unix.flying = 0;
        unix.urgent = false;
        let inbox = core::mem::take(&mut unix.inbox);
        self.holders.remove(&id);
        for message in inbox {
            self.end_message(message, env);
        }
    }
}

impl Vfs {
    /// A socket's file was closed, or nobody will accept it: the other side learns.
    pub(crate) fn close_socket(&mut self, id: SocketId, env: &mut Env<'_>) {
        let Ok(socket) = self.sockets.get_mut(id) else { return };
        let own = SocketKey { id, ino: socket.ino };
        let kind = socket.kind;
        let was_accepted = socket.file.is_some();
        // Those who wait for it find that it is closed.
        socket.queue.wake(HUNG_UP, env.woken);
        let unix = socket.unix_mut();
        unix.room.wake(Events::OUT, env.woken);
        let unread = if kind == Kind::Datagram { false } else { unix.has_unread() };
        let (name, node) = (unix.name.take(), unix.node.take());
        let peer = unix.peer;
        let pending = core::mem::take(&mut unix.pending);
        let connected_from = core::mem::take(&mut unix.connected_from);
        self.sockets.doomed.extend(pending);
        if let Some(peer) = peer {
            self.sockets.leave_peer(own, kind, peer, unread || !was_accepted, name.clone(), env);
        }
        for key in connected_from {
            if let Some(other) = self.sockets.find_mut(key) {
                other.queue.wake(WRITABLE, env.woken);
            }
        }
        self.sockets.empty_inbox(id, env);
        if let Some(name) = name {
            self.unbind_unix(id, kind, name, node);
        }
        self.sockets.table.remove(id.0);
    }

    /// Closes some of the connections that closed listeners had not accepted. Whether more are left.
    pub(crate) fn close_doomed(&mut self, env: &mut Env<'_>) -> bool {
        for _ in 0..CLOSE_STEP {
            let Some(id) = self.sockets.doomed.pop() else { return false };
            self.close_socket(id, env);
        }
        !self.sockets.doomed.is_empty()
    }
}

impl Sockets {
    fn leave_peer(
        &mut self,
        own: SocketKey,
        kind: Kind,
        peer: SocketKey,
        lost: bool,
        name: Option<std::sync::Arc<[u8]>>,
        env: &mut Env<'_>,
    ) {
        let Some(other) = self.find_mut(peer) else { return };
        if kind == Kind::Datagram {
            other.unix_mut().connected_from.retain(|key| *key != own);
            if other.unix().peer == Some(own) {
                other.unix_mut().gone_name = name;
            }
            return;
        }
        other.shut = Shut::BOTH;
        if lost {
            other.error = Some(Errno::ECONNRESET);
        }
        other.unix_mut().gone_name = name;
        other.queue.wake(if lost { HUNG_UP.union(Events::ERR) } else { HUNG_UP }, env.woken);
    }
}
