//! What a layer can be made of: a folder, a tar archive, an image of a container, another layer.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidemark_sdk::layer::format::MAGIC;
use tidemark_sdk::layer::{
    BuildError, Compression, Layer, LayerBuilder, OpenError, append_tar, decompressed, open_layer,
};

use super::folder;
use super::oci::{Image, OciError};
use crate::cache::Cache;
use crate::exit::FailureKind;

/// Why something cannot be the guest's files. Messages are one line and say what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "cannot use {path} as root: {source}; give a folder, a tar archive (also .gz, .xz, .zst), an image that docker \
         saved, or a layer"
    )]
    Build { path: PathBuf, source: BuildError },
    #[error("cannot use {path} as root: {source}")]
    Open { path: PathBuf, source: OpenError },
    #[error("cannot use the image {path}: {source}")]
    Image { path: PathBuf, source: OciError },
    #[error("cannot write {path}: {source}")]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot write to the cache: {0}; choose another directory with --cache-dir")]
    Cache(io::Error),
}

impl SourceError {
    /// What kind of failure this is, for the exit code.
    pub(crate) fn kind(&self) -> FailureKind {
        match self {
            Self::Read { .. } => FailureKind::NoInput,
            Self::Build { .. } | Self::Open { .. } | Self::Image { .. } => FailureKind::BadData,
            Self::Write { .. } | Self::Cache(_) => FailureKind::CannotCreate,
        }
    }
}

/// Makes a layer of a source, or opens one that is a layer already. What is made lives as long as it is open.
///
/// # Errors
/// [`SourceError`].
pub(crate) fn layer(path: &Path, cache: &Cache) -> Result<Arc<Layer>, SourceError> {
    let open =
        |file: &Path| open_layer(file).map_err(|source| SourceError::Open { path: path.to_owned(), source });
    if is_layer(path)? {
        return open(path);
    }
    let mut scratch = cache.scratch().map_err(SourceError::Cache)?;
    let failed = |source| build_failed(path, source, SourceError::Cache);
    let mut builder = LayerBuilder::new(BufWriter::new(scratch.as_file_mut())).map_err(failed)?;
    append(&mut builder, path, cache, SourceError::Cache)?;
    builder.finish().map_err(failed)?.flush().map_err(SourceError::Cache)?;
    // The layer keeps the file open; its name goes away with `scratch`.
    open(scratch.path())
}

/// Adds what a source has to a layer, over what is there. `unwritable` is what becomes of a failure to write the layer.
///
/// # Errors
/// [`SourceError`].
pub(crate) fn append<W: Write + Seek>(
    builder: &mut LayerBuilder<W>,
    path: &Path,
    cache: &Cache,
    unwritable: impl Fn(io::Error) -> SourceError,
) -> Result<(), SourceError> {
    let unreadable = |source| SourceError::Read { path: path.to_owned(), source };
    let failed = |source| build_failed(path, source, &unwritable);
    if fs::metadata(path).map_err(unreadable)?.is_dir() {
        return folder::append(builder, path).map_err(failed);
    }
    if is_layer(path)? {
        let layer = open_layer(path).map_err(|source| SourceError::Open { path: path.to_owned(), source })?;
        return builder.merge(&layer).map_err(failed);
    }
    let name = path.display().to_string();
    let archive = uncompressed(path, cache)?;
    if let Some(image) = Image::find(archive.try_clone().map_err(unreadable)?).map_err(unreadable)? {
        return image.append(builder).map_err(|error| match error {
            OciError::Build(BuildError::Write(error)) => unwritable(error),
            source => SourceError::Image { path: path.to_owned(), source },
        });
    }
    let mut archive = archive;
    archive.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    append_tar(builder, BufReader::new(archive), &name).map_err(failed)
}

/// An archive that can be read anywhere: itself, or what it is when decompressed.
fn uncompressed(path: &Path, cache: &Cache) -> Result<File, SourceError> {
    let unreadable = |source| SourceError::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let start = start_of(path).map_err(unreadable)?;
    let is_plain_file = file.metadata().map_err(unreadable)?.is_file();
    if is_plain_file && Compression::of(&start) == Compression::None {
        return Ok(file);
    }
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let scratch = cache.scratch().map_err(SourceError::Cache)?;
    let mut out = scratch.as_file().try_clone().map_err(SourceError::Cache)?;
    let mut content = decompressed(BufReader::new(file)).map_err(unreadable)?.take(MAX_ARCHIVE_LEN);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let damaged = |source| SourceError::Build {
            path: path.to_owned(),
            source: BuildError::Read { what: path.display().to_string(), source },
        };
        match content.read(&mut buffer).map_err(damaged)? {
            0 => return Ok(out),
            count => out.write_all(&buffer[..count]).map_err(SourceError::Cache)?,
        }
    }
}

