//! Scheduling: what threads ask for, told truthfully.
//!
//! Threads are scheduled round-robin by the runtime, whatever they ask for.

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::mem::Pod;
use crate::task::{Capabilities, Policy, RunState, Tid};
use crate::time::Timespec;
use crate::wait::Flow;

/// `SCHED_FIFO`
const FIFO: u32 = 1;
/// `SCHED_RR`
const RR: u32 = 2;
/// `SCHED_DEADLINE`
const DEADLINE: u32 = 6;

/// Nanoseconds of a turn, as `sched_rr_get_interval` reports it.
const TURN: u64 = 4_000_000;

/// `sched_yield(2)`.
pub fn sched_yield(_cx: &mut Cx<'_>) -> SysResult {
    Ok(Flow::Yield(0))
}

/// The thread of an id; 0 is the caller. Process 1 counts as a thread.
///
/// # Errors
/// `EINVAL` for a negative one, `ESRCH`.
pub(super) fn thread_of(cx: &Cx<'_>, pid: i32) -> Result<Tid> {
    let tid = match pid {
        ..0 => return Err(Errno::EINVAL),
        0 => cx.tid,
        pid => u32::try_from(pid).ok().and_then(Tid::new).ok_or(Errno::ESRCH)?,
    };
    cx.sys.tasks.scheduling(tid).map(|_| tid).ok_or(Errno::ESRCH)
}

/// `sched_getaffinity(2)`: every worker is a processor.
pub fn sched_getaffinity(cx: &mut Cx<'_>, pid: i32, cpusetsize: usize, mask: GuestAddr) -> SysResult {
    let tid = thread_of(cx, pid).map_err(no_such_thread)?;
    if !cpusetsize.is_multiple_of(8) || cpusetsize < 8 {
        return Err(Errno::EINVAL);
    }
    let bits = affinity(cx, tid);
    cx.write_pod(mask, &bits)?;
    Ok(Flow::Done(8))
}

/// `sched_setaffinity(2)`: kept, told and inherited. Threads run on any worker all the same.
pub fn sched_setaffinity(cx: &mut Cx<'_>, pid: i32, cpusetsize: usize, mask: GuestAddr) -> SysResult {
    let mut bytes = [0; 8];
    cx.read_user(mask, &mut bytes[..cpusetsize.min(8)])?;
    let tid = thread_of(cx, pid).map_err(no_such_thread)?;
    check_permitted(cx, tid)?;
    let wanted = u64::from_le_bytes(bytes) & all_processors(cx);
    if wanted == 0 {
        return Err(Errno::EINVAL);
    }
    let wanted = (wanted != all_processors(cx)).then_some(wanted);
    cx.sys.tasks.scheduling_mut(tid).ok_or(Errno::ESRCH)?.affinity = wanted;
    Ok(Flow::Done(0))
}

/// These two calls know no invalid number, only one that no thread has.
fn no_such_thread(_: Errno) -> Errno {
    Errno::ESRCH
}

fn all_processors(cx: &Cx<'_>) -> u64 {
    u64::MAX >> (64 - cx.sys.workers.len().clamp(1, 64))
}

/// The processors that a thread asked for.
fn affinity(cx: &Cx<'_>, tid: Tid) -> u64 {
    let all = all_processors(cx);
    cx.sys.tasks.scheduling(tid).and_then(|(_, scheduling)| scheduling.affinity).unwrap_or(all)
}

/// Whether the caller may schedule a thread: its own user's, or any with the capability (`sched(7)`).
fn check_permitted(cx: &mut Cx<'_>, tid: Tid) -> Result<()> {
    let (owner, _) = cx.sys.tasks.scheduling(tid).ok_or(Errno::ESRCH)?;
    let creds = &cx.sys.tasks.process(owner).ok_or(Errno::ESRCH)?.creds;
    let ids = [creds.uid, creds.euid];
    let euid = cx.process().creds.euid;
    if ids.contains(&euid) || cx.can(Capabilities::SYS_NICE) { Ok(()) } else { Err(Errno::EPERM) }
}

/// `getcpu(2)`: the worker the thread runs on, or one that it asked for.
pub fn getcpu(cx: &mut Cx<'_>, cpu: GuestAddr, node: GuestAddr) -> SysResult {
    let worker = match cx.thread().state {
        RunState::Running(worker) => u32::from(worker.0),
        _ => 0,
    };
    // Which worker a thread is on is nothing that a program can see but by this call.
    let mask = affinity(cx, cx.tid);
    let worker = if mask >> (worker & 63) & 1 != 0 { worker } else { mask.trailing_zeros() };
    if !cpu.is_null() {
        cx.write_pod(cpu, &worker)?;
    }
    if !node.is_null() {
        cx.write_pod(node, &0u32)?;
    }
    Ok(Flow::Done(0))
}

