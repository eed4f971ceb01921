//! Waiting for children: `wait4(2)`, `waitid(2)`.

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::descriptors::Fd;
use crate::fs::flags::OpenFlags;
use crate::signal::{SIGINFO_BYTES, SigInfo, Signal};
use crate::task::{Children, Pid, Tid, Usage, WaitFor, Waited};
use crate::time::Timeval;
use crate::wait::{Entry, Events, Flow, Restart};

const WNOHANG: u32 = 1;
/// `WSTOPPED` to `waitid`.
const WUNTRACED: u32 = 2;
const WEXITED: u32 = 4;
const WCONTINUED: u32 = 8;
const WNOWAIT: u32 = 0x0100_0000;
/// Children of other threads of the process count anyhow.
const WNOTHREAD: u32 = 0x2000_0000;
const WALL: u32 = 0x4000_0000;
const WCLONE: u32 = 0x8000_0000;

/// `wait4(2)`.
pub fn wait4(cx: &mut Cx<'_>, pid: i32, wstatus: GuestAddr, options: u32, rusage: GuestAddr) -> SysResult {
    if options & !(WNOHANG | WUNTRACED | WCONTINUED | WNOTHREAD | WALL | WCLONE) != 0 {
        return Err(Errno::EINVAL);
    }
    let which = match pid {
        i32::MIN => return Err(Errno::ESRCH),
        -1 => Children::Any,
        0 => Children::Group(cx.process().group),
        1.. => one(pid, Children::One),
        _ => one(-pid, Children::Group),
    };
    let what = wait_for(options | WEXITED);
    match look(cx, which, what, options)? {
        Looked::Flow(flow) => Ok(flow),
        Looked::Nothing => Ok(Flow::Done(0)),
        Looked::Found { pid, status, usage, .. } => {
            if !wstatus.is_null() {
                cx.write_pod(wstatus, &status.wait_status())?;
            }
            if !rusage.is_null() {
                cx.write_pod(rusage, &RUsage::from(&usage))?;
            }
            Ok(Flow::Done(u64::from(pid.get())))
        }
    }
}

const P_ALL: i32 = 0;
const P_PID: i32 = 1;
const P_PGID: i32 = 2;
const P_PIDFD: i32 = 3;

/// `waitid(2)`.
pub fn waitid(
    cx: &mut Cx<'_>,
    idtype: i32,
    id: i32,
    infop: GuestAddr,
    options: u32,
    rusage: GuestAddr,
) -> SysResult {
    let wanted = WEXITED | WUNTRACED | WCONTINUED;
    if options & !(wanted | WNOHANG | WNOWAIT | WNOTHREAD | WALL | WCLONE) != 0 || options & wanted == 0 {
        return Err(Errno::EINVAL);
    }
    let mut impatient = false;
    let which = match idtype {
        P_ALL => Children::Any,
        P_PID if id > 0 => one(id, Children::One),
        P_PGID if id > 0 => one(id, Children::Group),
        P_PIDFD => {
            let fd = Fd::new(id)?;
            let process = super::pidfd::process_of_fd(cx, fd)?;
            // `PIDFD_NONBLOCK`
            let file = cx.file(fd)?;
            impatient = cx.sys.fs.file(file)?.flags.has(OpenFlags::NON_BLOCK);
            match cx.sys.tasks.referred(process) {
                Some(process) => Children::One(process.pid),
                None => Children::Nobody,
            }
        }
        P_PGID if id == 0 => Children::Group(cx.process().group),
        _ => return Err(Errno::EINVAL),
    };
    let patience = if impatient { WNOHANG } else { 0 };
    match look(cx, which, wait_for(options), options | patience)? {
        Looked::Flow(flow) => Ok(flow),
        Looked::Nothing if impatient && options & WNOHANG == 0 => Err(Errno::EAGAIN),
        Looked::Nothing => {
            if !infop.is_null() {
                cx.write_user(infop, &[0; SIGINFO_BYTES])?;
            }
            Ok(Flow::Done(0))
        }
        Looked::Found { pid, uid, status, usage } => {
            if !infop.is_null() {
                // Times are not filled in by waitid.
                let info = SigInfo::child(Signal::CHLD, pid, uid, status, 0, 0);
                cx.write_user(infop, &info.to_bytes())?;
            }
            if !rusage.is_null() {
                cx.write_pod(rusage, &RUsage::from(&usage))?;
            }
            Ok(Flow::Done(0))
        }
    }
}

fn one(id: i32, which: fn(Pid) -> Children) -> Children {
    u32::try_from(id).ok().and_then(Tid::new).map_or(Children::Nobody, |tid| which(Pid(tid)))
}

fn wait_for(options: u32) -> WaitFor {
    WaitFor {
        ends: options & WEXITED != 0,
        stops: options & WUNTRACED != 0,
        continues: options & WCONTINUED != 0,
        clones: options & WCLONE != 0,
        all: options & WALL != 0,
        keep: options & WNOWAIT != 0,
    }
}

enum Looked {
    Flow(Flow),
    Nothing,
    Found { pid: Pid, uid: u32, status: crate::signal::ChildChange, usage: Usage },
}

fn look(cx: &mut Cx<'_>, which: Children, what: WaitFor, options: u32) -> Result<Looked> {
    match cx.sys.wait_for_child(cx.pid, which, what) {
        Waited::NoChild => Err(Errno::ECHILD),
        Waited::Change { pid, uid, change, usage } => Ok(Looked::Found { pid, uid, status: change, usage }),
        Waited::Nothing if options & WNOHANG != 0 => Ok(Looked::Nothing),
        Waited::Nothing if cx.entry == Entry::Signal => Ok(Looked::Flow(Flow::Interrupted(Restart::System))),
        Waited::Nothing => {
            let waiter = cx.waiter(Events::IN);
            cx.process().waiters.add(waiter);
            Ok(Looked::Flow(Flow::Block { deadline: None }))
        }
    }
}

crate::pod! {
    /// `struct rusage`.
    pub(super) struct RUsage {
        user: Timeval,
        system: Timeval,
        /// In kilobytes.
        peak_resident: u64,
        unmaintained: [u64; 3],
        minor_faults: u64,
        major_faults: u64,
        unmaintained_io: [u64; 6],
        voluntary_switches: u64,
        involuntary_switches: u64,
    }
}

impl From<&Usage> for RUsage {
    fn from(usage: &Usage) -> RUsage {
        RUsage {
            user: Timeval::new(usage.user),
            system: Timeval::new(usage.system()),
            peak_resident: usage.peak_resident >> 10,
            unmaintained: [0; 3],
            minor_faults: usage.minor_faults,
            major_faults: 0,
            unmaintained_io: [0; 6],
            voluntary_switches: usage.voluntary_switches,
            involuntary_switches: usage.involuntary_switches,
        }
    }
}
