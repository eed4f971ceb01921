//! Scheduling: told truthfully, with one policy.
//!
//! Threads are scheduled round-robin by the runtime; nice values are kept and reported, without effect.

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::task::{Capabilities, Pid, Resource, RunState, Tid};
use crate::time::Timespec;
use crate::wait::Flow;

/// `SCHED_OTHER`.
const SCHED_OTHER: i32 = 0;
/// `SCHED_FIFO`.
const SCHED_FIFO: i32 = 1;
/// `SCHED_RR`.
const SCHED_RR: i32 = 2;
/// `SCHED_BATCH`, treated as `SCHED_OTHER`.
const SCHED_BATCH: i32 = 3;
/// `SCHED_IDLE`, likewise.
const SCHED_IDLE: i32 = 5;

/// Nanoseconds of a turn, as `sched_rr_get_interval` reports it.
const TURN: u64 = 4_000_000;

/// `sched_yield(2)`.
pub fn sched_yield(_cx: &mut Cx<'_>) -> SysResult {
    Ok(Flow::Yield(0))
}

fn thread_of(cx: &Cx<'_>, pid: i32) -> Result<Tid> {
    let tid = match pid {
        ..0 => return Err(Errno::EINVAL),
        0 => cx.tid,
        pid => u32::try_from(pid).ok().and_then(Tid::new).ok_or(Errno::ESRCH)?,
    };
    cx.sys.tasks.thread(tid).map(|thread| thread.tid).ok_or(Errno::ESRCH)
}

/// `sched_getaffinity(2)`: every worker is a processor.
pub fn sched_getaffinity(cx: &mut Cx<'_>, pid: i32, cpusetsize: usize, mask: GuestAddr) -> SysResult {
    thread_of(cx, pid)?;
    if !cpusetsize.is_multiple_of(8) || cpusetsize < 8 {
        return Err(Errno::EINVAL);
    }
    let bits = all_processors(cx);
    cx.write_pod(mask, &bits)?;
    Ok(Flow::Done(8))
}

/// `sched_setaffinity(2)`: accepted if it names a processor that exists.
pub fn sched_setaffinity(cx: &mut Cx<'_>, pid: i32, cpusetsize: usize, mask: GuestAddr) -> SysResult {
    thread_of(cx, pid)?;
    let mut bytes = [0; 8];
    cx.read_user(mask, &mut bytes[..cpusetsize.min(8)])?;
    if u64::from_le_bytes(bytes) & all_processors(cx) == 0 {
        return Err(Errno::EINVAL);
    }
    Ok(Flow::Done(0))
}

fn all_processors(cx: &Cx<'_>) -> u64 {
    u64::MAX >> (64 - cx.sys.workers.len().clamp(1, 64))
}

/// `getcpu(2)`: the worker the thread runs on.
pub fn getcpu(cx: &mut Cx<'_>, cpu: GuestAddr, node: GuestAddr) -> SysResult {
    let worker = match cx.thread().state {
        RunState::Running(worker) => u32::from(worker.0),
        _ => 0,
    };
    if !cpu.is_null() {
        cx.write_pod(cpu, &worker)?;
    }
    if !node.is_null() {
        cx.write_pod(node, &0u32)?;
    }
    Ok(Flow::Done(0))
}

/// `sched_getscheduler(2)`.
pub fn sched_getscheduler(cx: &mut Cx<'_>, pid: i32) -> SysResult {
    thread_of(cx, pid)?;
    Ok(Flow::Done(SCHED_OTHER as u64))
}

/// `sched_setscheduler(2)`: only what there is.
pub fn sched_setscheduler(cx: &mut Cx<'_>, pid: i32, policy: i32, param: GuestAddr) -> SysResult {
    thread_of(cx, pid)?;
    let priority: i32 = cx.read_pod(param)?;
    match policy {
        SCHED_OTHER | SCHED_BATCH | SCHED_IDLE if priority == 0 => Ok(Flow::Done(0)),
        SCHED_FIFO | SCHED_RR if (1..=99).contains(&priority) => Err(Errno::EPERM),
        _ => Err(Errno::EINVAL),
    }
}

