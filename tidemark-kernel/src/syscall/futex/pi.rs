//! The operations of `futex(2)` on locks that the kernel hands over.

use super::{ALL_BITS, Timeout, Word, is_late, set_deadline};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::futex::{Attempt, FutexKey, Kind, STEP_WAITERS};
use crate::syscall::{Cx, SysResult};
use crate::task::Tid;
use crate::time::Clock;
use crate::wait::{Entry, Flow, Restart};

/// `FUTEX_LOCK_PI`, `FUTEX_LOCK_PI2`.
pub(super) fn lock(cx: &mut Cx<'_>, word: Word, timeout: GuestAddr, clock: Clock) -> SysResult {
    // Who hands the lock over answers the call itself; whoever comes here otherwise leaves the queue first.
    cx.sys.leave_futexes(cx.tid);
    match cx.entry {
        Entry::Timeout => return Err(Errno::ETIMEDOUT),
        Entry::Signal => return Ok(Flow::Interrupted(Restart::Always)),
        Entry::First | Entry::Step | Entry::Event => {}
    }
    set_deadline(cx, timeout, Timeout::Absolute(clock))?;
    let (key, attempt) = attempt(cx, word)?;
    let Attempt::OwnedBy(owner) = attempt else { return Ok(Flow::Done(0)) };
    if cx.sys.would_deadlock(cx.tid, owner) {
        return Err(Errno::EDEADLK);
    }
    if is_late(cx) {
        return Err(Errno::ETIMEDOUT);
    }
    cx.sys.await_lock(cx.tid, key, word.addr, owner);
    Ok(cx.block())
}

/// `FUTEX_TRYLOCK_PI`.
pub(super) fn try_lock(cx: &mut Cx<'_>, word: Word) -> SysResult {
    match attempt(cx, word)?.1 {
        Attempt::Acquired => Ok(Flow::Done(0)),
        Attempt::OwnedBy(_) => Err(Errno::EAGAIN),
    }
}

fn attempt(cx: &mut Cx<'_>, word: Word) -> Result<(FutexKey, Attempt)> {
    let (space, key) = (cx.space(), word.key(cx)?);
    Ok((key, cx.sys.try_lock(space, word.addr, key, cx.tid, false)?))
}

/// `FUTEX_UNLOCK_PI`.
pub(super) fn unlock(cx: &mut Cx<'_>, word: Word) -> SysResult {
    let space = cx.space();
    let key = word.key(cx)?;
    cx.sys.unlock(space, word.addr, key, cx.tid)?;
    Ok(Flow::Done(0))
}

/// `FUTEX_WAIT_REQUEUE_PI`: waits on one word until it is moved to the lock of the other, and then for that.
pub(super) fn wait_for_lock(
    cx: &mut Cx<'_>,
    word: Word,
    lock: Word,
    expected: u32,
    timeout: GuestAddr,
    clock: Clock,
) -> SysResult {
    let waited_for = cx.sys.leave_futexes(cx.tid);
    match (cx.entry, waited_for) {
        (Entry::Timeout, _) => return Err(Errno::ETIMEDOUT),
        // Once it was moved it cannot begin anew: the caller must look (Linux, `futex_wait_requeue_pi`).
        (Entry::Signal, Some(Kind::Lock(_))) => return Err(Errno::EAGAIN),
        (Entry::Signal, _) => return Ok(Flow::Interrupted(Restart::Always)),
        (Entry::First | Entry::Step | Entry::Event, _) => {}
    }
    set_deadline(cx, timeout, Timeout::Absolute(clock))?;
    if word.addr == lock.addr {
        return Err(Errno::EINVAL);
    }
    let to = lock.key(cx)?;
    let from = word.key(cx)?;
    if word.value(cx)? != expected {
        return Err(Errno::EAGAIN);
    }
    if from == to {
        return Err(Errno::EINVAL);
    }
    if is_late(cx) {
        return Err(Errno::ETIMEDOUT);
    }
    cx.sys.enter_futex(cx.tid, from, ALL_BITS, Kind::Condition(to, lock.addr));
    Ok(cx.block())
}

/// `FUTEX_CMP_REQUEUE_PI`: the first waiter has the lock if that is free, the others wait for it.
pub(super) fn requeue(
    cx: &mut Cx<'_>,
    word: Word,
    lock: Word,
    wake: u32,
    most: u32,
    expected: u32,
) -> SysResult {
    if word.addr == lock.addr || wake != 1 || (most as i32) < 0 {
        return Err(Errno::EINVAL);
    }
    let space = cx.space();
    let (from, to) = (word.key(cx)?, lock.key(cx)?);
    if from == to {
        return Err(Errno::EINVAL);
    }
    let owner = match cx.progress.state.as_ref().and_then(|state| state.downcast_ref::<Tid>()) {
        Some(owner) => *owner,
        None => {
            if word.value(cx)? != expected {
                return Err(Errno::EAGAIN);
            }
            let first = cx.sys.futexes.first(from).map(|(_, tid, _)| tid);
            let attempt = cx.sys.lock_for_first(space, from, to, lock.addr, most > 0)?;
            let (Some(attempt), Some(first)) = (attempt, first) else { return Ok(Flow::Done(0)) };
            let owner = match attempt {
                Attempt::OwnedBy(owner) => owner,
                Attempt::Acquired => {
                    cx.progress.done = 1;
                    first
                }
            };
            cx.progress.state = Some(Box::new(owner));
            owner
        }
    };
    let total = u64::from(wake) + u64::from(most);
    for _ in 0..STEP_WAITERS {
        if cx.progress.done >= total || !cx.sys.move_to_lock(from, to, owner)? {
            return Ok(Flow::Done(cx.progress.done));
        }
        cx.progress.done += 1;
    }
    Ok(Flow::Again)
}
