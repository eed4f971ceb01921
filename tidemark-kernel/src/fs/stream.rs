//! Host streams: pipes and terminals whose other end is the application's.
//!
//! Owns the application's ends; bytes, room and waiting are the pipe's or the terminal's.

use super::file::FileKind;
use super::flags::OpenFlags;
use super::node::{Location, NodeKey};
use super::pipe::{DEFAULT_CAPACITY, PIPE_BUF, Pipe, PipeId};
use super::view::Env;
use super::{FileId, Vfs};
use crate::errno::{Errno, Result};
use crate::kernel::Kernel;
use crate::mem::io::{IoSink, IoSource};
use crate::mem::ram::GuestRam;
use crate::status::{StreamId, StreamRead, StreamWrite};
use crate::time::Now;
use crate::tty::{PtyId, Role};
use crate::wait::{Events, WaitTarget, Waiter, Woken};

/// The sum of capacities from which on new pipes get the least capacity, in bytes
/// (`/proc/sys/fs/pipe-user-pages-soft`, `pipe(7)`).
const ALL_PIPES: usize = 64 << 20;

/// The application's end of a pipe or terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// An end of a pipe.
    Pipe {
        pipe: PipeId,
        /// Whether the application reads (a process's output) or writes (its input).
        reads: bool,
    },
    /// The master end of a terminal.
    Master { pty: PtyId, role: Role },
    /// Events of files: an inotify instance of the application's own.
    Watch { file: FileId },
}

impl Vfs {
    /// A new pipe without ends.
    pub(crate) fn new_pipe(&mut self) -> PipeId {
        let capacity = if self.pipe_bytes >= ALL_PIPES {
            PIPE_BUF
        } else {
            DEFAULT_CAPACITY.min(self.limits.pipe_bytes as usize)
        };
        self.pipe_bytes += capacity;
        let ino = self.new_ino();
        PipeId(self.pipes.insert(Pipe::new(capacity, ino)))
    }

    pub(crate) fn pipe(&self, id: PipeId) -> Result<&Pipe> {
        self.pipes.get(id.0).ok_or(Errno::EBADF)
    }

    pub(crate) fn pipe_mut(&mut self, id: PipeId) -> Result<&mut Pipe> {
        self.pipes.get_mut(id.0).ok_or(Errno::EBADF)
    }

    /// Opens an end of a pipe without a name.
    ///
    /// # Errors
    /// `ENFILE`.
    pub(crate) fn open_pipe_end(
        &mut self,
        pipe: PipeId,
        flags: OpenFlags,
        woken: &mut Woken,
    ) -> Result<FileId> {
        let at = Location { mount: self.pipe_mount, node: NodeKey(u64::from(pipe.0)) };
        let file = self.new_file(at, FileKind::Pipe(pipe), flags)?;
        self.pipe_mut(pipe)?.open(flags.reads(), flags.writes(), woken);
        Ok(file)
    }

    /// Opens both ends of a new pipe (`pipe2(2)`): reader and writer.
    ///
    /// # Errors
    /// `ENFILE`.
    pub(crate) fn open_pipe(&mut self, flags: OpenFlags, woken: &mut Woken) -> Result<(FileId, FileId)> {
        let pipe = self.new_pipe();
        // Packets are made by who writes.
        let reads = flags.without(OpenFlags::DIRECT).with(OpenFlags::READ_ONLY);
        let reader = self.open_pipe_end(pipe, reads, woken).inspect_err(|_| {
            self.pipes.remove(pipe.0);
        })?;
        let writer = self.open_pipe_end(pipe, flags.with(OpenFlags::WRITE_ONLY), woken);
        writer.map(|writer| (reader, writer)).inspect_err(|_| self.release(reader))
    }

    /// Copies bytes from one pipe to another without taking them (`tee(2)`).
    ///
    /// # Errors
    /// As [`Pipe::tee`].
    pub(crate) fn tee(&mut self, from: PipeId, to: PipeId, limit: usize, woken: &mut Woken) -> Result<usize> {
        // Out of the table for a moment: two of its pipes are used at once.
        let Some(mut target) = self.pipes.take(to.0) else { return Err(Errno::EBADF) };
        let result = self.pipe(from).and_then(|pipe| pipe.tee(&mut target, limit, woken));
        self.pipes.put_back(to.0, target);
        result
    }

