//! Layers: read-only file trees, packed so that a guest's mappings share one copy of every file.
//!
//! This module owns making them: [`LayerBuilder`] takes files one by one or another layer, [`append_tar`] takes a whole
//! archive, [`decompressed`] unpacks what archives come compressed with. It reads from and writes to what the
//! caller opened; where layers are kept, and where archives come from, is not its business.
//!
//! An application may also provide a tree ([`Provider`]), or a layer file's bytes ([`LayerData`]), from wherever it has
//! them.

mod builder;
mod compression;
pub mod limits;
mod merge;
mod open;
mod path;
mod provider;
mod resume;
mod tar;
#[cfg(test)]
mod tests;

pub use builder::{Attributes, BuildError, EntryKind, LayerBuilder};
pub use compression::{Compression, decompressed};
pub use open::{OpenError, layer_from_bytes, open_layer};
pub use path::{LayerPath, UnsafePath};
pub use provider::{ContentId, MemoryProvider, Provided, Provider, ProviderError, mount};
pub use tar::{Placement, TarEntry, TarKind, append_tar, append_tar_placed};
pub use tidemark_kernel::fs::layer::{Layer, LayerData, LayerError, Unreadable, format};
