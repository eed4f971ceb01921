//! read, write and their relatives.

use super::{Cx, SysResult};
use crate::addr::{ADDRESS_LIMIT, GuestAddr};
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::descriptors::Fd;
use crate::fs::file::FileKind;
use crate::fs::flags::OpenFlags;
use crate::fs::inotify::Mask;
use crate::fs::pipe::{DEFAULT_CAPACITY, PIPE_BUF};
use crate::fs::proc::TextState;
use crate::limits::STEP_BYTES;
use crate::mem::io::{IoSink, IoSource};
use crate::tty;
use crate::wait::{Entry, Events, Flow};

/// Bytes that one call moves at the most (`read(2)`, NOTES).
const MAX_RW_COUNT: u64 = 0x7fff_f000;
/// Buffers of one vectored call (`IOV_MAX`).
const IOV_MAX: u64 = 1024;
/// `RWF_NOWAIT` of `preadv2(2)`.
const RWF_NOWAIT: u32 = 8;
/// `RWF_HIPRI`, `RWF_DSYNC`, `RWF_SYNC`: hints to storage, which this is not.
const RWF_HINTS: u32 = 1 | 2 | 4;
/// `RWF_APPEND`: this write as if the file were open with `O_APPEND`.
const RWF_APPEND: u32 = 0x10;
/// `RWF_NOAPPEND`: this write as if it were not.
const RWF_NOAPPEND: u32 = 0x20;

/// Guest buffers, in order.
#[derive(Debug)]
pub(super) enum Buffers {
    One(GuestAddr, u64),
    /// Where each starts, and how many bytes there are up to its end.
    Many(Vec<(GuestAddr, u64)>),
    /// What lay in several small ones.
    Gathered(Vec<u8>),
}

/// What a buffer costs beside its bytes, in bytes copied.
const BUFFER_COST: u64 = 512;

impl Buffers {
    /// One buffer.
    pub(super) fn one(addr: GuestAddr, len: u64) -> Buffers {
        Buffers::One(addr, len.min(MAX_RW_COUNT))
    }

    /// Reads a vector of buffers.
    ///
    /// # Errors
    /// `EFAULT`; `too_many` for more than `IOV_MAX`; `EINVAL` for a negative length.
    pub(super) fn read(cx: &mut Cx<'_>, addr: GuestAddr, count: u64, too_many: Errno) -> Result<Buffers> {
        if count > IOV_MAX {
            return Err(too_many);
        }
        let mut raw = vec![0; count as usize * 16];
        cx.read_user(addr, &mut raw)?;
        let mut list = Vec::with_capacity(count as usize);
        let mut end = 0;
        let (pairs, _) = raw.as_chunks::<16>();
        for pair in pairs {
            let (base, len) = (u128::from_le_bytes(*pair) as u64, (u128::from_le_bytes(*pair) >> 64) as u64);
            if i64::try_from(len).is_err() {
                return Err(Errno::EINVAL);
            }
            end += len.min(MAX_RW_COUNT - end);
            list.push((GuestAddr(base), end));
        }
        Ok(Buffers::Many(list))
    }

    pub(super) fn total(&self) -> u64 {
        match self {
            Buffers::One(_, len) => *len,
            Buffers::Many(list) => list.last().map_or(0, |(_, end)| *end),
            Buffers::Gathered(bytes) => bytes.len() as u64,
        }
    }

    /// The rest of the buffer that byte `done` falls into.
    pub(super) fn at(&self, done: u64) -> Option<(GuestAddr, u64)> {
        match self {
            Buffers::One(addr, len) if done < *len => {
                Some((GuestAddr(addr.0.wrapping_add(done)), len - done))
            }
            Buffers::Many(list) => {
                let index = list.partition_point(|(_, end)| *end <= done);
                let &(addr, end) = list.get(index)?;
                let start =
                    index.checked_sub(1).and_then(|before| list.get(before)).map_or(0, |(_, end)| *end);
                Some((GuestAddr(addr.0.wrapping_add(done - start)), end - done))
            }
            Buffers::One(..) | Buffers::Gathered(_) => None,
        }
    }
}

