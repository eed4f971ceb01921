//! Files: path look-up, mounts, file systems, open file descriptions, pipes, readiness.

pub mod layer;

use crate::system::System;
use crate::wait::Events;

/// An open file description (`open(2)`), by its place in the kernel's table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileId(pub u32);

/// All files of one guest system.
#[derive(Default)]
pub struct Vfs {}

impl System {
    /// Something happened to a file that an epoll instance watches.
    pub(crate) fn epoll_event(&mut self, _epoll: FileId, _item: u64, _events: Events) {}
}
