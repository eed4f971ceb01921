//! `clone(2)` and its relatives.

use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::cpu::core::SpaceId;
use crate::errno::{Errno, Result};
use crate::fs::file::FileKind;
use crate::fs::flags::OpenFlags;
use crate::mem::{Forking, Pod};
use crate::signal::Signal;
use crate::task::{Capabilities, CloneFlags, CloneRequest, Pid, Tid};
use crate::wait::{Entry, Flow, Restart};

/// The low byte of `clone`'s flags is the signal.
const CSIGNAL: u64 = 0xff;

/// `clone(2)`, with riscv64's order of arguments (`CONFIG_CLONE_BACKWARDS`).
pub fn clone(
    cx: &mut Cx<'_>,
    flags: u64,
    stack: GuestAddr,
    parent_tid: GuestAddr,
    tls: u64,
    child_tid: GuestAddr,
) -> SysResult {
    let exit_signal = exit_signal(flags & CSIGNAL)?;
    // The high half is clone3's.
    let flags = CloneFlags(flags & 0xffff_ffff & !CSIGNAL);
    // Both would go to the same place, and the flag without meaning once had one.
    let clashes = flags.has(CloneFlags::PARENT_SETTID) || flags.has(CloneFlags::DETACHED);
    if flags.has(CloneFlags::PIDFD) && clashes {
        return Err(Errno::EINVAL);
    }
    run(
        cx,
        &CloneRequest { flags, exit_signal, stack: stack.0, tls, parent_tid, child_tid, tid: None },
        parent_tid,
    )
}

crate::pod! {
    /// `struct clone_args` of `clone3`, its first version.
    struct CloneArgs {
        flags: u64,
        pidfd: u64,
        child_tid: u64,
        parent_tid: u64,
        exit_signal: u64,
        stack: u64,
        stack_size: u64,
        tls: u64,
    }
}

crate::pod! {
    /// What its later versions add.
    struct LaterArgs {
        set_tid: GuestAddr,
        set_tid_size: u64,
        cgroup: u64,
    }
}

const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// `sizeof(struct clone_args)` in its first and its latest version.
const CLONE_ARGS_BYTES: core::ops::RangeInclusive<usize> = 64..=88;

/// The largest structure that is looked at: a page.
const CLONE_ARGS_MOST: usize = 4096;

/// `clone3(2)`.
pub fn clone3(cx: &mut Cx<'_>, cl_args: GuestAddr, size: usize) -> SysResult {
    if size < *CLONE_ARGS_BYTES.start() {
        return Err(Errno::EINVAL);
    }
    if size > CLONE_ARGS_MOST {
        return Err(Errno::E2BIG);
    }
    let args: CloneArgs = cx.read_pod(cl_args)?;
    let later = read_later(cx, cl_args, size)?;
    // Fields beyond are unknown.
    let mut at = *CLONE_ARGS_BYTES.end();
    while at < size {
        let mut piece = [0; 64];
        let length = piece.len().min(size - at);
        cx.read_user(cl_args.add(at as u64)?, &mut piece[..length])?;
        if piece[..length].iter().any(|byte| *byte != 0) {
            return Err(Errno::E2BIG);
        }
        at += length;
    }
    let flags = CloneFlags(args.flags);
    let stack = match (args.stack, args.stack_size) {
        (0, 0) => 0,
        (0, _) | (_, 0) => return Err(Errno::EINVAL),
        (stack, size) => stack.checked_add(size).ok_or(Errno::EINVAL)?,
    };
    // The signal has a field of its own here, and none with threads.
    if args.flags & (CSIGNAL | CloneFlags::DETACHED.0) != 0
        || (flags.has(CloneFlags::THREAD) || flags.has(CloneFlags::PARENT)) && args.exit_signal != 0
    {
        return Err(Errno::EINVAL);
    }
    let request = CloneRequest {
        flags,
        exit_signal: exit_signal(args.exit_signal)?,
        stack,
        tls: args.tls,
        parent_tid: GuestAddr(args.parent_tid),
        child_tid: GuestAddr(args.child_tid),
        tid: wanted_id(cx, &later)?,
    };
    // No descriptor is a control group's: none can be mounted.
    if args.flags & CLONE_INTO_CGROUP != 0 {
        let known = size >= *CLONE_ARGS_BYTES.end() && i32::try_from(later.cgroup).is_ok();
        return Err(if known { Errno::EBADF } else { Errno::EINVAL });
    }
    let to = GuestAddr(args.pidfd);
    let clashes = flags.has(CloneFlags::PARENT_SETTID) && to == request.parent_tid;
    if flags.has(CloneFlags::PIDFD) && clashes {
        return Err(Errno::EINVAL);
    }
    run(cx, &request, to)
}

