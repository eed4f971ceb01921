//! Looking into other processes: their memory, their descriptors, what they share.

use super::io::Buffers;
use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::descriptors::Fd;
use crate::limits::STEP_BYTES;
use crate::task::{Capabilities, Pid, Process, Tid};
use crate::wait::Flow;

/// Whether the caller may look into a process (`ptrace(2)`, "Ptrace access mode checking", with real credentials).
///
/// # Errors
/// `EPERM`, `ESRCH`.
pub(super) fn check_inspectable(cx: &mut Cx<'_>, target: Pid) -> Result<()> {
    if target == cx.pid || cx.can(Capabilities::SYS_PTRACE) {
        return Ok(());
    }
    let creds = &cx.process().creds;
    let (uid, gid, held) = (creds.uid, creds.gid, creds.permitted);
    let process = cx.sys.tasks.process(target).ok_or(Errno::ESRCH)?;
    let theirs = &process.creds;
    let same = [theirs.uid, theirs.euid, theirs.suid] == [uid; 3]
        && [theirs.gid, theirs.egid, theirs.sgid] == [gid; 3];
    if same && process.dumpable && held.has(theirs.permitted) { Ok(()) } else { Err(Errno::EPERM) }
}

/// A live process by number.
fn process(cx: &Cx<'_>, pid: i32) -> Result<Pid> {
    let tid = u32::try_from(pid).ok().and_then(Tid::new).ok_or(Errno::ESRCH)?;
    let pid = cx.sys.tasks.thread(tid).ok_or(Errno::ESRCH)?.pid;
    Ok(pid)
}

/// `pidfd_getfd(2)`
pub fn pidfd_getfd(cx: &mut Cx<'_>, pidfd: Fd, targetfd: i32, flags: u32) -> SysResult {
    if flags != 0 {
        return Err(Errno::EINVAL);
    }
    let reference = super::pidfd::process_of_fd(cx, pidfd)?;
    let target = cx.sys.tasks.referred(reference).ok_or(Errno::ESRCH)?.pid;
    check_inspectable(cx, target)?;
    let table = cx.sys.tasks.process(target).and_then(|process| process.fd_table).ok_or(Errno::ESRCH)?;
    let file = cx.sys.fs.file_of(table, Fd::new(targetfd)?)?;
    cx.sys.fs.retain(file);
    let fd = cx.install(file, true)?;
    Ok(Flow::Done(fd.get().into()))
}

/// `kcmp(2)`: 0 is the same, 1 and 2 are an order.
pub fn kcmp(cx: &mut Cx<'_>, pid1: i32, pid2: i32, kind: i32, idx1: u64, idx2: u64) -> SysResult {
    const FILE: i32 = 0;
    const VM: i32 = 1;
    const FILES: i32 = 2;
    const FS: i32 = 3;
    const SIGHAND: i32 = 4;
    const IO: i32 = 5;
    const SYSVSEM: i32 = 6;
    const EPOLL_TFD: i32 = 7;
    let (one, other) = (process(cx, pid1)?, process(cx, pid2)?);
    check_inspectable(cx, one)?;
    check_inspectable(cx, other)?;
    let number = |pid: Pid, index: u64| -> Result<u64> {
        let process = cx.sys.tasks.process(pid).ok_or(Errno::ESRCH)?;
        Ok(match kind {
            FILE => file_number(cx, process, index)?,
            VM => process.space.get(),
            FILES => process.fd_table.ok_or(Errno::ESRCH)?.0.into(),
            FS => process.fs_context.ok_or(Errno::ESRCH)?.0.into(),
            // Never shared between processes here.
            SIGHAND | IO | SYSVSEM => pid.get().into(),
            // Targets of epoll instances are not told.
            EPOLL_TFD => return Err(Errno::EOPNOTSUPP),
            _ => return Err(Errno::EINVAL),
        })
    };
    let order = number(one, idx1)?.cmp(&number(other, idx2)?);
    Ok(Flow::Done(match order {
        core::cmp::Ordering::Equal => 0,
        core::cmp::Ordering::Less => 1,
        core::cmp::Ordering::Greater => 2,
    }))
}

fn file_number(cx: &Cx<'_>, process: &Process, index: u64) -> Result<u64> {
    let fd = i32::try_from(index).map_err(|_| Errno::EBADF)?;
    let table = process.fd_table.ok_or(Errno::ESRCH)?;
    Ok(cx.sys.fs.file_of(table, Fd::new(fd)?)?.0.into())
}

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    ToCaller,
    FromCaller,
}

/// The buffers of both sides: read once, at the first entry.
struct Sides {
    local: Buffers,
    remote: Buffers,
}

/// `process_vm_readv(2)`
pub fn process_vm_readv(
    cx: &mut Cx<'_>,
    pid: i32,
    local: GuestAddr,
    liovcnt: u64,
    remote: GuestAddr,
    riovcnt: u64,
    flags: u64,
) -> SysResult {
    transfer(cx, pid, (local, liovcnt), (remote, riovcnt), flags, Way::ToCaller)
}

/// `process_vm_writev(2)`
pub fn process_vm_writev(
    cx: &mut Cx<'_>,
    pid: i32,
    local: GuestAddr,
    liovcnt: u64,
    remote: GuestAddr,
    riovcnt: u64,
    flags: u64,
) -> SysResult {
    transfer(cx, pid, (local, liovcnt), (remote, riovcnt), flags, Way::FromCaller)
}

fn transfer(
    cx: &mut Cx<'_>,
    pid: i32,
    local: (GuestAddr, u64),
    remote: (GuestAddr, u64),
    flags: u64,
    way: Way,
) -> SysResult {
    if flags != 0 {
        return Err(Errno::EINVAL);
    }
    let kept = cx.progress.state.take().and_then(|state| state.downcast::<Sides>().ok());
    let sides = match kept {
        Some(sides) => sides,
        None => {
            let local = Buffers::read(cx, local.0, local.1, Errno::EINVAL)?;
            let remote = Buffers::read(cx, remote.0, remote.1, Errno::EINVAL)?;
            Box::new(Sides { local, remote })
        }
    };
    let total = sides.local.total().min(sides.remote.total());
    let target = process(cx, pid)?;
    check_inspectable(cx, target)?;
    let space = cx.sys.tasks.process(target).ok_or(Errno::ESRCH)?.space;
    let mut budget = STEP_BYTES;
    loop {
        let done = cx.progress.done;
        let (Some(here), Some(there)) = (sides.local.at(done), sides.remote.at(done)) else {
            return Ok(Flow::Done(done));
        };
        if done >= total {
            return Ok(Flow::Done(done));
        }
        if budget == 0 {
            cx.progress.state = Some(sides);
            return Ok(Flow::Again);
        }
        // Up to the end of a page on the other side: so much is there or is not.
        let page = crate::addr::PAGE_SIZE - there.0.page_offset();
        let len = here.1.min(there.1).min(budget).min(page).min(total - done);
        let mut bytes = vec![0; len as usize];
        let moved = match way {
            Way::ToCaller => {
                cx.sys.read_space(space, there.0, &mut bytes).and_then(|()| cx.write_user(here.0, &bytes))
            }
            Way::FromCaller => {
                cx.read_user(here.0, &mut bytes).and_then(|()| cx.sys.write_space(space, there.0, &bytes))
            }
        };
        match moved {
            Ok(()) => cx.progress.done += len,
            Err(_) if done > 0 => return Ok(Flow::Done(done)),
            Err(error) => return Err(error),
        }
        budget -= len;
    }
}
