//! Trees that cache what a bridge tells: names, attributes and pages, and when they were told.
//!
//! Owns entering, moving and forgetting what the host has. Nothing is asked here: see [`hosted`](crate::fs::hosted).

use std::collections::VecDeque;
use std::ops::Range;

use super::content::Content;
use super::directory::Directory;
use super::{Body, Home, Node, ROOT, Tree, index_of, key_of, kind_of};
use crate::addr::PAGE_SIZE;
use crate::errno::{Errno, Result};
use crate::fs::hosted::{BridgeId, FileStat};
use crate::fs::layer::format::Timestamp;
use crate::fs::locks::LockList;
use crate::fs::node::{Attr, Birth, FileType, NodeKey};
use crate::mem::frames::Frames;
use crate::time::Nanos;

/// What makes a tree a cache.
#[derive(Debug)]
pub(crate) struct Bridged {
    /// Who is asked.
    pub(crate) bridge: BridgeId,
    /// How long attributes are taken for true, in nanoseconds.
    lifetime: Nanos,
    /// Files that got pages and how many, in that order.
    paged: VecDeque<(u32, u64)>,
    /// The sum of these.
    pages: u64,
    /// Where the next look for nodes to forget begins.
    hand: u32,
}

impl Bridged {
    /// A file got pages.
    fn note(&mut self, node: u32, count: u64) {
        self.pages += count;
        match self.paged.back_mut() {
            Some((last, pages)) if *last == node => *pages += count,
            _ => self.paged.push_back((node, count)),
        }
    }
}

/// What a node is at the host.
#[derive(Debug)]
pub(super) struct Remote {
    /// The host's number of the file; 0 if it has none.
    ino: u64,
    /// Until then its attributes are taken for true.
    fresh_until: Nanos,
    /// Names that are known to lead to it.
    pub(super) names: u32,
    /// Size of what is not a regular file, in bytes.
    pub(super) size: u64,
    /// Bytes that it takes at the host.
    pub(super) allocated: u64,
}

/// Nodes that are kept at the most, if none of them is in use.
const KEPT_NODES: usize = 1 << 16;
/// Places that one look for nodes to forget goes over.
const FORGET_STEP: u32 = 16;
/// Pages of files that are kept at the most, if they are not mapped: 64 MiB.
const KEPT_PAGES: u64 = (64 << 20) / PAGE_SIZE;

impl Tree {
    /// An empty cache of what a bridge has. Attributes are taken for true for `lifetime` nanoseconds.
    pub(crate) fn bridged(bridge: BridgeId, lifetime: Nanos, max_nodes: u32) -> Tree {
        let birth = Birth { perm: 0o755, uid: 0, gid: 0, time: Timestamp::default() };
        let mut tree = Tree::empty("virtiofs", birth, max_nodes);
        if let Some(root) = tree.nodes.get_mut(ROOT) {
            root.remote = Some(Remote { ino: 0, fresh_until: 0, names: 1, size: PAGE_SIZE, allocated: 0 });
        }
        tree.bridged = Some(Bridged { bridge, lifetime, paged: VecDeque::new(), pages: 0, hand: ROOT + 1 });
        tree
    }

    /// The bridge that is asked about this tree, if it is a cache.
    pub(crate) fn bridge(&self) -> Option<BridgeId> {
        self.bridged.as_ref().map(|bridged| bridged.bridge)
    }

    /// The node that a name in a directory is known to have.
    ///
    /// # Errors
    /// `ENOTDIR`, `ENOENT` for a directory that is gone.
    pub(crate) fn known(&self, dir: NodeKey, name: &[u8]) -> Result<Option<NodeKey>> {
        Ok(self.directory(dir)?.known(name).map(key_of))
    }

    /// Whether a node's attributes are taken for true.
    pub(crate) fn is_fresh(&self, key: NodeKey, now: Nanos) -> bool {
        let remote = self.node(key).ok().and_then(|node| node.remote.as_ref());
        remote.is_some_and(|remote| now < remote.fresh_until)
    }

