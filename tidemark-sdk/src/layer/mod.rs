//! Layers: read-only file trees, packed so that a guest's mappings share one copy of every file.
//!
//! This module owns making them: [`LayerBuilder`] takes files one by one, [`append_tar`] takes a whole
//! archive, [`decompressed`] unpacks what archives come compressed with. It reads from and writes to what the
//! caller opened; where layers are kept, and where archives come from, is not its business.

mod builder;
mod compression;
pub mod limits;
mod open;
mod path;
mod tar;
#[cfg(test)]
mod tests;

pub use builder::{Attributes, BuildError, LayerBuilder};
pub use compression::{Compression, decompressed};
pub use open::{OpenError, layer_from_bytes, open_layer};
pub use path::{LayerPath, UnsafePath};
pub use tar::append_tar;
pub use tidemark_kernel::fs::layer::{Layer, format};
