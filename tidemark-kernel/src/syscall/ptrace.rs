//! Tracing: `ptrace(2)`, a request each.

use super::inspect::check_inspectable;
use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::call::A0;
use crate::errno::{Errno, Result};
use crate::ptrace::{Event, Next, Options, Poked, REGISTER_BYTES, Reason, RegisterSet, Tracee, Until};
use crate::signal::{SIGINFO_BYTES, SigInfo, SigSet, Signal};
use crate::task::{Pid, Tid};
use crate::wait::Flow;

const TRACEME: i64 = 0;
const PEEKTEXT: i64 = 1;
const PEEKDATA: i64 = 2;
const POKETEXT: i64 = 4;
const POKEDATA: i64 = 5;
const CONT: i64 = 7;
const KILL: i64 = 8;
const SINGLESTEP: i64 = 9;
const ATTACH: i64 = 16;
const DETACH: i64 = 17;
const SYSCALL: i64 = 24;
const SETOPTIONS: i64 = 0x4200;
const GETEVENTMSG: i64 = 0x4201;
const GETSIGINFO: i64 = 0x4202;
const SETSIGINFO: i64 = 0x4203;
const GETREGSET: i64 = 0x4204;
const SETREGSET: i64 = 0x4205;
const SEIZE: i64 = 0x4206;
const INTERRUPT: i64 = 0x4207;
const LISTEN: i64 = 0x4208;
const GETSIGMASK: i64 = 0x420a;
const SETSIGMASK: i64 = 0x420b;
const GET_SYSCALL_INFO: i64 = 0x420e;

/// `ptrace(2)`.
pub fn ptrace(cx: &mut Cx<'_>, request: i64, pid: i32, addr: u64, data: u64) -> SysResult {
    if request == TRACEME {
        return trace_me(cx);
    }
    let tid = u32::try_from(pid).ok().and_then(Tid::new).ok_or(Errno::ESRCH)?;
    match request {
        ATTACH => attach(cx, tid, false, Options::default()),
        SEIZE => {
            let options = Options::new(data).filter(|_| addr == 0).ok_or(Errno::EIO)?;
            attach(cx, tid, true, options)
        }
        KILL => {
            // One that is gone needs no killing (`ptrace(2)`: "always returns success").
            cx.sys.tracee(cx.pid, tid)?;
            let _: Result<()> = cx.sys.send_to_thread(tid, SigInfo::kernel(Signal::KILL));
            Ok(Flow::Done(0))
        }
        INTERRUPT => interrupt(cx, tid),
        _ => {
            cx.sys.stopped_tracee(cx.pid, tid)?;
            of_stopped(cx, request, tid, addr, data)
        }
    }
}

/// The parent becomes the tracer.
fn trace_me(cx: &mut Cx<'_>) -> SysResult {
    let parent = cx.process().parent.ok_or(Errno::EPERM)?;
    // The application has no use for a tracee.
    let traces = cx.sys.tasks.process(parent).is_some_and(|parent| parent.parent.is_some());
    if cx.thread().is_traced() || !traces {
        return Err(Errno::EPERM);
    }
    let tid = cx.tid;
    cx.sys.trace(parent, tid, false, Options::default());
    Ok(Flow::Done(0))
}

fn attach(cx: &mut Cx<'_>, tid: Tid, seize: bool, options: Options) -> SysResult {
    let thread = cx.sys.tasks.thread(tid);
    let Some(thread) = thread else {
        // Process 1 and zombies are there, but not to be traced.
        return Err(if cx.sys.tasks.process(Pid(tid)).is_some() { Errno::EPERM } else { Errno::ESRCH });
    };
    let (target, traced) = (thread.pid, thread.is_traced());
    if target == cx.pid || traced {
        return Err(Errno::EPERM);
    }
    check_inspectable(cx, target)?;
    let tracer = cx.pid;
    cx.sys.trace(tracer, tid, seize, options);
    if !seize {
        cx.sys.send_to_thread(tid, SigInfo::kill(Signal::STOP, None, 0))?;
    }
    Ok(Flow::Done(0))
}

fn interrupt(cx: &mut Cx<'_>, tid: Tid) -> SysResult {
    let tracee = cx.sys.tracee(cx.pid, tid)?;
    if !tracee.seized {
        return Err(Errno::EIO);
    }
    match &mut tracee.stop {
        Some(stop) if stop.listening => (stop.listening, stop.news) = (false, true),
        Some(_) => {}
        None => {
            tracee.interrupt = true;
            if !cx.sys.tasks.thread(tid).is_some_and(|thread| thread.killable_only) {
                cx.sys.rouse(tid);
            }
        }
    }
    Ok(Flow::Done(0))
}

