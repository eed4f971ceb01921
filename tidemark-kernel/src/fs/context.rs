//! What `CLONE_FS` shares: working directory, root and umask.

use super::node::Location;

/// A working directory, root and umask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FsContext {
    /// Processes that share it.
    pub(crate) refs: u32,
    pub(crate) cwd: Location,
    pub(crate) root: Location,
    pub(crate) umask: u16,
}
