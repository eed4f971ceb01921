//! procfs: what the kernel tells of itself and its processes (`proc(5)`), made up on each look.
//!
//! Owns the names and their order. It keeps no state: a node's key says which process and which entry it is, and every
//! look finds that process again or answers `ENOENT`. The texts are made by [`system`] and [`process`], when a file is
//! read from its start.

mod fixed;
mod ipc;
mod net;
mod process;
mod system;

use fixed::{FIXED, FixedKind};
use process::{ENTRIES, EntryKind, Link};

use super::file::FileKind;
use super::node::{Attr, FileType, Listed, Location, NodeKey};
use super::view::View;
use super::{FileId, LinkTarget, Vfs};
use crate::errno::{Errno, Result};
use crate::fs::dispatch::FileSystem;
use crate::system::System;
use crate::task::{Capabilities, Pid, Process, Tid};

/// What a key stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Node {
    /// An entry of [`FIXED`]; 0 is the root.
    Fixed(u8),
    /// `/proc/PID`, or `/proc/PID/task/TID` with a thread.
    Task(Owner),
    /// An entry of [`ENTRIES`] in such a directory.
    Entry(Owner, u8),
    /// A descriptor in `fd`, or in `fdinfo`.
    Descriptor { owner: Owner, fd: u16, info: bool },
}

/// A process, or one of its threads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Owner {
    pub(crate) pid: Pid,
    pub(crate) tid: Option<Tid>,
}

impl Owner {
    /// The thread that speaks for it: the given one, or the process's first.
    pub(crate) fn thread(self) -> Tid {
        self.tid.unwrap_or(self.pid.0)
    }
}

/// Bits of an id: [`PID_MAX`](crate::limits::PID_MAX) fits.
const ID_BITS: u32 = 16;

impl Node {
    /// The node's key: tag, entry, process, thread and descriptor, eight, eight and three times sixteen bits.
    pub(crate) fn key(self) -> NodeKey {
        let pack = |tag: u64, entry: u8, owner: Option<Owner>, fd: u16| {
            let pid = owner.map_or(0, |owner| u64::from(owner.pid.get()));
            let tid = owner.and_then(|owner| owner.tid).map_or(0, |tid| u64::from(tid.get()));
            NodeKey(
                tag << 56 | u64::from(entry) << 48 | pid << (2 * ID_BITS) | tid << ID_BITS | u64::from(fd),
            )
        };
        match self {
            Node::Fixed(entry) => pack(0, entry, None, 0),
            Node::Task(owner) => pack(1, 0, Some(owner), 0),
            Node::Entry(owner, entry) => pack(2, entry, Some(owner), 0),
            Node::Descriptor { owner, fd, info } => pack(3, info.into(), Some(owner), fd),
        }
    }

    /// What a key stands for; whether that (still) exists is not looked at.
    ///
    /// # Errors
    /// `ENOENT` for what is no key of this file system.
    pub(crate) fn of(key: NodeKey) -> Result<Node> {
        let entry = (key.0 >> 48) as u8;
        let id = |shift: u32| Tid::new((key.0 >> shift) as u16 as u32);
        let owner = || Some(Owner { pid: Pid(id(2 * ID_BITS)?), tid: id(ID_BITS) });
        let node = match key.0 >> 56 {
            0 => FIXED.get(usize::from(entry)).map(|_| Node::Fixed(entry)),
            1 => owner().map(Node::Task),
            2 => ENTRIES.get(usize::from(entry)).and_then(|_| Some(Node::Entry(owner()?, entry))),
            3 => owner().map(|owner| Node::Descriptor { owner, fd: key.0 as u16, info: entry != 0 }),
            _ => None,
        };
        node.ok_or(Errno::ENOENT)
    }

