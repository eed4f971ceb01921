//! Reading and changing attributes: modes, owners, times, sizes, extended attributes, with their checks.

use super::Vfs;
use super::hosted::Changed;
use super::inotify::Mask;
use super::layer::format::Timestamp;
use super::node::{FileType, Location, timestamp};
use super::path::{MAY_READ, MAY_WRITE, Walker};
use super::size::SEAL_EXEC;
use super::tree::Changes;
use super::view::Env;
use crate::errno::{Errno, Result};
use crate::task::Capabilities;

/// A time as `utimensat(2)` gives it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetTime {
    /// `UTIME_NOW`
    Now,
    /// `UTIME_OMIT`
    Omit,
    /// This one.
    At(Timestamp),
}

/// Longest name of an extended attribute, in bytes (`XATTR_NAME_MAX`).
pub const MAX_XATTR_NAME: usize = 255;
/// Longest value, in bytes (`XATTR_SIZE_MAX`).
pub const MAX_XATTR_VALUE: usize = 65_536;
/// Names and values of one node together, in bytes: kept off the frame budget, so bounded here.
const MAX_XATTRS: usize = 128 << 10;

impl Vfs {
    /// Sets permission bits (`fchmodat(2)`).
    ///
    /// # Errors
    /// `EPERM`, `EROFS`; `EOPNOTSUPP` for a symbolic link.
    pub fn set_mode(&mut self, who: &Walker<'_>, env: &Env<'_>, at: Location, mode: u32) -> Result<()> {
        self.check_writable_mount(at)?;
        self.check_owner(who, at)?;
        let attr = self.attr(at)?;
        if attr.kind == FileType::Symlink {
            return Err(Errno::EOPNOTSUPP);
        }
        let mut perm = (mode & 0o7777) as u16;
        let seals = if attr.kind == FileType::Regular { self.seals_of(at)? } else { 0 };
        if seals & SEAL_EXEC != 0 && (perm ^ attr.perm) & 0o111 != 0 {
            return Err(Errno::EPERM);
        }
        if !who.creds.in_group(attr.gid) && !who.creds.can(Capabilities::FSETID) {
            perm &= !0o2000;
        }
        let ctime = timestamp(env.now.realtime);
        match self.is_hosted(at) {
            _ if self.is_open_socket(at) => self.change_socket(at.node, perm, None, None)?,
            true => self.host_change(at, None, Changed { perm: Some(perm), ..Changed::default() })?,
            false => {
                self.tree_mut(at)?
                    .change(at.node, Changes { perm: Some(perm), ctime, ..Changes::default() })?;
            }
        }
        self.notify(at, Mask::ATTRIB);
        Ok(())
    }

