//! A tree of files in memory, alone (tmpfs) or over read-only layers (overlay).
//!
//! One kind of file system serves both. A node of a layer becomes a node here when it is first reached, and its
//! content is read page by page on first touch; a change to it is a change here and never reaches the layer. So there is
//! no copying up: hard links, inode numbers and open files stay what they were. Whiteouts and opaque directories of the
//! layers are honoured; removals here are kept as hidden names.
//!
//! Owns nodes, names and link counts. Permissions, mounts and path look-up are above; a file's pages are
//! [`content`]'s, a directory's names [`directory`]'s.

mod change;
pub(crate) mod content;
mod directory;
pub(crate) mod export;
pub(crate) mod pages;
pub(crate) mod remote;

use std::collections::BTreeMap;
use std::sync::Arc;

use content::{Backing, Content};
use directory::{Below, Directory};
use remote::{Bridged, Remote};

use super::layer::Layer;
use super::layer::format::{Device, Index, InodeKind, Timestamp};
use super::locks::LockList;
use super::node::{Attr, Birth, FileType, Listed, NodeKey};
use super::slab::Slab;
use crate::errno::{Errno, Result};
use crate::fs::pipe::PipeId;

/// Layers that one tree can stand on.
pub(crate) const MAX_LAYERS: usize = 128;

/// The root's place among the nodes.
const ROOT: u32 = 0;

/// Extended attributes by full name.
pub(crate) type Xattrs = BTreeMap<Box<[u8]>, Box<[u8]>>;

/// A tree of files.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Slab<Node>,
    layers: Vec<Arc<Layer>>,
    /// Which nodes were made from which inode of a layer.
    made_from: BTreeMap<Below, u32>,
    next_ino: u64,
    max_nodes: u32,
    /// The name in `/proc/mounts`.
    type_name: &'static str,
    /// Watched nodes that ended since somebody asked.
    ended: Vec<NodeKey>,
    /// Pages of files that are gone, to be freed in steps.
    doomed: Vec<pages::PageMap>,
    /// Set where the tree is a cache of what a bridge has.
    bridged: Option<Bridged>,
    /// Which nodes stand for which file of the bridge.
    by_remote: BTreeMap<u64, u32>,
}

#[derive(Debug)]
struct Node {
    ino: u64,
    perm: u16,
    uid: u32,
    gid: u32,
    nlink: u32,
    atime: Timestamp,
    mtime: Timestamp,
    ctime: Timestamp,
    btime: Timestamp,
    /// Open files, working directories and mounts that hold the node though it may have no name.
    holds: u32,
    /// Open files that may write it: it is not executed as long as there are any.
    writers: u32,
    /// Programs that run from it: it is not written as long as there are any.
    runs: u32,
    /// Whether somebody is to be told when it ends.
    watched: bool,
    /// Whether it may get a first name though it has none: made by `O_TMPFILE` without `O_EXCL`.
    linkable: bool,
    /// The name it was last reached or made by; what `/proc/PID/fd` shows.
    home: Home,
    xattrs: Xattrs,
    locks: LockList,
    /// The topmost inode of the layers it was made from.
    origin: Option<Below>,
    /// What it is at the host, in a tree that is a cache.
    remote: Option<Remote>,
    body: Body,
}

#[derive(Debug, Default, Clone)]
struct Home {
    parent: u32,
    name: Box<[u8]>,
}

#[derive(Debug)]
enum Body {
    File(Content),
    Directory(Box<Directory>),
    Symlink(Box<[u8]>),
    Char(Device),
    Block(Device),
    Fifo(Option<PipeId>),
    Socket,
}

/// What `chmod(2)`, `chown(2)` and `utimensat(2)` change; `None` is left as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Changes {
    /// `0o7777` bits.
    pub perm: Option<u16>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Last access.
    pub atime: Option<Timestamp>,
    /// Last modification.
    pub mtime: Option<Timestamp>,
    /// Time of the change.
    pub ctime: Timestamp,
}

impl Tree {
    /// An empty tree (tmpfs) whose root directory is made so.
    pub(crate) fn empty(type_name: &'static str, root: Birth, max_nodes: u32) -> Tree {
        let mut tree = Tree::without_root(type_name, Vec::new(), max_nodes);
        let node =
            tree.new_node(root, ROOT, &[], Body::Directory(Box::new(Directory::new(ROOT, Vec::new()))));
        tree.nodes.insert(Node { nlink: 2, ..node });
        tree
    }

