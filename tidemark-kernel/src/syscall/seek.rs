//! Offsets and sizes: lseek, truncation, allocation, and the calls that only give advice.

use super::files::{AT_FDCWD, DirFd, PathAddr, finish};
use super::{Cx, SysResult};
use crate::errno::{Errno, Result};
use crate::fs::descriptors::Fd;
use crate::fs::file::FileKind;
use crate::fs::tree::content::MAX_FILE_SIZE;
use crate::wait::{Entry, Flow};

/// `lseek(2)`
pub fn lseek(cx: &mut Cx<'_>, fd: Fd, offset: i64, whence: u32) -> SysResult {
    let file = cx.file(fd)?;
    Ok(Flow::Done(cx.sys.fs.seek(file, offset, whence)?))
}

fn length(length: i64) -> Result<u64> {
    u64::try_from(length).map_err(|_| Errno::EINVAL)
}

/// `truncate(2)`
pub fn truncate(cx: &mut Cx<'_>, path: PathAddr, len: i64) -> SysResult {
    if cx.entry != Entry::First {
        return finish(cx, 0);
    }
    let len = length(len)?;
    let at = cx.node_at(DirFd(AT_FDCWD), path, 0, true)?;
    let parts = cx.parts()?;
    let mut env = parts.env;
    let result = parts.fs.set_size(&parts.who, &mut env, at, len);
    result.inspect_err(|error| cx.sys.signal_failed_write(cx.tid, *error))?;
    finish(cx, 0)
}

/// `ftruncate(2)`
pub fn ftruncate(cx: &mut Cx<'_>, fd: Fd, len: i64) -> SysResult {
    if cx.entry != Entry::First {
        return finish(cx, 0);
    }
    let len = length(len)?;
    let file = cx.file(fd)?;
    let parts = cx.parts()?;
    let mut env = parts.env;
    let result = parts.fs.set_open_size(file, len, &mut env);
    result.inspect_err(|error| cx.sys.signal_failed_write(cx.tid, *error))?;
    finish(cx, 0)
}

/// `fallocate(2)`'s progress when only mappings are left to be changed.
const ALLOCATED: u64 = u64::MAX;

/// `fallocate(2)`
pub fn fallocate(cx: &mut Cx<'_>, fd: Fd, mode: u32, offset: i64, len: i64) -> SysResult {
    let file = cx.file(fd)?;
    let (offset, len) = (length(offset)?, length(len)?);
    let done = cx.progress.done;
    if done == ALLOCATED {
        return finish(cx, 0);
    }
    let parts = cx.parts()?;
    let mut env = parts.env;
    let result = parts.fs.allocate(file, mode, offset, len, done, &mut env);
    if let Err(error) = result
        && offset.checked_add(len).is_some_and(|end| end <= MAX_FILE_SIZE)
    {
        cx.sys.signal_failed_write(cx.tid, error);
    }
    match result? {
        Some(done) => {
            cx.progress.done = done;
            Ok(Flow::Again)
        }
        None => {
            cx.progress.done = ALLOCATED;
            finish(cx, 0)
        }
    }
}

/// `fsync(2)`, `fdatasync(2)`: memory has nothing to be written back to, files of the host's have.
pub fn fsync(cx: &mut Cx<'_>, fd: Fd) -> SysResult {
    let file = cx.file(fd)?;
    cx.sys.fs.access_of(file)?;
    cx.sys.fs.sync_file(file)?;
    match cx.sys.fs.file(file)?.kind {
        FileKind::Regular | FileKind::Directory => Ok(Flow::Done(0)),
        _ => Err(Errno::EINVAL),
    }
}

/// `syncfs(2)`
pub fn syncfs(cx: &mut Cx<'_>, fd: Fd) -> SysResult {
    let file = cx.file(fd)?;
    cx.sys.fs.access_of(file)?;
    Ok(Flow::Done(0))
}

/// `sync(2)`
pub fn sync(_cx: &mut Cx<'_>) -> SysResult {
    Ok(Flow::Done(0))
}

/// `sync_file_range(2)`
pub fn sync_file_range(cx: &mut Cx<'_>, fd: Fd, offset: i64, len: i64, flags: u32) -> SysResult {
    const KNOWN: u32 = 7;
    let file = cx.file(fd)?;
    cx.sys.fs.access_of(file)?;
    let end = length(offset)?.checked_add(length(len)?).filter(|end| *end <= i64::MAX as u64);
    if flags & !KNOWN != 0 || end.is_none() {
        return Err(Errno::EINVAL);
    }
    match cx.sys.fs.file(file)?.kind {
        FileKind::Regular | FileKind::Directory => Ok(Flow::Done(0)),
        _ => Err(Errno::ESPIPE),
    }
}

/// `posix_fadvise(2)`: all files are in memory.
pub fn fadvise64(cx: &mut Cx<'_>, fd: Fd, _offset: i64, len: i64, advice: u32) -> SysResult {
    const LAST_ADVICE: u32 = 5;
    let file = cx.file(fd)?;
    cx.sys.fs.access_of(file)?;
    if matches!(cx.sys.fs.file(file)?.kind, FileKind::Pipe(_)) {
        return Err(Errno::ESPIPE);
    }
    if len < 0 || advice > LAST_ADVICE { Err(Errno::EINVAL) } else { Ok(Flow::Done(0)) }
}

/// `readahead(2)`
pub fn readahead(cx: &mut Cx<'_>, fd: Fd, _offset: i64, _count: u64) -> SysResult {
    let file = cx.file(fd)?;
    if !cx.sys.fs.access_of(file)?.0 {
        return Err(Errno::EBADF);
    }
    match cx.sys.fs.file(file)?.kind {
        FileKind::Regular => Ok(Flow::Done(0)),
        _ => Err(Errno::EINVAL),
    }
}
