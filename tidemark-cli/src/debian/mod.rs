//! Debian packages as layers: from names to a file that holds the packages and what they depend on.
//!
//! The chain of trust is apt's: the suite's `InRelease` is signed by a key of the keyring and states the
//! SHA-256 of the package index, which states that of each `.deb`. Nothing is used before it is verified.
//!
//! Everything is cached. What a request was resolved to is kept, too: the second time, nothing is asked of
//! the network; `--refresh` asks again.

mod apt_sources;
mod archive;
mod base;
mod build;
mod configure;
mod database;
mod deb;
mod deb822;
mod download;
mod error;
mod limits;
mod lock;
mod mirror;
mod openpgp;
mod packages;
mod relation;
mod release;
mod request;
mod resolution;
mod resolve;
mod version;

use std::path::{Path, PathBuf};

use serde::Serialize;

use self::archive::Archive;
pub(crate) use self::archive::key_of;
pub(crate) use self::download::Downloader;
pub(crate) use self::error::DebianError;
use self::lock::Lock;
pub(crate) use self::mirror::{MIRROR_VARIABLE, Mirror};
use self::openpgp::KeyringFile;
use self::packages::Packages;
pub(crate) use self::release::parse_sha256;
pub(crate) use self::request::Request;
use self::request::Wanted;
use self::resolution::Resolution;
use self::resolve::{Essential, Goal};
use crate::cache::Cache;
use crate::progress::Progress;

/// The suite that packages come from.
pub(crate) const SUITE: &str = "trixie";
/// Debian's name of the guest's architecture.
const ARCHITECTURE: &str = "riscv64";

/// Makes the layer with the packages of `request` and all that they depend on, or finds it in the cache;
/// returns its path.
///
/// # Errors
/// [`DebianError`], each with what to do.
pub(crate) fn layer(
    request: Request<'_>,
    cache: &Cache,
    progress: &Progress,
) -> Result<PathBuf, DebianError> {
    let wanted = Wanted::list(request.packages)?;
    let title = wanted.first().map(|wanted| wanted.name.clone()).unwrap_or_default();
    let keyring = KeyringFile::open(request.keyring)?;
    let archive = Archive { request, cache, progress, keyring, downloader: Downloader::new() };
    if let Some(path) = request.lock {
        return archive.locked_layer(&title, &wanted, path);
    }
    archive.layer(&title, &wanted).map(|(layer, _)| layer)
}

/// A package that a system has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Installed {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// What dpkg says of it: `installed`, `unpacked` and so on.
    pub(crate) status: String,
}

/// The packages in the text of a dpkg status file, as they stand there.
pub(crate) fn installed(status: &str) -> Vec<Installed> {
    deb822::stanzas(status)
        .filter_map(|stanza| {
            let status = stanza.get("Status").and_then(|status| status.split(' ').next_back());
            Some(Installed {
                name: stanza.get("Package")?.to_owned(),
                version: stanza.get("Version")?.to_owned(),
                status: status.unwrap_or_default().to_owned(),
            })
        })
        .collect()
}

impl Archive<'_> {
    /// The layer that a lock file pins; without a file, the layer of the request, which is locked then.
    fn locked_layer(&self, title: &str, wanted: &[Wanted], path: &Path) -> Result<PathBuf, DebianError> {
        if let Some(resolution) = Lock::read(path, wanted, &self.request)? {
            return self.layer_of(title, &resolution).map_err(|error| match error {
                error @ (DebianError::Download { .. }
                | DebianError::Digest { .. }
                | DebianError::Offline { .. }) => {
                    DebianError::Locked { path: path.to_owned(), error: Box::new(error) }
                }
                error => error,
            });
        }
        let (layer, resolution) = self.layer(title, wanted)?;
        Lock::write(path, wanted, &self.request, &resolution)?;
        Ok(layer)
    }

    /// The layer of what is asked for, and what that came to.
    fn layer(&self, title: &str, wanted: &[Wanted]) -> Result<(PathBuf, Resolution), DebianError> {
        let resolution_path = self.cache.resolution(&self.resolution_key(wanted));
        if !self.request.refresh
            && let Some(resolution) = Resolution::load(&resolution_path)
        {
            // A mirror keeps old versions for a while only: if one is gone, there is a newer one to resolve to.
            match self.layer_of(title, &resolution) {
                Err(DebianError::Download { .. }) => {}
                result => return result.map(|layer| (layer, resolution)),
            }
        }
        let resolution = self.resolve(wanted)?;
        let layer = self.layer_of(title, &resolution)?;
        resolution.store(&resolution_path, self.cache)?;
        Ok((layer, resolution))
    }

    /// What the resolution of a request depends on, besides the archive's content: not the mirror, since what
    /// is signed is the same everywhere.
    fn resolution_key(&self, wanted: &[Wanted]) -> String {
        let mut names: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        names.sort_unstable();
        let Request { essential, recommends, .. } = self.request;
        let how = format!("2 essential {essential} recommends {recommends}");
        key_of(&[SUITE, ARCHITECTURE, &self.keyring.digest(), &how, &names.join(",")])
    }

    /// Finds the packages and what they depend on in the archive's index.
    fn resolve(&self, wanted: &[Wanted]) -> Result<Resolution, DebianError> {
        let text = self.index()?;
        let mut packages = Packages::parse(&text, SUITE);
        for Wanted { name, version } in wanted {
            if let Some(version) = version {
                packages.pin(name, version)?;
            }
        }
        let names: Vec<String> = wanted.iter().map(|wanted| wanted.name.clone()).collect();
        let essential = if self.request.essential { Essential::IfNeeded } else { Essential::No };
        resolve::resolve(&packages, Goal { names: &names, recommends: self.request.recommends, essential })
    }
}
