//! Lock files: what a request came to, kept by the user, so that it comes to the same everywhere and later.
//!
//! JSON, with these members: `version` (of the format: 1), `suite`, `architecture`, `request` (what was asked for, sorted),
//! `essential` and `recommends` (whether these came along), `base` and `packages` (see [`Resolution`]), lists of packages in
//! the order of installing, each with `name`, `version`, `filename` (below the mirror), `size` in bytes and `sha256`, and
//! perhaps `pre_depends`.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::DebianError;
use super::request::{Request, Wanted};
use super::resolution::Resolution;
use super::{ARCHITECTURE, SUITE};

/// The version of the format.
const VERSION: u32 = 1;

/// What is in a lock file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lock {
    version: u32,
    suite: String,
    architecture: String,
    request: Vec<String>,
    essential: bool,
    recommends: bool,
    #[serde(flatten)]
    resolution: Resolution,
}

impl Lock {
    /// The resolution that a lock file has for a request; `None` if there is no such file.
    ///
    /// # Errors
    /// [`DebianError::Lock`] if it is malformed, [`DebianError::LockedOther`] if it is for another request.
    pub(super) fn read(
        path: &Path,
        wanted: &[Wanted],
        request: &Request<'_>,
    ) -> Result<Option<Resolution>, DebianError> {
        let bad = |reason: String| DebianError::Lock { path: path.to_owned(), reason };
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(bad(error.to_string())),
        };
        let lock: Lock = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        if lock.version != VERSION {
            return Err(bad(format!("it is of version {}, not {VERSION}", lock.version)));
        }
        if !lock.resolution.is_sound() {
            return Err(bad("a package in it has no SHA-256, or a file name that leads elsewhere".into()));
        }
        let asked = Lock::of(wanted, request, Resolution::default());
        if (lock.describe(), &lock.suite, &lock.architecture)
            != (asked.describe(), &asked.suite, &asked.architecture)
        {
            return Err(DebianError::LockedOther {
                path: path.to_owned(),
                locked: lock.describe(),
                wanted: asked.describe(),
            });
        }
        Ok(Some(lock.resolution))
    }

    /// Writes a lock file, whole or not at all.
    ///
    /// # Errors
    /// [`DebianError::LockUnwritable`].
    pub(super) fn write(
        path: &Path,
        wanted: &[Wanted],
        request: &Request<'_>,
        resolution: &Resolution,
    ) -> Result<(), DebianError> {
        let failed = |source| DebianError::LockUnwritable { path: path.to_owned(), source };
        let lock = Lock::of(wanted, request, resolution.clone());
        let mut json = serde_json::to_vec_pretty(&lock).map_err(|error| failed(error.into()))?;
        json.push(b'\n');
        let folder = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
        let mut file = crate::cache::new_file(folder).map_err(failed)?;
        file.write_all(&json).map_err(failed)?;
        file.persist(path).map(drop).map_err(|error| failed(error.error))
    }

    fn of(wanted: &[Wanted], request: &Request<'_>, resolution: Resolution) -> Self {
        let mut names: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        names.sort_unstable();
        Self {
            version: VERSION,
            suite: SUITE.into(),
            architecture: ARCHITECTURE.into(),
            request: names,
            essential: request.essential,
            recommends: request.recommends,
            resolution,
        }
    }

    /// The request as a user would write it.
    fn describe(&self) -> String {
        let mut text = self.request.join(",");
        if !self.essential {
            text += " --no-essential";
        }
        if self.recommends {
            text += " --recommends";
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::packages::Package;

    fn package(sha256: &str) -> Package {
        Package {
            name: "app".into(),
            version: "1".into(),
            filename: "pool/app.deb".into(),
            size: 3,
            sha256: sha256.into(),
            pre_depends: Vec::new(),
        }
    }

    fn request(recommends: bool) -> Request<'static> {
        Request { essential: true, recommends, ..Request::default() }
    }

    #[test]
    fn what_is_locked_is_read_again_by_the_same_request_only() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("lock.json");
        let wanted = Wanted::list(&["b=2".to_owned(), "a".to_owned()]).expect("names");
        assert_eq!(Lock::read(&path, &wanted, &request(false)).expect("none"), None);
        let resolution = Resolution { base: Vec::new(), packages: vec![package(&"a".repeat(64))] };
        Lock::write(&path, &wanted, &request(false), &resolution).expect("written");
        let other_order = Wanted::list(&["a".to_owned(), "b=2".to_owned()]).expect("names");
        assert_eq!(Lock::read(&path, &other_order, &request(false)).expect("one"), Some(resolution));
        let error = Lock::read(&path, &wanted, &request(true)).expect_err("another").to_string();
        assert!(error.contains("locks a,b=2, but a,b=2 --recommends is asked for"), "{error}");
    }

    #[test]
    fn damage_is_told() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("lock.json");
        let wanted = Wanted::list(&["a".to_owned()]).expect("names");
        let resolution = Resolution { base: Vec::new(), packages: vec![package("../../x")] };
        Lock::write(&path, &wanted, &request(false), &resolution).expect("written");
        let error = Lock::read(&path, &wanted, &request(false)).expect_err("unsound").to_string();
        assert!(error.contains("has no SHA-256") && error.contains("remove it"), "{error}");
        for text in ["", "{}", "[1]", "{\"version\": 1"] {
            fs::write(&path, text).expect("written");
            assert!(
                matches!(Lock::read(&path, &wanted, &request(false)), Err(DebianError::Lock { .. })),
                "{text}"
            );
        }
    }
}
