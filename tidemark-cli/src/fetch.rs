//! `tidemark fetch`: packages into the cache, ahead of time.

use std::io::Write;
use std::process::ExitCode;

use crate::cache::Cache;
use crate::cli::{FetchArgs, SourceArgs};
use crate::debian::{self, DebianError, Request};
use crate::exit::FailureKind;
use crate::progress::Progress;

/// Downloads what is asked for and prints the layer's path.
pub(crate) fn fetch(args: &FetchArgs) -> ExitCode {
    let cache = match Cache::new(args.source.cache_dir.as_deref(), args.source.cache_limit) {
        Ok(cache) => cache,
        Err(error) => {
            eprintln!("tidemark: no cache directory: {error}; name one with --cache-dir");
            return FailureKind::Configuration.sysexit();
        }
    };
    match layer(&args.packages, &args.source, &cache) {
        Ok(layer) => match writeln!(std::io::stdout(), "{}", layer.display()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            eprintln!("tidemark: {error}");
            error.kind().sysexit()
        }
    }
}

/// The layer of packages, with the options that are common to all commands.
pub(crate) fn layer(
    packages: &[String],
    source: &SourceArgs,
    cache: &Cache,
) -> Result<std::path::PathBuf, DebianError> {
    let request = Request {
        packages,
        essential: !source.no_essential,
        recommends: source.recommends,
        mirror: source.mirror.as_deref(),
        keyring: source.keyring.as_deref(),
        offline: source.offline,
        refresh: source.refresh,
        lock: source.lock.as_deref(),
    };
    debian::layer(request, cache, &Progress::new(source.quiet))
}
