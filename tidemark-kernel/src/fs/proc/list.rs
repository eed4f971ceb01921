//! The directories and links of procfs: look-up, listing, and where links lead.

use super::fixed::{FIXED, FixedKind, NET};
use super::process::{self, ENTRIES, EntryKind, Link, NAMESPACES};
use super::{Node, Owner};
use crate::addr::PAGE_SIZE;
use crate::errno::{Errno, Result};
use crate::fs::descriptors::Fd;
use crate::fs::file::FileKind;
use crate::fs::node::{FileType, Listed, NodeKey};
use crate::fs::view::View;
use crate::fs::{FileId, LinkTarget, Vfs};
use crate::mem::area::{Area, Backing};
use crate::task::{Pid, Process, Tid};

/// A decimal number as procfs writes it: no sign, no leading zero.
fn number(name: &[u8]) -> Option<u32> {
    let plain = name.iter().all(u8::is_ascii_digit) && (name == b"0" || name.first() != Some(&b'0'));
    plain.then(|| core::str::from_utf8(name).ok()?.parse().ok()).flatten()
}

/// Start and end of an area as `map_files` names it.
fn area_range(name: &[u8]) -> Option<(u64, u64)> {
    let (start, end) = core::str::from_utf8(name).ok()?.split_once('-')?;
    let value = |text: &str| u64::from_str_radix(text, 16).ok().filter(|value| format!("{value:x}") == text);
    Some((value(start)?, value(end)?))
}

fn map_file_name(area: &Area) -> Vec<u8> {
    format!("{:x}-{:x}", area.start, area.end).into_bytes()
}

/// The process that an entry is of.
///
/// # Errors
/// `ENOENT` when it, or the thread, is gone.
pub(super) fn process<'a>(view: &View<'a>, owner: Owner) -> Result<&'a Process> {
    let process = view.tasks.process(owner.pid).ok_or(Errno::ENOENT)?;
    match owner.tid {
        Some(tid) if !process.threads.contains(&tid) => Err(Errno::ENOENT),
        _ => Ok(process),
    }
}

/// The first area at or after an address that shows a file, and the file.
fn mapped_file<'a>(view: &View<'a>, process: &Process, from: u64) -> Option<(&'a Area, FileId)> {
    let areas = view.spaces.get(process.space)?.areas();
    areas.overlapping(from..u64::MAX).find_map(|area| match area.backing {
        Backing::File { file, .. } if area.start >= from => Some((area, file)),
        _ => None,
    })
}

impl Vfs {
    /// The node of a name in a directory of procfs.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`; `EACCES` for another user's descriptors and mappings.
    pub(in crate::fs) fn proc_lookup(&self, view: &View<'_>, dir: NodeKey, name: &[u8]) -> Result<NodeKey> {
        let dir = Node::of(dir)?;
        let found = match dir {
            Node::Fixed(parent) => match fixed_in(parent, name) {
                Some(entry) => Some(Node::Fixed(entry)),
                None if parent == 0 => {
                    let tid = number(name).and_then(Tid::new).ok_or(Errno::ENOENT)?;
                    // A thread's id leads to its process, though the listing shows only processes.
                    let pid = view.tasks.thread(tid).map_or(Pid(tid), |thread| thread.pid);
                    let process = view.tasks.process(pid);
                    process.map(|process| Node::Task(Owner { pid: process.pid, tid: None }))
                }
                None => None,
            },
            Node::Task(owner) => {
                process(view, owner)?;
                let mut entries = ENTRIES.iter().enumerate();
                let known = entries.find(|(_, entry)| entry.name.as_bytes() == name && entry.is_in(owner));
                known.map(|(entry, _)| Node::Entry(owner, entry as u8))
            }
            Node::Entry(owner, entry) => {
                let process = process(view, owner)?;
                self.lookup_in_entry(view, process, owner, ENTRIES[usize::from(entry)].kind, name)?
            }
            _ => return Err(Errno::ENOTDIR),
        };
        found.map(Node::key).ok_or(Errno::ENOENT)
    }