    /// The node's type.
    pub(crate) fn kind(self) -> FileType {
        match self {
            Node::Fixed(entry) => match FIXED[usize::from(entry)].kind {
                FixedKind::Directory => FileType::Directory,
                FixedKind::Text(_) | FixedKind::Parts(_) | FixedKind::Setting(_) => FileType::Regular,
                FixedKind::OwnProcess | FixedKind::OwnThread | FixedKind::Link(_) => FileType::Symlink,
            },
            Node::Task(_) => FileType::Directory,
            Node::Entry(_, entry) => match ENTRIES[usize::from(entry)].kind {
                EntryKind::Descriptors | EntryKind::DescriptorInfos | EntryKind::Threads => {
                    FileType::Directory
                }
                EntryKind::Link(_) => FileType::Symlink,
                EntryKind::Text(_) => FileType::Regular,
            },
            Node::Descriptor { info: false, .. } => FileType::Symlink,
            Node::Descriptor { info: true, .. } => FileType::Regular,
        }
    }

    /// The node's attributes; owners are filled in by those who know the processes.
    pub(crate) fn attr(self) -> Attr {
        let perm = match self {
            Node::Fixed(entry) => FIXED[usize::from(entry)].perm,
            Node::Task(_) => 0o555,
            Node::Entry(_, entry) => ENTRIES[usize::from(entry)].perm,
            Node::Descriptor { info, .. } => {
                if info {
                    0o444
                } else {
                    0o700
                }
            }
        };
        // Inode numbers as unique as keys; zero would read as 'no inode'.
        Attr::synthetic(self.key().0 + 1, self.kind(), perm)
    }

    /// The directory above, inside procfs.
    pub(crate) fn parent(self) -> Node {
        let root = Node::Fixed(0);
        let entry_of =
            |kind: EntryKind| ENTRIES.iter().position(|entry| entry.kind == kind).unwrap_or(0) as u8;
        match self {
            Node::Fixed(entry) => Node::Fixed(FIXED[usize::from(entry)].parent),
            Node::Task(Owner { tid: None, .. }) => root,
            Node::Task(Owner { pid, .. }) => {
                Node::Entry(Owner { pid, tid: None }, entry_of(EntryKind::Threads))
            }
            Node::Entry(owner, _) => Node::Task(owner),
            Node::Descriptor { owner, info: false, .. } => {
                Node::Entry(owner, entry_of(EntryKind::Descriptors))
            }
            Node::Descriptor { owner, .. } => Node::Entry(owner, entry_of(EntryKind::DescriptorInfos)),
        }
    }

    /// The node's name in its directory.
    pub(crate) fn name(self) -> Vec<u8> {
        match self {
            Node::Fixed(entry) => FIXED[usize::from(entry)].name.into(),
            Node::Task(owner) => owner.thread().get().to_string().into(),
            Node::Entry(_, entry) => ENTRIES[usize::from(entry)].name.into(),
            Node::Descriptor { fd, .. } => fd.to_string().into(),
        }
    }
}

/// A decimal number as procfs writes it: no sign, no leading zero.
fn number(name: &[u8]) -> Option<u32> {
    let plain = name.iter().all(u8::is_ascii_digit) && (name == b"0" || name.first() != Some(&b'0'));
    plain.then(|| core::str::from_utf8(name).ok()?.parse().ok()).flatten()
}

fn process<'a>(view: &View<'a>, owner: Owner) -> Result<&'a Process> {
    let process = view.tasks.process(owner.pid).ok_or(Errno::ENOENT)?;
    match owner.tid {
        Some(tid) if !process.threads.contains(&tid) => Err(Errno::ENOENT),
        _ => Ok(process),
    }
}

/// Whether the one who looks may see a process's files and memory: its own user, or the privileged
/// (`ptrace(2)`, "Ptrace access mode checking").
fn check_inside(view: &View<'_>, process: &Process) -> Result<()> {
    let Some((pid, _)) = view.caller else { return Ok(()) };
    let caller = view.tasks.process(pid).ok_or(Errno::ESRCH)?;
    let creds = &caller.creds;
    let same = creds.fsuid == process.creds.uid && creds.fsuid == process.creds.euid;
    if pid == process.pid || same || creds.can(Capabilities::DAC_OVERRIDE) {
        Ok(())
    } else {
        Err(Errno::EACCES)
    }
}

