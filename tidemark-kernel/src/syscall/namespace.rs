//! Ceasing to share, and namespaces, of which there is one of each kind.

use super::{Cx, SysResult};
use crate::errno::Errno;
use crate::fs::descriptors::Fd;
use crate::task::CloneFlags;
use crate::wait::Flow;

/// `CLONE_NEW…`: time, mount, cgroup, UTS, IPC, user, PID and network.
pub(super) const NAMESPACES: u64 =
    0x80 | 0x2_0000 | 0x200_0000 | 0x400_0000 | 0x800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000;

/// `unshare(2)`
pub fn unshare(cx: &mut Cx<'_>, flags: u64) -> SysResult {
    const THREAD: u64 = CloneFlags::THREAD.0 | CloneFlags::SIGHAND.0 | CloneFlags::VM.0;
    const FILES: u64 = CloneFlags::FS.0 | CloneFlags::FILES.0;
    if flags & !(NAMESPACES | THREAD | FILES | CloneFlags::SYSVSEM.0) != 0 {
        return Err(Errno::EINVAL);
    }
    let threads = cx.process().threads.len();
    if threads > 1 && flags & (THREAD | FILES) != 0 {
        // What threads share here they share for good.
        return Err(Errno::EINVAL);
    }
    if flags & NAMESPACES != 0 {
        return Err(Errno::EPERM);
    }
    if flags & CloneFlags::VM.0 != 0 && is_space_shared(cx) {
        return Err(Errno::EINVAL);
    }
    if flags & CloneFlags::FILES.0 != 0 {
        let table = cx.fd_table();
        if cx.sys.fs.fd_table_is_shared(table) {
            let copy = cx.sys.fs.clone_fd_table(table)?;
            cx.process().fd_table = Some(copy);
            // Others have it still, so this closes nothing.
            cx.sys.release_fd_table(table);
        }
    }
    if flags & CloneFlags::FS.0 != 0 {
        let context = cx.fs_context();
        let copy = cx.sys.fs.clone_context(context)?;
        cx.process().fs_context = Some(copy);
        cx.sys.release_fs_context(context);
    }
    Ok(Flow::Done(0))
}

/// `setns(2)`: no descriptor stands for a namespace, and processes have none of their own to enter.
pub fn setns(cx: &mut Cx<'_>, fd: Fd, nstype: u64) -> SysResult {
    let file = cx.file(fd)?;
    match cx.sys.fs.file(file)?.kind {
        crate::fs::file::FileKind::Process(_) if nstype & !NAMESPACES != 0 || nstype == 0 => {
            Err(Errno::EINVAL)
        }
        crate::fs::file::FileKind::Process(_) => Err(Errno::EPERM),
        _ => Err(Errno::EINVAL),
    }
}

fn is_space_shared(cx: &mut Cx<'_>) -> bool {
    let space = cx.space();
    cx.sys.mem.is_space_shared(space)
}
