//! From the bytes of an index to a tree that is known to be one.

use std::ops::Range;

use super::encode::kind;
use super::{Device, FormatError, Meta, PAGE_SIZE, Timestamp, is_valid_name, limits};

/// A decoded and validated index. Inodes are numbered from 0, the root; numbers stand for hard links' shared
/// inodes, so that a guest can see them as `st_ino`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    inodes: Vec<Inode>,
    dirents: Vec<Dirent>,
    xattrs: Vec<Xattr>,
    pool: Vec<u8>,
}

/// One inode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inode {
    /// Mode, owner and time.
    pub meta: Meta,
    /// What it is.
    pub kind: InodeKind,
    /// Link count as `st_nlink`: names of a file; 2 plus the number of subdirectories for a directory.
    pub nlink: u32,
    /// A directory's part of the entry table, or a symlink's target in the pool; empty for other kinds.
    span: Range<u32>,
    xattrs: Range<u32>,
}

/// What an inode is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InodeKind {
    /// A regular file.
    File {
        /// Where its content starts in the layer file: a multiple of the page size. Zero if it is empty.
        offset: u64,
        /// Its size in bytes. `offset..offset + size` lies within the layer's contents.
        size: u64,
    },
    /// A directory; its entries are [`Index::entries`].
    Directory {
        /// The directory that it is in; the root's is the root.
        parent: u32,
    },
    /// A symbolic link; its target is [`Index::symlink_target`].
    Symlink,
    /// A character device.
    CharDevice(Device),
    /// A block device.
    BlockDevice(Device),
    /// A named pipe.
    Fifo,
    /// A Unix socket's name, with nobody listening.
    Socket,
}

/// One name in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirEntry<'a> {
    /// The name: no `/`, no NUL, neither `.` nor `..`.
    pub name: &'a [u8],
    /// The inode that it names.
    pub inode: u32,
}