    /// A tree that shows layers, topmost first, and takes changes in memory.
    ///
    /// # Errors
    /// `EINVAL` without a layer or with more than [`MAX_LAYERS`].
    pub(crate) fn over(layers: Vec<Arc<Layer>>, max_nodes: u32) -> Result<Tree> {
        if layers.is_empty() || layers.len() > MAX_LAYERS {
            return Err(Errno::EINVAL);
        }
        let below = lower_roots(&layers);
        let mut tree = Tree::without_root("overlay", layers, max_nodes);
        tree.make_from(below, ROOT, &[])?;
        Ok(tree)
    }

    fn without_root(type_name: &'static str, layers: Vec<Arc<Layer>>, max_nodes: u32) -> Tree {
        Tree {
            nodes: Slab::default(),
            layers,
            made_from: BTreeMap::new(),
            next_ino: 1,
            max_nodes,
            type_name,
            ended: Vec::new(),
            doomed: Vec::new(),
            bridged: None,
            by_remote: BTreeMap::new(),
        }
    }

    /// The root directory.
    pub(crate) fn root(&self) -> NodeKey {
        NodeKey(u64::from(ROOT))
    }

    /// The name in `/proc/mounts`.
    pub(crate) fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// Nodes there are and may be.
    pub(crate) fn node_counts(&self) -> (u64, u64) {
        (self.nodes.len() as u64, u64::from(self.max_nodes))
    }

    fn node(&self, key: NodeKey) -> Result<&Node> {
        self.nodes.get(index_of(key)).ok_or(Errno::ENOENT)
    }

    fn node_mut(&mut self, key: NodeKey) -> Result<&mut Node> {
        self.nodes.get_mut(index_of(key)).ok_or(Errno::ENOENT)
    }

    fn directory(&self, key: NodeKey) -> Result<&Directory> {
        match &self.node(key)?.body {
            Body::Directory(directory) => Ok(directory),
            _ => Err(Errno::ENOTDIR),
        }
    }

    fn directory_mut(&mut self, key: NodeKey) -> Result<&mut Directory> {
        match &mut self.node_mut(key)?.body {
            Body::Directory(directory) => Ok(directory),
            _ => Err(Errno::ENOTDIR),
        }
    }

    /// The type of a node.
    ///
    /// # Errors
    /// `ENOENT` for a node that is gone.
    pub(crate) fn kind(&self, key: NodeKey) -> Result<FileType> {
        Ok(kind_of(&self.node(key)?.body))
    }

    /// Attributes of a node.
    ///
    /// # Errors
    /// `ENOENT` for a node that is gone.
    pub(crate) fn attr(&self, key: NodeKey) -> Result<Attr> {
        let node = self.node(key)?;
        let (size, allocated, rdev) = match &node.body {
            Body::File(content) => (content.size(), content.allocated(), NO_DEVICE),
            Body::Symlink(target) => (target.len() as u64, 0, NO_DEVICE),
            Body::Char(device) | Body::Block(device) => (0, 0, *device),
            // What a directory's size means is up to its file system (`inode(7)`); programs expect something.
            Body::Directory(_) => (4096, 0, NO_DEVICE),
            Body::Fifo(_) | Body::Socket => (0, 0, NO_DEVICE),
        };
        let (size, allocated) = match (&node.remote, &node.body) {
            (Some(remote), Body::File(_)) => (size, remote.allocated),
            (Some(remote), _) => (remote.size, remote.allocated),
            (None, _) => (size, allocated),
        };
        Ok(Attr {
            ino: node.ino,
            kind: kind_of(&node.body),
            perm: node.perm,
            nlink: node.nlink,
            uid: node.uid,
            gid: node.gid,
            rdev,
            size,
            allocated,
            atime: node.atime,
            mtime: node.mtime,
            ctime: node.ctime,
            btime: node.btime,
        })
    }

