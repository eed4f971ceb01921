//! Signals: actions, masks, waiting, returning, alternative stacks.

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::signal::{Action, AltStack, Disposition, SIGINFO_BYTES, SigInfo, SigSet, Signal};
use crate::task::Capabilities;
use crate::time::Timespec;
use crate::wait::{Entry, Flow, Restart};

/// Bytes of the kernel's `sigset_t`, which callers pass along.
const SIGSET_BYTES: usize = 8;

fn check_set_size(size: usize) -> Result<()> {
    if size == SIGSET_BYTES { Ok(()) } else { Err(Errno::EINVAL) }
}

impl Cx<'_> {
    /// Replaces the signal mask while this call lasts, as `ppoll(2)` and its like do; a null pointer leaves it. The
    /// first entry of a call does this, later ones need not.
    ///
    /// # Errors
    /// `EINVAL` for another size than a `sigset_t`'s, `EFAULT`.
    pub fn temporary_mask(&mut self, set: GuestAddr, size: usize) -> Result<()> {
        if set.is_null() || self.entry != Entry::First {
            return Ok(());
        }
        check_set_size(size)?;
        let mask = SigSet::from_bits(self.read_pod(set)?).without(SigSet::UNSTOPPABLE);
        let signals = &mut self.thread().signals;
        signals.saved_mask = Some(core::mem::replace(&mut signals.mask, mask));
        Ok(())
    }
}

/// `rt_sigaction(2)`.
pub fn rt_sigaction(
    cx: &mut Cx<'_>,
    signum: Signal,
    act: GuestAddr,
    oldact: GuestAddr,
    sigsetsize: usize,
) -> SysResult {
    check_set_size(sigsetsize)?;
    let old = cx.process().signals.actions.get(signum);
    if !act.is_null() {
        let action = Action::from_words(cx.read_pod(act)?);
        if signum.is_unstoppable() {
            return Err(Errno::EINVAL);
        }
        cx.process().signals.actions.set(signum, action);
        let explicit = action.disposition == Disposition::Ignore;
        if explicit || cx.process().signals.actions.ignores(signum) {
            cx.sys.discard_pending(cx.pid, SigSet::of(&[signum]));
        }
    }
    if !oldact.is_null() {
        cx.write_pod(oldact, &old.to_words())?;
    }
    Ok(Flow::Done(0))
}

const SIG_BLOCK: i32 = 0;
const SIG_UNBLOCK: i32 = 1;
const SIG_SETMASK: i32 = 2;

/// `rt_sigprocmask(2)`.
pub fn rt_sigprocmask(
    cx: &mut Cx<'_>,
    how: i32,
    set: GuestAddr,
    oldset: GuestAddr,
    sigsetsize: usize,
) -> SysResult {
    check_set_size(sigsetsize)?;
    let old = cx.thread().signals.mask;
    if !set.is_null() {
        let set = SigSet::from_bits(cx.read_pod(set)?);
        let mask = match how {
            SIG_BLOCK => old.union(set),
            SIG_UNBLOCK => old.without(set),
            SIG_SETMASK => set,
            _ => return Err(Errno::EINVAL),
        };
        cx.sys.set_mask(cx.tid, mask);
    }
    if !oldset.is_null() {
        cx.write_pod(oldset, &old.bits())?;
    }
    Ok(Flow::Done(0))
}

/// `rt_sigpending(2)`.
pub fn rt_sigpending(cx: &mut Cx<'_>, set: GuestAddr, sigsetsize: usize) -> SysResult {
    if sigsetsize > SIGSET_BYTES {
        return Err(Errno::EINVAL);
    }
    let own = cx.thread().signals.pending.pending();
    let mask = cx.thread().signals.mask;
    let pending = own.union(cx.process().signals.pending.pending()).and(mask);
    cx.write_user(set, &pending.bits().to_le_bytes()[..sigsetsize])?;
    Ok(Flow::Done(0))
}

/// `rt_sigsuspend(2)`.
pub fn rt_sigsuspend(cx: &mut Cx<'_>, mask: GuestAddr, sigsetsize: usize) -> SysResult {
    if cx.entry == Entry::First {
        if mask.is_null() {
            return Err(Errno::EFAULT);
        }
        cx.temporary_mask(mask, sigsetsize)?;
    }
    match cx.entry {
        Entry::Signal => Ok(Flow::Interrupted(Restart::NoHandler)),
        _ => Ok(Flow::Block { deadline: None }),
    }
}

