//! Making, naming and connecting sockets.

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::descriptors::Fd;
use crate::fs::flags::OpenFlags;
use crate::net::socket::{Domain, Kind, PeerCreds, Shut, SocketId};
use crate::net::unix::address::{Address, Given, encode};
use crate::task::Resource;
use crate::wait::{Events, Flow};

/// Bytes of a `struct sockaddr_storage`: no address is longer.
const ADDRESS_BYTES: i32 = 128;
/// Families that Linux knows numbers of (`NPROTO`).
const AF_UNIX: i32 = 1;

/// A socket's type and the flags that come with it (`SOCK_CLOEXEC`, `SOCK_NONBLOCK`).
fn decode_type(raw: i32) -> Result<(i32, OpenFlags)> {
    const TYPE_MASK: i32 = 0xf;
    let flags = OpenFlags((raw & !TYPE_MASK) as u32);
    if flags.without(OpenFlags::CLOSE_ON_EXEC.with(OpenFlags::NON_BLOCK)) != OpenFlags(0) {
        return Err(Errno::EINVAL);
    }
    Ok((raw & TYPE_MASK, flags))
}

/// What kind of socket a family, type and protocol ask for.
fn decode_kind(domain: i32, number: i32, protocol: i32) -> Result<(Domain, Kind)> {
    /// `SOCK_MAX`
    const TYPES: i32 = 11;
    if !(0..TYPES).contains(&number) {
        return Err(Errno::EINVAL);
    }
    match domain {
        AF_UNIX if protocol != 0 && protocol != AF_UNIX => Err(Errno::EPROTONOSUPPORT),
        AF_UNIX => match number {
            1 => Ok((Domain::Unix, Kind::Stream)),
            // Linux takes SOCK_RAW for SOCK_DGRAM.
            2 | 3 => Ok((Domain::Unix, Kind::Datagram)),
            5 => Ok((Domain::Unix, Kind::SeqPacket)),
            _ => Err(Errno::ESOCKTNOSUPPORT),
        },
        _ => Err(Errno::EAFNOSUPPORT),
    }
}

impl Cx<'_> {
    /// The socket of a descriptor, and its open file.
    ///
    /// # Errors
    /// `EBADF`, `ENOTSOCK`.
    pub(super) fn socket(&mut self, fd: Fd) -> Result<(FileId, SocketId)> {
        let file = self.file(fd)?;
        Ok((file, self.sys.fs.socket_of(file)?))
    }

    /// The caller, as the other end of a connection sees it.
    fn as_peer(&mut self) -> PeerCreds {
        PeerCreds::of(self.process())
    }

    /// A `struct sockaddr` from the caller's memory.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL` for a wrong length or family.
    pub(super) fn address(&mut self, addr: GuestAddr, len: i32) -> Result<Given> {
        if !(0..=ADDRESS_BYTES).contains(&len) {
            return Err(Errno::EINVAL);
        }
        let mut bytes = [0; ADDRESS_BYTES as usize];
        let bytes = bytes.get_mut(..len as usize).ok_or(Errno::EINVAL)?;
        self.read_user(addr, bytes)?;
        Given::decode(bytes)
    }

    /// Writes the address with this name to where the caller has room for `room` bytes. Its whole length.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(super) fn write_address(&mut self, to: GuestAddr, room: i32, name: Option<&[u8]>) -> Result<i32> {
        let bytes = encode(name);
        let fits = usize::try_from(room).unwrap_or(0).min(bytes.len());
        self.write_user(to, bytes.get(..fits).unwrap_or_default())?;
        Ok(bytes.len() as i32)
    }

    /// The same where the length is behind a pointer, in and out.
    ///
    /// # Errors
    /// `EFAULT`, `EINVAL` for a negative length.
    pub(super) fn return_address(
        &mut self,
        to: GuestAddr,
        len_at: GuestAddr,
        name: Option<&[u8]>,
    ) -> Result<()> {
        let room: i32 = self.read_pod(len_at)?;
        if room < 0 {
            return Err(Errno::EINVAL);
        }
        let whole = self.write_address(to, room, name)?;
        self.write_pod(len_at, &whole)
    }

    /// Opens a new socket.
    fn open_new_socket(&mut self, kind: Kind, flags: OpenFlags) -> Result<(FileId, SocketId)> {
        let parts = self.parts()?;
        let mut env = parts.env;
        let socket = parts.fs.new_socket(kind, parts.who.creds)?;
        Ok((parts.fs.open_socket(socket, flags, &mut env)?, socket))
    }

    fn umask_perm(&mut self, perm: u16) -> Result<u16> {
        let context = self.fs_context();
        Ok(perm & !self.sys.fs.umask(context)?)
    }
}

