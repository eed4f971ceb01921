//! A `.deb`: an ar archive of a version, control data and the files (deb(5)).

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Seek, Write};

use tidemark_sdk::layer::{BuildError, LayerBuilder, Placement, TarEntry, append_tar_placed, decompressed};

use super::limits::MAX_CONTROL_LEN;

/// The global header of an ar archive.
const AR_MAGIC: &[u8; 8] = b"!<arch>\n";
/// Length of a member's header, in bytes.
const AR_HEADER_LEN: usize = 60;

/// Why a `.deb` could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DebError {
    /// It is not in the format, or truncated.
    #[error("{0}")]
    Malformed(String),
    /// A file of it belongs to another package already.
    #[error("it has {path}, which {owner} has, too")]
    Overwrites { path: String, owner: String },
    /// Its files could not be added to the layer.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// The control data of a package: what dpkg keeps in its database, and the scripts it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ControlData {
    /// Files by name: `control`, `postinst`, `md5sums` and so on.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl ControlData {
    /// A file as text; empty if it is not there.
    pub(crate) fn text(&self, name: &str) -> String {
        self.files.get(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
    }
}

/// Reads a package's control data.
///
/// # Errors
/// [`DebError::Malformed`]; also for control data of more than [`MAX_CONTROL_LEN`] bytes.
pub(crate) fn control(deb: impl BufRead) -> Result<ControlData, DebError> {
    let mut deb = Members::new(deb)?;
    while let Some(member) = deb.next_member()? {
        if !is_tar(&member.name, "control.tar") {
            deb.skip(&member)?;
            continue;
        }
        let mut content = deb.input.by_ref().take(member.size);
        let tar = decompressed(&mut content).map_err(|error| truncated(&error))?;
        return control_files(tar.take(MAX_CONTROL_LEN));
    }
    Err(malformed("it has no control data"))
}

fn control_files(tar: impl Read) -> Result<ControlData, DebError> {
    let mut archive = tar::Archive::new(tar);
    let mut control = ControlData::default();
    let damaged = |_: io::Error| malformed("its control data is damaged, or more than there can be");
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path_bytes().into_owned();
        let path = path.strip_prefix(b"./").unwrap_or(&path);
        let name = std::str::from_utf8(path).ok().filter(|name| is_control_name(name));
        let Some(name) = name.map(str::to_owned) else {
            return Err(malformed("its control data has a file with an odd name"));
        };
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(damaged)?;
        if content.len() as u64 != entry.size() {
            return Err(malformed("its control data is truncated"));
        }
        control.files.insert(name, content);
    }
    if control.files.contains_key("control") { Ok(control) } else { Err(malformed("it has no control file")) }
}

/// Names become parts of names in dpkg's database.
fn is_control_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Adds a package's files to a layer, where `place` has them. `name` is what errors call it.
///
/// # Errors
/// [`DebError::Malformed`], or what [`append_tar_placed`] and `place` give for the files within.
pub(crate) fn unpack<W: Write + Seek>(
    builder: &mut LayerBuilder<W>,
    deb: impl BufRead,
    name: &str,
    place: impl FnMut(&mut LayerBuilder<W>, TarEntry<'_>) -> Result<Placement, DebError>,
) -> Result<(), DebError> {
    let mut deb = Members::new(deb)?;
    while let Some(member) = deb.next_member()? {
        if !is_tar(&member.name, "data.tar") {
            deb.skip(&member)?;
            continue;
        }
        let mut content = deb.input.take(member.size);
        let tar = decompressed(&mut content).map_err(|error| truncated(&error))?;
        append_tar_placed(builder, tar, name, place)?;
        return if content.limit() == 0 { Ok(()) } else { Err(malformed("its files are truncated")) };
    }
    Err(malformed("it is truncated"))
}

/// The members of a `.deb`, one after the other.
struct Members<R> {
    input: R,
    is_first: bool,
    /// Whether a byte of padding comes before the next header.
    padded: bool,
}

impl<R: BufRead> Members<R> {
    fn new(mut input: R) -> Result<Self, DebError> {
        let mut magic = [0; AR_MAGIC.len()];
        read(&mut input, &mut magic)?;
        if &magic != AR_MAGIC {
            return Err(malformed("it is not an ar archive"));
        }
        Ok(Self { input, is_first: true, padded: false })
    }

    /// The next member's header, the version being checked; `None` at the end.
    fn next_member(&mut self) -> Result<Option<Member>, DebError> {
        if self.padded {
            skip(&mut self.input, 1)?;
        }
        if !self.is_first && self.input.fill_buf().map_err(|error| truncated(&error))?.is_empty() {
            return Ok(None);
        }
        let member = Member::read(&mut self.input)?;
        self.padded = member.size % 2 == 1;
        if self.is_first {
            self.is_first = false;
            check_version(&member, &mut self.input)?;
            return self.next_member();
        }
        Ok(Some(member))
    }

    fn skip(&mut self, member: &Member) -> Result<(), DebError> {
        skip(&mut self.input, member.size)
    }
}

/// One member's header.
struct Member {
    name: String,
    size: u64,
}

impl Member {
    /// Names are padded with blanks and, in System V's variant, end in a slash.
    fn read(input: &mut impl Read) -> Result<Self, DebError> {
        let mut header = [0; AR_HEADER_LEN];
        read(input, &mut header)?;
        let text = std::str::from_utf8(&header).map_err(|_| malformed("a member's header is damaged"))?;
        let field = |range| text.get(range).map(str::trim_end).unwrap_or_default();
        if field(58..60) != "`" {
            return Err(malformed("a member's header is damaged"));
        }
        Ok(Self {
            name: field(0..16).trim_end_matches('/').to_owned(),
            size: field(48..58).parse().map_err(|_| malformed("a member's size is damaged"))?,
        })
    }
}

/// The first member holds the format's version, of which the major number counts (deb(5)).
fn check_version(member: &Member, input: &mut impl Read) -> Result<(), DebError> {
    const MAX_VERSION_LEN: u64 = 64;
    if member.name != "debian-binary" || member.size > MAX_VERSION_LEN {
        return Err(malformed("it does not start with debian-binary"));
    }
    let mut version = String::new();
    input.take(member.size).read_to_string(&mut version).map_err(|error| truncated(&error))?;
    if !version.starts_with("2.") {
        return Err(malformed("its format is not version 2"));
    }
    Ok(())
}

fn is_tar(name: &str, stem: &str) -> bool {
    name.strip_prefix(stem).is_some_and(|suffix| matches!(suffix, "" | ".gz" | ".xz" | ".zst"))
}

fn read(input: &mut impl Read, buffer: &mut [u8]) -> Result<(), DebError> {
    input.read_exact(buffer).map_err(|error| truncated(&error))
}

fn skip(input: &mut impl Read, len: u64) -> Result<(), DebError> {
    let skipped = io::copy(&mut input.take(len), &mut io::sink()).map_err(|error| truncated(&error))?;
    if skipped == len { Ok(()) } else { Err(malformed("it is truncated")) }
}

fn truncated(error: &io::Error) -> DebError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => malformed("it is truncated"),
        _ => DebError::Malformed(error.to_string()),
    }
}