/// A slice of the name pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PoolRef {
    offset: u32,
    len: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Dirent {
    name: PoolRef,
    inode: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Xattr {
    name: PoolRef,
    value: PoolRef,
}

/// The root directory's number.
const ROOT: u32 = 0;
const INODE_LEN: usize = 48;
const DIRENT_LEN: usize = 12;
const XATTR_LEN: usize = 16;

impl Index {
    /// Decodes an index whose file contents lie between the first page and `contents_end` (the index's own
    /// offset), both in bytes from the start of the layer file.
    ///
    /// # Errors
    /// [`FormatError::Truncated`] or [`FormatError::Invalid`]. No input makes it panic; it allocates in
    /// proportion to the length of `bytes` and needs no recursion.
    pub fn decode(bytes: &[u8], contents_end: u64) -> Result<Self, FormatError> {
        let mut reader = Reader { bytes };
        let [inode_count, dirent_count, xattr_count, pool_len] =
            [reader.u32()?, reader.u32()?, reader.u32()?, reader.u32()?];
        let mut inode_records = Reader { bytes: reader.records(inode_count, INODE_LEN)? };
        let mut dirent_records = Reader { bytes: reader.records(dirent_count, DIRENT_LEN)? };
        let mut xattr_records = Reader { bytes: reader.records(xattr_count, XATTR_LEN)? };
        let pool = reader.records(pool_len, 1)?;
        if !reader.bytes.is_empty() {
            return Err(FormatError::Invalid("bytes after the index"));
        }

        let mut decoder = Decoder { pool, contents_end, next_dirent: 0, next_xattr: 0 };
        let mut index = Self {
            inodes: (0..inode_count).map(|_| decoder.inode(&mut inode_records)).collect::<Result<_, _>>()?,
            dirents: (0..dirent_count)
                .map(|_| decoder.dirent(&mut dirent_records, inode_count))
                .collect::<Result<_, _>>()?,
            xattrs: (0..xattr_count).map(|_| decoder.xattr(&mut xattr_records)).collect::<Result<_, _>>()?,
            pool: pool.to_vec(),
        };
        if decoder.next_dirent != dirent_count || decoder.next_xattr != xattr_count {
            return Err(FormatError::Invalid("records that belong to no inode"));
        }
        index.check_order()?;
        index.check_tree()?;
        Ok(index)
    }

    /// The root directory's number.
    pub fn root(&self) -> u32 {
        ROOT
    }

    /// How many inodes there are; their numbers are below it.
    pub fn len(&self) -> usize {
        self.inodes.len()
    }

    /// Always false: an index has at least its root. Present because [`Index::len`] is.
    pub fn is_empty(&self) -> bool {
        self.inodes.is_empty()
    }

    /// The inode with this number, if there is one.
    pub fn inode(&self, number: u32) -> Option<&Inode> {
        self.inodes.get(usize::try_from(number).ok()?)
    }

    /// Looks `name` up in a directory. `None` if there is no such name, or `directory` is not a directory.
    pub fn lookup(&self, directory: u32, name: &[u8]) -> Option<u32> {
        let entries = self.dirents_of(directory);
        let at = entries.binary_search_by(|entry| self.pooled(entry.name).cmp(name)).ok()?;
        entries.get(at).map(|entry| entry.inode)
    }

    /// How many names a directory has, without `.` and `..`; 0 for what is not a directory.
    pub fn entry_count(&self, directory: u32) -> usize {
        self.dirents_of(directory).len()
    }

    /// A directory's names in bytewise order, from position `start` on; nothing for what is not a directory.
    pub fn entries(&self, directory: u32, start: usize) -> impl Iterator<Item = DirEntry<'_>> {
        let entries = self.dirents_of(directory).get(start..).unwrap_or_default();
        entries.iter().map(|entry| DirEntry { name: self.pooled(entry.name), inode: entry.inode })
    }

    /// A symbolic link's target; `None` for anything else.
    pub fn symlink_target(&self, number: u32) -> Option<&[u8]> {
        let inode = self.inode(number)?;
        matches!(inode.kind, InodeKind::Symlink)
            .then(|| range_of(&self.pool, &inode.span).unwrap_or_default())
    }

    /// An inode's extended attributes, as names and values, in bytewise order of names.
    pub fn xattrs(&self, number: u32) -> impl Iterator<Item = (&[u8], &[u8])> {
        let range = self.inode(number).map_or(0..0, |inode| inode.xattrs.clone());
        range_of(&self.xattrs, &range)
            .unwrap_or_default()
            .iter()
            .map(|xattr| (self.pooled(xattr.name), self.pooled(xattr.value)))
    }

    /// Whether an inode says 'no such name' to the layers beneath: a character device 0/0, as overlayfs writes it.
    pub fn is_whiteout(&self, number: u32) -> bool {
        let kind = self.inode(number).map(|inode| &inode.kind);
        matches!(kind, Some(InodeKind::CharDevice(Device { major: 0, minor: 0 })))
    }

    /// Whether a directory hides those beneath it (overlayfs' `trusted.overlay.opaque`).
    pub fn is_opaque(&self, number: u32) -> bool {
        self.xattrs(number).any(|(name, value)| {
            value == b"y" && matches!(name, b"trusted.overlay.opaque" | b"user.overlay.opaque")
        })
    }

    fn dirents_of(&self, directory: u32) -> &[Dirent] {
        match self.inode(directory) {
            Some(Inode { kind: InodeKind::Directory { .. }, span, .. }) => {
                range_of(&self.dirents, span).unwrap_or_default()
            }
            _ => &[],
        }
    }

    fn pooled(&self, range: PoolRef) -> &[u8] {
        slice(&self.pool, range).unwrap_or_default()
    }

    /// Names in each directory and attribute names of each inode ascend strictly.
    fn check_order(&self) -> Result<(), FormatError> {
        for inode in &self.inodes {
            if let InodeKind::Directory { .. } = inode.kind {
                let entries = range_of(&self.dirents, &inode.span)
                    .ok_or(FormatError::Invalid("range of directory entries"))?;
                if !entries.is_sorted_by(|a, b| self.pooled(a.name) < self.pooled(b.name)) {
                    return Err(FormatError::Invalid("order of directory entries"));
                }
            }
            let xattrs = range_of(&self.xattrs, &inode.xattrs)
                .ok_or(FormatError::Invalid("range of extended attributes"))?;
            if !xattrs.is_sorted_by(|a, b| self.pooled(a.name) < self.pooled(b.name)) {
                return Err(FormatError::Invalid("order of extended attributes"));
            }
        }
        Ok(())
    }

    /// Walks from the root, setting parents and link counts. A directory met twice would be a cycle or a
    /// second parent; an inode never met would be unreachable.
    fn check_tree(&mut self) -> Result<(), FormatError> {
        let root = self.inodes.get_mut(to_usize(ROOT)).ok_or(FormatError::Invalid("no root"))?;
        if !matches!(root.kind, InodeKind::Directory { .. }) {
            return Err(FormatError::Invalid("root is not a directory"));
        }
        root.nlink = 2;
        let mut pending = vec![ROOT];
        while let Some(directory) = pending.pop() {
            let mut subdirectories = 0;
            for at in self.inodes[to_usize(directory)].span.clone() {
                // In range: the entry ranges were checked by `check_order`, inode numbers when decoded.
                let number = self.dirents[to_usize(at)].inode;
                let inode = &mut self.inodes[to_usize(number)];
                if let InodeKind::Directory { parent } = &mut inode.kind {
                    if inode.nlink != 0 {
                        return Err(FormatError::Invalid("directory with two parents"));
                    }
                    *parent = directory;
                    inode.nlink = 2;
                    subdirectories += 1;
                    pending.push(number);
                } else {
                    inode.nlink += 1;
                }
            }
            self.inodes[to_usize(directory)].nlink += subdirectories;
        }
        if self.inodes.iter().any(|inode| inode.nlink == 0) {
            return Err(FormatError::Invalid("inode without a name"));
        }
        Ok(())
    }
}

