//! Messages and streams between `AF_UNIX` sockets.
//!
//! A stream is a row of messages, of which a receiver may take a part; datagrams and packets are taken whole.

use std::collections::VecDeque;

use super::State;
use crate::errno::{Errno, Result};
use crate::fs::view::Env;
use crate::mem::io::IoSink;
use crate::net::Sockets;
use crate::net::limits::{MESSAGE_RESERVE, STREAM_CHUNK};
use crate::net::message::{Envelope, Message, Rights};
use crate::net::socket::{Kind, Sender, SocketId, SocketKey, Ucred};
use crate::wait::Events;

/// What one step of receiving a stream gave.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    /// Bytes.
    pub(crate) count: usize,
    /// What came with the last message they are of; its open files, if it had any.
    pub(crate) envelope: Option<Envelope>,
    /// Whether what follows is another message's to the receiver: files on board, or another sender.
    pub(crate) ends: bool,
}

/// A message on its way out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) data: Vec<u8>,
    pub(crate) by: Sender,
    /// Open files with their references, and how many of them are sockets.
    pub(crate) rights: (Rights, usize),
    /// Whether it is an urgent byte.
    pub(crate) urgent: bool,
}

impl Outgoing {
    /// Plain bytes.
    pub(crate) fn bytes(data: Vec<u8>, by: Sender) -> Outgoing {
        Outgoing { data, by, rights: (Rights::default(), 0), urgent: false }
    }
}

/// How a stream is received.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taking {
    /// With `MSG_PEEK`: bytes that were looked at before.
    pub(crate) peek: Option<usize>,
    /// Whether the call has received some bytes already.
    pub(crate) copied: bool,
    /// With `knows_senders`: only bytes of this sender, once there were some.
    pub(crate) only: Option<Ucred>,
    /// Whether the receiver wants to know who sent.
    pub(crate) knows_senders: bool,
}

impl Sockets {
    /// Whether `to` takes messages of `from`: from anybody, or from its peer only.
    pub(super) fn may_send(&self, from: SocketKey, to: SocketId) -> Result<bool> {
        let peer = self.get(to)?.unix().peer;
        // A peer that is gone is none.
        Ok(peer.is_none_or(|peer| peer == from || self.find(peer).is_none()))
    }

    /// How many bytes a stream takes as one message now.
    ///
    /// # Errors
    /// `ENOTCONN`, `EPIPE`, `EAGAIN` while its buffer is full, a pending error.
    pub(crate) fn stream_room(&mut self, id: SocketId) -> Result<usize> {
        let socket = self.get(id)?;
        let peer = socket.unix().peer.ok_or(Errno::ENOTCONN)?;
        if socket.shut.send {
            return Err(Errno::EPIPE);
        }
        self.take_error(id)?;
        if self.find(peer).is_none_or(|other| other.shut.receive) {
            return Err(Errno::EPIPE);
        }
        let socket = self.get(id)?;
        let buffer = socket.options.send_buffer as usize;
        if socket.sent() >= buffer {
            return Err(Errno::EAGAIN);
        }
        Ok((buffer / 2).saturating_sub(64).clamp(1, STREAM_CHUNK))
    }

    /// Whether a message of `len` bytes can be sent now, as far as the sender is concerned.
    ///
    /// # Errors
    /// `ENOTCONN` without a peer, unless it is `addressed`; `EMSGSIZE`, `EPIPE`, `EAGAIN` while its buffer is full, a
    /// pending error.
    pub(crate) fn check_message(&mut self, id: SocketId, len: u64, addressed: bool) -> Result<()> {
        let socket = self.get(id)?;
        if socket.kind == Kind::SeqPacket {
            self.take_error(id)?;
        }
        let socket = self.get(id)?;
        if !addressed && socket.unix().peer.is_none() {
            return Err(Errno::ENOTCONN);
        }
        let buffer = socket.options.send_buffer as usize;
        if len > (buffer - MESSAGE_RESERVE) as u64 {
            return Err(Errno::EMSGSIZE);
        }
        self.take_error(id)?;
        let socket = self.get(id)?;
        if socket.shut.send {
            return Err(Errno::EPIPE);
        }
        if socket.sent() >= buffer { Err(Errno::EAGAIN) } else { Ok(()) }
    }

    /// The peer that a socket sends to. A datagram socket whose peer is gone has none afterwards.
    ///
    /// # Errors
    /// `ENOTCONN`; `ECONNREFUSED` or, with connections, `EPIPE` when it is gone.
    pub(crate) fn peer_to_send_to(&mut self, id: SocketId) -> Result<SocketId> {
        let socket = self.get(id)?;
        let (kind, peer) = (socket.kind, socket.unix().peer.ok_or(Errno::ENOTCONN)?);
        if self.find(peer).is_some() {
            return Ok(peer.id);
        }
        if kind != Kind::Datagram {
            return Err(Errno::EPIPE);
        }
        let unix = self.get_mut(id)?.unix_mut();
        (unix.peer, unix.state) = (None, State::Idle);
        Err(Errno::ECONNREFUSED)
    }

