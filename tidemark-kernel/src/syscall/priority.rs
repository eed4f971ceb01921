//! Priorities: nice values and I/O priorities. Kept, told and inherited, without effect.

use super::{Cx, SysResult};
use crate::errno::{Errno, Result};
use crate::task::{Capabilities, Pid, Resource, Tid};
use crate::wait::Flow;

/// What a pair of `which` and `who` names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Whose {
    Process,
    Group,
    User,
}

/// The threads that a pair names: one, or all of the processes; 0 is the caller's own.
fn targets(cx: &mut Cx<'_>, whose: Whose, who: i32) -> Result<Vec<Tid>> {
    let pids: Vec<Pid> = match whose {
        Whose::Process => return Ok(vec![super::sched::thread_of(cx, who).map_err(|_| Errno::ESRCH)?]),
        Whose::Group => {
            let group = match who {
                0 => cx.process().group,
                who => Pid(u32::try_from(who).ok().and_then(Tid::new).ok_or(Errno::ESRCH)?),
            };
            cx.sys.tasks.groups().members(group).to_vec()
        }
        Whose::User => {
            let uid = if who == 0 { cx.process().creds.uid } else { who as u32 };
            cx.sys.tasks.processes().filter(|process| process.creds.uid == uid).map(|p| p.pid).collect()
        }
    };
    let processes = pids.iter().filter_map(|pid| cx.sys.tasks.process(*pid));
    let tids: Vec<Tid> = processes.flat_map(|process| process.threads.iter().copied()).collect();
    if tids.is_empty() { Err(Errno::ESRCH) } else { Ok(tids) }
}

/// `PRIO_PROCESS`, `PRIO_PGRP` and `PRIO_USER`.
fn priority_of(which: i32) -> Result<Whose> {
    match which {
        0 => Ok(Whose::Process),
        1 => Ok(Whose::Group),
        2 => Ok(Whose::User),
        _ => Err(Errno::EINVAL),
    }
}

/// `getpriority(2)`: the raw call answers 20 minus the nice value.
pub fn getpriority(cx: &mut Cx<'_>, which: i32, who: i32) -> SysResult {
    let nice = match zombie(cx, which, who) {
        Some(nice) => nice,
        None => {
            let tids = targets(cx, priority_of(which)?, who)?;
            let values = tids.iter().filter_map(|tid| cx.sys.tasks.thread(*tid));
            values.map(|thread| thread.scheduling.nice).min().ok_or(Errno::ESRCH)?
        }
    };
    Ok(Flow::Done((20 - i64::from(nice)) as u64))
}

/// The last nice value of a process that ended and has not been waited for.
fn zombie(cx: &Cx<'_>, which: i32, who: i32) -> Option<i8> {
    let pid = Pid(u32::try_from(who).ok().and_then(Tid::new)?);
    let process = cx.sys.tasks.process(pid).filter(|process| process.is_zombie())?;
    (priority_of(which) == Ok(Whose::Process)).then_some(process.kept.last_nice)
}

/// `setpriority(2)`.
pub fn setpriority(cx: &mut Cx<'_>, which: i32, who: i32, prio: i32) -> SysResult {
    let nice = prio.clamp(-20, 19) as i8;
    let whose = priority_of(which)?;
    if zombie(cx, which, who).is_some() {
        return Ok(Flow::Done(0));
    }
    let tids = targets(cx, whose, who)?;
    let privileged = cx.can(Capabilities::SYS_NICE);
    let euid = cx.process().creds.euid;
    let mut result = Ok(Flow::Done(0));
    for tid in tids {
        let Some(pid) = cx.sys.tasks.thread(tid).map(|thread| thread.pid) else { continue };
        let Some(process) = cx.sys.tasks.process(pid) else { continue };
        let floor = 20 - process.rlimits.soft(Resource::Nice).min(40) as i8;
        let another = process.creds.uid != euid && process.creds.euid != euid;
        let Some(thread) = cx.sys.tasks.thread_mut(tid) else { continue };
        if another && !privileged {
            result = Err(Errno::EPERM);
        } else if nice < thread.scheduling.nice && nice < floor && !privileged {
            result = Err(Errno::EACCES);
        } else {
            thread.scheduling.nice = nice;
        }
    }
    result
}

