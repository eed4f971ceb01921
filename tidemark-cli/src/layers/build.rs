//! `tidemark layer build`: one layer file of packages and of what else there is.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use tidemark_sdk::layer::{BuildError, LayerBuilder, open_layer};

use super::source::{self, SourceError};
use crate::cache::Cache;
use crate::cli::LayerBuildArgs;
use crate::debian::DebianError;
use crate::exit::FailureKind;
use crate::fetch;

/// Why no layer file was made.
#[derive(Debug, thiserror::Error)]
enum LayerBuildError {
    #[error("a layer of nothing: name packages with --debian, or a folder, an archive or an image")]
    Nothing,
    #[error("no cache directory: {0}; name one with --cache-dir")]
    NoCache(io::Error),
    #[error(transparent)]
    Debian(#[from] DebianError),
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl LayerBuildError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Nothing => FailureKind::Usage,
            Self::NoCache(_) => FailureKind::Configuration,
            Self::Debian(error) => error.kind(),
            Self::Source(error) => error.kind(),
        }
    }
}

/// Makes the layer file.
pub(super) fn build(args: &LayerBuildArgs) -> ExitCode {
    match try_build(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tidemark: {error}");
            error.kind().sysexit()
        }
    }
}

fn try_build(args: &LayerBuildArgs) -> Result<(), LayerBuildError> {
    if args.debian.is_empty() && args.sources.is_empty() {
        return Err(LayerBuildError::Nothing);
    }
    let cache = Cache::new(args.source.cache_dir.as_deref(), args.source.cache_limit)
        .map_err(LayerBuildError::NoCache)?;
    let output = args.output.as_path();
    let unwritable = |source| SourceError::Write { path: output.to_owned(), source };
    let folder = match output.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut file = crate::cache::new_file(folder).map_err(unwritable)?;
    let failed = |source| match source {
        BuildError::Write(error) => unwritable(error),
        source => SourceError::Build { path: output.to_owned(), source },
    };
    let mut builder = LayerBuilder::new(BufWriter::new(file.as_file_mut())).map_err(failed)?;
    if !args.debian.is_empty() {
        let path = fetch::layer(&args.debian, &args.source, &cache)?;
        let layer = open_layer(&path).map_err(|source| SourceError::Open { path, source })?;
        builder.merge(&layer).map_err(failed)?;
    }
    for path in &args.sources {
        source::append(&mut builder, path, &cache, unwritable)?;
    }
    builder.finish().map_err(failed)?.flush().map_err(unwritable)?;
    file.as_file().sync_all().map_err(unwritable)?;
    file.persist(output).map_err(|error| unwritable(error.error))?;
    Ok(())
}
