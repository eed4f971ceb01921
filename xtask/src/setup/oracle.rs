//! The oracle: `qemu-riscv64` of Debian trixie, a static program.
//!
//! Older releases have defects that tests would have to work around: 7.2 computes `ctzw` wrongly and has no vDSO.

use anyhow::Result;
use xshell::Shell;

use super::debian::{Program, RELEASE};
use crate::{project, tools};

const QEMU: Program = Program { package: "qemu-user", architecture: None, path: "./usr/bin/qemu-riscv64" };

/// Unpacks the oracle unless that was done. Where it can't be had the system's emulator has to do, with a notice.
///
/// # Errors
/// If there is no emulator at all.
pub(crate) fn provide(sh: &Shell) -> Result<()> {
    if let Err(error) = QEMU.provide(sh, &project::oracle()) {
        let fallback = tools::oracle()?;
        let version = tools::first_line(&fallback, &["--version"]).unwrap_or_default();
        eprintln!(
            "setup: no oracle from Debian {RELEASE} ({error:#}); using {} ({version})",
            fallback.display()
        );
    }
    Ok(())
}
