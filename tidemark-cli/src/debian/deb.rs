//! A `.deb`: an ar archive of a version, control data and the files (deb(5)).

use std::io::{self, BufRead, Read, Seek, Write};

use tidemark_sdk::layer::{BuildError, LayerBuilder, append_tar, decompressed};

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
    /// Its files could not be added to the layer.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Adds a package's files to a layer. `name` is what errors call it.
///
/// # Errors
/// [`DebError::Malformed`], or what [`append_tar`] gives for the files within.
pub(crate) fn unpack<W: Write + Seek>(
    builder: &mut LayerBuilder<W>,
    mut deb: impl BufRead,
    name: &str,
) -> Result<(), DebError> {
    let mut magic = [0; AR_MAGIC.len()];
    read(&mut deb, &mut magic)?;
    if &magic != AR_MAGIC {
        return Err(malformed("it is not an ar archive"));
    }
    let mut is_first = true;
    loop {
        let member = Member::read(&mut deb)?;
        if is_first {
            check_version(&member, &mut deb)?;
        } else if is_data(&member.name) {
            let mut content = deb.take(member.size);
            append_tar(builder, decompressed(&mut content).map_err(|error| truncated(&error))?, name)?;
            return if content.limit() == 0 { Ok(()) } else { Err(malformed("its files are truncated")) };
        } else {
            skip(&mut deb, member.size)?;
        }
        skip(&mut deb, member.size % 2)?;
        is_first = false;
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

fn is_data(name: &str) -> bool {
    matches!(name, "data.tar" | "data.tar.gz" | "data.tar.xz" | "data.tar.zst")
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
mod tests {
    use std::io::Cursor;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
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
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(5);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        builder.append_data(&mut header, "./greeting", b"hello".as_slice()).expect("memory");
        builder.into_inner().expect("memory")
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn unpacked(deb: &[u8]) -> Result<bool, String> {
        let mut builder = LayerBuilder::new(Cursor::new(Vec::new())).expect("memory");
        unpack(&mut builder, deb, "test").map_err(|error| error.to_string())?;
        Ok(builder.contains(&tidemark_sdk::layer::LayerPath::new(b"greeting").expect("safe")))
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
            let _ = unpacked(&arbitrary);
            let _ = unpacked(&ar(&[("debian-binary", b"2.0\n"), ("data.tar", &arbitrary)]));
        }
    }
}
