//! User and group ids, groups and capabilities (`credentials(7)`, `capabilities(7)`).

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::task::{Capabilities, Creds, Gid, Tid, Uid};
use crate::wait::Flow;

/// "Leave it" in the calls that set several ids.
const UNCHANGED: u32 = u32::MAX;

/// `NGROUPS_MAX`.
const GROUPS_MAX: usize = 65_536;

/// `getuid(2)`.
pub fn getuid(cx: &mut Cx<'_>) -> SysResult {
    Ok(Flow::Done(u64::from(cx.process().creds.uid)))
}

/// `geteuid(2)`.
pub fn geteuid(cx: &mut Cx<'_>) -> SysResult {
    Ok(Flow::Done(u64::from(cx.process().creds.euid)))
}

/// `getgid(2)`.
pub fn getgid(cx: &mut Cx<'_>) -> SysResult {
    Ok(Flow::Done(u64::from(cx.process().creds.gid)))
}

/// `getegid(2)`.
pub fn getegid(cx: &mut Cx<'_>) -> SysResult {
    Ok(Flow::Done(u64::from(cx.process().creds.egid)))
}

/// `getresuid(2)`.
pub fn getresuid(cx: &mut Cx<'_>, ruid: GuestAddr, euid: GuestAddr, suid: GuestAddr) -> SysResult {
    let creds = &cx.process().creds;
    let ids = [creds.uid, creds.euid, creds.suid];
    write_ids(cx, [ruid, euid, suid], ids)
}

/// `getresgid(2)`.
pub fn getresgid(cx: &mut Cx<'_>, rgid: GuestAddr, egid: GuestAddr, sgid: GuestAddr) -> SysResult {
    let creds = &cx.process().creds;
    let ids = [creds.gid, creds.egid, creds.sgid];
    write_ids(cx, [rgid, egid, sgid], ids)
}

fn write_ids(cx: &mut Cx<'_>, at: [GuestAddr; 3], ids: [u32; 3]) -> SysResult {
    for (at, id) in at.into_iter().zip(ids) {
        cx.write_pod(at, &id)?;
    }
    Ok(Flow::Done(0))
}

/// Changes the caller's credentials; what follows from changed user ids is applied.
fn change(cx: &mut Cx<'_>, change: impl FnOnce(&mut Creds) -> Result<()>) -> SysResult {
    let process = cx.process();
    let mut creds = process.creds.clone();
    let old = (creds.uid, creds.euid, creds.suid);
    change(&mut creds)?;
    creds.after_uid_change(old);
    if creds.uid != process.creds.uid {
        cx.sys.note_task_limit(cx.pid, creds.uid);
    }
    let process = cx.process();
    if creds.euid != process.creds.euid || creds.egid != process.creds.egid {
        process.dumpable = false;
    }
    process.creds = creds;
    process.publish();
    Ok(Flow::Done(0))
}

