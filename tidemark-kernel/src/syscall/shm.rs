//! Shared memory of System V: `shmget(2)`, `shmat(2)`, `shmdt(2)`, `shmctl(2)`.

use super::ipc::{IPC_INFO, IPC_RMID, IPC_SET, IPC_STAT, IpcPerm};
use super::{Cx, SysResult};
use crate::addr::{GuestAddr, PAGE_SIZE};
use crate::errno::{Errno, Result};
use crate::ipc::limits::SHM_MIN;
use crate::ipc::shm::Segment;
use crate::ipc::{Object, Wanted};
use crate::mem::area::{AreaFlags, Backing, Prot};
use crate::mem::object::ObjectId;
use crate::mem::{Mapping, Place};
use crate::task::{Capabilities, Pid, Resource};
use crate::wait::{Entry, Flow};

const SHM_HUGETLB: u32 = 0o4000;

/// `shmget(2)`.
pub fn shmget(cx: &mut Cx<'_>, key: i32, size: u64, shmflg: u32) -> SysResult {
    // There are no huge pages, as on a Linux without them.
    if shmflg & SHM_HUGETLB != 0 {
        return Err(Errno::EINVAL);
    }
    let now = cx.seconds();
    let crate::system::System { ipc, mem, tasks, .. } = &mut *cx.sys;
    let creds = &tasks.process(cx.pid).ok_or(Errno::ESRCH)?.creds;
    let id = ipc.get_segment(mem, (key, size, shmflg), (creds, cx.pid), now)?;
    Ok(Flow::Done(id as u64))
}

const SHM_RDONLY: u32 = 0o10000;
const SHM_RND: u32 = 0o20000;
const SHM_REMAP: u32 = 0o40000;
const SHM_EXEC: u32 = 0o100000;

/// `shmat(2)`.
pub fn shmat(cx: &mut Cx<'_>, shmid: i32, shmaddr: GuestAddr, shmflg: u32) -> SysResult {
    if cx.entry != Entry::First && cx.progress.state.is_some() {
        return cx.change(|_| Err(Errno::EINVAL));
    }
    if shmid < 0 {
        return Err(Errno::EINVAL);
    }
    let remap = shmflg & SHM_REMAP != 0;
    // `SHMLBA` is a page here.
    let at = match shmaddr.0 % PAGE_SIZE {
        0 => shmaddr.0,
        offset if shmflg & SHM_RND != 0 => shmaddr.0 - offset,
        _ => return Err(Errno::EINVAL),
    };
    let place = match (at, remap) {
        (0, true) => return Err(Errno::EINVAL),
        (0, false) if shmaddr.is_null() => Place::Anywhere,
        (at, true) => Place::Fixed(at),
        (at, false) => Place::FixedFree(at),
    };
    let (mut prot, mut wanted) = (Prot::READ, Wanted::READ);
    let mut flags = AreaFlags::NO_WRITE;
    if shmflg & SHM_RDONLY == 0 {
        (prot, wanted, flags) = (Prot::WRITE, wanted.and(Wanted::WRITE), AreaFlags::EMPTY);
    }
    if shmflg & SHM_EXEC != 0 {
        (prot, wanted) = (prot.union(Prot::EXEC), wanted.and(Wanted::EXECUTE));
    }
    let segment = cx.sys.ipc.segments.get(shmid)?;
    cx.check_wanted(segment.permissions(), wanted)?;
    let (object, len) = (segment.object, segment.pages() * PAGE_SIZE);
    let (now, pid) = (cx.seconds(), cx.pid);
    let mut begun = false;
    let result = cx.change(|mm| {
        begun = true;
        let backing = mm.segment_backing(object);
        mm.map_held(Mapping { place, len, prot, flags, backing, populate: false }).map_err(
            |errno| match errno {
                // What is there, or cannot be there, is the address's fault (`shmop(2)`).
                Errno::EEXIST | Errno::EPERM => Errno::EINVAL,
                errno => errno,
            },
        )
    });
    if begun
        && result.is_ok()
        && let Ok(segment) = cx.sys.ipc.segments.get_mut(shmid)
    {
        segment.attached = now;
        segment.last = Some(pid);
    }
    result
}

/// `shmdt(2)`.
pub fn shmdt(cx: &mut Cx<'_>, shmaddr: GuestAddr) -> SysResult {
    if cx.entry != Entry::First && cx.progress.state.is_some() {
        return cx.change(|_| Err(Errno::EINVAL));
    }
    if !shmaddr.is_page_aligned() {
        return Err(Errno::EINVAL);
    }
    let (object, reach) = attached_at(cx, shmaddr)?;
    let (now, pid) = (cx.seconds(), cx.pid);
    let result = cx.change(|mm| mm.detach(object, shmaddr.0, reach).map(|()| 0));
    if let Some(id) = cx.sys.mem.segment_of(object)
        && let Ok(segment) = cx.sys.ipc.segments.get_mut(id)
    {
        segment.detached = now;
        segment.last = Some(pid);
    }
    result
}

/// The segment whose attachment began at an address, and the address at which that ended.
///
/// # Errors
/// `EINVAL` when there is none: nothing of it is left, or it is something else.
fn attached_at(cx: &mut Cx<'_>, addr: GuestAddr) -> Result<(ObjectId, u64)> {
    let space = cx.space();
    let space = cx.sys.mem.spaces.get(space).ok_or(Errno::EINVAL)?;
    for area in space.areas().overlapping(addr.0..u64::MAX) {
        let Backing::Shared { object, page } = area.backing else { continue };
        if area.start < addr.0 || area.start - addr.0 != page * PAGE_SIZE {
            continue;
        }
        if let Some(id) = cx.sys.mem.segment_of(object) {
            let segment = cx.sys.ipc.segments.get(id)?;
            return Ok((object, addr.0.saturating_add(segment.pages() * PAGE_SIZE)));
        }
    }
    Err(Errno::EINVAL)
}

