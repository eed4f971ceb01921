//! Files: path look-up, mounts, file systems, open file descriptions, pipes, readiness.
//!
//! [`Vfs`] owns the tables; each topic's logic is in its own file:
//! - names: [`path`], [`mount`], [`tree`] (tmpfs and overlay), [`layer`];
//! - open files: [`open`], [`file`], [`io`], [`size`], [`cut`], [`descriptors`], [`context`], [`locks`],
//!   [`deadlock`], [`handle`];
//! - what the kernel tells in files: [`proc`], `sys`;
//! - what happens to files, told to programs: [`inotify`], [`notify`];
//! - what the host answers for: [`hosted`];
//! - what is not on a file system: [`pipe`], [`stream`], [`device`].
//!
//! All objects are in tables by id, with explicit counts. Nothing here blocks: what would answers `EAGAIN`, and the
//! system call's handler waits in the object's queue.

pub(crate) mod attributes;
pub(crate) mod context;
pub(crate) mod cut;
pub(crate) mod deadlock;
pub mod descriptors;
pub(crate) mod device;
mod dispatch;
pub(crate) mod epoll;
pub(crate) mod event;
pub(crate) mod file;
pub mod flags;
pub(crate) mod handle;
pub(crate) mod held;
pub mod hosted;
pub(crate) mod inotify;
pub(crate) mod io;
pub mod layer;
pub mod locks;
pub(crate) mod mount;
pub(crate) mod names;
pub mod node;
mod notify;
pub(crate) mod open;
pub(crate) mod owner;
pub mod path;
pub mod pipe;
pub(crate) mod proc;
mod process;
mod ready;
pub mod request;
pub(crate) mod size;
pub(crate) mod slab;
pub mod snapshot;
mod stream;
mod sys;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod tree;
pub mod view;
mod walks;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use context::FsContext;
use cut::Cut;
use deadlock::LockWait;
use descriptors::FdTable;
use dispatch::FileSystem;
use file::OpenFile;
use hosted::asks::Asks;
use layer::Layer;
use layer::format::Device;
use mount::{Mount, Mounts};
use node::{Birth, Location, MountId, NewNode, NodeKey};
use notify::Watchers;
use pipe::Pipe;
use slab::Slab;
use stream::Stream;
use tree::Tree;
use walks::Walks;

use crate::errno::{Errno, Result};
use crate::ipc::posix::Queues;
use crate::limits::Limits;
use crate::net::Sockets;
use crate::tty::Terminals;

/// An open file description (`open(2)`), by its place in the kernel's table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileId(pub u32);

/// A table of file descriptors, which processes may share (`CLONE_FILES`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FdTableId(pub u32);

/// A working directory, root and umask, which processes may share (`CLONE_FS`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FsContextId(pub u32);

/// Where a symbolic link leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkTarget {
    /// A path.
    Text(Vec<u8>),
    /// A node itself, as procfs' links to open files do.
    Node(Location),
}

/// All files of one guest system.
#[derive(Debug)]
pub struct Vfs {
    pub(crate) limits: Limits,
    /// Processors that the guest sees.
    workers: u16,
    filesystems: Slab<FileSystem>,
    mounts: Mounts,
    root: Location,
    pipe_mount: MountId,
    anonymous_mount: MountId,
    proc_mount: MountId,
    /// Files of `memfd_create(2)`.
    memory_mount: MountId,
    files: Slab<OpenFile>,
    /// Files without references, to be ended.
    released: Vec<FileId>,
    /// Pages that files gave up and mappings may still show.
    cuts: VecDeque<Cut>,
    fd_tables: Slab<FdTable>,
    contexts: Slab<FsContext>,
    pipes: Slab<Pipe>,
    /// Capacity of all pipes together, in bytes.
    pipe_bytes: usize,
    streams: Slab<Stream>,
    /// Files that somebody locked.
    locked: BTreeSet<Location>,
    pub(crate) terminals: Terminals,
    /// `/dev/pts`.
    pub(crate) pts_mount: MountId,
    pub(crate) message_queues: Queues,
    pub(crate) sockets: Sockets,
    pub(crate) socket_mount: MountId,
    /// `st_ino` of the next pipe or socket.
    next_ino: u64,
    /// Questions to the host about its files.
    pub(crate) asks: Asks,
    /// Walks of paths that take several steps; most often none.
    walks: Vec<Walks>,
    /// Who waits for record locks.
    lock_waits: Vec<LockWait>,
    /// Who watches which nodes.
    watchers: Watchers,
    /// `/proc/sys/kernel/random/boot_id`, once somebody asked.
    boot_id: Option<[u8; 16]>,
}

