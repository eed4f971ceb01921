//! What procfs consists of: nodes, and the keys that stand for them.
//!
//! A key says which process and which entry it is; nothing else is kept of a node. What is in a directory is
//! [`list`](super::list)'s, what a file says [`text`](super::text)'s.

use super::fixed::{FIXED, FixedKind};
use super::process::{ENTRIES, EntryKind, NAMESPACES};
use crate::addr::PAGE_SIZE;
use crate::errno::{Errno, Result};
use crate::fs::node::{Attr, FileType, NodeKey};
use crate::task::{Pid, Tid};

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
    /// A link in `map_files`, by the number of the area's first page.
    MapFile { pid: Pid, page: u64 },
    /// A link in `ns`, by its place in [`NAMESPACES`].
    NamespaceLink(Owner, u8),
    /// What such a link leads to.
    Namespace(u8),
    /// An entry of [`FIXED`] that is seen in `net` of a process.
    Net(Owner, u8),
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

    /// The same process as a whole.
    pub(super) fn whole(self) -> Owner {
        Owner { tid: None, ..self }
    }
}

/// Bits of an id: [`PID_MAX`](crate::limits::PID_MAX) fits.
const ID_BITS: u32 = 16;
/// Bits of a page's number: those of user space's addresses, and some.
const PAGE_BITS: u32 = 40;

