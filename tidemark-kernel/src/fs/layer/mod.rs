//! Read-only layers: file trees packed into one file, whose contents are mapped and shared, not copied.

pub mod format;