    /// The path of a node, as the bridge knows it.
    ///
    /// # Errors
    /// `ESTALE` for a node without a name.
    pub(crate) fn remote_path(&self, key: NodeKey) -> Result<Vec<u8>> {
        let mut parts: Vec<&[u8]> = Vec::new();
        let mut at = key;
        while index_of(at) != ROOT {
            let (parent, name) = self.home(at)?;
            if self.known(parent, name)? != Some(at) {
                return Err(Errno::ESTALE);
            }
            parts.push(name);
            at = parent;
        }
        parts.reverse();
        Ok(parts.join(&b'/'))
    }

    /// Enters what the bridge tells of a name.
    ///
    /// # Errors
    /// `ENOTDIR`, `ENOENT` for a directory that is gone; `ENOSPC` at the limit of nodes.
    pub(crate) fn adopt(
        &mut self,
        dir: NodeKey,
        name: &[u8],
        stat: &FileStat,
        now: Nanos,
    ) -> Result<NodeKey> {
        if let Some(known) = self.known(dir, name)? {
            if self.is_same_file(known, stat) {
                self.refresh(known, stat, now)?;
                return Ok(known);
            }
            self.detach(dir, name);
        }
        let other_name = self.by_remote.get(&stat.attr.ino).copied().map(key_of);
        let node = match other_name.filter(|node| stat.attr.ino != 0 && self.is_same_file(*node, stat)) {
            Some(node) if stat.attr.kind != FileType::Directory => node,
            // A directory has one name: this is where it was moved to.
            Some(node) => {
                let (parent, name) = self.home(node).map(|(parent, name)| (parent, name.to_vec()))?;
                self.hold(node);
                self.detach(parent, &name);
                self.node_mut(node)?.holds -= 1;
                node
            }
            None => key_of(self.enter_remote(dir, name, stat)?),
        };
        self.directory_mut(dir)?.insert(name, index_of(node));
        let entered = self.node_mut(node)?;
        entered.home = Home { parent: index_of(dir), name: name.into() };
        if let Body::Directory(directory) = &mut entered.body {
            directory.parent = index_of(dir);
        }
        if let Some(remote) = &mut entered.remote {
            remote.names += 1;
        }
        self.refresh(node, stat, now)?;
        Ok(node)
    }

    fn is_same_file(&self, key: NodeKey, stat: &FileStat) -> bool {
        let Ok(node) = self.node(key) else { return false };
        let same_number = node.remote.as_ref().is_some_and(|remote| remote.ino == stat.attr.ino);
        let same_target = match &node.body {
            Body::Symlink(target) => **target == *stat.target,
            _ => true,
        };
        same_number && same_target && kind_of(&node.body) == stat.attr.kind
    }

    /// Makes the node of a file that was not known.
    fn enter_remote(&mut self, dir: NodeKey, name: &[u8], stat: &FileStat) -> Result<u32> {
        if self.nodes.len() >= KEPT_NODES {
            self.forget_some(dir);
        }
        self.check_room()?;
        let attr = &stat.attr;
        let body = match attr.kind {
            FileType::Regular => Body::File(Content::remote(attr.size)),
            FileType::Directory => Body::Directory(Box::new(Directory::new(index_of(dir), Vec::new()))),
            FileType::Symlink => Body::Symlink(stat.target.as_slice().into()),
            FileType::Char => Body::Char(attr.rdev),
            FileType::Block => Body::Block(attr.rdev),
            FileType::Fifo => Body::Fifo(None),
            FileType::Socket | FileType::Anonymous => Body::Socket,
        };
        // A bridge without numbers gets the cache's own.
        let ino = match attr.ino {
            0 => {
                self.next_ino += 1;
                (1 << 48) | self.next_ino
            }
            ino => ino,
        };
        let node = self.nodes.insert(Node {
            ino,
            perm: attr.perm,
            uid: attr.uid,
            gid: attr.gid,
            nlink: attr.nlink,
            atime: attr.atime,
            mtime: attr.mtime,
            ctime: attr.ctime,
            btime: attr.btime,
            holds: 0,
            writers: 0,
            linkable: false,
            home: Home { parent: index_of(dir), name: name.into() },
            xattrs: Default::default(),
            locks: LockList::default(),
            origin: None,
            runs: 0,
            watched: false,
            remote: Some(Remote {
                ino: attr.ino,
                fresh_until: 0,
                names: 0,
                size: attr.size,
                allocated: attr.allocated,
            }),
            body,
        });
        if attr.ino != 0 {
            self.by_remote.insert(attr.ino, node);
        }
        Ok(node)
    }

