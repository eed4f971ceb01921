//! Signals of open files: the commands of fcntl and ioctl that say whom they tell, and by which signal.

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::descriptors::Fd;
use crate::fs::flags::OpenFlags;
use crate::fs::owner::Whom;
use crate::signal::Signal;
use crate::task::{Pid, Tid};
use crate::wait::Flow;

const F_SETOWN: u32 = 8;
const F_GETOWN: u32 = 9;
const F_SETSIG: u32 = 10;
const F_GETSIG: u32 = 11;
const F_SETOWN_EX: u32 = 15;
const F_GETOWN_EX: u32 = 16;
const F_GETOWNER_UIDS: u32 = 17;

const F_OWNER_TID: i32 = 0;
const F_OWNER_PID: i32 = 1;
const F_OWNER_PGRP: i32 = 2;

/// Whether a command of fcntl is one of these.
pub(super) const fn is_owner_command(cmd: u32) -> bool {
    matches!(cmd, F_SETOWN | F_GETOWN | F_SETSIG | F_GETSIG | F_SETOWN_EX | F_GETOWN_EX | F_GETOWNER_UIDS)
}

/// `fcntl(2)`, "Managing signals".
pub(super) fn owner_command(cx: &mut Cx<'_>, file: FileId, cmd: u32, arg: u64) -> SysResult {
    match cmd {
        F_SETOWN => set_signed(cx, file, arg as i32)?,
        // A group is told as a negative number, which is no error here.
        F_GETOWN => return Ok(Flow::Done(i64::from(signed(cx, file)?) as u64)),
        F_SETSIG => {
            let signal = match arg {
                0 => None,
                number => Some(u32::try_from(number).ok().and_then(Signal::new).ok_or(Errno::EINVAL)?),
            };
            cx.sys.fs.set_owner_of(file, |owner| owner.signal = signal)?;
        }
        F_GETSIG => {
            let signal = cx.sys.fs.owner(file)?.signal;
            return Ok(Flow::Done(signal.map_or(0, |signal| signal.number().into())));
        }
        F_SETOWN_EX => {
            let [kind, id]: [i32; 2] = cx.read_pod(GuestAddr(arg))?;
            let whom = find(cx, kind, id)?;
            set(cx, file, whom)?;
        }
        F_GETOWN_EX => {
            let owner = match cx.sys.fs.owner(file)?.whom {
                Whom::Nobody => [F_OWNER_TID, 0],
                Whom::Thread(tid) => [F_OWNER_TID, existing(cx.sys.tasks.thread(tid).is_some(), tid.get())],
                Whom::Process(process) => {
                    let lives = cx.sys.tasks.referred(process).is_some();
                    [F_OWNER_PID, existing(lives, process.pid().get())]
                }
                Whom::Group(group) => [F_OWNER_PGRP, group.get() as i32],
            };
            cx.write_pod(GuestAddr(arg), &owner)?;
        }
        _ => {
            let owner = cx.sys.fs.owner(file)?;
            cx.write_pod(GuestAddr(arg), &[owner.uid, owner.euid])?;
        }
    }
    Ok(Flow::Done(0))
}

fn existing(lives: bool, id: u32) -> i32 {
    if lives { id as i32 } else { 0 }
}

/// Makes a process or, by a negative number, a group the owner (`F_SETOWN`, `FIOSETOWN`).
///
/// # Errors
/// `ESRCH`, `EINVAL`.
pub(super) fn set_signed(cx: &mut Cx<'_>, file: FileId, number: i32) -> Result<()> {
    let whom = match number.checked_neg() {
        None => return Err(Errno::EINVAL),
        Some(group) if number < 0 => find(cx, F_OWNER_PGRP, group)?,
        Some(_) => find(cx, F_OWNER_PID, number)?,
    };
    set(cx, file, whom)
}

/// The owner as [`set_signed`] takes it; zero is nobody, and one that has ended.
///
/// # Errors
/// `EBADF` when the file is closed.
pub(super) fn signed(cx: &Cx<'_>, file: FileId) -> Result<i32> {
    Ok(match cx.sys.fs.owner(file)?.whom {
        Whom::Nobody => 0,
        Whom::Thread(tid) => existing(cx.sys.tasks.thread(tid).is_some(), tid.get()),
        Whom::Process(process) => existing(cx.sys.tasks.referred(process).is_some(), process.pid().get()),
        Whom::Group(group) => -(group.get() as i32),
    })
}

/// Who has an id; zero names nobody.
fn find(cx: &Cx<'_>, kind: i32, id: i32) -> Result<Whom> {
    if !(F_OWNER_TID..=F_OWNER_PGRP).contains(&kind) {
        return Err(Errno::EINVAL);
    }
    if id == 0 {
        return Ok(Whom::Nobody);
    }
    let tid = u32::try_from(id).ok().and_then(Tid::new).ok_or(Errno::ESRCH)?;
    let tasks = &cx.sys.tasks;
    match kind {
        F_OWNER_TID => tasks.thread(tid).map(|_| Whom::Thread(tid)),
        F_OWNER_PID => tasks.process(Pid(tid)).map(|process| Whom::Process(process.reference())),
        _ => (!tasks.groups().members(Pid(tid)).is_empty()).then_some(Whom::Group(Pid(tid))),
    }
    .ok_or(Errno::ESRCH)
}

fn set(cx: &mut Cx<'_>, file: FileId, whom: Whom) -> Result<()> {
    let creds = &cx.process().creds;
    let (uid, euid) = (creds.uid, creds.euid);
    cx.sys.fs.set_owner_of(file, |owner| (owner.whom, owner.uid, owner.euid) = (whom, uid, euid))
}

/// Switches signals on or off (`O_ASYNC`, `FIOASYNC`), where a file has any.
///
/// # Errors
/// `EBADF` when the file is closed.
pub(super) fn set_async(cx: &mut Cx<'_>, fd: Fd, file: FileId, on: bool) -> Result<()> {
    let was = cx.sys.fs.file(file)?.flags.has(OpenFlags::ASYNC);
    if was == on || !cx.sys.fs.has_signals(file)? {
        return Ok(());
    }
    cx.sys.fs.tell_owner(file, on, fd.get())?;
    let caller = cx.process().reference();
    if on
        && cx.sys.fs.owner(file)?.whom == Whom::Nobody
        && let Some(whom) = cx.sys.first_owner(file, caller)
    {
        set(cx, file, whom)?;
    }
    Ok(())
}
