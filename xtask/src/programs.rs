//! The programs that rows of tests/userland run beside Debian's: `tests/userland/programs/go/NAME.go` becomes the static
//! riscv64 program `target/programs/go/NAME`, by Debian's Go.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{project, tools};

/// Debian's package `golang-go`.
pub(crate) const GO: &str = "go";
/// A program that the guest's own C library has no part in, and the same on every machine.
const ENVIRONMENT: [(&str, &str); 4] =
    [("GOOS", "linux"), ("GOARCH", "riscv64"), ("CGO_ENABLED", "0"), ("GO111MODULE", "off")];

/// Compiles them; Go itself knows what is out of date.
///
/// # Errors
/// If Go is missing or refuses a program.
pub(crate) fn build() -> Result<()> {
    ensure!(tools::on_path(GO).is_some(), "{GO} is missing: run `cargo xtask setup`");
    let output = project::row_programs().join("go");
    std::fs::create_dir_all(&output).with_context(|| format!("cannot create {}", output.display()))?;
    for source in sources()? {
        let name = source.file_stem().context("a source has a name")?;
        let status = Command::new(GO)
            .args(["build", "-trimpath", "-o"])
            .args([&output.join(name), &source])
            .envs(ENVIRONMENT)
            // Each is one file: what a folder around it says is not for it.
            .current_dir(project::root())
            .status()
            .context("cannot start go")?;
        ensure!(status.success(), "{} does not compile", source.display());
    }
    Ok(())
}

fn sources() -> Result<Vec<PathBuf>> {
    let folder = project::root().join("tests/userland/programs/go");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.retain(|path| is_go(path));
    paths.sort();
    Ok(paths)
}

fn is_go(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "go")
}
