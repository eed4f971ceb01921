//! `build node`: the threaded WebAssembly module and the npm package around it.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::project;
use crate::wasm::{self, Artifact};

/// What to build.
#[derive(Args)]
pub(crate) struct Options {
    what: What,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// The npm package for Node, in target/npm/tidemark.
    Node,
}

/// Builds it.
///
/// # Errors
/// If the toolchain is missing or the build fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    match options.what {
        What::Node => node(),
    }
}

/// Everything that Node runs.
///
/// # Errors
/// As [`run`].
pub(crate) fn node() -> Result<()> {
    wasm::build(Artifact::Example("tidemark-host-node", "checks"), &checks(), "checks")
}

/// Where the Node host's checks are built to.
pub(crate) fn checks() -> PathBuf {
    project::target().join("wasm/checks")
}
