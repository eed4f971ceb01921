//! Telling inotify's watches what happens to nodes.
//!
//! Owns which node is watched by whom, and which watches a change concerns: those of the node, and those of the directory
//! that it is in. Costs a look at an empty table where nobody watches. What an instance keeps is
//! [`inotify`](super::inotify)'s.

use std::collections::BTreeMap;

use super::dispatch::{FileSystem, dev_minor};
use super::file::FileKind;
use super::flags::OpenFlags;
use super::inotify::{Adding, Inotify, MAX_INSTANCES, Mask, Watch, WatchId, Watched};
use super::node::{FileType, FsId, Location, NodeKey};
use super::{FileId, Vfs};
use crate::errno::{Errno, Result};
use crate::limits::STEP_ITEMS;
use crate::task::Uid;
use crate::wait::{Events, Woken};

/// Who watches what.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    nodes: BTreeMap<Watched, Vec<(FileId, WatchId)>>,
    /// Instances of each user.
    instances: BTreeMap<Uid, u32>,
    /// Ties the two ends of a move together.
    cookie: u32,
    /// Instances with new events, whose readers are still to be woken.
    told: Vec<FileId>,
}

impl Vfs {
    /// Whether anything is watched.
    #[inline]
    pub(crate) fn is_watching(&self) -> bool {
        !self.watchers.nodes.is_empty()
    }

    /// Opens a new instance for a user.
    ///
    /// # Errors
    /// `EMFILE` at the user's limit, `ENFILE`.
    pub(crate) fn open_inotify(&mut self, owner: Uid, flags: OpenFlags) -> Result<FileId> {
        if self.watchers.instances.get(&owner).is_some_and(|count| *count >= MAX_INSTANCES) {
            return Err(Errno::EMFILE);
        }
        let file = self.new_file(self.nowhere(), FileKind::Inotify(Box::new(Inotify::new(owner))), flags)?;
        *self.watchers.instances.entry(owner).or_default() += 1;
        Ok(file)
    }

    fn watched(&self, at: Location) -> Result<Watched> {
        Ok((self.fs_of(at)?.0, at.node))
    }

