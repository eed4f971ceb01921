//! From a tar archive to a layer.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, Write};

use tar::{Entry, EntryType};

use super::builder::{Attributes, BuildError, LayerBuilder};
use super::format::{Device, Meta, Timestamp};
use super::path::LayerPath;

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
    let broken = |source| BuildError::Read { what: name.to_owned(), source };
    // What the library says of a header that makes no sense quotes it, whatever its bytes are.
    let unreadable = |source: io::Error| match source.kind() {
        io::ErrorKind::Other => broken(invalid("it is no tar archive, or a damaged one")),
        _ => broken(source),
    };
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries().map_err(unreadable)? {
        append_entry(builder, entry.map_err(unreadable)?, name)?;
    }
    // To the end of the stream, so that a decompressor below gets to check its checksums.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(broken)?;
    Ok(())
}

fn append_entry<W: Write + Seek, R: Read>(
    builder: &mut LayerBuilder<W>,
    mut entry: Entry<'_, R>,
    name: &str,
) -> Result<(), BuildError> {
    let broken = |source| BuildError::Read { what: name.to_owned(), source };
    let kind = entry.header().entry_type();
    if kind == EntryType::XGlobalHeader {
        return Ok(());
    }
    let path = LayerPath::new(&entry.path_bytes())?;
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
            builder.hard_link(&path, &LayerPath::new(&target)?)
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