/// The buffers of a vectored call: read once, at its first entry, and kept.
fn vector(cx: &mut Cx<'_>, addr: GuestAddr, count: u64) -> Result<Buffers> {
    if let Some(kept) = cx.progress.state.take().and_then(|state| state.downcast::<Buffers>().ok()) {
        return Ok(*kept);
    }
    Buffers::read(cx, addr, count, Errno::EINVAL)
}

/// As [`vector`], for a write. What a pipe takes as one piece (`pipe(7)`, `PIPE_BUF`) is gathered first.
fn vector_to_write(cx: &mut Cx<'_>, file: FileId, addr: GuestAddr, count: u64) -> Result<Buffers> {
    let buffers = vector(cx, addr, count)?;
    let Buffers::Many(list) = &buffers else { return Ok(buffers) };
    let total = buffers.total();
    let open = cx.sys.fs.file(file)?;
    // Packets are cut from the whole, not from each buffer.
    let most = if open.flags.has(OpenFlags::DIRECT) { DEFAULT_CAPACITY } else { PIPE_BUF };
    if !matches!(open.kind, FileKind::Pipe(_)) || total > most as u64 || list.len() < 2 {
        return Ok(buffers);
    }
    let mut bytes = vec![0; total as usize];
    let mut start = 0;
    for &(addr, end) in list {
        let end = end as usize;
        cx.read_user(addr, &mut bytes[start..end])?;
        start = end;
    }
    Ok(Buffers::Gathered(bytes))
}

/// Keeps the buffers if the call goes on later.
fn keep(cx: &mut Cx<'_>, buffers: Buffers, result: SysResult) -> SysResult {
    if matches!(result, Ok(Flow::Block { .. } | Flow::Again | Flow::Shootdown | Flow::ShootdownOf(_))) {
        cx.progress.state = Some(Box::new(buffers));
    }
    result
}

fn checked_offset(offset: i64) -> Result<u64> {
    u64::try_from(offset).map_err(|_| Errno::EINVAL)
}

/// One entry of a reading call. Its end is told to who watches the file.
fn read_step(
    cx: &mut Cx<'_>,
    file: FileId,
    buffers: &Buffers,
    offset: Option<u64>,
    no_wait: bool,
) -> SysResult {
    let result = read_entry(cx, file, buffers, offset, no_wait);
    if let Ok(Flow::Done(1..)) = result {
        cx.sys.fs.notify_file(file, Mask::ACCESS);
    }
    result
}

