//! Opening, closing and duplicating descriptors, and what is set on them.

use super::files::{DirFd, Mode, PathAddr, finish};
use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::descriptors::Fd;
use crate::fs::flags::OpenFlags;
use crate::fs::open::How;
use crate::fs::path::{Resolve, Walker};
use crate::limits::{STEP_CLOSED, STEP_ITEMS};
use crate::task::Resource;
use crate::wait::{Entry, Events, Flow, Restart};

/// A named pipe whose other end is waited for: the open file, and how often that end had been opened.
struct FifoOpen {
    file: FileId,
    opens: u64,
}

/// `openat(2)`
pub fn openat(cx: &mut Cx<'_>, dirfd: DirFd, path: PathAddr, flags: OpenFlags, mode: Mode) -> SysResult {
    if cx.entry != Entry::First {
        return open_continues(cx, flags);
    }
    // `openat` ignores flags it does not know (`openat2(2)`, "differs").
    let mut flags = flags.and(OpenFlags::KNOWN);
    if flags.has(OpenFlags::PATH) {
        flags = flags.and(
            OpenFlags::PATH
                .with(OpenFlags::DIRECTORY)
                .with(OpenFlags::NO_FOLLOW)
                .with(OpenFlags::CLOSE_ON_EXEC),
        );
    }
    open(cx, dirfd, path, flags, mode.0, Resolve::default())
}

/// `openat2(2)`: the structure is `{ flags, mode, resolve }` of 64 bits each.
pub fn openat2(cx: &mut Cx<'_>, dirfd: DirFd, path: PathAddr, how: GuestAddr, size: u64) -> SysResult {
    const HOW_BYTES: u64 = 24;
    /// All `RESOLVE_…` of `openat2(2)`.
    const KNOWN_RESOLVE: u64 = 0x3f;
    if cx.entry != Entry::First {
        let flags: u64 = cx.read_pod(how)?;
        return open_continues(cx, OpenFlags(flags as u32));
    }
    if size < HOW_BYTES {
        return Err(Errno::EINVAL);
    }
    let [flags, mode, resolve]: [u64; 3] = cx.read_pod(how)?;
    for at in (HOW_BYTES..size.min(4096)).step_by(8) {
        let rest: u64 = cx.read_pod(how.add(at)?)?;
        if rest != 0 {
            return Err(Errno::E2BIG);
        }
    }
    let flags = OpenFlags(u32::try_from(flags).map_err(|_| Errno::EINVAL)?);
    let makes = flags.has(OpenFlags::CREATE) || flags.has(OpenFlags::TMPFILE);
    let path_flags =
        OpenFlags::PATH.with(OpenFlags::DIRECTORY).with(OpenFlags::NO_FOLLOW).with(OpenFlags::CLOSE_ON_EXEC);
    if flags.without(OpenFlags::KNOWN) != OpenFlags(0)
        || (mode != 0 && !makes)
        || mode & !0o7777 != 0
        || (flags.has(OpenFlags::PATH) && flags.without(path_flags) != OpenFlags(0))
    {
        return Err(Errno::EINVAL);
    }
    let limits = Resolve(resolve);
    if resolve & !KNOWN_RESOLVE != 0 || limits.has(Resolve(Resolve::BENEATH.0 | Resolve::IN_ROOT.0)) {
        return Err(Errno::EINVAL);
    }
    open(cx, dirfd, path, flags, mode as u32, limits)
}

fn open(
    cx: &mut Cx<'_>,
    dirfd: DirFd,
    path: PathAddr,
    flags: OpenFlags,
    mode: u32,
    limits: Resolve,
) -> SysResult {
    let path = cx.path(path)?;
    // Where the start is the root, an absolute path begins there, too.
    let in_root = limits.has(Resolve::IN_ROOT);
    let base = cx.base(dirfd, if in_root { b"" } else { &path })?;
    let context = cx.fs_context();
    let umask = cx.sys.fs.umask(context)?;
    let how = How { flags, perm: (mode & 0o7777) as u16 & !umask };
    let parts = cx.parts()?;
    let mut env = parts.env;
    let root = if in_root { base } else { parts.who.root };
    let who = Walker { root, limits, ..parts.who };
    let file = parts.fs.open(&who, &mut env, base, &path, how)?;
    match parts.fs.fifo_wait(file) {
        Some(opens) => {
            cx.progress.state = Some(Box::new(FifoOpen { file, opens }));
            wait_for_other_end(cx, file)
        }
        None => {
            cx.sys.terminal_opened(cx.pid, file, flags);
            installed(cx, file, flags)
        }
    }
}