/// The most that an archive is decompressed to, in bytes; what is cut off then is found to be truncated.
const MAX_ARCHIVE_LEN: u64 = tidemark_sdk::layer::limits::MAX_LAYER_LEN;

fn is_layer(path: &Path) -> Result<bool, SourceError> {
    let unreadable = |source| SourceError::Read { path: path.to_owned(), source };
    Ok(!fs::metadata(path).map_err(unreadable)?.is_dir() && start_of(path).map_err(unreadable)? == MAGIC)
}

/// The first bytes of a file, by which its format is told.
fn start_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    File::open(path)?.take(MAGIC.len() as u64).read_to_end(&mut start)?;
    Ok(start)
}

fn build_failed(
    path: &Path,
    source: BuildError,
    unwritable: impl FnOnce(io::Error) -> SourceError,
) -> SourceError {
    match source {
        BuildError::Write(error) => unwritable(error),
        source => SourceError::Build { path: path.to_owned(), source },
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use tidemark_sdk::layer::format::{Index, InodeKind};

    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let dir = tempfile::tempdir().expect("temporary directory");
        let cache = Cache::new(Some(dir.path()), None).expect("named");
        (dir, cache)
    }

    fn find(index: &Index, path: &str) -> Option<u32> {
        path.split('/').try_fold(index.root(), |at, name| index.lookup(at, name.as_bytes()))
    }

    fn content(layer: &Layer, path: &str) -> Vec<u8> {
        let number = find(layer.index(), path).expect(path);
        let InodeKind::File { offset, size } = layer.index().inode(number).expect(path).kind else {
            panic!("{path}")
        };
        let mut bytes = vec![0; size as usize];
        layer.read_at(offset, &mut bytes).expect("readable");
        bytes
    }

    #[test]
    fn a_folder_becomes_a_layer() {
        let (_dir, cache) = cache();
        let folder = tempfile::tempdir().expect("temporary directory");
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at("usr/bin")).expect("created");
        fs::write(at("usr/bin/hello"), "hello").expect("written");
        fs::set_permissions(at("usr/bin/hello"), fs::Permissions::from_mode(0o4750)).expect("set");
        fs::hard_link(at("usr/bin/hello"), at("usr/bin/again")).expect("linked");
        symlink("/nowhere", at("bin")).expect("linked");
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("bound");
        let layer = layer(folder.path(), &cache).expect("a layer");
        let index = layer.index();
        assert_eq!(content(&layer, "usr/bin/hello"), b"hello");
        let hello = find(index, "usr/bin/hello").expect("hello");
        assert_eq!(find(index, "usr/bin/again"), Some(hello));
        let inode = index.inode(hello).expect("hello");
        assert_eq!((inode.meta.mode, inode.meta.uid, inode.nlink), (0o4750, 0, 2));
        let bin = find(index, "bin").expect("bin");
        assert_eq!(index.symlink_target(bin), Some(b"/nowhere".as_slice()));
        assert_eq!(find(index, "socket"), None);
    }

    #[test]
    fn archives_and_layers_are_taken_too() {
        let (dir, cache) = cache();
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        tar.append_data(&mut header, "etc/name", b"me".as_slice()).expect("memory");
        let tar = tar.into_inner().expect("memory");
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&tar).expect("memory");
        for (name, bytes) in [("root.tar", tar), ("root.tgz", gz.finish().expect("memory"))] {
            let path = dir.path().join(name);
            fs::write(&path, bytes).expect("written");
            let layer = layer(&path, &cache).expect(name);
            assert_eq!(content(&layer, "etc/name"), b"me", "{name}");
        }
        let path = dir.path().join("empty.layer");
        let empty = LayerBuilder::new(File::create(&path).expect("created")).and_then(LayerBuilder::finish);
        drop(empty.expect("written"));
        assert_eq!(layer(&path, &cache).expect("a layer").index().len(), 1);
    }

    #[test]
    fn what_is_neither_is_refused_in_one_line() {
        let (dir, cache) = cache();
        let path = dir.path().join("text");
        fs::write(&path, "no archive ".repeat(100)).expect("written");
        for path in [path.as_path(), Path::new("/nonexistent")] {
            let error = layer(path, &cache).expect_err("refused").to_string();
            assert!(error.contains(&path.display().to_string()) && !error.contains('\n'), "{error}");
        }
    }
}
