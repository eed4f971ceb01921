//! Processes and threads: ids, groups, sessions, exit.

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::status::ExitStatus;
use crate::task::{Pid, Tid};
use crate::wait::Flow;

fn done(value: u32) -> SysResult {
    Ok(Flow::Done(u64::from(value)))
}

/// `getpid(2)`.
pub fn getpid(cx: &mut Cx<'_>) -> SysResult {
    done(cx.pid.get())
}

/// `getppid(2)`.
pub fn getppid(cx: &mut Cx<'_>) -> SysResult {
    done(cx.process().parent.map_or(0, Pid::get))
}

/// `gettid(2)`.
pub fn gettid(cx: &mut Cx<'_>) -> SysResult {
    done(cx.tid.get())
}

/// `set_tid_address(2)`.
pub fn set_tid_address(cx: &mut Cx<'_>, tidptr: GuestAddr) -> SysResult {
    cx.thread().clear_child_tid = tidptr;
    done(cx.tid.get())
}

/// `exit(2)`: ends the thread.
pub fn exit(cx: &mut Cx<'_>, status: i32) -> SysResult {
    cx.sys.begin_thread_exit(cx.tid, status as u8);
    Ok(Flow::NoReturn)
}

/// `exit_group(2)`: ends the process.
pub fn exit_group(cx: &mut Cx<'_>, status: i32) -> SysResult {
    cx.sys.begin_group_exit(cx.tid, ExitStatus::Code(status as u8));
    Ok(Flow::NoReturn)
}

/// A process by number; 0 is the caller.
///
/// # Errors
/// `ESRCH` when there is none.
pub(super) fn process_or_self(cx: &Cx<'_>, pid: i32) -> Result<Pid> {
    let pid = match pid {
        0 => cx.pid,
        pid => Pid(u32::try_from(pid).ok().and_then(Tid::new).ok_or(Errno::ESRCH)?),
    };
    match cx.sys.tasks.process(pid) {
        Some(_) => Ok(pid),
        None => cx.sys.tasks.thread(pid.0).map(|thread| thread.pid).ok_or(Errno::ESRCH),
    }
}

/// `getpgid(2)`.
pub fn getpgid(cx: &mut Cx<'_>, pid: i32) -> SysResult {
    let pid = process_or_self(cx, pid)?;
    done(cx.sys.tasks.process(pid).ok_or(Errno::ESRCH)?.group.get())
}

/// `getsid(2)`.
pub fn getsid(cx: &mut Cx<'_>, pid: i32) -> SysResult {
    let pid = process_or_self(cx, pid)?;
    done(cx.sys.tasks.process(pid).ok_or(Errno::ESRCH)?.session.get())
}

/// `setpgid(2)`.
pub fn setpgid(cx: &mut Cx<'_>, pid: i32, pgid: i32) -> SysResult {
    if pgid < 0 {
        return Err(Errno::EINVAL);
    }
    let target = process_or_self(cx, pid)?;
    let group = match pgid {
        0 => target,
        pgid => Pid(u32::try_from(pgid).ok().and_then(Tid::new).ok_or(Errno::EPERM)?),
    };
    cx.sys.set_group(cx.pid, target, group)?;
    done(0)
}

/// `setsid(2)`.
pub fn setsid(cx: &mut Cx<'_>) -> SysResult {
    cx.sys.new_session(cx.pid)?;
    done(cx.pid.get())
}