    /// The node behind a name, brought up from the layers if need be.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`; `ENOSPC` at the limit of nodes.
    pub(crate) fn lookup(&mut self, dir: NodeKey, name: &[u8]) -> Result<NodeKey> {
        let directory = self.directory(dir)?;
        if let Some(node) = directory.known(name) {
            return Ok(key_of(node));
        }
        if !directory.shows_below(name) {
            return Err(Errno::ENOENT);
        }
        let sources = self.sources_of(directory, name);
        if sources.is_empty() {
            return Err(Errno::ENOENT);
        }
        let node = self.make_from(sources, index_of(dir), name)?;
        self.directory_mut(dir)?.adopt(name, node);
        Ok(key_of(node))
    }

    /// The inodes of layers that make up `name`: one, or the directories that are merged. Empty if there is none.
    fn sources_of(&self, directory: &Directory, name: &[u8]) -> Vec<Below> {
        let mut sources = Vec::new();
        for &Below { layer, inode } in &directory.below {
            let Some(index) = self.layer_index(layer) else { continue };
            let Some(found) = index.lookup(inode, name) else { continue };
            let is_directory =
                matches!(index.inode(found).map(|inode| &inode.kind), Some(InodeKind::Directory { .. }));
            if index.is_whiteout(found) || (!is_directory && !sources.is_empty()) {
                break;
            }
            sources.push(Below { layer, inode: found });
            if !is_directory || index.is_opaque(found) {
                break;
            }
        }
        sources
    }

    fn layer_index(&self, layer: u16) -> Option<&Index> {
        directory::index_of(&self.layers, layer)
    }

    /// Makes the node that shows these inodes, topmost first, or finds the one that already does.
    fn make_from(&mut self, sources: Vec<Below>, parent: u32, name: &[u8]) -> Result<u32> {
        let &top = sources.first().ok_or(Errno::ENOENT)?;
        if let Some(&node) = self.made_from.get(&top) {
            return Ok(node);
        }
        self.check_room()?;
        let layer = self.layers.get(usize::from(top.layer)).ok_or(Errno::EIO)?.clone();
        let inode = layer.index().inode(top.inode).ok_or(Errno::EIO)?;
        let merged = sources.len() > 1;
        let body = match &inode.kind {
            InodeKind::File { offset, size } => Body::File(Content::backed(Backing {
                layer: Arc::clone(&layer),
                offset: *offset,
                len: *size,
            })),
            InodeKind::Directory { .. } => Body::Directory(Box::new(Directory::new(parent, sources))),
            InodeKind::Symlink => {
                Body::Symlink(layer.index().symlink_target(top.inode).unwrap_or_default().into())
            }
            InodeKind::CharDevice(device) => Body::Char(*device),
            InodeKind::BlockDevice(device) => Body::Block(*device),
            InodeKind::Fifo => Body::Fifo(None),
            InodeKind::Socket => Body::Socket,
        };
        let node = Node {
            ino: layer_ino(top),
            perm: inode.meta.mode,
            uid: inode.meta.uid,
            gid: inode.meta.gid,
            // The subdirectories of merged directories are not counted, as overlayfs doesn't: 1 says 'unknown'.
            nlink: if merged { 1 } else { inode.nlink },
            atime: inode.meta.mtime,
            mtime: inode.meta.mtime,
            ctime: inode.meta.mtime,
            btime: inode.meta.mtime,
            holds: 0,
            writers: 0,
            runs: 0,
            watched: false,
            linkable: false,
            home: Home { parent, name: name.into() },
            xattrs: visible_xattrs(layer.index(), top.inode),
            locks: LockList::default(),
            origin: Some(top),
            remote: None,
            body,
        };
        let made = self.nodes.insert(node);
        self.made_from.insert(top, made);
        Ok(made)
    }

    fn check_room(&self) -> Result<()> {
        if self.nodes.len() as u64 >= u64::from(self.max_nodes) { Err(Errno::ENOSPC) } else { Ok(()) }
    }

    fn new_node(&mut self, birth: Birth, parent: u32, name: &[u8], body: Body) -> Node {
        let ino = self.next_ino;
        self.next_ino += 1;
        Node {
            ino,
            perm: birth.perm,
            uid: birth.uid,
            gid: birth.gid,
            nlink: 0,
            atime: birth.time,
            mtime: birth.time,
            ctime: birth.time,
            btime: birth.time,
            holds: 0,
            writers: 0,
            runs: 0,
            watched: false,
            linkable: false,
            home: Home { parent, name: name.into() },
            xattrs: BTreeMap::new(),
            locks: LockList::default(),
            origin: None,
            remote: None,
            body,
        }
    }

