//! The machine's package manager: what it knows, and installing with the rights that takes.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

/// Reads the package index anew.
///
/// # Errors
/// If that fails, or needs rights that this process hasn't.
pub(crate) fn update(sh: &Shell) -> Result<()> {
    as_root(sh, &["apt-get", "update", "-q"])
}

/// Whether the index has an installable version of `package`.
pub(crate) fn knows(sh: &Shell, package: &str) -> bool {
    let policy = cmd!(sh, "apt-cache policy {package}").env("LC_ALL", "C").quiet().ignore_stderr().read();
    policy.is_ok_and(|text| text.contains("Candidate:") && !text.contains("Candidate: (none)"))
}

/// Installs `packages` without asking.
///
/// # Errors
/// As [`update`].
pub(crate) fn install(sh: &Shell, packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let command = [&["apt-get", "install", "-q", "-y", "--no-install-recommends"], packages].concat();
    as_root(sh, &command)
}

fn as_root(sh: &Shell, command: &[&str]) -> Result<()> {
    let root = cmd!(sh, "id -u").quiet().read()? == "0";
    let sudo = || cmd!(sh, "sudo -n true").quiet().ignore_stdout().ignore_stderr().run().is_ok();
    if root {
        cmd!(sh, "env DEBIAN_FRONTEND=noninteractive {command...}").run()?;
    } else if sudo() {
        cmd!(sh, "sudo -n env DEBIAN_FRONTEND=noninteractive {command...}").run()?;
    } else {
        bail!("this needs root; run it yourself, then try again:\n  sudo {}", command.join(" "));
    }
    Ok(())
}
