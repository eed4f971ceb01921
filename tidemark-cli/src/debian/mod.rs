//! Debian packages as layers: from names to a file that holds the packages and what they depend on.
//!
//! The chain of trust is apt's: the suite's `InRelease` is signed by a key of the keyring and states the
//! SHA-256 of the package index, which states that of each `.deb`. Nothing is used before it is verified.
//!
//! Everything is cached. What a request was resolved to is kept, too: the second time, nothing is asked of
//! the network; `--refresh` asks again.

mod apt_sources;
mod base;
mod deb;
mod deb822;
mod download;
mod error;
mod limits;
mod mirror;
mod openpgp;
mod packages;
mod relation;
mod release;
mod version;

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tidemark_sdk::layer::{BuildError, LayerBuilder, decompressed, format, open_layer};

use self::deb::DebError;
use self::download::{Downloader, Wanted, hex};
pub(crate) use self::error::DebianError;
pub(crate) use self::mirror::MIRROR_VARIABLE;
use self::mirror::Mirror;
use self::openpgp::KeyringFile;
use self::packages::{Package, Packages};
use self::release::Release;
use crate::cache::Cache;
use crate::progress::Progress;

/// The suite that packages come from.
const SUITE: &str = "trixie";
/// Debian's name of the guest's architecture.
const ARCHITECTURE: &str = "riscv64";

/// Which packages are wanted, and how to get them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// Names of packages.
    pub(crate) packages: &'a [String],
    /// The mirror that the user named.
    pub(crate) mirror: Option<&'a str>,
    /// The keyring that the user named, instead of Debian's.
    pub(crate) keyring: Option<&'a Path>,
    /// Whether the network may not be used.
    pub(crate) offline: bool,
    /// Whether to resolve anew what was resolved before.
    pub(crate) refresh: bool,
}

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
    let names = package_names(request.packages)?;
    let keyring = KeyringFile::open(request.keyring)?;
    let archive = Archive { request, cache, progress, keyring };
    let resolution_path = cache.resolution(&archive.resolution_key(&names));
    if !request.refresh
        && let Some(packages) = Resolution::load(&resolution_path)
    {
        // A mirror keeps old versions for a while only: if one is gone, there is a newer one to resolve to.
        match archive.layer_of(&names, &packages) {
            Err(DebianError::Download { .. }) => {}
            result => return result,
        }
    }
    let packages = archive.resolve(&names)?;
    let layer = archive.layer_of(&names, &packages)?;
    Resolution::store(packages, &resolution_path, cache)?;
    Ok(layer)
}

/// The names in a list, each once.
fn package_names(list: &[String]) -> Result<Vec<String>, DebianError> {
    let mut names: Vec<String> = Vec::new();
    for name in list {
        // deb-control(5), Package.
        let valid = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.'));
        if !valid {
            return Err(DebianError::BadName { name: name.clone() });
        }
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    Ok(names)
}

/// A Debian archive, as far as a request lets it be used.
struct Archive<'a> {
    request: Request<'a>,
    cache: &'a Cache,
    progress: &'a Progress,
    keyring: KeyringFile,
}

