//! Listing a whole tree, or what in it differs from the layers beneath, in steps: what a snapshot is made from.
//!
//! Owns the order, and what counts as a change. The walk keeps nothing in the tree and makes no nodes: where only layers
//! answer, only layers are asked. What changes meanwhile is seen or not, as by any program that walks a tree in use.

use std::collections::HashSet;
use std::sync::Arc;

use super::directory::{Below, Directory};
use super::{Body, Node, ROOT, Tree, Xattrs, key_of, layer_ino, lower_roots, visible_xattrs};
use crate::errno::{Errno, Result};
use crate::fs::layer::Layer;
use crate::fs::layer::format::{Device, Index, InodeKind, Meta};
use crate::fs::node::NodeKey;

/// Where a walk over a tree is.
#[derive(Debug)]
pub(crate) struct Walk {
    pass: Pass,
    started: bool,
    levels: Vec<Level>,
    /// Nodes with several names of which one is a change: all of them are told then, or they would not be one node.
    linked: HashSet<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pass {
    Everything,
    /// Looks for what [`Walk::linked`] holds, and tells nothing.
    Links,
    Changes,
}

/// A directory that the walk is in.
#[derive(Debug)]
struct Level {
    place: Place,
    /// Whether it shows, of the layers, what they have at its path: what is unchanged need not be told then.
    merged: bool,
    next: Next,
}

#[derive(Debug)]
enum Place {
    /// The inode number tells a node from a later one in its place.
    Node { key: NodeKey, ino: u64 },
    /// A directory that nobody has reached yet.
    Layers(Box<Directory>),
}

/// What of a directory comes next.
#[derive(Clone, Debug)]
enum Next {
    Entry(u64),
    /// The hidden name after this one.
    Hidden(Option<Box<[u8]>>),
}

/// One name of the tree.
#[derive(Debug)]
pub(crate) struct Exported {
    /// Empty for the root.
    pub(crate) name: Vec<u8>,
    pub(crate) meta: Meta,
    pub(crate) xattrs: Xattrs,
    /// The same for all names of one node.
    pub(crate) ino: u64,
    pub(crate) nlink: u32,
    /// Whether it is known to differ from what the layers have there.
    pub(crate) changed: bool,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// What is in it follows, up to its [`Leave`](Self::Leave).
    Directory {
        /// Whether it hides what the layers have at its path.
        opaque: bool,
    },
    Leave,
    /// The content is as a layer has it.
    LayerFile(LayerContent),
    /// The content is in memory, or part of it, and what a layer has in its place.
    File(NodeKey, Option<LayerContent>),
    Symlink(Box<[u8]>),
    Char(Device),
    Block(Device),
    Fifo,
    Socket,
    /// The name of the layers is gone.
    Whiteout,
}

/// A file's bytes in a layer.
#[derive(Clone, Debug)]
pub struct LayerContent {
    /// The layer.
    pub layer: Arc<Layer>,
    /// Where they start in the layer file.
    pub offset: u64,
    /// How many there are.
    pub size: u64,
}

/// A node, or the inodes of layers that it would be made from.
enum Found<'a> {
    Node(u32, &'a Node),
    Layers(Vec<Below>),
}

impl Walk {
    /// A walk over all of a tree, or over what differs from its layers.
    pub(crate) fn new(changes: bool) -> Walk {
        let pass = if changes { Pass::Links } else { Pass::Everything };
        Walk { pass, started: false, levels: Vec::new(), linked: HashSet::new() }
    }
}

impl Tree {
    /// The next name; `None` at the end. Unchanged names count as steps, too, and answer `Some(None)`.
    ///
    /// # Errors
    /// `EIO` for a layer that is not there.
    pub(crate) fn export_step(&self, walk: &mut Walk) -> Result<Option<Option<Exported>>> {
        if !walk.started {
            walk.started = true;
            let node = self.nodes.get(ROOT).ok_or(Errno::EIO)?;
            let lower = if walk.pass == Pass::Everything { Vec::new() } else { lower_roots(&self.layers) };
            let root = self.enter(walk, Vec::new(), &Found::Node(ROOT, node), &lower)?;
            return Ok(Some((walk.pass != Pass::Links).then_some(root)));
        }
        let Some(level) = walk.levels.last() else {
            if walk.pass != Pass::Links {
                return Ok(None);
            }
            (walk.pass, walk.started) = (Pass::Changes, false);
            return Ok(Some(None));
        };
        let directory = self.place(&level.place);
        let merged = level.merged;
        match (directory, level.next.clone()) {
            (Some(directory), Next::Entry(position)) => {
                let Some((found, next)) = directory.next_listed(position, &self.layers) else {
                    self.advance(walk, Next::Hidden(None));
                    return Ok(Some(None));
                };
                let name = found.name.to_vec();
                let lower = if merged { self.sources_of(directory, &name) } else { Vec::new() };
                let node = found.node.ok().or_else(|| {
                    // Another of a file's names may have been reached.
                    self.made_from.get(found.node.as_ref().err()?).copied()
                });
                let found = match node {
                    Some(number) => Found::Node(number, self.nodes.get(number).ok_or(Errno::EIO)?),
                    None => Found::Layers(self.sources_of(directory, &name)),
                };
                self.advance(walk, Next::Entry(next));
                self.export(walk, name, &found, &lower).map(Some)
            }
            (Some(directory), Next::Hidden(last)) if merged => match directory.next_hidden(last.as_deref()) {
                Some(name) => {
                    let gone =
                        directory.known(name).is_none() && !self.sources_of(directory, name).is_empty();
                    let name = name.to_vec();
                    self.advance(walk, Next::Hidden(Some(name.as_slice().into())));
                    let told = gone && walk.pass != Pass::Links;
                    Ok(Some(told.then(|| Exported::bare(name, What::Whiteout))))
                }
                None => Ok(Some(leave(walk))),
            },
            _ => Ok(Some(leave(walk))),
        }
    }

