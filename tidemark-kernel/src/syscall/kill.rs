//! Sending signals: `kill(2)`, `tkill(2)`, `tgkill(2)`.

use super::signal::may_signal;
use super::{Cx, SysResult};
use crate::errno::{Errno, Result};
use crate::signal::{SigInfo, Signal};
use crate::task::{Pid, Tid};
use crate::wait::Flow;

/// Processes that one step under the lock sends to.
const STEP_PROCESSES: usize = 24;

/// A signal's number from a guest; zero only checks.
pub(super) fn signal_or_none(number: i32) -> Result<Option<Signal>> {
    match u32::try_from(number) {
        Ok(0) => Ok(None),
        Ok(number) => Signal::new(number).map(Some).ok_or(Errno::EINVAL),
        Err(_) => Err(Errno::EINVAL),
    }
}

/// A process id from a guest.
pub(super) fn process_of(number: i32) -> Result<Pid> {
    u32::try_from(number).ok().and_then(Tid::new).map(Pid).ok_or(Errno::ESRCH)
}

/// `kill(2)`.
pub fn kill(cx: &mut Cx<'_>, pid: i32, sig: i32) -> SysResult {
    let signal = signal_or_none(sig)?;
    let (caller, uid) = (cx.pid, cx.process().creds.uid);
    let info = signal.map(|signal| SigInfo::kill(signal, Some(caller), uid));
    match pid {
        1.. => send_checked(cx, process_of(pid)?, info),
        0 => {
            let group = cx.process().group;
            send_to_group(cx, group, info)
        }
        -1 => send_to_all(cx, info),
        i32::MIN => Err(Errno::ESRCH),
        _ => send_to_group(cx, process_of(-pid)?, info),
    }
}

pub(super) fn send_checked(cx: &mut Cx<'_>, target: Pid, info: Option<SigInfo>) -> SysResult {
    // The id of a thread names its process.
    let target = match cx.sys.tasks.process(target) {
        Some(_) => target,
        None => cx.sys.tasks.thread(target.0).ok_or(Errno::ESRCH)?.pid,
    };
    if !may_signal(cx, target, info.map(|info| info.signal))? {
        return Err(Errno::EPERM);
    }
    if let Some(info) = info {
        cx.sys.send_to_process(target, info)?;
    }
    Ok(Flow::Done(0))
}

fn send_to_group(cx: &mut Cx<'_>, group: Pid, info: Option<SigInfo>) -> SysResult {
    let kept = cx.progress.state.take().and_then(|state| state.downcast::<Sending>().ok());
    let mut sending = kept.unwrap_or_default();
    let members = cx.sys.tasks.groups().members(group);
    // Not by place: members join and leave between steps, and one that was born meanwhile gets the signal too.
    let left =
        members.iter().copied().filter(|member| *member != crate::task::INIT && !sending.is_done(*member));
    let step: Vec<Pid> = left.take(STEP_PROCESSES).collect();
    for member in &step {
        sending.done(*member);
        match send_checked(cx, *member, info) {
            Ok(_) => sending.result = Some(Ok(())),
            Err(error) if sending.result.is_none() => sending.result = Some(Err(error)),
            Err(_) => {}
        }
    }
    if step.len() == STEP_PROCESSES {
        cx.progress.state = Some(sending);
        return Ok(Flow::Again);
    }
    sending.result.unwrap_or(Err(Errno::ESRCH)).map(|()| Flow::Done(0))
}

/// How far a signal has got in a group.
#[derive(Default)]
struct Sending {
    /// A bit for each id, in words; the last that is needed is that of the largest id sent to.
    done: Vec<u64>,
    /// Success if any could be sent to, else the first error; `None` before the first.
    result: Option<Result<()>>,
}

impl Sending {
    fn place(member: Pid) -> (usize, u64) {
        (member.get() as usize / 64, 1 << (member.get() % 64))
    }

    fn is_done(&self, member: Pid) -> bool {
        let (word, bit) = Sending::place(member);
        self.done.get(word).is_some_and(|word| word & bit != 0)
    }

    fn done(&mut self, member: Pid) {
        let (word, bit) = Sending::place(member);
        if self.done.len() <= word {
            self.done.resize(word + 1, 0);
        }
        self.done[word] |= bit;
    }
}

/// To everyone but process 1 and the caller, in steps over the ids.
fn send_to_all(cx: &mut Cx<'_>, info: Option<SigInfo>) -> SysResult {
    // The low half of `done` is the id reached, the high half tells whether anybody was sent to, or refused.
    const SENT: u64 = 1 << 32;
    const REFUSED: u64 = 1 << 33;
    let mut reached = (cx.progress.done as u32).max(1);
    let mut flags = cx.progress.done & (SENT | REFUSED);
    for _ in 0..STEP_PROCESSES {
        let Some(target) = cx.sys.tasks.next_process(reached) else {
            return match flags {
                flags if flags & SENT != 0 => Ok(Flow::Done(0)),
                flags if flags & REFUSED != 0 => Err(Errno::EPERM),
                _ => Err(Errno::ESRCH),
            };
        };
        reached = target.get();
        if target != cx.pid {
            flags |= match send_checked(cx, target, info) {
                Err(Errno::EPERM) => REFUSED,
                _ => SENT,
            };
        }
    }
    cx.progress.done = u64::from(reached) | flags;
    Ok(Flow::Again)
}

/// `tkill(2)`.
pub fn tkill(cx: &mut Cx<'_>, tid: i32, sig: i32) -> SysResult {
    thread_kill(cx, None, tid, sig)
}

/// `tgkill(2)`.
pub fn tgkill(cx: &mut Cx<'_>, tgid: i32, tid: i32, sig: i32) -> SysResult {
    if tgid <= 0 {
        return Err(Errno::EINVAL);
    }
    thread_kill(cx, Some(tgid), tid, sig)
}

fn thread_kill(cx: &mut Cx<'_>, tgid: Option<i32>, tid: i32, sig: i32) -> SysResult {
    if tid <= 0 {
        return Err(Errno::EINVAL);
    }
    let (pid, uid) = (cx.pid, cx.process().creds.uid);
    let info = signal_or_none(sig)?.map(|signal| SigInfo::tkill(signal, pid, uid));
    send_to_thread_checked(cx, tgid, tid, info)
}

pub(super) fn send_to_thread_checked(
    cx: &mut Cx<'_>,
    tgid: Option<i32>,
    tid: i32,
    info: Option<SigInfo>,
) -> SysResult {
    let tid = process_of(tid)?.0;
    let thread = cx.sys.tasks.thread(tid).ok_or(Errno::ESRCH)?;
    let owner = thread.pid;
    if tgid.is_some_and(|tgid| i64::from(tgid) != i64::from(owner.get())) {
        return Err(Errno::ESRCH);
    }
    if !may_signal(cx, owner, info.map(|info| info.signal))? {
        return Err(Errno::EPERM);
    }
    if let Some(info) = info {
        cx.sys.send_to_thread(tid, info)?;
    }
    Ok(Flow::Done(0))
}
