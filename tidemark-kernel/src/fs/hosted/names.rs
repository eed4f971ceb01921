//! Names and attributes on a mount that the host answers for.
//!
//! Permissions were checked before, as on any file system; the bridge may refuse what they allow.

use super::asks::{Effect, Heard};
use super::call::{Access, Changed, FileCall, Space, Subject};
use crate::errno::{Errno, Result};
use crate::fs::Vfs;
use crate::fs::flags::OpenFlags;
use crate::fs::names::Rename;
use crate::fs::node::{Birth, Location, NewNode, NodeKey};
use crate::fs::tree::Tree;

impl Vfs {
    /// Whether the host answers for a node.
    pub(crate) fn is_hosted(&self, at: Location) -> bool {
        self.tree(at).is_some_and(|tree| tree.bridge().is_some())
    }

    /// The path of a node at the bridge.
    fn host_path(&self, at: Location) -> Result<Vec<u8>> {
        self.tree(at).ok_or(Errno::EIO)?.remote_path(at.node).map_err(|_| Errno::ENOENT)
    }

    /// The path of a name in a directory.
    fn host_path_in(&self, dir: Location, name: &[u8]) -> Result<Vec<u8>> {
        let mut path = self.host_path(dir)?;
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        Ok(path)
    }

    /// How the bridge knows a node: by its path, or by a file that is open, if it has lost its name.
    fn subject_of(&self, at: Location) -> Result<Subject> {
        self.host_path(at).map(Subject::Path).or_else(|error| {
            let handle = self.files.iter().find_map(|(_, file)| (file.at == at).then_some(file.handle)?);
            handle.map(Subject::Handle).ok_or(error)
        })
    }

    /// The node of a name in a directory.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, what the bridge answers; [`Errno::WALK_ON`].
    pub(crate) fn host_lookup(&mut self, dir: Location, name: &[u8]) -> Result<NodeKey> {
        let known = self.tree(dir).ok_or(Errno::EIO)?.known(dir.node, name)?;
        if self.asks.asker.is_none() {
            return known.ok_or(Errno::ENOENT);
        }
        if self.tree(dir).is_some_and(|tree| tree.root() == dir.node) {
            self.freshen(dir)?;
        }
        let call = FileCall::Stat(Subject::Path(self.host_path_in(dir, name)?));
        if let Some(heard) = self.heard(dir, &call) {
            return node(heard?);
        }
        let now = self.asks.now;
        if let Some(node) = known
            && self.tree(dir).is_some_and(|tree| tree.is_fresh(node, now))
        {
            self.note_known(dir, call, node);
            return Ok(node);
        }
        node(self.ask(dir, call, Effect::Name(dir.node, name.to_vec()))?)
    }

    /// Has a node's attributes asked for, if they were told too long ago.
    ///
    /// # Errors
    /// What the bridge answers; [`Errno::WALK_ON`].
    pub(crate) fn freshen(&mut self, at: Location) -> Result<()> {
        let now = self.asks.now;
        if !self.is_hosted(at)
            || self.asks.asker.is_none()
            || self.tree(at).is_some_and(|tree| tree.is_fresh(at.node, now))
        {
            return Ok(());
        }
        // What has no name and is not open is what it was.
        let Ok(subject) = self.subject_of(at) else { return Ok(()) };
        self.ask(at, FileCall::Stat(subject), Effect::Attributes(at.node)).map(drop)
    }

    /// Makes a file and opens it.
    ///
    /// # Errors
    /// As `open(2)`; [`Errno::WALK_ON`].
    pub(crate) fn host_create(
        &mut self,
        dir: Location,
        name: &[u8],
        birth: Birth,
        flags: OpenFlags,
    ) -> Result<(NodeKey, u64)> {
        let call = FileCall::Create {
            path: self.host_path_in(dir, name)?,
            access: access(flags),
            exclusive: flags.has(OpenFlags::EXCLUSIVE),
            perm: birth.perm,
            owner: (birth.uid, birth.gid),
        };
        match self.ask(dir, call, Effect::Made(dir.node, name.to_vec()))? {
            Heard::Opened { node, handle } => Ok((node, handle)),
            _ => Err(Errno::EIO),
        }
    }

    /// Opens an existing file.
    ///
    /// # Errors
    /// As `open(2)`; [`Errno::WALK_ON`].
    pub(crate) fn host_open(&mut self, at: Location, flags: OpenFlags) -> Result<u64> {
        let call = FileCall::Open { path: self.host_path(at)?, access: access(flags) };
        match self.ask(at, call, Effect::Attributes(at.node))? {
            Heard::Opened { handle, .. } => Ok(handle),
            _ => Err(Errno::EIO),
        }
    }

