//! From a tar archive to a layer.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, Write};

use tar::{Entry, EntryType};

use super::builder::{Attributes, BuildError, LayerBuilder};
use super::format::{Device, Meta, Timestamp};
use super::path::LayerPath;

/// One entry of an archive, before it is added.
#[derive(Clone, Copy, Debug)]
pub struct TarEntry<'a> {
    /// Where it is to be.
    pub path: &'a LayerPath,
    /// What it is.
    pub kind: TarKind,
}

/// What an entry of an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TarKind {
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A regular file, a hard link, a device or a named pipe.
    Other,
}

/// What becomes of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// It goes where the archive has it.
    Keep,
    /// It goes here instead; hard links to it follow.
    At(LayerPath),
    /// It is left out.
    Skip,
}

/// Adds what is in a tar archive (ustar, pax or GNU; uncompressed) to a layer, over what is there already.
/// `name` is what errors call the archive.
///
/// # Errors
/// [`BuildError::UnsafePath`] and [`BuildError::ThroughSymlink`] for entries that lead out of the tree,
/// [`BuildError::Read`] for a damaged or truncated archive, and the others as [`LayerBuilder`] has them. What
/// came before the error is in the builder: throw it away.
pub fn append_tar<W: Write + Seek>(
    builder: &mut LayerBuilder<W>,
    archive: impl Read,
    name: &str,
) -> Result<(), BuildError> {
    append_tar_placed(builder, archive, name, |_, _| Ok::<_, BuildError>(Placement::Keep))
}

/// As [`append_tar`], but `place` decides for each entry what becomes of it, and may change what is there before.
///
/// # Errors
/// As [`append_tar`], and those of `place`.
pub fn append_tar_placed<W: Write + Seek, E: From<BuildError>>(
    builder: &mut LayerBuilder<W>,
    archive: impl Read,
    name: &str,
    mut place: impl FnMut(&mut LayerBuilder<W>, TarEntry<'_>) -> Result<Placement, E>,
) -> Result<(), E> {
    let broken = |source| BuildError::Read { what: name.to_owned(), source };
    // What the library says of a header that makes no sense quotes it, whatever its bytes are.
    let unreadable = |source: io::Error| match source.kind() {
        io::ErrorKind::Other => broken(invalid("it is no tar archive, or a damaged one")),
        _ => broken(source),
    };
    let mut archive = tar::Archive::new(archive);
    let mut moved = BTreeMap::new();
    for entry in archive.entries().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let kind = match entry.header().entry_type() {
            EntryType::XGlobalHeader => continue,
            EntryType::Directory => TarKind::Directory,
            EntryType::Symlink => TarKind::Symlink,
            _ => TarKind::Other,
        };
        let path = LayerPath::new(&entry.path_bytes()).map_err(BuildError::from)?;
        match place(builder, TarEntry { path: &path, kind })? {
            Placement::Keep => append_entry(builder, entry, path, &moved, name)?,
            Placement::At(elsewhere) => {
                moved.insert(path, elsewhere.clone());
                append_entry(builder, entry, elsewhere, &moved, name)?;
            }
            Placement::Skip => {}
        }
    }
    // To the end of the stream, so that a decompressor below gets to check its checksums.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(broken)?;
    Ok(())
}

fn append_entry<W: Write + Seek, R: Read>(
    builder: &mut LayerBuilder<W>,
    mut entry: Entry<'_, R>,
    path: LayerPath,
    moved: &BTreeMap<LayerPath, LayerPath>,
    name: &str,
) -> Result<(), BuildError> {
    let broken = |source| BuildError::Read { what: name.to_owned(), source };
    let kind = entry.header().entry_type();
    let unsupported = |what: String| BuildError::Unsupported { path: path.to_string(), what };
    let attributes = attributes(&mut entry).map_err(broken)?;
    let link_name = entry.link_name_bytes().map(|target| target.into_owned());
    match kind {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            let size = entry.size();
            if builder.file(&path, attributes, &mut entry)? != size {
                return Err(broken(io::ErrorKind::UnexpectedEof.into()));
            }
            Ok(())
        }
        EntryType::Directory => builder.directory(&path, attributes),
        EntryType::Symlink => {
            let target = link_name.ok_or_else(|| unsupported("a symbolic link without a target".into()))?;
            builder.symlink(&path, attributes, &target)
        }
        EntryType::Link => {
            let target = link_name.ok_or_else(|| unsupported("a hard link without a target".into()))?;
            let target = LayerPath::new(&target)?;
            builder.hard_link(&path, moved.get(&target).unwrap_or(&target))
        }
        EntryType::Char => builder.char_device(&path, attributes, device(&entry).map_err(broken)?),
        EntryType::Block => builder.block_device(&path, attributes, device(&entry).map_err(broken)?),
        EntryType::Fifo => builder.fifo(&path, attributes),
        other => Err(unsupported(format!("type {:?}", char::from(other.as_byte())))),
    }
}

fn attributes<R: Read>(entry: &mut Entry<'_, R>) -> io::Result<Attributes> {
    let header = entry.header();
    let narrow = |id: u64| u32::try_from(id).map_err(|_| invalid("owner out of range"));
    let mut meta = Meta {
        mode: (header.mode()? & 0o7777) as u16,
        uid: narrow(header.uid()?)?,
        gid: narrow(header.gid()?)?,
        mtime: Timestamp {
            seconds: i64::try_from(header.mtime()?).map_err(|_| invalid("time out of range"))?,
            nanoseconds: 0,
        },
    };
    let mut xattrs = BTreeMap::new();
    for extension in entry.pax_extensions()?.into_iter().flatten() {
        let extension = extension?;
        match extension.key_bytes() {
            b"mtime" => {
                meta.mtime =
                    extension.value().ok().and_then(pax_time).ok_or_else(|| invalid("malformed pax time"))?;
            }
            key => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    xattrs.insert(name.to_vec(), extension.value_bytes().to_vec());
                }
            }
        }
    }
    Ok(Attributes { meta, xattrs })
}

/// A pax time: decimal seconds, perhaps negative, perhaps with a fraction (POSIX, pax, "pax Extended Header").
fn pax_time(text: &str) -> Option<Timestamp> {
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(magnitude) => (true, magnitude),
        None => (false, text),
    };
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) || !whole.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let nanoseconds: u32 = digits.parse().ok()?;
    Some(match (negative, nanoseconds) {
        (false, _) => Timestamp { seconds: whole, nanoseconds },
        (true, 0) => Timestamp { seconds: -whole, nanoseconds: 0 },
        // -1.25 is 0.75 after -2.
        (true, _) => {
            Timestamp { seconds: (-whole).checked_sub(1)?, nanoseconds: 1_000_000_000 - nanoseconds }
        }
    })
}

fn device<R: Read>(entry: &Entry<'_, R>) -> io::Result<Device> {
    let missing = || invalid("device without a number");
    Ok(Device {
        major: entry.header().device_major()?.ok_or_else(missing)?,
        minor: entry.header().device_minor()?.ok_or_else(missing)?,
    })
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