    /// Sets owner and group (`fchownat(2)`); `None` leaves one as it is.
    ///
    /// # Errors
    /// `EPERM`, `EROFS`.
    pub fn set_owner(
        &mut self,
        who: &Walker<'_>,
        env: &Env<'_>,
        at: Location,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> Result<()> {
        self.check_writable_mount(at)?;
        let attr = self.attr(at)?;
        let creds = who.creds;
        let owns = creds.fsuid == attr.uid;
        let uid_allowed = uid.is_none_or(|uid| owns && uid == attr.uid);
        let gid_allowed = gid.is_none_or(|gid| owns && (gid == attr.gid || creds.in_group(gid)));
        let allowed = uid_allowed && gid_allowed;
        if !allowed && !creds.can(Capabilities::CHOWN) {
            return Err(Errno::EPERM);
        }
        // Set-id bits don't pass to another owner, not even by root's hand (`chown(2)`).
        let mut perm = attr.perm;
        if attr.kind != FileType::Directory && (uid.is_some() || gid.is_some()) {
            let group = if perm & 0o010 != 0 { 0o2000 } else { 0 };
            perm &= !(0o4000 | group);
        }
        let ctime = timestamp(env.now.realtime);
        let changes = Changes { perm: Some(perm), uid, gid, ctime, ..Changes::default() };
        match self.is_hosted(at) {
            _ if self.is_open_socket(at) => self.change_socket(at.node, perm, uid, gid)?,
            true => {
                let perm = (attr.kind != FileType::Directory).then_some(perm);
                self.host_change(at, None, Changed { perm, uid, gid, ..Changed::default() })?;
            }
            false => self.tree_mut(at)?.change(at.node, changes)?,
        }
        if uid.is_some() || gid.is_some() {
            self.notify(at, Mask::ATTRIB);
        }
        Ok(())
    }

    /// Sets times (`utimensat(2)`).
    ///
    /// # Errors
    /// `EACCES`, `EPERM`, `EROFS`.
    pub fn set_times(
        &mut self,
        who: &Walker<'_>,
        env: &Env<'_>,
        at: Location,
        atime: SetTime,
        mtime: SetTime,
    ) -> Result<()> {
        if (atime, mtime) == (SetTime::Omit, SetTime::Omit) {
            return Ok(());
        }
        self.check_writable_mount(at)?;
        // Who may write the file may set its times to now; other times are the owner's to set.
        if (atime, mtime) == (SetTime::Now, SetTime::Now) {
            if self.check_owner(who, at).is_err() {
                self.check_access(&who.view, who.creds, at, MAY_WRITE)?;
            }
        } else {
            self.check_owner(who, at)?;
        }
        let now = timestamp(env.now.realtime);
        let value = |time| match time {
            SetTime::Now => Some(now),
            SetTime::Omit => None,
            SetTime::At(time) => Some(time),
        };
        let changes = Changes { atime: value(atime), mtime: value(mtime), ctime: now, ..Changes::default() };
        if self.is_hosted(at) {
            let given = |time| (time != SetTime::Omit).then_some(time);
            let changed = Changed { atime: given(atime), mtime: given(mtime), ..Changed::default() };
            self.host_change(at, None, changed)?;
        } else {
            self.tree_mut(at)?.change(at.node, changes)?;
        }
        // One of the two alone is told as what usually sets it (`fsnotify_change`).
        let what = match (atime, mtime) {
            (SetTime::Omit, _) => Mask::MODIFY,
            (_, SetTime::Omit) => Mask::ACCESS,
            _ => Mask::ATTRIB,
        };
        self.notify(at, what);
        Ok(())
    }

    /// Sets a regular file's size by its name (`truncate(2)`).
    ///
    /// # Errors
    /// `EISDIR`, `EINVAL`, `EACCES`, `EROFS`, `EFBIG`, `ETXTBSY`.
    pub fn set_size(&mut self, who: &Walker<'_>, env: &mut Env<'_>, at: Location, size: u64) -> Result<()> {
        match self.kind(at)? {
            FileType::Regular => {}
            FileType::Directory => return Err(Errno::EISDIR),
            _ => return Err(Errno::EINVAL),
        }
        self.check_writable_mount(at)?;
        self.check_access(&who.view, who.creds, at, MAY_WRITE)?;
        self.check_not_running(at)?;
        if self.is_hosted(at) {
            return self.host_truncate(at, None, size);
        }
        self.truncate_node(at, size, env)
    }

    /// An extended attribute's value.
    ///
    /// # Errors
    /// `ENODATA`, `EOPNOTSUPP`, `EACCES`.
    pub fn xattr(&self, who: &Walker<'_>, at: Location, name: &[u8]) -> Result<&[u8]> {
        check_namespace(name)?;
        if self.is_hosted(at) {
            return Err(Errno::EOPNOTSUPP);
        }
        if self.xattr_is_hidden(who, at, name)? {
            return Err(Errno::ENODATA);
        }
        if name.starts_with(b"user.") {
            self.check_access(&who.view, who.creds, at, MAY_READ)?;
        }
        let tree = self.tree(at).ok_or(Errno::EOPNOTSUPP)?;
        tree.xattrs(at.node)?.get(name).map(|value| &**value).ok_or(Errno::ENODATA)
    }

    /// The names of the extended attributes that the caller may see.
    ///
    /// # Errors
    /// `ENOENT` for a node that is gone.
    pub fn xattr_names(&self, who: &Walker<'_>, at: Location) -> Result<Vec<&[u8]>> {
        let Some(tree) = self.tree(at) else { return Ok(Vec::new()) };
        let privileged = who.creds.can(Capabilities::SYS_ADMIN);
        let visible = |name: &&[u8]| privileged || !name.starts_with(b"trusted.");
        Ok(tree.xattrs(at.node)?.keys().map(|name| &**name).filter(visible).collect())
    }

    /// Sets an extended attribute; `create` and `replace` demand that it was not, or was, there.
    ///
    /// # Errors
    /// `EEXIST`, `ENODATA`, `ENOSPC`, `EPERM`, `EACCES`, `EROFS`, `EOPNOTSUPP`.
    pub fn set_xattr(
        &mut self,
        who: &Walker<'_>,
        env: &Env<'_>,
        at: Location,
        name: &[u8],
        value: &[u8],
        (create, replace): (bool, bool),
    ) -> Result<()> {
        self.check_xattr_change(who, at, name)?;
        let tree = self.tree_mut(at).map_err(|_| Errno::EOPNOTSUPP)?;
        let known = tree.xattrs_mut(at.node)?;
        match known.contains_key(name) {
            true if create => return Err(Errno::EEXIST),
            false if replace => return Err(Errno::ENODATA),
            _ => {}
        }
        let others: usize = known
            .iter()
            .filter(|(other, _)| ***other != *name)
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if others + name.len() + value.len() > MAX_XATTRS {
            return Err(Errno::ENOSPC);
        }
        known.insert(name.into(), value.into());
        let ctime = timestamp(env.now.realtime);
        tree.change(at.node, Changes { ctime, ..Changes::default() })?;
        self.notify(at, Mask::ATTRIB);
        Ok(())
    }

    /// Removes an extended attribute.
    ///
    /// # Errors
    /// `ENODATA`, and as [`Vfs::set_xattr`].
    pub fn remove_xattr(&mut self, who: &Walker<'_>, env: &Env<'_>, at: Location, name: &[u8]) -> Result<()> {
        self.check_xattr_change(who, at, name)?;
        let tree = self.tree_mut(at).map_err(|_| Errno::EOPNOTSUPP)?;
        tree.xattrs_mut(at.node)?.remove(name).ok_or(Errno::ENODATA)?;
        let ctime = timestamp(env.now.realtime);
        tree.change(at.node, Changes { ctime, ..Changes::default() })?;
        self.notify(at, Mask::ATTRIB);
        Ok(())
    }

    fn check_xattr_change(&self, who: &Walker<'_>, at: Location, name: &[u8]) -> Result<()> {
        check_namespace(name)?;
        self.check_writable_mount(at)?;
        if self.is_hosted(at) {
            return Err(Errno::EOPNOTSUPP);
        }
        if self.xattr_is_hidden(who, at, name)? {
            return Err(Errno::EPERM);
        }
        if name.starts_with(b"user.") {
            return self.check_access(&who.view, who.creds, at, MAY_WRITE);
        }
        // security.capability takes CAP_SETFCAP; the rest of `security.` and `trusted.` CAP_SYS_ADMIN (`xattr(7)`).
        let needed =
            if name == b"security.capability" { Capabilities::SETFCAP } else { Capabilities::SYS_ADMIN };
        if who.creds.can(needed) { Ok(()) } else { Err(Errno::EPERM) }
    }

    /// Whether the namespace is closed for this caller and node: `trusted.` without privilege, `user.` on what is
    /// neither file nor directory (`xattr(7)`).
    fn xattr_is_hidden(&self, who: &Walker<'_>, at: Location, name: &[u8]) -> Result<bool> {
        if name.starts_with(b"trusted.") {
            return Ok(!who.creds.can(Capabilities::SYS_ADMIN));
        }
        let kind = self.kind(at)?;
        Ok(name.starts_with(b"user.") && !matches!(kind, FileType::Regular | FileType::Directory))
    }
}

/// Whether a name is in a namespace that trees store.
fn check_namespace(name: &[u8]) -> Result<()> {
    const NAMESPACES: [&[u8]; 3] = [b"user.", b"trusted.", b"security."];
    let Some(prefix) = NAMESPACES.iter().find(|prefix| name.starts_with(prefix)) else {
        // POSIX ACLs would be `system.`, which tmpfs without them refuses too.
        return Err(Errno::EOPNOTSUPP);
    };
    if name.len() == prefix.len() { Err(Errno::EINVAL) } else { Ok(()) }
}
