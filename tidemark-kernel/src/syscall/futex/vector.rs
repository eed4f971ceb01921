//! The calls that split up `futex(2)`: `futex_waitv(2)`, `futex_wait(2)`, `futex_wake(2)` and `futex_requeue(2)`
//! (Linux, `kernel/futex/syscalls.c`). Words have 32 bits and no NUMA node.

use super::{Timeout, Word, is_late, set_deadline};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::futex::Kind;
use crate::mem::Pod;
use crate::syscall::{Cx, SysResult};
use crate::time::Clock;
use crate::wait::{Entry, Flow, Restart};

const FUTEX2_SIZE_MASK: u32 = 3;
const FUTEX2_SIZE_U32: u32 = 2;
const FUTEX2_PRIVATE: u32 = 128;

/// Words that one call waits on at the most (`FUTEX_WAITV_MAX`).
const WORDS_MAX: u32 = 128;

const CLOCK_REALTIME: i32 = 0;
const CLOCK_MONOTONIC: i32 = 1;

crate::pod! {
    /// `struct futex_waitv`.
    struct RawWait {
        val: u64,
        uaddr: GuestAddr,
        flags: u32,
        reserved: u32,
    }
}

/// A word and the value it should have.
#[derive(Clone, Copy, Debug)]
struct Expected {
    word: Word,
    value: u32,
}

/// Whether a word is private to the process.
fn is_private(flags: u32) -> Result<bool> {
    let known = flags & !(FUTEX2_SIZE_MASK | FUTEX2_PRIVATE) == 0;
    if known && flags & FUTEX2_SIZE_MASK == FUTEX2_SIZE_U32 {
        Ok(flags & FUTEX2_PRIVATE != 0)
    } else {
        Err(Errno::EINVAL)
    }
}

/// A number that the word could have.
fn word_value(value: u64) -> Result<u32> {
    u32::try_from(value).map_err(|_| Errno::EINVAL)
}

fn clock(clockid: i32) -> Result<Clock> {
    match clockid {
        CLOCK_REALTIME => Ok(Clock::Realtime),
        CLOCK_MONOTONIC => Ok(Clock::Monotonic),
        _ => Err(Errno::EINVAL),
    }
}

fn read_words(cx: &mut Cx<'_>, waiters: GuestAddr, count: u32) -> Result<Vec<Expected>> {
    let one = |index: u32| {
        let raw = cx.read_pod::<RawWait>(waiters.add(u64::from(index) * RawWait::SIZE as u64)?)?;
        if raw.reserved != 0 {
            return Err(Errno::EINVAL);
        }
        let word = Word { addr: raw.uaddr, private: is_private(raw.flags)? };
        Ok(Expected { word, value: word_value(raw.val)? })
    };
    (0..count).map(one).collect()
}

/// `futex_waitv(2)`: waits until one of several words is woken, and answers which.
pub fn futex_waitv(
    cx: &mut Cx<'_>,
    waiters: GuestAddr,
    nr_futexes: u32,
    flags: u32,
    timeout: GuestAddr,
    clockid: i32,
) -> SysResult {
    cx.sys.leave_futexes(cx.tid);
    match cx.entry {
        Entry::Timeout => return Err(Errno::ETIMEDOUT),
        Entry::Signal => return Ok(Flow::Interrupted(Restart::System)),
        Entry::First | Entry::Step | Entry::Event => {}
    }
    if flags != 0 || nr_futexes == 0 || nr_futexes > WORDS_MAX || waiters.is_null() {
        return Err(Errno::EINVAL);
    }
    if !timeout.is_null() {
        set_deadline(cx, timeout, Timeout::Absolute(clock(clockid)?))?;
    }
    let words = read_words(cx, waiters, nr_futexes)?;
    let keys = words.iter().map(|expected| expected.word.key(cx)).collect::<Result<Vec<_>>>()?;
    for expected in &words {
        if expected.word.value(cx)? != expected.value {
            return Err(Errno::EAGAIN);
        }
    }
    if is_late(cx) {
        return Err(Errno::ETIMEDOUT);
    }
    for (index, key) in (0..).zip(keys) {
        cx.sys.enter_futex(cx.tid, key, super::ALL_BITS, Kind::Plain(index));
    }
    Ok(cx.block())
}

/// `futex_wait(2)`: `FUTEX_WAIT_BITSET` with its parameters apart.
pub fn futex_wait(
    cx: &mut Cx<'_>,
    uaddr: GuestAddr,
    val: u64,
    mask: u64,
    flags: u32,
    timeout: GuestAddr,
    clockid: i32,
) -> SysResult {
    let word = Word { addr: uaddr, private: is_private(flags)? };
    let (val, mask) = (word_value(val)?, word_value(mask)?);
    let clock = if timeout.is_null() { Clock::Monotonic } else { clock(clockid)? };
    match super::wait(cx, word, val, mask, timeout, Timeout::Absolute(clock))? {
        Flow::Interrupted(_) => Ok(Flow::Interrupted(Restart::System)),
        flow => Ok(flow),
    }
}

/// `futex_wake(2)`: `FUTEX_WAKE_BITSET`, but none when none are asked for.
pub fn futex_wake(cx: &mut Cx<'_>, uaddr: GuestAddr, mask: u64, nr: i32, flags: u32) -> SysResult {
    let word = Word { addr: uaddr, private: is_private(flags)? };
    let mask = word_value(mask)?;
    if nr == 0 && mask != 0 {
        return word.key(cx).map(|_| Flow::Done(0));
    }
    super::wake(cx, word, nr as u32, mask)
}

/// `futex_requeue(2)`: `FUTEX_CMP_REQUEUE` between two words that may differ in kind.
pub fn futex_requeue(
    cx: &mut Cx<'_>,
    waiters: GuestAddr,
    flags: u32,
    nr_wake: u32,
    nr_requeue: u32,
) -> SysResult {
    if flags != 0 || waiters.is_null() {
        return Err(Errno::EINVAL);
    }
    match read_words(cx, waiters, 2)?.as_slice() {
        [from, to] => super::requeue(cx, from.word, to.word, nr_wake, nr_requeue, Some(from.value)),
        _ => Err(Errno::EINVAL),
    }
}