/// Reads records, handing out the entry and attribute tables to inodes in order.
struct Decoder<'a> {
    pool: &'a [u8],
    contents_end: u64,
    next_dirent: u32,
    next_xattr: u32,
}

impl Decoder<'_> {
    fn inode(&mut self, record: &mut Reader<'_>) -> Result<Inode, FormatError> {
        let [kind, zero] = record.take()?;
        let meta = Meta {
            mode: record.u16()?,
            uid: record.u32()?,
            gid: record.u32()?,
            mtime: Timestamp { nanoseconds: record.u32()?, seconds: i64::from_le_bytes(record.take()?) },
        };
        let xattr_count = record.u32()?;
        let count = record.u32()?;
        let (a, b) = (u64::from_le_bytes(record.take()?), u64::from_le_bytes(record.take()?));
        if zero != 0 || meta.mode > 0o7777 || meta.mtime.nanoseconds >= 1_000_000_000 {
            return Err(FormatError::Invalid("inode attributes"));
        }
        let unused = match kind {
            kind::FILE => count != 0,
            kind::DIRECTORY => a != 0 || b != 0,
            kind::SYMLINK => b != 0,
            kind::CHAR_DEVICE | kind::BLOCK_DEVICE => count != 0,
            _ => count != 0 || a != 0 || b != 0,
        };
        if unused {
            return Err(FormatError::Invalid("inode field that must be zero"));
        }
        let mut span = 0..0;
        let kind = match kind {
            kind::FILE => self.file(a, b)?,
            kind::DIRECTORY => {
                span = claim(&mut self.next_dirent, count)?;
                InodeKind::Directory { parent: ROOT }
            }
            kind::SYMLINK => {
                span = self.symlink_target(a, count)?;
                InodeKind::Symlink
            }
            kind::CHAR_DEVICE => InodeKind::CharDevice(device(a, b)?),
            kind::BLOCK_DEVICE => InodeKind::BlockDevice(device(a, b)?),
            kind::FIFO => InodeKind::Fifo,
            kind::SOCKET => InodeKind::Socket,
            _ => return Err(FormatError::Invalid("inode kind")),
        };
        Ok(Inode { meta, kind, nlink: 0, span, xattrs: claim(&mut self.next_xattr, xattr_count)? })
    }

    fn file(&self, offset: u64, size: u64) -> Result<InodeKind, FormatError> {
        let empty = size == 0 && offset == 0;
        let inside = size > 0
            && size <= limits::MAX_FILE_SIZE
            && offset >= PAGE_SIZE
            && offset.is_multiple_of(PAGE_SIZE)
            && offset.checked_add(size).is_some_and(|end| end <= self.contents_end);
        if !(empty || inside) {
            return Err(FormatError::Invalid("file content out of range"));
        }
        Ok(InodeKind::File { offset, size })
    }

    fn symlink_target(&self, offset: u64, len: u32) -> Result<Range<u32>, FormatError> {
        const INVALID: FormatError = FormatError::Invalid("symlink target");
        let start = u32::try_from(offset).map_err(|_| INVALID)?;
        let span = start..start.checked_add(len).ok_or(INVALID)?;
        let target = range_of(self.pool, &span).ok_or(INVALID)?;
        if target.is_empty() || target.len() > limits::MAX_SYMLINK_LEN || target.contains(&0) {
            return Err(INVALID);
        }
        Ok(span)
    }

    fn dirent(&self, record: &mut Reader<'_>, inode_count: u32) -> Result<Dirent, FormatError> {
        let name = record.name()?;
        let inode = record.u32()?;
        if !slice(self.pool, name).is_some_and(is_valid_name) {
            return Err(FormatError::Invalid("file name"));
        }
        if inode >= inode_count {
            return Err(FormatError::Invalid("inode number out of range"));
        }
        Ok(Dirent { name, inode })
    }

    fn xattr(&self, record: &mut Reader<'_>) -> Result<Xattr, FormatError> {
        let name = record.name()?;
        let value = PoolRef { offset: record.u32()?, len: record.u32()? };
        let valid_name = slice(self.pool, name).is_some_and(|name| {
            !name.is_empty() && name.len() <= limits::MAX_XATTR_NAME_LEN && !name.contains(&0)
        });
        let valid_value =
            slice(self.pool, value).is_some_and(|value| value.len() <= limits::MAX_XATTR_VALUE_LEN);
        if !valid_name || !valid_value {
            return Err(FormatError::Invalid("extended attribute"));
        }
        Ok(Xattr { name, value })
    }
}

