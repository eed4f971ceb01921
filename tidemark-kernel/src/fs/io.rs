//! Reading and writing open files, whatever they are.
//!
//! Answers `EAGAIN` for what would block, non-blocking or not: waiting is the system call's.

use super::device::DeviceKind;
use super::file::FileKind;
use super::flags::OpenFlags;
use super::node::{Location, timestamp};
use super::size::{SEAL_FUTURE_WRITE, SEAL_GROW, SEAL_WRITE};
use super::view::Env;
use super::{FileId, Vfs};
use crate::errno::{Errno, Result};
use crate::mem::frames::Frames;
use crate::mem::io::{IoSink, IoSource};
use crate::mem::ram::FrameNo;

impl Vfs {
    /// Reads into `sink`: at `offset`, or at the file's own offset, which moves. 0 bytes are the end of the file.
    ///
    /// # Errors
    /// `EBADF` when not open for reading, `EISDIR`, `ESPIPE` for an offset where there are none, `EAGAIN` when nothing
    /// is there yet, `EIO`.
    pub fn read(
        &mut self,
        file: FileId,
        offset: Option<u64>,
        sink: &mut IoSink<'_>,
        env: &mut Env<'_>,
    ) -> Result<u64> {
        let open = self.file(file)?;
        let at = open.at;
        if !open.readable {
            return Err(Errno::EBADF);
        }
        match &open.kind {
            FileKind::Regular => {
                let position = offset.unwrap_or(open.position);
                let keep_time = open.flags.has(OpenFlags::NO_ATIME);
                self.fetch(file, position, sink.remaining() as u64)?;
                let tree = self.tree_mut(at)?;
                let done = tree.content_mut(at.node)?.read(position, sink, env.frames)?;
                if !keep_time {
                    tree.accessed(at.node, timestamp(env.now.realtime));
                }
                if offset.is_none() {
                    self.file_mut(file)?.position = position + done;
                }
                Ok(done)
            }
            FileKind::Directory => Err(Errno::EISDIR),
            FileKind::Path => Err(Errno::EBADF),
            FileKind::Pipe(_) if offset.is_some() => Err(Errno::ESPIPE),
            &FileKind::Pipe(pipe) => Ok(self.pipe_mut(pipe)?.read(sink, env.woken)? as u64),
            FileKind::Terminal(_) if offset.is_some() => Err(Errno::ESPIPE),
            &FileKind::Terminal(terminal) => Ok(self.read_terminal(terminal, sink, env.woken)?.count as u64),
            &FileKind::Socket(_) if offset.is_some() => Err(Errno::ESPIPE),
            &FileKind::Socket(socket) => self.read_socket(socket, sink, env),
            FileKind::Text(text) => {
                let position = offset.unwrap_or(open.position);
                let done = sink.put_bytes(text.at(position)) as u64;
                if offset.is_none() {
                    self.file_mut(file)?.position = position + done;
                }
                Ok(done)
            }
            &FileKind::MessageQueue(queue) => {
                let position = offset.unwrap_or(open.position);
                let text = self.message_queues.get(queue)?.status();
                let rest =
                    usize::try_from(position).ok().and_then(|start| text.get(start..)).unwrap_or_default();
                let done = sink.put_bytes(rest.as_bytes()) as u64;
                if offset.is_none() {
                    self.file_mut(file)?.position = position + done;
                }
                Ok(done)
            }
            FileKind::Counter(_) | FileKind::Timer(_) => {
                if offset.is_some() {
                    return Err(Errno::ESPIPE);
                }
                match &mut self.file_mut(file)?.kind {
                    FileKind::Counter(counter) => counter.read(sink, env.woken),
                    FileKind::Timer(timer) => timer.read(sink),
                    _ => Err(Errno::EINVAL),
                }
            }
            FileKind::Inotify(_) if offset.is_some() => Err(Errno::ESPIPE),
            FileKind::Inotify(_) => match &mut self.file_mut(file)?.kind {
                FileKind::Inotify(inotify) => inotify.read(sink),
                _ => Err(Errno::EINVAL),
            },
            // Signals are the reading thread's: the system call reads those.
            FileKind::Signals(_) | FileKind::Epoll(_) | FileKind::Process(_) => Err(Errno::EINVAL),
            FileKind::Device(DeviceKind::Null) => Ok(0),
            FileKind::Device(DeviceKind::Zero | DeviceKind::Full) => {
                Ok(sink.put_zeros(sink.remaining()) as u64)
            }
            FileKind::Device(DeviceKind::Random) => {
                let mut done = 0;
                let mut bytes = [0; 256];
                while !sink.is_full() {
                    env.entropy.fill(&mut bytes);
                    done += sink.put_bytes(&bytes) as u64;
                }
                Ok(done)
            }
        }
    }