/// `rt_sigtimedwait(2)`.
pub fn rt_sigtimedwait(
    cx: &mut Cx<'_>,
    set: GuestAddr,
    info: GuestAddr,
    timeout: GuestAddr,
    sigsetsize: usize,
) -> SysResult {
    check_set_size(sigsetsize)?;
    let set = SigSet::from_bits(cx.read_pod(set)?).without(SigSet::UNSTOPPABLE);
    if cx.entry == Entry::First && !timeout.is_null() {
        let after = cx.read_pod::<Timespec>(timeout)?.nanos()?;
        cx.deadline_after(after);
    }
    cx.thread().signals.awaited = SigSet::EMPTY;
    if let Some(taken) = cx.sys.take_signal(cx.tid, set) {
        if !info.is_null() {
            cx.write_user(info, &taken.to_bytes())?;
        }
        return Ok(Flow::Done(u64::from(taken.signal.number())));
    }
    match cx.entry {
        Entry::Timeout => return Err(Errno::EAGAIN),
        Entry::Signal => return Ok(Flow::Interrupted(Restart::Never)),
        Entry::First | Entry::Step | Entry::Event => {}
    }
    if cx.progress.deadline.is_some_and(|deadline| deadline <= cx.now().monotonic) {
        return Err(Errno::EAGAIN);
    }
    cx.thread().signals.awaited = set;
    Ok(cx.block())
}

/// `rt_sigqueueinfo(2)`.
pub fn rt_sigqueueinfo(cx: &mut Cx<'_>, tgid: i32, sig: i32, info: GuestAddr) -> SysResult {
    let info = queued_info(cx, sig, info, i64::from(tgid) == i64::from(cx.pid.get()))?;
    super::kill::send_checked(cx, super::kill::process_of(tgid)?, info)
}

/// `rt_tgsigqueueinfo(2)`.
pub fn rt_tgsigqueueinfo(cx: &mut Cx<'_>, tgid: i32, tid: i32, sig: i32, info: GuestAddr) -> SysResult {
    if tgid <= 0 || tid <= 0 {
        return Err(Errno::EINVAL);
    }
    let info = queued_info(cx, sig, info, i64::from(tgid) == i64::from(cx.pid.get()))?;
    super::kill::send_to_thread_checked(cx, Some(tgid), tid, info)
}

/// The signal and information of a queueing call. Only to itself may a process claim to be the kernel or `kill`.
pub(super) fn queued_info(
    cx: &mut Cx<'_>,
    sig: i32,
    info: GuestAddr,
    to_self: bool,
) -> Result<Option<SigInfo>> {
    let mut bytes = [0; SIGINFO_BYTES];
    cx.read_user(info, &mut bytes)?;
    let signal = super::kill::signal_or_none(sig)?;
    let Some(signal) = signal else { return Ok(None) };
    let info = SigInfo::from_bytes(signal, &bytes);
    if (info.code >= 0 || info.code == crate::signal::SI_TKILL) && !to_self {
        return Err(Errno::EPERM);
    }
    Ok(Some(info))
}

/// `rt_sigreturn(2)`.
pub fn rt_sigreturn(cx: &mut Cx<'_>) -> SysResult {
    if cx.sys.pop_frame(cx.tid, cx.hart).is_err() {
        // Linux: no frame to return by is a fault of the program.
        cx.sys.force_signal(cx.tid, SigInfo::kernel(Signal::SEGV));
    }
    Ok(Flow::NoReturn)
}

crate::pod! {
    /// `stack_t`.
    struct StackT {
        base: u64,
        flags: u32,
        pad: u32,
        size: u64,
    }
}

/// The stack pointer's register.
const SP: usize = 2;

/// `sigaltstack(2)`.
pub fn sigaltstack(cx: &mut Cx<'_>, ss: GuestAddr, old_ss: GuestAddr) -> SysResult {
    let sp = cx.hart.x(SP);
    let old = cx.thread().signals.alt_stack;
    if !ss.is_null() {
        let new: StackT = cx.read_pod(ss)?;
        if old.holds(sp) {
            return Err(Errno::EPERM);
        }
        let stack = AltStack { base: new.base, flags: new.flags, size: new.size }.validated()?;
        cx.thread().signals.alt_stack = stack;
    }
    if !old_ss.is_null() {
        let old = StackT { base: old.base, flags: old.status(sp), pad: 0, size: old.size };
        cx.write_pod(old_ss, &old)?;
    }
    Ok(Flow::Done(0))
}

/// Whether the caller may send `signal` to a process of these ids (`kill(2)`).
pub(super) fn may_signal(cx: &mut Cx<'_>, target: crate::task::Pid, signal: Option<Signal>) -> Result<bool> {
    let caller = cx.process();
    let (uid, euid, session) = (caller.creds.uid, caller.creds.euid, caller.session);
    let privileged = cx.can(Capabilities::KILL);
    let process = cx.sys.tasks.process(target).ok_or(Errno::ESRCH)?;
    let ids = [process.creds.uid, process.creds.suid];
    Ok(privileged
        || target == cx.pid
        || ids.contains(&uid)
        || ids.contains(&euid)
        || signal == Some(Signal::CONT) && process.session == session)
}
