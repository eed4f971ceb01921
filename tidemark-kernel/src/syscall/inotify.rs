//! inotify: watching files and directories.

use super::files::{AT_FDCWD, DirFd, PathAddr};
use super::{Cx, SysResult};
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::descriptors::Fd;
use crate::fs::file::FileKind;
use crate::fs::flags::OpenFlags;
use crate::fs::inotify::{Adding, Mask};
use crate::fs::node::FileType;
use crate::fs::path::MAY_READ;
use crate::wait::Flow;

/// `IN_ONLYDIR`
const ONLY_DIRECTORY: u32 = 0x0100_0000;
/// `IN_DONT_FOLLOW`
const DONT_FOLLOW: u32 = 0x0200_0000;
/// `IN_MASK_CREATE`
const MASK_CREATE: u32 = 0x1000_0000;
/// `IN_MASK_ADD`
const MASK_ADD: u32 = 0x2000_0000;
/// Every bit that may be given, those of events that come unasked included.
const KNOWN: u32 = 0xfff
    | 0xe000
    | ONLY_DIRECTORY
    | DONT_FOLLOW
    | Mask::EXCLUDE_UNLINKED.0
    | MASK_CREATE
    | MASK_ADD
    | Mask::IS_DIRECTORY.0
    | Mask::ONE_SHOT.0;

/// `inotify_init1(2)`
pub fn inotify_init1(cx: &mut Cx<'_>, flags: OpenFlags) -> SysResult {
    if flags.without(OpenFlags::CLOSE_ON_EXEC.with(OpenFlags::NON_BLOCK)) != OpenFlags(0) {
        return Err(Errno::EINVAL);
    }
    let owner = cx.process().creds.uid;
    let file = cx.sys.fs.open_inotify(owner, flags.and(OpenFlags::NON_BLOCK))?;
    let fd = cx.install(file, flags.has(OpenFlags::CLOSE_ON_EXEC))?;
    Ok(Flow::Done(fd.get().into()))
}

fn instance(cx: &mut Cx<'_>, fd: Fd) -> Result<FileId> {
    let file = cx.file(fd)?;
    match cx.sys.fs.file(file)?.kind {
        FileKind::Path => Err(Errno::EBADF),
        FileKind::Inotify(_) => Ok(file),
        _ => Err(Errno::EINVAL),
    }
}

/// `inotify_add_watch(2)`
pub fn inotify_add_watch(cx: &mut Cx<'_>, fd: i32, path: PathAddr, mask: u32) -> SysResult {
    if mask & !KNOWN != 0 || mask == 0 {
        return Err(Errno::EINVAL);
    }
    let fd = Fd::new(fd)?;
    cx.file(fd)?;
    let adding = match (mask & MASK_ADD != 0, mask & MASK_CREATE != 0) {
        (true, true) => return Err(Errno::EINVAL),
        (true, false) => Adding::Join,
        (false, true) => Adding::Fresh,
        (false, false) => Adding::Replace,
    };
    let file = instance(cx, fd)?;
    let at = cx.node_at(DirFd(AT_FDCWD), path, 0, mask & DONT_FOLLOW == 0)?;
    let parts = cx.parts()?;
    if mask & ONLY_DIRECTORY != 0 && parts.fs.kind(at)? != FileType::Directory {
        return Err(Errno::ENOTDIR);
    }
    parts.fs.check_access(&parts.who.view, parts.who.creds, at, MAY_READ)?;
    let id = parts.fs.add_watch(file, at, Mask(mask), adding)?;
    Ok(Flow::Done(id as u64))
}

/// `inotify_rm_watch(2)`
pub fn inotify_rm_watch(cx: &mut Cx<'_>, fd: Fd, wd: i32) -> SysResult {
    let file = instance(cx, fd)?;
    cx.sys.fs.remove_watch(file, wd)?;
    Ok(Flow::Done(0))
}
