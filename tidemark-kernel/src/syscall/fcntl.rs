//! fcntl, flock, ioctl: what is asked of an open file besides its content.

use super::owner::{is_owner_command, owner_command, set_async, set_signed, signed};
use super::{Cx, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::deadlock::LockWait;
use crate::fs::descriptors::Fd;
use crate::fs::file::FileKind;
use crate::fs::flags::OpenFlags;
use crate::fs::locks::{LockOwner, Record};
use crate::fs::node::Location;
use crate::pod;
use crate::task::{Capabilities, Resource};
use crate::wait::{Entry, Flow, ParkSeq, Restart};

const F_DUPFD: u32 = 0;
const F_GETFD: u32 = 1;
const F_SETFD: u32 = 2;
const F_GETFL: u32 = 3;
const F_SETFL: u32 = 4;
const F_GETLK: u32 = 5;
const F_SETLK: u32 = 6;
const F_SETLKW: u32 = 7;
const F_OFD_GETLK: u32 = 36;
const F_OFD_SETLK: u32 = 37;
const F_OFD_SETLKW: u32 = 38;
const F_DUPFD_CLOEXEC: u32 = 1030;
const F_SETPIPE_SZ: u32 = 1031;
const F_GETPIPE_SZ: u32 = 1032;
const F_ADD_SEALS: u32 = 1033;
const F_GET_SEALS: u32 = 1034;
const FD_CLOEXEC: u64 = 1;

/// `fcntl(2)`
pub fn fcntl(cx: &mut Cx<'_>, fd: Fd, cmd: u32, arg: u64) -> SysResult {
    let file = cx.file(fd)?;
    let table = cx.fd_table();
    let is_path = matches!(cx.sys.fs.file(file)?.kind, FileKind::Path);
    // An O_PATH descriptor can be duplicated and looked at, no more (`open(2)`).
    if is_path && !matches!(cmd, F_DUPFD | F_DUPFD_CLOEXEC | F_GETFD | F_SETFD | F_GETFL) {
        return Err(Errno::EBADF);
    }
    match cmd {
        F_DUPFD | F_DUPFD_CLOEXEC => {
            let limit = cx.process().rlimits.soft(Resource::Descriptors);
            let min = u32::try_from(arg).ok().filter(|min| u64::from(*min) < limit).ok_or(Errno::EINVAL)?;
            cx.sys.fs.retain(file);
            let fd = cx.install_from(file, cmd == F_DUPFD_CLOEXEC, min)?;
            Ok(Flow::Done(fd.get().into()))
        }
        F_GETFD => {
            Ok(Flow::Done(if cx.sys.fs.table(table)?.get(fd)?.close_on_exec { FD_CLOEXEC } else { 0 }))
        }
        F_SETFD => {
            cx.sys.fs.set_close_on_exec(table, fd, arg & FD_CLOEXEC != 0)?;
            Ok(Flow::Done(0))
        }
        F_GETFL => Ok(Flow::Done(cx.sys.fs.file(file)?.flags.shown().0.into())),
        F_SETFL => {
            check_status(cx, file, OpenFlags(arg as u32))?;
            set_async(cx, fd, file, OpenFlags(arg as u32).has(OpenFlags::ASYNC))?;
            let open = cx.sys.fs.file_mut(file)?;
            let wanted = OpenFlags(arg as u32).and(OpenFlags::CHANGEABLE);
            open.flags = open.flags.without(OpenFlags::CHANGEABLE).with(wanted);
            Ok(Flow::Done(0))
        }
        F_GETLK | F_SETLK | F_SETLKW | F_OFD_GETLK | F_OFD_SETLK | F_OFD_SETLKW => {
            record_lock(cx, fd, file, cmd, GuestAddr(arg))
        }
        cmd if is_owner_command(cmd) => owner_command(cx, file, cmd, arg),
        F_GETPIPE_SZ | F_SETPIPE_SZ => {
            let FileKind::Pipe(pipe) = cx.sys.fs.file(file)?.kind else { return Err(Errno::EBADF) };
            let size = if cmd == F_GETPIPE_SZ {
                cx.sys.fs.pipe(pipe)?.capacity()
            } else {
                // More than an int counts is refused before it is asked whether it may be had.
                let size = u32::try_from(arg as u32 as i32).map_err(|_| Errno::EINVAL)?;
                cx.sys.fs.resize_pipe(pipe, size, &mut cx.sys.woken)?
            };
            Ok(Flow::Done(size as u64))
        }
        F_GET_SEALS => Ok(Flow::Done(cx.sys.fs.seals(file)?.into())),
        F_ADD_SEALS => {
            cx.sys.add_seals(file, arg as u32)?;
            Ok(Flow::Done(0))
        }
        _ => Err(Errno::EINVAL),
    }
}

/// Whether status flags may be changed to these (`F_SETFL`).
///
/// # Errors
/// `EINVAL` for `O_DIRECT` of what does not know it, `EPERM` for `O_NOATIME` of another's file.
fn check_status(cx: &mut Cx<'_>, file: FileId, wanted: OpenFlags) -> Result<()> {
    let open = cx.sys.fs.file(file)?;
    let (at, flags) = (open.at, open.flags);
    let knows_direct = matches!(open.kind, FileKind::Regular | FileKind::Pipe(_));
    if wanted.has(OpenFlags::NO_ATIME) && !flags.has(OpenFlags::NO_ATIME) {
        let parts = cx.parts()?;
        parts.fs.check_owner(&parts.who, at)?;
    }
    if wanted.has(OpenFlags::DIRECT) && !knows_direct { Err(Errno::EINVAL) } else { Ok(()) }
}

pod! {
    /// `struct flock`, 32 bytes.
    struct Flock {
        kind: i16,
        whence: i16,
        pad: i32,
        start: i64,
        len: i64,
        pid: i32,
        pad2: i32,
    }
}

const F_RDLCK: i16 = 0;
const F_WRLCK: i16 = 1;
const F_UNLCK: i16 = 2;

/// The range of a lock, from first byte to the one after the last (`fcntl_locking(2)`).
fn range(cx: &mut Cx<'_>, file: FileId, flock: &Flock) -> Result<(u64, u64)> {
    let base = match flock.whence {
        0 => 0,
        1 => cx.sys.fs.file(file)?.position,
        2 => cx.sys.fs.file_size(file).unwrap_or(0),
        _ => return Err(Errno::EINVAL),
    };
    let base = i64::try_from(base).map_err(|_| Errno::EOVERFLOW)?;
    let start = base.checked_add(flock.start).ok_or(Errno::EOVERFLOW)?;
    let (start, end) = match flock.len {
        0 => (start, None),
        len if len > 0 => (start, Some(start.checked_add(len).ok_or(Errno::EOVERFLOW)?)),
        len => (start.checked_add(len).ok_or(Errno::EINVAL)?, Some(start)),
    };
    let start = u64::try_from(start).map_err(|_| Errno::EINVAL)?;
    Ok((start, end.map_or(u64::MAX, |end| end as u64)))
}

fn record_lock(cx: &mut Cx<'_>, fd: Fd, file: FileId, cmd: u32, addr: GuestAddr) -> SysResult {
    let mut flock: Flock = cx.read_pod(addr)?;
    let of_description = cmd >= F_OFD_GETLK;
    if of_description && flock.pid != 0 {
        return Err(Errno::EINVAL);
    }
    let (start, end) = range(cx, file, &flock)?;
    let owner = if of_description {
        LockOwner::Description(file)
    } else {
        LockOwner::Process { table: cx.fd_table(), pid: cx.pid.get() }
    };
    let (at, readable, writable) = {
        let open = cx.sys.fs.file(file)?;
        (open.at, open.readable, open.writable)
    };
    let exclusive = match flock.kind {
        F_RDLCK => false,
        F_WRLCK => true,
        F_UNLCK => {
            if matches!(cmd, F_GETLK | F_OFD_GETLK) {
                return Err(Errno::EINVAL);
            }
            if let Some(locks) = cx.sys.fs.locks_of(at) {
                locks.unlock(owner, start, end, &mut cx.sys.woken);
            }
            return Ok(Flow::Done(0));
        }
        _ => return Err(Errno::EINVAL),
    };
    let wanted = Record { owner, start, end, exclusive };
    let locks = cx.sys.fs.locks_of(at).ok_or(Errno::EINVAL)?;
    if matches!(cmd, F_GETLK | F_OFD_GETLK) {
        match locks.conflict(&wanted) {
            None => flock.kind = F_UNLCK,
            Some(held) => {
                flock.kind = if held.exclusive { F_WRLCK } else { F_RDLCK };
                flock.whence = 0;
                flock.start = held.start as i64;
                flock.len = if held.end == u64::MAX { 0 } else { (held.end - held.start) as i64 };
                flock.pid = match held.owner {
                    LockOwner::Process { pid, .. } => pid as i32,
                    LockOwner::Description(_) => -1,
                };
            }
        }
        cx.write_pod(addr, &flock)?;
        return Ok(Flow::Done(0));
    }
    if (exclusive && !writable) || (!exclusive && !readable) {
        return Err(Errno::EBADF);
    }
    match locks.lock(wanted, &mut cx.sys.woken) {
        // The descriptor was closed meanwhile, which gave up all locks: so this one goes, too (`fcntl_setlk`).
        Ok(()) if !of_description && cx.current_file(fd) != Ok(file) => {
            if let Some(locks) = cx.sys.fs.locks_of(at) {
                locks.unlock(owner, start, end, &mut cx.sys.woken);
            }
            Err(Errno::EBADF)
        }
        Ok(()) => {
            cx.sys.fs.note_lock(at);
            Ok(Flow::Done(0))
        }
        Err(Errno::EAGAIN) if cmd == F_SETLKW => {
            if cx.sys.lock_would_deadlock(at, &wanted) {
                return Err(Errno::EDEADLK);
            }
            let flow = wait_for_lock(cx, file)?;
            if let Flow::Block { .. } = flow {
                cx.note_lock_wait(at, wanted);
            }
            Ok(flow)
        }
        Err(Errno::EAGAIN) if cmd == F_OFD_SETLKW => wait_for_lock(cx, file),
        Err(error) => Err(error),
    }
}

impl Cx<'_> {
    /// Notes that the caller is about to wait for a lock.
    fn note_lock_wait(&mut self, at: Location, wanted: Record) {
        let park = ParkSeq(self.thread().park.0 + 1);
        self.sys.fs.note_lock_wait(LockWait { tid: self.tid, park, at, wanted });
    }
}

