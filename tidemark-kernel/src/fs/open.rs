//! Opening (`open(2)`): finding or making the node, checking, and the open file that comes of it.

use super::device::DeviceKind;
use super::file::FileKind;
use super::flags::OpenFlags;
use super::inotify::Mask;
use super::node::{Birth, FileType, Location, NewNode, NodeKey, timestamp};
use super::path::{Found, Goal, Last, MAY_EXEC, MAY_READ, MAY_WRITE, Walker};
use super::size::{SEAL_EXEC, SEAL_SEAL};
use super::view::Env;
use super::{FileId, Vfs};
use crate::addr::PAGE_SIZE;
use crate::errno::{Errno, Result};
use crate::task::Capabilities;
use crate::tty::TerminalDevice;

/// How to open.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// `O_…`
    pub flags: OpenFlags,
    /// Permissions of a file that is made, the umask already applied.
    pub perm: u16,
}

impl Vfs {
    /// Opens a path, making the file if the flags say so. The open file comes with one reference.
    ///
    /// A named pipe's other end is not waited for: see [`Vfs::fifo_wait`].
    ///
    /// # Errors
    /// Those of `open(2)`.
    pub fn open(
        &mut self,
        who: &Walker<'_>,
        env: &mut Env<'_>,
        base: Location,
        path: &[u8],
        how: How,
    ) -> Result<FileId> {
        let flags = how.flags;
        // Since Linux 6.4; before, it made a file (`open(2)`, BUGS).
        if flags.has(OpenFlags::CREATE.with(OpenFlags::DIRECTORY)) {
            return Err(Errno::EINVAL);
        }
        if flags.has(OpenFlags::TMPFILE) {
            return self.open_unnamed(who, env, base, path, how);
        }
        let follow = !flags.has(OpenFlags::NO_FOLLOW);
        if !flags.has(OpenFlags::CREATE) || flags.has(OpenFlags::PATH) {
            let node = self.resolve(who, base, path, follow)?;
            return self.open_node(who, env, node, flags, false);
        }
        let follow = follow && !flags.has(OpenFlags::EXCLUSIVE);
        let found = self.walk(who, base, path, Goal::Create { follow })?;
        match found {
            Found { node: Some(_), .. } if flags.has(OpenFlags::EXCLUSIVE) => Err(Errno::EEXIST),
            // Asked to make what can only be a directory.
            Found { slash: true, .. } | Found { last: Last::Dot | Last::DotDot, .. } => Err(Errno::EISDIR),
            Found { node: Some(node), .. } if self.kind(node)? == FileType::Directory => Err(Errno::EISDIR),
            Found { node: Some(node), .. } => self.open_node(who, env, node, flags, false),
            Found { dir, last: Last::Name(name), .. } => {
                self.check_can_make(dir)?;
                self.check_can_change(dir).map_err(|_| Errno::EACCES)?;
                let birth = self.birth_in(who, dir, how.perm, env)?;
                if self.is_hosted(dir) {
                    let (node, handle) = self.host_create(dir, &name, birth, flags)?;
                    self.notify_name(dir, &name, Mask::CREATE, false);
                    return self.finish_host_open(Location { mount: dir.mount, node }, flags, handle);
                }
                let node = self.tree_mut(dir)?.create(dir.node, &name, NewNode::File, birth)?;
                self.notify_name(dir, &name, Mask::CREATE, false);
                self.open_node(who, env, Location { mount: dir.mount, node }, flags, true)
            }
            Found { last: Last::None, .. } => Err(Errno::EISDIR),
        }
    }

    /// Whether the file system of a directory takes new names at all: procfs finds none that it has not.
    ///
    /// # Errors
    /// `ENOENT`.
    pub(crate) fn check_can_make(&self, dir: Location) -> Result<()> {
        if self.tree(dir).is_some() { Ok(()) } else { Err(Errno::ENOENT) }
    }

    /// Whether the names in a directory are a program's to change: those of terminals are not.
    ///
    /// # Errors
    /// `EPERM`
    pub(crate) fn check_can_change(&self, dir: Location) -> Result<()> {
        if dir.mount == self.pts_mount { Err(Errno::EPERM) } else { Ok(()) }
    }

    /// Checks that a name can be made in `dir`, and says what the new node is born as.
    ///
    /// # Errors
    /// `EROFS`, `EACCES`; `EPERM` where nothing can be made.
    pub(crate) fn birth_in(
        &mut self,
        who: &Walker<'_>,
        dir: Location,
        perm: u16,
        env: &Env<'_>,
    ) -> Result<Birth> {
        self.check_writable_mount(dir)?;
        self.check_access(&who.view, who.creds, dir, MAY_WRITE | MAY_EXEC)?;
        let attr = self.attr(dir)?;
        // A set-group-id directory passes its group on (`inode(7)`).
        let gid = if attr.perm & 0o2000 != 0 { attr.gid } else { who.creds.fsgid };
        Ok(Birth { perm, uid: who.creds.fsuid, gid, time: timestamp(env.now.realtime) })
    }

