//! Files: path look-up, mounts, file systems, open file descriptions, pipes, readiness.

pub mod layer;

use crate::system::System;
use crate::wait::Events;

/// An open file description (`open(2)`), by its place in the kernel's table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileId(pub u32);

/// A table of file descriptors, which processes may share (`CLONE_FILES`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FdTableId(pub u32);

/// A working directory, root and umask, which processes may share (`CLONE_FS`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FsContextId(pub u32);

/// All files of one guest system.
#[derive(Default)]
pub struct Vfs {}

impl System {
    /// A process gives its table up; the last one's files are closed, a step at a time. True when that is done, false when
    /// it is to be called again.
    pub(crate) fn release_fd_table(&mut self, _table: FdTableId) -> bool {
        true
    }

    /// A process gives its working directory, root and umask up.
    pub(crate) fn release_fs_context(&mut self, _context: FsContextId) {}

    /// Something happened to a file that an epoll instance watches.
    pub(crate) fn epoll_event(&mut self, _epoll: FileId, _item: u64, _events: Events) {}
}
