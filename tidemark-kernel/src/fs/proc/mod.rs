//! procfs: what the kernel tells of itself and its processes (`proc(5)`), made up on each look.
//!
//! - [`node`]: what there is, and its keys; [`fixed`]: the table of what is no process's; [`list`]: directories and links;
//! - [`text`]: reading and writing; [`process`]: a process's files; [`system`], [`memory`], [`machine`], [`net`]: the rest;
//! - [`settings`][]: `/proc/sys`.
//!
//! It keeps no state: every look finds the process again or answers `ENOENT`. Texts are made when a file is read from its
//! start. Owns here: who may look, and owners and times.

mod fixed;
mod ipc;
mod list;
mod machine;
mod memory;
mod net;
mod node;
mod process;
mod settings;
mod system;
mod text;

pub(crate) use node::{Node, Owner};
pub(crate) use settings::Settings;
pub(crate) use text::{Text, TextState};

use fixed::FIXED;
use process::{ENTRIES, EntryKind};

use super::Vfs;
use super::node::{Attr, Location, MountId, timestamp};
use super::path::Walker;
use super::view::View;
use crate::errno::{Errno, Result};
use crate::system::System;
use crate::task::{Capabilities, Pid, Process};

/// Whether the one who looks may see a process's files and memory: its own user, or the privileged
/// (`ptrace(2)`, "Ptrace access mode checking", `PTRACE_MODE_READ_FSCREDS`).
///
/// # Errors
/// `EACCES`.
pub(super) fn check_inside(view: &View<'_>, process: &Process) -> Result<()> {
    let Some((pid, _)) = view.caller else { return Ok(()) };
    let caller = view.tasks.process(pid).ok_or(Errno::ESRCH)?;
    let (creds, theirs) = (&caller.creds, &process.creds);
    let same = [theirs.uid, theirs.euid, theirs.suid].iter().all(|uid| *uid == creds.fsuid)
        && [theirs.gid, theirs.egid, theirs.sgid].iter().all(|gid| *gid == creds.fsgid);
    let not_beyond = process.dumpable && creds.permitted.has(theirs.permitted);
    if pid == process.pid || same && not_beyond || creds.can(Capabilities::SYS_PTRACE) {
        Ok(())
    } else {
        Err(Errno::EACCES)
    }
}

impl Vfs {
    /// A node of procfs as seen through its mount.
    pub(super) fn proc_location(&self, node: Node) -> Location {
        Location { mount: self.proc_mount, node: node.key() }
    }

    /// The process whose `/proc/PID` a directory is.
    pub(crate) fn process_directory(&self, at: Location) -> Option<Pid> {
        match Node::of(at.node) {
            Ok(Node::Task(Owner { pid, tid: None })) if self.is_proc(at.mount) => Some(pid),
            _ => None,
        }
    }

    /// Attributes of any node, with the owners and times of processes' entries.
    ///
    /// # Errors
    /// `ENOENT` for a node that is gone.
    pub(crate) fn attr_seen(&self, view: &View<'_>, at: Location) -> Result<Attr> {
        let mut attr = self.attr(at)?;
        if at.mount != self.proc_mount {
            return Ok(attr);
        }
        let node = Node::of(at.node)?;
        let mut began = view.boot.realtime;
        if let Some(process) = node.owner().and_then(|owner| view.tasks.process(owner.pid)) {
            began += process.started.saturating_sub(view.boot.monotonic);
            // What is not to be dumped belongs to root; its directory shows whose it is (`proc(5)`).
            if process.dumpable || matches!(node, Node::Task(_)) {
                (attr.uid, attr.gid) = (process.creds.euid, process.creds.egid);
            }
            if let Node::Descriptor { fd, info: false, .. } = node
                && let Some(perm) = self.descriptor_perm(process, fd)
            {
                attr.perm = perm;
            }
        }
        let began = timestamp(began);
        (attr.atime, attr.mtime, attr.ctime, attr.btime) = (began, began, began, began);
        Ok(attr)
    }

    /// Whether a file of procfs may be opened at all, beyond what its permissions say.
    ///
    /// # Errors
    /// `EACCES` for another user's memory, and for settings that cannot be changed, by root either; `ESRCH`.
    pub(super) fn proc_check_open(&self, who: &Walker<'_>, at: Location, writes: bool) -> Result<()> {
        match Node::of(at.node)? {
            Node::Fixed(entry) | Node::Net(_, entry) => {
                let changeable = FIXED[usize::from(entry)].perm & 0o200 != 0;
                // Elsewhere root opens what cannot be written (`proc_sys_permission` in Linux).
                if writes && !changeable && fixed::is_setting(entry) { Err(Errno::EACCES) } else { Ok(()) }
            }
            Node::Entry(owner, entry) => {
                let process = who.view.tasks.process(owner.pid).ok_or(Errno::ESRCH)?;
                match ENTRIES[usize::from(entry)].kind {
                    EntryKind::Memory(_) => check_inside(&who.view, process),
                    EntryKind::Text(text) if text.shows_memory() => check_inside(&who.view, process),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Whether a mount shows procfs.
    pub(super) fn is_proc(&self, mount: MountId) -> bool {
        mount == self.proc_mount
    }
}

impl System {
    /// The node of procfs at a location, if it is there.
    pub(crate) fn proc_node(&self, at: Location) -> Option<Node> {
        self.fs.is_proc(at.mount).then(|| Node::of(at.node).ok()).flatten()
    }

    /// Attributes of any node, with the owners of processes' entries.
    ///
    /// # Errors
    /// `ENOENT` for a node that is gone.
    pub(crate) fn attr_of(&self, at: Location) -> Result<Attr> {
        self.fs.attr_seen(&self.view(None), at)
    }
}
