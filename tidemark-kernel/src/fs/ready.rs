//! Readiness: what `poll(2)` says of an open file, and where to wait for it to change.

use super::file::FileKind;
use super::{FileId, Vfs};
use crate::errno::Result;
use crate::wait::{Events, WaitQueue, Waiter};

/// Reading and writing never block, as with regular files (`poll(2)`).
const ALWAYS: Events = Events(Events::IN.0 | Events::OUT.0 | RDNORM | WRNORM);
/// `POLLRDNORM`, which comes with `POLLIN`.
const RDNORM: u32 = 0x40;
/// `POLLWRNORM`, which comes with `POLLOUT`.
const WRNORM: u32 = 0x100;

impl Vfs {
    /// What an open file is ready for now.
    ///
    /// # Errors
    /// `EBADF` when it is closed.
    pub(crate) fn poll(&self, file: FileId) -> Result<Events> {
        let open = self.file(file)?;
        let events = match &open.kind {
            FileKind::Regular | FileKind::Directory | FileKind::Device(_) => ALWAYS,
            FileKind::Path => Events::NVAL,
            &FileKind::Pipe(pipe) => {
                let pipe = self.pipe(pipe)?;
                let reader = if open.readable { pipe.poll_reader() } else { Events::default() };
                let writer = if open.writable { pipe.poll_writer() } else { Events::default() };
                reader.union(writer)
            }
        };
        Ok(with_norm(events))
    }

    /// The queue in which changes of an open file's readiness are told; `None` if there are none.
    fn queue_of(&mut self, file: FileId) -> Result<Option<&mut WaitQueue>> {
        match self.file(file)?.kind {
            FileKind::Pipe(pipe) => Ok(Some(&mut self.pipe_mut(pipe)?.queue)),
            _ => Ok(None),
        }
    }

    /// Has `waiter` told when a file's readiness changes.
    ///
    /// # Errors
    /// `EBADF` when it is closed.
    pub(crate) fn wait(&mut self, file: FileId, waiter: Waiter) -> Result<()> {
        if let Some(queue) = self.queue_of(file)? {
            queue.add(waiter);
        }
        Ok(())
    }

    /// For a named pipe just opened whose other end is to be waited for: how often that end was opened so far. `None`
    /// for everything else.
    pub(crate) fn fifo_wait(&self, file: FileId) -> Option<u64> {
        use super::flags::OpenFlags;
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
pub(crate) fn with_norm(events: Events) -> Events {
    let mut bits = events.0;
    if events.intersects(Events::IN) {
        bits |= RDNORM;
    }
    if events.intersects(Events::OUT) {
        bits |= WRNORM;
    }
    Events(bits)
}
