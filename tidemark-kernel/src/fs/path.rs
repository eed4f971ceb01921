//! From a path to a node (`path_resolution(7)`), and back.
//!
//! Owns the walk: components, links, mounts, search permission, the errors' order. What is done with the node found is
//! the caller's.

use std::borrow::Cow;

use super::node::{Attr, FileType, Location};
use super::view::View;
use super::walks::{Midway, STEP_WORK, WalkKey, Walked};
use super::{LinkTarget, Vfs};
use crate::errno::{Errno, Result};
use crate::task::{Capabilities, Creds, Tid};

/// Who looks a path up, and from where.
pub struct Walker<'a> {
    /// Whose permissions count.
    pub creds: &'a Creds,
    /// What `/` is.
    pub root: Location,
    /// Where relative paths start.
    pub cwd: Location,
    /// What the kernel's own file systems show.
    pub view: View<'a>,
    /// What the walk may not do.
    pub limits: Resolve,
    /// The thread whose call can be entered again if the walk is long; see [`walks`](super::walks). `None`: it is walked
    /// at once.
    pub in_steps: Option<Tid>,
}

/// Restrictions on a walk, numbered as `openat2(2)` does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Resolve(pub u64);

impl Resolve {
    /// `RESOLVE_NO_XDEV`: stay on the mount.
    pub const NO_XDEV: Resolve = Resolve(1);
    /// `RESOLVE_NO_MAGICLINKS`: follow no link of procfs to a node itself.
    pub const NO_MAGIC_LINKS: Resolve = Resolve(2);
    /// `RESOLVE_NO_SYMLINKS`: follow no link.
    pub const NO_SYMLINKS: Resolve = Resolve(4);
    /// `RESOLVE_BENEATH`: stay below the start.
    pub const BENEATH: Resolve = Resolve(8);
    /// `RESOLVE_IN_ROOT`: the start is the root.
    pub const IN_ROOT: Resolve = Resolve(16);
    /// `RESOLVE_CACHED`: don't wait; no walk does.
    pub const CACHED: Resolve = Resolve(32);

    /// Whether all of `other` are set.
    pub const fn has(self, other: Resolve) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What a walk is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Goal {
    /// An existing node; whether a symbolic link at the end is followed.
    Node {
        /// `AT_SYMLINK_FOLLOW`, or the absence of `AT_SYMLINK_NOFOLLOW` and `O_NOFOLLOW`.
        follow: bool,
    },
    /// A directory and a name in it, which is not looked at: for removing and renaming.
    Parent,
    /// A directory and a name in it that may be there: for `O_CREAT`.
    Create {
        /// Whether a symbolic link of that name is followed.
        follow: bool,
    },
}

/// The last component of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Last {
    /// A name.
    Name(Vec<u8>),
    /// `.`
    Dot,
    /// `..`
    DotDot,
    /// There is none: the path is the root, or ended in a link of procfs.
    None,
}

/// Where a walk ended.
#[derive(Clone, Debug)]
pub struct Found {
    /// The directory that the last component was looked up in.
    pub dir: Location,
    /// The last component.
    pub last: Last,
    /// What it stands for, if the goal asks for that and it is there.
    pub node: Option<Location>,
    /// Whether a slash follows it.
    pub slash: bool,
}

/// Permission to execute a file or search a directory, as the low bits of a mode.
pub const MAY_EXEC: u16 = 1;
/// Permission to write.
pub const MAY_WRITE: u16 = 2;
/// Permission to read.
pub const MAY_READ: u16 = 4;

/// Longest path inside the kernel, links spliced in, in bytes: bounds one walk.
const MAX_SPLICED: usize = 64 << 10;

/// What looking a name up takes of a step, in the unit of [`STEP_WORK`].
pub(super) const LOOKUP_WORK: usize = 12;

impl Vfs {
    /// The node of a path.
    ///
    /// # Errors
    /// As [`Vfs::walk`].
    pub fn resolve(
        &mut self,
        who: &Walker<'_>,
        base: Location,
        path: &[u8],
        follow: bool,
    ) -> Result<Location> {
        self.walk(who, base, path, Goal::Node { follow })?.node.ok_or(Errno::ENOENT)
    }