/// `SCHED_RESET_ON_FORK` as `sched_setscheduler(2)` takes it.
const RESET_ON_FORK: u32 = 0x4000_0000;

/// `sched_getscheduler(2)`.
pub fn sched_getscheduler(cx: &mut Cx<'_>, pid: i32) -> SysResult {
    let tid = thread_of(cx, pid)?;
    let (_, scheduling) = cx.sys.tasks.scheduling(tid).ok_or(Errno::ESRCH)?;
    let reset = if scheduling.reset_on_fork { RESET_ON_FORK } else { 0 };
    Ok(Flow::Done(u64::from(scheduling.policy.number() | reset)))
}

/// Sets a thread's policy.
fn set_policy(cx: &mut Cx<'_>, tid: Tid, policy: u32, priority: u32, reset_on_fork: bool) -> SysResult {
    let allowed = match policy {
        FIFO | RR => (1..=99).contains(&priority),
        DEADLINE => true,
        policy => Policy::new(policy).is_some() && priority == 0,
    };
    if !allowed {
        return Err(Errno::EINVAL);
    }
    check_permitted(cx, tid)?;
    let policy = Policy::new(policy).ok_or(Errno::EPERM)?;
    let privileged = cx.can(Capabilities::SYS_NICE);
    let scheduling = cx.sys.tasks.scheduling_mut(tid).ok_or(Errno::ESRCH)?;
    if scheduling.reset_on_fork && !reset_on_fork && !privileged {
        return Err(Errno::EPERM);
    }
    scheduling.policy = policy;
    scheduling.reset_on_fork = reset_on_fork;
    Ok(Flow::Done(0))
}

/// `sched_setscheduler(2)`: real-time policies would be promises, and are not granted.
pub fn sched_setscheduler(cx: &mut Cx<'_>, pid: i32, policy: i32, param: GuestAddr) -> SysResult {
    if policy < 0 || param.is_null() {
        return Err(Errno::EINVAL);
    }
    let tid = thread_of_param(cx, pid, param)?;
    let priority: u32 = cx.read_pod(param)?;
    let policy = policy as u32;
    // Deadlines are for sched_setattr(2).
    if policy & !RESET_ON_FORK == DEADLINE {
        return Err(Errno::EINVAL);
    }
    set_policy(cx, tid, policy & !RESET_ON_FORK, priority, policy & RESET_ON_FORK != 0)
}

/// The thread of a call that is given parameters: those are looked at before it is.
fn thread_of_param(cx: &mut Cx<'_>, pid: i32, param: GuestAddr) -> Result<Tid> {
    if pid < 0 {
        return Err(Errno::EINVAL);
    }
    cx.read_pod::<u32>(param)?;
    thread_of(cx, pid)
}

/// `sched_getparam(2)`.
pub fn sched_getparam(cx: &mut Cx<'_>, pid: i32, param: GuestAddr) -> SysResult {
    if param.is_null() {
        return Err(Errno::EINVAL);
    }
    thread_of(cx, pid)?;
    cx.write_pod(param, &0i32)?;
    Ok(Flow::Done(0))
}

/// `sched_setparam(2)`.
pub fn sched_setparam(cx: &mut Cx<'_>, pid: i32, param: GuestAddr) -> SysResult {
    if param.is_null() {
        return Err(Errno::EINVAL);
    }
    let tid = thread_of_param(cx, pid, param)?;
    let priority: i32 = cx.read_pod(param)?;
    if priority != 0 {
        return Err(Errno::EINVAL);
    }
    check_permitted(cx, tid)?;
    Ok(Flow::Done(0))
}

crate::pod! {
    /// `struct sched_attr`, the version of Linux 5.3.
    struct Attributes {
        size: u32,
        policy: u32,
        flags: u64,
        nice: i32,
        priority: u32,
        deadline: [u64; 3],
        utilisation: [u32; 2],
    }
}

/// `sizeof(struct sched_attr)` in its first and its latest version.
const ATTRIBUTES_BYTES: core::ops::RangeInclusive<u32> = 48..=56;
/// The largest structure that is looked at: a page.
const ATTRIBUTES_MOST: u32 = 4096;
/// `SCHED_FLAG_RESET_ON_FORK`
const FLAG_RESET_ON_FORK: u64 = 1;
/// `SCHED_FLAG_KEEP_POLICY`
const FLAG_KEEP_POLICY: u64 = 8;
/// `SCHED_FLAG_KEEP_PARAMS`
const FLAG_KEEP_PARAMS: u64 = 16;
/// `SCHED_FLAG_UTIL_CLAMP_MIN` and `…_MAX`
const FLAGS_UTILISATION: u64 = 96;
const KNOWN_FLAGS: u64 = 127;

