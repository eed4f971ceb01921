//! What the calls on files share: descriptors, paths and the kernel taken apart.

use super::{Cx, Param, ParamKind, SysResult};
use crate::addr::GuestAddr;
use crate::errno::{Errno, Result};
use crate::fs::FileId;
use crate::fs::descriptors::Fd;
use crate::fs::file::FileKind;
use crate::fs::flags::OpenFlags;
use crate::fs::node::Location;
use crate::fs::view::Parts;
use crate::task::Resource;
use crate::wait::{Entry, Events, Flow, Restart};

/// `AT_FDCWD`: paths are relative to the working directory.
pub const AT_FDCWD: i32 = -100;
/// `AT_SYMLINK_NOFOLLOW`
pub const AT_SYMLINK_NOFOLLOW: u32 = 0x100;
/// `AT_REMOVEDIR`, and `AT_EACCESS` in `faccessat2(2)`
pub const AT_REMOVEDIR: u32 = 0x200;
/// `AT_SYMLINK_FOLLOW`
pub const AT_SYMLINK_FOLLOW: u32 = 0x400;
/// `AT_NO_AUTOMOUNT`
pub const AT_NO_AUTOMOUNT: u32 = 0x800;
/// `AT_EMPTY_PATH`
pub const AT_EMPTY_PATH: u32 = 0x1000;

/// Directory descriptor of an `…at` call, or [`AT_FDCWD`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DirFd(pub i32);

/// A pointer to a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PathAddr(pub GuestAddr);

impl Param for Fd {
    const KIND: ParamKind = ParamKind::Descriptor;
    fn decode(raw: u64, _cx: &mut Cx<'_>) -> Result<Self> {
        Fd::new(raw as i32)
    }
}

impl Param for DirFd {
    const KIND: ParamKind = ParamKind::Descriptor;
    fn decode(raw: u64, _cx: &mut Cx<'_>) -> Result<Self> {
        Ok(DirFd(raw as i32))
    }
}

impl Param for PathAddr {
    const KIND: ParamKind = ParamKind::Path;
    fn decode(raw: u64, _cx: &mut Cx<'_>) -> Result<Self> {
        Ok(PathAddr(GuestAddr(raw)))
    }
}

impl Param for OpenFlags {
    const KIND: ParamKind = ParamKind::Flags;
    fn decode(raw: u64, _cx: &mut Cx<'_>) -> Result<Self> {
        Ok(OpenFlags(raw as u32))
    }
}

/// Permission bits, as `mode_t`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mode(pub u32);

impl Param for Mode {
    const KIND: ParamKind = ParamKind::Mode;
    fn decode(raw: u64, _cx: &mut Cx<'_>) -> Result<Self> {
        Ok(Mode(raw as u32))
    }
}