    /// Whether a message can be put into a socket's inbox now.
    ///
    /// # Errors
    /// `EPERM` when it takes those of its peer only, `EPIPE` when it takes none any more, `EAGAIN` when it is full.
    pub(crate) fn check_receiver(&self, from: SocketId, to: SocketId) -> Result<()> {
        let own = self.key(from)?;
        if !self.may_send(own, to)? {
            return Err(Errno::EPERM);
        }
        let other = self.get(to)?;
        if other.shut.receive {
            return Err(Errno::EPIPE);
        }
        // Two that are each other's peers are held back by their buffers alone.
        let mutual = from == to || other.unix().peer == Some(own);
        if !mutual && other.unix().is_inbox_full() { Err(Errno::EAGAIN) } else { Ok(()) }
    }

    /// Puts a message into a socket's inbox. The rights come with their references; on an error they go.
    ///
    /// # Errors
    /// `ENOBUFS` when the guest's memory is used up.
    pub(crate) fn deliver(
        &mut self,
        from: SocketId,
        to: SocketId,
        outgoing: Outgoing,
        env: &mut Env<'_>,
    ) -> Result<()> {
        let Outgoing { data, by, rights: (rights, sockets), urgent } = outgoing;
        let sender = self.key(from)?;
        let name = self.get(from)?.unix().name.clone();
        let sent_at = self.get(to)?.options.stamps.on.then_some(env.now.realtime);
        let message =
            Message { data, start: 0, sender, from: name, by, sent_at, urgent, peeked: false, rights };
        if let Err(error) = self.charge(message.charge(), env.frames) {
            self.dropped.push(message.rights);
            return Err(error);
        }
        self.get_mut(from)?.unix_mut().sent += message.charge();
        let socket = self.get_mut(to)?;
        let receiver = socket.file;
        let unix = socket.unix_mut();
        if urgent && core::mem::replace(&mut unix.urgent, true) {
            // The urgent byte before it is one as any other now.
            unix.inbox.iter_mut().for_each(|message| message.urgent = false);
        }
        unix.inbox.push_back(message);
        unix.flying += sockets;
        socket.queue.wake(if urgent { Events::IN.union(Events::PRI) } else { Events::IN }, env.woken);
        if urgent {
            env.woken.urgent.extend(receiver);
        }
        if sockets > 0 {
            self.holders.insert(to);
        }
        Ok(())
    }

    /// Takes bytes of a stream, or looks at them. No bytes: there are none, or what follows is another message's.
    ///
    /// # Errors
    /// `EINVAL` without a connection.
    pub(crate) fn take_stream(
        &mut self,
        id: SocketId,
        sink: &mut IoSink<'_>,
        how: Taking,
        env: &mut Env<'_>,
    ) -> Result<Piece> {
        let socket = self.get_mut(id)?;
        if socket.unix().state != State::Connected {
            return Err(Errno::EINVAL);
        }
        let mut piece = Piece::default();
        let mut only = how.only;
        let inline = socket.reads_urgent_inline();
        match how.peek {
            Some(skip) => {
                let unix = socket.unix_mut();
                let urgent = Urgent { inline, pending: unix.urgent };
                look(&mut unix.inbox, sink, (skip, how), urgent, &mut piece);
                socket.move_peek_offset(piece.count, true);
            }
            None => loop {
                if self.stop_at_urgent(id, how.copied || piece.count > 0, env)? {
                    piece.ends = true;
                    break;
                }
                let unix = self.get_mut(id)?.unix_mut();
                let Some(message) = unix.inbox.front_mut() else { break };
                if how.knows_senders && only.is_some_and(|only| only != message.by.ids) {
                    piece.ends = true;
                    break;
                }
                let count = sink.put_bytes(message.bytes());
                if count == 0 {
                    break;
                }
                only = Some(message.by.ids);
                message.start += count;
                piece.count += count;
                let had_rights = !message.rights.files.is_empty();
                piece.envelope = Some(message.envelope(true));
                let is_over = message.bytes().is_empty();
                if is_over && let Some(message) = unix.inbox.pop_front() {
                    self.end_message(message, env);
                }
                if had_rights {
                    piece.ends = true;
                    break;
                }
                if !is_over {
                    break;
                }
            },
        }
        if how.peek.is_none() {
            self.get_mut(id)?.move_peek_offset(piece.count, false);
        }
        Ok(piece)
    }

    /// What an empty stream says: nothing for the end of the file.
    ///
    /// # Errors
    /// A pending error; `EAGAIN` when more may come.
    pub(crate) fn at_end(&mut self, id: SocketId) -> Result<()> {
        self.take_error(id)?;
        if self.get(id)?.shut.receive { Ok(()) } else { Err(Errno::EAGAIN) }
    }

