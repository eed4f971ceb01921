//! From a tree in memory to the bytes of an index.

use std::collections::BTreeMap;
use std::collections::HashMap;

use super::{Device, FormatError, Meta, is_valid_name, limits};

/// One inode of a tree to be encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Mode, owner and time.
    pub meta: Meta,
    /// What it is.
    pub kind: NodeKind,
    /// Extended attributes, by full name (`user.comment`).
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What an inode is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A regular file: where its content starts in the layer file (a multiple of the page size; zero for an
    /// empty file) and its size in bytes.
    File {
        /// Offset in bytes from the start of the layer file.
        offset: u64,
        /// Size in bytes.
        size: u64,
    },
    /// A directory: names and the indices of what they name.
    Directory(BTreeMap<Vec<u8>, u32>),
    /// A symbolic link and its target.
    Symlink(Vec<u8>),
    /// A character device.
    CharDevice(Device),
    /// A block device.
    BlockDevice(Device),
    /// A named pipe.
    Fifo,
    /// A Unix socket's name.
    Socket,
}

/// Kind bytes of inode records.
pub(super) mod kind {
    pub(in super::super) const FILE: u8 = 1;
    pub(in super::super) const DIRECTORY: u8 = 2;
    pub(in super::super) const SYMLINK: u8 = 3;
    pub(in super::super) const CHAR_DEVICE: u8 = 4;
    pub(in super::super) const BLOCK_DEVICE: u8 = 5;
    pub(in super::super) const FIFO: u8 = 6;
    pub(in super::super) const SOCKET: u8 = 7;
}

/// Encodes a tree whose root is `nodes[0]`.
///
/// Only limits and single values are checked here; that the nodes form a tree is the caller's duty and is
/// checked by [`super::Index::decode`].
///
/// # Errors
/// [`FormatError::Limit`] if something does not fit, [`FormatError::Invalid`] for a bad name, target or time.
pub fn encode(nodes: &[Node]) -> Result<Vec<u8>, FormatError> {
    if nodes.len() > limits::MAX_RECORDS {
        return Err(FormatError::Limit("number of inodes"));
    }
    let mut writer = Writer::default();
    for node in nodes {
        writer.node(node)?;
    }
    let mut out = Vec::with_capacity(
        16 + writer.inodes.len() + writer.dirents.len() + writer.xattrs.len() + writer.pool.bytes.len(),
    );
    for count in [nodes.len(), writer.dirent_count, writer.xattr_count, writer.pool.bytes.len()] {
        out.extend_from_slice(&to_u32(count, "index size")?.to_le_bytes());
    }
    for part in [&writer.inodes, &writer.dirents, &writer.xattrs, &writer.pool.bytes] {
        out.extend_from_slice(part);
    }
    Ok(out)
}

#[derive(Default)]
struct Writer {
    inodes: Vec<u8>,
    dirents: Vec<u8>,
    dirent_count: usize,
    xattrs: Vec<u8>,
    xattr_count: usize,
    pool: Pool,
}

