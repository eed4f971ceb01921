//! Where packages are downloaded from: a mirror's base URL, and how it is chosen.

use std::path::Path;

use super::apt_sources;
use super::error::DebianError;

/// The variable that names a mirror.
pub(crate) const MIRROR_VARIABLE: &str = "TIDEMARK_DEBIAN_MIRROR";
/// Where apt keeps its sources.
const APT_DIR: &str = "/etc/apt";

/// The base URL of a Debian archive: what holds `dists/` and `pool/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mirror {
    /// Without a slash at its end.
    base: String,
}

impl Mirror {
    /// Takes a URL from the user.
    ///
    /// # Errors
    /// [`DebianError::BadMirror`] if it is not an `http` or `https` URL with a host.
    pub(crate) fn new(url: &str) -> Result<Self, DebianError> {
        let base = url.trim().trim_end_matches('/');
        let rest = base.strip_prefix("http://").or_else(|| base.strip_prefix("https://"));
        let valid = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
            && !base.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#'));
        if !valid {
            return Err(DebianError::BadMirror { url: url.to_owned() });
        }
        Ok(Self { base: base.to_owned() })
    }

    /// The mirror to use: what the user names (`--mirror`, else the variable, which clap reads), else the
    /// machine's own.
    ///
    /// # Errors
    /// [`DebianError::BadMirror`], or [`DebianError::NoMirror`] if there is none.
    pub(crate) fn choose(named: Option<&str>) -> Result<Self, DebianError> {
        Self::choose_with(named, Path::new(APT_DIR))
    }

    fn choose_with(named: Option<&str>, apt_dir: &Path) -> Result<Self, DebianError> {
        match named.filter(|url| !url.trim().is_empty()) {
            Some(url) => Self::new(url),
            None => {
                let url = apt_sources::debian_archive(apt_dir).ok_or(DebianError::NoMirror)?;
                Self::new(&url)
            }
        }
    }

    /// The URL of a file in the archive.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }
}

impl std::fmt::Display for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_with_and_without_a_slash() {
        for url in [
            "http://mirror.example/debian",
            "http://mirror.example/debian/",
            " http://mirror.example/debian\n",
        ] {
            let mirror = Mirror::new(url).expect(url);
            assert_eq!(
                mirror.url("dists/trixie/InRelease"),
                "http://mirror.example/debian/dists/trixie/InRelease"
            );
        }
    }

    #[test]
    fn what_is_no_mirror_is_refused() {
        for url in [
            "ftp://mirror.example/debian",
            "mirror.example/debian",
            "http://",
            "https:///debian",
            "http://a b/",
        ] {
            let error = Mirror::new(url).expect_err(url).to_string();
            assert!(error.contains("http"), "{error}");
        }
    }

    #[test]
    fn what_is_named_goes_before_what_is_configured() {
        let apt = tempfile::tempdir().expect("temporary directory");
        let sources = "deb http://configured.example/debian trixie main\n";
        std::fs::write(apt.path().join("sources.list"), sources).expect("write");
        let choose = |named| Mirror::choose_with(named, apt.path()).expect("a mirror").to_string();
        assert_eq!(choose(Some("http://named.example/debian")), "http://named.example/debian");
        assert_eq!(choose(None), "http://configured.example/debian");
        assert_eq!(choose(Some("")), "http://configured.example/debian", "an empty variable is none");
    }

    #[test]
    fn without_a_mirror_the_error_says_what_to_set() {
        let error = Mirror::choose_with(None, Path::new("/nonexistent")).expect_err("none").to_string();
        assert!(error.contains("--mirror") && error.contains(MIRROR_VARIABLE), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}
