//! Copying between descriptors: sendfile, splice, tee, copy_file_range.
//!
//! The bytes go through a buffer of the kernel, a part of a step's worth at a time.

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::descriptors::Fd;
use crate::fs::file::FileKind;
use crate::fs::flags::OpenFlags;
use crate::fs::inotify::Mask;
use crate::fs::pipe::PipeId;
use crate::fs::proc::TextState;
use crate::mem::io::{IoSink, IoSource};
use crate::wait::{Entry, Events, Flow, Restart};

/// Bytes copied in one step: each is copied twice.
const STEP: u64 = 32 << 10;
/// `SPLICE_F_NONBLOCK`
const NONBLOCK: u32 = 2;
/// All `SPLICE_F_…`
const KNOWN: u32 = 15;

/// One side of a copy: a file, and the place in it if that is not its own offset.
#[derive(Clone, Copy)]
struct Side {
    file: FileId,
    offset: Option<u64>,
}

impl Side {
    fn after(self, done: u64) -> Option<u64> {
        self.offset.map(|offset| offset.saturating_add(done))
    }
}

/// What one step of copying came to.
enum Step {
    Copied(u64),
    /// The source is at its end.
    End,
    /// What is copied is still to be made.
    NotYet,
    /// Nothing can be read from the first, or written to the second, at the moment.
    NotReady(FileId, Events),
}

/// An offset that a pointer gives; null is the file's own.
fn read_offset(cx: &mut Cx<'_>, addr: GuestAddr) -> Result<Option<u64>> {
    if addr.is_null() {
        return Ok(None);
    }
    let offset: i64 = cx.read_pod(addr)?;
    u64::try_from(offset).map(Some).map_err(|_| Errno::EINVAL)
}

fn write_offset(cx: &mut Cx<'_>, addr: GuestAddr, side: Side, done: u64) -> Result<()> {
    match side.after(done) {
        Some(offset) if !addr.is_null() => cx.write_pod(addr, &offset),
        _ => Ok(()),
    }
}

fn copy_step(cx: &mut Cx<'_>, from: Side, to: Side, done: u64, limit: u64) -> Result<Step> {
    let (pid, tid) = (cx.pid, cx.tid);
    let source = cx.sys.fs.file(from.file)?;
    let start = from.after(done).unwrap_or(source.position);
    if cx.sys.make_text(from.file, start, Some((pid, tid)))? == TextState::Behind {
        return Ok(Step::NotYet);
    }
    let nothing_comes = match pipe_of(cx, from.file)? {
        Some(pipe) => cx.sys.fs.pipe(pipe)?.len() == 0,
        None => cx.sys.fs.read_hint(from.file, from.after(done)) == 0,
    };
    let file_limit = if nothing_comes { u64::MAX } else { cx.sys.file_limit(tid) };
    let fs = &cx.sys.fs;
    let room = fs.room(to.file, to.after(done), file_limit)?;
    if room == 0 {
        return Ok(Step::NotReady(to.file, Events::OUT));
    }
    let wanted = limit.min(STEP).min(room).min(fs.read_hint(from.file, from.after(done)).max(1));
    let mut buffer = vec![0; wanted as usize];
    let parts = cx.parts()?;
    let mut env = parts.env;
    let ram = env.frames.ram();
    let mut sink = IoSink::Kernel { ram, buffer: &mut buffer };
    // A file's own offset moves only by what was also written.
    let at = from.after(done).or(parts.fs.own_offset(from.file)?);
    let read = match parts.fs.read(from.file, at, &mut sink, &mut env) {
        Ok(0) => return Ok(Step::End),
        Ok(read) => read,
        Err(Errno::EAGAIN) => return Ok(Step::NotReady(from.file, Events::IN)),
        Err(error) => return Err(error),
    };
    let mut rest = IoSource::Kernel { ram, buffer: &buffer[..read as usize] };
    let written = parts.fs.write(to.file, to.after(done), &mut rest, read as usize, &mut env)?;
    if from.offset.is_none()
        && let Some(at) = at
    {
        parts.fs.set_own_offset(from.file, at + written)?;
    }
    Ok(Step::Copied(written))
}

