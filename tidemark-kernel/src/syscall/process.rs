//! Processes: ids, exit.

use super::{Cx, SysResult};
use crate::status::ExitStatus;
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
    done(cx.process().parent.map_or(0, crate::task::Pid::get))
}

/// `gettid(2)`.
pub fn gettid(cx: &mut Cx<'_>) -> SysResult {
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
