//! recvfrom, recvmsg, recvmmsg, and read of a socket.

use std::sync::Arc;

use super::super::control::Room;
use super::super::io::Buffers;
use super::super::{Cx, SysResult};
use super::{
    CONTROL_LEN_AT, FLAGS_AT, MESSAGES, MMSG_LEN, MMSGHDR_BYTES, MSG_CMSG_CLOEXEC, MSG_CTRUNC, MSG_DONTWAIT,
    MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, MSG_WAITFORONE, MsgHdr, NAME_LEN_AT, Turn, buffers_of,
    end_call, kept,
};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::descriptors::Fd;
use crate::limits::STEP_BYTES;
use crate::net::message::{Envelope, Rights};
use crate::net::socket::{Kind, Sender, SocketId};
use crate::net::unix::transfer::Taking;
use crate::time::{Nanos, Timespec};
use crate::wait::{Entry, Events, Flow};

/// Bytes on their way in.
#[derive(Debug)]
struct Receiving {
    buffers: Buffers,
    flags: u32,
    /// Bytes that are in the buffers.
    done: u64,
    /// A message without open files that is being copied.
    message: Option<Vec<u8>>,
    /// Who sent what was received.
    by: Option<Sender>,
    sent_at: Option<Nanos>,
    from: Option<Arc<[u8]>>,
    /// Open files that came along; only in the entry that ends the call.
    rights: Rights,
    /// `MSG_TRUNC`, if the message was longer.
    told: u32,
}

impl Receiving {
    fn new(buffers: Buffers, flags: u32) -> Receiving {
        Receiving {
            buffers,
            flags,
            done: 0,
            message: None,
            by: None,
            sent_at: None,
            from: None,
            rights: Rights::default(),
            told: 0,
        }
    }

    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    fn is_untouched(&self) -> bool {
        self.done == 0 && self.message.is_none() && matches!(self.buffers, Buffers::One(..))
    }

    fn note(&mut self, envelope: Envelope) {
        self.by = Some(envelope.by);
        self.sent_at = envelope.sent_at;
        self.from = envelope.from;
        self.rights = envelope.rights;
    }
}

/// One entry of receiving. Once it is done, the rights are the caller's to give on.
fn turn(cx: &mut Cx<'_>, (file, socket): (FileId, SocketId), receiving: &mut Receiving) -> Result<Turn> {
    match cx.sys.fs.sockets.get(socket)?.kind() {
        Kind::Stream if receiving.has(MSG_OOB) => urgent_turn(cx, socket, receiving),
        _ if receiving.has(MSG_OOB) => Err(Errno::EOPNOTSUPP),
        Kind::Stream => stream_turn(cx, (file, socket), receiving),
        Kind::Datagram | Kind::SeqPacket => message_turn(cx, (file, socket), receiving),
    }
}

/// Receives the urgent byte of a stream. Nobody waits for one.
fn urgent_turn(cx: &mut Cx<'_>, socket: SocketId, receiving: &mut Receiving) -> Result<Turn> {
    let peek = receiving.has(MSG_PEEK);
    let parts = cx.parts()?;
    let mut env = parts.env;
    let byte = parts.fs.sockets.take_urgent(socket, peek, &mut env)?;
    let (addr, _) = receiving.buffers.at(0).ok_or(Errno::EFAULT)?;
    cx.write_user(addr, &[byte])?;
    receiving.told |= MSG_OOB;
    Ok(Turn::Done(1))
}

fn stream_turn(
    cx: &mut Cx<'_>,
    (file, socket): (FileId, SocketId),
    receiving: &mut Receiving,
) -> Result<Turn> {
    let total = receiving.buffers.total();
    let low = cx.sys.fs.sockets.get(socket)?.receive_low();
    let target = if receiving.has(MSG_WAITALL) { total } else { low.min(total) }.max(1);
    let mut budget = STEP_BYTES;
    loop {
        if budget == 0 && receiving.done < total {
            return Ok(Turn::Later(Flow::Again));
        }
        let (count, ends) = match stream_piece(cx, socket, receiving, budget) {
            Ok(piece) => piece,
            Err(_) if receiving.done > 0 => return Ok(Turn::Done(receiving.done)),
            Err(error) => return Err(error),
        };
        receiving.done += count;
        budget = budget.saturating_sub(count);
        if ends || (receiving.done >= total && total > 0) {
            return Ok(Turn::Done(receiving.done));
        }
        if count > 0 {
            continue;
        }
        // No bytes are asked for: still, there must be some (`sock_rcvlowat`).
        let some_wait = cx.sys.fs.sockets.available(socket)? > 0;
        if (total == 0 && some_wait) || receiving.done >= target {
            return Ok(Turn::Done(receiving.done));
        }
        match cx.sys.fs.sockets.at_end(socket) {
            Ok(()) => return Ok(Turn::Done(receiving.done)),
            Err(Errno::EAGAIN) => {
                return match cx.wait_for_socket(file, Events::IN, receiving.has(MSG_DONTWAIT)) {
                    Err(_) | Ok(Flow::Interrupted(_)) if receiving.done > 0 => Ok(Turn::Done(receiving.done)),
                    other => other.map(Turn::Later),
                };
            }
            Err(_) if receiving.done > 0 => return Ok(Turn::Done(receiving.done)),
            Err(error) => return Err(error),
        }
    }
}

