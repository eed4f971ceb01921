//! `userland`: the command lines of tests/userland, by a program of their own (`tidemark-tests`), optimised.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::{build, closing, programs, project, tools};

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
    perform(&options.arguments.iter().map(String::as_str).collect::<Vec<_>>()).map(drop)
}

/// Runs the rows with a tag, or all. The lines that tell how it went.
///
/// # Errors
/// If one fails.
pub(crate) fn check(tag: Option<&str>, more: &[&str]) -> Result<Vec<String>> {
    let tag: Vec<&str> = tag.into_iter().flat_map(|tag| ["--tag", tag]).collect();
    perform(&[more, tag.as_slice()].concat())
}

/// Gets the packages that `tag`ged rows need, or all rows: what comes later needs no network.
///
/// # Errors
/// If the packages cannot be had.
pub(crate) fn fetch(tag: Option<&str>) -> Result<()> {
    let tag: Vec<&str> = tag.into_iter().flat_map(|tag| ["--tag", tag]).collect();
    perform(&[&["--fetch"], tag.as_slice()].concat()).map(drop)
}

fn perform(arguments: &[&str]) -> Result<Vec<String>> {
    if arguments.contains(&"--node") {
        build::node()?;
    }
    let build = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--locked"])
        .args(["-p", "tidemark-cli", "-p", "tidemark-tests", "--bin", "tidemark", "--bin", "userland"])
        .current_dir(project::root())
        .status()
        .context("cannot start cargo")?;
    ensure!(build.success(), "the suite does not build");
    programs::build()?;
    let commands = project::target().join("release");
    let mut command = Command::new(commands.join("userland"));
    command
        .args(arguments)
        .env("TIDEMARK_COMMAND", commands.join("tidemark"))
        .env("TIDEMARK_PROGRAMS", project::row_programs())
        .env("TIDEMARK_ORACLE", tools::oracle()?)
        .env("TIDEMARK_PACKAGE", build::package())
        .current_dir(project::root());
    if let Ok(node) = tools::node() {
        command.env("TIDEMARK_NODE", node);
    }
    closing::run(&mut command)
}