impl Vfs {
    /// The process whose `/proc/PID` a directory is.
    pub(crate) fn process_directory(&self, at: Location) -> Option<Pid> {
        match self.fs_of(at) {
            Ok((_, FileSystem::Proc)) => match Node::of(at.node) {
                Ok(Node::Task(Owner { pid, tid: None })) => Some(pid),
                _ => None,
            },
            _ => None,
        }
    }

    /// The node of a name in a directory of procfs.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`; `EACCES` for another user's descriptors.
    pub(super) fn proc_lookup(&self, view: &View<'_>, dir: NodeKey, name: &[u8]) -> Result<NodeKey> {
        let dir = Node::of(dir)?;
        let found = match dir {
            Node::Fixed(parent) => {
                let fixed = FIXED.iter().enumerate().skip(1);
                let known = fixed
                    .into_iter()
                    .find(|(_, entry)| entry.parent == parent && entry.name.as_bytes() == name);
                match known {
                    Some((entry, _)) => Some(Node::Fixed(entry as u8)),
                    None if parent == 0 => {
                        let tid = number(name).and_then(Tid::new).ok_or(Errno::ENOENT)?;
                        // A thread's id leads to its process, though the listing shows only processes.
                        let pid = view.tasks.thread(tid).map_or(Pid(tid), |thread| thread.pid);
                        view.tasks
                            .process(pid)
                            .map(|process| Node::Task(Owner { pid: process.pid, tid: None }))
                    }
                    None => None,
                }
            }
            Node::Task(owner) => {
                process(view, owner)?;
                let mut entries = ENTRIES.iter().enumerate();
                let known = entries.find(|(_, entry)| entry.name.as_bytes() == name && entry.is_in(owner));
                known.map(|(entry, _)| Node::Entry(owner, entry as u8))
            }
            Node::Entry(owner, entry) => {
                let process = process(view, owner)?;
                match ENTRIES[usize::from(entry)].kind {
                    EntryKind::Threads => {
                        let tid = number(name).and_then(Tid::new);
                        let tid = tid.filter(|tid| process.threads.contains(tid));
                        tid.map(|tid| Node::Task(Owner { pid: owner.pid, tid: Some(tid) }))
                    }
                    EntryKind::Descriptors | EntryKind::DescriptorInfos => {
                        check_inside(view, process)?;
                        let fd = number(name).and_then(|fd| u16::try_from(fd).ok()).ok_or(Errno::ENOENT)?;
                        self.open_file_of(process, fd)?;
                        let info = ENTRIES[usize::from(entry)].kind == EntryKind::DescriptorInfos;
                        Some(Node::Descriptor { owner, fd, info })
                    }
                    EntryKind::Link(_) | EntryKind::Text(_) => return Err(Errno::ENOTDIR),
                }
            }
            Node::Descriptor { .. } => return Err(Errno::ENOTDIR),
        };
        found.map(Node::key).ok_or(Errno::ENOENT)
    }

    fn open_file_of(&self, process: &Process, fd: u16) -> Result<FileId> {
        let table = process.fd_table.ok_or(Errno::ENOENT)?;
        let fd = super::descriptors::Fd::new(fd.into())?;
        self.file_of(table, fd).map_err(|_| Errno::ENOENT)
    }

