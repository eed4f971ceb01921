//! Offsets and sizes of open files: lseek, ftruncate, fallocate, seals.

use super::file::FileKind;
use super::inotify::Mask;
use super::node::timestamp;
use super::pipe::PipeId;
use super::view::Env;
use super::{FileId, Vfs};
use crate::addr::PAGE_SIZE;
use crate::errno::{Errno, Result};
use crate::fs::tree::content::MAX_FILE_SIZE;
use crate::mem::area::{Area, AreaFlags, Backing};
use crate::system::System;
use crate::wait::Woken;

const SEEK_SET: u32 = 0;
const SEEK_CUR: u32 = 1;
const SEEK_END: u32 = 2;
const SEEK_DATA: u32 = 3;
const SEEK_HOLE: u32 = 4;
/// Bytes that the file of a message queue has, whatever it tells (`FILENT_SIZE`).
const QUEUE_TEXT_BYTES: u64 = 80;

/// `F_SEAL_SEAL`: no more seals.
pub(crate) const SEAL_SEAL: u32 = 1;
/// `F_SEAL_SHRINK`
pub(crate) const SEAL_SHRINK: u32 = 2;
/// `F_SEAL_GROW`
pub(crate) const SEAL_GROW: u32 = 4;
/// `F_SEAL_WRITE`
pub(crate) const SEAL_WRITE: u32 = 8;
/// `F_SEAL_FUTURE_WRITE`
pub(crate) const SEAL_FUTURE_WRITE: u32 = 16;
/// `F_SEAL_EXEC`: the permission to execute stays as it is.
pub(crate) const SEAL_EXEC: u32 = 32;
const ALL_SEALS: u32 = 63;

/// Pages that one step of `fallocate` makes or frees: each is zeroed.
const ALLOCATE_STEP: u64 = 16;

impl Vfs {
    /// Moves a file's offset; where it is then.
    ///
    /// # Errors
    /// `EBADF`, `ESPIPE`, `EINVAL`, `EOVERFLOW`, `ENXIO` as `lseek(2)`.
    pub(crate) fn seek(&mut self, file: FileId, offset: i64, whence: u32) -> Result<u64> {
        let open = self.file(file)?;
        let at = open.at;
        let position = open.position;
        if whence > SEEK_HOLE {
            return Err(Errno::EINVAL);
        }
        let end = match &open.kind {
            FileKind::Path => return Err(Errno::EBADF),
            // They have no offset, and say so by staying where they are (`noop_llseek`).
            FileKind::Counter(_)
            | FileKind::Timer(_)
            | FileKind::Signals(_)
            | FileKind::Epoll(_)
            | FileKind::Inotify(_) => return Ok(0),
            FileKind::MessageQueue(_) => QUEUE_TEXT_BYTES,
            // Reading null and its like is the same anywhere.
            FileKind::Device(_) => {
                self.file_mut(file)?.position = 0;
                return Ok(0);
            }
            FileKind::Regular => self.file_size(file)?,
            FileKind::Directory => MAX_FILE_SIZE,
            // A text has no end before it is made (`seq_lseek` in Linux).
            FileKind::Text(_) if whence > SEEK_CUR => return Err(Errno::EINVAL),
            FileKind::Text(_) => 0,
            _ => return Err(Errno::ESPIPE),
        };
        let new = match whence {
            SEEK_SET => u64::try_from(offset).map_err(|_| Errno::EINVAL)?,
            SEEK_CUR | SEEK_END => {
                let base = if whence == SEEK_CUR { position } else { end };
                let sum = i64::try_from(base).ok().and_then(|base| base.checked_add(offset));
                u64::try_from(sum.ok_or(Errno::EOVERFLOW)?).map_err(|_| Errno::EINVAL)?
            }
            SEEK_DATA | SEEK_HOLE => {
                let offset = u64::try_from(offset).ok().filter(|offset| *offset < end).ok_or(Errno::ENXIO)?;
                match self.tree(at).and_then(|tree| tree.content(at.node).ok()) {
                    Some(content) if whence == SEEK_DATA => content.next_data(offset).ok_or(Errno::ENXIO)?,
                    Some(content) => content.next_hole(offset),
                    None => return Err(Errno::EINVAL),
                }
            }
            _ => return Err(Errno::EINVAL),
        };
        self.file_mut(file)?.position = new;
        Ok(new)
    }

