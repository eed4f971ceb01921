//! File handles: nodes named by numbers (`open_by_handle_at(2)`).
//!
//! Owns what is in a handle: the file system, the node's key, and its inode number, which tells whether the key has
//! become another's.

use super::Vfs;
use super::node::{FsId, Location, NodeKey};
use crate::errno::{Errno, Result};

/// Bytes of a handle.
pub(crate) const HANDLE_BYTES: usize = 20;
/// What `handle_type` says; its meaning is the kernel's own.
pub(crate) const HANDLE_TYPE: i32 = 1;

impl Vfs {
    /// The handle of a node.
    ///
    /// # Errors
    /// `EOPNOTSUPP` for file systems without lasting nodes, such as procfs.
    pub(crate) fn handle_of(&self, at: Location) -> Result<[u8; HANDLE_BYTES]> {
        self.tree(at).ok_or(Errno::EOPNOTSUPP)?;
        let (fs, attr) = (self.fs_of(at)?.0, self.attr(at)?);
        let mut bytes = [0; HANDLE_BYTES];
        bytes[..4].copy_from_slice(&fs.0.to_le_bytes());
        bytes[4..12].copy_from_slice(&at.node.0.to_le_bytes());
        bytes[12..].copy_from_slice(&attr.ino.to_le_bytes());
        Ok(bytes)
    }

    /// The node of a handle, on the mount of `on`.
    ///
    /// # Errors
    /// `ESTALE` for a node that is gone or on another file system.
    pub(crate) fn node_of_handle(&self, on: Location, handle: &[u8; HANDLE_BYTES]) -> Result<Location> {
        let (fs, rest) = handle.split_first_chunk::<4>().ok_or(Errno::ESTALE)?;
        let (key, ino) = rest.split_first_chunk::<8>().ok_or(Errno::ESTALE)?;
        let at = Location { mount: on.mount, node: NodeKey(u64::from_le_bytes(*key)) };
        let same_fs = self.fs_of(on)?.0 == FsId(u32::from_le_bytes(*fs));
        let attr = self.tree(at).and_then(|tree| tree.attr(at.node).ok());
        match attr {
            Some(attr) if same_fs && attr.ino.to_le_bytes() == *ino => Ok(at),
            _ => Err(Errno::ESTALE),
        }
    }
}
