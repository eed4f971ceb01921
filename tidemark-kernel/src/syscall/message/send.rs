//! sendto, sendmsg, sendmmsg, and write to a socket.

use super::super::control::Control;
use super::super::io::Buffers;
use super::super::socket::name_sender;
use super::super::{Cx, SysResult};
use super::{
    MESSAGES, MMSG_LEN, MMSGHDR_BYTES, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_OOB, MsgHdr, Turn, buffers_of,
    end_call, kept,
};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::descriptors::Fd;
use crate::limits::STEP_BYTES;
use crate::net::socket::{Kind, Sender, SocketId};
use crate::net::unix::address::Address;
use crate::net::unix::transfer::Outgoing;
use crate::task::{Capabilities, Resource};
use crate::wait::{Events, Flow};

/// A message, or bytes of a stream, on the way out.
#[derive(Debug)]
struct Sending {
    buffers: Buffers,
    /// Whom it is for, if not the peer.
    to: Option<Address>,
    control: Control,
    flags: u32,
    /// Bytes of a stream that are sent.
    done: u64,
    /// A message as far as it was copied.
    draft: Vec<u8>,
}

impl Sending {
    fn new(buffers: Buffers, flags: u32) -> Sending {
        Sending { buffers, to: None, control: Control::default(), flags, done: 0, draft: Vec::new() }
    }

    /// How many bytes go before the next boundary: the last one of an urgent message goes by itself (`MSG_OOB`).
    fn run(&self) -> u64 {
        let left = self.buffers.total() - self.done;
        if self.flags & MSG_OOB != 0 && left > 1 { left - 1 } else { left }
    }

    /// Whether what goes next is the urgent byte.
    fn at_urgent(&self) -> bool {
        self.flags & MSG_OOB != 0 && self.buffers.total() - self.done == 1
    }

    fn dont_wait(&self) -> bool {
        self.flags & MSG_DONTWAIT != 0
    }

    /// Whether it can be built again from the call's arguments.
    fn is_untouched(&self) -> bool {
        self.done == 0
            && self.draft.is_empty()
            && matches!(self.buffers, Buffers::One(..))
            && self.to.is_none()
    }
}

/// One entry of sending.
fn turn(cx: &mut Cx<'_>, (file, socket): (FileId, SocketId), sending: &mut Sending) -> Result<Turn> {
    // Streams alone have urgent bytes, and at least one goes.
    let open = cx.sys.fs.sockets.get(socket)?;
    match open.kind() {
        kind if sending.flags & MSG_OOB != 0 && (kind != Kind::Stream || sending.buffers.total() == 0) => {
            Err(Errno::EOPNOTSUPP)
        }
        Kind::Stream if sending.to.is_some() => {
            Err(if open.is_connected() { Errno::EISCONN } else { Errno::EOPNOTSUPP })
        }
        Kind::Stream => stream_turn(cx, (file, socket), sending),
        Kind::Datagram | Kind::SeqPacket => message_turn(cx, (file, socket), sending),
    }
}

fn stream_turn(cx: &mut Cx<'_>, (file, socket): (FileId, SocketId), sending: &mut Sending) -> Result<Turn> {
    let total = sending.buffers.total();
    let mut budget = STEP_BYTES;
    // Nothing to send: still, it must be connected.
    if total == 0 && !cx.sys.fs.sockets.get(socket)?.is_connected() {
        return Err(Errno::ENOTCONN);
    }
    while sending.done < total {
        if budget == 0 {
            return Ok(Turn::Later(Flow::Again));
        }
        match stream_piece(cx, socket, sending, budget.min(sending.run())) {
            Ok(count) => {
                sending.done += count;
                budget = budget.saturating_sub(count);
            }
            Err(Errno::EAGAIN) => {
                return match cx.wait_for_socket(file, Events::OUT, sending.dont_wait()) {
                    Err(_) | Ok(Flow::Interrupted(_)) if sending.done > 0 => Ok(Turn::Done(sending.done)),
                    other => other.map(Turn::Later),
                };
            }
            Err(_) if sending.done > 0 => return Ok(Turn::Done(sending.done)),
            Err(error) => {
                if error == Errno::EPIPE && sending.flags & MSG_NOSIGNAL == 0 {
                    cx.sys.signal_failed_write(cx.tid, error);
                }
                return Err(error);
            }
        }
    }
    Ok(Turn::Done(sending.done))
}

