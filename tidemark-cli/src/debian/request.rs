//! What a user asks for: packages by name, perhaps of a version (apt-get(8), install).

use std::path::Path;

use super::error::DebianError;
use super::{ARCHITECTURE, SUITE};

/// Which packages are wanted, and how to get them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Request<'a> {
    /// Packages as the user names them.
    pub(crate) packages: &'a [String],
    /// Whether the essential packages come along, and packages are configured.
    pub(crate) essential: bool,
    /// Whether recommended packages come along.
    pub(crate) recommends: bool,
    /// The mirror that the user named.
    pub(crate) mirror: Option<&'a str>,
    /// The keyring that the user named, instead of Debian's.
    pub(crate) keyring: Option<&'a Path>,
    /// Whether the network may not be used.
    pub(crate) offline: bool,
    /// Whether to resolve anew what was resolved before.
    pub(crate) refresh: bool,
    /// The lock file that the user named.
    pub(crate) lock: Option<&'a Path>,
}

/// One package that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) version: Option<String>,
}

impl Wanted {
    /// The packages of a list, each once.
    ///
    /// # Errors
    /// [`DebianError::BadName`], [`DebianError::OtherSuite`], [`DebianError::OtherArchitecture`].
    pub(super) fn list(list: &[String]) -> Result<Vec<Self>, DebianError> {
        let mut all: Vec<Self> = Vec::new();
        for text in list {
            let wanted = Self::parse(text.trim())?;
            if !all.contains(&wanted) {
                all.push(wanted);
            }
        }
        Ok(all)
    }

    /// `name[:architecture][=version][/suite]`
    fn parse(text: &str) -> Result<Self, DebianError> {
        let bad = || DebianError::BadName { name: text.to_owned() };
        let (rest, version) = match text.split_once('=') {
            Some((rest, version)) => (rest, Some(version)),
            None => (text, None),
        };
        let (rest, suite) = match rest.split_once('/') {
            Some((rest, suite)) => (rest, Some(suite)),
            None => (rest, None),
        };
        let (name, architecture) = match rest.split_once(':') {
            Some((name, architecture)) => (name, Some(architecture)),
            None => (rest, None),
        };
        if !is_package_name(name) {
            return Err(bad());
        }
        if let Some(named) = suite.filter(|suite| *suite != SUITE) {
            let (name, named, suite) = (name.to_owned(), named.to_owned(), SUITE.to_owned());
            return Err(DebianError::OtherSuite { name, named, suite });
        }
        if let Some(named) = architecture.filter(|named| *named != ARCHITECTURE) {
            return Err(DebianError::OtherArchitecture { name: name.to_owned(), named: named.to_owned() });
        }
        // deb-version(7).
        let is_version = |version: &str| {
            let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '~' | ':');
            !version.is_empty() && version.chars().all(is_part)
        };
        if version.is_some_and(|version| !is_version(version)) {
            return Err(bad());
        }
        Ok(Self { name: name.to_owned(), version: version.map(str::to_owned) })
    }
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}={version}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// deb-control(5), Package.
fn is_package_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Result<String, String> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let list = Wanted::list(&names).map_err(|error| error.to_string())?;
        Ok(list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn names_are_checked_and_kept_once() {
        assert_eq!(list(&["bash", "g++-14", "bash", "7zip"]).as_deref(), Ok("bash g++-14 7zip"));
        assert_eq!(list(&["bash:riscv64=5.2-1~x", "awk/trixie"]).as_deref(), Ok("bash=5.2-1~x awk"));
        for bad in ["", "Bash", "../x", "a b", "-x", "a\nb", "a=", "a=1 2", "a=../x"] {
            assert!(list(&[bad]).expect_err(bad).contains("is not a package name"), "{bad:?}");
        }
    }

    #[test]
    fn other_suites_and_architectures_are_refused() {
        assert_eq!(
            list(&["bash/sid"]).expect_err("refused"),
            "packages come from trixie only: leave out \"/sid\" after bash"
        );
        assert_eq!(
            list(&["bash:amd64"]).expect_err("refused"),
            "packages are for riscv64 only: leave out \":amd64\" after bash"
        );
    }
}
