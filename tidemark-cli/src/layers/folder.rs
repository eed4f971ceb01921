//! A folder as part of a layer.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, Metadata};
use std::io::{self, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use tidemark_sdk::layer::format::{Device, Meta, Timestamp};
use tidemark_sdk::layer::{Attributes, BuildError, LayerBuilder, LayerPath};

/// Adds what is in a folder, following no symbolic link. Files of the user who runs Tidemark become root's, so
/// that the guest, which runs as root, finds itself the owner; sockets are left out.
pub(super) fn append<W: Write + Seek>(
    builder: &mut LayerBuilder<W>,
    folder: &Path,
) -> Result<(), BuildError> {
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