fn read_entry(
    cx: &mut Cx<'_>,
    file: FileId,
    buffers: &Buffers,
    offset: Option<u64>,
    no_wait: bool,
) -> SysResult {
    let open = cx.sys.fs.file(file)?;
    if let FileKind::Pipe(pipe) = open.kind
        && open.readable
        && cx.progress.done == 0
        && offset.is_none()
        && let Some(packet) = cx.sys.fs.pipe(pipe)?.next_packet()
    {
        return read_packet(cx, file, buffers, packet);
    }
    if let FileKind::Terminal(terminal) = open.kind {
        if !open.readable {
            return Err(Errno::EBADF);
        }
        let total = buffers.total();
        return tty::read::read(cx, file, terminal, total, no_wait, |done| buffers.at(done));
    }
    let is_regular = matches!(open.kind, FileKind::Regular | FileKind::Text(_));
    let mut budget = STEP_BYTES;
    loop {
        let done = cx.progress.done;
        let (addr, len) = match buffers.at(done) {
            Some(buffer) => buffer,
            None if done > 0 || buffers.total() > 0 => return Ok(Flow::Done(done)),
            None => (GuestAddr::NULL, 0),
        };
        if budget == 0 {
            return Ok(Flow::Again);
        }
        let made = make_text(cx, file, offset.map(|offset| offset.saturating_add(done)))?;
        if made == TextState::Behind {
            return Ok(Flow::Again);
        }
        // Pages of the buffer that nothing will be put into are left alone.
        let hint = cx.sys.fs.read_hint(file, offset.map(|offset| offset + done));
        let wanted = len.min(budget).min(hint);
        let result = match cx.user_sink(addr, wanted) {
            Ok(mut sink) => {
                let given = sink.remaining() as u64;
                let offset = offset.map(|offset| offset.saturating_add(done));
                let parts = cx.parts()?;
                let mut env = parts.env;
                parts.fs.read(file, offset, &mut sink, &mut env).map(|count| (count, given))
            }
            Err(error) => Err(error),
        };
        match result {
            Ok((count, given)) => {
                cx.progress.done += count;
                budget = match made {
                    TextState::Made => 0,
                    _ => budget.saturating_sub(count + BUFFER_COST),
                };
                // A short read ends the call, except for a file in steps.
                if count == 0 || (count < given && !is_regular) || len == 0 {
                    return Ok(Flow::Done(cx.progress.done));
                }
            }
            Err(Errno::WALK_ON) => return Err(Errno::WALK_ON),
            Err(_) if done > 0 => return Ok(Flow::Done(done)),
            Err(Errno::EAGAIN) if no_wait => return Err(Errno::EAGAIN),
            Err(Errno::EAGAIN) => return cx.wait_for(file, Events::IN),
            Err(error) => return Err(error),
        }
    }
}

/// Reads one packet of a pipe into the buffers; what they have no room for is lost (`pipe2(2)`, `O_DIRECT`).
fn read_packet(cx: &mut Cx<'_>, file: FileId, buffers: &Buffers, packet: usize) -> SysResult {
    let fits = usize::try_from(buffers.total()).unwrap_or(usize::MAX).min(packet);
    let mut bytes = vec![0; fits];
    let parts = cx.parts()?;
    let mut env = parts.env;
    let mut sink = IoSink::Kernel { ram: env.frames.ram(), buffer: &mut bytes };
    parts.fs.read(file, None, &mut sink, &mut env)?;
    let mut done = 0;
    while done < fits {
        let Some((addr, run)) = buffers.at(done as u64) else { break };
        let end = fits.min(done + usize::try_from(run).unwrap_or(usize::MAX));
        cx.write_user(addr, bytes.get(done..end).unwrap_or_default())?;
        done = end;
    }
    Ok(Flow::Done(done as u64))
}

/// Texts of procfs are made when they are read.
fn make_text(cx: &mut Cx<'_>, file: FileId, offset: Option<u64>) -> Result<TextState> {
    let position = offset.unwrap_or(cx.sys.fs.file(file)?.position);
    cx.sys.make_text(file, position, Some((cx.pid, cx.tid)))
}

/// Longest text that a file of procfs takes, in bytes.
const MAX_TEXT: u64 = 4096;

/// What is written to a file of procfs goes there as a whole.
fn write_text(cx: &mut Cx<'_>, file: FileId, buffers: &Buffers, offset: Option<u64>) -> SysResult {
    let (addr, len) = buffers.at(0).unwrap_or((GuestAddr::NULL, 0));
    let mut bytes = vec![0; len.min(MAX_TEXT) as usize];
    cx.read_user(addr, &mut bytes)?;
    let position = offset.unwrap_or(cx.sys.fs.file(file)?.position);
    let taken = cx.sys.write_text(file, (cx.pid, cx.tid), position, &bytes)? as u64;
    if offset.is_none() {
        cx.sys.fs.set_own_offset(file, position.saturating_add(taken))?;
    }
    // What is longer than any setting was taken as a whole.
    Ok(Flow::Done(if taken == MAX_TEXT { len } else { taken }))
}

/// One entry of a writing call. Its end is told to who watches the file.
fn write_step(
    cx: &mut Cx<'_>,
    file: FileId,
    buffers: &Buffers,
    offset: Option<u64>,
    no_wait: bool,
) -> SysResult {
    let result = write_entry(cx, file, buffers, offset, no_wait);
    if let Ok(Flow::Done(1..)) = result {
        cx.sys.fs.notify_file(file, Mask::MODIFY);
    }
    result
}

