//! The kinds of file systems, and the calls that go to whichever a node belongs to.

use std::borrow::Cow;

use super::event::anonymous_attr;
use super::locks::LockList;
use super::mount::Mount;
use super::node::{Attr, FileType, FsId, Listed, Location, MountId, NodeKey};
use super::path::Walker;
use super::pipe::PipeId;
use super::tree::Tree;
use super::view::View;
use super::{LinkTarget, Vfs, proc};
use crate::addr::PAGE_SIZE;
use crate::errno::{Errno, Result};
use crate::mem::frames::{FrameUsage, Frames};

/// A file system.
#[derive(Debug)]
pub(crate) enum FileSystem {
    /// tmpfs, overlay, devtmpfs, sysfs.
    Tree(Box<Tree>),
    /// Pipes without names: a node is a pipe.
    Pipes,
    /// Sockets: a node is a socket.
    Sockets,
    /// What has no node: one stands for all.
    Anonymous,
    /// procfs.
    Proc,
}

/// `st_dev` of the first file system; the others follow. Major 0 is Linux's for file systems without a device.
const FIRST_MINOR: u32 = 16;

/// The device number of a file system: its minor number.
pub(super) fn dev_minor(fs: FsId) -> u32 {
    FIRST_MINOR + fs.0
}

impl Vfs {
    /// The file system that a mount shows.
    ///
    /// # Errors
    /// `ENOENT` for a mount that is gone.
    pub(crate) fn fs_of(&self, at: Location) -> Result<(FsId, &FileSystem)> {
        let id = self.mounts.get(at.mount).ok_or(Errno::ENOENT)?.fs;
        Ok((id, self.filesystems.get(id.0).ok_or(Errno::ENOENT)?))
    }

    fn fs_of_mut(&mut self, at: Location) -> Result<&mut FileSystem> {
        let id = self.mounts.get(at.mount).ok_or(Errno::ENOENT)?.fs;
        self.filesystems.get_mut(id.0).ok_or(Errno::ENOENT)
    }

    /// The tree a node is in.
    ///
    /// # Errors
    /// `EPERM` for file systems that cannot be changed, such as procfs.
    pub(crate) fn tree_mut(&mut self, at: Location) -> Result<&mut Tree> {
        match self.fs_of_mut(at)? {
            FileSystem::Tree(tree) => Ok(tree),
            _ => Err(Errno::EPERM),
        }
    }

    /// Whether a node is a socket itself, not a name that one is bound to.
    pub(crate) fn is_open_socket(&self, at: Location) -> bool {
        matches!(self.fs_of(at), Ok((_, FileSystem::Sockets)))
    }

