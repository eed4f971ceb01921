//! `--layer`: a layer file by its name, or from the network, kept in the cache.

use std::path::Path;
use std::sync::Arc;

use tidemark_sdk::layer::{Layer, OpenError, limits::MAX_LAYER_LEN, open_layer};

use crate::cache::Cache;
use crate::cli::SourceArgs;
use crate::debian::{DebianError, Downloader, key_of};
use crate::progress::Progress;

/// Why there is no layer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    #[error("cannot use the layer {name}: {source}; make one with `tidemark layer build`")]
    Open { name: String, source: OpenError },
    #[error("{name} does not have the SHA-256 that was given: get it anew, or correct what follows the #")]
    Digest { name: String },
    #[error("{name:?} is no layer's address: what follows the # must be sha256= and 64 hexadecimal digits")]
    BadFragment { name: String },
    #[error(transparent)]
    Download(#[from] DebianError),
}

/// Opens a layer: a file, or what an `http://` or `https://` address has. An address may end in `#sha256=` and what the
/// file's digest must be. What was downloaded before is used again, unless newer things are asked for.
///
/// # Errors
/// [`RemoteError`].
pub(crate) fn open(name: &str, source: &SourceArgs, cache: &Cache) -> Result<Arc<Layer>, RemoteError> {
    let open =
        |path: &Path| open_layer(path).map_err(|source| RemoteError::Open { name: name.to_owned(), source });
    if !(name.starts_with("http://") || name.starts_with("https://")) {
        return open(Path::new(name));
    }
    let (url, sha256) = match name.split_once('#') {
        None => (name, None),
        Some((url, fragment)) => {
            let bad = || RemoteError::BadFragment { name: name.to_owned() };
            let digits = fragment.strip_prefix("sha256=").ok_or_else(bad)?;
            (url, Some(crate::debian::parse_sha256(digits).ok_or_else(bad)?))
        }
    };
    let path = cache.layer(&format!("url_{}.layer", key_of(&[name])));
    if source.refresh || !cache.hold(&path) || open_layer(&path).is_err() {
        download(name, url, sha256.as_deref(), source, cache, &path)?;
    }
    open(&path)
}

fn download(
    name: &str,
    url: &str,
    sha256: Option<&str>,
    source: &SourceArgs,
    cache: &Cache,
    path: &Path,
) -> Result<(), RemoteError> {
    if source.offline {
        return Err(DebianError::Offline { what: url.to_owned() }.into());
    }
    let failed = |error| RemoteError::Download(DebianError::Cache { path: path.to_owned(), source: error });
    let progress = Progress::new(source.quiet);
    cache.store_file(path, failed, |file| {
        let bar = progress.download(url, 0);
        let unwritable = |error| DebianError::Cache { path: path.to_owned(), source: error };
        let digest = Downloader::new().stream(url, MAX_LAYER_LEN, file.as_file_mut(), &bar, &unwritable)?;
        if sha256.is_some_and(|wanted| wanted != digest) {
            return Err(RemoteError::Digest { name: name.to_owned() });
        }
        open_layer(file.path())
            .map(drop)
            .map_err(|source| RemoteError::Open { name: name.to_owned(), source })
    })
}