/// What is left of the bytes being read.
struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(FormatError::Truncated)?;
        self.bytes = rest;
        Ok(*taken)
    }

    fn u16(&mut self) -> Result<u16, FormatError> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, FormatError> {
        self.take().map(u32::from_le_bytes)
    }

    fn name(&mut self) -> Result<PoolRef, FormatError> {
        let name = PoolRef { offset: self.u32()?, len: self.u16()?.into() };
        if self.u16()? != 0 {
            return Err(FormatError::Invalid("padding of a name"));
        }
        Ok(name)
    }

    /// The bytes of a table, which must all be there before anything is allocated for its records.
    fn records(&mut self, count: u32, record_len: usize) -> Result<&'a [u8], FormatError> {
        let count = to_usize(count);
        if record_len > 1 && count > limits::MAX_RECORDS {
            return Err(FormatError::Invalid("number of records"));
        }
        let len = count.checked_mul(record_len).ok_or(FormatError::Truncated)?;
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or(FormatError::Truncated)?;
        self.bytes = rest;
        Ok(taken)
    }
}

/// Takes the next `count` records of a table.
fn claim(next: &mut u32, count: u32) -> Result<Range<u32>, FormatError> {
    let start = *next;
    *next = start.checked_add(count).ok_or(FormatError::Invalid("records beyond a table"))?;
    Ok(start..*next)
}

fn range_of<'a, T>(table: &'a [T], range: &Range<u32>) -> Option<&'a [T]> {
    table.get(to_usize(range.start)..to_usize(range.end))
}

fn slice(pool: &[u8], range: PoolRef) -> Option<&[u8]> {
    let start = to_usize(range.offset);
    pool.get(start..start.checked_add(to_usize(range.len))?)
}

fn device(major: u64, minor: u64) -> Result<Device, FormatError> {
    match (u32::try_from(major), u32::try_from(minor)) {
        (Ok(major), Ok(minor)) => Ok(Device { major, minor }),
        _ => Err(FormatError::Invalid("device number")),
    }
}

/// Lossless: `usize` has at least 32 bits wherever Tidemark is built.
fn to_usize(value: u32) -> usize {
    value as usize
}