    /// The name of a node's file system in `/proc/mounts`.
    pub(crate) fn type_name(&self, at: Location) -> &'static str {
        match self.fs_of(at) {
            Ok((_, FileSystem::Tree(tree))) => tree.type_name(),
            Ok((_, FileSystem::Pipes)) => "pipefs",
            Ok((_, FileSystem::Sockets)) => "sockfs",
            Ok((_, FileSystem::Anonymous)) => "anon_inodefs",
            Ok((_, FileSystem::Proc)) => "proc",
            Err(_) => "none",
        }
    }

    /// All mounts.
    pub(crate) fn mounts(&self) -> impl Iterator<Item = (MountId, &Mount)> {
        self.mounts.iter()
    }

    /// The tree a node is in, if it is in one.
    pub(crate) fn tree(&self, at: Location) -> Option<&Tree> {
        match self.fs_of(at) {
            Ok((_, FileSystem::Tree(tree))) => Some(tree),
            _ => None,
        }
    }

    /// The device number of a node's file system (`st_dev`): its minor number.
    pub(crate) fn dev_minor(&self, at: Location) -> u32 {
        self.fs_of(at).map_or(0, |(id, _)| dev_minor(id))
    }

    /// A node's type.
    ///
    /// # Errors
    /// `ENOENT` for a node that is gone.
    pub(crate) fn kind(&self, at: Location) -> Result<FileType> {
        match self.fs_of(at)?.1 {
            FileSystem::Tree(tree) => tree.kind(at.node),
            FileSystem::Pipes => Ok(FileType::Fifo),
            FileSystem::Sockets => Ok(FileType::Socket),
            FileSystem::Anonymous => Ok(FileType::Anonymous),
            FileSystem::Proc => Ok(proc::Node::of(at.node)?.kind()),
        }
    }

    /// A node's attributes.
    ///
    /// # Errors
    /// `ENOENT` for a node that is gone.
    pub(crate) fn attr(&self, at: Location) -> Result<Attr> {
        match self.fs_of(at)?.1 {
            FileSystem::Tree(tree) => tree.attr(at.node),
            FileSystem::Pipes => {
                let pipe = self.pipe(pipe_of(at.node))?;
                Ok(Attr::synthetic(pipe.ino, FileType::Fifo, 0o600))
            }
            FileSystem::Sockets => self.socket_attr(at.node),
            FileSystem::Anonymous => Ok(anonymous_attr()),
            FileSystem::Proc => Ok(proc::Node::of(at.node)?.attr()),
        }
    }

    /// The node of a name in a directory, not looking at mounts.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`.
    pub(crate) fn lookup(&mut self, view: &View<'_>, dir: Location, name: &[u8]) -> Result<Location> {
        if let FileSystem::Proc = self.fs_of(dir)?.1 {
            let node = self.proc_lookup(view, dir.node, name)?;
            return Ok(Location { mount: dir.mount, node });
        }
        if self.is_hosted(dir) {
            let node = self.host_lookup(dir, name)?;
            return Ok(Location { mount: dir.mount, node });
        }
        let node = match self.fs_of_mut(dir)? {
            FileSystem::Tree(tree) => tree.lookup(dir.node, name)?,
            _ => return Err(Errno::ENOTDIR),
        };
        Ok(Location { mount: dir.mount, node })
    }

    /// Where a symbolic link leads.
    ///
    /// # Errors
    /// `EINVAL` for what is none.
    pub(crate) fn link_target(&self, view: &View<'_>, link: Location) -> Result<LinkTarget> {
        match self.fs_of(link)?.1 {
            FileSystem::Tree(tree) => Ok(LinkTarget::Text(tree.symlink_target(link.node)?.to_vec())),
            FileSystem::Proc => self.proc_link(view, link.node),
            FileSystem::Pipes | FileSystem::Sockets | FileSystem::Anonymous => Err(Errno::EINVAL),
        }
    }

    /// What `readlink(2)` gives of a symbolic link.
    ///
    /// # Errors
    /// `EINVAL` for what is none; `ENOENT` for a link to what cannot be named.
    pub(crate) fn link_text(&self, who: &Walker<'_>, link: Location) -> Result<Vec<u8>> {
        match self.link_target(&who.view, link)? {
            LinkTarget::Text(text) => Ok(text),
            LinkTarget::Node(node) => self.shown_path(who.root, node),
        }
    }

    /// How procfs shows a node: its path, or what stands for one.
    ///
    /// # Errors
    /// `ENAMETOOLONG` for more than `PATH_MAX` bytes.
    pub(crate) fn shown_path(&self, root: Location, node: Location) -> Result<Vec<u8>> {
        Ok(match self.fs_of(node) {
            Ok((_, FileSystem::Pipes)) => {
                let ino = self.attr(node).map_or(0, |attr| attr.ino);
                format!("pipe:[{ino}]").into_bytes()
            }
            Ok((_, FileSystem::Sockets)) => {
                let ino = self.attr(node).map_or(0, |attr| attr.ino);
                format!("socket:[{ino}]").into_bytes()
            }
            Ok((_, FileSystem::Proc))
                if matches!(proc::Node::of(node.node), Ok(proc::Node::Namespace(_))) =>
            {
                proc::Node::of(node.node)?.name()
            }
            Ok((_, FileSystem::Tree(tree))) if node.mount == self.memory_mount => {
                let name = tree.home(node.node).map_or(&[][..], |(_, name)| name);
                [b"/memfd:", name, b" (deleted)"].concat()
            }
            _ => self.path_from(root, node)?.unwrap_or_else(|| b"(unreachable)/".to_vec()),
        })
    }

    /// What `statfs(2)` tells of the file system of a node.
    ///
    /// # Errors
    /// `ENOENT` for a mount that is gone; what a bridge answers, and [`Errno::WALK_ON`] while it does not.
    pub(crate) fn statfs(&mut self, at: Location, usage: FrameUsage) -> Result<Summary> {
        /// Magic numbers of `statfs(2)`.
        const TMPFS: i64 = 0x0102_1994;
        const OVERLAY: i64 = 0x794c_7630;
        const PIPEFS: i64 = 0x5049_5045;
        const SYSFS: i64 = 0x6265_6572;
        const SOCKFS: i64 = 0x534f_434b;
        const ANON_INODE: i64 = 0x0904_1934;
        const PROC: i64 = 0x9fa0;
        const DEVPTS: i64 = 0x1cd1;
        const FUSE: i64 = 0x6573_5546;
        let space = if self.is_hosted(at) { Some(self.host_space(at)?) } else { None };
        let (id, fs) = self.fs_of(at)?;
        let read_only = self.mounts.get(at.mount).is_some_and(|mount| mount.read_only);
        let mut summary = Summary {
            magic: PIPEFS,
            blocks: 0,
            free_blocks: 0,
            nodes: 0,
            free_nodes: 0,
            id: id.0,
            block_bytes: PAGE_SIZE,
            available: 0,
            read_only,
        };
        match fs {
            FileSystem::Anonymous => summary.magic = ANON_INODE,
            FileSystem::Sockets => summary.magic = SOCKFS,
            FileSystem::Proc => summary.magic = PROC,
            FileSystem::Tree(_) | FileSystem::Pipes => {}
        }
        if let FileSystem::Tree(tree) = fs {
            summary.magic = match tree.type_name() {
                "overlay" => OVERLAY,
                "sysfs" => SYSFS,
                "devpts" => DEVPTS,
                "virtiofs" => FUSE,
                _ => TMPFS,
            };
            summary.blocks = usage.budget / PAGE_SIZE;
            summary.free_blocks = usage.budget.saturating_sub(usage.used) / PAGE_SIZE;
            let (used, most) = tree.node_counts();
            summary.nodes = most;
            summary.free_nodes = most.saturating_sub(used);
            summary.available = summary.free_blocks;
        }
        if let Some(space) = space {
            summary.block_bytes = space.block_bytes;
            (summary.blocks, summary.free_blocks) = (space.blocks, space.free);
            (summary.nodes, summary.free_nodes) = (space.files, space.free_files);
            summary.available = space.available;
        }
        Ok(summary)
    }

    /// The directory above one, inside its file system.
    ///
    /// # Errors
    /// `ENOTDIR`.
    pub(crate) fn fs_parent(&self, dir: Location) -> Result<NodeKey> {
        match self.fs_of(dir)?.1 {
            FileSystem::Tree(tree) => tree.parent(dir.node),
            FileSystem::Proc => Ok(proc::Node::of(dir.node)?.parent().key()),
            FileSystem::Pipes | FileSystem::Sockets | FileSystem::Anonymous => Err(Errno::ENOTDIR),
        }
    }

    /// The directory and name that a node is known by.
    ///
    /// # Errors
    /// `ENOENT` for a node without any.
    pub(crate) fn home(&self, at: Location) -> Result<(NodeKey, Cow<'_, [u8]>)> {
        match self.fs_of(at)?.1 {
            FileSystem::Tree(tree) => {
                let (parent, name) = tree.home(at.node)?;
                Ok((parent, Cow::Borrowed(name)))
            }
            FileSystem::Proc => {
                let node = proc::Node::of(at.node)?;
                Ok((node.parent().key(), Cow::Owned(node.name())))
            }
            FileSystem::Pipes | FileSystem::Sockets | FileSystem::Anonymous => Err(Errno::ENOENT),
        }
    }

    /// Whether the name that [`Vfs::home`] tells is not the node's any more.
    pub(crate) fn has_lost_name(&self, at: Location) -> bool {
        self.tree(at).is_some_and(|tree| tree.has_lost_name(at.node))
    }

    /// The next entry of a directory at `position` or after.
    ///
    /// # Errors
    /// `ENOTDIR`; `ENOENT` for a directory that is gone.
    pub(crate) fn next_entry<'a>(
        &'a self,
        view: &View<'_>,
        dir: Location,
        position: u64,
    ) -> Result<Option<Listed<'a>>> {
        match self.fs_of(dir)?.1 {
            FileSystem::Tree(tree) => tree.next_entry(dir.node, position),
            FileSystem::Proc => self.proc_next(view, dir.node, position),
            FileSystem::Pipes | FileSystem::Sockets | FileSystem::Anonymous => Err(Errno::ENOTDIR),
        }
    }

    /// Keeps a node though it may lose its names.
    pub(crate) fn hold(&mut self, at: Location) {
        if let Ok(FileSystem::Tree(tree)) = self.fs_of_mut(at) {
            tree.hold(at.node);
        }
    }

    /// Ends a [`Vfs::hold`].
    pub(crate) fn unhold(&mut self, at: Location) {
        if let Ok(FileSystem::Tree(tree)) = self.fs_of_mut(at) {
            tree.unhold(at.node);
        }
    }

    /// A node's locks, if its file system keeps any.
    pub(crate) fn locks_of(&mut self, at: Location) -> Option<&mut LockList> {
        match self.fs_of_mut(at) {
            Ok(FileSystem::Tree(tree)) => tree.locks_mut(at.node).ok(),
            _ => None,
        }
    }

    /// Somebody locked a file: `/proc/locks` tells of it until the last open file that could hold a lock on it ends.
    pub(crate) fn note_lock(&mut self, at: Location) {
        self.locked.insert(at);
    }

    /// All locks, as `/proc/locks` shows them.
    pub(crate) fn held_locks(&self) -> Vec<String> {
        let of = |at: &Location| {
            let ino = self.attr(*at).map_or(0, |attr| attr.ino);
            let node = format!("00:{:02x}:{ino}", self.dev_minor(*at));
            self.tree(*at).and_then(|tree| tree.locks(at.node).ok()).map(|locks| locks.shown(&node))
        };
        self.locked.iter().filter_map(of).flatten().collect()
    }

    /// Frees up to `budget` pages of removed files. Whether more are left.
    pub(crate) fn free_doomed(&mut self, mut budget: u64, frames: &mut Frames) -> bool {
        let mut more = false;
        for id in 0..self.filesystems.len() as u32 {
            if let Some(FileSystem::Tree(tree)) = self.filesystems.get_mut(id) {
                more |= tree.free_doomed(&mut budget, frames);
            }
        }
        more
    }
}