    /// Bytes in memory of the files among these nodes, and whether there are nodes after them.
    pub(crate) fn bytes_in_memory(&self, nodes: std::ops::Range<u32>) -> (u64, bool) {
        let more = nodes.end < self.nodes.end();
        let bytes = nodes.filter_map(|number| match &self.nodes.get(number)?.body {
            Body::File(content) => Some(content.bytes_in_memory()),
            _ => None,
        });
        (bytes.sum(), more)
    }

    /// A symbolic link's target.
    ///
    /// # Errors
    /// `EINVAL` for anything else.
    pub(crate) fn symlink_target(&self, key: NodeKey) -> Result<&[u8]> {
        match &self.node(key)?.body {
            Body::Symlink(target) => Ok(target),
            _ => Err(Errno::EINVAL),
        }
    }

    /// The directory that a directory is in; the root's is the root.
    ///
    /// # Errors
    /// `ENOTDIR`.
    pub(crate) fn parent(&self, dir: NodeKey) -> Result<NodeKey> {
        Ok(key_of(self.directory(dir)?.parent))
    }

    /// The directory and name by which a node was last reached.
    ///
    /// # Errors
    /// `ENOENT` for a node that is gone.
    pub(crate) fn home(&self, key: NodeKey) -> Result<(NodeKey, &[u8])> {
        let home = &self.node(key)?.home;
        Ok((key_of(home.parent), &home.name))
    }

    /// Whether that directory has the node under that name no longer.
    pub(crate) fn has_lost_name(&self, key: NodeKey) -> bool {
        let there = self.home(key).and_then(|(parent, name)| Ok(self.directory(parent)?.known(name)));
        !there.is_ok_and(|node| node == Some(index_of(key)))
    }