/// Moves some bytes of a stream: how many, and whether that ends the call.
fn stream_piece(
    cx: &mut Cx<'_>,
    socket: SocketId,
    receiving: &mut Receiving,
    budget: u64,
) -> Result<(u64, bool)> {
    let ready = cx.sys.fs.sockets.available(socket).unwrap_or(0) as u64;
    let open = cx.sys.fs.sockets.get(socket)?;
    let (offset, knows_senders) = (open.peek_offset(), open.knows_senders());
    // The socket's own offset moves with each piece.
    let skip = offset.map_or(receiving.done, |offset| offset as u64);
    let peeked = if receiving.has(MSG_PEEK) { skip } else { 0 };
    let (addr, len) = receiving.buffers.at(receiving.done).unwrap_or((GuestAddr::NULL, 0));
    let mut sink = cx.user_sink(addr, len.min(budget).min(ready.saturating_sub(peeked)))?;
    let how = Taking {
        peek: receiving.has(MSG_PEEK).then_some(skip as usize),
        copied: receiving.done > 0,
        only: receiving.by.map(|by| by.ids),
        knows_senders,
    };
    let parts = cx.parts()?;
    let mut env = parts.env;
    let piece = parts.fs.sockets.take_stream(socket, &mut sink, how, &mut env)?;
    if let Some(envelope) = piece.envelope {
        receiving.note(envelope);
    }
    Ok((piece.count as u64, piece.ends))
}

fn message_turn(
    cx: &mut Cx<'_>,
    (file, socket): (FileId, SocketId),
    receiving: &mut Receiving,
) -> Result<Turn> {
    if receiving.message.is_none() {
        let (peek, dont_wait) = (receiving.has(MSG_PEEK), receiving.has(MSG_DONTWAIT));
        let dont_wait = dont_wait || cx.sys.fs.file(file)?.flags.has(crate::fs::flags::OpenFlags::NON_BLOCK);
        let parts = cx.parts()?;
        let mut env = parts.env;
        match parts.fs.sockets.take_message(socket, peek, dont_wait, &mut env) {
            Ok(Some((data, envelope))) => {
                receiving.note(envelope);
                receiving.message = Some(data);
            }
            Ok(None) => return Ok(Turn::Done(0)),
            Err(Errno::EAGAIN) => return cx.wait_for_socket(file, Events::IN, dont_wait).map(Turn::Later),
            Err(error) => return Err(error),
        }
    }
    let data = receiving.message.take().unwrap_or_default();
    let fits = receiving.buffers.total().min(data.len() as u64);
    // Open files are not kept between entries: what comes with them is copied at once.
    let step = if receiving.rights.files.is_empty() { STEP_BYTES } else { u64::MAX };
    let end = fits.min(receiving.done.saturating_add(step));
    while receiving.done < end {
        let Some((addr, len)) = receiving.buffers.at(receiving.done) else { break };
        let from = receiving.done as usize;
        let to = end.min(receiving.done.saturating_add(len)) as usize;
        cx.write_user(addr, data.get(from..to).unwrap_or_default())?;
        receiving.done = to as u64;
    }
    if receiving.done < fits {
        receiving.message = Some(data);
        return Ok(Turn::Later(Flow::Again));
    }
    let whole = data.len() as u64;
    cx.sys.fs.sockets.keep_buffer(data);
    if receiving.has(MSG_PEEK) {
        cx.sys.fs.sockets.message_peeked(socket, fits as usize)?;
    }
    if whole > fits {
        receiving.told |= MSG_TRUNC;
    }
    Ok(Turn::Done(if receiving.has(MSG_TRUNC) { whole } else { fits }))
}

