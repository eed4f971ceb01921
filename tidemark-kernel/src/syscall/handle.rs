//! File handles: `name_to_handle_at(2)`, `open_by_handle_at(2)`.

use super::files::{AT_EMPTY_PATH, AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_FOLLOW, DirFd, PathAddr};
use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::Errno;
use crate::fs::flags::OpenFlags;
use crate::fs::handle::{HANDLE_BYTES, HANDLE_TYPE};
use crate::task::Capabilities;
use crate::wait::Flow;

/// `AT_HANDLE_FID`: for comparing only; ours can do both.
const AT_HANDLE_FID: u32 = AT_REMOVEDIR;
/// `MAX_HANDLE_SZ`
const MAX_BYTES: u32 = 128;
/// Bytes of a `struct file_handle` before the handle.
const HEADER: u64 = 8;

/// `name_to_handle_at(2)`
pub fn name_to_handle_at(
    cx: &mut Cx<'_>,
    dirfd: DirFd,
    path: PathAddr,
    handle: GuestAddr,
    mount_id: GuestAddr,
    flags: u32,
) -> SysResult {
    if flags & !(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | AT_HANDLE_FID) != 0 {
        return Err(Errno::EINVAL);
    }
    let at = cx.node_at(dirfd, path, flags, flags & AT_SYMLINK_FOLLOW != 0)?;
    let bytes = cx.sys.fs.handle_of(at)?;
    let room: u32 = cx.read_pod(handle)?;
    if room > MAX_BYTES {
        return Err(Errno::EINVAL);
    }
    cx.write_pod(handle, &(HANDLE_BYTES as u32))?;
    cx.write_pod(mount_id, &at.mount.0)?;
    if (room as usize) < HANDLE_BYTES {
        return Err(Errno::EOVERFLOW);
    }
    cx.write_pod(handle.add(4)?, &HANDLE_TYPE)?;
    cx.write_user(handle.add(HEADER)?, &bytes)?;
    Ok(Flow::Done(0))
}

/// `open_by_handle_at(2)`
pub fn open_by_handle_at(cx: &mut Cx<'_>, mount_fd: i32, handle: GuestAddr, flags: OpenFlags) -> SysResult {
    if !cx.can(Capabilities::DAC_READ_SEARCH) {
        return Err(Errno::EPERM);
    }
    let on = match mount_fd {
        AT_FDCWD => {
            let context = cx.fs_context();
            cx.sys.fs.context(context)?.cwd
        }
        fd => {
            let file = cx.file(crate::fs::descriptors::Fd::new(fd)?)?;
            cx.sys.fs.file(file)?.at
        }
    };
    let [size, kind]: [u32; 2] = cx.read_pod(handle)?;
    if size == 0 || size > MAX_BYTES {
        return Err(Errno::EINVAL);
    }
    let mut bytes = [0; MAX_BYTES as usize];
    cx.read_user(handle.add(HEADER)?, &mut bytes[..size as usize])?;
    let (Some(bytes), true) = (bytes[..size as usize].first_chunk(), kind == HANDLE_TYPE as u32) else {
        return Err(Errno::ESTALE);
    };
    let at = cx.sys.fs.node_of_handle(on, bytes)?;
    let parts = cx.parts()?;
    let mut env = parts.env;
    let file = parts.fs.open_node(&parts.who, &mut env, at, flags, false)?;
    let fd = cx.install(file, flags.has(OpenFlags::CLOSE_ON_EXEC))?;
    Ok(Flow::Done(fd.get().into()))
}
