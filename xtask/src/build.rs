//! `build node`: the threaded WebAssembly module and the npm package around it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
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
    /// The kernel as a WebAssembly module of its own, target/wasm/tidemark_kernel.wasm.
    Kernel,
}

/// Builds it.
///
/// # Errors
/// If the toolchain is missing or the build fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    match options.what {
        What::Node => node(),
        What::Kernel => kernel(),
    }
}

/// Everything that Node runs: the host's checks and the npm package.
///
/// # Errors
/// As [`run`].
pub(crate) fn node() -> Result<()> {
    wasm::build(Artifact::Example("tidemark-host-node", "checks"), &checks(), "checks")?;
    let package = package();
    wasm::build(Artifact::Library("tidemark-js"), &package.join("wasm"), "tidemark")?;
    copy_files("tidemark-js/js", &package)?;
    copy_files("tidemark-host-node/js", &package.join("host"))
}

/// The kernel alone, which imports nothing but its memory.
///
/// # Errors
/// As [`run`].
pub(crate) fn kernel() -> Result<()> {
    wasm::build_alone("tidemark-kernel", "abi", &kernel_module())
}

/// Where the kernel's module is built to.
pub(crate) fn kernel_module() -> PathBuf {
    project::target().join("wasm/tidemark_kernel.wasm")
}

/// Where the Node host's checks are built to.
pub(crate) fn checks() -> PathBuf {
    project::target().join("wasm/checks")
}

/// Where the npm package is put together.
pub(crate) fn package() -> PathBuf {
    project::target().join("npm/tidemark")
}

/// Copies the files of a folder of the repository, not those of folders in it.
fn copy_files(from: &str, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    let folder = project::root().join(from);
    for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot list {from}"))? {
        let path = entry?.path();
        if path.is_file() {
            let name = path.file_name().context("a file has a name")?;
            std::fs::copy(&path, to.join(name)).with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}