    /// Writes from `source`: at `offset`, or at the file's own offset, which moves. `total` is the length of the whole
    /// write that the source is a part of. How many bytes were taken.
    ///
    /// # Errors
    /// `EBADF` when not open for writing, `ESPIPE`, `EFBIG`, `ENOSPC`, `EPIPE` (the signal is the caller's), `EAGAIN`
    /// when nothing fits now.
    pub fn write(
        &mut self,
        file: FileId,
        offset: Option<u64>,
        source: &mut IoSource<'_>,
        total: usize,
        env: &mut Env<'_>,
    ) -> Result<u64> {
        let open = self.file(file)?;
        let at = open.at;
        if !open.writable {
            return Err(Errno::EBADF);
        }
        match &open.kind {
            FileKind::Regular => {
                let append = open.flags.has(OpenFlags::APPEND);
                let position = offset.unwrap_or(open.position);
                if open.handle.is_some() {
                    let start = (!append).then_some(position);
                    let (done, end) = self.host_write(file, start, source, env.file_limit)?;
                    if offset.is_none() {
                        self.file_mut(file)?.position = end;
                    }
                    return Ok(done);
                }
                let seals = self.seals_of(at)?;
                if seals & (SEAL_WRITE | SEAL_FUTURE_WRITE) != 0 {
                    return Err(Errno::EPERM);
                }
                let tree = self.tree_mut(at)?;
                let content = tree.content_mut(at.node)?;
                // Linux appends even where an offset is given (`pwrite(2)`, BUGS).
                let position = if append { content.size() } else { position };
                if seals & SEAL_GROW != 0 && position.saturating_add(total as u64) > content.size() {
                    return Err(Errno::EPERM);
                }
                let done = content.write(position, source, env.file_limit, env.frames)?;
                if done > 0 {
                    tree.modified(at.node, timestamp(env.now.realtime), env.keep_set_id);
                }
                if offset.is_none() {
                    self.file_mut(file)?.position = position + done;
                }
                Ok(done)
            }
            FileKind::Directory | FileKind::Path => Err(Errno::EBADF),
            FileKind::Pipe(_) if offset.is_some() => Err(Errno::ESPIPE),
            &FileKind::Pipe(pipe) if open.flags.has(OpenFlags::DIRECT) => {
                Ok(self.pipe_mut(pipe)?.write_packets(source, env.woken)? as u64)
            }
            &FileKind::Pipe(pipe) => Ok(self.pipe_mut(pipe)?.write(source, total, env.woken)? as u64),
            FileKind::Terminal(_) if offset.is_some() => Err(Errno::ESPIPE),
            &FileKind::Terminal(terminal) => Ok(self.write_terminal(terminal, source, env.woken)? as u64),
            &FileKind::Socket(_) if offset.is_some() => Err(Errno::ESPIPE),
            &FileKind::Socket(socket) => self.write_socket(socket, source, env),
            FileKind::Counter(_) => match &mut self.file_mut(file)?.kind {
                FileKind::Counter(_) if offset.is_some() => Err(Errno::ESPIPE),
                FileKind::Counter(counter) => counter.write(source, env.woken),
                _ => Err(Errno::EINVAL),
            },
            FileKind::Text(_)
            | FileKind::Timer(_)
            | FileKind::Signals(_)
            | FileKind::Epoll(_)
            | FileKind::Inotify(_)
            | FileKind::MessageQueue(_)
            | FileKind::Process(_) => Err(Errno::EINVAL),
            FileKind::Device(DeviceKind::Full) => Err(Errno::ENOSPC),
            FileKind::Device(_) => Ok(source.remaining() as u64),
        }
    }

