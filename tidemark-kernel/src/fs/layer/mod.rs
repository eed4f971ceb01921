//! Read-only layers: file trees packed into one file, whose contents are mapped and shared, not copied.
//!
//! Owns a layer's index and the source of its bytes. Which frames hold them is the file system's that mounts it.

pub mod format;

use core::fmt;

use format::{FormatError, Header, Index};

/// Where a layer's bytes come from: a file, a mapping, a buffer. Read with the kernel's lock held, a page or a few at
/// a time, so it answers in microseconds.
pub trait LayerData: Send + Sync {
    /// Fills `buf` with the bytes from `offset` on.
    ///
    /// # Errors
    /// [`Unreadable`] when the bytes cannot be had; the guest sees `EIO`.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), Unreadable>;
}

/// Bytes of a layer cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the layer's bytes cannot be read")]
pub struct Unreadable;

impl LayerData for Vec<u8> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), Unreadable> {
        let start = usize::try_from(offset).map_err(|_| Unreadable)?;
        let end = start.checked_add(buf.len()).ok_or(Unreadable)?;
        buf.copy_from_slice(self.get(start..end).ok_or(Unreadable)?);
        Ok(())
    }
}

/// A layer that can be mounted: immutable, and shared by all that mount it.
pub struct Layer {
    index: Index,
    data: Box<dyn LayerData>,
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer").field("inodes", &self.index.len()).finish_non_exhaustive()
    }
}

/// Why a layer cannot be opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayerError {
    /// Its bytes are not those of a layer.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Its bytes cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl Layer {
    /// Reads header and index and validates both; contents are read on first use.
    ///
    /// # Errors
    /// [`LayerError::Format`] for what is no layer, [`LayerError::Unreadable`] when the source fails.
    pub fn open(data: Box<dyn LayerData>) -> Result<Layer, LayerError> {
        let mut header = [0; format::HEADER_LEN];
        data.read_at(0, &mut header)?;
        let header = Header::decode(&header)?;
        let len = usize::try_from(header.index_len).map_err(|_| FormatError::Truncated)?;
        let mut index = vec![0; len];
        data.read_at(header.index_offset, &mut index)?;
        Ok(Layer { index: format::decode_index(&header, &index)?, data })
    }

    /// The tree.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Fills `buf` from the layer file, from `offset` on.
    ///
    /// # Errors
    /// [`Unreadable`] from the source.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), Unreadable> {
        self.data.read_at(offset, buf)
    }
}
