//! The mount table: which file system stands where in the one tree of names.
//!
//! Owns mounts and crossing them; the file systems are the [`Vfs`](super::Vfs)'s.

use std::collections::BTreeMap;

use super::node::{FsId, Location, MountId, NodeKey};
use super::slab::Slab;

/// One mount.
#[derive(Clone, Debug)]
pub(crate) struct Mount {
    pub(crate) fs: FsId,
    /// The file system's root.
    pub(crate) root: NodeKey,
    /// What it covers; `None` for the first mount and those outside the tree (pipes and the like).
    pub(crate) covers: Option<Location>,
    pub(crate) read_only: bool,
    /// The first field of `/proc/mounts`.
    pub(crate) source: String,
}

/// All mounts.
#[derive(Debug, Default)]
pub(crate) struct Mounts {
    table: Slab<Mount>,
    on: BTreeMap<Location, MountId>,
}

impl Mounts {
    pub(crate) fn add(&mut self, mount: Mount) -> MountId {
        let covers = mount.covers;
        let id = MountId(self.table.insert(mount));
        if let Some(at) = covers {
            self.on.insert(at, id);
        }
        id
    }

    pub(crate) fn get(&self, id: MountId) -> Option<&Mount> {
        self.table.get(id.0)
    }

    pub(crate) fn get_mut(&mut self, id: MountId) -> Option<&mut Mount> {
        self.table.get_mut(id.0)
    }

    /// What is seen at a place: the root of what is mounted there, topmost.
    pub(crate) fn cross(&self, mut at: Location) -> Location {
        while let Some((id, mount)) = self.on.get(&at).and_then(|id| Some((*id, self.get(*id)?))) {
            at = Location { mount: id, node: mount.root };
        }
        at
    }

    /// Whether something is mounted at a place.
    pub(crate) fn is_covered(&self, at: Location) -> bool {
        self.on.contains_key(&at)
    }

    /// All mounts that stand in the tree, in the order they were made.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (MountId, &Mount)> {
        self.table.iter().map(|(id, mount)| (MountId(id), mount))
    }
}