/// The open waits for a named pipe's other end (`fifo(7)`).
fn open_continues(cx: &mut Cx<'_>, flags: OpenFlags) -> SysResult {
    let Some(open) = cx.progress.state.take().and_then(|state| state.downcast::<FifoOpen>().ok()) else {
        return finish(cx, cx.progress.done);
    };
    if cx.sys.fs.fifo_met(open.file, open.opens)? {
        return installed(cx, open.file, flags);
    }
    if cx.entry == Entry::Signal {
        cx.sys.fs.release(open.file);
        return Ok(Flow::Interrupted(Restart::System));
    }
    let file = open.file;
    cx.progress.state = Some(open);
    wait_for_other_end(cx, file)
}

fn wait_for_other_end(cx: &mut Cx<'_>, file: FileId) -> SysResult {
    let waiter = cx.waiter(Events::PRI);
    cx.sys.wait_file(file, waiter, cx.tid)?;
    Ok(cx.block())
}

fn installed(cx: &mut Cx<'_>, file: FileId, flags: OpenFlags) -> SysResult {
    let fd = cx.install(file, flags.has(OpenFlags::CLOSE_ON_EXEC))?;
    cx.progress.done = u64::from(fd.get());
    // `O_TRUNC` may have left pages.
    finish(cx, fd.get().into())
}

/// `close(2)`
pub fn close(cx: &mut Cx<'_>, fd: Fd) -> SysResult {
    if cx.entry == Entry::First {
        super::mqueue::before_close(cx, fd)?;
        let table = cx.fd_table();
        cx.sys.fs.close(table, fd, &mut cx.sys.woken)?;
    }
    finish(cx, 0)
}

/// `close_range(2)`
pub fn close_range(cx: &mut Cx<'_>, first: u32, last: u32, flags: u32) -> SysResult {
    const UNSHARE: u32 = 2;
    const CLOEXEC: u32 = 4;
    if first > last || flags & !(UNSHARE | CLOEXEC) != 0 {
        return Err(Errno::EINVAL);
    }
    if flags & UNSHARE != 0 && cx.entry == Entry::First {
        unshare_descriptors(cx)?;
    }
    let table = cx.fd_table();
    let fs = &mut cx.sys.fs;
    if flags & CLOEXEC != 0 {
        let next = first.max(cx.progress.done as u32);
        let open = fs.table(table)?.iter_from(next).map(|(fd, _)| fd).take_while(|fd| fd.get() <= last);
        let step: Vec<Fd> = open.take(STEP_ITEMS).collect();
        for fd in &step {
            fs.set_close_on_exec(table, *fd, true)?;
        }
        let Some(reached) = step.get(STEP_ITEMS - 1) else { return Ok(Flow::Done(0)) };
        cx.progress.done = u64::from(reached.get()) + 1;
        return Ok(Flow::Again);
    }
    let step: Vec<Fd> = fs
        .table(table)?
        .iter_from(first)
        .map(|(fd, _)| fd)
        .take_while(|fd| fd.get() <= last)
        .take(STEP_CLOSED)
        .collect();
    for fd in &step {
        fs.close(table, *fd, &mut cx.sys.woken)?;
    }
    let more_pages = cx.sys.close_released();
    if more_pages || step.len() == STEP_CLOSED { Ok(Flow::Again) } else { Ok(Flow::Done(0)) }
}

/// Gives the caller a table of its own, if it shares one.
pub(crate) fn unshare_descriptors(cx: &mut Cx<'_>) -> Result<()> {
    let table = cx.fd_table();
    if cx.sys.fs.fd_table_is_shared(table) {
        let own = cx.sys.fs.clone_fd_table(table)?;
        cx.sys.release_fd_table(table);
        cx.process().fd_table = Some(own);
    }
    Ok(())
}

/// `dup(2)`
pub fn dup(cx: &mut Cx<'_>, fd: Fd) -> SysResult {
    let file = cx.file(fd)?;
    cx.sys.fs.retain(file);
    Ok(Flow::Done(cx.install(file, false)?.get().into()))
}

/// `dup3(2)`
pub fn dup3(cx: &mut Cx<'_>, old: i32, new: i32, flags: OpenFlags) -> SysResult {
    if cx.entry != Entry::First {
        return finish(cx, new as u64);
    }
    if flags.without(OpenFlags::CLOSE_ON_EXEC) != OpenFlags(0) || old == new {
        return Err(Errno::EINVAL);
    }
    let new = Fd::new(new)?;
    if u64::from(new.get()) >= cx.process().rlimits.soft(Resource::Descriptors) {
        return Err(Errno::EBADF);
    }
    let file = cx.file(Fd::new(old)?)?;
    let table = cx.fd_table();
    cx.sys.fs.retain(file);
    cx.sys.fs.install_at(table, new, file, flags.has(OpenFlags::CLOSE_ON_EXEC), &mut cx.sys.woken)?;
    finish(cx, new.get().into())
}
