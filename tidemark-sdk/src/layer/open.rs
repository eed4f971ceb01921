//! Opening layer files for mounting.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tidemark_kernel::fs::layer::format::{FormatError, HEADER_LEN, Header};
use tidemark_kernel::fs::layer::{Layer, LayerData, LayerError, Unreadable};

/// Why a layer file was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file could not be opened.
    #[error("the layer file cannot be opened: {0}")]
    Io(#[from] io::Error),
    /// It is not a layer, or not whole.
    #[error(transparent)]
    Layer(#[from] LayerError),
}

/// Opens a layer file. Its contents are read as guests first touch them, so the file must stay as it is.
///
/// # Errors
/// [`OpenError`]: a file that cannot be opened, or that is no layer, or not a whole one.
pub fn open_layer(path: impl AsRef<Path>) -> Result<Arc<Layer>, OpenError> {
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    file.by_ref().take(HEADER_LEN as u64).read_to_end(&mut start)?;
    let header = Header::decode(&start).map_err(LayerError::from)?;
    // Before anything is allocated for what is not there.
    if file.metadata()?.len() != header.file_len {
        return Err(LayerError::from(FormatError::Truncated).into());
    }
    Ok(Arc::new(Layer::open(Box::new(LayerFile(Mutex::new(file))))?))
}

/// A layer that is in memory already.
///
/// # Errors
/// [`LayerError`] for bytes that are no layer.
pub fn layer_from_bytes(bytes: Vec<u8>) -> Result<Arc<Layer>, LayerError> {
    Ok(Arc::new(Layer::open(Box::new(bytes))?))
}

/// One file, read by whoever holds its lock: seeking and reading are two calls.
struct LayerFile(Mutex<File>);

impl LayerData for LayerFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), Unreadable> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset)).map_err(|_| Unreadable)?;
        file.read_exact(buf).map_err(|_| Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::LayerBuilder;

    #[test]
    fn what_is_no_layer_is_refused() {
        assert!(layer_from_bytes(b"hello".to_vec()).is_err());
        assert!(matches!(open_layer("/nonexistent/layer"), Err(OpenError::Io(_))));
    }

    #[test]
    fn a_layer_must_be_whole() {
        let layer = LayerBuilder::new(io::Cursor::new(Vec::new())).and_then(LayerBuilder::finish);
        let layer = layer.expect("an empty layer").into_inner();
        let path = std::env::temp_dir().join(format!("tidemark-open-{}.layer", std::process::id()));
        for (len, whole) in [(layer.len(), true), (layer.len() - 1, false), (20, false), (0, false)] {
            std::fs::write(&path, &layer[..len]).expect("written");
            assert_eq!(open_layer(&path).is_ok(), whole, "{len} of {} bytes", layer.len());
        }
        std::fs::remove_file(&path).expect("removed");
    }
}
