//! Attributes of files as a guest reads them: the stat family, statfs, access, readlink.

use super::files::{
    AT_EMPTY_PATH, AT_NO_AUTOMOUNT, AT_REMOVEDIR as AT_EACCESS, AT_SYMLINK_NOFOLLOW, DirFd, PathAddr,
};
use super::{Cx, SysResult};
use crate::addr::{GuestAddr, PAGE_SIZE};
use crate::errno::Errno;
use crate::fs::descriptors::Fd;
use crate::fs::layer::format::{Device, Timestamp};
use crate::fs::node::{FileType, Location};
use crate::pod;
use crate::task::{Capabilities, Creds};
use crate::wait::Flow;

pod! {
    /// `struct stat` of asm-generic, 128 bytes.
    struct Stat {
        dev: u64,
        ino: u64,
        mode: u32,
        nlink: u32,
        uid: u32,
        gid: u32,
        rdev: u64,
        pad1: u64,
        size: i64,
        blksize: i32,
        pad2: i32,
        blocks: i64,
        atime: i64,
        atime_nsec: u64,
        mtime: i64,
        mtime_nsec: u64,
        ctime: i64,
        ctime_nsec: u64,
        unused: [u32; 2],
    }
}

pod! {
    /// `struct statx_timestamp`
    struct StatxTime {
        sec: i64,
        nsec: u32,
        reserved: i32,
    }
}

pod! {
    /// `struct statx`, 256 bytes.
    struct Statx {
        mask: u32,
        blksize: u32,
        attributes: u64,
        nlink: u32,
        uid: u32,
        gid: u32,
        mode: u16,
        spare0: u16,
        ino: u64,
        size: u64,
        blocks: u64,
        attributes_mask: u64,
        atime: StatxTime,
        btime: StatxTime,
        ctime: StatxTime,
        mtime: StatxTime,
        rdev_major: u32,
        rdev_minor: u32,
        dev_major: u32,
        dev_minor: u32,
        mnt_id: u64,
        dio_mem_align: u32,
        dio_offset_align: u32,
        spare3: [u64; 12],
    }
}

pod! {
    /// `struct statfs` of a 64-bit machine, 120 bytes.
    struct StatFs {
        kind: i64,
        bsize: i64,
        blocks: u64,
        bfree: u64,
        bavail: u64,
        files: u64,
        ffree: u64,
        fsid: [i32; 2],
        namelen: i64,
        frsize: i64,
        flags: i64,
        spare: [i64; 4],
    }
}

/// `st_blksize`: what programs size their buffers by.
const BLOCK_SIZE: i32 = PAGE_SIZE as i32;
/// Bytes that `st_blocks` counts in.
const SECTOR: u64 = 512;
/// `STATX_BASIC_STATS | STATX_BTIME`
const STATX_GIVEN: u32 = 0x7ff | 0x800;
/// `STATX_MNT_ID`
const STATX_MNT_ID: u32 = 0x1000;
/// `STATX__RESERVED`
const STATX_RESERVED: u32 = 0x8000_0000;
/// `AT_STATX_SYNC_TYPE`
const AT_STATX_SYNC_TYPE: u32 = 0x6000;

/// A device number as `st_dev` and `st_rdev` have it (`makedev(3)`).
pub(crate) fn encode_device(device: Device) -> u64 {
    let (major, minor) = (u64::from(device.major), u64::from(device.minor));
    (minor & 0xff) | (major & 0xfff) << 8 | (minor & !0xff) << 12 | (major & !0xfff) << 32
}

/// A device number from a guest's 32 bits.
pub(crate) fn decode_device(raw: u32) -> Device {
    Device { major: (raw >> 8) & 0xfff, minor: (raw & 0xff) | (raw >> 12) & 0xf_ff00 }
}