    /// Takes a message, or with `peek` a copy. `None` is the end: nothing comes any more.
    ///
    /// # Errors
    /// `ENOTCONN` for packets without a connection, a pending error, `EAGAIN` when there is none.
    pub(crate) fn take_message(
        &mut self,
        id: SocketId,
        peek: bool,
        dont_wait: bool,
        env: &mut Env<'_>,
    ) -> Result<Option<(Vec<u8>, Envelope)>> {
        let socket = self.get_mut(id)?;
        let (kind, shut) = (socket.kind, socket.shut.receive);
        if kind == Kind::SeqPacket && socket.unix().state != State::Connected {
            return Err(Errno::ENOTCONN);
        }
        if peek {
            let mut skip = socket.options.peek_offset.unwrap_or(0);
            for message in &mut socket.unix_mut().inbox {
                // An empty message is looked at once (`__skb_try_recv_from_queue`).
                if skip >= message.data.len() && (skip > 0 || (message.peeked && message.data.is_empty())) {
                    skip -= message.data.len();
                    continue;
                }
                message.peeked |= message.data.is_empty();
                let rest = message.data.get(skip..).unwrap_or_default().to_vec();
                return Ok(Some((rest, message.envelope(false))));
            }
        }
        if let Some(error) = socket.error.take() {
            return Err(error);
        }
        let was_full = socket.unix().is_inbox_full();
        let unix = socket.unix_mut();
        let first = if peek { None } else { unix.inbox.pop_front() };
        let Some(mut message) = first else {
            // Who does not wait is told that there is nothing, even where there will never be.
            let end = shut && (kind == Kind::SeqPacket || !dont_wait);
            return if end { Ok(None) } else { Err(Errno::EAGAIN) };
        };
        if was_full && !unix.is_inbox_full() {
            unix.room.wake(Events::OUT, env.woken);
            for at in 0..self.get(id)?.unix().connected_from.len() {
                let Some(&key) = self.get(id)?.unix().connected_from.get(at) else { break };
                if let Some(other) = self.find_mut(key) {
                    other.queue.wake(crate::net::WRITABLE, env.woken);
                }
            }
        }
        self.get_mut(id)?.move_peek_offset(message.data.len(), false);
        let envelope = message.envelope(true);
        self.discharge(message.sender, message.charge(), env);
        Ok(Some((message.data, envelope)))
    }

    /// Bytes of a message were looked at.
    ///
    /// # Errors
    /// `EBADF` when the socket is gone.
    pub(crate) fn message_peeked(&mut self, id: SocketId, bytes: usize) -> Result<()> {
        self.get_mut(id)?.move_peek_offset(bytes, true);
        Ok(())
    }

    /// The message's buffer is no longer needed.
    pub(crate) fn keep_buffer(&mut self, buffer: Vec<u8>) {
        self.spares.keep(buffer);
    }

    /// Bytes that can be received (`SIOCINQ`): of a datagram socket, those of the first message.
    ///
    /// # Errors
    /// `EINVAL` for a listener.
    pub(crate) fn available(&self, id: SocketId) -> Result<usize> {
        let socket = self.get(id)?;
        if socket.is_listening() {
            return Err(Errno::EINVAL);
        }
        let mut sizes = socket.unix().inbox.iter().map(|message| message.bytes().len());
        Ok(match socket.kind {
            Kind::Datagram => sizes.next().unwrap_or(0),
            Kind::Stream | Kind::SeqPacket => sizes.sum(),
        })
    }
}

/// What a stream's urgent byte means to who looks at it.
#[derive(Clone, Copy, Debug)]
struct Urgent {
    /// It is read with the others.
    inline: bool,
    /// There is one.
    pending: bool,
}

/// Looks at the bytes of a stream without taking them.
fn look(
    inbox: &mut VecDeque<Message>,
    sink: &mut IoSink<'_>,
    (mut skip, how): (usize, Taking),
    urgent: Urgent,
    piece: &mut Piece,
) {
    let mut only = how.only;
    for message in inbox {
        let copied = how.copied || piece.count > 0;
        let at_mark = message.is_mark();
        if copied && skip == 0 && (message.urgent || (at_mark && !urgent.pending)) {
            piece.ends = true;
            return;
        }
        if at_mark || (message.urgent && !urgent.inline) {
            continue;
        }
        let len = message.bytes().len();
        if skip >= len {
            skip -= len;
            continue;
        }
        if how.knows_senders && only.is_some_and(|only| only != message.by.ids) {
            piece.ends = true;
            return;
        }
        let count = sink.put_bytes(message.bytes().get(skip..).unwrap_or_default());
        if count == 0 {
            return;
        }
        only = Some(message.by.ids);
        piece.count += count;
        let has_rights = !message.rights.files.is_empty();
        piece.envelope = Some(message.envelope(false));
        if has_rights {
            piece.ends = true;
            return;
        }
        if skip + count < len {
            return;
        }
        skip = 0;
    }
}
