//! `--rootfs`: a folder or an archive of the user's as a layer.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidemark_sdk::layer::format::{Device, MAGIC, Meta, Timestamp};
use tidemark_sdk::layer::{
    Attributes, BuildError, Layer, LayerBuilder, LayerPath, OpenError, append_tar, decompressed, open_layer,
};

use crate::cache::Cache;

/// Why something cannot be the guest's root.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootfsError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "cannot use {path} as root: {source}; give a folder, a tar archive (also .gz, .xz, .zst) or a layer"
    )]
    Build { path: PathBuf, source: BuildError },
    #[error("cannot use {path} as root: {source}")]
    Open { path: PathBuf, source: OpenError },
    #[error("cannot write to the cache: {0}; choose another directory with --cache-dir")]
    Cache(io::Error),
}

/// Makes a layer of a folder or an archive, or opens one that is a layer already. What is made lives as long as
/// it is open.
///
/// # Errors
/// [`RootfsError`].
pub(crate) fn layer(path: &Path, cache: &Cache) -> Result<Arc<Layer>, RootfsError> {
    let unreadable = |source| RootfsError::Read { path: path.to_owned(), source };
    let unusable = |source| match source {
        BuildError::Write(error) => RootfsError::Cache(error),
        source => RootfsError::Build { path: path.to_owned(), source },
    };
    let open =
        |path: &Path| open_layer(path).map_err(|source| RootfsError::Open { path: path.to_owned(), source });
    let is_folder = fs::metadata(path).map_err(unreadable)?.is_dir();
    if !is_folder && starts_with(path, &MAGIC).map_err(unreadable)? {
        return open(path);
    }
    let mut scratch = cache.scratch().map_err(RootfsError::Cache)?;
    let mut builder = LayerBuilder::new(BufWriter::new(scratch.as_file_mut())).map_err(unusable)?;
    if is_folder {
        append_folder(&mut builder, path).map_err(unusable)?;
    } else {
        let file = BufReader::new(File::open(path).map_err(unreadable)?);
        let archive = decompressed(file).map_err(unreadable)?;
        append_tar(&mut builder, archive, &path.display().to_string()).map_err(unusable)?;
    }
    builder.finish().map_err(unusable)?.flush().map_err(RootfsError::Cache)?;
    // The layer keeps the file open; its name goes away with `scratch`.
    open(scratch.path())
}

fn starts_with(path: &Path, magic: &[u8]) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(magic.len() as u64).read_to_end(&mut start)?;
    Ok(start == magic)
}

/// Adds what is in a folder, following no symbolic link. Files of the user who runs Tidemark become root's, so
/// that the guest, which runs as root, finds itself the owner; sockets are left out.
fn append_folder<W: Write + Seek>(builder: &mut LayerBuilder<W>, folder: &Path) -> Result<(), BuildError> {
    let mut walk = Walk { folder, own_uid: rustix::process::geteuid().as_raw(), links: HashMap::new() };
    let metadata = fs::metadata(folder).map_err(|error| walk.unreadable(folder, error))?;
    builder.directory(&LayerPath::root(), walk.attributes(&metadata))?;
    let mut pending = vec![folder.to_owned()];
    while let Some(directory) = pending.pop() {
        let entries = fs::read_dir(&directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries: Vec<PathBuf> = entries
            .map_err(|error| walk.unreadable(&directory, error))?
            .iter()
            .map(fs::DirEntry::path)
            .collect();
        // The same folder gives the same layer.
        entries.sort();
        for path in entries {
            if walk.append(builder, &path)? {
                pending.push(path);
            }
        }
    }
    Ok(())
}

struct Walk<'a> {
    folder: &'a Path,
    own_uid: u32,
    /// Where files with several names were first met, by device and inode.
    links: HashMap<(u64, u64), LayerPath>,
}

impl Walk<'_> {
    /// Adds one entry; tells whether it is a directory to go on with.
    fn append<W: Write + Seek>(
        &mut self,
        builder: &mut LayerBuilder<W>,
        path: &Path,
    ) -> Result<bool, BuildError> {
        let metadata = fs::symlink_metadata(path).map_err(|error| self.unreadable(path, error))?;
        let kind = metadata.file_type();
        let attributes = self.attributes(&metadata);
        let inside = path.strip_prefix(self.folder).unwrap_or(path);
        let name = LayerPath::new(inside.as_os_str().as_bytes())?;
        if kind.is_dir() {
            builder.directory(&name, attributes)?;
            return Ok(true);
        }
        if metadata.nlink() > 1 {
            let inode = (metadata.dev(), metadata.ino());
            if let Some(first) = self.links.get(&inode) {
                builder.hard_link(&name, first)?;
                return Ok(false);
            }
            if !kind.is_socket() {
                self.links.insert(inode, name.clone());
            }
        }
        let device = || Device {
            major: rustix::fs::major(metadata.rdev()),
            minor: rustix::fs::minor(metadata.rdev()),
        };
        if kind.is_file() {
            let mut file = File::open(path).map_err(|error| self.unreadable(path, error))?;
            builder.file(&name, attributes, &mut file)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(path).map_err(|error| self.unreadable(path, error))?;
            builder.symlink(&name, attributes, target.as_os_str().as_bytes())?;
        } else if kind.is_char_device() {
            builder.char_device(&name, attributes, device())?;
        } else if kind.is_block_device() {
            builder.block_device(&name, attributes, device())?;
        } else if kind.is_fifo() {
            builder.fifo(&name, attributes)?;
        }
        Ok(false)
    }

    fn attributes(&self, metadata: &Metadata) -> Attributes {
        let own = metadata.uid() == self.own_uid;
        let meta = Meta {
            mode: (metadata.mode() & 0o7777) as u16,
            uid: if own { 0 } else { metadata.uid() },
            gid: if own { 0 } else { metadata.gid() },
            mtime: Timestamp {
                seconds: metadata.mtime(),
                nanoseconds: u32::try_from(metadata.mtime_nsec()).unwrap_or_default(),
            },
        };
        Attributes { meta, xattrs: BTreeMap::new() }
    }

    fn unreadable(&self, path: &Path, source: io::Error) -> BuildError {
        BuildError::Read { what: path.display().to_string(), source }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use tidemark_sdk::layer::format::{Index, InodeKind};

    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let dir = tempfile::tempdir().expect("temporary directory");
        let cache = Cache::new(Some(dir.path())).expect("named");
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
