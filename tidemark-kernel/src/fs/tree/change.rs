//! Changes to a tree's names: making, linking, renaming, removing, and when a node ends.

use super::directory::Directory;
use super::pages::PageMap;
use super::{Body, Changes, Home, ROOT, Tree, index_of, key_of};
use crate::errno::{Errno, Result};
use crate::fs::layer::format::Timestamp;
use crate::fs::node::{Birth, FileType, NewNode, NodeKey};
use crate::mem::frames::Frames;

/// Hard links to one node (`LINK_MAX` of ext4 is 65,000; this leaves directories room for as many children).
const MAX_LINKS: u32 = 1 << 20;

impl Tree {
    /// Makes a node under a name that is free.
    ///
    /// # Errors
    /// `EEXIST`, `ENOTDIR`; `ENOENT` in a removed directory; `ENOSPC` at the limit of nodes.
    pub(crate) fn create(
        &mut self,
        dir: NodeKey,
        name: &[u8],
        new: NewNode<'_>,
        birth: Birth,
    ) -> Result<NodeKey> {
        self.check_free(dir, name)?;
        let is_directory = matches!(new, NewNode::Directory);
        let node = self.make(new, birth, index_of(dir), name)?;
        if let Some(made) = self.nodes.get_mut(node) {
            made.nlink = if is_directory { 2 } else { 1 };
        }
        self.directory_mut(dir)?.insert(name, node);
        if is_directory {
            self.count_subdirectory(dir, 1);
        }
        self.touch(dir, birth.time);
        Ok(key_of(node))
    }

    /// Makes a node without a name (`O_TMPFILE`, `memfd_create(2)`), held once; whether it may be given one.
    ///
    /// # Errors
    /// `ENOSPC` at the limit of nodes.
    pub(crate) fn create_unnamed(
        &mut self,
        new: NewNode<'_>,
        birth: Birth,
        name: &[u8],
        linkable: bool,
    ) -> Result<NodeKey> {
        let node = self.make(new, birth, ROOT, name)?;
        if let Some(made) = self.nodes.get_mut(node) {
            made.linkable = linkable;
        }
        self.hold(key_of(node));
        Ok(key_of(node))
    }

    fn make(&mut self, new: NewNode<'_>, birth: Birth, parent: u32, name: &[u8]) -> Result<u32> {
        self.check_room()?;
        let body = match new {
            NewNode::File => Body::File(Default::default()),
            NewNode::Directory => Body::Directory(Box::new(Directory::new(parent, Vec::new()))),
            NewNode::Symlink(target) => Body::Symlink(target.into()),
            NewNode::Char(device) => Body::Char(device),
            NewNode::Block(device) => Body::Block(device),
            NewNode::Fifo => Body::Fifo(None),
            NewNode::Socket => Body::Socket,
        };
        let node = self.new_node(birth, parent, name, body);
        Ok(self.nodes.insert(node))
    }

