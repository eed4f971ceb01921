//! Sockets as open files, and open files on their way through sockets.
//!
//! A message's open files have a reference each. How many of a file's references are on their way is counted with the
//! file, so that it is known when there are no others.

use super::message::Rights;
use super::socket::{Kind, SocketId};
use super::unix::transfer::{Outgoing, Taking};
use crate::errno::{Errno, Result};
use crate::fs::file::FileKind;
use crate::fs::flags::OpenFlags;
use crate::fs::node::{Attr, FileType, Location, NodeKey};
use crate::fs::view::Env;
use crate::fs::{FileId, Vfs};
use crate::mem::io::{IoSink, IoSource};
use crate::task::{Creds, Gid, Uid};

impl Vfs {
    /// A new socket; it ends by [`Vfs::open_socket`]'s file, or by [`Vfs::close_socket`].
    ///
    /// # Errors
    /// `ENFILE`.
    pub(crate) fn new_socket(&mut self, kind: Kind, creds: &Creds) -> Result<SocketId> {
        let ino = self.new_ino();
        self.sockets.create(kind, ino, creds)
    }

    /// Opens a socket. On an error it is gone.
    ///
    /// # Errors
    /// `ENFILE`.
    pub(crate) fn open_socket(
        &mut self,
        id: SocketId,
        flags: OpenFlags,
        env: &mut Env<'_>,
    ) -> Result<FileId> {
        let at = self.socket_location(id);
        let flags = flags.and(OpenFlags::NON_BLOCK).with(OpenFlags::READ_WRITE);
        let opened = self.new_file(at, FileKind::Socket(id), flags);
        match opened {
            Ok(file) => self.sockets.get_mut(id)?.file = Some(file),
            Err(_) => self.close_socket(id, env),
        }
        opened
    }

    /// Where `stat(2)` finds a socket.
    fn socket_location(&self, id: SocketId) -> Location {
        Location { mount: self.socket_mount, node: NodeKey(u64::from(id.0)) }
    }

    /// The socket of an open file.
    ///
    /// # Errors
    /// `ENOTSOCK` for anything else, `EBADF` for a mere path.
    pub(crate) fn socket_of(&self, file: FileId) -> Result<SocketId> {
        match self.file(file)?.kind {
            FileKind::Socket(id) => Ok(id),
            FileKind::Path => Err(Errno::EBADF),
            _ => Err(Errno::ENOTSOCK),
        }
    }

    /// A socket's attributes.
    ///
    /// # Errors
    /// `ENOENT` when it is gone.
    pub(crate) fn socket_attr(&self, node: NodeKey) -> Result<Attr> {
        let id = SocketId(u32::try_from(node.0).unwrap_or(u32::MAX));
        let socket = self.sockets.get(id).map_err(|_| Errno::ENOENT)?;
        let mut attr = Attr::synthetic(socket.ino, FileType::Socket, socket.perm);
        (attr.uid, attr.gid) = (socket.uid, socket.gid);
        Ok(attr)
    }

    /// Changes a socket's node: its permission bits, and whom it belongs to. That it is bound to is another node.
    ///
    /// # Errors
    /// `ENOENT` when it is gone.
    pub(crate) fn change_socket(
        &mut self,
        node: NodeKey,
        perm: u16,
        uid: Option<Uid>,
        gid: Option<Gid>,
    ) -> Result<()> {
        let id = SocketId(u32::try_from(node.0).unwrap_or(u32::MAX));
        let socket = self.sockets.get_mut(id).map_err(|_| Errno::ENOENT)?;
        socket.perm = perm;
        socket.uid = uid.unwrap_or(socket.uid);
        socket.gid = gid.unwrap_or(socket.gid);
        Ok(())
    }

    /// Puts open files on their way, and says how many are sockets.
    ///
    /// # Errors
    /// `ETOOMANYREFS` when the user has more than `limit` on their way already.
    pub(crate) fn hold_rights(
        &mut self,
        files: Vec<FileId>,
        user: Uid,
        limit: u64,
    ) -> Result<(Rights, usize)> {
        if files.is_empty() {
            return Ok((Rights::default(), 0));
        }
        let on_the_way = self.sockets.in_flight.entry(user).or_default();
        if *on_the_way > limit {
            return Err(Errno::ETOOMANYREFS);
        }
        *on_the_way += files.len() as u64;
        let mut sockets = 0;
        for &file in &files {
            self.retain(file);
            if let Ok(open) = self.file_mut(file) {
                open.in_flight += 1;
                sockets += usize::from(matches!(open.kind, FileKind::Socket(_)));
            }
        }
        Ok((Rights { files, user }, sockets))
    }

