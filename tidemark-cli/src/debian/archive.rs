//! A Debian archive: its signed index and its packages, from the cache or from a mirror, verified.

use std::fs::{self, File};
use std::io::{BufReader, Read, Seek, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use tidemark_sdk::layer::decompressed;

use super::download::{Downloader, Wanted, hex};
use super::error::DebianError;
use super::limits::MAX_DOWNLOADS;
use super::mirror::Mirror;
use super::openpgp::KeyringFile;
use super::packages::Package;
use super::release::Release;
use super::{ARCHITECTURE, Request, SUITE, limits};
use crate::cache::{Cache, open_locked};
use crate::progress::{Bar, Progress};

/// A Debian archive, as far as a request lets it be used.
pub(super) struct Archive<'a> {
    pub(super) request: Request<'a>,
    pub(super) cache: &'a Cache,
    pub(super) progress: &'a Progress,
    pub(super) keyring: KeyringFile,
    pub(super) downloader: Downloader,
}

impl Archive<'_> {
    /// The text of the suite's package index.
    ///
    /// # Errors
    /// [`DebianError`] if it cannot be had or verified.
    pub(super) fn index(&self) -> Result<String, DebianError> {
        let release = self.release()?;
        let folder = format!("main/binary-{ARCHITECTURE}");
        // What it is when decompressed is also signed, and kept: decompressing takes long.
        let plain = release.file(&format!("{folder}/Packages"));
        let kept = plain.and_then(|plain| sound(&self.cache.blob(&plain.sha256), &plain.sha256));
        if let Some(kept) = kept {
            let _bar = self.progress.working("Reading the package index");
            return read_index(kept);
        }
        let candidates = [format!("{folder}/Packages.xz"), format!("{folder}/Packages.gz")];
        let (path, file) =
            candidates.iter().find_map(|path| Some((path, release.file(path)?))).ok_or_else(|| {
                DebianError::Release {
                    suite: SUITE.into(),
                    reason: format!("it has no index for {ARCHITECTURE}"),
                }
            })?;
        let what = format!("Packages of {SUITE}");
        let wanted = Wanted { what: &what, size: file.size, sha256: &file.sha256 };
        let url_path = format!("dists/{SUITE}/{}", release.download_path(path, file));
        let blob = self.blob(&wanted, &url_path, &self.progress.download(&what, file.size))?;
        let _bar = self.progress.working("Reading the package index");
        let text = unpack_index(blob)?;
        if let Some(plain) = plain
            && hex(&Sha256::digest(&text)) == plain.sha256
        {
            let path = self.cache.blob(&plain.sha256);
            self.store(&path, |file| {
                file.write_all(text.as_bytes()).map_err(|e| self.cache_error(&path, e))
            })?;
        }
        Ok(text)
    }

    /// The `.deb` of each package, in their order; several are downloaded at a time.
    ///
    /// # Errors
    /// [`DebianError`] if one cannot be had or is not the one that is indexed.
    pub(super) fn debs(&self, packages: &[Package]) -> Result<Vec<File>, DebianError> {
        let total = packages.iter().map(|package| package.size).sum();
        let bar = self.progress.download(&format!("{} packages", packages.len()), total);
        let next = AtomicUsize::new(0);
        // The first failure ends all.
        let failure = Mutex::new(None);
        let work = || {
            let mut done = Vec::new();
            while let Some((at, package)) = {
                let at = next.fetch_add(1, Ordering::Relaxed);
                packages.get(at).map(|package| (at, package))
            } {
                let what = package.to_string();
                let wanted = Wanted { what: &what, size: package.size, sha256: &package.sha256 };
                match self.blob(&wanted, &package.filename, &bar) {
                    Ok(file) => done.push((at, file)),
                    Err(error) => {
                        next.store(packages.len(), Ordering::Relaxed);
                        failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    }
                }
            }
            done
        };
        let mut files: Vec<(usize, File)> = thread::scope(|scope| {
            let workers: Vec<_> = (0..packages.len().min(MAX_DOWNLOADS)).map(|_| scope.spawn(work)).collect();
            workers.into_iter().filter_map(|worker| worker.join().ok()).flatten().collect()
        });
        if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        files.sort_unstable_by_key(|(at, _)| *at);
        Ok(files.into_iter().map(|(_, file)| file).collect())
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
            let message = self.downloader.text(&url)?;
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
    fn blob(&self, wanted: &Wanted<'_>, archive_path: &str, bar: &Bar) -> Result<File, DebianError> {
        let path = self.cache.blob(wanted.sha256);
        let failed = |error| self.cache_error(&path, error);
        if let Some(file) = sound(&path, wanted.sha256) {
            bar.advance(wanted.size);
            return Ok(file);
        }
        if self.request.offline {
            return Err(self.offline(wanted.what));
        }
        let url = self.mirror()?.url(archive_path);
        let mut partial = self.cache.partial(&path).map_err(failed)?;
        // Another process may have been faster.
        if let Some(file) = sound(&path, wanted.sha256) {
            partial.discard();
            return Ok(file);
        }
        if let Err(error) = self.downloader.file(&url, wanted, partial.file(), bar, &failed) {
            partial.leave();
            return Err(error);
        }
        partial.keep().map_err(failed)?;
        open_locked(&path).map_err(failed)
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
pub(crate) fn key_of(parts: &[&str]) -> String {
    let mut key = hex(&Sha256::digest(parts.join("\n")));
    key.truncate(limits::KEY_DIGITS);
    key
}

/// A file of the cache at its start, if it is there and has this SHA-256.
fn sound(path: &Path, sha256: &str) -> Option<File> {
    let mut file = open_locked(path).ok()?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer).ok()? {
            0 => break,
            len => hasher.update(&buffer[..len]),
        }
    }
    file.rewind().ok()?;
    (hex(&hasher.finalize()) == sha256).then_some(file)
}

fn unpack_index(file: File) -> Result<String, DebianError> {
    read_index(decompressed(BufReader::new(file)).map_err(malformed_index)?)
}

fn read_index(index: impl Read) -> Result<String, DebianError> {
    let mut text = String::new();
    index.take(limits::MAX_PACKAGES_LEN).read_to_string(&mut text).map_err(malformed_index)?;
    Ok(text)
}

fn malformed_index(error: std::io::Error) -> DebianError {
    DebianError::Index { reason: error.to_string() }
}
