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

/// The process that is to be signalled: a descriptor's, which may also be that of an open `/proc/PID`.
fn target_of_fd(cx: &mut Cx<'_>, fd: Fd) -> Result<Pid> {
    let file = cx.file(fd)?;
    let open = cx.sys.fs.file(file)?;
    match open.kind {
        FileKind::Process(reference) => Ok(cx.sys.tasks.referred(reference).ok_or(Errno::ESRCH)?.pid),
        FileKind::Directory => {
            let pid = cx.sys.fs.process_directory(open.at).ok_or(Errno::EBADF)?;
            Ok(cx.sys.tasks.process(pid).ok_or(Errno::ESRCH)?.pid)
        }
        _ => Err(Errno::EBADF),
    }
}

/// `PIDFD_SIGNAL_THREAD_GROUP`: what is done anyhow.
const SIGNAL_PROCESS: u32 = 2;
/// `PIDFD_SIGNAL_PROCESS_GROUP`
const SIGNAL_GROUP: u32 = 4;

/// `pidfd_send_signal(2)`.
pub fn pidfd_send_signal(cx: &mut Cx<'_>, pidfd: Fd, sig: i32, info: GuestAddr, flags: u32) -> SysResult {
    if flags & !(SIGNAL_PROCESS | SIGNAL_GROUP) != 0 || flags.count_ones() > 1 {
        return Err(Errno::EINVAL);
    }
    let target = target_of_fd(cx, pidfd)?;
    if flags == SIGNAL_GROUP && info.is_null() {
        return super::kill::kill(cx, -(target.get() as i32), sig);
    }
    let info = if info.is_null() {
        let (pid, uid) = (cx.pid, cx.process().creds.uid);
        super::kill::signal_or_none(sig)?.map(|signal| SigInfo::kill(signal, Some(pid), uid))
    } else {
        let to_self = target == cx.pid;
        super::signal::queued_info(cx, sig, info, to_self)?
    };
    super::kill::send_checked(cx, target, info)
}
