//! The machine's own apt sources (sources.list(5)), read to find a Debian archive to download from.

use std::fs;
use std::path::{Path, PathBuf};

use super::deb822;

/// Names under which Debian's releases are found in its archive. A source counts as Debian's own if its suite
/// is one of them: other archives with paths that end in `/debian` use names of their own.
const DEBIAN_SUITES: [&str; 12] = [
    "stable",
    "oldstable",
    "oldoldstable",
    "testing",
    "unstable",
    "sid",
    "buster",
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
];

/// The first Debian archive that is configured under `apt_dir` (`/etc/apt`), as a URL.
///
/// An archive qualifies by its suite, the component `main` and a path that ends in `/debian`. Files that are
/// missing or cannot be read count as empty: they are a hint, not something the user asked for.
pub(crate) fn debian_archive(apt_dir: &Path) -> Option<String> {
    let mut files = vec![apt_dir.join("sources.list")];
    let parts = fs::read_dir(apt_dir.join("sources.list.d")).into_iter().flatten().flatten();
    let mut parts: Vec<PathBuf> = parts.map(|entry| entry.path()).collect();
    parts.sort();
    files.extend(parts);
    files.iter().find_map(|file| {
        let text = fs::read_to_string(file).ok()?;
        let sources = match file.extension()?.to_str()? {
            "list" => one_line_sources(&text),
            "sources" => deb822_sources(&text),
            _ => return None,
        };
        sources.iter().filter(|source| source.is_debian_main()).find_map(|source| {
            source.uris.iter().flat_map(|uri| expand_mirror_list(uri)).find(|uri| is_archive_url(uri))
        })
    })
}

/// One entry: packages of `components` of `suites` at each of `uris`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Source {
    uris: Vec<String>,
    suites: Vec<String>,
    components: Vec<String>,
}

impl Source {
    fn is_debian_main(&self) -> bool {
        self.suites.iter().any(|suite| DEBIAN_SUITES.contains(&suite.as_str()))
            && self.components.iter().any(|component| component == "main")
    }
}

/// `deb [options] uri suite component…`, one a line.
fn one_line_sources(text: &str) -> Vec<Source> {
    text.lines().filter_map(one_line_source).collect()
}

fn one_line_source(line: &str) -> Option<Source> {
    let line = line.split('#').next()?.trim();
    let mut rest = line.strip_prefix("deb")?.strip_prefix([' ', '\t'])?.trim_start();
    if let Some(options) = rest.strip_prefix('[') {
        rest = options.split_once(']')?.1;
    }
    let mut words = rest.split_whitespace().map(str::to_owned);
    Some(Source { uris: vec![words.next()?], suites: vec![words.next()?], components: words.collect() })
}

/// Stanzas with the fields `Types`, `URIs`, `Suites`, `Components`.
fn deb822_sources(text: &str) -> Vec<Source> {
    deb822::stanzas(text)
        .filter(|stanza| {
            let enabled = stanza.get("Enabled").is_none_or(|value| !matches!(value, "no" | "false" | "0"));
            enabled && words(stanza.get("Types")).iter().any(|kind| kind == "deb")
        })
        .map(|stanza| Source {
            uris: words(stanza.get("URIs")),
            suites: words(stanza.get("Suites")),
            components: words(stanza.get("Components")),
        })
        .collect()
}

fn words(value: Option<&str>) -> Vec<String> {
    let lines = value.unwrap_or_default().lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

/// `mirror+file:/path` names a file with one mirror a line, as Debian's cloud images have it
/// (apt-transport-mirror(1)); any other URI stands for itself.
fn expand_mirror_list(uri: &str) -> Vec<String> {
    match uri.strip_prefix("mirror+file:") {
        None => vec![uri.to_owned()],
        Some(path) => {
            // With or without an empty authority: `file:/x` and `file:///x` are the same.
            let path = format!("/{}", path.trim_start_matches('/'));
            let text = fs::read_to_string(path).unwrap_or_default();
            let first_words = text.lines().filter_map(|line| line.split_whitespace().next());
            first_words.filter(|word| !word.starts_with('#')).map(str::to_owned).collect()
        }
    }
}

fn is_archive_url(uri: &str) -> bool {
    (uri.starts_with("http://") || uri.starts_with("https://"))
        && uri.trim_end_matches('/').ends_with("/debian")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An apt configuration with one file.
    fn found_in(name: &str, text: &str) -> Option<String> {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("parent")).expect("create");
        fs::write(path, text).expect("write");
        debian_archive(dir.path())
    }

    #[test]
    fn deb822_entries_are_read() {
        let text = "\
Types: deb deb-src
# a comment between fields
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
";
        let found = found_in("sources.list.d/debian.sources", text);
        assert_eq!(found.as_deref(), Some("http://mirror.example/debian/"));
    }

    #[test]
    fn one_line_entries_are_read() {
        let text = "\
# deb http://commented.example/debian trixie main
deb-src http://source.example/debian trixie main
deb cdrom:[Debian GNU/Linux 13]/ trixie main
deb http://security.example/debian-security trixie-security main
deb [arch=amd64 signed-by=/x.gpg] https://mirror.example/debian trixie main # note
";
        assert_eq!(found_in("sources.list", text).as_deref(), Some("https://mirror.example/debian"));
    }

    #[test]
    fn entries_that_are_not_debians_archive_are_passed_over() {
        for text in [
            "deb https://download.example/linux/debian nodistro main",
            "deb http://mirror.example/debian trixie contrib",
            "deb http://mirror.example/ubuntu stable main",
            "deb file:/srv/debian trixie main",
            "deb http://mirror.example/debian",
            "not a source at all",
        ] {
            assert_eq!(found_in("sources.list.d/x.list", text), None, "{text}");
        }
        let disabled =
            "Enabled: no\nTypes: deb\nURIs: http://m.example/debian\nSuites: sid\nComponents: main\n";
        assert_eq!(found_in("sources.list.d/x.sources", disabled), None);
        let other_format = found_in("sources.list.d/x.list.save", "deb http://m.example/debian sid main");
        assert_eq!(other_format, None);
    }

    #[test]
    fn mirror_lists_are_followed() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let list = dir.path().join("debian.list");
        fs::write(&list, "# mirrors\nhttps://mirror.example/debian\tpriority:1\n").expect("write");
        let text = format!("deb mirror+file:{} trixie main", list.display());
        assert_eq!(found_in("sources.list", &text).as_deref(), Some("https://mirror.example/debian"));
    }

    #[test]
    fn without_any_configuration_there_is_none() {
        assert_eq!(debian_archive(Path::new("/nonexistent")), None);
    }
}