fn write_entry(
    cx: &mut Cx<'_>,
    file: FileId,
    buffers: &Buffers,
    offset: Option<u64>,
    no_wait: bool,
) -> SysResult {
    let total = buffers.total();
    let open = cx.sys.fs.file(file)?;
    if matches!(open.kind, FileKind::Text(_)) && open.writable {
        return write_text(cx, file, buffers, offset);
    }
    let mut budget = STEP_BYTES;
    if let FileKind::Terminal(terminal) = open.kind
        && open.writable
    {
        budget = tty::limits::STEP_BYTES;
        if let Some(flow) = tty::read::check_write(cx, terminal)? {
            return Ok(flow);
        }
    }
    loop {
        let done = cx.progress.done;
        let (addr, len) = match (buffers.at(done), buffers) {
            (Some(buffer), _) => buffer,
            (None, Buffers::Gathered(bytes)) if done < total => (GuestAddr::NULL, bytes.len() as u64),
            (None, _) if done > 0 || total > 0 => return Ok(Flow::Done(done)),
            (None, _) => (GuestAddr::NULL, 0),
        };
        if budget == 0 {
            return Ok(Flow::Again);
        }
        let source = match buffers {
            Buffers::Gathered(bytes) => {
                let buffer = bytes.get(done as usize..).unwrap_or_default();
                Ok(IoSource::Kernel { ram: cx.sys.mem.frames.ram(), buffer })
            }
            _ => cx.user_source(addr, len.min(budget)),
        };
        let result = match source {
            Ok(mut source) => {
                let offset = offset.map(|offset| offset.saturating_add(done));
                let total = usize::try_from(total).unwrap_or(usize::MAX);
                let parts = cx.parts()?;
                let mut env = parts.env;
                parts.fs.write(file, offset, &mut source, total, &mut env)
            }
            Err(error) => Err(error),
        };
        match result {
            Ok(count) => {
                cx.progress.done += count;
                budget = budget.saturating_sub(count + BUFFER_COST);
                if count == 0 || len == 0 {
                    return Ok(Flow::Done(cx.progress.done));
                }
            }
            Err(Errno::EAGAIN) if cx.entry == Entry::Signal && done > 0 => return Ok(Flow::Done(done)),
            Err(Errno::EAGAIN) if no_wait => {
                return if done > 0 { Ok(Flow::Done(done)) } else { Err(Errno::EAGAIN) };
            }
            Err(Errno::EAGAIN) => {
                return match cx.wait_for(file, Events::OUT) {
                    Err(Errno::EAGAIN) if done > 0 => Ok(Flow::Done(done)),
                    other => other,
                };
            }
            Err(Errno::WALK_ON) => return Err(Errno::WALK_ON),
            Err(error) => {
                if done > 0 && error != Errno::EPIPE {
                    return Ok(Flow::Done(done));
                }
                cx.sys.signal_failed_write(cx.tid, error);
                return if done > 0 { Ok(Flow::Done(done)) } else { Err(error) };
            }
        }
    }
}

fn is_socket(cx: &Cx<'_>, file: FileId) -> Result<bool> {
    Ok(matches!(cx.sys.fs.file(file)?.kind, FileKind::Socket(_)))
}

/// The buffers of a vectored call on a socket: a transfer that goes on has kept its own.
fn socket_vector(cx: &mut Cx<'_>, addr: GuestAddr, count: u64) -> Result<Buffers> {
    if cx.progress.state.is_some() {
        return Ok(Buffers::one(GuestAddr::NULL, 0));
    }
    Buffers::read(cx, addr, count, Errno::EINVAL)
}

