//! Mounting a bridge.

use super::super::dispatch::FileSystem;
use crate::errno::{Errno, Result};
use crate::fs::Vfs;
use crate::fs::hosted::BridgeId;
use crate::fs::node::{FileType, Location, NewNode};
use crate::fs::tree::Tree;
use crate::time::Nanos;

/// What to mount where.
#[derive(Clone, Debug)]
pub struct MountRequest {
    /// The directory in the guest; made if it is not there.
    pub path: Vec<u8>,
    /// Who is asked.
    pub bridge: BridgeId,
    /// Nothing can be changed through it.
    pub read_only: bool,
    /// How long attributes are taken for true, in nanoseconds.
    pub attribute_lifetime: Nanos,
    /// What `/proc/mounts` names first.
    pub source: String,
}

impl Vfs {
    /// Mounts a bridge.
    ///
    /// # Errors
    /// `EINVAL` for a path that is not absolute or has `..` in it; `ENOTDIR` where the path leads through a file or a
    /// symbolic link.
    pub(crate) fn mount_bridge(&mut self, request: &MountRequest) -> Result<()> {
        if request.path.first() != Some(&b'/') {
            return Err(Errno::EINVAL);
        }
        let mut at = self.mounts.cross(self.root());
        for name in request.path.split(|byte| *byte == b'/') {
            match name {
                b"" | b"." => continue,
                b".." => return Err(Errno::EINVAL),
                _ => at = self.directory_for_mount(at, name)?,
            }
        }
        let tree = Tree::bridged(request.bridge, request.attribute_lifetime, self.limits.inodes);
        let made = self.mount(FileSystem::Tree(Box::new(tree)), Some(at), &request.source);
        if let Some(mount) = self.mounts.get_mut(made.mount) {
            mount.read_only = request.read_only;
        }
        Ok(())
    }

    fn directory_for_mount(&mut self, at: Location, name: &[u8]) -> Result<Location> {
        let birth = super::super::birth(0o755);
        let tree = self.tree_mut(at).map_err(|_| Errno::ENOTDIR)?;
        if tree.bridge().is_some() {
            // What is at the host is not known yet.
            return Err(Errno::EBUSY);
        }
        let node = match tree.lookup(at.node, name) {
            Err(Errno::ENOENT) => tree.create(at.node, name, NewNode::Directory, birth)?,
            found => found?,
        };
        if tree.kind(node)? != FileType::Directory {
            return Err(Errno::ENOTDIR);
        }
        Ok(self.mounts.cross(Location { mount: at.mount, node }))
    }
}