/// The directories that the kernel mounts file systems on, or that programs cannot do without.
const BASE_DIRECTORIES: &[(&str, u16)] =
    &[("dev", 0o755), ("proc", 0o555), ("sys", 0o555), ("tmp", 0o1777), ("run", 0o755), ("root", 0o700)];

impl Vfs {
    /// Files of a new system: an empty root in memory, with `/dev`, `/proc` and `/sys`.
    pub fn new(limits: &Limits, workers: u16) -> Vfs {
        let root = Tree::empty("tmpfs", birth(0o755), limits.inodes);
        Vfs::with_root(limits, workers, root)
    }

    /// Files of a new system whose root shows `layers`, lowest first, and takes changes in memory. Without a layer it
    /// is empty.
    ///
    /// # Errors
    /// `EINVAL` for too many layers.
    pub fn over_layers(limits: &Limits, workers: u16, mut layers: Vec<Arc<Layer>>) -> Result<Vfs> {
        if layers.is_empty() {
            return Ok(Vfs::new(limits, workers));
        }
        layers.reverse();
        Ok(Vfs::with_root(limits, workers, Tree::over(layers, limits.inodes)?))
    }

    fn with_root(limits: &Limits, workers: u16, tree: Tree) -> Vfs {
        let nowhere = Location { mount: MountId(0), node: NodeKey(0) };
        let mut vfs = Vfs {
            limits: limits.clone(),
            workers,
            filesystems: Slab::default(),
            mounts: Mounts::default(),
            root: nowhere,
            pipe_mount: MountId(0),
            anonymous_mount: MountId(0),
            proc_mount: MountId(0),
            memory_mount: MountId(0),
            files: Slab::default(),
            released: Vec::new(),
            cuts: VecDeque::new(),
            fd_tables: Slab::default(),
            contexts: Slab::default(),
            pipes: Slab::default(),
            pipe_bytes: 0,
            streams: Slab::default(),
            locked: BTreeSet::new(),
            terminals: Terminals::default(),
            pts_mount: MountId(0),
            message_queues: Queues::default(),
            sockets: Sockets::new(limits.open_files, limits.socket_bytes),
            socket_mount: MountId(0),
            next_ino: 1,
            asks: Asks::default(),
            walks: Vec::new(),
            lock_waits: Vec::new(),
            watchers: Watchers::default(),
            boot_id: None,
        };
        let source = tree.type_name();
        vfs.root = vfs.mount(FileSystem::Tree(Box::new(tree)), None, source);
        vfs.pipe_mount = vfs.mount(FileSystem::Pipes, None, "pipefs").mount;
        vfs.socket_mount = vfs.mount(FileSystem::Sockets, None, "sockfs").mount;
        vfs.anonymous_mount = vfs.mount(FileSystem::Anonymous, None, "anon_inodefs").mount;
        let memory = Tree::empty("tmpfs", birth(0o777), limits.inodes);
        vfs.memory_mount = vfs.mount(FileSystem::Tree(Box::new(memory)), None, "tmpfs").mount;
        for (name, perm) in BASE_DIRECTORIES {
            // Only the first use of a full tree could fail, and a tree has room for more than these.
            let _ = vfs.make_in(vfs.root, name, NewNode::Directory, *perm);
        }
        vfs.mount_dev();
        vfs.mount_sys();
        if let Ok(at) = vfs.make_in(vfs.root, "proc", NewNode::Directory, 0o555) {
            vfs.proc_mount = vfs.mount(FileSystem::Proc, Some(at), "proc").mount;
        }
        vfs
    }