fn malformed(why: &str) -> DebError {
    DebError::Malformed(why.to_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Cursor;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use tidemark_sdk::layer::LayerPath;

    use super::*;

    pub(in super::super) fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = AR_MAGIC.to_vec();
        for (name, content) in members {
            let header =
                format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, "100644", content.len());
            out.extend_from_slice(header.as_bytes());
            out.extend_from_slice(content);
            out.resize(out.len().next_multiple_of(2), b'\n');
        }
        out
    }

    fn tar() -> Vec<u8> {
        tar_of(&[("./greeting", "hello")])
    }

    /// A tar archive of files given by path and content.
    pub(in super::super) fn tar_of(files: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            builder.append_data(&mut header, path, content.as_bytes()).expect("memory");
        }
        builder.into_inner().expect("memory")
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn unpacked(deb: &[u8]) -> Result<bool, String> {
        let mut builder = LayerBuilder::new(Cursor::new(Vec::new())).expect("memory");
        unpack(&mut builder, deb, "test", |_, _| Ok(Placement::Keep)).map_err(|error| error.to_string())?;
        Ok(builder.contains(&LayerPath::new(b"greeting").expect("safe")))
    }

    #[test]
    fn files_are_found_behind_the_control_data() {
        for (name, data) in [("data.tar", tar()), ("data.tar.gz/", gzip(&tar()))] {
            let control = ("control.tar.gz", b"odd".as_slice());
            let deb = ar(&[("debian-binary", b"2.0\n"), control, ("_extra", b"x"), (name, &data)]);
            assert_eq!(unpacked(&deb), Ok(true), "{name}");
        }
    }

    #[test]
    fn control_data_is_read_and_checked() {
        let version = ("debian-binary", b"2.0\n".as_slice());
        let files = [("./control", "Package: x\n"), ("./postinst", "#!/bin/sh\n")];
        let good = ar(&[version, ("control.tar.gz", &gzip(&tar_of(&files))), ("data.tar", &tar())]);
        let read = control(good.as_slice()).expect("readable");
        assert_eq!((read.text("control").as_str(), read.files.len()), ("Package: x\n", 2));
        for (tar, why) in [
            (tar_of(&[("./postinst", "")]), "no control file"),
            (tar_of(&[("./a/b", "")]), "odd name"),
            (tar_of(&files)[..600].to_vec(), "damaged"),
        ] {
            let error = control(ar(&[version, ("control.tar", &tar)]).as_slice()).expect_err(why).to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn what_is_no_package_is_refused() {
        let version = ("debian-binary", b"2.0\n".as_slice());
        for (deb, why) in [
            (b"<html>not found</html>".to_vec(), "it is not an ar archive"),
            (ar(&[("control.tar", b"")]), "it does not start with debian-binary"),
            (ar(&[("debian-binary", b"3.0\n")]), "its format is not version 2"),
            (ar(&[version, ("control.tar", b"x")]), "it is truncated"),
        ] {
            assert_eq!(unpacked(&deb), Err(why.to_owned()));
        }
    }

    #[test]
    fn truncation_is_noticed_wherever_it_is() {
        let deb = ar(&[("debian-binary", b"2.0\n"), ("data.tar.gz", &gzip(&tar()))]);
        for len in 0..deb.len() - 2 {
            assert!(unpacked(&deb[..len]).is_err(), "cut to {len} of {}", deb.len());
        }
    }

    proptest! {
        #[test]
        fn damage_is_an_error_or_harmless(
            damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            arbitrary in vec(any::<u8>(), 0..300),
        ) {
            let mut deb = ar(&[("debian-binary", b"2.0\n"), ("data.tar", &tar())]);
            for (at, value) in damage {
                let at = at.index(deb.len());
                deb[at] = value;
            }
            let _ = unpacked(&deb);
            let _ = control(deb.as_slice());
            let _ = control(ar(&[("debian-binary", b"2.0\n"), ("control.tar", &arbitrary)]).as_slice());
            let _ = unpacked(&arbitrary);
            let _ = unpacked(&ar(&[("debian-binary", b"2.0\n"), ("data.tar", &arbitrary)]));
        }
    }
}