impl Node {
    /// The node's key: tag, entry, process, thread and descriptor, eight, eight and three times sixteen bits; of a
    /// mapped file tag, process and page, eight, sixteen and forty.
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
            Node::MapFile { pid, page } => {
                NodeKey(4 << 56 | u64::from(pid.get()) << PAGE_BITS | page & ((1 << PAGE_BITS) - 1))
            }
            Node::NamespaceLink(owner, which) => pack(5, which, Some(owner), 0),
            Node::Namespace(which) => pack(6, which, None, 0),
            Node::Net(owner, entry) => pack(7, entry, Some(owner), 0),
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
        let namespace = || NAMESPACES.get(usize::from(entry)).map(|_| entry);
        let node = match key.0 >> 56 {
            0 => FIXED.get(usize::from(entry)).map(|_| Node::Fixed(entry)),
            1 => owner().map(Node::Task),
            2 => ENTRIES.get(usize::from(entry)).and_then(|_| Some(Node::Entry(owner()?, entry))),
            3 => owner().map(|owner| Node::Descriptor { owner, fd: key.0 as u16, info: entry != 0 }),
            4 => {
                id(PAGE_BITS).map(|pid| Node::MapFile { pid: Pid(pid), page: key.0 & ((1 << PAGE_BITS) - 1) })
            }
            5 => owner().and_then(|owner| Some(Node::NamespaceLink(owner, namespace()?))),
            6 => namespace().map(Node::Namespace),
            7 => owner().and_then(|owner| FIXED.get(usize::from(entry)).map(|_| Node::Net(owner, entry))),
            _ => None,
        };
        node.ok_or(Errno::ENOENT)
    }

    /// Whose it is, if it is a process's.
    pub(crate) fn owner(self) -> Option<Owner> {
        match self {
            Node::Task(owner)
            | Node::Entry(owner, _)
            | Node::Descriptor { owner, .. }
            | Node::NamespaceLink(owner, _)
            | Node::Net(owner, _) => Some(owner),
            Node::MapFile { pid, .. } => Some(Owner { pid, tid: None }),
            Node::Fixed(_) | Node::Namespace(_) => None,
        }
    }

    /// The node's type.
    pub(crate) fn kind(self) -> FileType {
        match self {
            Node::Fixed(entry) | Node::Net(_, entry) => match FIXED[usize::from(entry)].kind {
                FixedKind::Directory => FileType::Directory,
                FixedKind::Text(_)
                | FixedKind::Parts(_)
                | FixedKind::Setting(_)
                | FixedKind::Number { .. } => FileType::Regular,
                FixedKind::OwnProcess | FixedKind::OwnThread | FixedKind::Link(_) => FileType::Symlink,
            },
            Node::Task(_) => FileType::Directory,
            Node::Entry(_, entry) => match ENTRIES[usize::from(entry)].kind {
                EntryKind::Descriptors
                | EntryKind::DescriptorInfos
                | EntryKind::Threads
                | EntryKind::MapFiles
                | EntryKind::Namespaces
                | EntryKind::Net => FileType::Directory,
                EntryKind::Link(_) => FileType::Symlink,
                EntryKind::Text(_) | EntryKind::Memory(_) => FileType::Regular,
            },
            Node::Descriptor { info: false, .. } | Node::MapFile { .. } | Node::NamespaceLink(..) => {
                FileType::Symlink
            }
            Node::Descriptor { info: true, .. } | Node::Namespace(_) => FileType::Regular,
        }
    }

    /// The node's attributes; owners and times are filled in by those who know the processes.
    pub(crate) fn attr(self) -> Attr {
        /// What `st_size` of a link to an open file is (`tid_fd_revalidate`'s neighbours in Linux).
        const LINK_SIZE: u64 = 64;
        let (perm, size) = match self {
            Node::Fixed(entry) | Node::Net(_, entry) => (FIXED[usize::from(entry)].perm, 0),
            Node::Task(_) => (0o555, 0),
            Node::Entry(_, entry) => (ENTRIES[usize::from(entry)].perm, 0),
            Node::Descriptor { info: true, .. } | Node::Namespace(_) => (0o444, 0),
            Node::Descriptor { info: false, .. } | Node::MapFile { .. } => (0o700, LINK_SIZE),
            Node::NamespaceLink(..) => (0o777, 0),
        };
        let ino = match self {
            Node::Namespace(which) => NAMESPACES[usize::from(which)].ino,
            // Numbers as unique as keys; zero would read as 'no inode'.
            _ => self.key().0 + 1,
        };
        Attr { size, ..Attr::synthetic(ino, self.kind(), perm) }
    }

    /// The directory above, inside procfs.
    pub(crate) fn parent(self) -> Node {
        let root = Node::Fixed(0);
        let entry_of =
            |kind: EntryKind| ENTRIES.iter().position(|entry| entry.kind == kind).unwrap_or(0) as u8;
        let within = |owner: Owner, kind| Node::Entry(owner, entry_of(kind));
        match self {
            Node::Fixed(entry) => Node::Fixed(FIXED[usize::from(entry)].parent),
            Node::Task(Owner { tid: None, .. }) | Node::Namespace(_) => root,
            Node::Task(owner) => within(owner.whole(), EntryKind::Threads),
            Node::Entry(owner, _) => Node::Task(owner),
            Node::Descriptor { owner, info: false, .. } => within(owner, EntryKind::Descriptors),
            Node::Descriptor { owner, .. } => within(owner, EntryKind::DescriptorInfos),
            Node::MapFile { pid, .. } => within(Owner { pid, tid: None }, EntryKind::MapFiles),
            Node::NamespaceLink(owner, _) => within(owner, EntryKind::Namespaces),
            Node::Net(owner, _) => within(owner, EntryKind::Net),
        }
    }

    /// The node's name in its directory. A mapped file's has its area's end, too, which only its process knows.
    pub(crate) fn name(self) -> Vec<u8> {
        match self {
            Node::Fixed(entry) | Node::Net(_, entry) => FIXED[usize::from(entry)].name.into(),
            Node::Task(owner) => owner.thread().get().to_string().into(),
            Node::Entry(_, entry) => ENTRIES[usize::from(entry)].name.into(),
            Node::Descriptor { fd, .. } => fd.to_string().into(),
            Node::MapFile { page, .. } => format!("{:x}", page * PAGE_SIZE).into(),
            Node::NamespaceLink(_, which) => NAMESPACES[usize::from(which)].name.into(),
            Node::Namespace(which) => NAMESPACES[usize::from(which)].shown().into(),
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
            Node::MapFile { pid: owner(32_768, 0).pid, page: 0x7f_ffff_ffff },
            Node::NamespaceLink(owner(7, 9), 1),
            Node::Namespace(1),
            Node::Net(owner(7, 0), 5),
        ];
        for node in nodes {
            assert_eq!(Node::of(node.key()), Ok(node));
        }
        assert_eq!(Node::of(NodeKey(u64::MAX)), Err(Errno::ENOENT));
        assert_eq!(Node::of(NodeKey(1 << 56)), Err(Errno::ENOENT), "no process 0");
    }
}