/// The one buffer of a call. That it lies where programs may is looked at first, whatever there is to be moved
/// (`access_ok`).
fn one_buffer(cx: &Cx<'_>, file: FileId, buf: GuestAddr, count: u64, writes: bool) -> Result<Buffers> {
    let open = cx.sys.fs.file(file)?;
    let is_open_for_it = if writes { open.writable } else { open.readable };
    let fits = buf.0.checked_add(count).is_some_and(|end| end <= ADDRESS_LIMIT);
    if is_open_for_it && !fits { Err(Errno::EFAULT) } else { Ok(Buffers::one(buf, count)) }
}

/// `read(2)`
pub fn read(cx: &mut Cx<'_>, fd: Fd, buf: GuestAddr, count: u64) -> SysResult {
    let file = cx.file(fd)?;
    if let FileKind::Signals(mask) = cx.sys.fs.file(file)?.kind {
        return super::event::read_signals(cx, file, mask, buf, count);
    }
    let buffers = one_buffer(cx, file, buf, count, false)?;
    if is_socket(cx, file)? {
        return super::message::read_socket(cx, file, buffers);
    }
    read_step(cx, file, &buffers, None, false)
}

/// `write(2)`
pub fn write(cx: &mut Cx<'_>, fd: Fd, buf: GuestAddr, count: u64) -> SysResult {
    let file = cx.file(fd)?;
    let buffers = one_buffer(cx, file, buf, count, true)?;
    if is_socket(cx, file)? {
        return super::message::write_socket(cx, file, buffers);
    }
    write_step(cx, file, &buffers, None, false)
}

/// `pread64(2)`
pub fn pread64(cx: &mut Cx<'_>, fd: Fd, buf: GuestAddr, count: u64, offset: i64) -> SysResult {
    let offset = checked_offset(offset)?;
    let file = cx.file(fd)?;
    cx.sys.fs.check_seekable(file)?;
    let buffers = one_buffer(cx, file, buf, count, false)?;
    read_step(cx, file, &buffers, Some(offset), false)
}

/// `pwrite64(2)`
pub fn pwrite64(cx: &mut Cx<'_>, fd: Fd, buf: GuestAddr, count: u64, offset: i64) -> SysResult {
    let offset = checked_offset(offset)?;
    let file = cx.file(fd)?;
    cx.sys.fs.check_seekable(file)?;
    let buffers = one_buffer(cx, file, buf, count, true)?;
    write_step(cx, file, &buffers, Some(offset), false)
}

/// `readv(2)`
pub fn readv(cx: &mut Cx<'_>, fd: Fd, iov: GuestAddr, count: u64) -> SysResult {
    let file = cx.file(fd)?;
    if is_socket(cx, file)? {
        let buffers = socket_vector(cx, iov, count)?;
        return super::message::read_socket(cx, file, buffers);
    }
    let buffers = vector(cx, iov, count)?;
    let result = read_step(cx, file, &buffers, None, false);
    keep(cx, buffers, result)
}

/// `writev(2)`
pub fn writev(cx: &mut Cx<'_>, fd: Fd, iov: GuestAddr, count: u64) -> SysResult {
    let file = cx.file(fd)?;
    if is_socket(cx, file)? {
        let buffers = socket_vector(cx, iov, count)?;
        return super::message::write_socket(cx, file, buffers);
    }
    let buffers = vector_to_write(cx, file, iov, count)?;
    let result = write_step(cx, file, &buffers, None, false);
    keep(cx, buffers, result)
}

/// `preadv(2)`; the offset's high half is for 32-bit machines.
pub fn preadv(cx: &mut Cx<'_>, fd: Fd, iov: GuestAddr, count: u64, offset: i64, high: u64) -> SysResult {
    preadv2(cx, fd, iov, count, checked_offset(offset)? as i64, high, 0)
}

/// `pwritev(2)`
pub fn pwritev(cx: &mut Cx<'_>, fd: Fd, iov: GuestAddr, count: u64, offset: i64, high: u64) -> SysResult {
    pwritev2(cx, fd, iov, count, checked_offset(offset)? as i64, high, 0)
}

