//! Extended attributes (`xattr(7)`).

use super::files::{AT_FDCWD, DirFd, PathAddr};
use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::descriptors::Fd;
use crate::fs::node::Location;
use crate::wait::Flow;

/// What the owner of an extended attribute is named by.
fn xattr_node(cx: &mut Cx<'_>, path: PathAddr, follow: bool) -> Result<Location> {
    cx.node_at(DirFd(AT_FDCWD), path, 0, follow)
}

fn xattr_name(cx: &mut Cx<'_>, name: GuestAddr) -> Result<Vec<u8>> {
    let name = cx.read_cstr(name, crate::fs::attributes::MAX_XATTR_NAME + 1, Errno::ERANGE)?;
    if name.is_empty() { Err(Errno::ERANGE) } else { Ok(name) }
}

/// Writes a value or list, or only tells its length if there is no room at all.
fn give(cx: &mut Cx<'_>, bytes: &[u8], to: GuestAddr, size: u64) -> SysResult {
    if size > 0 {
        if bytes.len() as u64 > size {
            return Err(Errno::ERANGE);
        }
        cx.write_user(to, bytes)?;
    }
    Ok(Flow::Done(bytes.len() as u64))
}

fn get(cx: &mut Cx<'_>, at: Location, name: GuestAddr, value: GuestAddr, size: u64) -> SysResult {
    let name = xattr_name(cx, name)?;
    let parts = cx.parts()?;
    let bytes = parts.fs.xattr(&parts.who, at, &name)?.to_vec();
    give(cx, &bytes, value, size)
}

fn set(cx: &mut Cx<'_>, at: Location, name: GuestAddr, value: GuestAddr, size: u64, flags: u32) -> SysResult {
    const CREATE: u32 = 1;
    const REPLACE: u32 = 2;
    if flags & !(CREATE | REPLACE) != 0 {
        return Err(Errno::EINVAL);
    }
    let name = xattr_name(cx, name)?;
    let size = usize::try_from(size).ok().filter(|size| *size <= crate::fs::attributes::MAX_XATTR_VALUE);
    let mut bytes = vec![0; size.ok_or(Errno::E2BIG)?];
    cx.read_user(value, &mut bytes)?;
    let parts = cx.parts()?;
    let how = (flags & CREATE != 0, flags & REPLACE != 0);
    parts.fs.set_xattr(&parts.who, &parts.env, at, &name, &bytes, how)?;
    Ok(Flow::Done(0))
}

fn list(cx: &mut Cx<'_>, at: Location, to: GuestAddr, size: u64) -> SysResult {
    let parts = cx.parts()?;
    let names = parts.fs.xattr_names(&parts.who, at)?;
    let bytes: Vec<u8> = names.iter().flat_map(|name| name.iter().copied().chain([0])).collect();
    give(cx, &bytes, to, size)
}

fn remove(cx: &mut Cx<'_>, at: Location, name: GuestAddr) -> SysResult {
    let name = xattr_name(cx, name)?;
    let parts = cx.parts()?;
    parts.fs.remove_xattr(&parts.who, &parts.env, at, &name)?;
    Ok(Flow::Done(0))
}

fn opened(cx: &mut Cx<'_>, fd: Fd) -> Result<Location> {
    let file = cx.file(fd)?;
    cx.sys.fs.access_of(file)?;
    Ok(cx.sys.fs.file(file)?.at)
}

/// `setxattr(2)`
pub fn setxattr(
    cx: &mut Cx<'_>,
    path: PathAddr,
    name: GuestAddr,
    value: GuestAddr,
    size: u64,
    flags: u32,
) -> SysResult {
    let at = xattr_node(cx, path, true)?;
    set(cx, at, name, value, size, flags)
}

/// `lsetxattr(2)`
pub fn lsetxattr(
    cx: &mut Cx<'_>,
    path: PathAddr,
    name: GuestAddr,
    value: GuestAddr,
    size: u64,
    flags: u32,
) -> SysResult {
    let at = xattr_node(cx, path, false)?;
    set(cx, at, name, value, size, flags)
}

/// `fsetxattr(2)`
pub fn fsetxattr(
    cx: &mut Cx<'_>,
    fd: Fd,
    name: GuestAddr,
    value: GuestAddr,
    size: u64,
    flags: u32,
) -> SysResult {
    let at = opened(cx, fd)?;
    set(cx, at, name, value, size, flags)
}

/// `getxattr(2)`
pub fn getxattr(cx: &mut Cx<'_>, path: PathAddr, name: GuestAddr, value: GuestAddr, size: u64) -> SysResult {
    let at = xattr_node(cx, path, true)?;
    get(cx, at, name, value, size)
}

/// `lgetxattr(2)`
pub fn lgetxattr(cx: &mut Cx<'_>, path: PathAddr, name: GuestAddr, value: GuestAddr, size: u64) -> SysResult {
    let at = xattr_node(cx, path, false)?;
    get(cx, at, name, value, size)
}

/// `fgetxattr(2)`
pub fn fgetxattr(cx: &mut Cx<'_>, fd: Fd, name: GuestAddr, value: GuestAddr, size: u64) -> SysResult {
    let at = opened(cx, fd)?;
    get(cx, at, name, value, size)
}

/// `listxattr(2)`
pub fn listxattr(cx: &mut Cx<'_>, path: PathAddr, to: GuestAddr, size: u64) -> SysResult {
    let at = xattr_node(cx, path, true)?;
    list(cx, at, to, size)
}

/// `llistxattr(2)`
pub fn llistxattr(cx: &mut Cx<'_>, path: PathAddr, to: GuestAddr, size: u64) -> SysResult {
    let at = xattr_node(cx, path, false)?;
    list(cx, at, to, size)
}

/// `flistxattr(2)`
pub fn flistxattr(cx: &mut Cx<'_>, fd: Fd, to: GuestAddr, size: u64) -> SysResult {
    let at = opened(cx, fd)?;
    list(cx, at, to, size)
}

/// `removexattr(2)`
pub fn removexattr(cx: &mut Cx<'_>, path: PathAddr, name: GuestAddr) -> SysResult {
    let at = xattr_node(cx, path, true)?;
    remove(cx, at, name)
}

/// `lremovexattr(2)`
pub fn lremovexattr(cx: &mut Cx<'_>, path: PathAddr, name: GuestAddr) -> SysResult {
    let at = xattr_node(cx, path, false)?;
    remove(cx, at, name)
}

/// `fremovexattr(2)`
pub fn fremovexattr(cx: &mut Cx<'_>, fd: Fd, name: GuestAddr) -> SysResult {
    let at = opened(cx, fd)?;
    remove(cx, at, name)
}