    /// Opens a named pipe, or a pipe without a name through procfs.
    pub(crate) fn open_fifo(&mut self, env: &mut Env<'_>, at: Location, flags: OpenFlags) -> Result<FileId> {
        let nonblocking_writer = flags.has(OpenFlags::NON_BLOCK) && flags.writes() && !flags.reads();
        let known = match self.tree_mut(at) {
            Ok(tree) => *tree.fifo_mut(at.node)?,
            Err(_) => Some(super::dispatch::pipe_of(at.node)),
        };
        let readers = known.and_then(|pipe| self.pipe(pipe).ok()).map_or(0, |pipe| pipe.readers);
        if nonblocking_writer && readers == 0 && self.tree(at).is_some() {
            return Err(Errno::ENXIO);
        }
        let pipe = match known {
            Some(pipe) => pipe,
            None => {
                let pipe = self.new_pipe();
                *self.tree_mut(at)?.fifo_mut(at.node)? = Some(pipe);
                pipe
            }
        };
        match self.finish_open(at, FileKind::Pipe(pipe), flags) {
            Ok(file) => {
                self.pipe_mut(pipe)?.open(flags.reads(), flags.writes(), env.woken);
                Ok(file)
            }
            Err(error) => {
                self.end_pipe_if_unused(pipe, at);
                Err(error)
            }
        }
    }

    /// Closes an end of a pipe.
    pub(crate) fn close_pipe(
        &mut self,
        id: PipeId,
        at: Location,
        read: bool,
        write: bool,
        env: &mut Env<'_>,
    ) {
        if let Ok(pipe) = self.pipe_mut(id) {
            pipe.close(read, write, env.woken);
        }
        self.end_pipe_if_unused(id, at);
    }

    fn end_pipe_if_unused(&mut self, id: PipeId, at: Location) {
        if self.pipe(id).is_ok_and(|pipe| pipe.readers == 0 && pipe.writers == 0) {
            if let Some(pipe) = self.pipes.remove(id.0) {
                self.pipe_bytes -= pipe.capacity().min(self.pipe_bytes);
            }
            if let Ok(fifo) = self.tree_mut(at).and_then(|tree| tree.fifo_mut(at.node)) {
                *fifo = None;
            }
        }
    }

    /// A pipe between the application and a new process: the process's end as an open file with one reference, and the
    /// application's. With `process_reads`, it is the process's standard input.
    ///
    /// # Errors
    /// `ENFILE`.
    pub fn open_stream(&mut self, process_reads: bool, woken: &mut Woken) -> Result<(FileId, StreamId)> {
        let pipe = self.new_pipe();
        let flags = if process_reads { OpenFlags::READ_ONLY } else { OpenFlags::WRITE_ONLY };
        let file = match self.open_pipe_end(pipe, flags, woken) {
            Ok(file) => file,
            Err(error) => {
                self.pipes.remove(pipe.0);
                return Err(error);
            }
        };
        let stream = StreamId(self.streams.insert(Stream::Pipe { pipe, reads: !process_reads }));
        if let Ok(pipe) = self.pipe_mut(pipe) {
            pipe.open(!process_reads, process_reads, woken);
        }
        self.watch_stream(stream);
        Ok((file, stream))
    }

    /// Has the application told, once, when its stream can go on.
    fn watch_stream(&mut self, id: StreamId) {
        match self.streams.get(id.0) {
            Some(&Stream::Pipe { pipe, reads }) => {
                let events =
                    if reads { Events::IN.union(Events::HUP) } else { Events::OUT.union(Events::ERR) };
                if let Some(pipe) = self.pipes.get_mut(pipe.0) {
                    pipe.queue.add(Waiter { target: WaitTarget::Stream(id), events });
                }
            }
            Some(&Stream::Master { pty, role }) => self.watch_master(id, pty, role),
            Some(&Stream::Watch { file }) => self.await_watch(id, file),
            None => {}
        }
    }

    /// Gives the application a stream to the master end of a terminal.
    ///
    /// # Errors
    /// `EIO` for a terminal that is gone.
    pub(crate) fn open_terminal_stream(&mut self, pty: PtyId, role: Role) -> Result<StreamId> {
        self.open_master_stream(pty)?;
        let stream = StreamId(self.streams.insert(Stream::Master { pty, role }));
        self.watch_stream(stream);
        Ok(stream)
    }

    /// The inotify instance that a stream reads.
    pub(crate) fn watch_of_stream(&self, id: StreamId) -> Option<FileId> {
        match self.streams.get(id.0) {
            Some(&Stream::Watch { file }) => Some(file),
            _ => None,
        }
    }

    /// Gives the application a stream of a file's events.
    pub(crate) fn new_watch_stream(&mut self, file: FileId) -> StreamId {
        StreamId(self.streams.insert(Stream::Watch { file }))
    }

    /// Has the application told, once, when there are events.
    pub(crate) fn watch_again(&mut self, id: StreamId) {
        self.watch_stream(id);
    }