    pub(crate) fn check_writable_mount(&self, at: Location) -> Result<()> {
        match self.mounts.get(at.mount) {
            Some(mount) if mount.read_only => Err(Errno::EROFS),
            Some(_) => Ok(()),
            None => Err(Errno::ENOENT),
        }
    }

    fn open_unnamed(
        &mut self,
        who: &Walker<'_>,
        env: &mut Env<'_>,
        base: Location,
        path: &[u8],
        how: How,
    ) -> Result<FileId> {
        if !how.flags.has(OpenFlags::DIRECTORY) || !how.flags.writes() {
            return Err(Errno::EINVAL);
        }
        let dir = self.resolve(who, base, path, true)?;
        if self.kind(dir)? != FileType::Directory {
            return Err(Errno::ENOTDIR);
        }
        let birth = self.birth_in(who, dir, how.perm, env)?;
        let linkable = !how.flags.has(OpenFlags::EXCLUSIVE);
        self.check_can_change(dir).map_err(|_| Errno::EOPNOTSUPP)?;
        if self.is_hosted(dir) {
            return Err(Errno::EOPNOTSUPP);
        }
        let tree = self.tree_mut(dir).map_err(|_| Errno::EOPNOTSUPP)?;
        let node = tree.create_unnamed(NewNode::File, birth, b"#tmpfile", linkable)?;
        // The open file's hold is the one it was made with.
        let at = Location { mount: dir.mount, node };
        self.new_file(at, FileKind::Regular, how.flags.without(OpenFlags::DIRECTORY)).inspect_err(|_| {
            self.unhold(at);
        })
    }

    /// Opens a node.
    ///
    /// # Errors
    /// Those of `open(2)` for an existing file.
    pub(crate) fn open_node(
        &mut self,
        who: &Walker<'_>,
        env: &mut Env<'_>,
        at: Location,
        flags: OpenFlags,
        fresh: bool,
    ) -> Result<FileId> {
        let kind = self.kind(at)?;
        if flags.has(OpenFlags::DIRECTORY) && kind != FileType::Directory {
            return Err(Errno::ENOTDIR);
        }
        if flags.has(OpenFlags::PATH) {
            return self.finish_open(at, FileKind::Path, flags);
        }
        // Any access mode but O_RDONLY needs write permission; mode 3 needs both (`open(2)`).
        let mode = flags.and(OpenFlags::ACCESS_MODE);
        let writes = mode != OpenFlags::READ_ONLY || flags.has(OpenFlags::TRUNCATE);
        match kind {
            FileType::Symlink => return Err(Errno::ELOOP),
            FileType::Directory if writes => return Err(Errno::EISDIR),
            FileType::Regular if writes => self.check_writable_mount(at)?,
            _ => {}
        }
        if !fresh {
            let reads = if mode != OpenFlags::WRITE_ONLY { MAY_READ } else { 0 };
            self.check_access(&who.view, who.creds, at, reads | if writes { MAY_WRITE } else { 0 })?;
        }
        if self.is_proc(at.mount) {
            self.proc_check_open(who, at, writes)?;
        }
        if flags.has(OpenFlags::NO_ATIME) {
            self.check_owner(who, at)?;
        }
        if kind == FileType::Regular && writes {
            self.check_not_running(at)?;
        }
        match kind {
            FileType::Regular if self.tree(at).is_none() => {
                // The text is made when it is read.
                self.finish_open(at, FileKind::Text(Default::default()), flags)
            }
            FileType::Regular if self.is_hosted(at) => {
                let handle = self.host_open(at, flags)?;
                self.finish_host_open(at, flags, handle)
            }
            FileType::Regular => self.open_regular(env, at, flags, fresh),
            FileType::Directory => self.finish_open(at, FileKind::Directory, flags),
            FileType::Fifo => self.open_fifo(env, at, flags),
            FileType::Char => {
                let numbers = self.attr(at)?.rdev;
                if let Some(terminal) = TerminalDevice::of(numbers) {
                    return self.open_terminal(who, env, at, terminal, flags);
                }
                let device = DeviceKind::of(numbers)?;
                self.finish_open(at, FileKind::Device(device), flags)
            }
            FileType::Block | FileType::Socket | FileType::Anonymous => Err(Errno::ENXIO),
            FileType::Symlink => Err(Errno::ELOOP),
        }
    }

