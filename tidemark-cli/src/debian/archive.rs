//! A Debian archive: its signed index and its packages, from the cache or from a mirror, verified.

use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use tidemark_sdk::layer::decompressed;

use super::download::{Downloader, Wanted, hex};
use super::error::DebianError;
use super::mirror::Mirror;
use super::openpgp::KeyringFile;
use super::packages::Package;
use super::release::Release;
use super::{ARCHITECTURE, Request, SUITE, limits};
use crate::cache::Cache;
use crate::progress::Progress;

/// A Debian archive, as far as a request lets it be used.
pub(super) struct Archive<'a> {
    pub(super) request: Request<'a>,
    pub(super) cache: &'a Cache,
    pub(super) progress: &'a Progress,
    pub(super) keyring: KeyringFile,
}

impl Archive<'_> {
    /// The text of the suite's package index.
    ///
    /// # Errors
    /// [`DebianError`] if it cannot be had or verified.
    pub(super) fn index(&self) -> Result<String, DebianError> {
        let release = self.release()?;
        let folder = format!("main/binary-{ARCHITECTURE}");
        let candidates = [format!("{folder}/Packages.xz"), format!("{folder}/Packages.gz")];
        let (path, file) =
            candidates.iter().find_map(|path| Some((path, release.file(path)?))).ok_or_else(|| {
                DebianError::Release {
                    suite: SUITE.into(),
                    reason: format!("it has no index for {ARCHITECTURE}"),
                }
            })?;
        let what = format!("Packages of {SUITE}");
        let wanted = Wanted { what: &what, label: &what, size: file.size, sha256: &file.sha256 };
        let url_path = format!("dists/{SUITE}/{}", release.download_path(path, file));
        let blob = self.blob(&wanted, &url_path)?;
        let _bar = self.progress.working("Reading the package index");
        unpack_index(blob)
    }

    /// The `.deb` of each package, in their order.
    ///
    /// # Errors
    /// [`DebianError`] if one cannot be had or is not the one that is indexed.
    pub(super) fn debs(&self, packages: &[Package]) -> Result<Vec<File>, DebianError> {
        let count = packages.len();
        let deb = |(i, package): (usize, &Package)| {
            let (what, label) = (package.to_string(), format!("{}/{count} {}", i + 1, package.name));
            let wanted = Wanted { what: &what, label: &label, size: package.size, sha256: &package.sha256 };
            self.blob(&wanted, &package.filename)
        };
        packages.iter().enumerate().map(deb).collect()
    }

    /// The suite's release, verified: from the mirror, or the last one seen if the network is not to be used.
    fn release(&self) -> Result<Release, DebianError> {
        let now = SystemTime::now();
        let path = self.cache.release(&key_of(&[SUITE, &self.keyring.digest()]));
        let archive_path = format!("dists/{SUITE}/InRelease");
        let (origin, message) = if self.request.offline {
            let message = fs::read_to_string(&path).map_err(|_| self.offline("the package index"))?;
            (path.display().to_string(), message)
        } else {
            let url = self.mirror()?.url(&archive_path);
            let _bar = self.progress.working("Asking the mirror what is new");
            let message = Downloader::new().text(&url)?;
            (url, message)
        };
        let text = self
            .keyring
            .parse()?
            .signed_text(&message, now)
            .map_err(|reason| DebianError::Signature { url: origin, reason })?;
        let release = Release::parse(&text, SUITE, now)?;
        if !self.request.offline {
            self.store(&path, |file| {
                file.write_all(message.as_bytes()).map_err(|e| self.cache_error(&path, e))
            })?;
        }
        Ok(release)
    }

    /// A file of known digest, from the cache if it is there and sound, else from the mirror.
    fn blob(&self, wanted: &Wanted<'_>, archive_path: &str) -> Result<File, DebianError> {
        let path = self.cache.blob(wanted.sha256);
        if !has_digest(&path, wanted.sha256) {
            if self.request.offline {
                return Err(self.offline(wanted.what));
            }
            let url = self.mirror()?.url(archive_path);
            let write_failed = |error| self.cache_error(&path, error);
            self.store(&path, |file| {
                Downloader::new().file(&url, wanted, file, self.progress, &write_failed)
            })?;
        }
        File::open(&path).map_err(|error| self.cache_error(&path, error))
    }

    fn mirror(&self) -> Result<Mirror, DebianError> {
        Mirror::choose(self.request.mirror)
    }

    fn store<T>(
        &self,
        path: &Path,
        write: impl FnOnce(&mut File) -> Result<T, DebianError>,
    ) -> Result<T, DebianError> {
        self.cache.store(path, |error| self.cache_error(path, error), write)
    }

    pub(super) fn cache_error(&self, path: &Path, source: std::io::Error) -> DebianError {
        DebianError::Cache { path: path.to_owned(), source }
    }

    fn offline(&self, what: &str) -> DebianError {
        DebianError::Offline { what: what.to_owned() }
    }
}

/// A key for the cache: a digest of `parts`, none of which contains a line end.
pub(super) fn key_of(parts: &[&str]) -> String {
    let mut key = hex(&Sha256::digest(parts.join("\n")));
    key.truncate(limits::KEY_DIGITS);
    key
}

/// Whether there is a file with this SHA-256.
fn has_digest(path: &Path, sha256: &str) -> bool {
    let digest = |mut file: File| {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match file.read(&mut buffer).ok()? {
                0 => return Some(hex(&hasher.finalize())),
                len => hasher.update(&buffer[..len]),
            }
        }
    };
    File::open(path).ok().and_then(digest).is_some_and(|digest| digest == sha256)
}

fn unpack_index(file: File) -> Result<String, DebianError> {
    let malformed = |error: std::io::Error| DebianError::Index { reason: error.to_string() };
    let mut text = String::new();
    decompressed(BufReader::new(file))
        .map_err(malformed)?
        .take(limits::MAX_PACKAGES_LEN)
        .read_to_string(&mut text)
        .map_err(malformed)?;
    Ok(text)
}