    /// Walks a path from `base`, or from the root if it begins with a slash.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EACCES`, `ELOOP`, `ENAMETOOLONG` as `path_resolution(7)`; what the file system answers;
    /// [`Errno::WALK_ON`] where it takes more than a step and may.
    pub fn walk(&mut self, who: &Walker<'_>, base: Location, path: &[u8], goal: Goal) -> Result<Found> {
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        let (root, limits) = (who.root, who.limits);
        let is_it = |key: &WalkKey| {
            (key.root, key.base, key.goal, key.limits) == (root, base, goal, limits) && key.path == path
        };
        let known = who.in_steps.and_then(|tid| self.known_walk(tid, is_it));
        let goes_on = known.is_some();
        let walked = match known {
            Some(Walked::Found(found)) => return Ok(found),
            Some(Walked::Midway(midway)) => {
                self.walk_from(who, base, midway.at, &midway.rest, midway.links, goal)?
            }
            None => {
                let absolute = path[0] == b'/';
                if limits.has(Resolve::BENEATH) && absolute {
                    return Err(Errno::EXDEV);
                }
                let at = if absolute { root } else { base };
                if limits.has(Resolve::NO_XDEV) && at.mount != base.mount {
                    return Err(Errno::EXDEV);
                }
                self.walk_from(who, base, at, path, 0, goal)?
            }
        };
        if let (Some(tid), Walked::Midway(_), _) | (Some(tid), _, true) = (who.in_steps, &walked, goes_on) {
            let key = WalkKey { root, base, path: path.to_vec(), goal, limits };
            self.keep_walk(tid, key, walked.clone());
        }
        match walked {
            Walked::Found(found) => Ok(found),
            Walked::Midway(_) => Err(Errno::WALK_ON),
        }
    }

    /// Walks on from `at`, after `links` links.
    fn walk_from(
        &mut self,
        who: &Walker<'_>,
        base: Location,
        mut at: Location,
        path: &[u8],
        mut links: u32,
        goal: Goal,
    ) -> Result<Walked> {
        let limits = who.limits;
        let beneath = limits.has(Resolve::BENEATH);
        let mut spliced;
        let mut rest = path;
        // The directory that is known to be one and may be searched.
        let mut searched = None;
        let mut work = 0;
        loop {
            if work >= STEP_WORK && who.in_steps.is_some() {
                return Ok(Walked::Midway(Midway { at, rest: rest.to_vec(), links }));
            }
            work += 1;
            let start = rest.iter().position(|&byte| byte != b'/').unwrap_or(rest.len());
            rest = &rest[start..];
            if rest.is_empty() {
                let found = Found { dir: at, last: Last::None, node: Some(at), slash: true };
                return Ok(Walked::Found(found));
            }
            let end = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
            let (name, tail) = rest.split_at(end);
            let slash = !tail.is_empty();
            let is_last = tail.iter().all(|&byte| byte == b'/');
            if searched != Some(at) {
                self.check_search(&who.view, who.creds, at)?;
                searched = Some(at);
            }
            if name == b"." || name == b".." {
                if name == b".." {
                    work += LOOKUP_WORK;
                    let above = self.parent_of(who, at)?;
                    if (beneath && at == base) || (limits.has(Resolve::NO_XDEV) && above.mount != at.mount) {
                        return Err(Errno::EXDEV);
                    }
                    at = above;
                }
                if is_last {
                    let last = if name == b"." { Last::Dot } else { Last::DotDot };
                    return Ok(Walked::Found(Found { dir: at, last, node: Some(at), slash }));
                }
                rest = tail;
                continue;
            }
            if name.len() > self.limits.name_bytes {
                return Err(Errno::ENAMETOOLONG);
            }
            work += LOOKUP_WORK + name.len() / 16;
            let found = |node| Walked::Found(Found { dir: at, last: Last::Name(name.to_vec()), node, slash });
            if is_last && goal == Goal::Parent {
                return Ok(found(None));
            }
            let child = match self.lookup(&who.view, at, name) {
                Ok(child) => self.mounts.cross(child),
                Err(Errno::ENOENT) if is_last && matches!(goal, Goal::Create { .. }) => {
                    return Ok(found(None));
                }
                Err(error) => return Err(error),
            };
            if limits.has(Resolve::NO_XDEV) && child.mount != at.mount {
                return Err(Errno::EXDEV);
            }
            let kind = self.kind(child)?;
            let follow = match goal {
                Goal::Node { follow } | Goal::Create { follow } => follow,
                Goal::Parent => true,
            };
            // Who makes a name wants it free, and a link of that name is there, slash or not.
            let through = follow || (slash && !matches!(goal, Goal::Create { .. }));
            if kind == FileType::Symlink && (!is_last || through) {
                links += 1;
                if links > self.limits.symlinks || limits.has(Resolve::NO_SYMLINKS) {
                    return Err(Errno::ELOOP);
                }
                match self.link_target(&who.view, child)? {
                    LinkTarget::Text(target) => {
                        if target.is_empty() {
                            return Err(Errno::ENOENT);
                        }
                        if target.len() + tail.len() > MAX_SPLICED {
                            return Err(Errno::ENAMETOOLONG);
                        }
                        if target[0] == b'/' {
                            if beneath || (limits.has(Resolve::NO_XDEV) && who.root.mount != at.mount) {
                                return Err(Errno::EXDEV);
                            }
                            at = who.root;
                        }
                        work += LOOKUP_WORK + (target.len() + tail.len()) / 64;
                        let mut whole = target;
                        whole.extend_from_slice(tail);
                        spliced = whole;
                        rest = &spliced;
                    }
                    LinkTarget::Node(_) if limits.has(Resolve::NO_MAGIC_LINKS) => return Err(Errno::ELOOP),
                    LinkTarget::Node(target) => {
                        let leaves = limits.has(Resolve::NO_XDEV) && target.mount != at.mount;
                        if beneath || limits.has(Resolve::IN_ROOT) || leaves {
                            return Err(Errno::EXDEV);
                        }
                        at = target;
                        if is_last {
                            self.check_slash(slash, at)?;
                            let found = Found { dir: at, last: Last::None, node: Some(at), slash };
                            return Ok(Walked::Found(found));
                        }
                        rest = tail;
                    }
                }
                continue;
            }
            if is_last {
                if !matches!(goal, Goal::Create { .. }) {
                    self.check_slash(slash, child)?;
                }
                return Ok(found(Some(child)));
            }
            at = child;
            rest = tail;
        }
    }

