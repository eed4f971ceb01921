//! Resource limits and usage.

use super::wait::RUsage;
use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::task::{Capabilities, Pid, RLimit, Resource};
use crate::wait::Flow;

crate::pod! {
    /// `struct rlimit64`; `struct rlimit` is the same.
    struct RawLimit {
        soft: u64,
        hard: u64,
    }
}

/// `prlimit64(2)`.
pub fn prlimit64(
    cx: &mut Cx<'_>,
    pid: i32,
    resource: u32,
    new_limit: GuestAddr,
    old_limit: GuestAddr,
) -> SysResult {
    let resource = Resource::new(resource).ok_or(Errno::EINVAL)?;
    let target = super::process::process_or_self(cx, pid)?;
    check_target(cx, target)?;
    let new = if new_limit.is_null() { None } else { Some(cx.read_pod::<RawLimit>(new_limit)?) };
    let old = cx.sys.tasks.process(target).ok_or(Errno::ESRCH)?.rlimits.get(resource);
    if let Some(new) = new {
        set(cx, target, resource, RLimit { soft: new.soft, hard: new.hard })?;
    }
    if !old_limit.is_null() {
        cx.write_pod(old_limit, &RawLimit { soft: old.soft, hard: old.hard })?;
    }
    Ok(Flow::Done(0))
}

/// `getrlimit(2)`.
pub fn getrlimit(cx: &mut Cx<'_>, resource: u32, rlim: GuestAddr) -> SysResult {
    let resource = Resource::new(resource).ok_or(Errno::EINVAL)?;
    let limit = cx.process().rlimits.get(resource);
    cx.write_pod(rlim, &RawLimit { soft: limit.soft, hard: limit.hard })?;
    Ok(Flow::Done(0))
}

/// `setrlimit(2)`.
pub fn setrlimit(cx: &mut Cx<'_>, resource: u32, rlim: GuestAddr) -> SysResult {
    let resource = Resource::new(resource).ok_or(Errno::EINVAL)?;
    let new: RawLimit = cx.read_pod(rlim)?;
    set(cx, cx.pid, resource, RLimit { soft: new.soft, hard: new.hard })?;
    Ok(Flow::Done(0))
}

fn set(cx: &mut Cx<'_>, target: Pid, resource: Resource, new: RLimit) -> Result<()> {
    if new.soft > new.hard {
        return Err(Errno::EINVAL);
    }
    let privileged = cx.can(Capabilities::SYS_RESOURCE);
    let most = u64::from(cx.sys.limits.descriptors);
    let limits = &mut cx.sys.tasks.process_mut(target).ok_or(Errno::ESRCH)?.rlimits;
    if new.hard > limits.get(resource).hard && !privileged {
        return Err(Errno::EPERM);
    }
    // `fs.nr_open` bounds even root.
    if resource == Resource::Descriptors && new.hard > most {
        return Err(Errno::EPERM);
    }
    limits.set(resource, new);
    cx.sys.rlimit_changed(target);
    Ok(())
}

/// Another process's limits are for its own user and the privileged (`prlimit(2)`).
fn check_target(cx: &mut Cx<'_>, target: Pid) -> Result<()> {
    if target == cx.pid || cx.can(Capabilities::SYS_RESOURCE) {
        return Ok(());
    }
    let (uid, gid) = (cx.process().creds.uid, cx.process().creds.gid);
    let creds = &cx.sys.tasks.process(target).ok_or(Errno::ESRCH)?.creds;
    let same =
        [creds.uid, creds.euid, creds.suid] == [uid; 3] && [creds.gid, creds.egid, creds.sgid] == [gid; 3];
    if same { Ok(()) } else { Err(Errno::EPERM) }
}

const RUSAGE_SELF: i32 = 0;
const RUSAGE_CHILDREN: i32 = -1;
const RUSAGE_THREAD: i32 = 1;

/// `getrusage(2)`.
pub fn getrusage(cx: &mut Cx<'_>, who: i32, usage: GuestAddr) -> SysResult {
    let used = match who {
        RUSAGE_SELF => cx.sys.process_usage(cx.pid),
        RUSAGE_CHILDREN => cx.process().children_usage,
        RUSAGE_THREAD => {
            let now = cx.now().monotonic;
            cx.thread().used(now)
        }
        _ => return Err(Errno::EINVAL),
    };
    cx.write_pod(usage, &RUsage::from(&used))?;
    Ok(Flow::Done(0))
}
