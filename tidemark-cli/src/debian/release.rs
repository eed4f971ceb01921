//! A suite's `InRelease`: what it says, once its signature has been verified.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::deb822;
use super::error::DebianError;

/// How far in the future a release may be dated: clocks differ.
const CLOCK_SKEW: Duration = Duration::from_secs(24 * 60 * 60);

/// A verified release: the files of a suite and their digests.
#[derive(Debug)]
pub(crate) struct Release {
    by_hash: bool,
    files: HashMap<String, IndexFile>,
}

/// One file below `dists/SUITE/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IndexFile {
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Its SHA-256, in lower-case hexadecimal.
    pub(crate) sha256: String,
}

impl Release {
    /// Reads the signed text of the `InRelease` of `suite`, and checks that it is that suite's and in force.
    ///
    /// # Errors
    /// [`DebianError::Release`] if it is another suite's (a mirror could swap two that are both signed), has
    /// expired, is dated in the future, or names no files.
    pub(crate) fn parse(text: &str, suite: &str, now: SystemTime) -> Result<Self, DebianError> {
        let refuse = |reason: String| DebianError::Release { suite: suite.to_owned(), reason };
        let stanza = deb822::stanzas(text).next().ok_or_else(|| refuse("its InRelease is empty".into()))?;
        let names = [stanza.get("Suite"), stanza.get("Codename")];
        if !names.contains(&Some(suite)) {
            let found = names.iter().flatten().copied().collect::<Vec<_>>().join(" or ");
            return Err(refuse(format!("its InRelease is for {found:?}")));
        }
        let time = |field| match stanza.get(field) {
            None => Ok(None),
            Some(value) => match parse_time(value) {
                Some(time) => Ok(Some(time)),
                None => Err(refuse(format!("its {field} is malformed: {value:?}"))),
            },
        };
        if time("Date")?.is_some_and(|date| date > now + CLOCK_SKEW) {
            return Err(refuse("its InRelease is dated in the future: check this machine's clock".into()));
        }
        if time("Valid-Until")?.is_some_and(|end| end < now) {
            let end = stanza.get("Valid-Until").unwrap_or_default();
            return Err(refuse(format!("its InRelease expired on {end}: try another mirror")));
        }
        let listed = stanza.get("SHA256").ok_or_else(|| refuse("its InRelease has no SHA256 list".into()))?;
        let files = listed.lines().filter_map(index_file).collect();
        let by_hash = stanza.get("Acquire-By-Hash") == Some("yes");
        Ok(Self { by_hash, files })
    }

    /// What the release says of a file below `dists/SUITE/`.
    pub(crate) fn file(&self, path: &str) -> Option<&IndexFile> {
        self.files.get(path)
    }

    /// Where to download a file of the release from, below `dists/SUITE/`. A mirror that offers files by
    /// their digest keeps those of the previous release for a while, so that an update in progress breaks
    /// nothing.
    pub(crate) fn download_path(&self, path: &str, file: &IndexFile) -> String {
        match path.rsplit_once('/') {
            Some((folder, _)) if self.by_hash => format!("{folder}/by-hash/SHA256/{}", file.sha256),
            _ => path.to_owned(),
        }
    }
}

/// ` <sha256> <size> <path>`
fn index_file(line: &str) -> Option<(String, IndexFile)> {
    let mut words = line.split_whitespace();
    let (sha256, size, path) = (words.next()?, words.next()?, words.next()?);
    let file = IndexFile { size: size.parse().ok()?, sha256: parse_sha256(sha256)? };
    Some((path.to_owned(), file))
}

/// A SHA-256 in hexadecimal, in lower case; `None` for anything else, which must never become a file's name.
pub(crate) fn parse_sha256(text: &str) -> Option<String> {
    (text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| text.to_ascii_lowercase())
}

/// `Sat, 12 Sep 2026 07:55:41 UTC`: the form of HTTP's dates but for the name of the zone.
fn parse_time(text: &str) -> Option<SystemTime> {
    let text = ["UTC", "+0000", "Z"]
        .iter()
        .find_map(|zone| text.strip_suffix(zone))
        .map_or_else(|| text.to_owned(), |time| format!("{time}GMT"));
    httpdate::parse_http_date(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn now() -> SystemTime {
        parse_time("Sun, 22 Nov 2026 12:00:00 UTC").expect("a time")
    }

    fn parse(fields: &str) -> Result<Release, String> {
        let text = format!(
            "Suite: stable\r\nCodename: trixie\r\n{fields}SHA256:\r\n {SHA} 42 main/x/Packages.xz\r\n"
        );
        Release::parse(&text, "trixie", now()).map_err(|error| error.to_string())
    }

    #[test]
    fn files_are_found_with_and_without_by_hash() {
        let path = "main/x/Packages.xz";
        let release = parse("Acquire-By-Hash: yes\r\n").expect("valid");
        let file = release.file(path).expect("listed");
        assert_eq!(file, &IndexFile { size: 42, sha256: SHA.into() });
        assert_eq!(release.download_path(path, file), format!("main/x/by-hash/SHA256/{SHA}"));
        assert_eq!(release.file("main/x/Packages"), None);
        let release = parse("").expect("valid");
        assert_eq!(release.download_path(path, file_of(&release, path)), path);
    }

    fn file_of<'a>(release: &'a Release, path: &str) -> &'a IndexFile {
        release.file(path).expect("listed")
    }

    #[test]
    fn another_suite_is_refused() {
        let text = "Suite: oldstable\nCodename: bookworm\nSHA256:\n";
        let error = Release::parse(text, "trixie", now()).expect_err("refused").to_string();
        assert_eq!(
            error,
            "the mirror's trixie cannot be used: its InRelease is for \"oldstable or bookworm\""
        );
    }

    #[test]
    fn dates_are_enforced() {
        assert!(parse("Valid-Until: Sun, 22 Nov 2026 12:00:01 UTC\r\n").is_ok());
        let expired = parse("Valid-Until: Sun, 22 Nov 2026 11:59:59 UTC\r\n").expect_err("expired");
        assert!(expired.contains("expired on Sun, 22 Nov 2026 11:59:59 UTC"), "{expired}");
        assert!(parse("Date: Sun, 22 Nov 2026 13:00:00 UTC\r\n").is_ok(), "clocks differ");
        assert!(parse("Date: Tue, 24 Nov 2026 13:00:00 UTC\r\n").expect_err("future").contains("future"));
        assert!(parse("Valid-Until: tomorrow\r\n").expect_err("no date").contains("malformed"));
    }

    #[test]
    fn digests_are_only_digests() {
        assert_eq!(parse_sha256(&SHA.to_uppercase()).as_deref(), Some(SHA));
        for bad in ["", "../../etc/passwd", &SHA[1..], &format!("{}g", &SHA[1..])] {
            assert_eq!(parse_sha256(bad), None, "{bad}");
        }
    }
}