/// Requests about a tracee that is stopped.
fn of_stopped(cx: &mut Cx<'_>, request: i64, tid: Tid, addr: u64, data: u64) -> SysResult {
    let at = GuestAddr(data);
    match request {
        PEEKTEXT | PEEKDATA => {
            let mut word = [0; 8];
            let space = space_of(cx, tid)?;
            cx.sys.peek(space, GuestAddr(addr), &mut word)?;
            cx.write_user(at, &word)?;
        }
        POKETEXT | POKEDATA => {
            let space = space_of(cx, tid)?;
            if cx.sys.poke(space, GuestAddr(addr), &data.to_le_bytes())? == Poked::Again {
                return Ok(Flow::Again);
            }
        }
        CONT => go_on(cx, tid, Until::Event, data)?,
        SYSCALL => go_on(cx, tid, Until::Call, data)?,
        SINGLESTEP => go_on(cx, tid, Until::Step, data)?,
        DETACH => {
            let signal = signal_of(data)?;
            cx.sys.untrace(tid, signal);
        }
        SETOPTIONS => {
            let options = Options::new(data).ok_or(Errno::EINVAL)?;
            cx.sys.stopped_tracee(cx.pid, tid)?.options = options;
        }
        GETEVENTMSG => {
            let message = cx.sys.stopped_tracee(cx.pid, tid)?.message;
            cx.write_pod(at, &message)?;
        }
        GETSIGINFO => {
            let info = stop_info(cx, tid)?;
            cx.write_user(at, &info.to_bytes())?;
        }
        SETSIGINFO => set_info(cx, tid, at)?,
        GETREGSET | SETREGSET => registers(cx, tid, addr, at, request == SETREGSET)?,
        LISTEN => {
            let tracee = cx.sys.stopped_tracee(cx.pid, tid)?;
            let seized = tracee.seized;
            let stop = tracee.stop.as_mut().filter(|_| seized).ok_or(Errno::EIO)?;
            if stop.code >> 8 != Event::Stop as u32 {
                return Err(Errno::EIO);
            }
            (stop.listening, stop.news) = (true, false);
        }
        GETSIGMASK | SETSIGMASK => {
            if addr != 8 {
                return Err(Errno::EINVAL);
            }
            if request == GETSIGMASK {
                let mask = cx.sys.tasks.thread(tid).ok_or(Errno::ESRCH)?.signals.mask;
                cx.write_pod(at, &mask.bits())?;
            } else {
                let mask = SigSet::from_bits(cx.read_pod(at)?);
                cx.sys.set_mask(tid, mask);
            }
        }
        GET_SYSCALL_INFO => return call_info(cx, tid, addr, at),
        _ => return Err(Errno::EIO),
    }
    Ok(Flow::Done(0))
}

/// A signal that a tracee is to take, if any.
///
/// # Errors
/// `EIO` for what is none.
fn signal_of(number: u64) -> Result<Option<Signal>> {
    match u32::try_from(number) {
        Ok(0) => Ok(None),
        Ok(number) => Signal::new(number).map(Some).ok_or(Errno::EIO),
        Err(_) => Err(Errno::EIO),
    }
}

fn go_on(cx: &mut Cx<'_>, tid: Tid, until: Until, data: u64) -> Result<()> {
    let signal = signal_of(data)?;
    cx.sys.let_go(tid, until, signal);
    Ok(())
}

fn space_of(cx: &Cx<'_>, tid: Tid) -> Result<crate::cpu::core::SpaceId> {
    let thread = cx.sys.tasks.thread(tid).ok_or(Errno::ESRCH)?;
    cx.sys.tasks.process(thread.pid).map(|process| process.space).ok_or(Errno::ESRCH)
}

/// What `PTRACE_GETSIGINFO` tells of a stop.
///
/// # Errors
/// `EINVAL` for a stop of the whole process, by which a tracer tells it from a signal's.
fn stop_info(cx: &mut Cx<'_>, tid: Tid) -> Result<SigInfo> {
    let uid = cx.sys.tasks.thread(tid).and_then(|thread| cx.sys.tasks.process(thread.pid));
    let uid = uid.map_or(0, |process| process.creds.uid);
    let stop = cx.sys.stopped_tracee(cx.pid, tid)?.stop.as_ref().ok_or(Errno::ESRCH)?;
    match stop.reason {
        Reason::Signal(info) => Ok(info),
        Reason::Group(_) if stop.code >> 8 == 0 => Err(Errno::EINVAL),
        _ => {
            let info = SigInfo::kill(Signal::TRAP, Some(Pid(tid)), uid);
            Ok(SigInfo { code: stop.code as i32, ..info })
        }
    }
}