/// `preadv2(2)`: offset -1 is the file's own.
pub fn preadv2(
    cx: &mut Cx<'_>,
    fd: Fd,
    iov: GuestAddr,
    count: u64,
    offset: i64,
    _high: u64,
    flags: u32,
) -> SysResult {
    let (file, offset) = vectored(cx, fd, offset, flags)?;
    let buffers = vector(cx, iov, count)?;
    let result = read_step(cx, file, &buffers, offset, flags & RWF_NOWAIT != 0);
    keep(cx, buffers, result)
}

/// `pwritev2(2)`: offset -1 is the file's own.
pub fn pwritev2(
    cx: &mut Cx<'_>,
    fd: Fd,
    iov: GuestAddr,
    count: u64,
    offset: i64,
    _high: u64,
    flags: u32,
) -> SysResult {
    let (file, offset) = vectored(cx, fd, offset, flags & !(RWF_APPEND | RWF_NOAPPEND))?;
    let buffers = vector_to_write(cx, file, iov, count)?;
    // For the length of this write the file is in the mode asked for.
    let own = cx.sys.fs.file(file)?.flags;
    let asked = match flags & (RWF_APPEND | RWF_NOAPPEND) {
        RWF_APPEND => own.with(OpenFlags::APPEND),
        RWF_NOAPPEND => own.without(OpenFlags::APPEND),
        0 => own,
        _ => return Err(Errno::EINVAL),
    };
    cx.sys.fs.file_mut(file)?.flags = asked;
    let result = write_step(cx, file, &buffers, offset, flags & RWF_NOWAIT != 0);
    cx.sys.fs.file_mut(file)?.flags = own;
    keep(cx, buffers, result)
}

fn vectored(cx: &mut Cx<'_>, fd: Fd, offset: i64, flags: u32) -> Result<(FileId, Option<u64>)> {
    if flags & !(RWF_NOWAIT | RWF_HINTS) != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let offset = if offset == -1 { None } else { Some(checked_offset(offset)?) };
    let file = cx.file(fd)?;
    if offset.is_some() {
        cx.sys.fs.check_seekable(file)?;
    }
    Ok((file, offset))
}

/// `vmsplice(2)`: what pages would lend is copied.
pub fn vmsplice(cx: &mut Cx<'_>, fd: Fd, iov: GuestAddr, nr_segs: u64, flags: u32) -> SysResult {
    /// `SPLICE_F_NONBLOCK`
    const NONBLOCK: u32 = 2;
    /// All `SPLICE_F_…`
    const KNOWN: u32 = 15;
    if flags & !KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    let file = cx.file(fd)?;
    let open = cx.sys.fs.file(file)?;
    let writable = open.writable;
    if !matches!(open.kind, FileKind::Pipe(_)) {
        return Err(Errno::EBADF);
    }
    let no_wait = flags & NONBLOCK != 0;
    let buffers = if writable { vector_to_write(cx, file, iov, nr_segs)? } else { vector(cx, iov, nr_segs)? };
    if buffers.total() == 0 {
        return Ok(Flow::Done(0));
    }
    let result = match writable {
        true => write_step(cx, file, &buffers, None, no_wait),
        false => read_step(cx, file, &buffers, None, no_wait),
    };
    keep(cx, buffers, result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_in_the_buffer_it_falls_into() {
        // Lengths 3, 0, 0, 2.
        let many = Buffers::Many(vec![
            (GuestAddr(100), 3),
            (GuestAddr(200), 3),
            (GuestAddr(300), 3),
            (GuestAddr(400), 5),
        ]);
        assert_eq!(many.total(), 5);
        let at: Vec<_> = (0..6).map(|done| many.at(done).map(|(addr, len)| (addr.0, len))).collect();
        let expected = [Some((100, 3)), Some((101, 2)), Some((102, 1)), Some((400, 2)), Some((401, 1)), None];
        assert_eq!(at, expected);
        assert_eq!(Buffers::Many(Vec::new()).at(0), None);
    }
}
