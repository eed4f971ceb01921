//! Making, linking, renaming and removing names, with the checks that `unlink(2)` and its relatives make.

use super::Vfs;
use super::inotify::Mask;
use super::node::{FileType, Location, NewNode, timestamp};
use super::path::{Found, Goal, Last, MAY_EXEC, MAY_WRITE, Walker};
use super::view::Env;
use crate::errno::{Errno, Result};
use crate::task::Capabilities;

/// How `renameat2(2)` renames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rename {
    /// What has the new name is replaced.
    Replace,
    /// Nothing may have the new name.
    NoReplace,
    /// Both names exist and change places.
    Exchange,
}

impl Vfs {
    /// Makes a node that is not opened: `mkdirat(2)`, `mknodat(2)`, `symlinkat(2)`.
    ///
    /// # Errors
    /// Those of the three calls.
    pub fn make(
        &mut self,
        who: &Walker<'_>,
        env: &Env<'_>,
        base: Location,
        path: &[u8],
        new: NewNode<'_>,
        perm: u16,
    ) -> Result<Location> {
        let is_directory = matches!(new, NewNode::Directory);
        let found = self.walk(who, base, path, Goal::Create { follow: false })?;
        let Found { dir, last: Last::Name(name), node: None, slash } = found else {
            return Err(Errno::EEXIST);
        };
        if slash && !is_directory {
            return Err(Errno::ENOENT);
        }
        self.check_can_make(dir)?;
        self.check_can_change(dir)?;
        let mut birth = self.birth_in(who, dir, perm, env)?;
        let device = match &new {
            NewNode::Char(device) | NewNode::Block(device) => Some(*device),
            _ => None,
        };
        // Character device 0/0 is overlayfs' whiteout, which anybody may make.
        if device.is_some_and(|device| (device.major, device.minor) != (0, 0))
            && !who.creds.can(Capabilities::MKNOD)
        {
            return Err(Errno::EPERM);
        }
        if is_directory && self.attr(dir)?.perm & 0o2000 != 0 {
            birth.perm |= 0o2000;
        }
        let node = match self.is_hosted(dir) {
            true => self.host_make(dir, &name, &new, birth)?,
            false => self.tree_mut(dir)?.create(dir.node, &name, new, birth)?,
        };
        self.notify_name(dir, &name, Mask::CREATE, is_directory);
        Ok(Location { mount: dir.mount, node })
    }

    /// Gives a node another name (`linkat(2)`).
    ///
    /// # Errors
    /// Those of `linkat(2)`.
    pub fn link(
        &mut self,
        who: &Walker<'_>,
        env: &Env<'_>,
        node: Location,
        base: Location,
        path: &[u8],
    ) -> Result<()> {
        let found = self.walk(who, base, path, Goal::Create { follow: false })?;
        let Found { dir, last: Last::Name(name), node: None, slash } = found else {
            return Err(Errno::EEXIST);
        };
        if slash {
            return Err(Errno::ENOENT);
        }
        // There are no other names in it, and none can be made.
        if self.is_proc(dir.mount) {
            return Err(Errno::ENOENT);
        }
        if dir.mount != node.mount {
            return Err(Errno::EXDEV);
        }
        self.birth_in(who, dir, 0, env)?;
        self.check_can_change(dir)?;
        if self.kind(node)? == FileType::Directory {
            return Err(Errno::EPERM);
        }
        let time = timestamp(env.now.realtime);
        match self.is_hosted(dir) {
            true => self.host_link(node, dir, &name)?,
            false => self.tree_mut(dir)?.link(node.node, dir.node, &name, time)?,
        }
        self.notify_self(node, Mask::ATTRIB, false);
        self.notify_name(dir, &name, Mask::CREATE, false);
        Ok(())
    }

    /// Removes a name: of a directory, or of anything else (`unlinkat(2)`).
    ///
    /// # Errors
    /// Those of `unlink(2)` and `rmdir(2)`.
    pub fn remove(
        &mut self,
        who: &Walker<'_>,
        env: &Env<'_>,
        base: Location,
        path: &[u8],
        directory: bool,
    ) -> Result<()> {
        let found = self.walk(who, base, path, Goal::Parent)?;
        let name = match (found.last, directory) {
            (Last::Name(name), _) => name,
            (Last::Dot, true) => return Err(Errno::EINVAL),
            (Last::DotDot, true) => return Err(Errno::ENOTEMPTY),
            (Last::None, true) => return Err(Errno::EBUSY),
            (_, false) => return Err(Errno::EISDIR),
        };
        let dir = found.dir;
        let node = self.lookup(&who.view, dir, &name)?;
        self.check_writable_mount(dir)?;
        self.check_removal(who, dir, node)?;
        self.check_can_change(dir)?;
        let is_directory = self.kind(node)? == FileType::Directory;
        match (directory, is_directory) {
            (true, false) => return Err(Errno::ENOTDIR),
            (false, true) => return Err(Errno::EISDIR),
            (false, false) if found.slash => return Err(Errno::ENOTDIR),
            _ => {}
        }
        if self.mounts.is_covered(node) {
            return Err(Errno::EBUSY);
        }
        let time = timestamp(env.now.realtime);
        if self.is_hosted(dir) {
            self.host_remove(dir, &name, directory)?;
        } else if directory {
            self.tree_mut(dir)?.remove_directory(dir.node, &name, time)?;
        } else {
            self.tree_mut(dir)?.unlink(dir.node, &name, time)?;
        }
        if !directory {
            self.notify_self(node, Mask::ATTRIB, false);
        }
        self.notify_name(dir, &name, Mask::DELETE, directory);
        Ok(())
    }

