//! Urgent bytes of streams (`MSG_OOB`, `unix(7)`).
//!
//! At most one byte of an inbox is urgent: the last one sent as such. It stands among the others, and a reader stops
//! before it. Once it is taken by itself, its empty message stays as the mark that `sockatmark(3)` looks for
//! (`net/unix/af_unix.c`: `manage_oob`, `unix_stream_recv_urg`).

use super::{State, Unix};
use crate::errno::{Errno, Result};
use crate::fs::view::Env;
use crate::net::Sockets;
use crate::net::options::URGENT_INLINE;
use crate::net::socket::{Kind, Socket, SocketId};

impl Unix {
    /// Whether there is something that was sent and not read; a mark is nothing.
    pub(super) fn has_unread(&self) -> bool {
        self.inbox.iter().enumerate().any(|(at, message)| at > 0 || !message.is_mark())
    }
}

impl Socket {
    /// Whether the urgent byte stands among the others to be read (`SO_OOBINLINE`).
    pub(super) fn reads_urgent_inline(&self) -> bool {
        self.options.is_on(URGENT_INLINE)
    }

    /// Whether the next byte to be read is the urgent one, or the one after it if that was taken (`SIOCATMARK`).
    pub(crate) fn is_at_mark(&self) -> bool {
        let mut inbox = self.unix().inbox.iter();
        let Some(first) = inbox.next() else { return false };
        let next_is_urgent = inbox.next().is_some_and(|next| next.urgent);
        first.urgent
            || (self.kind == Kind::Stream && first.is_mark() && (!self.unix().urgent || next_is_urgent))
    }
}

impl Sockets {
    /// Takes the urgent byte, or looks at it.
    ///
    /// # Errors
    /// `EINVAL` without a connection, when there is none, or when it is to be read with the others.
    pub(crate) fn take_urgent(&mut self, id: SocketId, peek: bool, env: &mut Env<'_>) -> Result<u8> {
        let socket = self.get_mut(id)?;
        let inline = socket.reads_urgent_inline();
        let unix = socket.unix_mut();
        if unix.state != State::Connected || inline {
            return Err(Errno::EINVAL);
        }
        let at = unix.inbox.iter().position(|message| message.urgent).ok_or(Errno::EINVAL)?;
        let message = unix.inbox.get_mut(at).ok_or(Errno::EINVAL)?;
        let byte = *message.bytes().first().ok_or(Errno::EINVAL)?;
        if peek {
            return Ok(byte);
        }
        message.start += 1;
        message.urgent = false;
        unix.urgent = false;
        // Two marks in a row are one.
        if let Some(before) = at.checked_sub(1)
            && unix.inbox.get(before).is_some_and(super::Message::is_mark)
            && let Some(mark) = unix.inbox.remove(before)
        {
            self.end_message(mark, env);
        }
        Ok(byte)
    }

    /// Before a stream is read on: takes away the mark at its front, and the urgent byte, which is not read with the
    /// others. True where a reader that has some bytes stops.
    pub(super) fn stop_at_urgent(&mut self, id: SocketId, copied: bool, env: &mut Env<'_>) -> Result<bool> {
        let socket = self.get_mut(id)?;
        let inline = socket.reads_urgent_inline();
        let unix = socket.unix_mut();
        let Some(first) = unix.inbox.front() else { return Ok(false) };
        let mut over = None;
        if first.is_mark() {
            if copied && !unix.urgent {
                return Ok(true);
            }
            over = unix.inbox.pop_front();
        }
        let mut unread = None;
        if let Some(first) = unix.inbox.front_mut()
            && first.urgent
        {
            if copied {
                return Ok(true);
            }
            first.urgent = false;
            unix.urgent = false;
            if !inline {
                unread = unix.inbox.pop_front();
            }
        }
        for message in over.into_iter().chain(unread) {
            self.end_message(message, env);
        }
        Ok(false)
    }
}