fn write_stat(cx: &mut Cx<'_>, buf: GuestAddr, at: Location) -> SysResult {
    cx.sys.fs.freshen(at)?;
    let attr = cx.sys.attr_of(at)?;
    let dev = encode_device(Device { major: 0, minor: cx.sys.fs.dev_minor(at) });
    let stat = Stat {
        dev,
        ino: attr.ino,
        mode: attr.mode(),
        nlink: attr.nlink,
        uid: attr.uid,
        gid: attr.gid,
        rdev: encode_device(attr.rdev),
        pad1: 0,
        size: i64::try_from(attr.size).unwrap_or(i64::MAX),
        blksize: BLOCK_SIZE,
        pad2: 0,
        blocks: (attr.allocated / SECTOR) as i64,
        atime: attr.atime.seconds,
        atime_nsec: attr.atime.nanoseconds.into(),
        mtime: attr.mtime.seconds,
        mtime_nsec: attr.mtime.nanoseconds.into(),
        ctime: attr.ctime.seconds,
        ctime_nsec: attr.ctime.nanoseconds.into(),
        unused: [0; 2],
    };
    cx.write_pod(buf, &stat)?;
    Ok(Flow::Done(0))
}

/// `fstat(2)`
pub fn fstat(cx: &mut Cx<'_>, fd: Fd, buf: GuestAddr) -> SysResult {
    let file = cx.file(fd)?;
    let at = cx.sys.fs.file(file)?.at;
    write_stat(cx, buf, at)
}

