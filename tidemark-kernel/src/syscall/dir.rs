//! Directories and names: making, removing, renaming, listing; the working directory; modes, owners, times.

use super::files::{
    AT_EMPTY_PATH, AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_FOLLOW, AT_SYMLINK_NOFOLLOW, DirFd, Mode, PathAddr,
    finish,
};
use super::stat::decode_device;
use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::attributes::SetTime;
use crate::fs::descriptors::Fd;
use crate::fs::file::FileKind;
use crate::fs::inotify::Mask;
use crate::fs::layer::format::Timestamp;
use crate::fs::names::Rename;
use crate::fs::node::{FileType, Location, NewNode};
use crate::limits::STEP_ITEMS;
use crate::task::Capabilities;
use crate::wait::{Entry, Flow};

fn make(cx: &mut Cx<'_>, dirfd: DirFd, path: PathAddr, new: NewNode<'_>, mode: u32) -> SysResult {
    let path = cx.path(path)?;
    let base = cx.base(dirfd, &path)?;
    let context = cx.fs_context();
    let umask = cx.sys.fs.umask(context)?;
    // A symbolic link's permissions are always all (`symlink(7)`).
    let perm = if matches!(new, NewNode::Symlink(_)) { 0o777 } else { mode as u16 & !umask };
    let parts = cx.parts()?;
    parts.fs.make(&parts.who, &parts.env, base, &path, new, perm)?;
    Ok(Flow::Done(0))
}

/// `mkdirat(2)`
pub fn mkdirat(cx: &mut Cx<'_>, dirfd: DirFd, path: PathAddr, mode: Mode) -> SysResult {
    make(cx, dirfd, path, NewNode::Directory, mode.0 & 0o1777)
}

/// `mknodat(2)`
pub fn mknodat(cx: &mut Cx<'_>, dirfd: DirFd, path: PathAddr, mode: Mode, dev: u32) -> SysResult {
    // No type at all means a regular file.
    let kind = if mode.0 & 0o170_000 == 0 { Some(FileType::Regular) } else { FileType::from_mode(mode.0) };
    let new = match kind.ok_or(Errno::EINVAL)? {
        FileType::Regular => NewNode::File,
        FileType::Char => NewNode::Char(decode_device(dev)),
        FileType::Block => NewNode::Block(decode_device(dev)),
        FileType::Fifo => NewNode::Fifo,
        FileType::Socket => NewNode::Socket,
        FileType::Directory => return Err(Errno::EPERM),
        FileType::Symlink | FileType::Anonymous => return Err(Errno::EINVAL),
    };
    make(cx, dirfd, path, new, mode.0 & 0o7777)
}

/// `symlinkat(2)`
pub fn symlinkat(cx: &mut Cx<'_>, target: PathAddr, dirfd: DirFd, path: PathAddr) -> SysResult {
    let target = cx.path(target)?;
    if target.is_empty() {
        return Err(Errno::ENOENT);
    }
    make(cx, dirfd, path, NewNode::Symlink(&target), 0o777)
}