    /// Open files have arrived: their references are the receiver's.
    pub(crate) fn land_rights(&mut self, rights: Rights) -> Vec<FileId> {
        let Rights { files, user } = rights;
        if let Some(on_the_way) = self.sockets.in_flight.get_mut(&user) {
            *on_the_way = on_the_way.saturating_sub(files.len() as u64);
            if *on_the_way == 0 {
                self.sockets.in_flight.remove(&user);
            }
        }
        for &file in &files {
            if let Ok(open) = self.file_mut(file) {
                open.in_flight = open.in_flight.saturating_sub(1);
            }
        }
        files
    }

    /// Open files were taken from a message in a socket: it may hold no sockets any more.
    pub(crate) fn count_taken(&mut self, id: SocketId, rights: &Rights) {
        let is_socket =
            |file: &&FileId| self.file(**file).is_ok_and(|open| matches!(open.kind, FileKind::Socket(_)));
        let sockets = rights.files.iter().filter(is_socket).count();
        let Ok(socket) = self.sockets.get_mut(id) else { return };
        let unix = socket.unix_mut();
        unix.flying = unix.flying.saturating_sub(sockets);
        if unix.flying == 0 {
            self.sockets.holders.remove(&id);
        }
    }

    /// Copies of the open files of a message that was only looked at.
    pub(crate) fn copy_rights(&mut self, rights: &Rights) -> Vec<FileId> {
        for &file in &rights.files {
            self.retain(file);
        }
        rights.files.clone()
    }

    /// Whether [`Vfs::drop_rights`] has something to do.
    pub(crate) fn has_dropped_rights(&self) -> bool {
        !self.sockets.dropped.is_empty()
    }

    /// Gives up the open files of messages that are gone.
    pub(crate) fn drop_rights(&mut self) {
        while let Some(rights) = self.sockets.dropped.pop() {
            for file in self.land_rights(rights) {
                self.release(file);
            }
        }
    }

    /// Reads from a socket without waiting; open files that come along are closed.
    ///
    /// # Errors
    /// `EAGAIN`, and those of `recv(2)`.
    pub(crate) fn read_socket(
        &mut self,
        id: SocketId,
        sink: &mut IoSink<'_>,
        env: &mut Env<'_>,
    ) -> Result<u64> {
        if self.sockets.get(id)?.kind == Kind::Stream {
            let how = Taking::default();
            let piece = self.sockets.take_stream(id, sink, how, env)?;
            if piece.count == 0 && !sink.is_full() {
                self.sockets.at_end(id)?;
            }
            if let Some(envelope) = piece.envelope {
                self.discard(id, envelope.rights);
            }
            return Ok(piece.count as u64);
        }
        let Some((data, envelope)) = self.sockets.take_message(id, false, false, env)? else { return Ok(0) };
        let count = sink.put_bytes(&data);
        self.sockets.keep_buffer(data);
        self.discard(id, envelope.rights);
        Ok(count as u64)
    }

    /// Closes open files that were taken from a message and that nobody wants.
    pub(crate) fn discard(&mut self, id: SocketId, rights: Rights) {
        if !rights.files.is_empty() {
            self.count_taken(id, &rights);
            for file in self.land_rights(rights) {
                self.release(file);
            }
        }
    }

    /// Writes to a socket without waiting: as much as one message takes, or all as one message.
    ///
    /// # Errors
    /// `EAGAIN`, and those of `send(2)`.
    pub(crate) fn write_socket(
        &mut self,
        id: SocketId,
        source: &mut IoSource<'_>,
        env: &mut Env<'_>,
    ) -> Result<u64> {
        let sender = env.sender;
        let (len, to) = self.room_to_send(id, source.remaining())?;
        let mut data = self.sockets.spare();
        data.resize(len, 0);
        source.take_bytes(&mut data);
        self.sockets.deliver(id, to, Outgoing::bytes(data, sender), env)?;
        Ok(len as u64)
    }

    /// How many of `len` bytes can be sent to the peer as one message now, and the peer.
    fn room_to_send(&mut self, id: SocketId, len: usize) -> Result<(usize, SocketId)> {
        if self.sockets.get(id)?.kind == Kind::Stream {
            let room = self.sockets.stream_room(id)?;
            return Ok((len.min(room), self.sockets.peer_to_send_to(id)?));
        }
        self.sockets.check_message(id, len as u64, false)?;
        let to = self.sockets.peer_to_send_to(id)?;
        self.sockets.check_receiver(id, to)?;
        Ok((len, to))
    }

    /// How many bytes a write can put into a socket at once now.
    ///
    /// # Errors
    /// `EPIPE`, `ENOTCONN`.
    pub(crate) fn socket_room(&self, id: SocketId) -> Result<u64> {
        let socket = self.sockets.get(id)?;
        if socket.shut.send {
            return Err(Errno::EPIPE);
        }
        if !socket.is_connected() {
            return Err(Errno::ENOTCONN);
        }
        let buffer = socket.options.send_buffer as usize;
        if socket.sent() >= buffer {
            return Ok(0);
        }
        Ok((buffer / 2).saturating_sub(64).clamp(1, super::limits::STREAM_CHUNK) as u64)
    }
}