    /// The next entry of a directory at `position` or after: 0 and 1 are `.` and `..`.
    ///
    /// # Errors
    /// `ENOTDIR`; `ENOENT` for a directory that is gone.
    pub(crate) fn next_entry(&self, dir: NodeKey, position: u64) -> Result<Option<Listed<'_>>> {
        const DOTS: u64 = 2;
        let directory = self.directory(dir)?;
        if position < DOTS {
            let (name, node): (&[u8], _) =
                if position == 0 { (b".", dir) } else { (b"..", key_of(directory.parent)) };
            let ino = self.node(node).map_or(0, |node| node.ino);
            return Ok(Some(Listed {
                name: name.into(),
                ino,
                kind: FileType::Directory,
                next: position + 1,
            }));
        }
        if self.node(dir)?.nlink == 0 {
            return Err(Errno::ENOENT);
        }
        let Some((name, node, next)) = directory
            .next_listed(position - DOTS, &self.layers)
            .map(|(found, next)| (found.name, found.node, next))
        else {
            return Ok(None);
        };
        let (ino, kind) = match node {
            Ok(node) => {
                let node = self.nodes.get(node).ok_or(Errno::EIO)?;
                (node.ino, kind_of(&node.body))
            }
            Err(below) => {
                let inode = self.layer_index(below.layer).and_then(|index| index.inode(below.inode));
                (layer_ino(below), layer_kind(&inode.ok_or(Errno::EIO)?.kind))
            }
        };
        Ok(Some(Listed { name: name.into(), ino, kind, next: next + DOTS }))
    }

    /// A file's content.
    ///
    /// # Errors
    /// `EISDIR` for a directory, `EINVAL` for anything else that is not a regular file.
    pub(crate) fn content(&self, key: NodeKey) -> Result<&Content> {
        match &self.node(key)?.body {
            Body::File(content) => Ok(content),
            Body::Directory(_) => Err(Errno::EISDIR),
            _ => Err(Errno::EINVAL),
        }
    }

    /// A file's content.
    ///
    /// # Errors
    /// As [`Tree::content`].
    pub(crate) fn content_mut(&mut self, key: NodeKey) -> Result<&mut Content> {
        match &mut self.node_mut(key)?.body {
            Body::File(content) => Ok(content),
            Body::Directory(_) => Err(Errno::EISDIR),
            _ => Err(Errno::EINVAL),
        }
    }

    /// A node's locks, to look at.
    ///
    /// # Errors
    /// `ENOENT` for a node that is gone.
    pub(crate) fn locks(&self, key: NodeKey) -> Result<&LockList> {
        Ok(&self.node(key)?.locks)
    }

    /// A node's locks.
    ///
    /// # Errors
    /// `ENOENT` for a node that is gone.
    pub(crate) fn locks_mut(&mut self, key: NodeKey) -> Result<&mut LockList> {
        Ok(&mut self.node_mut(key)?.locks)
    }

    /// The pipe behind a named pipe, while somebody has it open.
    ///
    /// # Errors
    /// `EINVAL` for anything else.
    pub(crate) fn fifo_mut(&mut self, key: NodeKey) -> Result<&mut Option<PipeId>> {
        match &mut self.node_mut(key)?.body {
            Body::Fifo(pipe) => Ok(pipe),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Whether the end of a node is to be told by [`Tree::take_ended`].
    pub(crate) fn set_watched(&mut self, key: NodeKey, watched: bool) {
        if let Ok(node) = self.node_mut(key) {
            node.watched = watched;
        }
    }

    /// The watched nodes that ended since the last call.
    pub(crate) fn take_ended(&mut self) -> Vec<NodeKey> {
        core::mem::take(&mut self.ended)
    }

    /// A node's extended attributes.
    ///
    /// # Errors
    /// `ENOENT` for a node that is gone.
    pub(crate) fn xattrs(&self, key: NodeKey) -> Result<&Xattrs> {
        Ok(&self.node(key)?.xattrs)
    }

    /// A node's extended attributes.
    ///
    /// # Errors
    /// `ENOENT` for a node that is gone.
    pub(crate) fn xattrs_mut(&mut self, key: NodeKey) -> Result<&mut Xattrs> {
        Ok(&mut self.node_mut(key)?.xattrs)
    }
}

/// What makes up the root of these layers.
fn lower_roots(layers: &[Arc<Layer>]) -> Vec<Below> {
    let mut below = Vec::new();
    for (place, layer) in layers.iter().enumerate() {
        let inode = layer.index().root();
        below.push(Below { layer: place as u16, inode });
        if layer.index().is_opaque(inode) {
            break;
        }
    }
    below
}

const NO_DEVICE: Device = Device { major: 0, minor: 0 };

/// Inode numbers of layers' nodes: known before the node is made, so that a listing can show them.
fn layer_ino(below: Below) -> u64 {
    ((u64::from(below.layer) + 1) << 32) | (u64::from(below.inode) + 1)
}

fn layer_kind(kind: &InodeKind) -> FileType {
    match kind {
        InodeKind::File { .. } => FileType::Regular,
        InodeKind::Directory { .. } => FileType::Directory,
        InodeKind::Symlink => FileType::Symlink,
        InodeKind::CharDevice(_) => FileType::Char,
        InodeKind::BlockDevice(_) => FileType::Block,
        InodeKind::Fifo => FileType::Fifo,
        InodeKind::Socket => FileType::Socket,
    }
}

fn kind_of(body: &Body) -> FileType {
    match body {
        Body::File(_) => FileType::Regular,
        Body::Directory(_) => FileType::Directory,
        Body::Symlink(_) => FileType::Symlink,
        Body::Char(_) => FileType::Char,
        Body::Block(_) => FileType::Block,
        Body::Fifo(_) => FileType::Fifo,
        Body::Socket => FileType::Socket,
    }
}

/// A layer's attributes without those that only steer the merging.
fn visible_xattrs(index: &Index, number: u32) -> Xattrs {
    index
        .xattrs(number)
        .filter(|(name, _)| !name.starts_with(b"trusted.overlay.") && !name.starts_with(b"user.overlay."))
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// Keys of a tree are its nodes' places; a larger one is no node's.
fn index_of(key: NodeKey) -> u32 {
    u32::try_from(key.0).unwrap_or(u32::MAX)
}

fn key_of(node: u32) -> NodeKey {
    NodeKey(u64::from(node))
}
