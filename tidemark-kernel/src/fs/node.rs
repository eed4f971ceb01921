//! What every node of every file system has: its type, its attributes, its name among file systems.
//!
//! Owns the vocabulary; the nodes themselves belong to their file systems.

use std::borrow::Cow;

use super::layer::format::{Device, Timestamp};

/// A file system, by its place in the kernel's table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FsId(pub u32);

/// A mount, by its place in the mount table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MountId(pub u32);

/// A node inside its file system. Not what `st_ino` shows: see [`Attr::ino`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeKey(pub u64);

/// A node as reached through a mount: what a path leads to (`struct path` in Linux).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Location {
    /// The mount it is seen through.
    pub mount: MountId,
    /// The node in that mount's file system.
    pub node: NodeKey,
}

/// File types, `S_IFMT` of `inode(7)`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FileType {
    /// `S_IFIFO`
    Fifo,
    /// `S_IFCHR`
    Char,
    /// `S_IFDIR`
    Directory,
    /// `S_IFBLK`
    Block,
    /// `S_IFREG`
    Regular,
    /// `S_IFLNK`
    Symlink,
    /// `S_IFSOCK`
    Socket,
    /// No type at all: the inode behind eventfd, epoll and their like.
    Anonymous,
}

impl FileType {
    /// The type's bits in `st_mode`.
    pub const fn mode_bits(self) -> u32 {
        match self {
            FileType::Fifo => 0o010_000,
            FileType::Char => 0o020_000,
            FileType::Directory => 0o040_000,
            FileType::Block => 0o060_000,
            FileType::Regular => 0o100_000,
            FileType::Symlink => 0o120_000,
            FileType::Socket => 0o140_000,
            FileType::Anonymous => 0,
        }
    }

    /// The type in a mode; `None` for bits that name none, zero included.
    pub const fn from_mode(mode: u32) -> Option<FileType> {
        Some(match mode & 0o170_000 {
            0o010_000 => FileType::Fifo,
            0o020_000 => FileType::Char,
            0o040_000 => FileType::Directory,
            0o060_000 => FileType::Block,
            0o100_000 => FileType::Regular,
            0o120_000 => FileType::Symlink,
            0o140_000 => FileType::Socket,
            _ => return None,
        })
    }

    /// `d_type` of `getdents64(2)`.
    pub const fn dirent_type(self) -> u8 {
        (self.mode_bits() >> 12) as u8
    }
}

/// What `stat(2)` tells of a node.
#[derive(Clone, Debug)]
pub struct Attr {
    /// `st_ino`
    pub ino: u64,
    /// The type.
    pub kind: FileType,
    /// Permission, set-id and sticky bits, `0o7777`.
    pub perm: u16,
    /// Link count.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// What a device node stands for; zero for others.
    pub rdev: Device,
    /// Size in bytes.
    pub size: u64,
    /// Memory it takes, in bytes.
    pub allocated: u64,
    /// Last access.
    pub atime: Timestamp,
    /// Last modification of the content.
    pub mtime: Timestamp,
    /// Last change of attributes.
    pub ctime: Timestamp,
    /// Creation.
    pub btime: Timestamp,
}

impl Attr {
    /// `st_mode`.
    pub fn mode(&self) -> u32 {
        self.kind.mode_bits() | u32::from(self.perm)
    }

    /// Attributes of a node that a kernel file system makes up: owned by root, no size, times zero.
    pub fn synthetic(ino: u64, kind: FileType, perm: u16) -> Attr {
        let zero = Timestamp::default();
        Attr {
            ino,
            kind,
            perm,
            nlink: if kind == FileType::Directory { 2 } else { 1 },
            uid: 0,
            gid: 0,
            rdev: Device { major: 0, minor: 0 },
            size: 0,
            allocated: 0,
            atime: zero,
            mtime: zero,
            ctime: zero,
            btime: zero,
        }
    }
}

/// What a new node is to be.
#[derive(Clone, Debug)]
pub enum NewNode<'a> {
    /// An empty file.
    File,
    /// An empty directory.
    Directory,
    /// A symbolic link with this target.
    Symlink(&'a [u8]),
    /// A character device.
    Char(Device),
    /// A block device.
    Block(Device),
    /// A named pipe.
    Fifo,
    /// A Unix socket's name.
    Socket,
}

/// Owner, permissions and birth of a new node.
#[derive(Clone, Copy, Debug)]
pub struct Birth {
    /// `0o7777` bits, the umask already applied.
    pub perm: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Now.
    pub time: Timestamp,
}

/// One entry that a directory lists.
#[derive(Clone, Debug)]
pub struct Listed<'a> {
    /// Its name.
    pub name: Cow<'a, [u8]>,
    /// `d_ino`
    pub ino: u64,
    /// Its type.
    pub kind: FileType,
    /// Where to go on after it (`d_off`).
    pub next: u64,
}

/// A moment of `CLOCK_REALTIME` as a timestamp.
pub fn timestamp(realtime: crate::time::Nanos) -> Timestamp {
    use crate::time::NANOS_PER_SECOND;
    Timestamp {
        seconds: i64::try_from(realtime / NANOS_PER_SECOND).unwrap_or(i64::MAX),
        nanoseconds: (realtime % NANOS_PER_SECOND) as u32,
    }
}