/// Sends up to `limit` bytes of a stream as one message.
fn stream_piece(cx: &mut Cx<'_>, socket: SocketId, sending: &mut Sending, limit: u64) -> Result<u64> {
    let room = cx.sys.fs.sockets.stream_room(socket)?;
    let to = cx.sys.fs.sockets.peer_to_send_to(socket)?;
    let mut data = cx.sys.fs.sockets.spare();
    if let Err(error) = copy_in(cx, &sending.buffers, sending.done, limit.min(room as u64), &mut data) {
        cx.sys.fs.sockets.keep_buffer(data);
        return Err(error);
    }
    let count = data.len() as u64;
    deliver(cx, (socket, to), data, &sending.control, sending.at_urgent())?;
    // Open files go with the first bytes.
    sending.control.rights.clear();
    Ok(count)
}

/// Appends `len` bytes of the buffers from byte `from` on to `data`.
fn copy_in(cx: &mut Cx<'_>, buffers: &Buffers, from: u64, len: u64, data: &mut Vec<u8>) -> Result<()> {
    let start = data.len();
    data.resize(start + len as usize, 0);
    let mut rest = data.get_mut(start..).unwrap_or_default();
    while !rest.is_empty() {
        let at = from + (len - rest.len() as u64);
        let Some((addr, run)) = buffers.at(at) else { break };
        let (part, after) = rest.split_at_mut(rest.len().min(usize::try_from(run).unwrap_or(usize::MAX)));
        cx.read_user(addr, part)?;
        rest = after;
    }
    Ok(())
}

fn deliver(
    cx: &mut Cx<'_>,
    (socket, to): (SocketId, SocketId),
    data: Vec<u8>,
    control: &Control,
    urgent: bool,
) -> Result<()> {
    let files = control.files(cx)?;
    let process = cx.process();
    let creds = &process.creds;
    let user = creds.uid;
    let by = control.sender.unwrap_or_else(|| Sender::real(process));
    let privileged = creds.can(Capabilities::SYS_RESOURCE) || creds.can(Capabilities::SYS_ADMIN);
    let limit = if privileged { u64::MAX } else { process.rlimits.soft(Resource::Descriptors) };
    let parts = cx.parts()?;
    let mut env = parts.env;
    let rights = parts.fs.hold_rights(files, user, limit)?;
    parts.fs.sockets.deliver(socket, to, Outgoing { data, by, rights, urgent }, &mut env)
}

fn message_turn(cx: &mut Cx<'_>, (file, socket): (FileId, SocketId), sending: &mut Sending) -> Result<Turn> {
    let total = sending.buffers.total();
    // Packets go to the peer; an address is not looked at.
    let to =
        if cx.sys.fs.sockets.get(socket)?.kind() == Kind::SeqPacket { None } else { sending.to.as_ref() };
    match cx.sys.fs.sockets.check_message(socket, total, to.is_some()) {
        Ok(()) => {}
        Err(Errno::EAGAIN) => {
            return cx.wait_for_socket(file, Events::OUT, sending.dont_wait()).map(Turn::Later);
        }
        Err(error) => return Err(error),
    }
    name_sender(cx, socket)?;
    let copied = sending.draft.len() as u64;
    if copied < total {
        let len = (total - copied).min(STEP_BYTES);
        if copied == 0 {
            sending.draft = cx.sys.fs.sockets.spare();
        }
        copy_in(cx, &sending.buffers, copied, len, &mut sending.draft)?;
        if copied + len < total {
            return Ok(Turn::Later(Flow::Again));
        }
    }
    let target = match to {
        None => cx.sys.fs.sockets.peer_to_send_to(socket)?,
        Some(address) => {
            let parts = cx.parts()?;
            parts.fs.find_unix(&parts.who, address, Kind::Datagram)?
        }
    };
    match cx.sys.fs.sockets.check_receiver(socket, target) {
        Ok(()) => {}
        Err(Errno::EAGAIN) => {
            return cx.wait_for_room(file, target, sending.dont_wait()).map(Turn::Later);
        }
        Err(error) => return Err(error),
    }
    deliver(cx, (socket, target), core::mem::take(&mut sending.draft), &sending.control, false)?;
    Ok(Turn::Done(total))
}

