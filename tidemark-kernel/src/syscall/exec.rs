//! `execve(2)` and `execveat(2)`.
//!
//! In steps: the arguments are copied in, the program is loaded beside the old one, the other threads end, and only then
//! is the process changed. Until then everything can fail, and everything that was made is given back.

use super::files::{AT_FDCWD, DirFd, PathAddr};
use super::{Cx, SysResult};
use crate::addr::{GuestAddr, PAGE_SIZE};
use crate::errno::{Errno, Result};
use crate::exec::strings::Strings;
use crate::exec::{ExecRequest, Loading, NewImage, arguments_limit};
use crate::fs::FileId;
use crate::fs::descriptors::Fd;
use crate::futex::RobustWalk;
use crate::limits::{STEP_BYTES, STEP_ITEMS};
use crate::task::{ExecIdentity, Name};
use crate::wait::{Entry, Flow, Restart};

const AT_SYMLINK_NOFOLLOW: u32 = 0x100;
const AT_EMPTY_PATH: u32 = 0x1000;

/// Bytes of one string, its NUL included (`MAX_ARG_STRLEN`).
const STRING_MAX: usize = 128 << 10;

/// Bytes of arguments that one step copies, and strings or pieces of strings.
const STEP_STRINGS: u64 = STEP_BYTES;
const STEP_PIECES: usize = 2 * STEP_ITEMS;

/// Bytes of a string that are looked at together.
const PIECE: usize = 256;

/// `execve(2)`.
pub fn execve(cx: &mut Cx<'_>, pathname: PathAddr, argv: GuestAddr, envp: GuestAddr) -> SysResult {
    execveat(cx, DirFd(AT_FDCWD), pathname, argv, envp, 0)
}

/// `execveat(2)`.
pub fn execveat(
    cx: &mut Cx<'_>,
    dirfd: DirFd,
    pathname: PathAddr,
    argv: GuestAddr,
    envp: GuestAddr,
    flags: u32,
) -> SysResult {
    let mut exec = match cx.progress.state.take().map(|state| state.downcast::<Exec>()) {
        Some(Ok(exec)) => exec,
        _ => {
            cx.sys.check_noted_limit(cx.pid)?;
            Box::new(open(cx, dirfd, pathname, argv, envp, flags)?)
        }
    };
    if cx.sys.must_exit(cx.tid) {
        // Killed, or another thread's program came first.
        exec.give_back(cx);
        return Ok(Flow::Interrupted(Restart::Never));
    }
    match exec.step(cx) {
        Ok(Flow::NoReturn) => Ok(Flow::NoReturn),
        Ok(flow) => {
            cx.progress.state = Some(exec);
            Ok(flow)
        }
        Err(errno) => {
            exec.give_back(cx);
            Err(errno)
        }
    }
}

/// A call in progress.
struct Exec {
    /// The opened file, until the loader takes it over.
    file: Option<FileId>,
    path: Vec<u8>,
    argv: Array,
    envp: Array,
    /// Bytes copied so far, a pointer a string included.
    bytes: u64,
    identity: ExecIdentity,
    stage: Stage,
}

enum Stage {
    Collect,
    Load(Box<Loading>),
    /// Threads below this index are still to be told to end.
    Siblings(Box<NewImage>, usize),
    /// The thread is alone and gives up the locks it has, as if it ended.
    Locks(Box<NewImage>, Option<RobustWalk>),
}

/// A null-terminated array of strings, half copied.
struct Array {
    /// Its next pointer.
    next: GuestAddr,
    /// Where a string goes on that was begun, and its length so far.
    within: Option<(GuestAddr, usize)>,
    list: Strings,
    complete: bool,
}

impl Array {
    fn new(array: GuestAddr) -> Array {
        // Linux takes a null pointer for an empty list.
        Array { next: array, within: None, list: Strings::default(), complete: array.is_null() }
    }