    pub(in crate::fs) fn inotify_mut(&mut self, file: FileId) -> Result<&mut Inotify> {
        match &mut self.file_mut(file)?.kind {
            FileKind::Inotify(inotify) => Ok(inotify),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Watches a node, or changes what it is watched for. The watch's number.
    ///
    /// # Errors
    /// `EINVAL` for what is no inotify instance, `EEXIST`, `ENOSPC`.
    pub(crate) fn add_watch(
        &mut self,
        file: FileId,
        at: Location,
        mask: Mask,
        adding: Adding,
    ) -> Result<WatchId> {
        let node = self.watched(at)?;
        let known = self
            .watchers
            .nodes
            .get(&node)
            .and_then(|watches| watches.iter().find(|(other, _)| *other == file))
            .map(|(_, id)| *id);
        let inotify = self.inotify_mut(file)?;
        let mask = mask.and(Mask::KEPT);
        if let Some(id) = known {
            let watch = inotify.watch_mut(id).ok_or(Errno::EINVAL)?;
            watch.mask = match adding {
                Adding::Fresh => return Err(Errno::EEXIST),
                Adding::Join => watch.mask.with(mask),
                Adding::Replace => mask,
            };
            return Ok(id);
        }
        let id = inotify.add(Watch { node, mask })?;
        self.watchers.nodes.entry(node).or_default().push((file, id));
        self.mark_watched(at, true);
        Ok(id)
    }

    /// Has a tree tell of a node's end, or no longer.
    fn mark_watched(&mut self, at: Location, on: bool) {
        if let Ok(tree) = self.tree_mut(at) {
            tree.set_watched(at.node, on);
        }
    }

    /// Ends a watch.
    ///
    /// # Errors
    /// `EINVAL` for what is no inotify instance or no watch of it.
    pub(crate) fn remove_watch(&mut self, file: FileId, id: WatchId) -> Result<()> {
        let watch = self.inotify_mut(file)?.end(id).ok_or(Errno::EINVAL)?;
        self.forget_watch(file, watch.node);
        self.watchers.told.push(file);
        Ok(())
    }

    fn forget_watch(&mut self, file: FileId, node: Watched) {
        if let Some(watches) = self.watchers.nodes.get_mut(&node) {
            watches.retain(|(other, _)| *other != file);
            if watches.is_empty() {
                self.watchers.nodes.remove(&node);
                if let Some(FileSystem::Tree(tree)) = self.filesystems.get_mut(node.0.0) {
                    tree.set_watched(node.1, false);
                }
            }
        }
    }

    /// Ends some watches of an instance that is closed. Whether none is left.
    pub(crate) fn forget_watches(&mut self, file: FileId) -> bool {
        for _ in 0..STEP_ITEMS {
            let Ok(inotify) = self.inotify_mut(file) else { return true };
            match inotify.take_any() {
                Some((_, watch)) => self.forget_watch(file, watch.node),
                None => {
                    let owner = inotify.owner;
                    if let Some(count) = self.watchers.instances.get_mut(&owner) {
                        *count = count.saturating_sub(1);
                    }
                    return true;
                }
            }
        }
        false
    }

    /// Tells of a change of an open file.
    #[inline]
    pub(crate) fn notify_file(&mut self, file: FileId, what: Mask) {
        if self.is_watching()
            && let Ok(open) = self.file(file)
            && !matches!(open.kind, FileKind::Path)
        {
            let at = open.at;
            self.tell_of(at, what);
        }
    }

    /// Tells of a change of a node: those who watch it, and those who watch the directory it is in.
    #[inline]
    pub(crate) fn notify(&mut self, at: Location, what: Mask) {
        if self.is_watching() {
            self.tell_of(at, what);
        }
    }

    /// Tells those who watch a node itself, though it may be gone by now.
    #[inline]
    pub(crate) fn notify_self(&mut self, at: Location, what: Mask, is_directory: bool) {
        self.notify_name(at, b"", what, is_directory);
    }

    fn tell_of(&mut self, at: Location, what: Mask) {
        let Some(tree) = self.tree(at) else { return };
        let Ok(kind) = tree.kind(at.node) else { return };
        let what = if kind == FileType::Directory { what.with(Mask::IS_DIRECTORY) } else { what };
        if let Ok((parent, name)) = tree.home(at.node)
            && parent != at.node
        {
            let name = name.to_vec();
            let dir = Location { mount: at.mount, node: parent };
            let unlinked = tree.has_lost_name(at.node);
            self.tell_watchers(dir, what, 0, &name, unlinked);
        }
        self.tell_watchers(at, what, 0, b"", false);
    }

    /// Tells those who watch a directory of one of its names.
    #[inline]
    pub(crate) fn notify_name(&mut self, dir: Location, name: &[u8], what: Mask, is_directory: bool) {
        if self.is_watching() {
            let what = if is_directory { what.with(Mask::IS_DIRECTORY) } else { what };
            self.tell_watchers(dir, what, 0, name, false);
        }
    }

    /// Tells of a name that became another.
    pub(crate) fn notify_move(&mut self, from: (Location, &[u8]), to: (Location, &[u8]), is_directory: bool) {
        if !self.is_watching() {
            return;
        }
        self.watchers.cookie = self.watchers.cookie.wrapping_add(1).max(1);
        let cookie = self.watchers.cookie;
        let kind = if is_directory { Mask::IS_DIRECTORY } else { Mask(0) };
        self.tell_watchers(from.0, Mask::MOVED_FROM.with(kind), cookie, from.1, false);
        self.tell_watchers(to.0, Mask::MOVED_TO.with(kind), cookie, to.1, false);
    }

    /// Tells the watches of one node. `unlinked`: the change is of a child that lost its name.
    fn tell_watchers(&mut self, at: Location, what: Mask, cookie: u32, name: &[u8], unlinked: bool) {
        let Ok(node) = self.watched(at) else { return };
        self.tell_node(node, what, cookie, name, unlinked);
    }

    fn tell_node(&mut self, node: Watched, what: Mask, cookie: u32, name: &[u8], unlinked: bool) {
        let Some(watches) = self.watchers.nodes.get(&node) else { return };
        for (file, id) in watches.clone() {
            let Ok(inotify) = self.inotify_mut(file) else { continue };
            let excluded = |watch: &mut Watch| unlinked && watch.mask.intersects(Mask::EXCLUDE_UNLINKED);
            if inotify.watch_mut(id).is_none_or(excluded) {
                continue;
            }
            if inotify.tell(id, what, cookie, name) {
                inotify.end(id);
                self.forget_watch(file, node);
            }
            self.watchers.told.push(file);
        }
    }

    /// A watch as `/proc/PID/fdinfo` shows it (`proc_pid_fdinfo(5)`), without the file handle.
    pub(crate) fn watch_line(&self, id: WatchId, watch: &Watch) -> String {
        let (fs, key) = watch.node;
        let ino = match self.filesystems.get(fs.0) {
            Some(FileSystem::Tree(tree)) => tree.attr(key).map_or(0, |attr| attr.ino),
            _ => 0,
        };
        let (device, mask) = (dev_minor(fs), watch.mask.0);
        format!("inotify wd:{id:x} ino:{ino:x} sdev:{device:x} mask:{mask:x} ignored_mask:0 \n")
    }

    /// Tells of watched nodes that ended, and wakes who waits for events.
    pub(crate) fn settle_watchers(&mut self, woken: &mut Woken) {
        if self.watchers.nodes.is_empty() && self.watchers.told.is_empty() {
            return;
        }
        self.tell_of_ends();
        while let Some(file) = self.watchers.told.pop() {
            if let Ok(inotify) = self.inotify_mut(file) {
                inotify.queue.wake(Events::IN, woken);
            }
        }
    }

    /// Tells of watched nodes that ended: before another takes the place of one.
    pub(crate) fn tell_of_ends(&mut self) {
        if self.watchers.nodes.is_empty() {
            return;
        }
        for id in 0..self.filesystems.len() as u32 {
            let ended: Vec<NodeKey> = match self.filesystems.get_mut(id) {
                Some(FileSystem::Tree(tree)) => tree.take_ended(),
                _ => continue,
            };
            for key in ended {
                let node = (FsId(id), key);
                self.tell_node(node, Mask::DELETE_SELF, 0, b"", false);
                for (file, id) in self.watchers.nodes.remove(&node).unwrap_or_default() {
                    if let Ok(inotify) = self.inotify_mut(file) {
                        inotify.end(id);
                        self.watchers.told.push(file);
                    }
                }
            }
        }
    }
}