fn check_user(creds: &Creds, id: Uid, own: &[Uid]) -> Result<()> {
    if id == UNCHANGED || own.contains(&id) || creds.can(Capabilities::SETUID) {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

fn check_group(creds: &Creds, id: Gid, own: &[Gid]) -> Result<()> {
    if id == UNCHANGED || own.contains(&id) || creds.can(Capabilities::SETGID) {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

fn set(place: &mut u32, id: u32) {
    if id != UNCHANGED {
        *place = id;
    }
}

/// `setuid(2)`.
pub fn setuid(cx: &mut Cx<'_>, uid: u32) -> SysResult {
    if uid == UNCHANGED {
        return Err(Errno::EINVAL);
    }
    change(cx, |creds| {
        if creds.can(Capabilities::SETUID) {
            creds.uid = uid;
            creds.suid = uid;
        } else if uid != creds.uid && uid != creds.suid {
            return Err(Errno::EPERM);
        }
        creds.euid = uid;
        creds.fsuid = uid;
        Ok(())
    })
}

/// `setgid(2)`.
pub fn setgid(cx: &mut Cx<'_>, gid: u32) -> SysResult {
    if gid == UNCHANGED {
        return Err(Errno::EINVAL);
    }
    change(cx, |creds| {
        if creds.can(Capabilities::SETGID) {
            creds.gid = gid;
            creds.sgid = gid;
        } else if gid != creds.gid && gid != creds.sgid {
            return Err(Errno::EPERM);
        }
        creds.egid = gid;
        creds.fsgid = gid;
        Ok(())
    })
}

/// `setreuid(2)`.
pub fn setreuid(cx: &mut Cx<'_>, ruid: u32, euid: u32) -> SysResult {
    change(cx, |creds| {
        let old = creds.uid;
        check_user(creds, ruid, &[creds.uid, creds.euid])?;
        check_user(creds, euid, &[creds.uid, creds.euid, creds.suid])?;
        set(&mut creds.uid, ruid);
        set(&mut creds.euid, euid);
        if ruid != UNCHANGED || euid != UNCHANGED && euid != old {
            creds.suid = creds.euid;
        }
        creds.fsuid = creds.euid;
        Ok(())
    })
}

/// `setregid(2)`.
pub fn setregid(cx: &mut Cx<'_>, rgid: u32, egid: u32) -> SysResult {
    change(cx, |creds| {
        let old = creds.gid;
        check_group(creds, rgid, &[creds.gid, creds.egid])?;
        check_group(creds, egid, &[creds.gid, creds.egid, creds.sgid])?;
        set(&mut creds.gid, rgid);
        set(&mut creds.egid, egid);
        if rgid != UNCHANGED || egid != UNCHANGED && egid != old {
            creds.sgid = creds.egid;
        }
        creds.fsgid = creds.egid;
        Ok(())
    })
}

/// `setresuid(2)`.
pub fn setresuid(cx: &mut Cx<'_>, ruid: u32, euid: u32, suid: u32) -> SysResult {
    change(cx, |creds| {
        let own = [creds.uid, creds.euid, creds.suid];
        for id in [ruid, euid, suid] {
            check_user(creds, id, &own)?;
        }
        set(&mut creds.uid, ruid);
        set(&mut creds.euid, euid);
        set(&mut creds.suid, suid);
        creds.fsuid = creds.euid;
        Ok(())
    })
}

/// `setresgid(2)`.
pub fn setresgid(cx: &mut Cx<'_>, rgid: u32, egid: u32, sgid: u32) -> SysResult {
    change(cx, |creds| {
        let own = [creds.gid, creds.egid, creds.sgid];
        for id in [rgid, egid, sgid] {
            check_group(creds, id, &own)?;
        }
        set(&mut creds.gid, rgid);
        set(&mut creds.egid, egid);
        set(&mut creds.sgid, sgid);
        creds.fsgid = creds.egid;
        Ok(())
    })
}

/// `setfsuid(2)`: answers the old id, changed or not.
pub fn setfsuid(cx: &mut Cx<'_>, uid: u32) -> SysResult {
    let creds = &mut cx.process().creds;
    let old = creds.fsuid;
    if check_user(creds, uid, &[creds.uid, creds.euid, creds.suid, creds.fsuid]).is_ok() {
        set(&mut creds.fsuid, uid);
        creds.after_fsuid_change(old);
    }
    Ok(Flow::Done(u64::from(old)))
}

/// `setfsgid(2)`: answers the old id, changed or not.
pub fn setfsgid(cx: &mut Cx<'_>, gid: u32) -> SysResult {
    let creds = &mut cx.process().creds;
    let old = creds.fsgid;
    if check_group(creds, gid, &[creds.gid, creds.egid, creds.sgid, creds.fsgid]).is_ok() {
        set(&mut creds.fsgid, gid);
    }
    Ok(Flow::Done(u64::from(old)))
}

/// `getgroups(2)`.
pub fn getgroups(cx: &mut Cx<'_>, size: i32, list: GuestAddr) -> SysResult {
    let size = usize::try_from(size).map_err(|_| Errno::EINVAL)?;
    let groups = &cx.process().creds.groups;
    let count = groups.len();
    if size > 0 {
        if size < count {
            return Err(Errno::EINVAL);
        }
        let bytes: Vec<u8> = groups.iter().flat_map(|group| group.to_le_bytes()).collect();
        cx.write_user(list, &bytes)?;
    }
    Ok(Flow::Done(count as u64))
}

/// `setgroups(2)`.
pub fn setgroups(cx: &mut Cx<'_>, size: i32, list: GuestAddr) -> SysResult {
    if !cx.can(Capabilities::SETGID) {
        return Err(Errno::EPERM);
    }
    let size = usize::try_from(size).ok().filter(|size| *size <= GROUPS_MAX).ok_or(Errno::EINVAL)?;
    let mut bytes = vec![0; size * 4];
    cx.read_user(list, &mut bytes)?;
    let mut groups: Vec<Gid> =
        bytes.chunks_exact(4).map(|raw| u32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]])).collect();
    groups.sort_unstable();
    cx.process().creds.groups = groups;
    Ok(Flow::Done(0))
}

const CAPABILITY_VERSION_1: u32 = 0x1998_0330;
const CAPABILITY_VERSION_2: u32 = 0x2007_1026;
const CAPABILITY_VERSION_3: u32 = 0x2008_0522;

crate::pod! {
    /// `struct __user_cap_header_struct`.
    struct CapHeader {
        version: u32,
        pid: i32,
    }
}

/// How many data structures follow a header of this version; an unknown one is answered with the version we like.
fn capability_words(cx: &mut Cx<'_>, header: GuestAddr) -> Result<(CapHeader, usize)> {
    let head: CapHeader = cx.read_pod(header)?;
    match head.version {
        CAPABILITY_VERSION_1 => Ok((head, 1)),
        CAPABILITY_VERSION_2 | CAPABILITY_VERSION_3 => Ok((head, 2)),
        _ => {
            cx.write_pod(header, &CAPABILITY_VERSION_3)?;
            Err(Errno::EINVAL)
        }
    }
}

/// `capget(2)`.
pub fn capget(cx: &mut Cx<'_>, hdrp: GuestAddr, datap: GuestAddr) -> SysResult {
    let (head, words) = match capability_words(cx, hdrp) {
        Ok(found) => found,
        // Asking for the version with a null pointer is no error.
        Err(Errno::EINVAL) if datap.is_null() => return Ok(Flow::Done(0)),
        Err(errno) => return Err(errno),
    };
    if head.pid < 0 {
        return Err(Errno::EINVAL);
    }
    let pid = super::process::process_or_self(cx, head.pid)?;
    let creds = &cx.sys.tasks.process(pid).ok_or(Errno::ESRCH)?.creds;
    let sets = [creds.effective, creds.permitted, creds.inheritable];
    for word in 0..words {
        for (index, set) in sets.iter().enumerate() {
            let half = (set.0 >> (32 * word)) as u32;
            cx.write_pod(datap.add((12 * word + 4 * index) as u64)?, &half)?;
        }
    }
    Ok(Flow::Done(0))
}

/// `capset(2)`.
pub fn capset(cx: &mut Cx<'_>, hdrp: GuestAddr, datap: GuestAddr) -> SysResult {
    let (head, words) = capability_words(cx, hdrp)?;
    if head.pid != 0 && u32::try_from(head.pid).ok().and_then(Tid::new) != Some(cx.tid) {
        return Err(Errno::EPERM);
    }
    let mut sets = [0u64; 3];
    for word in 0..words {
        for (index, set) in sets.iter_mut().enumerate() {
            let half: u32 = cx.read_pod(datap.add((12 * word + 4 * index) as u64)?)?;
            *set |= u64::from(half) << (32 * word);
        }
    }
    let [effective, permitted, inheritable] = sets.map(|set| Capabilities(set).and(Capabilities::ALL));
    let creds = &mut cx.process().creds;
    let may_inherit = creds.inheritable.union(creds.permitted);
    let may_inherit =
        if creds.can(Capabilities::SETPCAP) { may_inherit.union(creds.bounding) } else { may_inherit };
    if !may_inherit.has(inheritable) || !creds.permitted.has(permitted) || !permitted.has(effective) {
        return Err(Errno::EPERM);
    }
    creds.effective = effective;
    creds.permitted = permitted;
    creds.inheritable = inheritable;
    creds.ambient = creds.ambient.and(permitted).and(inheritable);
    Ok(Flow::Done(0))
}