    fn check_slash(&self, slash: bool, node: Location) -> Result<()> {
        if slash && self.kind(node)? != FileType::Directory { Err(Errno::ENOTDIR) } else { Ok(()) }
    }

    /// Whether a node is a directory that may be searched.
    ///
    /// # Errors
    /// `ENOTDIR`, `EACCES`.
    pub(crate) fn check_search(&self, view: &View<'_>, creds: &Creds, dir: Location) -> Result<()> {
        if self.kind(dir)? != FileType::Directory {
            return Err(Errno::ENOTDIR);
        }
        self.check_access(view, creds, dir, MAY_EXEC)
    }

    /// Whether `creds` allow this access to a node.
    ///
    /// # Errors
    /// `EACCES`.
    pub(crate) fn check_access(
        &self,
        view: &View<'_>,
        creds: &Creds,
        node: Location,
        wanted: u16,
    ) -> Result<()> {
        if permits(creds, &self.attr_seen(view, node)?, wanted) { Ok(()) } else { Err(Errno::EACCES) }
    }

    /// The directory above one, across mounts, not above the walker's root.
    pub(crate) fn parent_of(&mut self, who: &Walker<'_>, mut at: Location) -> Result<Location> {
        loop {
            if at == who.root {
                return Ok(at);
            }
            let mount = self.mounts.get(at.mount).ok_or(Errno::ENOENT)?;
            if at.node == mount.root {
                match mount.covers {
                    Some(covered) => at = covered,
                    None => return Ok(at),
                }
                continue;
            }
            let node = self.fs_parent(at)?;
            return Ok(self.mounts.cross(Location { mount: at.mount, node }));
        }
    }

    /// The path of a node as seen from `root`, for `getcwd(2)` and procfs. `None` if it cannot be reached from there.
    /// A node without its name has ` (deleted)` after it.
    ///
    /// # Errors
    /// `ENAMETOOLONG` for more than `PATH_MAX` bytes, as Linux tells.
    pub(crate) fn path_from(&self, root: Location, node: Location) -> Result<Option<Vec<u8>>> {
        // Components from the node upwards.
        let mut parts: Vec<Cow<'_, [u8]>> = Vec::new();
        let mut bytes = 0;
        let mut at = node;
        let mut deleted = false;
        while at != root {
            let Some(mount) = self.mounts.get(at.mount) else { return Ok(None) };
            if at.node == mount.root {
                let Some(covered) = mount.covers else { return Ok(None) };
                at = covered;
                continue;
            }
            let Ok((parent, name)) = self.home(at) else { return Ok(None) };
            // What something is in has its own name.
            if parts.is_empty() {
                deleted = self.has_lost_name(at);
            }
            bytes += 1 + name.len();
            if bytes >= self.limits.path_bytes {
                return Err(Errno::ENAMETOOLONG);
            }
            parts.push(name);
            at = Location { mount: at.mount, node: parent };
        }
        let mut path = Vec::with_capacity(bytes + DELETED.len());
        for part in parts.iter().rev() {
            path.push(b'/');
            path.extend_from_slice(part);
        }
        if path.is_empty() {
            path.push(b'/');
        }
        if deleted {
            path.extend_from_slice(DELETED);
        }
        Ok(Some(path))
    }
}

/// What stands after the path of a node that lost its name.
const DELETED: &[u8] = b" (deleted)";

/// Whether `creds` allow an access to a node with these attributes (`path_resolution(7)`, "Permissions").
pub(crate) fn permits(creds: &Creds, attr: &Attr, wanted: u16) -> bool {
    let is_directory = attr.kind == FileType::Directory;
    if creds.can(Capabilities::DAC_OVERRIDE) {
        return is_directory || wanted & MAY_EXEC == 0 || attr.perm & 0o111 != 0;
    }
    if creds.can(Capabilities::DAC_READ_SEARCH)
        && (wanted == MAY_READ || (is_directory && wanted & MAY_WRITE == 0))
    {
        return true;
    }
    let class = if creds.fsuid == attr.uid {
        attr.perm >> 6
    } else if creds.in_group(attr.gid) {
        attr.perm >> 3
    } else {
        attr.perm
    };
    class & wanted == wanted
}