    /// The root of the first mount.
    pub fn root(&self) -> Location {
        self.root
    }

    fn mount(&mut self, fs: FileSystem, covers: Option<Location>, source: &str) -> Location {
        let root = match &fs {
            FileSystem::Tree(tree) => tree.root(),
            _ => NodeKey(0),
        };
        let fs = node::FsId(self.filesystems.insert(fs));
        let mount = Mount { fs, root, covers, read_only: false, source: source.into() };
        Location { mount: self.mounts.add(mount), node: root }
    }

    /// Makes a node in a tree, or finds the one that has the name.
    fn make_in(&mut self, dir: Location, name: &str, new: NewNode<'_>, perm: u16) -> Result<Location> {
        let tree = self.tree_mut(dir)?;
        let node = match tree.create(dir.node, name.as_bytes(), new, birth(perm)) {
            Err(Errno::EEXIST) => tree.lookup(dir.node, name.as_bytes())?,
            other => other?,
        };
        Ok(Location { mount: dir.mount, node })
    }

    /// `st_ino` of a new pipe or socket.
    pub(crate) fn new_ino(&mut self) -> u64 {
        let ino = self.next_ino;
        self.next_ino += 1;
        ino
    }

    /// How many files are open.
    pub(crate) fn open_files(&self) -> usize {
        self.files.len()
    }

    fn mount_dev(&mut self) {
        let Ok(at) = self.make_in(self.root, "dev", NewNode::Directory, 0o755) else { return };
        let tree = Tree::empty("devtmpfs", birth(0o755), self.limits.inodes);
        let dev = self.mount(FileSystem::Tree(Box::new(tree)), Some(at), "devtmpfs");
        for &(name, major, minor, perm) in device::DEVICES {
            let _ = self.make_in(dev, name, NewNode::Char(Device { major, minor }), perm);
        }
        for (name, target) in [
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
        ] {
            let _ = self.make_in(dev, name, NewNode::Symlink(target.as_bytes()), 0o777);
        }
        if let Ok(pts) = self.make_in(dev, "pts", NewNode::Directory, 0o755) {
            let tree = Tree::empty("devpts", birth(0o755), self.limits.inodes);
            self.pts_mount = self.mount(FileSystem::Tree(Box::new(tree)), Some(pts), "devpts").mount;
        }
        if let Ok(shm) = self.make_in(dev, "shm", NewNode::Directory, 0o1777) {
            let tree = Tree::empty("tmpfs", birth(0o1777), self.limits.inodes);
            self.mount(FileSystem::Tree(Box::new(tree)), Some(shm), "tmpfs");
        }
    }
}

/// Birth of what the kernel itself makes: root's, at the epoch.
fn birth(perm: u16) -> Birth {
    Birth { perm, uid: 0, gid: 0, time: Default::default() }
}

impl crate::mem::FilePages for Vfs {
    fn page(
        &mut self,
        file: FileId,
        index: u64,
        frames: &mut crate::mem::Frames,
    ) -> Result<Option<crate::mem::ram::FrameNo>> {
        self.page(file, index, frames)
    }

    fn holds(&self, file: FileId, index: u64, frame: Option<crate::mem::ram::FrameNo>) -> bool {
        self.holds(file, index, frame)
    }

    fn stored(&mut self, file: FileId, now: crate::time::Now) {
        self.stored_through_mapping(file, now);
    }

    fn retain(&mut self, file: FileId) {
        self.retain(file);
        self.count_mapping(file, 1);
    }

    fn release(&mut self, file: FileId) {
        self.count_mapping(file, -1);
        self.release(file);
    }
}