/// Runs [`turn`], and makes the open files that came along the caller's; on an error they are closed.
fn turn_with_files(
    cx: &mut Cx<'_>,
    target: (FileId, SocketId),
    receiving: &mut Receiving,
) -> Result<(Turn, Vec<FileId>)> {
    let result = turn(cx, target, receiving);
    let rights = core::mem::take(&mut receiving.rights);
    let fs = &mut cx.sys.fs;
    let files = if rights.files.is_empty() {
        Vec::new()
    } else if receiving.has(MSG_PEEK) {
        fs.copy_rights(&rights)
    } else {
        fs.count_taken(target.1, &rights);
        fs.land_rights(rights)
    };
    match result {
        Ok(turn) => Ok((turn, files)),
        Err(error) => {
            files.into_iter().for_each(|file| fs.release(file));
            Err(error)
        }
    }
}

/// As [`turn_with_files`] for calls that take no control data: the files are closed.
fn plain_turn(cx: &mut Cx<'_>, target: (FileId, SocketId), receiving: &mut Receiving) -> Result<Turn> {
    let (turn, files) = turn_with_files(cx, target, receiving)?;
    files.into_iter().for_each(|file| cx.sys.fs.release(file));
    Ok(turn)
}

/// Keeps what goes on, unless the arguments tell as much.
fn end_receiving(cx: &mut Cx<'_>, turn: Result<Turn>, receiving: Receiving) -> SysResult {
    match turn {
        Ok(Turn::Later(flow)) if receiving.is_untouched() => Ok(flow),
        turn => end_call(cx, turn, receiving),
    }
}

/// `read(2)` and `readv(2)` of a socket.
pub(in super::super) fn read_socket(cx: &mut Cx<'_>, file: FileId, buffers: Buffers) -> SysResult {
    let socket = cx.sys.fs.socket_of(file)?;
    // Nothing is asked for, nothing is looked at (`sock_read_iter`).
    if buffers.total() == 0 {
        return Ok(Flow::Done(0));
    }
    let mut receiving = kept(cx).unwrap_or_else(|| Receiving::new(buffers, 0));
    let turn = plain_turn(cx, (file, socket), &mut receiving);
    end_receiving(cx, turn, receiving)
}

/// `recvfrom(2)`
pub(in super::super) fn recvfrom(
    cx: &mut Cx<'_>,
    fd: Fd,
    buf: GuestAddr,
    len: u64,
    flags: u32,
    addr: GuestAddr,
    addr_len: GuestAddr,
) -> SysResult {
    let target = cx.socket(fd)?;
    let mut receiving = kept(cx).unwrap_or_else(|| Receiving::new(Buffers::one(buf, len), flags));
    let turn = plain_turn(cx, target, &mut receiving)?;
    if matches!(turn, Turn::Done(_)) && !addr.is_null() {
        match &receiving.from {
            Some(name) => cx.return_address(addr, addr_len, Some(name))?,
            // An unnamed sender has no address at all.
            None => cx.write_pod(addr_len, &0_i32)?,
        }
    }
    end_receiving(cx, Ok(turn), receiving)
}

/// Tells the caller of `recvmsg` what came with the bytes.
fn finish(
    cx: &mut Cx<'_>,
    msg: GuestAddr,
    target: (FileId, SocketId),
    receiving: &Receiving,
    files: Vec<FileId>,
) -> Result<()> {
    let socket = cx
        .sys
        .fs
        .sockets
        .get(target.1)
        .map(|socket| (socket.stamps(), socket.kind(), socket.passes_creds(), socket.passes_pidfd()));
    let header: Result<MsgHdr> = cx.read_pod(msg);
    let (header, (stamps, kind, passes_creds, passes_pidfd)) = match (header, socket) {
        (Ok(header), Ok(socket)) => (header, socket),
        (Err(error), _) | (_, Err(error)) => {
            files.into_iter().for_each(|file| cx.sys.fs.release(file));
            return Err(error);
        }
    };
    let mut room = Room::new(header.control, header.control_len);
    let has_stamp = stamps.on && kind != Kind::Stream;
    if has_stamp && receiving.by.is_some() {
        let sent_at = receiving.sent_at.unwrap_or(cx.sys.now.realtime);
        room.put_stamp(cx, stamps, sent_at);
    }
    if passes_creds && let Some(by) = receiving.by {
        room.put_creds(cx, by.ids);
    }
    if !files.is_empty() {
        room.put_rights(cx, files, receiving.has(MSG_CMSG_CLOEXEC));
    }
    if passes_pidfd && let Some(by) = receiving.by {
        room.put_pidfd(cx, by);
    }
    let mut flags = receiving.told | receiving.flags & MSG_CMSG_CLOEXEC;
    if room.truncated {
        flags |= MSG_CTRUNC;
    }
    if !header.name.is_null() {
        if header.name_len < 0 {
            return Err(Errno::EINVAL);
        }
        let len = match &receiving.from {
            Some(name) => cx.write_address(header.name, header.name_len, Some(name))?,
            None => 0,
        };
        cx.write_pod(msg.add(NAME_LEN_AT)?, &len)?;
    }
    cx.write_pod(msg.add(FLAGS_AT)?, &flags)?;
    cx.write_pod(msg.add(CONTROL_LEN_AT)?, &room.used)
}

