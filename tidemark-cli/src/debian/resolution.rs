//! What a request comes to: which packages make the base system, and which come on top. Kept in the cache.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::DebianError;
use super::packages::Package;
use super::release;
use crate::cache::Cache;

/// The packages that a request was resolved to, each list with dependencies first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Resolution {
    /// The essential packages and what they depend on: a system that configures others. Empty where only the packages'
    /// files are wanted.
    pub(super) base: Vec<Package>,
    /// All others.
    pub(super) packages: Vec<Package>,
}

impl Resolution {
    /// `None` if there is none that can be read: it is only a memory.
    pub(super) fn load(path: &Path) -> Option<Self> {
        let resolution: Self = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let sound = resolution.is_sound();
        sound.then_some(resolution)
    }

    /// Digests and file names become parts of paths: ones that were tampered with must not lead elsewhere.
    pub(super) fn is_sound(&self) -> bool {
        self.all().all(|package| {
            release::parse_sha256(&package.sha256).as_ref() == Some(&package.sha256)
                && !package.filename.starts_with('/')
                && !package.filename.split('/').any(|part| part == "..")
        })
    }

    pub(super) fn store(&self, path: &Path, cache: &Cache) -> Result<(), DebianError> {
        let failed = |source| DebianError::Cache { path: path.to_owned(), source };
        let json = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        cache.store(path, failed, |file| file.write_all(&json).map_err(failed))
    }

    /// All packages, those of the base first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Package> {
        self.base.iter().chain(&self.packages)
    }
}