    /// Where a symbolic link of procfs leads.
    ///
    /// # Errors
    /// `EINVAL` for what is none; `ENOENT` when it leads nowhere; `EACCES` for another user's.
    pub(super) fn proc_link(&self, view: &View<'_>, link: NodeKey) -> Result<LinkTarget> {
        let text = |text: String| Ok(LinkTarget::Text(text.into_bytes()));
        match Node::of(link)? {
            Node::Fixed(entry) => match FIXED[usize::from(entry)].kind {
                FixedKind::OwnProcess => text(view.caller.ok_or(Errno::ENOENT)?.0.get().to_string()),
                FixedKind::OwnThread => {
                    let (pid, tid) = view.caller.ok_or(Errno::ENOENT)?;
                    text(format!("{}/task/{}", pid.get(), tid.get()))
                }
                FixedKind::Link(target) => text(target.to_owned()),
                _ => Err(Errno::EINVAL),
            },
            Node::Entry(owner, entry) => {
                let EntryKind::Link(which) = ENTRIES[usize::from(entry)].kind else {
                    return Err(Errno::EINVAL);
                };
                let process = process(view, owner)?;
                check_inside(view, process)?;
                let context = || self.context(process.fs_context.ok_or(Errno::ENOENT)?);
                match which {
                    Link::Cwd => Ok(LinkTarget::Node(context()?.cwd)),
                    Link::Root => Ok(LinkTarget::Node(context()?.root)),
                    Link::Exe => {
                        let file = process::program_of(view, process).ok_or(Errno::ENOENT)?;
                        Ok(LinkTarget::Node(self.file(file)?.at))
                    }
                }
            }
            Node::Descriptor { owner, fd, info: false } => {
                let process = process(view, owner)?;
                check_inside(view, process)?;
                let file = self.file(self.open_file_of(process, fd)?)?;
                match self.anonymous_name(&file.kind) {
                    Some(name) => text(name),
                    None => Ok(LinkTarget::Node(file.at)),
                }
            }
            _ => Err(Errno::EINVAL),
        }
    }

    fn anonymous_name(&self, kind: &FileKind) -> Option<String> {
        let name = match kind {
            FileKind::Counter(_) => "anon_inode:[eventfd]",
            FileKind::Timer(_) => "anon_inode:[timerfd]",
            FileKind::Signals(_) => "anon_inode:[signalfd]",
            FileKind::Inotify(_) => "anon_inode:inotify",
            FileKind::Epoll(_) => "anon_inode:[eventpoll]",
            FileKind::Process(_) => "anon_inode:[pidfd]",
            &FileKind::MessageQueue(queue) => return Some(self.message_queues.shown_name(queue)),
            _ => return None,
        };
        Some(name.to_owned())
    }

