//! Reading files out of a layer by their paths.

use std::io;

use tidemark_sdk::layer::Layer;
use tidemark_sdk::layer::format::InodeKind;

/// The inode at a path such as `var/lib/dpkg`, following no symbolic link.
pub(crate) fn find(layer: &Layer, path: &str) -> Option<u32> {
    let index = layer.index();
    path.split('/').try_fold(index.root(), |at, name| index.lookup(at, name.as_bytes()))
}

/// The content of the file with this inode number; `None` if it is no file.
///
/// # Errors
/// If the layer file cannot be read.
pub(crate) fn content_of(layer: &Layer, number: u32) -> io::Result<Option<Vec<u8>>> {
    let Some(InodeKind::File { offset, size }) = layer.index().inode(number).map(|inode| &inode.kind) else {
        return Ok(None);
    };
    let len = usize::try_from(*size).map_err(io::Error::other)?;
    let mut bytes = vec![0; len];
    layer.read_at(*offset, &mut bytes).map_err(io::Error::other)?;
    Ok(Some(bytes))
}

/// The text of the file at a path; empty if there is none.
///
/// # Errors
/// If the layer file cannot be read.
pub(crate) fn text(layer: &Layer, path: &str) -> io::Result<String> {
    let content = find(layer, path).map(|number| content_of(layer, number)).transpose()?.flatten();
    Ok(String::from_utf8_lossy(&content.unwrap_or_default()).into_owned())
}
