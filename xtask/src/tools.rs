//! Finding the programs that the commands run: the cross compiler, Node, the oracle.
//!
//! This file looks only; `setup` installs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::project;

/// Debian's and Ubuntu's cross compiler for guest programs.
pub(crate) const GUEST_CC: &str = "riscv64-linux-gnu-gcc";

/// Oldest Node that has what the Node host uses (`Atomics.waitAsync`, the test runner).
pub(crate) const NODE_MAJOR_MIN: u32 = 20;

/// The system's user-mode emulator: what `bench` compares with, and the oracle where there is no better one.
pub(crate) const SYSTEM_QEMU: &str = "qemu-riscv64-static";

/// Looks for an executable on `PATH`.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// First line of what a program prints, or `None` if it can't be run or fails.
pub(crate) fn first_line<I: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: &[I]) -> Option<String> {
    let output = Command::new(program).args(args).stderr(Stdio::null()).output().ok()?;
    if !output.status.success() {
        return None;
    }
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

/// The Node to use: the one on `PATH` if it is new enough, or the one that `setup` installed.
pub(crate) fn node() -> Result<PathBuf> {
    let installed = project::node().join("node_modules/node/bin/node");
    [on_path("node"), Some(installed)]
        .into_iter()
        .flatten()
        .find(|node| node_major(node).is_some_and(|major| major >= NODE_MAJOR_MIN))
        .with_context(|| format!("no Node {NODE_MAJOR_MIN} or newer: run `cargo xtask setup`"))
}

fn node_major(node: &Path) -> Option<u32> {
    first_line(node, &["--version"])?.strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// The emulator that tests use as the oracle: the one `setup` unpacked, or the system's.
pub(crate) fn oracle() -> Result<PathBuf> {
    let unpacked = project::oracle();
    if unpacked.is_file() {
        return Ok(unpacked);
    }
    on_path(SYSTEM_QEMU)
        .or_else(|| on_path("qemu-riscv64"))
        .context("no qemu-riscv64 found: run `cargo xtask setup`")
}