/// `newfstatat(2)`
pub fn newfstatat(cx: &mut Cx<'_>, dirfd: DirFd, path: PathAddr, buf: GuestAddr, flags: u32) -> SysResult {
    if flags & !(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    let at = cx.node_at(dirfd, path, flags, flags & AT_SYMLINK_NOFOLLOW == 0)?;
    write_stat(cx, buf, at)
}

/// `statx(2)`
pub fn statx(
    cx: &mut Cx<'_>,
    dirfd: DirFd,
    path: PathAddr,
    flags: u32,
    mask: u32,
    buf: GuestAddr,
) -> SysResult {
    let known = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE;
    if mask & STATX_RESERVED != 0 || flags & !known != 0 || flags & AT_STATX_SYNC_TYPE == AT_STATX_SYNC_TYPE {
        return Err(Errno::EINVAL);
    }
    let at = cx.node_at(dirfd, path, flags, flags & AT_SYMLINK_NOFOLLOW == 0)?;
    cx.sys.fs.freshen(at)?;
    let attr = cx.sys.attr_of(at)?;
    let time = |time: Timestamp| StatxTime { sec: time.seconds, nsec: time.nanoseconds, reserved: 0 };
    let statx = Statx {
        mask: STATX_GIVEN | mask & STATX_MNT_ID,
        blksize: BLOCK_SIZE as u32,
        attributes: 0,
        nlink: attr.nlink,
        uid: attr.uid,
        gid: attr.gid,
        mode: attr.mode() as u16,
        spare0: 0,
        ino: attr.ino,
        size: attr.size,
        blocks: attr.allocated / SECTOR,
        attributes_mask: 0,
        atime: time(attr.atime),
        btime: time(attr.btime),
        ctime: time(attr.ctime),
        mtime: time(attr.mtime),
        rdev_major: attr.rdev.major,
        rdev_minor: attr.rdev.minor,
        dev_major: 0,
        dev_minor: cx.sys.fs.dev_minor(at),
        mnt_id: at.mount.0.into(),
        dio_mem_align: 0,
        dio_offset_align: 0,
        spare3: [0; 12],
    };
    cx.write_pod(buf, &statx)?;
    Ok(Flow::Done(0))
}

fn write_statfs(cx: &mut Cx<'_>, buf: GuestAddr, at: Location) -> SysResult {
    let usage = cx.sys.mem.frames.usage();
    let summary = cx.sys.fs.statfs(at, usage)?;
    let statfs = StatFs {
        kind: summary.magic,
        bsize: summary.block_bytes as i64,
        blocks: summary.blocks,
        bfree: summary.free_blocks,
        bavail: summary.available,
        files: summary.nodes,
        ffree: summary.free_nodes,
        fsid: [summary.id as i32, 0],
        namelen: cx.sys.limits.name_bytes as i64,
        frsize: summary.block_bytes as i64,
        // ST_VALID, and ST_RDONLY where it is.
        flags: 0x20 | i64::from(summary.read_only),
        spare: [0; 4],
    };
    cx.write_pod(buf, &statfs)?;
    Ok(Flow::Done(0))
}

/// `statfs(2)`
pub fn statfs(cx: &mut Cx<'_>, path: PathAddr, buf: GuestAddr) -> SysResult {
    let at = cx.node_at(DirFd(super::files::AT_FDCWD), path, 0, true)?;
    write_statfs(cx, buf, at)
}

/// `fstatfs(2)`
pub fn fstatfs(cx: &mut Cx<'_>, fd: Fd, buf: GuestAddr) -> SysResult {
    let file = cx.file(fd)?;
    let at = cx.sys.fs.file(file)?.at;
    write_statfs(cx, buf, at)
}

/// `faccessat(2)`, which has no flags.
pub fn faccessat(cx: &mut Cx<'_>, dirfd: DirFd, path: PathAddr, mode: u32) -> SysResult {
    faccessat2(cx, dirfd, path, mode, 0)
}

/// `faccessat2(2)`
pub fn faccessat2(cx: &mut Cx<'_>, dirfd: DirFd, path: PathAddr, mode: u32, flags: u32) -> SysResult {
    if mode & !7 != 0 || flags & !(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    let follow = flags & AT_SYMLINK_NOFOLLOW == 0;
    let text = if flags & AT_EMPTY_PATH != 0 && path.0.is_null() { Vec::new() } else { cx.path(path)? };
    let base = cx.base(dirfd, &text)?;
    // Asked with the real ids, so that a set-user-id program can ask on behalf of who started it.
    let creds =
        if flags & AT_EACCESS != 0 { cx.process().creds.clone() } else { for_access(&cx.process().creds) };
    let parts = cx.parts()?;
    let who = crate::fs::path::Walker { creds: &creds, ..parts.who };
    let at = if text.is_empty() && flags & AT_EMPTY_PATH != 0 {
        base
    } else {
        parts.fs.resolve(&who, base, &text, follow)?
    };
    const W_OK: u32 = 2;
    if mode & W_OK != 0
        && matches!(parts.fs.kind(at)?, FileType::Regular | FileType::Directory | FileType::Symlink)
    {
        parts.fs.check_writable_mount(at)?;
    }
    if mode != 0 {
        parts.fs.check_access(&parts.who.view, &creds, at, mode as u16)?;
    }
    Ok(Flow::Done(0))
}

/// Credentials as if the real ids were the effective ones (`access(2)`, NOTES).
fn for_access(creds: &Creds) -> Creds {
    let effective = if creds.uid == 0 { creds.permitted } else { Capabilities::NONE };
    Creds { fsuid: creds.uid, fsgid: creds.gid, effective, ..creds.clone() }
}

/// `readlinkat(2)`
pub fn readlinkat(cx: &mut Cx<'_>, dirfd: DirFd, path: PathAddr, buf: GuestAddr, size: i32) -> SysResult {
    let size = usize::try_from(size).ok().filter(|size| *size > 0).ok_or(Errno::EINVAL)?;
    let path = cx.path(path)?;
    let base = cx.base(dirfd, &path)?;
    let parts = cx.parts()?;
    // An empty path is about a link opened with O_PATH | O_NOFOLLOW itself.
    let at = if path.is_empty() { base } else { parts.fs.resolve(&parts.who, base, &path, false)? };
    if parts.fs.kind(at)? != FileType::Symlink {
        return Err(if path.is_empty() { Errno::ENOENT } else { Errno::EINVAL });
    }
    let text = parts.fs.link_text(&parts.who, at)?;
    let len = text.len().min(size);
    cx.write_user(buf, &text[..len])?;
    Ok(Flow::Done(len as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::Pod;

    #[test]
    fn structures_have_the_sizes_of_the_abi() {
        assert_eq!((Stat::SIZE, Statx::SIZE, StatFs::SIZE), (128, 256, 120));
    }

    #[test]
    fn device_numbers_survive() {
        for (major, minor) in [(1, 3), (5, 0), (254, 0xf_ffff), (0xfff, 255)] {
            let device = Device { major, minor };
            assert_eq!(decode_device(encode_device(device) as u32), device);
        }
    }
}