    /// The next entry of a directory of procfs at `position` or after; 0 and 1 are the dots.
    ///
    /// # Errors
    /// `ENOTDIR`; `ENOENT` when the process is gone; `EACCES` for another user's descriptors.
    pub(super) fn proc_next(
        &self,
        view: &View<'_>,
        dir: NodeKey,
        position: u64,
    ) -> Result<Option<Listed<'static>>> {
        /// Processes are listed after what the root has besides.
        const FIRST_PROCESS: u64 = 1 << 16;
        const DOTS: u64 = 2;
        let dir = Node::of(dir)?;
        let listed = |node: Node, next: u64| {
            Ok(Some(Listed { name: node.name().into(), ino: node.attr().ino, kind: node.kind(), next }))
        };
        if position < DOTS {
            let (name, node) = if position == 0 { (".", dir) } else { ("..", dir.parent()) };
            let ino = node.attr().ino;
            let name = name.as_bytes().into();
            return Ok(Some(Listed { name, ino, kind: FileType::Directory, next: position + 1 }));
        }
        let start = usize::try_from(position - DOTS).unwrap_or(usize::MAX);
        match dir {
            Node::Fixed(parent) => {
                let mut entries = FIXED.iter().enumerate().skip(start.max(1));
                if let Some((entry, _)) = entries.find(|(_, entry)| entry.parent == parent) {
                    return listed(Node::Fixed(entry as u8), entry as u64 + DOTS + 1);
                }
                if parent != 0 {
                    return Ok(None);
                }
                let from = position.saturating_sub(FIRST_PROCESS);
                // Number 0 is no process's.
                let before = u32::try_from(from.saturating_sub(1)).unwrap_or(u32::MAX);
                match view.tasks.next_process(before) {
                    Some(pid) => {
                        let next = FIRST_PROCESS + u64::from(pid.get()) + 1;
                        listed(Node::Task(Owner { pid, tid: None }), next)
                    }
                    None => Ok(None),
                }
            }
            Node::Task(owner) => {
                process(view, owner)?;
                let mut entries = ENTRIES.iter().enumerate().skip(start);
                match entries.find(|(_, entry)| entry.is_in(owner)) {
                    Some((entry, _)) => listed(Node::Entry(owner, entry as u8), entry as u64 + DOTS + 1),
                    None => Ok(None),
                }
            }
            Node::Entry(owner, entry) => {
                let process = process(view, owner)?;
                let kind = ENTRIES[usize::from(entry)].kind;
                match kind {
                    EntryKind::Threads => {
                        let from = u32::try_from(start).unwrap_or(u32::MAX);
                        match view.tasks.next_thread(process.pid, from) {
                            Some(tid) => {
                                let node = Node::Task(Owner { pid: owner.pid, tid: Some(tid) });
                                listed(node, u64::from(tid.get()) + DOTS + 1)
                            }
                            None => Ok(None),
                        }
                    }
                    EntryKind::Descriptors | EntryKind::DescriptorInfos => {
                        check_inside(view, process)?;
                        let Some(table) = process.fd_table else { return Ok(None) };
                        let from = u32::try_from(start).unwrap_or(u32::MAX);
                        let next = self.table(table)?.iter_from(from).next();
                        match next.and_then(|(fd, _)| u16::try_from(fd.get()).ok()) {
                            Some(fd) => {
                                let info = kind == EntryKind::DescriptorInfos;
                                listed(Node::Descriptor { owner, fd, info }, u64::from(fd) + DOTS + 1)
                            }
                            None => Ok(None),
                        }
                    }
                    EntryKind::Link(_) | EntryKind::Text(_) => Err(Errno::ENOTDIR),
                }
            }
            Node::Descriptor { .. } => Err(Errno::ENOTDIR),
        }
    }
}

/// What [`System::make_text`] came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TextState {
    /// It is all there, or what is read is.
    Ready,
    /// A part was made, which takes much of a step.
    Made,
    /// A part was made, and what is read comes later: in another step.
    Behind,
}

impl System {
    /// The node of procfs at a location, if it is there.
    pub(crate) fn proc_node(&self, at: Location) -> Option<Node> {
        match self.fs.fs_of(at) {
            Ok((_, super::dispatch::FileSystem::Proc)) => Node::of(at.node).ok(),
            _ => None,
        }
    }

    /// Attributes of any node, with the owners of processes' entries.
    ///
    /// # Errors
    /// `ENOENT` for a node that is gone.
    pub(crate) fn attr_of(&self, at: Location) -> Result<Attr> {
        let mut attr = self.fs.attr(at)?;
        if let Some(Node::Task(owner) | Node::Entry(owner, _) | Node::Descriptor { owner, .. }) =
            self.proc_node(at)
            && let Some(process) = self.tasks.process(owner.pid)
        {
            attr.uid = process.creds.euid;
            attr.gid = process.creds.egid;
        }
        Ok(attr)
    }