    fn lookup_in_entry(
        &self,
        view: &View<'_>,
        process: &Process,
        owner: Owner,
        dir: EntryKind,
        name: &[u8],
    ) -> Result<Option<Node>> {
        Ok(match dir {
            EntryKind::Threads => {
                let tid = number(name).and_then(Tid::new);
                let tid = tid.filter(|tid| process.threads.contains(tid));
                tid.map(|tid| Node::Task(Owner { pid: owner.pid, tid: Some(tid) }))
            }
            EntryKind::Descriptors | EntryKind::DescriptorInfos => {
                super::check_inside(view, process)?;
                let fd = number(name).and_then(|fd| u16::try_from(fd).ok()).ok_or(Errno::ENOENT)?;
                self.open_file_of(process, fd)?;
                Some(Node::Descriptor { owner, fd, info: dir == EntryKind::DescriptorInfos })
            }
            EntryKind::MapFiles => {
                super::check_inside(view, process)?;
                let (start, end) = area_range(name).ok_or(Errno::ENOENT)?;
                let found = mapped_file(view, process, start);
                found
                    .filter(|(area, _)| (area.start, area.end) == (start, end))
                    .map(|_| Node::MapFile { pid: owner.pid, page: start / PAGE_SIZE })
            }
            EntryKind::Namespaces => {
                super::check_inside(view, process)?;
                let place = NAMESPACES.iter().position(|namespace| namespace.name.as_bytes() == name);
                place.map(|which| Node::NamespaceLink(owner, which as u8))
            }
            EntryKind::Net => fixed_in(NET, name).map(|entry| Node::Net(owner, entry)),
            EntryKind::Link(_) | EntryKind::Text(_) | EntryKind::Memory(_) => return Err(Errno::ENOTDIR),
        })
    }

    fn open_file_of(&self, process: &Process, fd: u16) -> Result<FileId> {
        let table = process.fd_table.ok_or(Errno::ENOENT)?;
        self.file_of(table, Fd::new(fd.into())?).map_err(|_| Errno::ENOENT)
    }

    /// Permissions of the link to an open file: what it was opened for.
    pub(super) fn descriptor_perm(&self, process: &Process, fd: u16) -> Option<u16> {
        let file = self.file(self.open_file_of(process, fd).ok()?).ok()?;
        let (reads, writes) = match file.kind {
            FileKind::Path => (false, false),
            _ => (file.readable, file.writable),
        };
        let right = |has: bool, perm| if has { perm } else { 0 };
        Some(right(reads, 0o500) | right(writes, 0o300))
    }

    /// Where a symbolic link of procfs leads.
    ///
    /// # Errors
    /// `EINVAL` for what is none; `ENOENT` when it leads nowhere; `EACCES` for another user's.
    pub(in crate::fs) fn proc_link(&self, view: &View<'_>, link: NodeKey) -> Result<LinkTarget> {
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
                super::check_inside(view, process)?;
                self.process_link(view, process, which)
            }
            Node::Descriptor { owner, fd, info: false } => {
                let process = process(view, owner)?;
                super::check_inside(view, process)?;
                let file = self.file(self.open_file_of(process, fd)?)?;
                match self.anonymous_name(&file.kind) {
                    Some(name) => text(name),
                    None => Ok(LinkTarget::Node(file.at)),
                }
            }
            Node::MapFile { pid, page } => {
                let process = process(view, Owner { pid, tid: None })?;
                super::check_inside(view, process)?;
                let found = mapped_file(view, process, page * PAGE_SIZE);
                let (_, file) =
                    found.filter(|(area, _)| area.start == page * PAGE_SIZE).ok_or(Errno::ENOENT)?;
                Ok(LinkTarget::Node(self.file(file)?.at))
            }
            Node::NamespaceLink(owner, which) => {
                super::check_inside(view, process(view, owner)?)?;
                Ok(LinkTarget::Node(self.proc_location(Node::Namespace(which))))
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

    fn process_link(&self, view: &View<'_>, process: &Process, which: Link) -> Result<LinkTarget> {
        // The first process is the kernel's own, at home in the root.
        let is_kernels = process.parent.is_none() && process.fs_context.is_none();
        let context = || self.context(process.fs_context.ok_or(Errno::ENOENT)?);
        match which {
            Link::Cwd | Link::Root if is_kernels => Ok(LinkTarget::Node(self.root())),
            Link::Cwd => Ok(LinkTarget::Node(context()?.cwd)),
            Link::Root => Ok(LinkTarget::Node(context()?.root)),
            Link::Exe => {
                let file = process::program_of(view, process).ok_or(Errno::ENOENT)?;
                Ok(LinkTarget::Node(self.file(file)?.at))
            }
        }
    }

    /// The next entry of a directory of procfs at `position` or after; 0 and 1 are the dots.
    ///
    /// # Errors
    /// `ENOTDIR`; `ENOENT` when the process is gone; `EACCES` for another user's descriptors.
    pub(in crate::fs) fn proc_next(
        &self,
        view: &View<'_>,
        dir: NodeKey,
        position: u64,
    ) -> Result<Option<Listed<'static>>> {
        /// Processes are listed after what the root has besides.
        const FIRST_PROCESS: u64 = 1 << 16;
        let dir = Node::of(dir)?;
        if position < DOTS {
            let (name, node) = if position == 0 { (".", dir) } else { ("..", dir.parent()) };
            let ino = node.attr().ino;
            let name = name.as_bytes().into();
            return Ok(Some(Listed { name, ino, kind: FileType::Directory, next: position + 1 }));
        }
        let start = usize::try_from(position - DOTS).unwrap_or(usize::MAX);
        match dir {
            Node::Fixed(parent) => {
                if let Some(entry) = next_fixed(parent, start) {
                    return Ok(listed(Node::Fixed(entry), u64::from(entry) + DOTS + 1));
                }
                if parent != 0 {
                    return Ok(None);
                }
                let from = position.saturating_sub(FIRST_PROCESS);
                // Number 0 is no process's.
                let before = u32::try_from(from.saturating_sub(1)).unwrap_or(u32::MAX);
                let Some(pid) = view.tasks.next_process(before) else { return Ok(None) };
                let next = FIRST_PROCESS + u64::from(pid.get()) + 1;
                Ok(listed(Node::Task(Owner { pid, tid: None }), next))
            }
            Node::Task(owner) => {
                process(view, owner)?;
                let mut entries = ENTRIES.iter().enumerate().skip(start);
                let next = entries.find(|(_, entry)| entry.is_in(owner));
                Ok(next
                    .and_then(|(entry, _)| listed(Node::Entry(owner, entry as u8), entry as u64 + DOTS + 1)))
            }
            Node::Entry(owner, entry) => {
                let process = process(view, owner)?;
                self.next_in_entry(view, process, owner, ENTRIES[usize::from(entry)].kind, start)
            }
            _ => Err(Errno::ENOTDIR),
        }
    }

