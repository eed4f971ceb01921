//! Where things are in this repository. Commands take paths from here and nowhere else.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::Shell;

/// The repository's root: the parent of this crate's folder.
pub(crate) fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or_else(|| manifest.clone(), Path::to_path_buf)
}

/// A shell whose current folder is the root.
pub(crate) fn shell() -> Result<Shell> {
    let sh = Shell::new().context("cannot read the current folder")?;
    sh.change_dir(root());
    Ok(sh)
}

/// Cargo's target folder; everything a command makes goes below it.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Where the sources of the guest programs are.
pub(crate) fn guest_sources() -> PathBuf {
    root().join("tests/guests")
}

/// Where `build-guests` puts guest programs: the same folders, without the extension.
pub(crate) fn guest_programs() -> PathBuf {
    target().join("guests")
}

/// Where the programs go that rows of tests/userland bring along.
pub(crate) fn row_programs() -> PathBuf {
    target().join("programs")
}

/// The `qemu-riscv64` that `setup` unpacks.
pub(crate) fn oracle() -> PathBuf {
    target().join("oracle/qemu-riscv64")
}

/// Where `setup` puts a Node, if the machine has none that is new enough.
pub(crate) fn node() -> PathBuf {
    target().join("node")
}

/// Debian's riscv64 busybox that `setup` unpacks.
pub(crate) fn busybox() -> PathBuf {
    target().join("debian/busybox")
}
