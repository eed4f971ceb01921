//! `sim`: guest programs in simulated worlds, by a program of their own (`tidemark-tests`), optimised.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::project;

/// What is passed on.
#[derive(Args)]
pub(crate) struct Options {
    /// Arguments of the program; `--help` among them lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    arguments: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// If it cannot be built, or a run differs from what Linux does.
pub(crate) fn run(options: &Options) -> Result<()> {
    let build = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--locked", "-p", "tidemark-tests", "--bin", "sim"])
        .current_dir(project::root())
        .status()
        .context("cannot start cargo")?;
    ensure!(build.success(), "the simulation does not build");
    let status = Command::new(project::target().join("release/sim"))
        .args(&options.arguments)
        .env("TIDEMARK_GUESTS", project::guest_programs())
        .current_dir(project::root())
        .status()
        .context("cannot start the simulation")?;
    ensure!(status.success(), "worlds differ from what Linux does");
    Ok(())
}

/// Every scenario in as many worlds as CI visits.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_all() -> Result<()> {
    run(&Options { arguments: Vec::new() })
}