fn set_info(cx: &mut Cx<'_>, tid: Tid, from: GuestAddr) -> Result<()> {
    let mut bytes = [0; SIGINFO_BYTES];
    cx.read_user(from, &mut bytes)?;
    let number = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let stop = cx.sys.stopped_tracee(cx.pid, tid)?.stop.as_mut().ok_or(Errno::ESRCH)?;
    let Reason::Signal(old) = &mut stop.reason else { return Err(Errno::EINVAL) };
    *old = SigInfo::from_bytes(Signal::new(number).ok_or(Errno::EINVAL)?, &bytes);
    Ok(())
}

/// `PTRACE_GETREGSET` and `PTRACE_SETREGSET`: `iovec` says where, and is told how much.
fn registers(cx: &mut Cx<'_>, tid: Tid, note: u64, iovec: GuestAddr, set: bool) -> Result<()> {
    let registers = RegisterSet::new(note).ok_or(Errno::EINVAL)?;
    let [base, len]: [u64; 2] = cx.read_pod(iovec)?;
    if !len.is_multiple_of(REGISTER_BYTES as u64) {
        return Err(Errno::EINVAL);
    }
    let thread = cx.sys.tasks.thread_mut(tid).ok_or(Errno::ESRCH)?;
    let hart = thread.hart.as_mut().ok_or(Errno::ESRCH)?;
    let mut bytes = registers.get(hart);
    bytes.truncate(usize::try_from(len).unwrap_or(usize::MAX));
    if set {
        cx.read_user(GuestAddr(base), &mut bytes)?;
        let thread = cx.sys.tasks.thread_mut(tid).ok_or(Errno::ESRCH)?;
        let hart = thread.hart.as_mut().ok_or(Errno::ESRCH)?;
        let old = hart.pc();
        registers.set(hart, &bytes);
        let (new, result) = (hart.pc(), hart.x(A0));
        if let Some(tracee) = &mut thread.traced {
            keep_call(tracee, old, new, result);
        }
    } else {
        cx.write_user(GuestAddr(base), &bytes)?;
    }
    cx.write_pod(iovec, &[base, bytes.len() as u64])
}

/// A tracer sent its tracee elsewhere, or back: the call it was interrupted in belongs to where it was.
fn keep_call(tracee: &mut Tracee, old: u64, new: u64, result: u64) {
    let Some(stop) = &mut tracee.stop else { return };
    let Next::Leave(call) = &mut stop.next else { return };
    if old != new
        && let Some(call) = call.take()
    {
        tracee.kept_call = Some((old, call));
    }
    // The tracer knows the call by the result that it was shown.
    let shown = |call: &crate::ptrace::Interrupted| crate::ptrace::shown_result(call.0) == result;
    if let Some((pc, kept)) = tracee.kept_call.take_if(|(pc, kept)| *pc == new && shown(kept)) {
        debug_assert_eq!(pc, new, "it is back where it was");
        *call = Some(kept);
    }
}

/// `PTRACE_GET_SYSCALL_INFO`: the structure grows with what is known; how much there is comes back.
fn call_info(cx: &mut Cx<'_>, tid: Tid, size: u64, to: GuestAddr) -> SysResult {
    const NONE: u8 = 0;
    const ENTRY: u8 = 1;
    const EXIT: u8 = 2;
    /// `AUDIT_ARCH_RISCV64`.
    const ARCH: u32 = 0xc000_00f3;
    const SP: usize = 2;
    let thread = cx.sys.tasks.thread(tid).ok_or(Errno::ESRCH)?;
    let hart = thread.hart.as_ref().ok_or(Errno::ESRCH)?;
    let stop = thread.traced.as_ref().and_then(|tracee| tracee.stop.as_ref()).ok_or(Errno::ESRCH)?;
    let op = match stop.reason {
        Reason::Entry => ENTRY,
        Reason::Exit => EXIT,
        _ => NONE,
    };
    let mut info = vec![op, 0, 0, 0];
    info.extend(ARCH.to_le_bytes());
    info.extend(hart.pc().to_le_bytes());
    info.extend(hart.x(SP).to_le_bytes());
    let call = match &stop.next {
        Next::Enter(parked) => Some(parked),
        _ => thread.parked.as_ref(),
    };
    match (op, call) {
        (ENTRY, Some(call)) => {
            info.extend(call.number.to_le_bytes());
            info.extend(call.args.iter().flat_map(|arg| arg.to_le_bytes()));
        }
        (EXIT, _) => {
            let result = hart.x(A0);
            info.extend(result.to_le_bytes());
            info.push(u8::from(Errno::from_register(result).is_some()));
        }
        _ => {}
    }
    let shown = info.len().min(usize::try_from(size).unwrap_or(usize::MAX));
    cx.write_user(to, &info[..shown])?;
    Ok(Flow::Done(info.len() as u64))
}
