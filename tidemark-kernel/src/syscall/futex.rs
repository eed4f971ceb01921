//! `futex(2)`: waiting, waking and moving waiters, and robust lists.
//!
//! [`pi`] has the operations on locks that the kernel hands over, [`vector`] the calls that came later.

mod pi;
mod vector;

pub use vector::{futex_requeue, futex_wait, futex_waitv, futex_wake};

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::futex::{FutexKey, Kind, STEP_WAITERS};
use crate::task::Tid;
use crate::time::{Clock, Timespec};
use crate::wait::{Entry, Flow, Restart};

const FUTEX_WAIT: u32 = 0;
const FUTEX_WAKE: u32 = 1;
const FUTEX_REQUEUE: u32 = 3;
const FUTEX_CMP_REQUEUE: u32 = 4;
const FUTEX_WAKE_OP: u32 = 5;
const FUTEX_LOCK_PI: u32 = 6;
const FUTEX_UNLOCK_PI: u32 = 7;
const FUTEX_TRYLOCK_PI: u32 = 8;
const FUTEX_WAIT_BITSET: u32 = 9;
const FUTEX_WAKE_BITSET: u32 = 10;
const FUTEX_WAIT_REQUEUE_PI: u32 = 11;
const FUTEX_CMP_REQUEUE_PI: u32 = 12;
const FUTEX_LOCK_PI2: u32 = 13;
const FUTEX_PRIVATE_FLAG: u32 = 128;
const FUTEX_CLOCK_REALTIME: u32 = 256;
const ALL_BITS: u32 = u32::MAX;

/// A word as a call names it.
#[derive(Clone, Copy, Debug)]
struct Word {
    addr: GuestAddr,
    private: bool,
}

impl Word {
    fn key(self, cx: &mut Cx<'_>) -> Result<FutexKey> {
        let space = cx.space();
        cx.sys.futex_key(space, self.addr, self.private)
    }

    fn value(self, cx: &mut Cx<'_>) -> Result<u32> {
        let space = cx.space();
        cx.sys.futex_value(space, self.addr)
    }
}

