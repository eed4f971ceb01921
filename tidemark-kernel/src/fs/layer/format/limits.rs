//! The bounds of the layer format.

/// Longest name of a directory entry, in bytes (Linux `NAME_MAX`).
pub const MAX_NAME_LEN: usize = 255;
/// Longest target of a symbolic link, in bytes (Linux `PATH_MAX` less the terminating NUL).
pub const MAX_SYMLINK_LEN: usize = 4095;
/// Longest name of an extended attribute, in bytes (Linux `XATTR_NAME_MAX`).
pub const MAX_XATTR_NAME_LEN: usize = 255;
/// Longest value of an extended attribute, in bytes (Linux `XATTR_SIZE_MAX`).
pub const MAX_XATTR_VALUE_LEN: usize = 65_536;
/// Largest size of one file, in bytes (Linux `loff_t`, less a page so that rounding up stays in range).
pub const MAX_FILE_SIZE: u64 = i64::MAX as u64 - 4096;
/// Largest number of inodes, of directory entries and of extended attributes in one layer.
pub const MAX_RECORDS: usize = 1 << 24;