/// `sched_getparam(2)`.
pub fn sched_getparam(cx: &mut Cx<'_>, pid: i32, param: GuestAddr) -> SysResult {
    thread_of(cx, pid)?;
    cx.write_pod(param, &0i32)?;
    Ok(Flow::Done(0))
}

/// `sched_setparam(2)`.
pub fn sched_setparam(cx: &mut Cx<'_>, pid: i32, param: GuestAddr) -> SysResult {
    thread_of(cx, pid)?;
    let priority: i32 = cx.read_pod(param)?;
    if priority == 0 { Ok(Flow::Done(0)) } else { Err(Errno::EINVAL) }
}

/// `sched_get_priority_max(2)`.
pub fn sched_get_priority_max(_cx: &mut Cx<'_>, policy: i32) -> SysResult {
    match policy {
        SCHED_FIFO | SCHED_RR => Ok(Flow::Done(99)),
        SCHED_OTHER | SCHED_BATCH | SCHED_IDLE => Ok(Flow::Done(0)),
        _ => Err(Errno::EINVAL),
    }
}

/// `sched_get_priority_min(2)`.
pub fn sched_get_priority_min(_cx: &mut Cx<'_>, policy: i32) -> SysResult {
    match policy {
        SCHED_FIFO | SCHED_RR => Ok(Flow::Done(1)),
        SCHED_OTHER | SCHED_BATCH | SCHED_IDLE => Ok(Flow::Done(0)),
        _ => Err(Errno::EINVAL),
    }
}

/// `sched_rr_get_interval(2)`.
pub fn sched_rr_get_interval(cx: &mut Cx<'_>, pid: i32, tp: GuestAddr) -> SysResult {
    thread_of(cx, pid)?;
    cx.write_pod(tp, &Timespec::new(TURN))?;
    Ok(Flow::Done(0))
}

const PRIO_PROCESS: i32 = 0;
const PRIO_PGRP: i32 = 1;
const PRIO_USER: i32 = 2;

/// The processes that a `which` and `who` name.
fn targets(cx: &mut Cx<'_>, which: i32, who: i32) -> Result<Vec<Pid>> {
    let pids = match which {
        PRIO_PROCESS => vec![super::process::process_or_self(cx, who)?],
        PRIO_PGRP => {
            let leader = super::process::process_or_self(cx, who)?;
            let group = if who == 0 { cx.process().group } else { leader };
            cx.sys.tasks.groups().members(group).to_vec()
        }
        PRIO_USER => {
            let uid = if who == 0 { cx.process().creds.uid } else { who as u32 };
            cx.sys.tasks.processes().filter(|process| process.creds.uid == uid).map(|p| p.pid).collect()
        }
        _ => return Err(Errno::EINVAL),
    };
    if pids.is_empty() { Err(Errno::ESRCH) } else { Ok(pids) }
}

/// `getpriority(2)`: the raw call answers 20 minus the nice value.
pub fn getpriority(cx: &mut Cx<'_>, which: i32, who: i32) -> SysResult {
    let pids = targets(cx, which, who)?;
    let nice = pids.iter().filter_map(|pid| cx.sys.tasks.process(*pid)).map(|process| process.nice).min();
    let nice = nice.ok_or(Errno::ESRCH)?;
    Ok(Flow::Done((20 - i64::from(nice)) as u64))
}

/// `setpriority(2)`.
pub fn setpriority(cx: &mut Cx<'_>, which: i32, who: i32, prio: i32) -> SysResult {
    let nice = prio.clamp(-20, 19) as i8;
    let pids = targets(cx, which, who)?;
    let privileged = cx.can(Capabilities::SYS_NICE);
    let euid = cx.process().creds.euid;
    let mut result = Ok(Flow::Done(0));
    for pid in pids {
        let Some(process) = cx.sys.tasks.process_mut(pid) else { continue };
        let floor = 20 - process.rlimits.soft(Resource::Nice).min(40) as i8;
        if process.creds.uid != euid && process.creds.euid != euid && !privileged {
            result = Err(Errno::EPERM);
        } else if nice < process.nice && nice < floor && !privileged {
            result = Err(Errno::EACCES);
        } else {
            process.nice = nice;
        }
    }
    result
}