    /// Takes over a node's attributes. Pages are dropped if the content is another than they were read from.
    ///
    /// # Errors
    /// `ESTALE` if it is not the same file.
    pub(crate) fn refresh(&mut self, key: NodeKey, stat: &FileStat, now: Nanos) -> Result<()> {
        let node = self.node(key)?;
        let other_content = node.mtime != stat.attr.mtime || self.size_of(key) != stat.attr.size;
        if other_content && let Ok(content) = self.content_mut(key) {
            let pages = content.renew(stat.attr.size);
            self.doom(pages);
        }
        self.take_over(key, &stat.attr, now)
    }

    /// Takes over attributes after a change of our own: pages stay.
    ///
    /// # Errors
    /// `ESTALE` if it is not the same file.
    pub(crate) fn refresh_own(&mut self, key: NodeKey, stat: &FileStat, now: Nanos) -> Result<()> {
        if let Ok(content) = self.content_mut(key) {
            content.set_remote_size(stat.attr.size);
        }
        self.take_over(key, &stat.attr, now)
    }

    fn size_of(&self, key: NodeKey) -> u64 {
        self.content(key).map_or(0, Content::size)
    }

    fn take_over(&mut self, key: NodeKey, attr: &Attr, now: Nanos) -> Result<()> {
        let lifetime = self.bridged.as_ref().map_or(0, |bridged| bridged.lifetime);
        let node = self.node_mut(key)?;
        if kind_of(&node.body) != attr.kind {
            return Err(Errno::ESTALE);
        }
        (node.perm, node.uid, node.gid, node.nlink) = (attr.perm, attr.uid, attr.gid, attr.nlink);
        (node.atime, node.mtime, node.ctime, node.btime) = (attr.atime, attr.mtime, attr.ctime, attr.btime);
        if index_of(key) == ROOT && attr.ino != 0 {
            node.ino = attr.ino;
        }
        let node = self.node_mut(key)?;
        if let Some(remote) = &mut node.remote {
            remote.fresh_until = now.saturating_add(lifetime);
            (remote.size, remote.allocated) = (attr.size, attr.allocated);
        }
        Ok(())
    }

    /// A name is gone; what had it goes with its last.
    pub(crate) fn detach(&mut self, dir: NodeKey, name: &[u8]) {
        let Ok(Some(node)) = self.known(dir, name) else { return };
        if let Ok(directory) = self.directory_mut(dir) {
            directory.remove(name);
        }
        if let Ok(detached) = self.node_mut(node) {
            let is_directory = matches!(detached.body, Body::Directory(_));
            detached.nlink = if is_directory { 0 } else { detached.nlink.saturating_sub(1) };
            if let Some(remote) = &mut detached.remote {
                remote.names = remote.names.saturating_sub(1);
                remote.fresh_until = 0;
            }
        }
        self.expire(dir);
        self.free_if_unused(node);
    }

    /// A directory's attributes are asked for again.
    fn expire(&mut self, key: NodeKey) {
        if let Ok(Some(remote)) = self.node_mut(key).map(|node| node.remote.as_mut()) {
            remote.fresh_until = 0;
        }
    }

    /// A name was moved, in place of what had the new one.
    pub(crate) fn relocate(&mut self, from: (NodeKey, &[u8]), to: (NodeKey, &[u8])) {
        let Ok(Some(moved)) = self.known(from.0, from.1) else {
            // What it was is not known; what it replaced is gone all the same.
            self.detach(to.0, to.1);
            return;
        };
        if self.known(to.0, to.1) == Ok(Some(moved)) {
            return;
        }
        self.detach(to.0, to.1);
        if let Ok(directory) = self.directory_mut(from.0) {
            directory.remove(from.1);
        }
        match self.directory_mut(to.0) {
            Ok(directory) => directory.insert(to.1, index_of(moved)),
            Err(_) => return,
        }
        self.settle_moved(moved, to, Timestamp::default());
        for node in [from.0, to.0, moved] {
            self.expire(node);
        }
    }

