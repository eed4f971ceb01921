//! Layers: read-only file trees, packed so that a guest's mappings share one copy of every file.

pub mod format;