fn read_header(cx: &mut Cx<'_>, msg: GuestAddr, flags: u32) -> Result<Receiving> {
    let header: MsgHdr = cx.read_pod(msg)?;
    Ok(Receiving::new(buffers_of(cx, &header)?, flags))
}

/// One entry of receiving into a `struct msghdr`.
fn message_header_turn(
    cx: &mut Cx<'_>,
    target: (FileId, SocketId),
    msg: GuestAddr,
    receiving: &mut Receiving,
) -> Result<Turn> {
    let (turn, files) = turn_with_files(cx, target, receiving)?;
    if matches!(turn, Turn::Done(_)) {
        finish(cx, msg, target, receiving, files)?;
    }
    Ok(turn)
}

/// `recvmsg(2)`
pub(in super::super) fn recvmsg(cx: &mut Cx<'_>, fd: Fd, msg: GuestAddr, flags: u32) -> SysResult {
    let target = cx.socket(fd)?;
    let mut receiving = match kept(cx) {
        Some(receiving) => receiving,
        None => read_header(cx, msg, flags)?,
    };
    let turn = message_header_turn(cx, target, msg, &mut receiving);
    end_call(cx, turn, receiving)
}

/// A `recvmmsg` on its way.
struct ReceivingMany {
    received: u32,
    current: Option<Receiving>,
    /// When it ends, looked at after each message.
    until: Option<Nanos>,
}

/// `recvmmsg(2)`
pub(in super::super) fn recvmmsg(
    cx: &mut Cx<'_>,
    fd: Fd,
    list: GuestAddr,
    count: u32,
    flags: u32,
    timeout: GuestAddr,
) -> SysResult {
    /// Messages in one step.
    const STEP: u32 = 16;
    let target = cx.socket(fd)?;
    let mut many: ReceivingMany = match kept(cx) {
        Some(many) => many,
        None => {
            let after =
                if timeout.is_null() { None } else { Some(cx.read_pod::<Timespec>(timeout)?.nanos()?) };
            let until = after.map(|after| cx.now().monotonic.saturating_add(after));
            ReceivingMany { received: 0, current: None, until }
        }
    };
    let start = many.received;
    while many.received < count.min(MESSAGES) {
        if many.received - start >= STEP {
            return end_call(cx, Ok(Turn::Later(Flow::Again)), many);
        }
        let at = list.add(u64::from(many.received) * MMSGHDR_BYTES)?;
        // After the first message, MSG_WAITFORONE takes only what is there.
        let one = if many.received > 0 && flags & MSG_WAITFORONE != 0 { MSG_DONTWAIT } else { 0 };
        let receiving = match many.current.take() {
            Some(receiving) => Ok(receiving),
            None => read_header(cx, at, flags | one),
        };
        let turn = receiving.and_then(|mut receiving| {
            let turn = message_header_turn(cx, target, at, &mut receiving)?;
            many.current = Some(receiving);
            Ok(turn)
        });
        match turn {
            Ok(Turn::Done(len)) => {
                many.current = None;
                cx.progress.deadline = None;
                cx.write_pod(at.add(MMSG_LEN)?, &(len as u32))?;
                many.received += 1;
                if many.until.is_some_and(|until| until <= cx.now().monotonic) {
                    break;
                }
                // A signal or timeout that ended a wait concerns that wait only.
                if cx.entry != Entry::Signal {
                    cx.entry = Entry::Step;
                }
            }
            Ok(Turn::Later(Flow::Interrupted(_))) | Err(_) if many.received > 0 => break,
            other => return end_call(cx, other, many),
        }
    }
    if let Some(until) = many.until {
        let left = until.saturating_sub(cx.now().monotonic);
        cx.write_pod(timeout, &Timespec::new(left))?;
    }
    Ok(Flow::Done(many.received.into()))
}