crate::pod! {
    /// `struct shmid64_ds` of asm-generic/shmbuf.h.
    struct ShmIdDs {
        perm: IpcPerm,
        size: u64,
        attached: u64,
        detached: u64,
        changed: u64,
        creator: u32,
        last: u32,
        attachments: u64,
        unused: [u64; 2],
    }
}

crate::pod! {
    /// `struct shminfo64`.
    struct ShmInfo64 {
        max: u64,
        min: u64,
        count: u64,
        per_process: u64,
        all: u64,
        unused: [u64; 4],
    }
}

crate::pod! {
    /// `struct shm_info`.
    struct ShmInfo {
        used: u32,
        pad: u32,
        pages: u64,
        resident: u64,
        swapped: u64,
        swap_attempts: u64,
        swap_successes: u64,
    }
}

const SHM_LOCK: u32 = 11;
const SHM_UNLOCK: u32 = 12;
const SHM_STAT: u32 = 13;
const SHM_INFO: u32 = 14;
const SHM_STAT_ANY: u32 = 15;

/// `shmctl(2)`.
pub fn shmctl(cx: &mut Cx<'_>, shmid: i32, cmd: u32, buf: GuestAddr) -> SysResult {
    if shmid < 0 {
        return Err(Errno::EINVAL);
    }
    let ipc = &cx.sys.ipc;
    match cmd {
        IPC_INFO => {
            let limits = ipc.limits;
            let info = ShmInfo64 {
                max: limits.shm_max,
                min: SHM_MIN,
                count: limits.shm_count.into(),
                per_process: limits.shm_count.into(),
                all: limits.shm_all,
                unused: [0; 4],
            };
            let highest = ipc.segments.highest();
            cx.answer(buf, &info, highest as u64)
        }
        SHM_INFO => {
            let resident = |(_, segment): (u32, &Segment)| cx.sys.mem.segment_pages(segment.object);
            let info = ShmInfo {
                used: ipc.segments.len() as u32,
                pad: 0,
                pages: ipc.pages(),
                resident: ipc.segments.iter().map(resident).sum(),
                swapped: 0,
                swap_attempts: 0,
                swap_successes: 0,
            };
            let highest = ipc.segments.highest();
            cx.answer(buf, &info, highest as u64)
        }
        IPC_STAT | SHM_STAT | SHM_STAT_ANY => {
            let segment = match cmd {
                IPC_STAT => ipc.segments.get(shmid)?,
                _ => ipc.segments.at_place(shmid)?,
            };
            if cmd != SHM_STAT_ANY {
                cx.check_wanted(segment.permissions(), Wanted::READ)?;
            }
            let info = describe(cx, segment);
            let number = if cmd == IPC_STAT { 0 } else { segment.permissions().id as u64 };
            cx.answer(buf, &info, number)
        }
        IPC_SET => {
            let new: ShmIdDs = cx.read_pod(buf)?;
            change(cx, shmid, |segment| new.perm.apply(segment.permissions_mut()))
        }
        IPC_RMID => {
            cx.sys.ipc.segments.get(shmid)?.permissions().check_owner(cx.creds()?)?;
            let crate::system::System { ipc, mem, .. } = &mut *cx.sys;
            ipc.doom_segment(mem, shmid);
            Ok(Flow::Done(0))
        }
        SHM_LOCK | SHM_UNLOCK => {
            check_lock(cx, shmid, cmd == SHM_LOCK)?;
            cx.sys.ipc.segments.get_mut(shmid)?.locked = cmd == SHM_LOCK;
            Ok(Flow::Done(0))
        }
        _ => Err(Errno::EINVAL),
    }
}

fn describe(cx: &Cx<'_>, segment: &Segment) -> ShmIdDs {
    ShmIdDs {
        perm: IpcPerm::new(segment.permissions(), segment.shown_mode()),
        size: segment.size,
        attached: segment.attached,
        detached: segment.detached,
        changed: segment.changed,
        creator: segment.creator.get(),
        last: segment.last.map_or(0, Pid::get),
        attachments: cx.sys.mem.segment_attachments(segment.object).into(),
        unused: [0; 2],
    }
}

/// A change by whoever owns or made the segment.
fn change(cx: &mut Cx<'_>, id: i32, apply: impl FnOnce(&mut Segment) -> Result<()>) -> SysResult {
    cx.sys.ipc.segments.get(id)?.permissions().check_owner(cx.creds()?)?;
    let now = cx.seconds();
    let segment = cx.sys.ipc.segments.get_mut(id)?;
    apply(segment)?;
    segment.changed = now;
    Ok(Flow::Done(0))
}

/// Who may lock a segment (`shmctl(2)`, `SHM_LOCK`).
///
/// # Errors
/// `EINVAL`, `EPERM`.
fn check_lock(cx: &mut Cx<'_>, id: i32, lock: bool) -> Result<()> {
    if cx.can(Capabilities::IPC_LOCK) {
        return cx.sys.ipc.segments.get(id).map(|_| ());
    }
    let allowed = cx.process().rlimits.soft(Resource::LockedMemory);
    let permissions = cx.sys.ipc.segments.get(id)?.permissions();
    let euid = cx.creds()?.euid;
    if euid != permissions.uid && euid != permissions.creator_uid || lock && allowed == 0 {
        return Err(Errno::EPERM);
    }
    Ok(())
}