    /// The terminal whose master a stream is.
    pub(crate) fn terminal_of_stream(&self, id: StreamId) -> Option<PtyId> {
        match self.streams.get(id.0) {
            Some(&Stream::Master { pty, .. }) => Some(pty),
            _ => None,
        }
    }

    /// Reads what a process wrote to the application.
    pub fn stream_read(
        &mut self,
        id: StreamId,
        buffer: &mut [u8],
        ram: GuestRam,
        woken: &mut Woken,
    ) -> StreamRead {
        let pipe = match self.streams.get(id.0) {
            Some(&Stream::Pipe { pipe, reads: true }) => pipe,
            Some(&Stream::Master { pty, role: Role::Screen }) => {
                return self.read_master_stream(id, pty, buffer, ram, woken);
            }
            Some(&Stream::Watch { file }) => return self.read_watch_stream(id, file, buffer, ram),
            _ => return StreamRead::Closed,
        };
        let Some(pipe) = self.pipes.get_mut(pipe.0) else { return StreamRead::Closed };
        match pipe.read(&mut IoSink::Kernel { ram, buffer }, woken) {
            Ok(0) if pipe.len() == 0 && pipe.writers == 0 => StreamRead::Closed,
            Ok(0) => StreamRead::Empty,
            Ok(done) => StreamRead::Data(done),
            Err(_) => {
                self.watch_stream(id);
                StreamRead::Empty
            }
        }
    }

    /// Writes to a process's standard input.
    pub fn stream_write(
        &mut self,
        id: StreamId,
        bytes: &[u8],
        ram: GuestRam,
        woken: &mut Woken,
    ) -> StreamWrite {
        let pipe = match self.streams.get(id.0) {
            Some(&Stream::Pipe { pipe, reads: false }) => pipe,
            Some(&Stream::Master { pty, role: Role::Keyboard }) => {
                return self.write_master_stream(id, pty, bytes, ram, woken);
            }
            _ => return StreamWrite::Closed,
        };
        let Some(pipe) = self.pipes.get_mut(pipe.0) else { return StreamWrite::Closed };
        // The application's bytes are a stream: none of them need to stay together.
        let result = pipe.write(&mut IoSource::Kernel { ram, buffer: bytes }, usize::MAX, woken);
        match result {
            Err(Errno::EPIPE) => StreamWrite::Closed,
            result => {
                let done = result.unwrap_or(0);
                if done < bytes.len() {
                    self.watch_stream(id);
                }
                StreamWrite::Accepted(done)
            }
        }
    }

    /// Closes the application's end.
    pub fn stream_close(&mut self, id: StreamId, woken: &mut Woken) {
        let (pipe, reads) = match self.streams.remove(id.0) {
            Some(Stream::Pipe { pipe, reads }) => (pipe, reads),
            Some(Stream::Master { pty, .. }) => return self.close_master_stream(id, pty, woken),
            Some(Stream::Watch { file }) => return self.release(file),
            None => return,
        };
        let at = Location { mount: self.pipe_mount, node: NodeKey(u64::from(pipe.0)) };
        if let Ok(pipe) = self.pipe_mut(pipe) {
            pipe.queue.remove(WaitTarget::Stream(id));
            pipe.close(reads, !reads, woken);
        }
        self.end_pipe_if_unused(pipe, at);
    }
}

impl Kernel {
    /// Reads what a process wrote to one of its streams. [`Status::StreamReadable`](crate::Status::StreamReadable)
    /// tells when to go on after [`StreamRead::Empty`].
    pub fn stream_read(&mut self, stream: StreamId, to: &mut [u8], now: Now) -> StreamRead {
        self.sys.now = now;
        let ram = self.sys.mem.frames.ram();
        let result = self.sys.fs.stream_read(stream, to, ram, &mut self.sys.woken);
        self.settle();
        result
    }

    /// Writes to a process's standard input. [`Status::StreamWritable`](crate::Status::StreamWritable) tells when to go
    /// on after a write that was not taken whole.
    pub fn stream_write(&mut self, stream: StreamId, from: &[u8], now: Now) -> StreamWrite {
        self.sys.now = now;
        let ram = self.sys.mem.frames.ram();
        let result = self.sys.fs.stream_write(stream, from, ram, &mut self.sys.woken);
        self.settle();
        result
    }

    /// Closes the application's end of a stream: the process reads the end of its input, or gets `EPIPE`.
    pub fn stream_close(&mut self, stream: StreamId, now: Now) {
        self.sys.now = now;
        self.sys.fs.stream_close(stream, &mut self.sys.woken);
        self.settle();
    }
}