    /// How many bytes a read would give at the most, as far as that is known: what is worth resolving a buffer for.
    pub(crate) fn read_hint(&self, file: FileId, offset: Option<u64>) -> u64 {
        let Ok(open) = self.file(file) else { return 0 };
        match &open.kind {
            // What a packet has more than the reader has room for is lost: so it is asked for as a whole.
            &FileKind::Pipe(pipe) => self.pipe(pipe).map_or(1, |pipe| (pipe.len() as u64).max(1)),
            &FileKind::Socket(socket) => self.sockets.available(socket).map_or(1, |len| (len as u64).max(1)),
            // The host may have more than is known.
            FileKind::Regular if open.handle.is_some() => u64::MAX,
            FileKind::Regular => {
                let size = self.file_size(file).unwrap_or(0);
                size.saturating_sub(offset.unwrap_or(open.position))
            }
            FileKind::Text(text) => text.at(offset.unwrap_or(open.position)).len() as u64,
            FileKind::Inotify(inotify) => (inotify.available() as u64).max(1),
            _ => u64::MAX,
        }
    }

    /// How many bytes a write may put now, as far as that is bounded: at `offset`, or at the file's own.
    ///
    /// # Errors
    /// `EPIPE` for a pipe without readers, `EFBIG` where a file may not become longer than `limit`.
    pub(crate) fn room(&self, file: FileId, offset: Option<u64>, limit: u64) -> Result<u64> {
        let open = self.file(file)?;
        match open.kind {
            FileKind::Regular => {
                let left = limit.saturating_sub(offset.unwrap_or(open.position));
                if left == 0 { Err(Errno::EFBIG) } else { Ok(left) }
            }
            FileKind::Pipe(pipe) => {
                let pipe = self.pipe(pipe)?;
                if pipe.readers == 0 { Err(Errno::EPIPE) } else { Ok(pipe.room() as u64) }
            }
            FileKind::Terminal(terminal) => Ok(self.terminals.get(terminal.pty)?.room(terminal.end)),
            FileKind::Socket(socket) => self.socket_room(socket),
            _ => Ok(u64::MAX),
        }
    }

    /// A file's own offset, if it has one.
    ///
    /// # Errors
    /// `EBADF` when it is closed.
    pub(crate) fn own_offset(&self, file: FileId) -> Result<Option<u64>> {
        let open = self.file(file)?;
        Ok(matches!(open.kind, FileKind::Regular | FileKind::Text(_)).then_some(open.position))
    }

    /// Moves a file's own offset.
    ///
    /// # Errors
    /// `EBADF` when it is closed.
    pub(crate) fn set_own_offset(&mut self, file: FileId, offset: u64) -> Result<()> {
        self.file_mut(file)?.position = offset;
        Ok(())
    }

    /// Whether a file has offsets.
    ///
    /// # Errors
    /// `ESPIPE` when it has none.
    pub(crate) fn check_seekable(&self, file: FileId) -> Result<()> {
        match self.file(file)?.kind {
            FileKind::Path => Err(Errno::EBADF),
            FileKind::Regular | FileKind::Directory | FileKind::Device(_) | FileKind::Text(_) => Ok(()),
            _ => Err(Errno::ESPIPE),
        }
    }