impl Writer {
    fn node(&mut self, node: &Node) -> Result<(), FormatError> {
        if node.meta.mode > 0o7777 {
            return Err(FormatError::Invalid("mode"));
        }
        if node.meta.mtime.nanoseconds >= 1_000_000_000 {
            return Err(FormatError::Invalid("time"));
        }
        let (kind, count, a, b) = match &node.kind {
            NodeKind::File { offset, size } => (kind::FILE, 0, *offset, *size),
            NodeKind::Directory(entries) => {
                self.entries(entries)?;
                (kind::DIRECTORY, to_u32(entries.len(), "entries in a directory")?, 0, 0)
            }
            NodeKind::Symlink(target) => {
                if target.is_empty() || target.contains(&0) {
                    return Err(FormatError::Invalid("symlink target"));
                }
                if target.len() > limits::MAX_SYMLINK_LEN {
                    return Err(FormatError::Limit("length of a symlink target"));
                }
                let offset = self.pool.add(target)?;
                (kind::SYMLINK, to_u32(target.len(), "length of a symlink target")?, u64::from(offset), 0)
            }
            NodeKind::CharDevice(device) => (kind::CHAR_DEVICE, 0, device.major.into(), device.minor.into()),
            NodeKind::BlockDevice(device) => {
                (kind::BLOCK_DEVICE, 0, device.major.into(), device.minor.into())
            }
            NodeKind::Fifo => (kind::FIFO, 0, 0, 0),
            NodeKind::Socket => (kind::SOCKET, 0, 0, 0),
        };
        self.attributes(&node.xattrs)?;
        let out = &mut self.inodes;
        out.extend_from_slice(&[kind, 0]);
        out.extend_from_slice(&node.meta.mode.to_le_bytes());
        out.extend_from_slice(&node.meta.uid.to_le_bytes());
        out.extend_from_slice(&node.meta.gid.to_le_bytes());
        out.extend_from_slice(&node.meta.mtime.nanoseconds.to_le_bytes());
        out.extend_from_slice(&node.meta.mtime.seconds.to_le_bytes());
        out.extend_from_slice(&to_u32(node.xattrs.len(), "extended attributes of an inode")?.to_le_bytes());
        out.extend_from_slice(&count.to_le_bytes());
        out.extend_from_slice(&a.to_le_bytes());
        out.extend_from_slice(&b.to_le_bytes());
        Ok(())
    }

    fn entries(&mut self, entries: &BTreeMap<Vec<u8>, u32>) -> Result<(), FormatError> {
        self.dirent_count += entries.len();
        if self.dirent_count > limits::MAX_RECORDS {
            return Err(FormatError::Limit("number of directory entries"));
        }
        for (name, inode) in entries {
            if !is_valid_name(name) {
                return Err(FormatError::Invalid("file name"));
            }
            let offset = self.pool.add(name)?;
            push_name(&mut self.dirents, offset, name)?;
            self.dirents.extend_from_slice(&inode.to_le_bytes());
        }
        Ok(())
    }

    fn attributes(&mut self, xattrs: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<(), FormatError> {
        self.xattr_count += xattrs.len();
        if self.xattr_count > limits::MAX_RECORDS {
            return Err(FormatError::Limit("number of extended attributes"));
        }
        for (name, value) in xattrs {
            if name.is_empty() || name.contains(&0) {
                return Err(FormatError::Invalid("name of an extended attribute"));
            }
            if name.len() > limits::MAX_XATTR_NAME_LEN || value.len() > limits::MAX_XATTR_VALUE_LEN {
                return Err(FormatError::Limit("length of an extended attribute"));
            }
            let name_offset = self.pool.add(name)?;
            let value_offset = self.pool.add(value)?;
            push_name(&mut self.xattrs, name_offset, name)?;
            self.xattrs.extend_from_slice(&value_offset.to_le_bytes());
            self.xattrs.extend_from_slice(&to_u32(value.len(), "extended attribute")?.to_le_bytes());
        }
        Ok(())
    }
}

/// Names, targets and values, each stored once: `__init__.py` or `copyright` occur thousands of times.
#[derive(Default)]
struct Pool {
    bytes: Vec<u8>,
    known: HashMap<Vec<u8>, u32>,
}

impl Pool {
    fn add(&mut self, value: &[u8]) -> Result<u32, FormatError> {
        if let Some(&offset) = self.known.get(value) {
            return Ok(offset);
        }
        let offset = to_u32(self.bytes.len(), "size of all names")?;
        self.bytes.extend_from_slice(value);
        to_u32(self.bytes.len(), "size of all names")?;
        self.known.insert(value.to_vec(), offset);
        Ok(offset)
    }
}

fn push_name(out: &mut Vec<u8>, offset: u32, name: &[u8]) -> Result<(), FormatError> {
    let len = u16::try_from(name.len()).map_err(|_| FormatError::Limit("length of a name"))?;
    out.extend_from_slice(&offset.to_le_bytes());
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    Ok(())
}

fn to_u32(value: usize, what: &'static str) -> Result<u32, FormatError> {
    u32::try_from(value).map_err(|_| FormatError::Limit(what))
}
