//! Layer files on disk: opened and checked, without reading their contents.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use tidemark_sdk::layer::format::{self, FormatError, HEADER_LEN, Header, Index};

/// Why a file is no usable layer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LayerFileError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not a layer, or damaged.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// Reads the header and the index of a layer file.
///
/// # Errors
/// [`LayerFileError::Io`] if there is none, [`LayerFileError::Format`] if it is damaged, truncated or of
/// another version.
pub(crate) fn read_index(path: &Path) -> Result<(Header, Index), LayerFileError> {
    let mut file = File::open(path)?;
    let mut header = [0; HEADER_LEN];
    file.read_exact(&mut header)?;
    let header = Header::decode(&header)?;
    // Before anything is allocated for an index that is not there.
    if file.metadata()?.len() != header.file_len {
        return Err(FormatError::Truncated.into());
    }
    file.seek(SeekFrom::Start(header.index_offset))?;
    let mut index = Vec::new();
    file.take(header.index_len).read_to_end(&mut index)?;
    let index = format::decode_index(&header, &index)?;
    Ok((header, index))
}