    /// Fills `buf` from a regular file at `offset`, as far as the file goes. How many bytes.
    ///
    /// # Errors
    /// `EINVAL` for what is not a regular file; `EIO`, `ENOMEM`.
    pub fn read_at(
        &mut self,
        file: FileId,
        offset: u64,
        buf: &mut [u8],
        frames: &mut Frames,
    ) -> Result<usize> {
        let at = self.regular(file)?;
        self.fetch(file, offset, buf.len() as u64)?;
        let mut sink = IoSink::Kernel { ram: frames.ram(), buffer: buf };
        let done = self.tree_mut(at)?.content_mut(at.node)?.read(offset, &mut sink, frames)?;
        Ok(done as usize)
    }

    /// The size of a regular file in bytes; what may be mapped of it.
    ///
    /// # Errors
    /// `ENODEV` for what cannot be mapped.
    pub fn file_size(&self, file: FileId) -> Result<u64> {
        let at = self.regular(file)?;
        Ok(self.tree(at).ok_or(Errno::ENODEV)?.content(at.node)?.size())
    }

    /// The frame of a page of a regular file, read from its layer on first touch, made if it is a hole; `None` past the
    /// end. The file keeps its reference: a mapping takes its own.
    ///
    /// # Errors
    /// `ENODEV` for what cannot be mapped; `EIO`; `ENOMEM` or `ENOSPC` without a frame.
    pub fn page(&mut self, file: FileId, index: u64, frames: &mut Frames) -> Result<Option<FrameNo>> {
        let at = self.regular(file)?;
        self.tree_mut(at)?.content_mut(at.node)?.page(index, frames)
    }

    fn regular(&self, file: FileId) -> Result<Location> {
        match self.file(file)? {
            open if matches!(open.kind, FileKind::Regular) => Ok(open.at),
            _ => Err(Errno::ENODEV),
        }
    }

    /// Whether a file is open for reading and for writing; what `mmap(2)` checks.
    ///
    /// # Errors
    /// `EBADF` when it is closed, or a mere path.
    pub fn access_of(&self, file: FileId) -> Result<(bool, bool)> {
        match self.file(file)? {
            open if matches!(open.kind, FileKind::Path) => Err(Errno::EBADF),
            open => Ok((open.readable, open.writable)),
        }
    }

    /// What a mapping of a file shows.
    ///
    /// # Errors
    /// `EBADF` when it is closed; `ENODEV` for what cannot be mapped.
    pub fn mapping_of(&self, file: FileId) -> Result<Mapping> {
        match self.file(file)?.kind {
            FileKind::Regular => Ok(Mapping::Pages),
            FileKind::Device(DeviceKind::Zero) => Ok(Mapping::Zeroes),
            FileKind::Path => Err(Errno::EBADF),
            _ => Err(Errno::ENODEV),
        }
    }

    /// Notes that a file was mapped, which counts as reading it (`mmap(2)`, "Timestamps changes for file-backed mappings").
    pub fn mapped(&mut self, file: FileId, now: crate::time::Now) {
        let Ok(open) = self.file(file) else { return };
        let (at, keep_time) = (open.at, open.flags.has(OpenFlags::NO_ATIME));
        if !keep_time && let Ok(tree) = self.tree_mut(at) {
            tree.accessed(at.node, timestamp(now.realtime));
        }
    }

    /// Notes that a file's content was changed through a shared mapping (`mmap(2)`, there likewise).
    pub fn stored_through_mapping(&mut self, file: FileId, now: crate::time::Now) {
        if let Ok(at) = self.regular(file)
            && let Ok(tree) = self.tree_mut(at)
        {
            tree.modified(at.node, timestamp(now.realtime), true);
        }
    }
}

/// What a mapping of a file shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mapping {
    /// The file's pages.
    Pages,
    /// Anonymous memory: `/dev/zero`.
    Zeroes,
}