    /// Two names changed places.
    pub(crate) fn swap(&mut self, one: (NodeKey, &[u8]), other: (NodeKey, &[u8])) {
        let (Ok(Some(a)), Ok(Some(b))) = (self.known(one.0, one.1), self.known(other.0, other.1)) else {
            self.detach(one.0, one.1);
            self.detach(other.0, other.1);
            return;
        };
        for ((dir, name), node) in [(one, b), (other, a)] {
            if let Ok(directory) = self.directory_mut(dir) {
                directory.replace(name, index_of(node));
            }
            self.settle_moved(node, (dir, name), Timestamp::default());
            self.expire(dir);
            self.expire(node);
        }
    }

    /// Enters pages that were read from `offset` on; `len` bytes were asked for, and fewer mean the end of the file.
    pub(crate) fn enter_pages(
        &mut self,
        key: NodeKey,
        offset: u64,
        bytes: &[u8],
        len: usize,
        frames: &mut Frames,
    ) -> Result<()> {
        let content = self.content_mut(key)?;
        if bytes.len() < len {
            content.end_at(offset + bytes.len() as u64);
        }
        let first = offset / PAGE_SIZE;
        let count = (bytes.len() as u64).div_ceil(PAGE_SIZE);
        let entered = content.enter(first, bytes, frames);
        if let Some(bridged) = &mut self.bridged {
            bridged.note(index_of(key), count);
        }
        self.keep_pages_within(key, first..first + count);
        entered
    }

    /// Has all pages of a file kept as long as it is used: they are about to be mapped.
    pub(crate) fn pin(&mut self, key: NodeKey) {
        if let Ok(content) = self.content_mut(key) {
            content.pinned = true;
        }
    }

    /// Forgets pages of the files that were read longest ago, if there are too many. Not those that are mapped, or about to
    /// be, nor these `pages` of `used`.
    fn keep_pages_within(&mut self, used: NodeKey, pages: Range<u64>) {
        for _ in 0..FORGET_STEP {
            let Some(bridged) = self.bridged.as_mut().filter(|bridged| bridged.pages > KEPT_PAGES) else {
                return;
            };
            let Some((index, count)) = bridged.paged.pop_front() else { return };
            bridged.pages -= count;
            let key = key_of(index);
            let is_held = self.node(key).is_ok_and(|node| node.holds > 0);
            let Ok(content) = self.content_mut(key) else { continue };
            let kept = if content.mappings > 0 || (content.pinned && is_held) {
                count
            } else {
                content.pinned &= is_held;
                let kept = if key == used { pages.clone() } else { 0..0 };
                let forgotten = content.forget_but(kept.clone());
                self.doom(forgotten);
                kept.end - kept.start
            };
            if kept > 0
                && let Some(bridged) = &mut self.bridged
            {
                bridged.note(index, kept);
            }
        }
    }

    /// Forgets some nodes that nobody uses. What is in `dir` is being used.
    fn forget_some(&mut self, dir: NodeKey) {
        let start = self.bridged.as_ref().map_or(0, |bridged| bridged.hand);
        for index in start..start + FORGET_STEP {
            let Some(node) = self.nodes.get(index) else { continue };
            let idle = match &node.body {
                Body::Directory(directory) => directory.is_empty(),
                Body::File(content) => content.mappings == 0,
                _ => true,
            };
            let single = node.remote.as_ref().is_some_and(|remote| remote.names == 1);
            if idle && single && node.holds == 0 && index != ROOT && key_of(index) != dir {
                let (parent, name) = (key_of(node.home.parent), node.home.name.clone());
                self.detach(parent, &name);
            }
        }
        let room = self.nodes.room() as u32;
        if let Some(bridged) = &mut self.bridged {
            bridged.hand = if start + FORGET_STEP >= room { ROOT + 1 } else { start + FORGET_STEP };
        }
    }
}