/// `socket(2)`
pub fn socket(cx: &mut Cx<'_>, domain: i32, kind: i32, protocol: i32) -> SysResult {
    let (number, flags) = decode_type(kind)?;
    let (Domain::Unix, kind) = decode_kind(domain, number, protocol)?;
    let (file, _) = cx.open_new_socket(kind, flags)?;
    let fd = cx.install(file, flags.has(OpenFlags::CLOSE_ON_EXEC))?;
    Ok(Flow::Done(fd.get().into()))
}

/// `socketpair(2)`
pub fn socketpair(cx: &mut Cx<'_>, domain: i32, kind: i32, protocol: i32, fds: GuestAddr) -> SysResult {
    let (number, flags) = decode_type(kind)?;
    let (Domain::Unix, kind) = decode_kind(domain, number, protocol)?;
    let close_on_exec = flags.has(OpenFlags::CLOSE_ON_EXEC);
    let by = cx.as_peer();
    let (one_file, one) = cx.open_new_socket(kind, flags)?;
    let (other_file, other) = match cx.open_new_socket(kind, flags) {
        Ok(other) => other,
        Err(error) => {
            cx.sys.fs.release(one_file);
            return Err(error);
        }
    };
    cx.sys.fs.sockets.join(one, other, by)?;
    let table = cx.fd_table();
    let first = match cx.install(one_file, close_on_exec) {
        Ok(fd) => fd,
        Err(error) => {
            cx.sys.fs.release(other_file);
            return Err(error);
        }
    };
    let written = cx.install(other_file, close_on_exec).and_then(|second| {
        cx.write_pod(fds, &[first.get(), second.get()]).inspect_err(|_| {
            let _ = cx.sys.fs.close(table, second, &mut cx.sys.woken);
        })
    });
    if let Err(error) = written {
        cx.sys.fs.close(table, first, &mut cx.sys.woken)?;
        return Err(error);
    }
    Ok(Flow::Done(0))
}

/// `bind(2)`
pub fn bind(cx: &mut Cx<'_>, fd: Fd, addr: GuestAddr, len: i32) -> SysResult {
    let (_, socket) = cx.socket(fd)?;
    match cx.address(addr, len)? {
        Given::Family => cx.sys.fs.autobind_unix(socket)?,
        Given::Unspecified => return Err(Errno::EINVAL),
        Given::Address(address) => {
            let perm = cx.sys.fs.sockets.get(socket)?.perm();
            let perm = cx.umask_perm(perm)?;
            let parts = cx.parts()?;
            parts.fs.bind_unix(&parts.who, &parts.env, socket, &address, perm)?;
        }
    }
    Ok(Flow::Done(0))
}

/// `listen(2)`
pub fn listen(cx: &mut Cx<'_>, fd: Fd, backlog: i32) -> SysResult {
    let (_, socket) = cx.socket(fd)?;
    let by = cx.as_peer();
    let parts = cx.parts()?;
    let mut env = parts.env;
    parts.fs.sockets.listen(socket, backlog, by, &mut env)?;
    Ok(Flow::Done(0))
}

/// A socket that is to know who sends gets a name, so that it can be answered (`unix(7)`, `SO_PASSCRED`).
pub(super) fn name_sender(cx: &mut Cx<'_>, socket: SocketId) -> Result<()> {
    let open = cx.sys.fs.sockets.get(socket)?;
    if open.name().is_none() && open.knows_senders() { cx.sys.fs.autobind_unix(socket) } else { Ok(()) }
}

/// `connect(2)`
pub fn connect(cx: &mut Cx<'_>, fd: Fd, addr: GuestAddr, len: i32) -> SysResult {
    let (file, socket) = cx.socket(fd)?;
    let kind = cx.sys.fs.sockets.get(socket)?.kind();
    let target = match cx.address(addr, len)? {
        Given::Unspecified if kind == Kind::Datagram => None,
        given => Some(given.address()?),
    };
    if target.is_some() {
        name_sender(cx, socket)?;
    }
    let by = cx.as_peer();
    match connect_to(cx, socket, kind, target.as_ref(), by) {
        Ok(()) => Ok(Flow::Done(0)),
        Err((Errno::EAGAIN, Some(listener))) => cx.wait_for_room(file, listener, false),
        Err((error, _)) => Err(error),
    }
}