    /// Opens a new file without a name (`memfd_create(2)`).
    ///
    /// # Errors
    /// `ENFILE`, `ENOSPC`.
    pub(crate) fn open_memory_file(
        &mut self,
        who: &Walker<'_>,
        env: &Env<'_>,
        name: &[u8],
        sealing: bool,
        no_exec: bool,
    ) -> Result<FileId> {
        let perm = if no_exec { 0o666 } else { 0o777 };
        let time = timestamp(env.now.realtime);
        let birth = Birth { perm, uid: who.creds.fsuid, gid: who.creds.fsgid, time };
        let root = Location { mount: self.memory_mount, node: NodeKey(0) };
        let tree = self.tree_mut(root)?;
        let node = tree.create_unnamed(NewNode::File, birth, name, false)?;
        let seals = if !sealing {
            SEAL_SEAL
        } else if no_exec {
            SEAL_EXEC
        } else {
            0
        };
        tree.content_mut(node)?.set_seals(seals);
        let at = Location { mount: root.mount, node };
        self.new_file(at, FileKind::Regular, OpenFlags::READ_WRITE).inspect_err(|_| self.unhold(at))
    }

    /// Whether the caller owns a node or may act as if.
    ///
    /// # Errors
    /// `EPERM`.
    pub(crate) fn check_owner(&self, who: &Walker<'_>, at: Location) -> Result<()> {
        if who.creds.fsuid == self.attr_seen(&who.view, at)?.uid || who.creds.can(Capabilities::FOWNER) {
            Ok(())
        } else {
            Err(Errno::EPERM)
        }
    }

    fn open_regular(
        &mut self,
        env: &mut Env<'_>,
        at: Location,
        flags: OpenFlags,
        fresh: bool,
    ) -> Result<FileId> {
        let file = self.finish_open(at, FileKind::Regular, flags)?;
        if flags.has(OpenFlags::TRUNCATE) && !fresh {
            self.truncate_node(at, 0, env)?;
        }
        Ok(file)
    }

    fn finish_host_open(&mut self, at: Location, flags: OpenFlags, handle: u64) -> Result<FileId> {
        let file = self.finish_open(at, FileKind::Regular, flags)?;
        self.file_mut(file)?.handle = Some(handle);
        self.take_handle(handle);
        Ok(file)
    }

    pub(crate) fn finish_open(&mut self, at: Location, kind: FileKind, flags: OpenFlags) -> Result<FileId> {
        let file = self.new_file(at, kind, flags)?;
        self.hold(at);
        self.notify_file(file, Mask::OPEN);
        Ok(file)
    }

    /// Sets a regular file's size.
    ///
    /// # Errors
    /// `EISDIR`, `EINVAL` for other nodes; `EFBIG` for growing it over the limit.
    pub(crate) fn truncate_node(&mut self, at: Location, size: u64, env: &mut Env<'_>) -> Result<()> {
        let time = timestamp(env.now.realtime);
        let tree = self.tree_mut(at)?;
        let content = tree.content_mut(at.node)?;
        let old = content.size();
        if size > old && size > env.file_limit {
            return Err(Errno::EFBIG);
        }
        let cut = content.truncate(size, env.frames);
        tree.doom(cut);
        tree.modified(at.node, time, env.keep_set_id);
        self.notify(at, Mask::MODIFY);
        if size < old {
            self.add_cut(at, size.div_ceil(PAGE_SIZE)..old.div_ceil(PAGE_SIZE));
        }
        Ok(())
    }

    /// Opens a program for `execve(2)`: a regular file that the caller may execute.
    ///
    /// # Errors
    /// `EACCES` for what is not one or may not be executed; those of path look-up.
    pub fn open_exec(
        &mut self,
        who: &Walker<'_>,
        base: Location,
        path: &[u8],
        follow: bool,
    ) -> Result<FileId> {
        let at = self.resolve(who, base, path, follow)?;
        self.open_exec_node(who, at)
    }

    /// As [`Vfs::open_exec`], for a node already found (`execveat(2)` with `AT_EMPTY_PATH`).
    ///
    /// # Errors
    /// As [`Vfs::open_exec`], `ELOOP` for a symbolic link, `ETXTBSY` for a file that is open for writing.
    pub fn open_exec_node(&mut self, who: &Walker<'_>, at: Location) -> Result<FileId> {
        match self.kind(at)? {
            FileType::Regular => {}
            FileType::Symlink => return Err(Errno::ELOOP),
            _ => return Err(Errno::EACCES),
        }
        self.check_access(&who.view, who.creds, at, MAY_EXEC)?;
        let tree = self.tree(at).ok_or(Errno::EACCES)?;
        if tree.is_being_written(at.node) {
            return Err(Errno::ETXTBSY);
        }
        let file = if self.is_hosted(at) {
            let handle = self.host_open(at, OpenFlags::READ_ONLY)?;
            let file = self.finish_host_open(at, OpenFlags::READ_ONLY, handle)?;
            // A program runs from its pages: all of them are there before it begins.
            let fetched = self.file_size(file).and_then(|size| self.fetch_to_map(file, 0, size));
            fetched.inspect_err(|_| self.release(file))?;
            file
        } else {
            self.finish_open(at, FileKind::Regular, OpenFlags::READ_ONLY)?
        };
        // Its first bytes are read to see what it is.
        self.notify_file(file, Mask::ACCESS);
        Ok(file)
    }
}