/// How many of what there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    pub(crate) open_files: usize,
    pub(crate) fd_tables: usize,
    pub(crate) pipes: usize,
    pub(crate) streams: usize,
    pub(crate) sockets: usize,
    pub(crate) terminals: usize,
    pub(crate) locked: usize,
    pub(crate) message_queues: usize,
}

impl Vfs {
    /// How much is open.
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            open_files: self.files.len(),
            fd_tables: self.fd_tables.len(),
            pipes: self.pipes.len(),
            streams: self.streams.len(),
            sockets: self.sockets.len(),
            terminals: self.terminals.len(),
            locked: self.locked.len(),
            message_queues: self.message_queues.len(),
        }
    }

    /// Bytes in memory of some nodes of a file system, and whether it has nodes after them; `None` after the last file
    /// system.
    pub(crate) fn file_bytes(&self, fs: FsId, nodes: std::ops::Range<u32>) -> Option<(u64, bool)> {
        match self.filesystems.get(fs.0) {
            Some(FileSystem::Tree(tree)) => Some(tree.bytes_in_memory(nodes)),
            Some(_) => Some((0, false)),
            None => (fs.0 < self.filesystems.end()).then_some((0, false)),
        }
    }
}

/// What `statfs(2)` tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    pub(crate) magic: i64,
    pub(crate) block_bytes: u64,
    pub(crate) blocks: u64,
    pub(crate) free_blocks: u64,
    pub(crate) available: u64,
    pub(crate) nodes: u64,
    pub(crate) free_nodes: u64,
    pub(crate) id: u32,
    pub(crate) read_only: bool,
}

/// The pipe of a node of [`FileSystem::Pipes`].
pub(crate) fn pipe_of(node: NodeKey) -> PipeId {
    PipeId(u32::try_from(node.0).unwrap_or(u32::MAX))
}