impl Cx<'_> {
    /// The kernel taken apart for an operation on files of the caller's.
    ///
    /// # Errors
    /// `ESRCH` when the process has ended.
    pub(crate) fn parts(&mut self) -> Result<Parts<'_>> {
        let mut parts = self.sys.parts(self.pid, self.tid)?;
        parts.who.in_steps = Some(self.tid);
        Ok(parts)
    }

    /// The open file of a descriptor: the one that it stood for when the call first looked.
    ///
    /// # Errors
    /// `EBADF`.
    pub(crate) fn file(&mut self, fd: Fd) -> Result<FileId> {
        if self.entry != Entry::First
            && let Some(file) = self.progress.files.get(fd)
        {
            return Ok(file);
        }
        let file = self.current_file(fd)?;
        self.progress.files.note(fd, file);
        Ok(file)
    }

    /// The open file that a descriptor stands for now, whatever it was when the call began.
    ///
    /// # Errors
    /// `EBADF`.
    pub(crate) fn current_file(&mut self, fd: Fd) -> Result<FileId> {
        let table = self.fd_table();
        self.sys.fs.file_of(table, fd)
    }

    /// The open file of a descriptor that is more than a path (`open(2)`, `O_PATH`).
    ///
    /// # Errors
    /// `EBADF`.
    pub(crate) fn usable_file(&mut self, fd: Fd) -> Result<FileId> {
        let file = self.file(fd)?;
        self.sys.fs.access_of(file)?;
        Ok(file)
    }

    /// A path from the caller's memory.
    ///
    /// # Errors
    /// `EFAULT`, `ENAMETOOLONG`.
    pub(crate) fn path(&mut self, path: PathAddr) -> Result<Vec<u8>> {
        let max = self.sys.limits.path_bytes;
        self.read_cstr(path.0, max, Errno::ENAMETOOLONG)
    }

    /// Where a relative path starts. An absolute `path` doesn't look at the descriptor.
    ///
    /// # Errors
    /// `EBADF`, `ENOTDIR`.
    pub(crate) fn base(&mut self, dir: DirFd, path: &[u8]) -> Result<Location> {
        let context = self.fs_context();
        if dir.0 == AT_FDCWD || path.first() == Some(&b'/') {
            return Ok(self.sys.fs.context(context)?.cwd);
        }
        let file = self.file(Fd::new(dir.0)?)?;
        Ok(self.sys.fs.file(file)?.at)
    }

    /// The node that an `…at` call is about: by path, or with `AT_EMPTY_PATH` the descriptor itself.
    ///
    /// # Errors
    /// Those of path look-up; `EBADF`.
    pub(crate) fn node_at(
        &mut self,
        dir: DirFd,
        path: PathAddr,
        flags: u32,
        follow: bool,
    ) -> Result<Location> {
        if flags & AT_EMPTY_PATH != 0 && path.0.is_null() {
            return self.base(dir, b"");
        }
        let path = self.path(path)?;
        let base = self.base(dir, &path)?;
        if path.is_empty() && flags & AT_EMPTY_PATH != 0 {
            return Ok(base);
        }
        let parts = self.parts()?;
        parts.fs.resolve(&parts.who, base, &path, follow)
    }

    /// Gives a new open file the lowest free descriptor.
    ///
    /// # Errors
    /// `EMFILE`; the file is closed then.
    pub(crate) fn install(&mut self, file: FileId, close_on_exec: bool) -> Result<Fd> {
        self.install_from(file, close_on_exec, 0)
    }

    /// As [`Cx::install`], from a least descriptor on.
    ///
    /// # Errors
    /// `EMFILE`; the file is closed then.
    pub(crate) fn install_from(&mut self, file: FileId, close_on_exec: bool, min: u32) -> Result<Fd> {
        let limit = self.process().rlimits.soft(Resource::Descriptors);
        let table = self.fd_table();
        self.sys.fs.install(table, file, close_on_exec, min, limit)
    }

    /// What a call does when a file is not ready: `EAGAIN` if that is wished, else it waits for `events`.
    ///
    /// # Errors
    /// `EAGAIN`, `EBADF`.
    pub(crate) fn wait_for(&mut self, file: FileId, events: Events) -> SysResult {
        if self.sys.fs.file(file)?.flags.has(OpenFlags::NON_BLOCK) {
            return Err(Errno::EAGAIN);
        }
        self.wait_even_if_nonblocking(file, events)
    }

    /// Waits for `events` of a file.
    ///
    /// # Errors
    /// `EBADF`.
    pub(crate) fn wait_even_if_nonblocking(&mut self, file: FileId, events: Events) -> SysResult {
        let limited = self.limit_wait(file, events)?;
        if self.entry == Entry::Signal {
            // With a timeout, what is left of it would be lost (`signal(7)`, `SO_RCVTIMEO`).
            let restart = if limited { Restart::Never } else { Restart::System };
            return Ok(Flow::Interrupted(restart));
        }
        let waiter = self.waiter(events);
        self.sys.wait_file(file, waiter, self.tid)?;
        Ok(self.block())
    }

    /// Fixes when waiting for a socket ends, if it has a timeout (`socket(7)`, `SO_RCVTIMEO`). Whether it has.
    ///
    /// # Errors
    /// `EAGAIN` when that has come.
    pub(super) fn limit_wait(&mut self, file: FileId, events: Events) -> Result<bool> {
        let FileKind::Socket(socket) = self.sys.fs.file(file)?.kind else { return Ok(false) };
        let patience = self.sys.fs.sockets.get(socket)?.patience(events.intersects(Events::OUT));
        let Some(patience) = patience else { return Ok(false) };
        let deadline = self.deadline_after(patience);
        if self.sys.now.monotonic >= deadline { Err(Errno::EAGAIN) } else { Ok(true) }
    }
}

/// What a call answers that has done its work but may have left pages to free or to take out of mappings.
pub(crate) fn finish(cx: &mut Cx<'_>, value: u64) -> SysResult {
    // A step of the latter is done at the end of each entry.
    if cx.sys.is_cutting() {
        return Ok(cx.sys.wait_for_cut());
    }
    Ok(if cx.sys.close_released() { Flow::Again } else { Flow::Done(value) })
}