/// Tries to connect; on an error also what was found under the address.
fn connect_to(
    cx: &mut Cx<'_>,
    socket: SocketId,
    kind: Kind,
    target: Option<&Address>,
    by: PeerCreds,
) -> Result<(), (Errno, Option<SocketId>)> {
    let parts = cx.parts().map_err(|error| (error, None))?;
    let mut env = parts.env;
    let found = target.map(|address| parts.fs.find_unix(&parts.who, address, kind)).transpose();
    let found = found.map_err(|error| (error, None))?;
    let result = match found {
        Some(listener) if kind.has_connections() => {
            let ino = parts.fs.new_ino();
            parts.fs.sockets.connect_stream(socket, listener, by, parts.who.creds, ino, &mut env)
        }
        found => parts.fs.sockets.connect_datagram(socket, found, &mut env),
    };
    result.map_err(|error| (error, found))
}

/// `accept(2)`
pub fn accept(cx: &mut Cx<'_>, fd: Fd, addr: GuestAddr, len: GuestAddr) -> SysResult {
    accept4(cx, fd, addr, len, 0)
}

/// `accept4(2)`
pub fn accept4(cx: &mut Cx<'_>, fd: Fd, addr: GuestAddr, len: GuestAddr, flags: i32) -> SysResult {
    let (number, flags) = decode_type(flags)?;
    if number != 0 {
        return Err(Errno::EINVAL);
    }
    let (file, socket) = cx.socket(fd)?;
    // A connection is not taken when there is no descriptor for it.
    let limit = u32::try_from(cx.process().rlimits.soft(Resource::Descriptors)).unwrap_or(u32::MAX);
    let table = cx.fd_table();
    cx.sys.fs.table(table)?.lowest_free(0, limit)?;
    let parts = cx.parts()?;
    let mut env = parts.env;
    let accepted = match parts.fs.sockets.accept(socket, &mut env) {
        Ok(accepted) => accepted,
        Err(Errno::EAGAIN) => return cx.wait_for(file, Events::IN),
        Err(error) => return Err(error),
    };
    let opened = parts.fs.open_socket(accepted, flags, &mut env)?;
    let fd = cx.install(opened, flags.has(OpenFlags::CLOSE_ON_EXEC))?;
    if !addr.is_null() {
        let name = cx.sys.fs.sockets.peer_name(accepted).unwrap_or_default();
        if let Err(error) = cx.return_address(addr, len, name.as_deref()) {
            cx.sys.fs.close(table, fd, &mut cx.sys.woken)?;
            return Err(error);
        }
    }
    Ok(Flow::Done(fd.get().into()))
}

/// `getsockname(2)`
pub fn getsockname(cx: &mut Cx<'_>, fd: Fd, addr: GuestAddr, len: GuestAddr) -> SysResult {
    let (_, socket) = cx.socket(fd)?;
    let name = cx.sys.fs.sockets.get(socket)?.name().cloned();
    cx.return_address(addr, len, name.as_deref())?;
    Ok(Flow::Done(0))
}

/// `getpeername(2)`
pub fn getpeername(cx: &mut Cx<'_>, fd: Fd, addr: GuestAddr, len: GuestAddr) -> SysResult {
    let (_, socket) = cx.socket(fd)?;
    let name = cx.sys.fs.sockets.peer_name(socket)?;
    cx.return_address(addr, len, name.as_deref())?;
    Ok(Flow::Done(0))
}

/// `shutdown(2)`
pub fn shutdown(cx: &mut Cx<'_>, fd: Fd, how: i32) -> SysResult {
    let (_, socket) = cx.socket(fd)?;
    let shut = match how {
        0 => Shut { receive: true, send: false },
        1 => Shut { receive: false, send: true },
        2 => Shut { receive: true, send: true },
        _ => return Err(Errno::EINVAL),
    };
    let parts = cx.parts()?;
    let mut env = parts.env;
    parts.fs.sockets.shut_down(socket, shut, &mut env)?;
    Ok(Flow::Done(0))
}