/// The fields of later versions, zero where the caller knows none.
fn read_later(cx: &mut Cx<'_>, at: GuestAddr, size: usize) -> Result<LaterArgs> {
    let mut bytes = [0; LaterArgs::SIZE];
    let known = size.min(*CLONE_ARGS_BYTES.end()) - *CLONE_ARGS_BYTES.start();
    cx.read_user(at.add(*CLONE_ARGS_BYTES.start() as u64)?, &mut bytes[..known])?;
    Ok(LaterArgs::from_bytes(&bytes))
}

/// The id that the caller asks for; there are no namespaces, so that it can have but one.
fn wanted_id(cx: &mut Cx<'_>, later: &LaterArgs) -> Result<Option<Tid>> {
    match (later.set_tid.is_null(), later.set_tid_size) {
        (true, 0) => Ok(None),
        (false, 1) => {
            let number: i32 = cx.read_pod(later.set_tid)?;
            let tid = u32::try_from(number).ok().and_then(Tid::new).ok_or(Errno::EINVAL)?;
            if cx.can(Capabilities::CHECKPOINT_RESTORE) || cx.can(Capabilities::SYS_ADMIN) {
                Ok(Some(tid))
            } else {
                Err(Errno::EPERM)
            }
        }
        _ => Err(Errno::EINVAL),
    }
}

fn exit_signal(number: u64) -> Result<Option<Signal>> {
    match u32::try_from(number) {
        Ok(0) => Ok(None),
        Ok(number) => Signal::new(number).map(Some).ok_or(Errno::EINVAL),
        Err(_) => Err(Errno::EINVAL),
    }
}

/// Makes the thread or process; a descriptor of it goes to `pidfd` if that is asked for.
fn run(cx: &mut Cx<'_>, request: &CloneRequest, pidfd: GuestAddr) -> SysResult {
    if request.flags.0 & super::namespace::NAMESPACES != 0 {
        return Err(Errno::EPERM);
    }
    let flags = request.flags.validated()?;
    if cx.entry == Entry::Signal && cx.thread().killable_only {
        // Killed while waiting for a vfork child: there is nothing to return to.
        cx.thread().killable_only = false;
        return Ok(Flow::Interrupted(Restart::Never));
    }
    if cx.entry == Entry::First {
        cx.sys.check_task_limit(cx.pid)?;
    }
    if flags.has(CloneFlags::THREAD) {
        let tid = cx.sys.clone_thread(cx.tid, cx.hart, request)?;
        return Ok(Flow::Done(u64::from(tid.get())));
    }
    let caller = cx.space();
    let space = if flags.has(CloneFlags::VM) {
        cx.sys.mem.share_space(caller);
        caller
    } else {
        // `done` says whether the copy was begun.
        let mut begun = cx.progress.done != 0;
        let forking = cx.sys.fork_space(caller, &mut begun);
        cx.progress.done = u64::from(begun);
        match forking? {
            Forking::Done(space) => space,
            Forking::NotYet(flow) => return Ok(flow),
        }
    };
    let made = match flags.has(CloneFlags::PIDFD) {
        true => make_with_pidfd(cx, request, space, pidfd),
        false => cx.sys.clone_process(cx.tid, cx.hart, request, space),
    };
    let pid = made.inspect_err(|_| cx.sys.mem.release_space(space))?;
    if flags.has(CloneFlags::VFORK) {
        cx.thread().killable_only = true;
        return Ok(Flow::Block { deadline: None });
    }
    Ok(Flow::Done(u64::from(pid.get())))
}

/// Makes a process and a descriptor of it: the latter first, as only it can fail for the caller's doing.
fn make_with_pidfd(cx: &mut Cx<'_>, request: &CloneRequest, space: SpaceId, to: GuestAddr) -> Result<Pid> {
    // It stands for the caller until there is the child.
    let reference = cx.process().reference();
    let file = cx.sys.fs.open_anonymous(FileKind::Process(reference), OpenFlags(0))?;
    let fd = cx.install(file, true)?;
    let made = match cx.write_pod(to, &(fd.get() as i32)) {
        Ok(()) => cx.sys.clone_process(cx.tid, cx.hart, request, space),
        Err(error) => Err(error),
    };
    let table = cx.fd_table();
    match made {
        Ok(pid) => {
            let child = cx.sys.tasks.process(pid).ok_or(Errno::ESRCH)?.reference();
            cx.sys.fs.file_mut(file)?.kind = FileKind::Process(child);
            // The child was made with a copy of the descriptor, which is the parent's alone.
            let childs = cx.sys.tasks.process(pid).and_then(|process| process.fd_table);
            if let Some(childs) = childs.filter(|childs| *childs != table) {
                cx.sys.fs.close(childs, fd, &mut cx.sys.woken)?;
            }
            Ok(pid)
        }
        Err(error) => {
            cx.sys.fs.close(table, fd, &mut cx.sys.woken)?;
            Err(error)
        }
    }
}
