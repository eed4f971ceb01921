//! Locking memory: nothing is ever swapped out, so what locking shows is the limit, and pages that are there.

use std::ops::Range;

use super::{Cx, SysResult};
use crate::addr::{ADDRESS_LIMIT, GuestAddr, page_align_up};
use crate::errno::{Errno, Result};
use crate::mem::area::AreaFlags;
use crate::task::{Capabilities, INFINITY, Resource};

/// Whether the caller may ask for a locked mapping (`mmap(2)`, `MAP_LOCKED`).
///
/// # Errors
/// `EPERM` where it may lock nothing at all.
pub(super) fn check_may_lock(cx: &mut Cx<'_>) -> Result<()> {
    check_lock(cx, 0..0, Errno::EAGAIN)
}

/// Whether a new mapping may be locked, if it will be: because it was `asked` for, or all new ones are (`MCL_FUTURE`).
///
/// # Errors
/// `EAGAIN` where more would be locked than the caller may (`RLIMIT_MEMLOCK`).
pub(super) fn check_new_lock(cx: &mut Cx<'_>, len: u64, asked: bool) -> Result<()> {
    let limit = cx.process().rlimits.soft(Resource::LockedMemory);
    let space = cx.space();
    let mm = cx.sys.mm(space)?;
    if !asked && !mm.locks_future() {
        return Ok(());
    }
    if mm.locked_bytes().saturating_add(len) > limit && !cx.can(Capabilities::IPC_LOCK) {
        return Err(Errno::EAGAIN);
    }
    Ok(())
}

/// Whether the caller may make a mapping longer by `more` bytes, which are locked if it is (`mremap(2)`).
///
/// # Errors
/// `EAGAIN` beyond the limit.
pub(super) fn check_growth(cx: &mut Cx<'_>, at: u64, more: u64) -> Result<()> {
    let limit = cx.process().rlimits.soft(Resource::LockedMemory);
    // Its later entries come back to a change that was begun.
    if limit == INFINITY || cx.progress.state.is_some() || cx.can(Capabilities::IPC_LOCK) {
        return Ok(());
    }
    let space = cx.space();
    let mm = cx.sys.mm(space)?;
    let locked = mm.space().areas().find(at).is_some_and(|area| area.flags.contains(AreaFlags::LOCKED));
    if locked && mm.locked_bytes().saturating_add(more) > limit { Err(Errno::EAGAIN) } else { Ok(()) }
}

/// Whether the caller may lock what of a range it has not locked yet (`RLIMIT_MEMLOCK`).
///
/// # Errors
/// `EPERM` where it may lock nothing at all, `over` for more than it may.
fn check_lock(cx: &mut Cx<'_>, range: Range<u64>, over: Errno) -> Result<()> {
    let limit = cx.process().rlimits.soft(Resource::LockedMemory);
    // Its later entries come back to a change that was begun.
    if limit == INFINITY || cx.progress.state.is_some() || cx.can(Capabilities::IPC_LOCK) {
        return Ok(());
    }
    if limit == 0 {
        return Err(Errno::EPERM);
    }
    let space = cx.space();
    let mm = cx.sys.mm(space)?;
    let fresh = |area: &crate::mem::area::Area| match area.flags.contains(AreaFlags::LOCKED) {
        true => 0,
        false => area.end.min(range.end).saturating_sub(area.start.max(range.start)),
    };
    let added: u64 = mm.space().areas().overlapping(range.clone()).map(fresh).sum();
    if mm.locked_bytes().saturating_add(added) > limit { Err(over) } else { Ok(()) }
}

/// The pages that a range touches, as `mlock(2)` rounds.
fn touched_pages(addr: GuestAddr, len: u64) -> Result<Range<u64>> {
    let start = addr.page_start();
    let end = addr.0.checked_add(len).and_then(page_align_up).ok_or(Errno::EINVAL)?;
    Ok(start.0..end)
}

/// `mlock(2)`.
pub fn mlock(cx: &mut Cx<'_>, addr: GuestAddr, len: u64) -> SysResult {
    let range = touched_pages(addr, len)?;
    check_lock(cx, range.clone(), Errno::ENOMEM)?;
    cx.change(|mm| mm.lock(range, true).map(|()| 0))
}

/// `mlock2(2)`.
pub fn mlock2(cx: &mut Cx<'_>, addr: GuestAddr, len: u64, flags: u32) -> SysResult {
    const ON_FAULT: u32 = 1;
    if flags & !ON_FAULT != 0 {
        return Err(Errno::EINVAL);
    }
    let range = touched_pages(addr, len)?;
    check_lock(cx, range.clone(), Errno::ENOMEM)?;
    cx.change(|mm| mm.lock(range, flags & ON_FAULT == 0).map(|()| 0))
}

/// `munlock(2)`.
pub fn munlock(cx: &mut Cx<'_>, addr: GuestAddr, len: u64) -> SysResult {
    let range = touched_pages(addr, len)?;
    cx.change(|mm| mm.unlock(range).map(|()| 0))
}

/// `mlockall(2)`.
pub fn mlockall(cx: &mut Cx<'_>, flags: u32) -> SysResult {
    const CURRENT: u32 = 1;
    const FUTURE: u32 = 2;
    const ON_FAULT: u32 = 4;
    if flags & !(CURRENT | FUTURE | ON_FAULT) != 0 || flags & (CURRENT | FUTURE) == 0 {
        return Err(Errno::EINVAL);
    }
    let all = if flags & CURRENT != 0 { 0..ADDRESS_LIMIT } else { 0..0 };
    check_lock(cx, all, Errno::ENOMEM)?;
    cx.change(|mm| {
        mm.set_lock_future(flags & FUTURE != 0);
        if flags & CURRENT != 0 {
            mm.lock_all(flags & ON_FAULT == 0);
        }
        Ok(0)
    })
}

/// `munlockall(2)`.
pub fn munlockall(cx: &mut Cx<'_>) -> SysResult {
    cx.change(|mm| {
        mm.set_lock_future(false);
        mm.unlock_all();
        Ok(0)
    })
}