/// `futex(2)`. The fourth argument is a timeout or a count, by operation.
pub fn futex(
    cx: &mut Cx<'_>,
    uaddr: GuestAddr,
    futex_op: u32,
    val: u32,
    timeout: GuestAddr,
    uaddr2: GuestAddr,
    val3: u32,
) -> SysResult {
    let private = futex_op & FUTEX_PRIVATE_FLAG != 0;
    let realtime = futex_op & FUTEX_CLOCK_REALTIME != 0;
    let op = futex_op & !(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
    let with_clock = [FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI, FUTEX_LOCK_PI2];
    if realtime && !with_clock.contains(&op) {
        return Err(Errno::ENOSYS);
    }
    let clock = if realtime { Clock::Realtime } else { Clock::Monotonic };
    let (word, word2) = (Word { addr: uaddr, private }, Word { addr: uaddr2, private });
    let count2 = timeout.0 as u32;
    match op {
        FUTEX_WAIT => wait(cx, word, val, ALL_BITS, timeout, Timeout::Relative),
        FUTEX_WAIT_BITSET => wait(cx, word, val, val3, timeout, Timeout::Absolute(clock)),
        FUTEX_WAKE => wake(cx, word, val, ALL_BITS),
        FUTEX_WAKE_BITSET => wake(cx, word, val, val3),
        FUTEX_REQUEUE => requeue(cx, word, word2, val, count2, None),
        FUTEX_CMP_REQUEUE => requeue(cx, word, word2, val, count2, Some(val3)),
        FUTEX_WAKE_OP => wake_op(cx, word, word2, val, count2, val3),
        FUTEX_LOCK_PI => pi::lock(cx, word, timeout, Clock::Realtime),
        FUTEX_LOCK_PI2 => pi::lock(cx, word, timeout, clock),
        FUTEX_TRYLOCK_PI => pi::try_lock(cx, word),
        FUTEX_UNLOCK_PI => pi::unlock(cx, word),
        FUTEX_WAIT_REQUEUE_PI => pi::wait_for_lock(cx, word, word2, val, timeout, clock),
        FUTEX_CMP_REQUEUE_PI => pi::requeue(cx, word, word2, val, count2, val3),
        _ => Err(Errno::ENOSYS),
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Timeout {
    Relative,
    Absolute(Clock),
}

/// Fixes the deadline at the first entry, if there is one.
fn set_deadline(cx: &mut Cx<'_>, timeout: GuestAddr, kind: Timeout) -> Result<()> {
    if cx.entry == Entry::First && !timeout.is_null() {
        let time = cx.read_pod::<Timespec>(timeout)?.nanos()?;
        let deadline = match kind {
            Timeout::Relative => cx.now().monotonic.saturating_add(time),
            Timeout::Absolute(clock) => clock.deadline(time, cx.now()),
        };
        cx.progress.deadline = Some(deadline);
    }
    Ok(())
}

/// Whether the deadline has passed before the call waits.
fn is_late(cx: &Cx<'_>) -> bool {
    cx.progress.deadline.is_some_and(|deadline| deadline <= cx.now().monotonic)
}

fn wait(
    cx: &mut Cx<'_>,
    word: Word,
    expected: u32,
    bitset: u32,
    timeout: GuestAddr,
    kind: Timeout,
) -> SysResult {
    // A waker answers the call itself; whoever comes here otherwise leaves the queue first.
    cx.sys.leave_futexes(cx.tid);
    match cx.entry {
        Entry::Timeout => return Err(Errno::ETIMEDOUT),
        Entry::Signal => {
            // With a time limit it counts as a sleep (`signal(7)`; Linux, `futex_wait`: `ERESTART_RESTARTBLOCK`).
            let limited = cx.progress.deadline.is_some();
            let restart = if limited { Restart::NoHandler } else { Restart::System };
            return Ok(Flow::Interrupted(restart));
        }
        Entry::First | Entry::Step | Entry::Event => {}
    }
    set_deadline(cx, timeout, kind)?;
    if bitset == 0 {
        return Err(Errno::EINVAL);
    }
    let key = word.key(cx)?;
    if word.value(cx)? != expected {
        return Err(Errno::EAGAIN);
    }
    if is_late(cx) {
        return Err(Errno::ETIMEDOUT);
    }
    cx.sys.enter_futex(cx.tid, key, bitset, Kind::Plain(0));
    Ok(cx.block())
}

fn wake(cx: &mut Cx<'_>, word: Word, most: u32, bitset: u32) -> SysResult {
    if bitset == 0 {
        return Err(Errno::EINVAL);
    }
    let key = word.key(cx)?;
    let left = at_least_one(most).saturating_sub(cx.progress.done);
    let woken = cx.sys.futex_wake(key, left as u32, bitset)?;
    cx.progress.done += u64::from(woken);
    if woken == STEP_WAITERS && u64::from(woken) < left {
        return Ok(Flow::Again);
    }
    Ok(Flow::Done(cx.progress.done))
}

/// As a signed number, which is what `int` arguments are; Linux wakes one for zero and less.
fn at_least_one(count: u32) -> u64 {
    u64::from((count as i32).max(1) as u32)
}

fn requeue(
    cx: &mut Cx<'_>,
    word: Word,
    word2: Word,
    wake: u32,
    most: u32,
    expected: Option<u32>,
) -> SysResult {
    if (wake as i32) < 0 || (most as i32) < 0 {
        return Err(Errno::EINVAL);
    }
    let (from, to) = (word.key(cx)?, word2.key(cx)?);
    if let Some(expected) = expected
        && cx.entry == Entry::First
        && word.value(cx)? != expected
    {
        return Err(Errno::EAGAIN);
    }
    // First the wakes, then the moves; `done` counts both.
    let wake = u64::from(wake);
    let total = wake + u64::from(most);
    for _ in 0..STEP_WAITERS {
        let done = cx.progress.done;
        if done >= total {
            break;
        }
        let found = if done < wake {
            cx.sys.futex_wake(from, 1, ALL_BITS)? == 1
        } else if from == to {
            false
        } else {
            cx.sys.futexes.requeue(from, to)?
        };
        if !found {
            return Ok(Flow::Done(done));
        }
        cx.progress.done += 1;
    }
    match cx.progress.done {
        // Woken or moved; futex(2) says only woken for FUTEX_REQUEUE, Linux answers both.
        done if done >= total => Ok(Flow::Done(done)),
        _ => Ok(Flow::Again),
    }
}

fn wake_op(cx: &mut Cx<'_>, word: Word, word2: Word, most: u32, most2: u32, encoded: u32) -> SysResult {
    let space = cx.space();
    let (key, key2) = (word.key(cx)?, word2.key(cx)?);
    let old = match cx.entry {
        Entry::First => {
            let op = WakeOp::decode(encoded)?;
            let old = cx.sys.futex_update(space, word2.addr, |value| Some(op.apply(value)))?;
            // Linux looks at the comparison only when the operation is done (`futex_atomic_op_inuser`).
            if op.comparison > 5 {
                return Err(Errno::ENOSYS);
            }
            cx.progress.state = Some(Box::new((old, 0u64)));
            old
        }
        _ => state(cx).0,
    };
    let first = at_least_one(most);
    let (_, done2) = state(cx);
    let done = cx.progress.done;
    if done < first && done2 == 0 {
        let woken = cx.sys.futex_wake(key, (first - done) as u32, ALL_BITS)?;
        cx.progress.done += u64::from(woken);
        if woken == STEP_WAITERS && cx.progress.done < first {
            return Ok(Flow::Again);
        }
    }
    if !WakeOp::decode(encoded)?.holds(old) {
        return Ok(Flow::Done(cx.progress.done));
    }
    let left = at_least_one(most2).saturating_sub(done2);
    let woken = cx.sys.futex_wake(key2, left as u32, ALL_BITS)?;
    let done2 = done2 + u64::from(woken);
    if woken == STEP_WAITERS && u64::from(woken) < left {
        cx.progress.state = Some(Box::new((old, done2)));
        return Ok(Flow::Again);
    }
    Ok(Flow::Done(cx.progress.done + done2))
}

/// The old value of the second word and the waiters of it woken so far.
fn state(cx: &Cx<'_>) -> (u32, u64) {
    cx.progress.state.as_ref().and_then(|state| state.downcast_ref()).copied().unwrap_or_default()
}

/// The operation and comparison of `FUTEX_WAKE_OP`.
struct WakeOp {
    op: u32,
    operand: u32,
    comparison: u32,
    comparand: u32,
}

impl WakeOp {
    fn decode(encoded: u32) -> Result<WakeOp> {
        // Two 12-bit signed operands; bit 3 of the operation means 1 << operand.
        let signed = |bits: u32| ((bits << 20) as i32 >> 20) as u32;
        let op = encoded >> 28;
        let operand = signed(encoded >> 12);
        let operand = if op & 8 != 0 { 1u32.wrapping_shl(operand) } else { operand };
        let wake = WakeOp { op: op & 7, operand, comparison: encoded >> 24 & 15, comparand: signed(encoded) };
        if wake.op > 4 { Err(Errno::ENOSYS) } else { Ok(wake) }
    }

    fn apply(&self, value: u32) -> u32 {
        match self.op {
            0 => self.operand,
            1 => value.wrapping_add(self.operand),
            2 => value | self.operand,
            3 => value & !self.operand,
            _ => value ^ self.operand,
        }
    }

    fn holds(&self, old: u32) -> bool {
        let (old, comparand) = (old as i32, self.comparand as i32);
        match self.comparison {
            0 => old == comparand,
            1 => old != comparand,
            2 => old < comparand,
            3 => old <= comparand,
            4 => old > comparand,
            _ => old >= comparand,
        }
    }
}

/// `set_robust_list(2)`.
pub fn set_robust_list(cx: &mut Cx<'_>, head: GuestAddr, len: usize) -> SysResult {
    if len as u64 != crate::futex::ROBUST_HEAD_BYTES {
        return Err(Errno::EINVAL);
    }
    cx.thread().robust_list = head;
    Ok(Flow::Done(0))
}

/// `get_robust_list(2)`.
pub fn get_robust_list(cx: &mut Cx<'_>, pid: i32, head_ptr: GuestAddr, len_ptr: GuestAddr) -> SysResult {
    let tid = match pid {
        0 => cx.tid,
        pid => u32::try_from(pid).ok().and_then(Tid::new).ok_or(Errno::ESRCH)?,
    };
    let thread = cx.sys.tasks.thread(tid).ok_or(Errno::ESRCH)?;
    let (head, owner) = (thread.robust_list, thread.pid);
    if owner != cx.pid && !cx.can(crate::task::Capabilities::SYS_PTRACE) {
        return Err(Errno::EPERM);
    }
    cx.write_pod(len_ptr, &crate::futex::ROBUST_HEAD_BYTES)?;
    cx.write_pod(head_ptr, &head)?;
    Ok(Flow::Done(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wake_op_decodes_as_the_man_page_says() {
        // FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_GT, 1) is glibc's condition variable idiom.
        let op = WakeOp::decode(1 << 28 | 4 << 24 | 1 << 12 | 1).unwrap();
        assert_eq!(op.apply(5), 6);
        assert!(op.holds(2) && !op.holds(1));
        // A shifted operand, and negative ones.
        assert_eq!(WakeOp::decode((8 | 2) << 28 | 5 << 12).unwrap().apply(0), 32);
        let negative = WakeOp::decode(1 << 28 | 2 << 24 | 0xfff << 12 | 0xfff).unwrap();
        assert_eq!(negative.apply(5), 4);
        assert!(negative.holds(-2i32 as u32));
        assert!(WakeOp::decode(5 << 28).is_err());
    }
}