/// `linkat(2)`
pub fn linkat(
    cx: &mut Cx<'_>,
    old_dirfd: DirFd,
    old: PathAddr,
    new_dirfd: DirFd,
    new: PathAddr,
    flags: u32,
) -> SysResult {
    if flags & !(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    if flags & AT_EMPTY_PATH != 0 && !cx.can(Capabilities::DAC_READ_SEARCH) {
        return Err(Errno::ENOENT);
    }
    let node = cx.node_at(old_dirfd, old, flags, flags & AT_SYMLINK_FOLLOW != 0)?;
    let path = cx.path(new)?;
    let base = cx.base(new_dirfd, &path)?;
    let parts = cx.parts()?;
    parts.fs.link(&parts.who, &parts.env, node, base, &path)?;
    Ok(Flow::Done(0))
}

/// `unlinkat(2)`
pub fn unlinkat(cx: &mut Cx<'_>, dirfd: DirFd, path: PathAddr, flags: u32) -> SysResult {
    if cx.entry != Entry::First {
        return finish(cx, 0);
    }
    if flags & !AT_REMOVEDIR != 0 {
        return Err(Errno::EINVAL);
    }
    let path = cx.path(path)?;
    let base = cx.base(dirfd, &path)?;
    let parts = cx.parts()?;
    parts.fs.remove(&parts.who, &parts.env, base, &path, flags & AT_REMOVEDIR != 0)?;
    finish(cx, 0)
}

/// `renameat2(2)`
pub fn renameat2(
    cx: &mut Cx<'_>,
    old_dirfd: DirFd,
    old: PathAddr,
    new_dirfd: DirFd,
    new: PathAddr,
    flags: u32,
) -> SysResult {
    if cx.entry != Entry::First {
        return finish(cx, 0);
    }
    const WHITEOUT: u32 = 4;
    let how = match flags & !WHITEOUT {
        0 => Rename::Replace,
        1 => Rename::NoReplace,
        2 if flags & WHITEOUT == 0 => Rename::Exchange,
        _ => return Err(Errno::EINVAL),
    };
    let (old, new) = (cx.path(old)?, cx.path(new)?);
    let from = cx.base(old_dirfd, &old)?;
    let to = cx.base(new_dirfd, &new)?;
    let parts = cx.parts()?;
    parts.fs.rename(&parts.who, &parts.env, (from, &old), (to, &new), how)?;
    if flags & WHITEOUT != 0 {
        // What was there is gone, unless both names are the same file's and nothing happened.
        match parts.fs.make(&parts.who, &parts.env, from, &old, NewNode::Char(decode_device(0)), 0) {
            Ok(_) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(error),
        }
    }
    finish(cx, 0)
}

/// Bytes of a `struct linux_dirent64` before its name.
const DIRENT_HEADER: usize = 19;
/// Names that one call tells at the most: keeps the hold of the lock short. Callers ask until there are none.
const MAX_NAMES: usize = STEP_ITEMS;

/// `getdents64(2)`
pub fn getdents64(cx: &mut Cx<'_>, fd: Fd, buf: GuestAddr, count: u32) -> SysResult {
    let file = cx.file(fd)?;
    let open = cx.sys.fs.file(file)?;
    match open.kind {
        FileKind::Directory => {}
        FileKind::Path => return Err(Errno::EBADF),
        _ => return Err(Errno::ENOTDIR),
    }
    let mut position = open.position;
    let room = count as usize;
    let mut bytes: Vec<u8> = Vec::with_capacity(room.min(4096));
    cx.sys.fs.fetch_names(file)?;
    let parts = cx.parts()?;
    for _ in 0..MAX_NAMES {
        let Some(entry) = parts.fs.next_of(&parts.who.view, file, position)? else { break };
        // Records are padded to eight bytes, the name's NUL included.
        let len = (DIRENT_HEADER + entry.name.len() + 1).next_multiple_of(8);
        if bytes.len() + len > room {
            if bytes.is_empty() {
                return Err(Errno::EINVAL);
            }
            break;
        }
        let start = bytes.len();
        bytes.extend_from_slice(&entry.ino.to_le_bytes());
        bytes.extend_from_slice(&entry.next.to_le_bytes());
        bytes.extend_from_slice(&(len as u16).to_le_bytes());
        bytes.push(entry.kind.dirent_type());
        bytes.extend_from_slice(&entry.name);
        bytes.resize(start + len, 0);
        position = entry.next;
    }
    cx.write_user(buf, &bytes)?;
    cx.sys.fs.file_mut(file)?.position = position;
    cx.sys.fs.notify_file(file, Mask::ACCESS);
    Ok(Flow::Done(bytes.len() as u64))
}

/// `getcwd(2)`: the length with the NUL.
pub fn getcwd(cx: &mut Cx<'_>, buf: GuestAddr, size: u64) -> SysResult {
    let context = cx.fs_context();
    let context = *cx.sys.fs.context(context)?;
    let mut path = match cx.sys.fs.path_from(context.root, context.cwd)? {
        Some(path) if path.ends_with(b" (deleted)") && cx.sys.fs.attr(context.cwd)?.nlink == 0 => {
            return Err(Errno::ENOENT);
        }
        Some(path) => path,
        // Outside of its root: what the kernel gives then is no path of the process's (`getcwd(2)`).
        None => b"(unreachable)/".to_vec(),
    };
    path.push(0);
    if path.len() as u64 > size {
        return Err(Errno::ERANGE);
    }
    cx.write_user(buf, &path)?;
    Ok(Flow::Done(path.len() as u64))
}

fn enter(cx: &mut Cx<'_>, at: Location) -> SysResult {
    let context = cx.fs_context();
    let parts = cx.parts()?;
    parts.fs.check_search(&parts.who.view, parts.who.creds, at)?;
    parts.fs.set_cwd(context, at)?;
    Ok(Flow::Done(0))
}

/// `chdir(2)`
pub fn chdir(cx: &mut Cx<'_>, path: PathAddr) -> SysResult {
    let at = cx.node_at(DirFd(AT_FDCWD), path, 0, true)?;
    enter(cx, at)
}

/// `fchdir(2)`
pub fn fchdir(cx: &mut Cx<'_>, fd: Fd) -> SysResult {
    let file = cx.file(fd)?;
    let at = cx.sys.fs.file(file)?.at;
    enter(cx, at)
}

/// `chroot(2)`
pub fn chroot(cx: &mut Cx<'_>, path: PathAddr) -> SysResult {
    let at = cx.node_at(DirFd(AT_FDCWD), path, 0, true)?;
    let context = cx.fs_context();
    let parts = cx.parts()?;
    parts.fs.check_search(&parts.who.view, parts.who.creds, at)?;
    if !parts.who.creds.can(Capabilities::SYS_CHROOT) {
        return Err(Errno::EPERM);
    }
    parts.fs.set_root(context, at)?;
    Ok(Flow::Done(0))
}

/// `umask(2)`
pub fn umask(cx: &mut Cx<'_>, mask: Mode) -> SysResult {
    let context = cx.fs_context();
    Ok(Flow::Done(cx.sys.fs.set_umask(context, (mask.0 & 0o777) as u16)?.into()))
}

/// `fchmodat(2)`, which has no flags.
pub fn fchmodat(cx: &mut Cx<'_>, dirfd: DirFd, path: PathAddr, mode: Mode) -> SysResult {
    fchmodat2(cx, dirfd, path, mode, 0)
}

/// `fchmodat2(2)`
pub fn fchmodat2(cx: &mut Cx<'_>, dirfd: DirFd, path: PathAddr, mode: Mode, flags: u32) -> SysResult {
    if flags & !(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    let at = cx.node_at(dirfd, path, flags, flags & AT_SYMLINK_NOFOLLOW == 0)?;
    let parts = cx.parts()?;
    parts.fs.set_mode(&parts.who, &parts.env, at, mode.0)?;
    Ok(Flow::Done(0))
}

/// The node of an open file that is not just a path.
fn opened(cx: &mut Cx<'_>, fd: Fd) -> Result<Location> {
    let file = cx.file(fd)?;
    cx.sys.fs.access_of(file)?;
    Ok(cx.sys.fs.file(file)?.at)
}

/// `fchmod(2)`
pub fn fchmod(cx: &mut Cx<'_>, fd: Fd, mode: Mode) -> SysResult {
    let at = opened(cx, fd)?;
    let parts = cx.parts()?;
    parts.fs.set_mode(&parts.who, &parts.env, at, mode.0)?;
    Ok(Flow::Done(0))
}

fn set_owner(cx: &mut Cx<'_>, at: Location, uid: u32, gid: u32) -> SysResult {
    // -1 leaves an id as it is.
    let given = |id: u32| (id != u32::MAX).then_some(id);
    let parts = cx.parts()?;
    parts.fs.set_owner(&parts.who, &parts.env, at, given(uid), given(gid))?;
    Ok(Flow::Done(0))
}

/// `fchownat(2)`
pub fn fchownat(cx: &mut Cx<'_>, dirfd: DirFd, path: PathAddr, uid: u32, gid: u32, flags: u32) -> SysResult {
    if flags & !(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    let at = cx.node_at(dirfd, path, flags, flags & AT_SYMLINK_NOFOLLOW == 0)?;
    set_owner(cx, at, uid, gid)
}

/// `fchown(2)`
pub fn fchown(cx: &mut Cx<'_>, fd: Fd, uid: u32, gid: u32) -> SysResult {
    let at = opened(cx, fd)?;
    set_owner(cx, at, uid, gid)
}

/// `utimensat(2)`
pub fn utimensat(cx: &mut Cx<'_>, dirfd: DirFd, path: PathAddr, times: GuestAddr, flags: u32) -> SysResult {
    const UTIME_NOW: i64 = 0x3fff_ffff;
    const UTIME_OMIT: i64 = 0x3fff_fffe;
    if flags & !(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    let (mut atime, mut mtime) = (SetTime::Now, SetTime::Now);
    if !times.is_null() {
        let [atime_s, atime_ns, mtime_s, mtime_ns]: [i64; 4] = cx.read_pod(times)?;
        let parse = |seconds: i64, nanoseconds: i64| match nanoseconds {
            UTIME_NOW => Ok(SetTime::Now),
            UTIME_OMIT => Ok(SetTime::Omit),
            0..1_000_000_000 => Ok(SetTime::At(Timestamp { seconds, nanoseconds: nanoseconds as u32 })),
            _ => Err(Errno::EINVAL),
        };
        atime = parse(atime_s, atime_ns)?;
        mtime = parse(mtime_s, mtime_ns)?;
    }
    if (atime, mtime) == (SetTime::Omit, SetTime::Omit) {
        return Ok(Flow::Done(0));
    }
    // Without a path, the descriptor itself is meant (`futimens(3)`).
    let at = if path.0.is_null() && dirfd.0 != AT_FDCWD {
        opened(cx, Fd::new(dirfd.0)?)?
    } else {
        cx.node_at(dirfd, path, flags, flags & AT_SYMLINK_NOFOLLOW == 0)?
    };
    let parts = cx.parts()?;
    parts.fs.set_times(&parts.who, &parts.env, at, atime, mtime)?;
    Ok(Flow::Done(0))
}