/// `sched_setattr(2)`.
pub fn sched_setattr(cx: &mut Cx<'_>, pid: i32, attr: GuestAddr, flags: u32) -> SysResult {
    if attr.is_null() || pid < 0 || flags != 0 {
        return Err(Errno::EINVAL);
    }
    let size = match cx.read_pod::<u32>(attr)? {
        0 => *ATTRIBUTES_BYTES.start(),
        size => size,
    };
    let mut bytes = vec![0; size.min(ATTRIBUTES_MOST) as usize];
    cx.read_user(attr, &mut bytes)?;
    let unknown = bytes.iter().skip(*ATTRIBUTES_BYTES.end() as usize).any(|byte| *byte != 0);
    if size < *ATTRIBUTES_BYTES.start() || size > ATTRIBUTES_MOST || unknown {
        // What size would do is told.
        cx.write_pod(attr, ATTRIBUTES_BYTES.end())?;
        return Err(Errno::E2BIG);
    }
    bytes.resize(Attributes::SIZE, 0);
    let wanted = Attributes::from_bytes(&bytes);
    if (wanted.policy as i32) < 0 || wanted.flags & !KNOWN_FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    // As a kernel without CONFIG_UCLAMP_TASK.
    if wanted.flags & FLAGS_UTILISATION != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let tid = thread_of(cx, pid)?;
    let reset = wanted.flags & FLAG_RESET_ON_FORK != 0;
    let (_, scheduling) = cx.sys.tasks.scheduling(tid).ok_or(Errno::ESRCH)?;
    let known = scheduling.policy.number();
    let keeps = wanted.flags & FLAG_KEEP_POLICY != 0;
    let policy = if keeps { known } else { wanted.policy };
    if policy == DEADLINE && !is_deadline(wanted.deadline) {
        return Err(Errno::EINVAL);
    }
    let flow = set_policy(cx, tid, policy, wanted.priority, reset)?;
    if wanted.flags & FLAG_KEEP_PARAMS == 0 && policy == Policy::Other.number() {
        super::priority::setpriority(cx, 0, tid.get() as i32, wanted.nice.clamp(-20, 19))?;
    }
    Ok(flow)
}

/// Whether runtime, deadline and period are as `sched(7)` wants them.
fn is_deadline([runtime, deadline, period]: [u64; 3]) -> bool {
    const LEAST: u64 = 1024;
    let period = if period == 0 { deadline } else { period };
    deadline != 0 && runtime >= LEAST && runtime <= deadline && deadline <= period && period >> 63 == 0
}

/// `sched_getattr(2)`.
pub fn sched_getattr(cx: &mut Cx<'_>, pid: i32, attr: GuestAddr, size: u32, flags: u32) -> SysResult {
    let fits = (*ATTRIBUTES_BYTES.start()..=ATTRIBUTES_MOST).contains(&size);
    if attr.is_null() || pid < 0 || !fits || flags != 0 {
        return Err(Errno::EINVAL);
    }
    let tid = thread_of(cx, pid)?;
    let (_, scheduling) = cx.sys.tasks.scheduling(tid).ok_or(Errno::ESRCH)?;
    let size = size.min(*ATTRIBUTES_BYTES.end());
    let told = Attributes {
        size,
        policy: scheduling.policy.number(),
        flags: if scheduling.reset_on_fork { FLAG_RESET_ON_FORK } else { 0 },
        nice: scheduling.nice.into(),
        priority: 0,
        deadline: [0; 3],
        utilisation: [0; 2],
    };
    let mut bytes = [0; Attributes::SIZE];
    told.to_bytes(&mut bytes);
    cx.write_user(attr, &bytes[..size as usize])?;
    Ok(Flow::Done(0))
}

/// `sched_get_priority_max(2)`.
pub fn sched_get_priority_max(_cx: &mut Cx<'_>, policy: u32) -> SysResult {
    match policy {
        FIFO | RR => Ok(Flow::Done(99)),
        DEADLINE => Ok(Flow::Done(0)),
        _ => Policy::new(policy).map(|_| Flow::Done(0)).ok_or(Errno::EINVAL),
    }
}

/// `sched_get_priority_min(2)`.
pub fn sched_get_priority_min(_cx: &mut Cx<'_>, policy: u32) -> SysResult {
    match policy {
        FIFO | RR => Ok(Flow::Done(1)),
        DEADLINE => Ok(Flow::Done(0)),
        _ => Policy::new(policy).map(|_| Flow::Done(0)).ok_or(Errno::EINVAL),
    }
}

/// `sched_rr_get_interval(2)`.
pub fn sched_rr_get_interval(cx: &mut Cx<'_>, pid: i32, tp: GuestAddr) -> SysResult {
    thread_of(cx, pid)?;
    cx.write_pod(tp, &Timespec::new(TURN))?;
    Ok(Flow::Done(0))
}