    fn check_free(&mut self, dir: NodeKey, name: &[u8]) -> Result<()> {
        if self.node(dir)?.nlink == 0 {
            return Err(Errno::ENOENT);
        }
        match self.lookup(dir, name) {
            Ok(_) => Err(Errno::EEXIST),
            Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Gives a node another name.
    ///
    /// # Errors
    /// `EEXIST`, `ENOTDIR`, `EPERM` for a directory, `EMLINK`; `ENOENT` in a removed directory, and for a node whose
    /// last name is gone.
    pub(crate) fn link(&mut self, node: NodeKey, dir: NodeKey, name: &[u8], time: Timestamp) -> Result<()> {
        if self.kind(node)? == FileType::Directory {
            return Err(Errno::EPERM);
        }
        self.check_free(dir, name)?;
        let linked = self.node_mut(node)?;
        if linked.nlink >= MAX_LINKS {
            return Err(Errno::EMLINK);
        }
        if linked.nlink == 0 && !linked.linkable {
            return Err(Errno::ENOENT);
        }
        linked.linkable = false;
        linked.nlink += 1;
        linked.ctime = time;
        linked.home = Home { parent: index_of(dir), name: name.into() };
        self.directory_mut(dir)?.insert(name, index_of(node));
        self.touch(dir, time);
        Ok(())
    }

    /// Removes a name that is not a directory's.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EISDIR`.
    pub(crate) fn unlink(&mut self, dir: NodeKey, name: &[u8], time: Timestamp) -> Result<()> {
        let node = self.lookup(dir, name)?;
        if self.kind(node)? == FileType::Directory {
            return Err(Errno::EISDIR);
        }
        self.directory_mut(dir)?.remove(name);
        self.touch(dir, time);
        self.drop_link(node, time);
        Ok(())
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `ENOTEMPTY`.
    pub(crate) fn remove_directory(&mut self, dir: NodeKey, name: &[u8], time: Timestamp) -> Result<()> {
        let node = self.lookup(dir, name)?;
        self.check_empty(node)?;
        self.directory_mut(dir)?.remove(name);
        self.count_subdirectory(dir, -1);
        self.touch(dir, time);
        self.end_directory(node, time);
        Ok(())
    }

    fn check_empty(&self, dir: NodeKey) -> Result<()> {
        const PAST_DOTS: u64 = 2;
        self.directory(dir)?;
        match self.next_entry(dir, PAST_DOTS)? {
            Some(_) => Err(Errno::ENOTEMPTY),
            None => Ok(()),
        }
    }

    fn end_directory(&mut self, dir: NodeKey, time: Timestamp) {
        if let Ok(node) = self.node_mut(dir) {
            node.nlink = 0;
            node.ctime = time;
        }
        self.free_if_unused(dir);
    }

    fn drop_link(&mut self, key: NodeKey, time: Timestamp) {
        if let Ok(node) = self.node_mut(key) {
            node.nlink = node.nlink.saturating_sub(1);
            node.ctime = time;
        }
        self.free_if_unused(key);
    }

    /// Moves a name, replacing what has the new one.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EISDIR`, `ENOTEMPTY` as `rename(2)`; `EINVAL` for a directory into itself.
    pub(crate) fn rename(
        &mut self,
        from: (NodeKey, &[u8]),
        to: (NodeKey, &[u8]),
        time: Timestamp,
    ) -> Result<()> {
        let moved = self.lookup(from.0, from.1)?;
        let is_directory = self.kind(moved)? == FileType::Directory;
        if self.node(to.0)?.nlink == 0 {
            return Err(Errno::ENOENT);
        }
        if is_directory && self.is_within(to.0, moved) {
            return Err(Errno::EINVAL);
        }
        let replaced = match self.lookup(to.0, to.1) {
            Ok(node) if node == moved => return Ok(()),
            Ok(node) => Some(node),
            Err(Errno::ENOENT) => None,
            Err(error) => return Err(error),
        };
        if let Some(old) = replaced {
            match (is_directory, self.kind(old)? == FileType::Directory) {
                (true, false) => return Err(Errno::ENOTDIR),
                (false, true) => return Err(Errno::EISDIR),
                (true, true) => self.check_empty(old)?,
                (false, false) => {}
            }
            self.directory_mut(to.0)?.remove(to.1);
            if is_directory {
                self.count_subdirectory(to.0, -1);
                self.end_directory(old, time);
            } else {
                self.drop_link(old, time);
            }
        }
        self.directory_mut(from.0)?.remove(from.1);
        self.directory_mut(to.0)?.insert(to.1, index_of(moved));
        if is_directory {
            self.count_subdirectory(from.0, -1);
            self.count_subdirectory(to.0, 1);
        }
        self.settle_moved(moved, to, time);
        self.touch(from.0, time);
        self.touch(to.0, time);
        Ok(())
    }

    /// Swaps what two names stand for (`RENAME_EXCHANGE`).
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`; `EINVAL` for a directory into itself.
    pub(crate) fn exchange(
        &mut self,
        one: (NodeKey, &[u8]),
        other: (NodeKey, &[u8]),
        time: Timestamp,
    ) -> Result<()> {
        let (a, b) = (self.lookup(one.0, one.1)?, self.lookup(other.0, other.1)?);
        for (node, target) in [(a, other.0), (b, one.0)] {
            if self.kind(node)? == FileType::Directory && self.is_within(target, node) {
                return Err(Errno::EINVAL);
            }
        }
        let is_directory = |tree: &Tree, node| i32::from(tree.kind(node) == Ok(FileType::Directory));
        let delta = is_directory(self, b) - is_directory(self, a);
        self.directory_mut(one.0)?.replace(one.1, index_of(b));
        self.directory_mut(other.0)?.replace(other.1, index_of(a));
        self.count_subdirectory(one.0, delta);
        self.count_subdirectory(other.0, -delta);
        self.settle_moved(b, one, time);
        self.settle_moved(a, other, time);
        self.touch(one.0, time);
        self.touch(other.0, time);
        Ok(())
    }

    pub(super) fn settle_moved(&mut self, moved: NodeKey, to: (NodeKey, &[u8]), time: Timestamp) {
        if let Ok(node) = self.node_mut(moved) {
            node.home = Home { parent: index_of(to.0), name: to.1.into() };
            node.ctime = time;
            if let Body::Directory(directory) = &mut node.body {
                directory.parent = index_of(to.0);
            }
        }
    }

    /// Whether `dir` is `ancestor` or inside it.
    pub(crate) fn is_within(&self, dir: NodeKey, ancestor: NodeKey) -> bool {
        let mut at = dir;
        loop {
            if at == ancestor {
                return true;
            }
            match self.parent(at) {
                Ok(parent) if parent != at => at = parent,
                _ => return false,
            }
        }
    }

    /// Changes attributes.
    ///
    /// # Errors
    /// `ENOENT` for a node that is gone.
    pub(crate) fn change(&mut self, key: NodeKey, changes: Changes) -> Result<()> {
        let node = self.node_mut(key)?;
        node.perm = changes.perm.unwrap_or(node.perm);
        node.uid = changes.uid.unwrap_or(node.uid);
        node.gid = changes.gid.unwrap_or(node.gid);
        node.atime = changes.atime.unwrap_or(node.atime);
        node.mtime = changes.mtime.unwrap_or(node.mtime);
        node.ctime = changes.ctime;
        Ok(())
    }

    /// Notes that a node's content was read.
    pub(crate) fn accessed(&mut self, key: NodeKey, time: Timestamp) {
        if let Ok(node) = self.node_mut(key) {
            // As mount option `relatime`: enough for those who ask 'was it read since it was written'.
            if node.atime <= node.mtime || node.atime <= node.ctime || node.atime.seconds + DAY < time.seconds
            {
                node.atime = time;
            }
        }
    }

    /// Notes that a node's content was changed; set-id bits are lost (`inode(7)`), unless the writer may keep them.
    pub(crate) fn modified(&mut self, key: NodeKey, time: Timestamp, keep_set_id: bool) {
        if let Ok(node) = self.node_mut(key) {
            node.mtime = time;
            node.ctime = time;
            if !keep_set_id {
                let group = if node.perm & 0o010 != 0 { 0o2000 } else { 0 };
                node.perm &= !(0o4000 | group);
            }
        }
    }

    fn touch(&mut self, dir: NodeKey, time: Timestamp) {
        if let Ok(node) = self.node_mut(dir) {
            node.mtime = time;
            node.ctime = time;
        }
    }

    fn count_subdirectory(&mut self, dir: NodeKey, delta: i32) {
        if let Ok(node) = self.node_mut(dir) {
            // 1 is a merged directory's 'unknown' and stays.
            if node.nlink >= 2 {
                node.nlink = node.nlink.saturating_add_signed(delta);
            }
        }
    }

    /// Keeps a node though it may lose its names.
    pub(crate) fn hold(&mut self, key: NodeKey) {
        if let Ok(node) = self.node_mut(key) {
            node.holds += 1;
        }
    }

    /// Ends a [`Tree::hold`].
    pub(crate) fn unhold(&mut self, key: NodeKey) {
        if let Ok(node) = self.node_mut(key) {
            debug_assert!(node.holds > 0, "a node is held as often as it is let go");
            node.holds = node.holds.saturating_sub(1);
        }
        self.free_if_unused(key);
    }

    /// Counts an open file that may write a node, or one less.
    pub(crate) fn count_writer(&mut self, key: NodeKey, delta: i32) {
        if let Ok(node) = self.node_mut(key) {
            node.writers = node.writers.saturating_add_signed(delta);
        }
    }

    /// Whether a node is open for writing.
    pub(crate) fn is_being_written(&self, key: NodeKey) -> bool {
        self.node(key).is_ok_and(|node| node.writers > 0)
    }

    /// Counts a program that runs from a node, or one less.
    pub(crate) fn count_run(&mut self, key: NodeKey, delta: i32) {
        if let Ok(node) = self.node_mut(key) {
            node.runs = node.runs.saturating_add_signed(delta);
        }
    }

    /// Whether a program runs from a node.
    pub(crate) fn is_running(&self, key: NodeKey) -> bool {
        self.node(key).is_ok_and(|node| node.runs > 0)
    }

    pub(super) fn free_if_unused(&mut self, key: NodeKey) {
        let unused = self.node(key).is_ok_and(|node| {
            let nameless = node.remote.as_ref().map_or(node.nlink == 0, |remote| remote.names == 0);
            nameless && node.holds == 0
        });
        if !unused || index_of(key) == ROOT {
            return;
        }
        let Some(node) = self.nodes.remove(index_of(key)) else { return };
        if node.watched {
            self.ended.push(key);
        }
        if let Some(origin) = node.origin {
            self.made_from.remove(&origin);
        }
        if node.remote.is_some() && self.by_remote.get(&node.ino) == Some(&index_of(key)) {
            self.by_remote.remove(&node.ino);
        }
        if let Body::File(content) = node.body {
            self.doom(content.into_pages());
        }
    }

    /// Queues pages to be freed.
    pub(crate) fn doom(&mut self, pages: PageMap) {
        if pages.len() > 0 {
            self.doomed.push(pages);
        }
    }

    /// Frees up to `budget` doomed pages; whether more are left.
    pub(crate) fn free_doomed(&mut self, budget: &mut u64, frames: &mut Frames) -> bool {
        while let Some(pages) = self.doomed.last_mut() {
            while let Some(frame) = pages.take_first(0, u64::MAX) {
                if *budget == 0 {
                    frames.release(frame);
                    return true;
                }
                *budget -= 1;
                frames.release(frame);
            }
            self.doomed.pop();
        }
        false
    }
}

/// Seconds in a day.
const DAY: i64 = 86_400;