    fn advance(&self, walk: &mut Walk, next: Next) {
        if let Some(level) = walk.levels.last_mut() {
            level.next = next;
        }
    }

    /// The directory; `None` if it is gone.
    fn place<'a>(&'a self, place: &'a Place) -> Option<&'a Directory> {
        match place {
            Place::Node { key, ino } => {
                let node = self.node(*key).ok().filter(|node| node.ino == *ino)?;
                match &node.body {
                    Body::Directory(directory) => Some(directory),
                    _ => None,
                }
            }
            Place::Layers(directory) => {
                // It may have been reached since.
                let node = directory.below.first().and_then(|top| self.made_from.get(top));
                match node {
                    Some(node) => self.directory(key_of(*node)).ok(),
                    None => Some(directory),
                }
            }
        }
    }

    fn export(
        &self,
        walk: &mut Walk,
        name: Vec<u8>,
        found: &Found<'_>,
        lower: &[Below],
    ) -> Result<Option<Exported>> {
        if self.is_directory(found) {
            let entered = self.enter(walk, name, found, lower)?;
            return Ok((walk.pass != Pass::Links).then_some(entered));
        }
        let (ino, nlink) = self.identity(found)?;
        let mut changed = walk.pass == Pass::Everything || self.differs(found, lower)?;
        if walk.pass == Pass::Links {
            if changed && nlink > 1 {
                walk.linked.insert(ino);
            }
            return Ok(None);
        }
        changed |= walk.linked.contains(&ino);
        let mut exported = self.describe(found)?;
        exported.name = name;
        exported.changed = changed;
        let told = match &exported.what {
            // A device 0/0 would say that there is no such name.
            What::Char(Device { major: 0, minor: 0 }) => false,
            // Whether its pages in memory differ is for the reader to find out.
            What::File(_, Some(_)) => true,
            _ => changed,
        };
        Ok(told.then_some(exported))
    }

    /// The inode number and how many names it has.
    fn identity(&self, found: &Found<'_>) -> Result<(u64, u32)> {
        match found {
            Found::Node(_, node) => Ok((node.ino, node.nlink)),
            Found::Layers(sources) => {
                let top = sources.first().ok_or(Errno::EIO)?;
                let inode = self.layer_index(top.layer).and_then(|index| index.inode(top.inode));
                Ok((layer_ino(*top), inode.ok_or(Errno::EIO)?.nlink))
            }
        }
    }

    fn is_directory(&self, found: &Found<'_>) -> bool {
        match found {
            Found::Node(_, node) => matches!(node.body, Body::Directory(_)),
            Found::Layers(sources) => {
                let inode = sources.first().and_then(|top| self.layer_index(top.layer)?.inode(top.inode));
                inode.is_some_and(|inode| matches!(inode.kind, InodeKind::Directory { .. }))
            }
        }
    }