    /// Makes what is no open file.
    ///
    /// # Errors
    /// As `mkdir(2)` and its relatives; `EPERM` for device nodes, pipes and sockets; [`Errno::WALK_ON`].
    pub(crate) fn host_make(
        &mut self,
        dir: Location,
        name: &[u8],
        new: &NewNode<'_>,
        birth: Birth,
    ) -> Result<NodeKey> {
        let (path, owner, perm) = (self.host_path_in(dir, name)?, (birth.uid, birth.gid), birth.perm);
        let call = match new {
            NewNode::Directory => FileCall::MakeDirectory { path, perm, owner },
            NewNode::Symlink(target) => FileCall::Symlink { path, target: target.to_vec(), owner },
            NewNode::File => {
                let flags = OpenFlags::WRITE_ONLY.with(OpenFlags::EXCLUSIVE);
                return self.host_create(dir, name, birth, flags).map(|(node, _)| node);
            }
            NewNode::Char(_) | NewNode::Block(_) | NewNode::Fifo | NewNode::Socket => {
                return Err(Errno::EPERM);
            }
        };
        node(self.ask(dir, call, Effect::Made(dir.node, name.to_vec()))?)
    }

    /// Gives a node another name.
    ///
    /// # Errors
    /// As `link(2)`; [`Errno::WALK_ON`].
    pub(crate) fn host_link(&mut self, at: Location, dir: Location, name: &[u8]) -> Result<()> {
        let call = FileCall::Link { from: self.host_path(at)?, to: self.host_path_in(dir, name)? };
        self.ask(dir, call, Effect::Made(dir.node, name.to_vec())).map(drop)
    }

    /// Removes a name.
    ///
    /// # Errors
    /// As `unlink(2)` and `rmdir(2)`; [`Errno::WALK_ON`].
    pub(crate) fn host_remove(&mut self, dir: Location, name: &[u8], directory: bool) -> Result<()> {
        let call = FileCall::Remove { path: self.host_path_in(dir, name)?, directory };
        self.ask(dir, call, Effect::Removed(dir.node, name.to_vec())).map(drop)
    }

    /// Moves a name.
    ///
    /// # Errors
    /// As `rename(2)`; [`Errno::WALK_ON`].
    pub(crate) fn host_rename(
        &mut self,
        from: (Location, &[u8]),
        to: (Location, &[u8]),
        how: Rename,
    ) -> Result<()> {
        let call = FileCall::Rename {
            from: self.host_path_in(from.0, from.1)?,
            to: self.host_path_in(to.0, to.1)?,
            how,
        };
        let effect = Effect::Moved((from.0.node, from.1.to_vec()), (to.0.node, to.1.to_vec()), how);
        self.ask(from.0, call, effect).map(drop)
    }

    /// Changes attributes: of an open file, if that is how the node is known, else by its name.
    ///
    /// # Errors
    /// What the bridge answers; [`Errno::WALK_ON`].
    pub(crate) fn host_change(&mut self, at: Location, handle: Option<u64>, to: Changed) -> Result<()> {
        let of = match handle {
            Some(handle) => Subject::Handle(handle),
            None => self.subject_of(at)?,
        };
        self.ask(at, FileCall::Change { of, to }, Effect::Changed(at.node)).map(drop)
    }

    /// How full the file system of a node is.
    ///
    /// # Errors
    /// What the bridge answers; [`Errno::WALK_ON`].
    pub(crate) fn host_space(&mut self, at: Location) -> Result<Space> {
        match self.ask(at, FileCall::Space, Effect::Nothing)? {
            Heard::Space(space) => Ok(space),
            _ => Err(Errno::EIO),
        }
    }

    /// The bridge of a file system.
    pub(super) fn bridge_of(&self, fs: crate::fs::node::FsId) -> Option<crate::fs::hosted::BridgeId> {
        match self.filesystems.get(fs.0) {
            Some(crate::fs::dispatch::FileSystem::Tree(tree)) => Tree::bridge(tree),
            _ => None,
        }
    }

    /// The path of a directory, for listing it.
    pub(super) fn host_directory(&self, at: Location) -> Result<Vec<u8>> {
        self.host_path(at)
    }
}

fn node(heard: Heard) -> Result<NodeKey> {
    match heard {
        Heard::Node(node) | Heard::Opened { node, .. } => Ok(node),
        _ => Err(Errno::EIO),
    }
}

fn access(flags: OpenFlags) -> Access {
    Access { read: flags.reads(), write: flags.writes(), truncate: flags.has(OpenFlags::TRUNCATE) }
}
