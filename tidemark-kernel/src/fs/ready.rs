//! Readiness: what `poll(2)` says of an open file, and where to wait for it to change.

use super::file::FileKind;
use super::flags::OpenFlags;
use super::{FileId, Vfs};
use crate::errno::{Errno, Result};
use crate::system::System;
use crate::task::Tid;
use crate::wait::{Events, WaitQueue, WaitTarget, Waiter};

/// `POLLRDNORM`, which comes with `POLLIN`.
const RDNORM: u32 = 0x40;
/// `POLLWRNORM`, which comes with `POLLOUT`.
const WRNORM: u32 = 0x100;

impl System {
    /// What an open file is ready for now, as a thread sees it: a signalfd shows the thread's own signals.
    ///
    /// # Errors
    /// `EBADF` when it is closed.
    pub(crate) fn poll_file(&self, file: FileId, tid: Tid) -> Result<Events> {
        let open = self.fs.file(file)?;
        let events = match &open.kind {
            // Reading and writing never block, as `poll(2)` says of regular files.
            FileKind::Regular | FileKind::Directory | FileKind::Device(_) | FileKind::Text(_) => {
                Events::IN.union(Events::OUT)
            }
            FileKind::Path => return Ok(Events::NVAL),
            &FileKind::Pipe(pipe) => {
                let pipe = self.fs.pipe(pipe)?;
                let reader = if open.readable { pipe.poll_reader() } else { Events::default() };
                let writer = if open.writable { pipe.poll_writer() } else { Events::default() };
                reader.union(writer)
            }
            FileKind::Terminal(terminal) => self.fs.terminals.get(terminal.pty)?.poll(terminal.end),
            &FileKind::Socket(socket) => self.fs.sockets.poll(socket),
            &FileKind::MessageQueue(queue) => self.fs.message_queues.get(queue)?.poll(),
            FileKind::Counter(counter) => counter.poll(),
            FileKind::Timer(timer) => timer.poll(),
            FileKind::Inotify(inotify) => inotify.poll(),
            FileKind::Epoll(_) => self.poll_epoll(file, tid),
            &FileKind::Process(process) => match self.tasks.referred(process) {
                Some(process) if !process.is_zombie() => Events::default(),
                Some(_) => Events::IN,
                None => Events::IN.union(Events::HUP),
            },
            &FileKind::Signals(mask) => {
                let thread = self.tasks.thread(tid).ok_or(Errno::ESRCH)?;
                let process = self.tasks.process(thread.pid).ok_or(Errno::ESRCH)?;
                let pending = thread.signals.pending.pending().union(process.signals.pending.pending());
                if pending.and(mask).is_empty() { Events::default() } else { Events::IN }
            }
        };
        Ok(with_norm(events))
    }

    /// Has `waiter` told when a file's readiness changes.
    ///
    /// # Errors
    /// `EBADF` when it is closed.
    pub(crate) fn wait_file(&mut self, file: FileId, waiter: Waiter, tid: Tid) -> Result<()> {
        if let FileKind::Process(process) = self.fs.file(file)?.kind {
            if let Some(process) = self.tasks.referred_mut(process) {
                process.ended.add(waiter);
            }
        } else if let FileKind::Signals(_) = self.fs.file(file)?.kind {
            let pid = self.tasks.thread(tid).ok_or(Errno::ESRCH)?.pid;
            let process = self.tasks.process_mut(pid).ok_or(Errno::ESRCH)?;
            process.signals.watchers.add(waiter);
        } else if let Some(queue) = self.fs.queue_of(file)? {
            queue.add(waiter);
        }
        Ok(())
    }

    /// Takes an epoll item out of the queue of a file it watches.
    pub(super) fn stop_waiting(&mut self, file: FileId, target: WaitTarget) {
        self.fs.stop_waiting(file, target);
    }
}

impl Vfs {
    /// The queue in which changes of an open file's readiness are told; `None` if there are none.
    pub(in crate::fs) fn queue_of(&mut self, file: FileId) -> Result<Option<&mut WaitQueue>> {
        if let FileKind::Pipe(pipe) = self.file(file)?.kind {
            return Ok(Some(&mut self.pipe_mut(pipe)?.queue));
        }
        if let FileKind::Terminal(terminal) = self.file(file)?.kind {
            return Ok(Some(self.terminals.get_mut(terminal.pty)?.queue(terminal.end)));
        }
        if let FileKind::Socket(socket) = self.file(file)?.kind {
            return self.sockets.queue_mut(socket).map(Some);
        }
        if let FileKind::MessageQueue(queue) = self.file(file)?.kind {
            return Ok(Some(&mut self.message_queues.get_mut(queue)?.waiters));
        }
        Ok(match &mut self.file_mut(file)?.kind {
            FileKind::Counter(counter) => Some(&mut counter.queue),
            FileKind::Timer(timer) => Some(&mut timer.queue),
            FileKind::Inotify(inotify) => Some(&mut inotify.queue),
            FileKind::Epoll(epoll) => Some(&mut epoll.queue),
            _ => None,
        })
    }

    /// Takes an epoll item out of the queue of a file it watches. One that watched signals is found to be gone when they
    /// come.
    pub(super) fn stop_waiting(&mut self, file: FileId, target: WaitTarget) {
        if let Ok(Some(queue)) = self.queue_of(file) {
            queue.remove(target);
        }
    }

    /// Whether epoll can watch a file: not what is always ready (`epoll_ctl(2)`, EPERM).
    ///
    /// # Errors
    /// `EBADF` when it is closed, or a mere path.
    pub(crate) fn can_be_watched(&self, file: FileId) -> Result<bool> {
        Ok(match self.file(file)?.kind {
            FileKind::Path => return Err(Errno::EBADF),
            FileKind::Regular | FileKind::Directory | FileKind::Text(_) => false,
            // Of the devices, only the random ones have something to wait for in Linux.
            FileKind::Device(device) => device == super::device::DeviceKind::Random,
            _ => true,
        })
    }

    /// For a named pipe just opened whose other end is to be waited for: how often that end was opened so far. `None`
    /// for everything else.
    pub(crate) fn fifo_wait(&self, file: FileId) -> Option<u64> {
        let open = self.file(file).ok()?;
        let FileKind::Pipe(pipe) = open.kind else { return None };
        let pipe = self.pipe(pipe).ok()?;
        let (others, opens) = match (open.readable, open.writable) {
            (true, false) => (pipe.writers, pipe.writer_opens),
            (false, true) => (pipe.readers, pipe.reader_opens),
            _ => return None,
        };
        // A pipe without a name, reached through procfs, is opened at once.
        self.tree(open.at)?;
        (others == 0 && !open.flags.has(OpenFlags::NON_BLOCK)).then_some(opens)
    }

    /// Whether the other end of a named pipe was opened since [`Vfs::fifo_wait`].
    ///
    /// # Errors
    /// `EBADF` when it is closed.
    pub(crate) fn fifo_met(&self, file: FileId, opens: u64) -> Result<bool> {
        let open = self.file(file)?;
        let FileKind::Pipe(pipe) = open.kind else { return Ok(true) };
        let pipe = self.pipe(pipe)?;
        Ok(if open.readable { pipe.writer_opens != opens } else { pipe.reader_opens != opens })
    }
}

/// `POLLIN` and `POLLOUT` come with their namesakes of System V.
fn with_norm(events: Events) -> Events {
    let mut bits = events.0;
    if events.intersects(Events::IN) {
        bits |= RDNORM;
    }
    if events.intersects(Events::OUT) {
        bits |= WRNORM;
    }
    Events(bits)
}
