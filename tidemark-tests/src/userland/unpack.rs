//! A layer as a folder, for the oracle: names, modes, owners and links as the layer has them.
//!
//! Needs root where files are not the caller's own. Device nodes are left out: the oracle's `/dev` is mounted.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use tidemark_sdk::layer::Layer;
use tidemark_sdk::layer::format::{InodeKind, Meta};

/// Bytes copied at once.
const PART: u64 = 1 << 20;

/// Unpacks `layer` into `folder`, which must not be there.
///
/// # Errors
/// If something cannot be written, or the layer cannot be read.
pub(super) fn unpack(layer: &Layer, folder: &Path) -> Result<()> {
    let index = layer.index();
    let mut names: HashMap<u32, PathBuf> = HashMap::new();
    let mut waiting = vec![(index.root(), folder.to_owned())];
    let mut folders = Vec::new();
    while let Some((number, path)) = waiting.pop() {
        let inode = index.inode(number).context("an inode that an entry names")?;
        let failed = || format!("cannot make {}", path.display());
        if let Some(first) = names.get(&number) {
            fs::hard_link(first, &path).with_context(failed)?;
            continue;
        }
        match &inode.kind {
            InodeKind::Directory { .. } => {
                fs::create_dir(&path).with_context(failed)?;
                for entry in index.entries(number, 0) {
                    waiting.push((entry.inode, path.join(OsStr::from_bytes(entry.name))));
                }
                // When all is in them: writing changes their times.
                folders.push((path, inode.meta.clone()));
                continue;
            }
            InodeKind::File { offset, size } => copy(layer, *offset, *size, &path).with_context(failed)?,
            InodeKind::Symlink => {
                let target = index.symlink_target(number).unwrap_or_default();
                symlink(OsStr::from_bytes(target), &path).with_context(failed)?;
                lchown(&path, Some(inode.meta.uid), Some(inode.meta.gid)).with_context(failed)?;
                continue;
            }
            _ => continue,
        }
        dress(&path, &inode.meta).with_context(failed)?;
        names.insert(number, path);
    }
    folders.iter().rev().try_for_each(|(path, meta)| dress(path, meta))
}

fn copy(layer: &Layer, mut offset: u64, size: u64, to: &Path) -> Result<()> {
    let mut file = File::create(to)?;
    let end = offset + size;
    while offset < end {
        let mut part = vec![0; (end - offset).min(PART) as usize];
        layer.read_at(offset, &mut part)?;
        file.write_all(&part)?;
        offset += part.len() as u64;
    }
    Ok(())
}

fn dress(path: &Path, meta: &Meta) -> Result<()> {
    lchown(path, Some(meta.uid), Some(meta.gid))?;
    fs::set_permissions(path, Permissions::from_mode(u32::from(meta.mode)))?;
    let since = Duration::new(u64::try_from(meta.mtime.seconds).unwrap_or(0), meta.mtime.nanoseconds);
    File::open(path)?.set_modified(SystemTime::UNIX_EPOCH + since)?;
    Ok(())
}