/// `write(2)` and `writev(2)` of a socket.
pub(in super::super) fn write_socket(cx: &mut Cx<'_>, file: FileId, buffers: Buffers) -> SysResult {
    let socket = cx.sys.fs.socket_of(file)?;
    let mut sending = kept(cx).unwrap_or_else(|| Sending::new(buffers, 0));
    let turn = turn(cx, (file, socket), &mut sending);
    end_sending(cx, turn, sending)
}

/// As [`end_call`], but what the arguments tell need not be kept.
fn end_sending(cx: &mut Cx<'_>, turn: Result<Turn>, sending: Sending) -> SysResult {
    match turn {
        Ok(Turn::Later(flow)) if sending.is_untouched() => Ok(flow),
        turn => end_call(cx, turn, sending),
    }
}

/// `sendto(2)`
pub(in super::super) fn sendto(
    cx: &mut Cx<'_>,
    fd: Fd,
    buf: GuestAddr,
    len: u64,
    flags: u32,
    addr: GuestAddr,
    addr_len: i32,
) -> SysResult {
    let (file, socket) = cx.socket(fd)?;
    let mut sending = match kept(cx) {
        Some(sending) => sending,
        None => {
            let mut sending = Sending::new(Buffers::one(buf, len), flags);
            if !addr.is_null() && addr_len != 0 {
                sending.to = Some(cx.address(addr, addr_len)?.address()?);
            }
            sending
        }
    };
    let turn = turn(cx, (file, socket), &mut sending);
    end_sending(cx, turn, sending)
}

fn read_message(cx: &mut Cx<'_>, msg: GuestAddr, flags: u32) -> Result<Sending> {
    let header: MsgHdr = cx.read_pod(msg)?;
    let mut sending = Sending::new(buffers_of(cx, &header)?, flags);
    if !header.name.is_null() && header.name_len != 0 {
        sending.to = Some(cx.address(header.name, header.name_len)?.address()?);
    }
    if !header.control.is_null() && header.control_len != 0 {
        sending.control = Control::read(cx, header.control, header.control_len)?;
    }
    Ok(sending)
}

/// `sendmsg(2)`
pub(in super::super) fn sendmsg(cx: &mut Cx<'_>, fd: Fd, msg: GuestAddr, flags: u32) -> SysResult {
    let (file, socket) = cx.socket(fd)?;
    let mut sending = match kept(cx) {
        Some(sending) => sending,
        None => read_message(cx, msg, flags)?,
    };
    let turn = turn(cx, (file, socket), &mut sending);
    end_call(cx, turn, sending)
}

/// A `sendmmsg` on its way.
struct SendingMany {
    sent: u32,
    current: Option<Sending>,
}

/// `sendmmsg(2)`
pub(in super::super) fn sendmmsg(
    cx: &mut Cx<'_>,
    fd: Fd,
    list: GuestAddr,
    count: u32,
    flags: u32,
) -> SysResult {
    /// Messages in one step.
    const STEP: u32 = 16;
    let target = cx.socket(fd)?;
    let mut many: SendingMany = kept(cx).unwrap_or(SendingMany { sent: 0, current: None });
    let start = many.sent;
    while many.sent < count.min(MESSAGES) {
        if many.sent - start >= STEP {
            return end_call(cx, Ok(Turn::Later(Flow::Again)), many);
        }
        let at = list.add(u64::from(many.sent) * MMSGHDR_BYTES)?;
        let result = match many.current.take() {
            Some(sending) => Ok(sending),
            None => read_message(cx, at, flags),
        };
        let turn = result.and_then(|mut sending| {
            let turn = turn(cx, target, &mut sending)?;
            many.current = Some(sending);
            Ok(turn)
        });
        match turn {
            Ok(Turn::Done(len)) => {
                many.current = None;
                cx.progress.deadline = None;
                cx.write_pod(at.add(MMSG_LEN)?, &(len as u32))?;
                many.sent += 1;
            }
            Ok(Turn::Later(Flow::Interrupted(_))) | Err(_) if many.sent > 0 => break,
            other => return end_call(cx, other, many),
        }
    }
    Ok(Flow::Done(many.sent.into()))
}