/// Copies until `total` bytes are done or the source ends; `whole` calls go on in steps, others stop after one.
fn copy(cx: &mut Cx<'_>, from: Side, to: Side, total: u64, no_wait: bool, whole: bool) -> SysResult {
    let result = copy_entry(cx, from, to, total, no_wait, whole);
    if let Ok(Flow::Done(1..)) = result {
        cx.sys.fs.notify_file(from.file, Mask::ACCESS);
        cx.sys.fs.notify_file(to.file, Mask::MODIFY);
    }
    result
}

fn copy_entry(cx: &mut Cx<'_>, from: Side, to: Side, total: u64, no_wait: bool, whole: bool) -> SysResult {
    let done = cx.progress.done;
    let result = if done >= total { Ok(Step::End) } else { copy_step(cx, from, to, done, total - done) };
    match result {
        Ok(Step::Copied(count)) => {
            cx.progress.done += count;
            if whole && cx.progress.done < total { Ok(Flow::Again) } else { Ok(Flow::Done(cx.progress.done)) }
        }
        Ok(Step::End) => Ok(Flow::Done(done)),
        Ok(Step::NotYet) => Ok(Flow::Again),
        Ok(Step::NotReady(..)) if done > 0 => Ok(Flow::Done(done)),
        Ok(Step::NotReady(..)) if no_wait => Err(Errno::EAGAIN),
        Ok(Step::NotReady(file, events)) => cx.wait_for(file, events),
        Err(Errno::WALK_ON) => Err(Errno::WALK_ON),
        Err(_) if done > 0 => Ok(Flow::Done(done)),
        Err(error) => {
            cx.sys.signal_failed_write(cx.tid, error);
            Err(error)
        }
    }
}

fn readable(cx: &mut Cx<'_>, fd: Fd) -> Result<FileId> {
    let file = cx.file(fd)?;
    if cx.sys.fs.access_of(file)?.0 { Ok(file) } else { Err(Errno::EBADF) }
}

fn writable(cx: &mut Cx<'_>, fd: Fd) -> Result<FileId> {
    let file = cx.file(fd)?;
    if cx.sys.fs.access_of(file)?.1 { Ok(file) } else { Err(Errno::EBADF) }
}

fn pipe_of(cx: &Cx<'_>, file: FileId) -> Result<Option<PipeId>> {
    Ok(match cx.sys.fs.file(file)?.kind {
        FileKind::Pipe(pipe) => Some(pipe),
        _ => None,
    })
}

/// `sendfile(2)`
pub fn sendfile(cx: &mut Cx<'_>, out_fd: Fd, in_fd: Fd, offset: GuestAddr, count: u64) -> SysResult {
    const MAX_COUNT: u64 = 0x7fff_f000;
    let source = readable(cx, in_fd)?;
    let target = writable(cx, out_fd)?;
    if !offset.is_null() {
        cx.sys.fs.check_seekable(source)?;
    }
    let open = cx.sys.fs.file(source)?;
    if !matches!(open.kind, FileKind::Regular | FileKind::Text(_) | FileKind::Device(_)) {
        return Err(if offset.is_null() { Errno::EINVAL } else { Errno::ESPIPE });
    }
    if cx.sys.fs.file(target)?.flags.has(OpenFlags::APPEND) {
        return Err(Errno::EINVAL);
    }
    // The offset was read at the first entry and is written at the end, so it is still what it was.
    let from = Side { file: source, offset: read_offset(cx, offset)? };
    let to = Side { file: target, offset: None };
    let flow = copy(cx, from, to, count.min(MAX_COUNT), false, true)?;
    if let Flow::Done(done) = flow {
        write_offset(cx, offset, from, done)?;
    }
    Ok(flow)
}

/// `splice(2)`
pub fn splice(
    cx: &mut Cx<'_>,
    fd_in: Fd,
    off_in: GuestAddr,
    fd_out: Fd,
    off_out: GuestAddr,
    len: u64,
    flags: u32,
) -> SysResult {
    if flags & !KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    let (source, target) = (readable(cx, fd_in)?, writable(cx, fd_out)?);
    let (pipe_in, pipe_out) = (pipe_of(cx, source)?, pipe_of(cx, target)?);
    if (pipe_in.is_some() && !off_in.is_null()) || (pipe_out.is_some() && !off_out.is_null()) {
        return Err(Errno::ESPIPE);
    }
    // What is taken out of a pipe could not be put back if the host does not take it.
    let is_hosted = cx.sys.fs.file(target)?.handle.is_some();
    if pipe_in == pipe_out || is_hosted || cx.sys.fs.file(target)?.flags.has(OpenFlags::APPEND) {
        return Err(Errno::EINVAL);
    }
    let from = Side { file: source, offset: read_offset(cx, off_in)? };
    let to = Side { file: target, offset: read_offset(cx, off_out)? };
    for (side, pipe) in [(from, pipe_in), (to, pipe_out)] {
        if pipe.is_none() && side.offset.is_some() {
            cx.sys.fs.check_seekable(side.file)?;
        }
    }
    let flow = copy(cx, from, to, len, flags & NONBLOCK != 0, false)?;
    if let Flow::Done(done) = flow {
        write_offset(cx, off_in, from, done)?;
        write_offset(cx, off_out, to, done)?;
    }
    Ok(flow)
}

