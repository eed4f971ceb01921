//! `userland`: the command lines of tests/userland, by a program of their own (`tidemark-tests`), optimised.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::{programs, project, tools};

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
/// If it cannot be built, or a row fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    perform(&options.arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Gets the packages that `tag`ged rows need, or all rows: what comes later needs no network.
///
/// # Errors
/// If the packages cannot be had.
pub(crate) fn fetch(tag: Option<&str>) -> Result<()> {
    let tag: Vec<&str> = tag.into_iter().flat_map(|tag| ["--tag", tag]).collect();
    perform(&[&["--fetch"], tag.as_slice()].concat())
}

fn perform(arguments: &[&str]) -> Result<()> {
    let build = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--locked"])
        .args(["-p", "tidemark-cli", "-p", "tidemark-tests", "--bin", "tidemark", "--bin", "userland"])
        .current_dir(project::root())
        .status()
        .context("cannot start cargo")?;
    ensure!(build.success(), "the suite does not build");
    programs::build()?;
    let commands = project::target().join("release");
    let status = Command::new(commands.join("userland"))
        .args(arguments)
        .env("TIDEMARK_COMMAND", commands.join("tidemark"))
        .env("TIDEMARK_PROGRAMS", project::row_programs())
        .env("TIDEMARK_ORACLE", tools::oracle()?)
        .current_dir(project::root())
        .status()
        .context("cannot start the suite")?;
    ensure!(status.success(), "rows failed");
    Ok(())
}