    /// Copies the next piece of a string. How many bytes that were, a NUL and the pointer included.
    fn copy_piece(&mut self, cx: &mut Cx<'_>) -> Result<u64> {
        let (at, len) = match self.within.take() {
            Some(within) => within,
            None => {
                let string = cx.read_pod::<GuestAddr>(self.next)?;
                self.next = self.next.add(8)?;
                if string.is_null() {
                    self.complete = true;
                    return Ok(0);
                }
                (string, 0)
            }
        };
        let mut piece = [0; PIECE];
        // Not beyond the page: what follows need not be there.
        let room = PIECE.min(STRING_MAX - len).min((PAGE_SIZE - at.page_offset()) as usize);
        let piece = &mut piece[..room];
        cx.read_user(at, piece)?;
        if let Some(nul) = piece.iter().position(|byte| *byte == 0) {
            self.list.extend_last(&piece[..nul]);
            self.list.end_last();
            return Ok(nul as u64 + 1 + 8);
        }
        if len + room == STRING_MAX {
            return Err(Errno::E2BIG);
        }
        self.list.extend_last(piece);
        self.within = Some((at.add(room as u64)?, len + room));
        Ok(room as u64)
    }
}

/// The file comes first: its errors go before those of the arguments.
fn open(
    cx: &mut Cx<'_>,
    dirfd: DirFd,
    pathname: PathAddr,
    argv: GuestAddr,
    envp: GuestAddr,
    flags: u32,
) -> Result<Exec> {
    if flags & !(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    let path = cx.path(pathname)?;
    let follow = flags & AT_SYMLINK_NOFOLLOW == 0;
    let base = cx.base(dirfd, &path)?;
    let by_descriptor = dirfd.0 != AT_FDCWD && path.first() != Some(&b'/');
    let (file, path) = if path.is_empty() && flags & AT_EMPTY_PATH != 0 {
        let parts = cx.parts()?;
        (parts.fs.open_exec_node(&parts.who, base)?, format!("/dev/fd/{}", dirfd.0).into_bytes())
    } else {
        let parts = cx.parts()?;
        let file = parts.fs.open_exec(&parts.who, base, &path, follow)?;
        let shown = match by_descriptor {
            true => [format!("/dev/fd/{}/", dirfd.0).as_bytes(), &path].concat(),
            false => path,
        };
        (file, shown)
    };
    // An interpreter could not open what the descriptor stands for (`execveat(2)`, ENOENT).
    if by_descriptor {
        let table = cx.fd_table();
        let closes = cx.sys.fs.table(table)?.get(Fd::new(dirfd.0)?)?.close_on_exec;
        if closes && cx.sys.is_script(file) {
            cx.sys.fs.release(file);
            return Err(Errno::ENOENT);
        }
    }
    Ok(Exec {
        file: Some(file),
        path,
        argv: Array::new(argv),
        envp: Array::new(envp),
        bytes: 0,
        identity: ExecIdentity::default(),
        stage: Stage::Collect,
    })
}

impl Exec {
    fn step(&mut self, cx: &mut Cx<'_>) -> SysResult {
        match &mut self.stage {
            Stage::Collect => {
                let before = self.bytes;
                // Where that took much of a step, loading begins with the next.
                if !self.collect(cx)? || self.bytes - before > STEP_STRINGS / 4 {
                    return Ok(Flow::Again);
                }
                self.begin_load(cx)?;
                self.load(cx)
            }
            Stage::Load(_) => self.load(cx),
            Stage::Siblings(..) => self.end_siblings(cx),
            Stage::Locks(..) => self.give_up_locks(cx),
        }
    }

    /// Copies some of the arguments. Whether all are there.
    fn collect(&mut self, cx: &mut Cx<'_>) -> Result<bool> {
        let limit = arguments_limit(cx.sys, cx.pid);
        let until = self.bytes + STEP_STRINGS;
        let mut pieces = 0;
        for array in [&mut self.argv, &mut self.envp] {
            while !array.complete {
                if self.bytes >= until || pieces == STEP_PIECES {
                    return Ok(false);
                }
                pieces += 1;
                self.bytes += array.copy_piece(cx)?;
                if self.bytes > limit {
                    return Err(Errno::E2BIG);
                }
            }
        }
        Ok(true)
    }

    fn begin_load(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        let file = self.file.take().ok_or(Errno::ENOENT)?;
        let request = ExecRequest {
            file,
            path: self.path.clone(),
            argv: core::mem::take(&mut self.argv.list),
            envp: core::mem::take(&mut self.envp.list),
        };
        let (pid, identity) = (cx.pid, &mut self.identity);
        let loading = cx.sys.exec_begin(pid, request, &mut |sys, program| {
            *identity = sys.exec_identity(pid, program);
            identity.told(sys, pid)
        })?;
        self.stage = Stage::Load(Box::new(loading));
        Ok(())
    }

    fn load(&mut self, cx: &mut Cx<'_>) -> SysResult {
        let Stage::Load(loading) = &mut self.stage else { return Err(Errno::EINVAL) };
        let image = match cx.sys.exec_step(loading) {
            Ok(None) => return Ok(Flow::Again),
            Ok(Some(image)) => image,
            Err(errno) => {
                // The loader has given everything back itself.
                self.stage = Stage::Collect;
                return Err(errno);
            }
        };
        // The point from which the other threads end.
        let tid = cx.tid;
        let process = cx.process();
        process.exec_by = Some(tid);
        let threads = process.threads.len();
        self.stage = Stage::Siblings(Box::new(image), threads);
        self.end_siblings(cx)
    }

    fn end_siblings(&mut self, cx: &mut Cx<'_>) -> SysResult {
        let Stage::Siblings(_, next) = &mut self.stage else { return Err(Errno::EINVAL) };
        cx.thread().killable_only = false;
        if *next > 0 && cx.process().threads.len() > 1 {
            *next = cx.sys.rouse_siblings(cx.pid, cx.tid, *next);
            if *next > 0 {
                return Ok(Flow::Again);
            }
        }
        if cx.process().threads.len() > 1 {
            // The last of them wakes this one.
            debug_assert!(cx.entry != Entry::Timeout);
            cx.thread().killable_only = true;
            return Ok(Flow::Block { deadline: None });
        }
        if let Stage::Siblings(image, _) = core::mem::replace(&mut self.stage, Stage::Collect) {
            self.stage = Stage::Locks(image, None);
        }
        self.give_up_locks(cx)
    }

    fn give_up_locks(&mut self, cx: &mut Cx<'_>) -> SysResult {
        let Stage::Locks(image, walk) = &mut self.stage else { return Err(Errno::EINVAL) };
        let space = cx.space();
        *walk = cx.sys.walk_robust_list(cx.tid, space, *walk);
        if walk.is_some() || cx.sys.give_up_locks(cx.tid) {
            return Ok(Flow::Again);
        }
        let NewImage { space, entry, stack, program, ref name } = **image;
        let name = Name::new(name);
        cx.sys.replace_program(cx.tid, space, program, name, &self.identity)?;
        for register in 1..32 {
            cx.hart.set_x(register, 0);
        }
        for register in 0..32 {
            cx.hart.set_f(register, 0);
        }
        cx.hart.set_fcsr(0);
        cx.hart.clear_reservation();
        cx.hart.set_x(STACK_POINTER, stack);
        cx.hart.set_pc(entry);
        Ok(Flow::NoReturn)
    }

    /// Gives back what was made for a program that does not run.
    fn give_back(&mut self, cx: &mut Cx<'_>) {
        if let Some(file) = self.file.take() {
            cx.sys.fs.release(file);
        }
        cx.thread().killable_only = false;
        let tid = cx.tid;
        let process = cx.process();
        if process.exec_by == Some(tid) {
            process.exec_by = None;
        }
        match core::mem::replace(&mut self.stage, Stage::Collect) {
            Stage::Collect => {}
            Stage::Load(mut loading) => cx.sys.exec_abandon(&mut loading),
            Stage::Siblings(image, _) | Stage::Locks(image, _) => {
                cx.sys.fs.release(image.program);
                cx.sys.mem.release_space(image.space);
            }
        }
    }
}

const STACK_POINTER: usize = 2;