    /// Makes the text of an open file of procfs that is to be read at `position`: anew at its start, else the part that
    /// follows, if it is not all there.
    ///
    /// # Errors
    /// `ENOENT`, `ESRCH` when its process is gone.
    pub(crate) fn make_text(
        &mut self,
        file: FileId,
        position: u64,
        caller: Option<(Pid, Tid)>,
    ) -> Result<TextState> {
        let open = self.fs.file(file)?;
        let FileKind::Text(old) = &open.kind else { return Ok(TextState::Ready) };
        let from = match open.rest {
            _ if position == 0 => 0,
            Some(rest) if old.len() as u64 <= position => rest,
            _ => return Ok(TextState::Ready),
        };
        let at = open.at;
        let Some(node) = self.proc_node(at) else { return Ok(TextState::Ready) };
        let (part, rest) = match node {
            Node::Fixed(entry) => match FIXED[usize::from(entry)].kind {
                FixedKind::Text(make) => (make(self), None),
                FixedKind::Setting(setting) => ((setting.show)(self), None),
                FixedKind::Parts(make) => make(self, from),
                _ => return Ok(TextState::Ready),
            },
            Node::Entry(owner, entry) => {
                let EntryKind::Text(make) = ENTRIES[usize::from(entry)].kind else {
                    return Ok(TextState::Ready);
                };
                if self.tasks.process(owner.pid).is_none() {
                    return Err(Errno::ESRCH);
                }
                process::text(self, owner, caller, make, from)?
            }
            Node::Descriptor { owner, fd, .. } => (self.descriptor_info(owner, fd)?, None),
            Node::Task(_) => return Ok(TextState::Ready),
        };
        let open = self.fs.file_mut(file)?;
        open.rest = rest;
        let FileKind::Text(text) = &mut open.kind else { return Ok(TextState::Ready) };
        if position == 0 {
            text.clear();
        }
        text.extend_from_slice(&part);
        Ok(match rest {
            None => TextState::Ready,
            Some(_) if text.len() as u64 <= position => TextState::Behind,
            Some(_) => TextState::Made,
        })
    }

    /// What is written to a file of procfs, all at once.
    ///
    /// # Errors
    /// `EINVAL` for what the file does not take, or takes nothing at all.
    pub(crate) fn write_text(&mut self, file: FileId, caller: Pid, bytes: &[u8]) -> Result<()> {
        let at = self.fs.file(file)?.at;
        match self.proc_node(at) {
            Some(Node::Fixed(entry)) => match FIXED[usize::from(entry)].kind {
                FixedKind::Setting(setting) => (setting.set)(self, bytes),
                _ => Err(Errno::EINVAL),
            },
            Some(Node::Entry(owner, entry)) if ENTRIES[usize::from(entry)].name == "comm" => {
                // Only the process itself may rename its threads.
                if owner.pid != caller {
                    return Err(Errno::EINVAL);
                }
                let thread = self.tasks.thread_mut(owner.thread()).ok_or(Errno::ESRCH)?;
                let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
                thread.name = crate::task::Name::new(&bytes[..end]);
                Ok(())
            }
            _ => Err(Errno::EINVAL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_nodes_are_one_to_one() {
        let owner = |pid, tid| Owner { pid: Pid(Tid::new(pid).unwrap()), tid: Tid::new(tid) };
        let nodes = [
            Node::Fixed(0),
            Node::Fixed(3),
            Node::Task(owner(1, 0)),
            Node::Task(owner(32_768, 32_768)),
            Node::Entry(owner(7, 9), 2),
            Node::Descriptor { owner: owner(7, 0), fd: u16::MAX, info: false },
            Node::Descriptor { owner: owner(7, 8), fd: 0, info: true },
        ];
        for node in nodes {
            assert_eq!(Node::of(node.key()), Ok(node));
        }
        assert_eq!(Node::of(NodeKey(u64::MAX)), Err(Errno::ENOENT));
        assert_eq!(Node::of(NodeKey(1 << 56)), Err(Errno::ENOENT), "no process 0");
    }

    #[test]
    fn numbers_are_written_one_way() {
        assert_eq!(number(b"10"), Some(10));
        for wrong in [&b"010"[..], b"+1", b"-1", b"", b"1x", b"99999999999"] {
            assert_eq!(number(wrong), None);
        }
    }

    #[test]
    fn every_fixed_parent_is_a_directory_before_its_children() {
        for (index, entry) in FIXED.iter().enumerate() {
            let parent = usize::from(entry.parent);
            assert!(parent < index || index == 0);
            assert!(matches!(FIXED[parent].kind, FixedKind::Directory));
        }
    }
}
