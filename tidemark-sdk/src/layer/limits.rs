//! The bounds of building layers, beside those of the format.

/// Longest path in a layer, in bytes (Linux `PATH_MAX` less the terminating NUL).
pub const MAX_PATH_LEN: usize = 4095;
/// How much memory an xz stream may ask for, in KiB: four times what `xz -9` needs.
pub const XZ_MEMORY_KIB: u32 = 256 * 1024;
/// The largest window that a Zstandard frame may ask for, in bytes: what `zstd -d` takes by default.
pub const ZSTD_WINDOW_LEN: u64 = 128 * 1024 * 1024;
/// How much of a file is held in memory while it is copied, in bytes.
pub(super) const COPY_BUFFER_LEN: usize = 64 * 1024;
/// The most that a layer's contents may take, in bytes: more than any set of packages, less than a bomb of an archive.
pub const MAX_LAYER_LEN: u64 = 16 * 1024 * 1024 * 1024;
