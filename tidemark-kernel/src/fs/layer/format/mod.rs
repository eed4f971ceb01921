//! The layer file format: a read-only file tree in one file, laid out so that its content can be mapped.
//!
//! This module owns the bytes: header, index, their limits and their validation. It does no I/O and knows
//! nothing of tar archives, folders, caches or the VFS that serves the tree.
//!
//! A layer file is, in order (all integers little-endian):
//!
//! ```text
//! offset 0             header, HEADER_LEN bytes, zero-filled up to the first page boundary
//! page boundaries      file contents, each starting on a page boundary, the tail of its last page zero
//! index_offset         the index, index_len bytes, to the end of the file
//!
//! header   magic[8] version:u32 page_size:u32 index_offset:u64 index_len:u64 file_len:u64 sha256(index)[32]
//! index    inodes:u32 dirents:u32 xattrs:u32 pool_len:u32
//!          inodes  × { kind:u8 0:u8 mode:u16 uid:u32 gid:u32 mtime_ns:u32 mtime_s:i64
//!                      xattr_count:u32 count:u32 a:u64 b:u64 }
//!          dirents × { name_offset:u32 name_len:u16 0:u16 inode:u32 }
//!          xattrs  × { name_offset:u32 name_len:u16 0:u16 value_offset:u32 value_len:u32 }
//!          pool[pool_len]
//! ```
//!
//! `count`, `a` and `b` depend on the kind: a file has its content's offset in `a` and its size in `b`; a
//! directory has its number of entries in `count`; a symlink has its target's length in `count` and pool
//! offset in `a`; a device has its major number in `a` and its minor in `b`. What a kind does not use is zero.
//!
//! Directory entries and extended attributes belong to inodes in inode order, without gaps, so that ranges
//! need no storing and cannot overlap. Entries of a directory are sorted by name, bytewise and strictly.
//! Inode 0 is the root. Every directory but the root has exactly one entry that names it and every inode is
//! reachable from the root: the index is a tree, with hard links of everything that is not a directory.
//! Link counts and parents follow from that and are not stored. Names are bytes, not text.

mod decode;
mod encode;
mod header;
pub mod limits;
#[cfg(test)]
mod tests;

pub use decode::{DirEntry, Index, Inode, InodeKind};
pub use encode::{Node, NodeKind, encode};
pub use header::{FORMAT_VERSION, HEADER_LEN, Header, MAGIC, PAGE_SIZE};

use sha2::{Digest, Sha256};

/// What every inode has, whatever its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Permission bits, set-id bits and sticky bit (`0o7777`).
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last modification.
    pub mtime: Timestamp,
}

/// A point in time, as `struct timespec` has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Seconds since 1970-01-01 00:00:00 UTC; may be negative.
    pub seconds: i64,
    /// Nanoseconds within the second, below 1,000,000,000.
    pub nanoseconds: u32,
}

/// A device number (`st_rdev`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
}

/// Why bytes are not a layer, or why a tree cannot become one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FormatError {
    /// The magic is missing.
    #[error("not a Tidemark layer")]
    NotALayer,
    /// The file was written by a version of Tidemark with another format.
    #[error("layer format version {found} (this build reads version {FORMAT_VERSION})")]
    Version {
        /// The version in the header.
        found: u32,
    },
    /// Fewer bytes than the header or the index says.
    #[error("layer is truncated")]
    Truncated,
    /// The index does not have the SHA-256 that the header states.
    #[error("layer index is damaged (SHA-256 differs)")]
    Digest,
    /// A rule of the format is broken; the text names the rule.
    #[error("invalid layer: {0}")]
    Invalid(&'static str),
    /// A tree is larger than the format allows; the text names the limit.
    #[error("layer exceeds a limit: {0}")]
    Limit(&'static str),
}

/// Decodes a complete layer file held in memory: header, digest and index.
///
/// # Errors
/// Any [`FormatError`] but [`FormatError::Limit`]. No input makes it panic, and what it allocates is
/// proportional to the input's length.
pub fn decode(file: &[u8]) -> Result<Index, FormatError> {
    let header = Header::decode(file)?;
    if u64::try_from(file.len()).map_err(|_| FormatError::Truncated)? < header.file_len {
        return Err(FormatError::Truncated);
    }
    let start = usize::try_from(header.index_offset).map_err(|_| FormatError::Truncated)?;
    let len = usize::try_from(header.index_len).map_err(|_| FormatError::Truncated)?;
    let index = start.checked_add(len).and_then(|end| file.get(start..end)).ok_or(FormatError::Truncated)?;
    decode_index(&header, index)
}

/// Checks `index` against the digest in `header` and decodes it.
///
/// # Errors
/// [`FormatError::Digest`] if these are not the bytes that the header was written for, else as
/// [`Index::decode`].
pub fn decode_index(header: &Header, index: &[u8]) -> Result<Index, FormatError> {
    if <[u8; 32]>::from(Sha256::digest(index)) != header.index_sha256 {
        return Err(FormatError::Digest);
    }
    Index::decode(index, header.index_offset)
}

/// Whether `name` can stand in a directory: 1 to [`limits::MAX_NAME_LEN`] bytes, no `/`, no NUL, and neither
/// `.` nor `..` (path_resolution(7)).
pub fn is_valid_name(name: &[u8]) -> bool {
    (1..=limits::MAX_NAME_LEN).contains(&name.len())
        && name != b"."
        && name != b".."
        && !name.iter().any(|&byte| byte == b'/' || byte == 0)
}