impl Archive<'_> {
    /// What the resolution of `names` depends on, besides the archive's content: not the mirror, since what
    /// is signed is the same everywhere.
    fn resolution_key(&self, names: &[String]) -> String {
        let mut names = names.to_vec();
        names.sort_unstable();
        key_of(&[SUITE, ARCHITECTURE, &self.keyring.digest(), &names.join(",")])
    }

    /// Finds the packages and what they depend on in the archive's index.
    fn resolve(&self, names: &[String]) -> Result<Vec<Package>, DebianError> {
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
        let text = unpack_index(blob)?;
        Packages::parse(&text, SUITE).closure(names)
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

    /// The layer with these packages, from the cache if it is there and sound.
    fn layer_of(&self, names: &[String], packages: &[Package]) -> Result<PathBuf, DebianError> {
        let path = self.cache.layer(&layer_name(names, packages));
        if open_layer(&path).is_ok() {
            return Ok(path);
        }
        let debs = packages
            .iter()
            .enumerate()
            .map(|(i, package)| {
                let (what, count) = (package.to_string(), packages.len());
                let label = format!("{}/{count} {}", i + 1, package.name);
                let wanted =
                    Wanted { what: &what, label: &label, size: package.size, sha256: &package.sha256 };
                Ok((package, self.blob(&wanted, &package.filename)?))
            })
            .collect::<Result<Vec<_>, DebianError>>()?;
        let _bar = self.progress.working("Unpacking");
        self.store(&path, |file| {
            let build_failed = |package: &str, source| match source {
                BuildError::Write(error) => self.cache_error(&path, error),
                source => DebianError::Unpack { package: package.to_owned(), source },
            };
            let base_failed = |source| build_failed("the base", source);
            let mut builder = LayerBuilder::new(BufWriter::new(file)).map_err(base_failed)?;
            base::lay(&mut builder).map_err(base_failed)?;
            for (package, deb) in debs {
                deb::unpack(&mut builder, BufReader::new(deb), &package.to_string()).map_err(|error| {
                    match error {
                        DebError::Build(source) => build_failed(&package.to_string(), source),
                        DebError::Malformed(reason) => {
                            DebianError::Package { package: package.to_string(), reason }
                        }
                    }
                })?;
            }
            let mut out = builder.finish().map_err(base_failed)?;
            out.flush().map_err(|error| self.cache_error(&path, error))
        })?;
        Ok(path)
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

    fn cache_error(&self, path: &Path, source: std::io::Error) -> DebianError {
        DebianError::Cache { path: path.to_owned(), source }
    }

    fn offline(&self, what: &str) -> DebianError {
        DebianError::Offline { what: what.to_owned() }
    }
}

/// What a request was resolved to, kept in the cache.
#[derive(Serialize, Deserialize)]
struct Resolution {
    packages: Vec<Package>,
}

impl Resolution {
    /// `None` if there is none that can be read: it is only a memory.
    fn load(path: &Path) -> Option<Vec<Package>> {
        let resolution: Self = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        // Digests name files; one that was tampered with must not lead elsewhere.
        let sound =
            resolution.packages.iter().all(|package| release::parse_sha256(&package.sha256).is_some());
        sound.then_some(resolution.packages)
    }

    fn store(packages: Vec<Package>, path: &Path, cache: &Cache) -> Result<(), DebianError> {
        let failed = |source| DebianError::Cache { path: path.to_owned(), source };
        let json = serde_json::to_vec_pretty(&Self { packages }).map_err(|error| failed(error.into()))?;
        cache.store(path, failed, |file| file.write_all(&json).map_err(failed))
    }
}

/// A name that tells a person what is in it, and a key of everything that the content depends on.
fn layer_name(names: &[String], packages: &[Package]) -> String {
    let mut parts = vec![format!("format {} base {}", format::FORMAT_VERSION, base::BASE_VERSION)];
    parts.extend(packages.iter().map(|package| format!("{package} {}", package.sha256)));
    let key = key_of(&parts.iter().map(String::as_str).collect::<Vec<_>>());
    let title = names.first().and_then(|name| packages.iter().find(|package| &package.name == name));
    match title {
        // An epoch's colon is written as in the names of `.deb` files.
        Some(Package { name, version, .. }) => format!("{name}_{}_{key}.layer", version.replace(':', "%3a")),
        None => format!("{key}.layer"),
    }
}

/// A key for the cache: a digest of `parts`, none of which contains a line end.
fn key_of(parts: &[&str]) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> Package {
        Package {
            name: name.into(),
            version: version.into(),
            filename: String::new(),
            size: 0,
            sha256: "0".repeat(64),
        }
    }

    #[test]
    fn names_are_checked_and_kept_once() {
        let list = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let names = package_names(&list(&["bash", "g++-14", "bash", "7zip"])).expect("valid");
        assert_eq!(names, ["bash", "g++-14", "7zip"]);
        for bad in ["", "Bash", "../x", "a b", "-x", "a\nb"] {
            assert!(matches!(package_names(&list(&[bad])), Err(DebianError::BadName { .. })), "{bad:?}");
        }
    }

    #[test]
    fn a_layer_is_named_by_what_is_in_it() {
        let names = ["app".to_owned()];
        let one = layer_name(&names, &[package("lib", "1"), package("app", "2:1-1")]);
        assert!(one.starts_with("app_2%3a1-1_") && one.ends_with(".layer"), "{one}");
        assert_ne!(one, layer_name(&names, &[package("lib", "2"), package("app", "2:1-1")]));
    }
}