    /// Sets the size of an open file (`ftruncate(2)`).
    ///
    /// # Errors
    /// `EINVAL` for what is not a regular file open for writing; `EBADF`, `EPERM` for a seal, `EFBIG`.
    pub(crate) fn set_open_size(&mut self, file: FileId, size: u64, env: &mut Env<'_>) -> Result<()> {
        let open = self.file(file)?;
        match open.kind {
            FileKind::Path => return Err(Errno::EBADF),
            FileKind::Regular if open.writable => {}
            _ => return Err(Errno::EINVAL),
        }
        let at = open.at;
        let old = self.file_size(file)?;
        let seals = self.seals_of(at)?;
        if (size < old && seals & SEAL_SHRINK != 0) || (size > old && seals & SEAL_GROW != 0) {
            return Err(Errno::EPERM);
        }
        if let Some(handle) = self.file(file)?.handle {
            return match size > old && size > env.file_limit {
                true => Err(Errno::EFBIG),
                false => self.host_truncate(at, Some(handle), size),
            };
        }
        self.truncate_node(at, size, env)
    }

    /// One step of `fallocate(2)`; `done` bytes are behind. `Some` is how many are then, `None` the end.
    ///
    /// # Errors
    /// Those of `fallocate(2)`.
    pub(crate) fn allocate(
        &mut self,
        file: FileId,
        mode: u32,
        offset: u64,
        len: u64,
        done: u64,
        env: &mut Env<'_>,
    ) -> Result<Option<u64>> {
        const KEEP_SIZE: u32 = 1;
        const PUNCH_HOLE: u32 = 2;
        const ZERO_RANGE: u32 = 16;
        let open = self.file(file)?;
        match open.kind {
            FileKind::Path => return Err(Errno::EBADF),
            _ if !open.writable => return Err(Errno::EBADF),
            FileKind::Pipe(_) => return Err(Errno::ESPIPE),
            FileKind::Regular if open.handle.is_some() => return Err(Errno::EOPNOTSUPP),
            FileKind::Regular => {}
            _ => return Err(Errno::ENODEV),
        }
        if len == 0 {
            return Err(Errno::EINVAL);
        }
        let punch = mode == PUNCH_HOLE | KEEP_SIZE;
        let zero = mode & !KEEP_SIZE == ZERO_RANGE;
        if mode & !KEEP_SIZE != 0 && !punch && !zero {
            return Err(Errno::EOPNOTSUPP);
        }
        let end = offset.checked_add(len).filter(|end| *end <= MAX_FILE_SIZE).ok_or(Errno::EFBIG)?;
        let at = open.at;
        let seals = self.seals_of(at)?;
        if seals & (SEAL_WRITE | SEAL_FUTURE_WRITE) != 0 && (punch || zero) {
            return Err(Errno::EPERM);
        }
        let time = timestamp(env.now.realtime);
        let tree = self.tree_mut(at)?;
        let content = tree.content_mut(at.node)?;
        let size = content.size();
        let grows = mode & KEEP_SIZE == 0 && end > size;
        if grows && end > env.file_limit {
            return Err(Errno::EFBIG);
        }
        if grows && seals & SEAL_GROW != 0 {
            return Err(Errno::EPERM);
        }
        // A hole needs no steps where there is nothing: the rest of it is beyond every page.
        let from = offset + done;
        let to = end.min((from / PAGE_SIZE + ALLOCATE_STEP) * PAGE_SIZE);
        let last = if punch || zero { end.min(content.extent()) } else { end };
        if from < last {
            if punch || zero {
                content.punch(from, to.min(last), env.frames)?;
            }
            if !punch {
                content.reserve(from, to.min(last), env.frames)?;
            }
            if to < last {
                return Ok(Some(to - offset));
            }
        }
        if grows {
            let cut = content.truncate(end, env.frames);
            tree.doom(cut);
        }
        tree.modified(at.node, time, true);
        self.notify(at, Mask::MODIFY);
        if punch || zero {
            self.add_cut(at, offset.div_ceil(PAGE_SIZE)..end / PAGE_SIZE);
        }
        Ok(None)
    }