/// `tee(2)`
pub fn tee(cx: &mut Cx<'_>, fd_in: Fd, fd_out: Fd, len: u64, flags: u32) -> SysResult {
    if flags & !KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    let (source, target) = (readable(cx, fd_in)?, writable(cx, fd_out)?);
    let (Some(from), Some(to)) = (pipe_of(cx, source)?, pipe_of(cx, target)?) else {
        return Err(Errno::EINVAL);
    };
    if from == to {
        return Err(Errno::EINVAL);
    }
    match cx.sys.fs.tee(from, to, len.min(STEP) as usize, &mut cx.sys.woken) {
        Ok(done) => Ok(Flow::Done(done as u64)),
        Err(Errno::EAGAIN) if flags & NONBLOCK != 0 => Err(Errno::EAGAIN),
        Err(Errno::EAGAIN) if cx.entry == Entry::Signal => Ok(Flow::Interrupted(Restart::System)),
        Err(Errno::EAGAIN) if cx.sys.fs.pipe(from)?.len() == 0 => cx.wait_for(source, Events::IN),
        Err(Errno::EAGAIN) => cx.wait_for(target, Events::OUT),
        Err(error) => {
            cx.sys.signal_failed_write(cx.tid, error);
            Err(error)
        }
    }
}

/// `copy_file_range(2)`
pub fn copy_file_range(
    cx: &mut Cx<'_>,
    fd_in: Fd,
    off_in: GuestAddr,
    fd_out: Fd,
    off_out: GuestAddr,
    len: u64,
    flags: u32,
) -> SysResult {
    if flags != 0 {
        return Err(Errno::EINVAL);
    }
    let (source, target) = (readable(cx, fd_in)?, writable(cx, fd_out)?);
    for file in [source, target] {
        match cx.sys.fs.file(file)?.kind {
            FileKind::Regular => {}
            FileKind::Directory => return Err(Errno::EISDIR),
            _ => return Err(Errno::EINVAL),
        }
    }
    if cx.sys.fs.file(target)?.flags.has(OpenFlags::APPEND) {
        return Err(Errno::EBADF);
    }
    let from = Side { file: source, offset: read_offset(cx, off_in)? };
    let to = Side { file: target, offset: read_offset(cx, off_out)? };
    let (open_in, open_out) = (cx.sys.fs.file(source)?, cx.sys.fs.file(target)?);
    // As Linux has it of file systems that cannot copy by themselves.
    if open_in.at.mount != open_out.at.mount {
        return Err(Errno::EXDEV);
    }
    let same = open_in.at == open_out.at;
    let mut len = len;
    if same && cx.entry == Entry::First {
        let (a, b) = (from.offset.unwrap_or(open_in.position), to.offset.unwrap_or(open_out.position));
        // What lies behind the end is not copied, so it overlaps with nothing (`generic_copy_file_checks`).
        len = len.min(cx.sys.fs.file_size(source)?.saturating_sub(a));
        if a < b.saturating_add(len) && b < a.saturating_add(len) {
            return Err(Errno::EINVAL);
        }
    }
    // The end is where it was at first: later it has moved, and so have the files' own offsets.
    if same {
        match cx.progress.state.as_ref().and_then(|state| state.downcast_ref::<u64>()) {
            Some(first) => len = *first,
            None => cx.progress.state = Some(Box::new(len)),
        }
    }
    let flow = copy(cx, from, to, len, false, true)?;
    if let Flow::Done(done) = flow {
        write_offset(cx, off_in, from, done)?;
        write_offset(cx, off_out, to, done)?;
    }
    Ok(flow)
}