    fn next_in_entry(
        &self,
        view: &View<'_>,
        process: &Process,
        owner: Owner,
        dir: EntryKind,
        start: usize,
    ) -> Result<Option<Listed<'static>>> {
        let from = u32::try_from(start).unwrap_or(u32::MAX);
        Ok(match dir {
            EntryKind::Threads => view.tasks.next_thread(process.pid, from).and_then(|tid| {
                let node = Node::Task(Owner { pid: owner.pid, tid: Some(tid) });
                listed(node, u64::from(tid.get()) + DOTS + 1)
            }),
            EntryKind::Descriptors | EntryKind::DescriptorInfos => {
                super::check_inside(view, process)?;
                let Some(table) = process.fd_table else { return Ok(None) };
                let next = self.table(table)?.iter_from(from).next();
                next.and_then(|(fd, _)| u16::try_from(fd.get()).ok()).and_then(|fd| {
                    let info = dir == EntryKind::DescriptorInfos;
                    listed(Node::Descriptor { owner, fd, info }, u64::from(fd) + DOTS + 1)
                })
            }
            EntryKind::MapFiles => {
                super::check_inside(view, process)?;
                mapped_file(view, process, (start as u64).saturating_mul(PAGE_SIZE)).map(|(area, _)| {
                    let page = area.start / PAGE_SIZE;
                    let node = Node::MapFile { pid: owner.pid, page };
                    let name = map_file_name(area).into();
                    Listed { name, ino: node.attr().ino, kind: node.kind(), next: page + DOTS + 1 }
                })
            }
            EntryKind::Namespaces => {
                super::check_inside(view, process)?;
                let which = NAMESPACES.get(start).map(|_| start as u8);
                which.and_then(|which| listed(Node::NamespaceLink(owner, which), u64::from(which) + DOTS + 1))
            }
            EntryKind::Net => next_fixed(NET, start)
                .and_then(|entry| listed(Node::Net(owner, entry), u64::from(entry) + DOTS + 1)),
            EntryKind::Link(_) | EntryKind::Text(_) | EntryKind::Memory(_) => return Err(Errno::ENOTDIR),
        })
    }
}

/// Positions that stand for the dots.
const DOTS: u64 = 2;

fn listed(node: Node, next: u64) -> Option<Listed<'static>> {
    Some(Listed { name: node.name().into(), ino: node.attr().ino, kind: node.kind(), next })
}

/// The entry of a name in a fixed directory.
fn fixed_in(parent: u8, name: &[u8]) -> Option<u8> {
    let mut entries = FIXED.iter().enumerate().skip(1);
    let known = entries.find(|(_, entry)| entry.parent == parent && entry.name.as_bytes() == name);
    known.map(|(entry, _)| entry as u8)
}

/// The first entry of a fixed directory at this place of the table or after.
fn next_fixed(parent: u8, start: usize) -> Option<u8> {
    let mut entries = FIXED.iter().enumerate().skip(start.max(1));
    entries.find(|(_, entry)| entry.parent == parent).map(|(entry, _)| entry as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_one_way() {
        assert_eq!(number(b"10"), Some(10));
        for wrong in [&b"010"[..], b"+1", b"-1", b"", b"1x", b"99999999999"] {
            assert_eq!(number(wrong), None);
        }
        assert_eq!(area_range(b"1000-2f000"), Some((0x1000, 0x2f000)));
        for wrong in [&b"01000-2000"[..], b"1000", b"1000-", b"1000-2000-3000", b"0x1-2", b"+1-2"] {
            assert_eq!(area_range(wrong), None);
        }
    }
}