    /// The seals of an open file (`F_GET_SEALS`).
    ///
    /// # Errors
    /// `EINVAL` for what cannot have any.
    pub(crate) fn seals(&self, file: FileId) -> Result<u32> {
        let open = self.file(file)?;
        if !matches!(open.kind, FileKind::Regular) {
            return Err(Errno::EINVAL);
        }
        let tree = self.tree(open.at).ok_or(Errno::EINVAL)?;
        tree.content(open.at.node)?.seals().ok_or(Errno::EINVAL)
    }

    /// The seals that a node has; none where it cannot have any.
    pub(crate) fn seals_of(&self, at: super::node::Location) -> Result<u32> {
        let tree = self.tree(at).ok_or(Errno::EINVAL)?;
        Ok(tree.content(at.node)?.seals().unwrap_or(0))
    }

    /// Whether a file is sealed against writing; new mappings cannot store to it then.
    pub(crate) fn is_sealed_for_writing(&self, file: FileId) -> bool {
        self.seals(file).is_ok_and(|seals| seals & (SEAL_WRITE | SEAL_FUTURE_WRITE) != 0)
    }

    /// Bytes that can be read at once (`FIONREAD`).
    ///
    /// # Errors
    /// `ENOTTY` where that makes no sense.
    pub(crate) fn available(&self, file: FileId) -> Result<u64> {
        let open = self.file(file)?;
        match &open.kind {
            &FileKind::Pipe(pipe) => Ok(self.pipe(pipe)?.len() as u64),
            FileKind::Regular => Ok(self.file_size(file)?.saturating_sub(open.position)),
            &FileKind::Socket(socket) => Ok(self.sockets.available(socket)? as u64),
            FileKind::Inotify(inotify) => Ok(inotify.available() as u64),
            _ => Err(Errno::ENOTTY),
        }
    }

    /// Changes a pipe's capacity (`F_SETPIPE_SZ`).
    ///
    /// # Errors
    /// `EPERM` for more than there may be, `EBUSY` when it holds more.
    pub(crate) fn resize_pipe(&mut self, id: PipeId, size: u32, woken: &mut Woken) -> Result<usize> {
        let pipe = self.pipe_mut(id)?;
        let old = pipe.capacity();
        let new = pipe.set_capacity(u64::from(size), woken)?;
        self.pipe_bytes = (self.pipe_bytes + new).saturating_sub(old);
        Ok(new)
    }
}

impl System {
    /// Adds seals (`F_ADD_SEALS`).
    ///
    /// # Errors
    /// `EINVAL`; `EPERM` when sealed against that or not open for writing; `EBUSY` for [`SEAL_WRITE`] while a mapping can
    /// store to the file.
    pub(crate) fn add_seals(&mut self, file: FileId, seals: u32) -> Result<()> {
        if seals & !ALL_SEALS != 0 {
            return Err(Errno::EINVAL);
        }
        let open = self.fs.file(file)?;
        let (at, writable) = (open.at, open.writable);
        let known = self.fs.seals(file)?;
        if !writable || known & SEAL_SEAL != 0 {
            return Err(Errno::EPERM);
        }
        let mut areas = self.mem.spaces.iter().flat_map(|space| space.areas().iter());
        let stores = |area: &Area| match area.backing {
            Backing::File { file, shared: true, .. } => {
                !area.flags.contains(AreaFlags::NO_WRITE)
                    && self.fs.file(file).is_ok_and(|open| open.at == at)
            }
            _ => false,
        };
        if seals & SEAL_WRITE != 0 && areas.any(stores) {
            return Err(Errno::EBUSY);
        }
        self.fs.tree_mut(at)?.content_mut(at.node)?.set_seals(known | seals);
        Ok(())
    }
}