fn wait_for_lock(cx: &mut Cx<'_>, file: FileId) -> SysResult {
    if cx.entry == Entry::Signal {
        return Ok(Flow::Interrupted(Restart::System));
    }
    let waiter = cx.waiter(crate::wait::Events::OUT);
    let at = cx.sys.fs.file(file)?.at;
    cx.sys.fs.locks_of(at).ok_or(Errno::EINVAL)?.wait(waiter);
    Ok(cx.block())
}

/// `flock(2)`
pub fn flock(cx: &mut Cx<'_>, fd: Fd, operation: u32) -> SysResult {
    const LOCK_SH: u32 = 1;
    const LOCK_EX: u32 = 2;
    const LOCK_NB: u32 = 4;
    const LOCK_UN: u32 = 8;
    let file = cx.file(fd)?;
    cx.sys.fs.access_of(file)?;
    let at = cx.sys.fs.file(file)?.at;
    let locks = cx.sys.fs.locks_of(at).ok_or(Errno::EINVAL)?;
    let exclusive = match operation & !LOCK_NB {
        LOCK_SH => false,
        LOCK_EX => true,
        LOCK_UN => {
            locks.unflock(file, &mut cx.sys.woken);
            return Ok(Flow::Done(0));
        }
        _ => return Err(Errno::EINVAL),
    };
    match locks.flock(file, exclusive, cx.pid.get(), &mut cx.sys.woken) {
        Ok(()) => {
            cx.sys.fs.note_lock(at);
            Ok(Flow::Done(0))
        }
        Err(Errno::EAGAIN) if operation & LOCK_NB == 0 => wait_for_lock(cx, file),
        Err(error) => Err(error),
    }
}