    fn enter(&self, walk: &mut Walk, name: Vec<u8>, found: &Found<'_>, lower: &[Below]) -> Result<Exported> {
        let mut exported = self.describe(found)?;
        let below = match found {
            Found::Node(_, Node { body: Body::Directory(directory), .. }) => &directory.below,
            Found::Node(..) => return Err(Errno::ENOTDIR),
            Found::Layers(sources) => sources,
        };
        let merged = !lower.is_empty() && below == lower;
        let hides = !merged && self.is_directory(&Found::Layers(lower.to_vec()));
        exported.name = name;
        exported.changed = walk.pass == Pass::Everything || !merged || self.differs(found, lower)?;
        exported.what = What::Directory { opaque: hides };
        let place = match found {
            Found::Node(number, node) => Place::Node { key: key_of(*number), ino: node.ino },
            Found::Layers(sources) => Place::Layers(Box::new(Directory::new(ROOT, sources.clone()))),
        };
        walk.levels.push(Level { place, merged, next: Next::Entry(0) });
        Ok(exported)
    }

    /// Whether a node's attributes differ from what the layers have at its path. A file's bytes are not looked at.
    fn differs(&self, found: &Found<'_>, lower: &[Below]) -> Result<bool> {
        let node = match found {
            Found::Layers(sources) => return Ok(sources != lower),
            Found::Node(_, node) => node,
        };
        let Some(top) = lower.first().filter(|top| node.origin.as_ref() == Some(*top)) else {
            return Ok(true);
        };
        let index = self.layer_index(top.layer).ok_or(Errno::EIO)?;
        let inode = index.inode(top.inode).ok_or(Errno::EIO)?;
        let same_body = match (&node.body, &inode.kind) {
            (Body::File(content), InodeKind::File { size, .. }) => {
                content.size() == *size && content.layer_len() == *size && inode.nlink == node.nlink
            }
            (Body::Directory(_), _) => true,
            _ => inode.nlink == node.nlink,
        };
        Ok(!same_body || meta_of(node) != inode.meta || node.xattrs != visible_xattrs(index, top.inode))
    }

    fn describe(&self, found: &Found<'_>) -> Result<Exported> {
        match found {
            Found::Node(number, node) => Ok(Exported {
                name: Vec::new(),
                meta: meta_of(node),
                xattrs: node.xattrs.clone(),
                ino: node.ino,
                nlink: node.nlink,
                changed: true,
                what: match &node.body {
                    Body::File(content) => match content.whole_layer() {
                        Ok(content) => What::LayerFile(content),
                        Err(below) => What::File(key_of(*number), below),
                    },
                    Body::Directory(_) => What::Directory { opaque: false },
                    Body::Symlink(target) => What::Symlink(target.clone()),
                    Body::Char(device) => What::Char(*device),
                    Body::Block(device) => What::Block(*device),
                    Body::Fifo(_) => What::Fifo,
                    Body::Socket => What::Socket,
                },
            }),
            Found::Layers(sources) => {
                let top = sources.first().ok_or(Errno::EIO)?;
                let layer = self.layers.get(usize::from(top.layer)).ok_or(Errno::EIO)?;
                self.describe_inode(layer, layer.index(), *top)
            }
        }
    }

    fn describe_inode(&self, layer: &Arc<Layer>, index: &Index, at: Below) -> Result<Exported> {
        let inode = index.inode(at.inode).ok_or(Errno::EIO)?;
        Ok(Exported {
            name: Vec::new(),
            meta: inode.meta.clone(),
            xattrs: visible_xattrs(index, at.inode),
            ino: layer_ino(at),
            nlink: inode.nlink,
            changed: true,
            what: match &inode.kind {
                InodeKind::File { offset, size } => {
                    let layer = Arc::clone(layer);
                    What::LayerFile(LayerContent { layer, offset: *offset, size: *size })
                }
                InodeKind::Directory { .. } => What::Directory { opaque: false },
                InodeKind::Symlink => {
                    What::Symlink(index.symlink_target(at.inode).unwrap_or_default().into())
                }
                InodeKind::CharDevice(device) => What::Char(*device),
                InodeKind::BlockDevice(device) => What::Block(*device),
                InodeKind::Fifo => What::Fifo,
                InodeKind::Socket => What::Socket,
            },
        })
    }
}

fn leave(walk: &mut Walk) -> Option<Exported> {
    walk.levels.pop();
    (walk.pass != Pass::Links).then(|| Exported::bare(Vec::new(), What::Leave))
}

impl Exported {
    /// What has no attributes of its own.
    fn bare(name: Vec<u8>, what: What) -> Exported {
        Exported { name, meta: Meta::default(), xattrs: Xattrs::new(), ino: 0, nlink: 1, changed: true, what }
    }
}

fn meta_of(node: &Node) -> Meta {
    Meta { mode: node.perm, uid: node.uid, gid: node.gid, mtime: node.mtime }
}