    /// Whether the caller may take a node's name out of a directory: permission to write there and, in a sticky
    /// directory, ownership of either (`unlink(2)`, EPERM).
    fn check_removal(&self, who: &Walker<'_>, dir: Location, node: Location) -> Result<()> {
        self.check_access(&who.view, who.creds, dir, MAY_WRITE | MAY_EXEC)?;
        let parent = self.attr(dir)?;
        if parent.perm & 0o1000 == 0 || who.creds.can(Capabilities::FOWNER) {
            return Ok(());
        }
        let fsuid = who.creds.fsuid;
        if fsuid == parent.uid || fsuid == self.attr(node)?.uid { Ok(()) } else { Err(Errno::EPERM) }
    }

    /// Moves a name (`renameat2(2)`).
    ///
    /// # Errors
    /// Those of `rename(2)`.
    pub fn rename(
        &mut self,
        who: &Walker<'_>,
        env: &Env<'_>,
        from: (Location, &[u8]),
        to: (Location, &[u8]),
        how: Rename,
    ) -> Result<()> {
        let source = self.walk(who, from.0, from.1, Goal::Parent)?;
        let target = self.walk(who, to.0, to.1, Goal::Parent)?;
        if source.dir.mount != target.dir.mount {
            return Err(Errno::EXDEV);
        }
        let Last::Name(old_name) = source.last else { return Err(Errno::EBUSY) };
        let Last::Name(new_name) = target.last else {
            return Err(if how == Rename::NoReplace { Errno::EEXIST } else { Errno::EBUSY });
        };
        let moved = self.lookup(&who.view, source.dir, &old_name)?;
        let replaced = match self.lookup(&who.view, target.dir, &new_name) {
            Ok(node) => Some(node),
            Err(Errno::ENOENT) => None,
            Err(error) => return Err(error),
        };
        match (how, replaced) {
            (Rename::NoReplace, Some(_)) => return Err(Errno::EEXIST),
            (Rename::Exchange, None) => return Err(Errno::ENOENT),
            // Looking for a name to be made finds that there is none (`proc_pident_lookup`).
            (_, None) if self.is_proc(target.dir.mount) => return Err(Errno::ENOENT),
            _ => {}
        }
        let moved_kind = self.kind(moved)?;
        let exchanged_kind = match replaced {
            Some(node) if how == Rename::Exchange => self.kind(node)?,
            _ => moved_kind,
        };
        // A slash asks for a directory; which name of which is asked depends on what ends up there.
        if (source.slash || (target.slash && how != Rename::Exchange)) && moved_kind != FileType::Directory
            || target.slash && exchanged_kind != FileType::Directory
        {
            return Err(Errno::ENOTDIR);
        }
        self.check_writable_mount(source.dir)?;
        // Two names of one file: nothing happens, whatever the permissions.
        if replaced == Some(moved) {
            return Ok(());
        }
        self.check_removal(who, source.dir, moved)?;
        self.check_can_change(source.dir)?;
        match replaced {
            Some(node) => self.check_removal(who, target.dir, node)?,
            None => self.check_access(&who.view, who.creds, target.dir, MAY_WRITE | MAY_EXEC)?,
        }
        // Moving a directory changes its `..`, which takes permission to write it.
        for (node, kind) in [Some((moved, moved_kind)), replaced.map(|node| (node, exchanged_kind))]
            .into_iter()
            .flatten()
            .take(if how == Rename::Exchange { 2 } else { 1 })
        {
            if kind == FileType::Directory && source.dir != target.dir {
                self.check_access(&who.view, who.creds, node, MAY_WRITE)?;
            }
        }
        if self.mounts.is_covered(moved) || replaced.is_some_and(|node| self.mounts.is_covered(node)) {
            return Err(Errno::EBUSY);
        }
        let time = timestamp(env.now.realtime);
        let tree = self.tree_mut(source.dir)?;
        // Into its own child is EINVAL; over its own ancestor, which cannot be empty, ENOTEMPTY.
        if let Some(node) = replaced
            && how != Rename::Exchange
            && node != moved
            && tree.is_within(source.dir.node, node.node)
        {
            return Err(Errno::ENOTEMPTY);
        }
        let (from, to) = ((source.dir.node, &old_name[..]), (target.dir.node, &new_name[..]));
        if self.is_hosted(source.dir) {
            self.host_rename((source.dir, &old_name), (target.dir, &new_name), how)?;
        } else if how == Rename::Exchange {
            self.tree_mut(source.dir)?.exchange(from, to, time)?;
        } else {
            self.tree_mut(source.dir)?.rename(from, to, time)?;
        }
        let (from, to) = ((source.dir, &old_name[..]), (target.dir, &new_name[..]));
        self.notify_renamed(from, to, (moved, moved_kind), replaced, how);
        Ok(())
    }

    /// Tells of a rename, in Linux's order (`fsnotify_move`).
    fn notify_renamed(
        &mut self,
        from: (Location, &[u8]),
        to: (Location, &[u8]),
        (moved, kind): (Location, FileType),
        replaced: Option<Location>,
        how: Rename,
    ) {
        let is_directory = kind == FileType::Directory;
        self.notify_move(from, to, is_directory);
        match replaced {
            Some(other) if how == Rename::Exchange => {
                let other_is_directory = self.kind(other) == Ok(FileType::Directory);
                self.notify_self(moved, Mask::MOVE_SELF, is_directory);
                self.notify_move(to, from, other_is_directory);
                self.notify_self(other, Mask::MOVE_SELF, other_is_directory);
            }
            other => {
                if let Some(other) = other {
                    self.notify_self(other, Mask::ATTRIB, is_directory);
                }
                self.notify_self(moved, Mask::MOVE_SELF, is_directory);
            }
        }
    }
}