/// `ioctl(2)`: what every file answers; the rest is asked of terminals.
pub fn ioctl(cx: &mut Cx<'_>, fd: Fd, request: u32, arg: GuestAddr) -> SysResult {
    const SIOCOUTQ: u32 = 0x5411;
    const FIOSETOWN: u32 = 0x8901;
    const SIOCSPGRP: u32 = 0x8902;
    const FIOGETOWN: u32 = 0x8903;
    const SIOCGPGRP: u32 = 0x8904;
    const SIOCATMARK: u32 = 0x8905;
    const SIOCUNIXFILE: u32 = 0x89e0;
    const FIONREAD: u32 = 0x541b;
    const FIONBIO: u32 = 0x5421;
    const FIONCLEX: u32 = 0x5450;
    const FIOCLEX: u32 = 0x5451;
    const FIOASYNC: u32 = 0x5452;
    let file = cx.file(fd)?;
    cx.sys.fs.access_of(file)?;
    let table = cx.fd_table();
    match request {
        FIOCLEX | FIONCLEX => {
            cx.sys.fs.set_close_on_exec(table, fd, request == FIOCLEX)?;
            Ok(Flow::Done(0))
        }
        FIONBIO | FIOASYNC => {
            let flag = if request == FIONBIO { OpenFlags::NON_BLOCK } else { OpenFlags::ASYNC };
            let on: i32 = cx.read_pod(arg)?;
            if request == FIOASYNC {
                let was = cx.sys.fs.file(file)?.flags.has(OpenFlags::ASYNC);
                if was != (on != 0) && !cx.sys.fs.has_signals(file)? {
                    return Err(Errno::ENOTTY);
                }
                set_async(cx, fd, file, on != 0)?;
            }
            let open = cx.sys.fs.file_mut(file)?;
            open.flags = if on != 0 { open.flags.with(flag) } else { open.flags.without(flag) };
            Ok(Flow::Done(0))
        }
        _ if let Ok(terminal) = cx.sys.fs.terminal_of(file) => {
            crate::tty::ioctl::ioctl(cx, file, terminal, request, arg)
        }
        FIONREAD => {
            let available = cx.sys.fs.available(file)?;
            cx.write_pod(arg, &i32::try_from(available).unwrap_or(i32::MAX))?;
            Ok(Flow::Done(0))
        }
        SIOCOUTQ => {
            let FileKind::Socket(socket) = cx.sys.fs.file(file)?.kind else { return Err(Errno::ENOTTY) };
            let open = cx.sys.fs.sockets.get(socket)?;
            if open.is_listening() {
                return Err(Errno::EINVAL);
            }
            let sent = i32::try_from(open.sent()).unwrap_or(i32::MAX);
            cx.write_pod(arg, &sent)?;
            Ok(Flow::Done(0))
        }
        FIOSETOWN | SIOCSPGRP if matches!(cx.sys.fs.file(file)?.kind, FileKind::Socket(_)) => {
            let number = cx.read_pod(arg)?;
            set_signed(cx, file, number)?;
            Ok(Flow::Done(0))
        }
        FIOGETOWN | SIOCGPGRP if matches!(cx.sys.fs.file(file)?.kind, FileKind::Socket(_)) => {
            let number = signed(cx, file)?;
            cx.write_pod(arg, &number)?;
            Ok(Flow::Done(0))
        }
        SIOCATMARK => {
            let FileKind::Socket(socket) = cx.sys.fs.file(file)?.kind else { return Err(Errno::ENOTTY) };
            let at_mark = cx.sys.fs.sockets.get(socket)?.is_at_mark();
            cx.write_pod(arg, &i32::from(at_mark))?;
            Ok(Flow::Done(0))
        }
        SIOCUNIXFILE => {
            let FileKind::Socket(socket) = cx.sys.fs.file(file)?.kind else { return Err(Errno::ENOTTY) };
            if !cx.can(Capabilities::NET_ADMIN) {
                return Err(Errno::EPERM);
            }
            let at = cx.sys.fs.sockets.get(socket)?.bound_node().ok_or(Errno::ENOENT)?;
            let opened = cx.sys.fs.finish_open(at, FileKind::Path, OpenFlags::PATH)?;
            Ok(Flow::Done(cx.install(opened, true)?.get().into()))
        }
        // No terminal: what isatty(3) looks for, among all the rest.
        _ => Err(Errno::ENOTTY),
    }
}

/// `vhangup(2)`: hangs the caller's controlling terminal up.
pub fn vhangup(cx: &mut Cx<'_>) -> SysResult {
    if !cx.can(Capabilities::SYS_TTY_CONFIG) {
        return Err(Errno::EPERM);
    }
    if let Some(terminal) = cx.process().terminal {
        cx.sys.fs.hang_up(terminal, &mut cx.sys.woken);
    }
    Ok(Flow::Done(0))
}
