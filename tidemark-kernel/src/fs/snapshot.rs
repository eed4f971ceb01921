//! What a snapshot of the guest's files is made from: the root file system listed in steps, with its contents.
//!
//! Owns the requests. What stands where is the tree's ([`tree::export`](super::tree)); what is made of it, such as a
//! layer, is the application's. Other mounts (`/proc`, `/dev`, folders of the host) are not part of it: what lies under
//! them is.

use super::file::FileKind;
use super::flags::OpenFlags;
use super::layer::format::{Device, Meta};
use super::node::Location;
use super::tree::export::{Exported, Walk, What};
use super::{FileId, Vfs};
use crate::errno::{Errno, Result};
use crate::kernel::Kernel;
use crate::limits::STEP_ITEMS;
use crate::time::Now;

pub use super::tree::export::LayerContent;

/// A walk over the root file system. Keeps nothing in the kernel, and may be dropped at any time.
#[derive(Debug)]
pub struct SnapshotWalk(Walk);

impl SnapshotWalk {
    /// A walk over everything.
    pub fn whole() -> SnapshotWalk {
        SnapshotWalk(Walk::new(false))
    }

    /// A walk over what differs from the layers that the file system stands on.
    pub fn changes() -> SnapshotWalk {
        SnapshotWalk(Walk::new(true))
    }
}

/// One name that a walk comes by. A directory's entries follow it, up to [`SnapshotItem::Leave`].
#[derive(Debug)]
pub enum SnapshotItem {
    /// Something that is there.
    Entry {
        /// Its name; empty for the root.
        name: Vec<u8>,
        /// Mode, owner and time.
        meta: Meta,
        /// Extended attributes.
        xattrs: Vec<(Vec<u8>, Vec<u8>)>,
        /// The node: the same for all of its names.
        ino: u64,
        /// How many names it has.
        nlink: u32,
        /// Whether it is known to differ from what the layers have there. A directory that does not is told of because
        /// something in it may; a [`SnapshotNode::File`] that does not may differ in its content. Always true in a walk
        /// over everything.
        changed: bool,
        /// What it is.
        node: SnapshotNode,
    },
    /// A name of the layers that was removed.
    Removed {
        /// The name.
        name: Vec<u8>,
    },
    /// The end of the directory last entered.
    Leave,
}

/// What stands behind a name.
#[derive(Debug)]
pub enum SnapshotNode {
    /// A directory.
    Directory {
        /// Whether nothing of the layers shows in it, though they have a directory there.
        opaque: bool,
    },
    /// A file whose content is in a layer, as it is there.
    LayerFile(LayerContent),
    /// A file whose content is to be read with [`Kernel::fs_read`].
    File {
        /// The open file; whoever asked closes it with [`Kernel::fs_close`].
        file: FileId,
        /// What a layer has in its place, if the bytes may be the same.
        below: Option<LayerContent>,
    },
    /// A symbolic link and its target.
    Symlink(Vec<u8>),
    /// A character device.
    Char(Device),
    /// A block device.
    Block(Device),
    /// A named pipe.
    Fifo,
    /// A Unix socket's name.
    Socket,
}

/// Part of a walk.
#[derive(Debug, Default)]
pub struct SnapshotPart {
    /// What it came by. A [`SnapshotNode::File`] is the last, so that no more than one is open.
    pub items: Vec<SnapshotItem>,
    /// Whether the walk is over.
    pub done: bool,
}

impl Kernel {
    /// A step of a walk over the root file system.
    ///
    /// # Errors
    /// `ENFILE` when no more files can be opened, `EIO`.
    pub fn fs_snapshot_step(&mut self, walk: &mut SnapshotWalk, now: Now) -> Result<SnapshotPart> {
        self.sys.now = now;
        let fs = &mut self.sys.fs;
        let root = fs.root();
        let mut part = SnapshotPart::default();
        for _ in 0..STEP_ITEMS {
            match fs.tree(root).ok_or(Errno::EIO)?.export_step(&mut walk.0)? {
                None => {
                    part.done = true;
                    break;
                }
                Some(None) => {}
                Some(Some(exported)) => {
                    part.items.push(fs.snapshot_item(exported, root)?);
                    if matches!(
                        part.items.last(),
                        Some(SnapshotItem::Entry { node: SnapshotNode::File { .. }, .. })
                    ) {
                        break;
                    }
                }
            }
        }
        Ok(part)
    }
}

impl Vfs {
    fn snapshot_item(&mut self, exported: Exported, root: Location) -> Result<SnapshotItem> {
        let Exported { name, meta, xattrs, ino, nlink, changed, what } = exported;
        let node = match what {
            What::Leave => return Ok(SnapshotItem::Leave),
            What::Whiteout => return Ok(SnapshotItem::Removed { name }),
            What::Directory { opaque } => SnapshotNode::Directory { opaque },
            What::LayerFile(content) => SnapshotNode::LayerFile(content),
            What::File(node, below) => {
                let at = Location { mount: root.mount, node };
                let flags = OpenFlags::READ_ONLY.with(OpenFlags::NO_ATIME);
                SnapshotNode::File { file: self.finish_open(at, FileKind::Regular, flags)?, below }
            }
            What::Symlink(target) => SnapshotNode::Symlink(target.into()),
            What::Char(device) => SnapshotNode::Char(device),
            What::Block(device) => SnapshotNode::Block(device),
            What::Fifo => SnapshotNode::Fifo,
            What::Socket => SnapshotNode::Socket,
        };
        let xattrs = xattrs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Ok(SnapshotItem::Entry { name, meta, xattrs, ino, nlink, changed, node })
    }
}
