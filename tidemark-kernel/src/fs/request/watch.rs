//! What an application is told of the guest's files: an inotify instance of its own, read as a stream.
//!
//! Owns the way from the instance to the stream. Which changes are told, their form and their bound are
//! [`inotify`](crate::fs::inotify)'s: a slow reader is told of an overflow, as a program is.

use crate::errno::{Errno, Result};
use crate::fs::inotify::{Adding, Mask};
use crate::fs::{FileId, Vfs};
use crate::kernel::Kernel;
use crate::mem::io::IoSink;
use crate::mem::ram::GuestRam;
use crate::status::{StreamId, StreamRead};
use crate::time::Now;
use crate::wait::{Events, WaitTarget, Waiter};

impl Vfs {
    /// Has the application told, once, that there are events.
    pub(in crate::fs) fn await_watch(&mut self, id: StreamId, file: FileId) {
        if let Ok(Some(queue)) = self.queue_of(file) {
            queue.add(Waiter { target: WaitTarget::Stream(id), events: Events::IN });
        }
    }

    /// Reads events in the form of `inotify(7)`.
    pub(in crate::fs) fn read_watch_stream(
        &mut self,
        id: StreamId,
        file: FileId,
        buffer: &mut [u8],
        ram: GuestRam,
    ) -> StreamRead {
        let read = self.inotify_mut(file).map(|inotify| inotify.read(&mut IoSink::Kernel { ram, buffer }));
        match read {
            Ok(Ok(done)) => StreamRead::Data(done as usize),
            Ok(Err(_)) => {
                self.watch_again(id);
                StreamRead::Empty
            }
            Err(_) => StreamRead::Closed,
        }
    }
}

impl Kernel {
    /// A stream of what happens to files, none at first; its reads need room for the longest event, 272 bytes.
    ///
    /// # Errors
    /// `EMFILE` when there are too many, `ENFILE`.
    pub fn fs_watch(&mut self, now: Now) -> Result<StreamId> {
        self.sys.now = now;
        const ROOT: u32 = 0;
        let file = self.sys.fs.open_inotify(ROOT, crate::fs::flags::OpenFlags::NON_BLOCK)?;
        Ok(self.sys.fs.new_watch_stream(file))
    }

    /// Adds a file or directory to a stream of events, or changes which of its events are told. The number that the
    /// events have.
    ///
    /// # Errors
    /// Those of `inotify_add_watch(2)`.
    pub fn fs_watch_add(&mut self, stream: StreamId, path: &[u8], mask: Mask, now: Now) -> Result<i32> {
        let file = self.sys.fs.watch_of_stream(stream).ok_or(Errno::EBADF)?;
        self.fs_request(now, |fs, who, _, root| {
            let at = fs.resolve(who, root, path, true)?;
            fs.add_watch(file, at, mask, Adding::Replace)
        })
    }

    /// Takes a file or directory out again.
    ///
    /// # Errors
    /// `EINVAL` for a number that is none of the stream's.
    pub fn fs_watch_remove(&mut self, stream: StreamId, watch: i32, now: Now) -> Result<()> {
        let file = self.sys.fs.watch_of_stream(stream).ok_or(Errno::EBADF)?;
        self.fs_request(now, |fs, _, _, _| fs.remove_watch(file, watch))
    }
}
