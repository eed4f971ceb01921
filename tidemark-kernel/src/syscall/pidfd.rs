//! Descriptors of processes (`pidfd_open(2)`).

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::descriptors::Fd;
use crate::fs::file::FileKind;
use crate::fs::flags::OpenFlags;
use crate::signal::SigInfo;
use crate::task::{Pid, ProcessRef, Tid};

/// `pidfd_open(2)`.
pub fn pidfd_open(cx: &mut Cx<'_>, pid: i32, flags: OpenFlags) -> SysResult {
    if flags.without(OpenFlags::NON_BLOCK) != OpenFlags(0) || pid <= 0 {
        return Err(Errno::EINVAL);
    }
    let tid = u32::try_from(pid).ok().and_then(Tid::new).ok_or(Errno::ESRCH)?;
    let process = match cx.sys.tasks.process(Pid(tid)) {
        Some(process) => process.reference(),
        // A thread that is not its process's first.
        None if cx.sys.tasks.thread(tid).is_some() => return Err(Errno::EINVAL),
        None => return Err(Errno::ESRCH),
    };
    super::event::install(cx, FileKind::Process(process), flags.with(OpenFlags::CLOSE_ON_EXEC))
}

/// The process that a descriptor stands for.
///
/// # Errors
/// `EBADF` when it stands for something else.
pub(super) fn process_of_fd(cx: &mut Cx<'_>, fd: Fd) -> Result<ProcessRef> {
    let file = cx.file(fd)?;
    match cx.sys.fs.file(file)?.kind {
        FileKind::Process(process) => Ok(process),
        _ => Err(Errno::EBADF),
    }
}

/// `pidfd_send_signal(2)`.
pub fn pidfd_send_signal(cx: &mut Cx<'_>, pidfd: Fd, sig: i32, info: GuestAddr, flags: u32) -> SysResult {
    if flags != 0 {
        return Err(Errno::EINVAL);
    }
    let reference = process_of_fd(cx, pidfd)?;
    let target = cx.sys.tasks.referred(reference).ok_or(Errno::ESRCH)?.pid;
    let info = if info.is_null() {
        let (pid, uid) = (cx.pid, cx.process().creds.uid);
        super::kill::signal_or_none(sig)?.map(|signal| SigInfo::kill(signal, Some(pid), uid))
    } else {
        let to_self = target == cx.pid;
        super::signal::queued_info(cx, sig, info, to_self)?
    };
    super::kill::send_checked(cx, target, info)
}