/// Where the class stands in an I/O priority (`IOPRIO_CLASS_SHIFT`).
const CLASS_SHIFT: u32 = 13;
const CLASS_NONE: u32 = 0;
const CLASS_REALTIME: u32 = 1;
const CLASS_BEST_EFFORT: u32 = 2;
const CLASS_IDLE: u32 = 3;
/// Levels of a class; the others bits of the field are hints.
const LEVELS: u32 = 8;

/// `IOPRIO_WHO_PROCESS`, `IOPRIO_WHO_PGRP` and `IOPRIO_WHO_USER`.
fn io_priority_of(which: i32) -> Result<Whose> {
    match which {
        1 => Ok(Whose::Process),
        2 => Ok(Whose::Group),
        3 => Ok(Whose::User),
        _ => Err(Errno::EINVAL),
    }
}

/// The threads whose I/O priority is meant: one, or all of the processes.
fn io_targets(cx: &mut Cx<'_>, which: i32, who: i32) -> Result<Vec<Tid>> {
    let whose = io_priority_of(which)?;
    targets(cx, whose, who)
}

/// `ioprio_set(2)`.
pub fn ioprio_set(cx: &mut Cx<'_>, which: i32, who: i32, ioprio: i32) -> SysResult {
    let packed = u16::try_from(ioprio).map_err(|_| Errno::EINVAL)?;
    let (class, level) = (u32::from(packed) >> CLASS_SHIFT, u32::from(packed) & ((1 << CLASS_SHIFT) - 1));
    match class {
        CLASS_REALTIME if !cx.can(Capabilities::SYS_NICE) && !cx.can(Capabilities::SYS_ADMIN) => {
            return Err(Errno::EPERM);
        }
        CLASS_REALTIME | CLASS_BEST_EFFORT if level & (LEVELS - 1) == level => {}
        CLASS_IDLE => {}
        CLASS_NONE if level == 0 => {}
        _ => return Err(Errno::EINVAL),
    }
    let privileged = cx.can(Capabilities::SYS_NICE);
    let creds = &cx.process().creds;
    let own = [creds.uid, creds.euid];
    for tid in io_targets(cx, which, who)? {
        let Some((owner, _)) = cx.sys.tasks.scheduling(tid) else { continue };
        let uid = cx.sys.tasks.process(owner).map_or(0, |process| process.creds.uid);
        if !own.contains(&uid) && !privileged {
            return Err(Errno::EPERM);
        }
        if let Some(scheduling) = cx.sys.tasks.scheduling_mut(tid) {
            scheduling.io_priority = packed;
        }
    }
    Ok(Flow::Done(0))
}

/// `ioprio_get(2)`: of one thread what was set; of several the best that is in force.
pub fn ioprio_get(cx: &mut Cx<'_>, which: i32, who: i32) -> SysResult {
    let one = io_priority_of(which)? == Whose::Process;
    let mut best: Option<u16> = None;
    for tid in io_targets(cx, which, who)? {
        let Some((_, scheduling)) = cx.sys.tasks.scheduling(tid) else { continue };
        let set = scheduling.io_priority;
        let in_force = if set == 0 && !one { from_nice(scheduling.nice) } else { set };
        best = Some(best.map_or(in_force, |best| best.min(in_force)));
    }
    Ok(Flow::Done(u64::from(best.ok_or(Errno::ESRCH)?)))
}

/// The best-effort priority of who asked for none (`ioprio_set(2)`, NOTES).
fn from_nice(nice: i8) -> u16 {
    ((CLASS_BEST_EFFORT << CLASS_SHIFT) as i32 + (i32::from(nice) + 20) / 5) as u16
}
