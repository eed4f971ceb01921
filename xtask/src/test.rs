//! `test`: everything the README promises, from a fresh clone on: setup, guest programs, `cargo test`, and
//! WebAssembly in Node. Setup and the first step after it may download; from there on it runs offline.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::Args;
use xshell::Shell;

use crate::steps::Steps;
use crate::{build, closing, fuzz, guests, programs, project, setup, tools, userland};

/// What Node runs.
const NODE_TESTS: [&str; 4] = [
    "tidemark-kernel/tests/abi.test.mjs",
    "tidemark-host-node/tests/host.test.mjs",
    "tidemark-js/tests/package.test.mjs",
    "tidemark-js/tests/litmus.test.mjs",
];

/// The tag of the command lines that are run where not all are.
const QUICK: &str = "smoke";

/// For how many of the command lines of tests/userland the packages are fetched, before the first step that needs no network.
/// A good part of each family is among the tests.
#[derive(Clone, Copy)]
pub(crate) enum Userland {
    /// For those.
    Quick,
    /// For all of them.
    All,
}

/// What to test.
#[derive(Args)]
#[group(skip)]
pub(crate) struct Options {
    /// Trust that `setup` was run.
    #[arg(long)]
    no_setup: bool,
    /// How long each fuzz target runs, in seconds; 0 leaves them out (their seeds are replayed all the same).
    #[arg(long, default_value_t = fuzz::SECONDS)]
    fuzz_seconds: u32,
    /// Passed on to `cargo test`, for instance `-p tidemark-kernel`.
    #[arg(last = true)]
    cargo: Vec<String>,
}

/// Runs all tests.
///
/// # Errors
/// If one fails, or what they need is missing.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    let mut steps = Steps::start();
    add_steps(sh, options, Userland::Quick, &mut steps);
    steps.finish()
}

/// The steps of `test`, for `ci` to have among its own.
pub(crate) fn add_steps(sh: &Shell, options: &Options, userland: Userland, steps: &mut Steps) {
    if !options.no_setup {
        steps.step("setup", || setup::run(sh, &setup::Options::default()).map(|()| vec![]));
    }
    let tag = match userland {
        Userland::Quick => Some(QUICK),
        Userland::All => None,
    };
    steps.step("packages", || userland::fetch(tag).map(|()| vec![]));
    steps.step("build-guests", || guests::run(sh).and_then(|()| programs::build()).map(|()| vec![]));
    steps.step("cargo test", || cargo_test(&options.cargo));
    steps.step("build node", || build::node().map(|()| vec![]));
    steps.step("build kernel", || build::kernel().map(|()| vec![]));
    steps.step("node test", node_test);
    if options.fuzz_seconds > 0 {
        steps.step("fuzz", || fuzz::run_if_possible(options.fuzz_seconds).map(|()| vec![]));
    }
}

fn cargo_test(more: &[String]) -> Result<Vec<String>> {
    let mut command = Command::new("cargo");
    command
        .args(["test", "--workspace", "--locked", "--offline", "--no-fail-fast"])
        .args(more)
        .current_dir(project::root());
    // Which command lines of tests/userland.
    command.env("TIDEMARK_USERLAND", QUICK);
    command.env("TIDEMARK_COMMAND", project::target().join("release/tidemark"));
    closing::run(command.envs(found()?))
}

/// Runs guest programs under a random schedule: these families, or all if none is named.
///
/// # Errors
/// If one fails.
pub(crate) fn guests_at_random(schedule: &str, families: &[&str]) -> Result<Vec<String>> {
    let mut command = Command::new("cargo");
    command
        .args(["test", "--locked", "--offline", "-p", "tidemark-tests", "--test", "guests", "--"])
        .args(families)
        .current_dir(project::root())
        .env("TIDEMARK_SCHEDULE", schedule);
    closing::run(command.envs(found()?))
}

/// Runs the tests that Node drives, with where they find things: `TIDEMARK_CHECKS` the Node host's compiled checks,
/// `TIDEMARK_PACKAGE` the npm package, `TIDEMARK_KERNEL` the kernel's own module.
fn node_test() -> Result<Vec<String>> {
    let mut command = Command::new(tools::node()?);
    command.args(["--test", "--test-reporter=spec"]).args(NODE_TESTS).current_dir(project::root());
    command.env("TIDEMARK_CHECKS", build::checks()).env("TIDEMARK_PACKAGE", build::package());
    command.env("TIDEMARK_KERNEL", build::kernel_module());
    closing::run(command.envs(found()?))
}

/// What tests look for in the environment: `TIDEMARK_GUESTS` the compiled guest programs, `TIDEMARK_ORACLE` the emulator
/// to compare with, `TIDEMARK_BUSYBOX` Debian's busybox, `TIDEMARK_PROGRAMS` what rows of tests/userland bring along.
fn found() -> Result<[(&'static str, PathBuf); 4]> {
    Ok([
        ("TIDEMARK_GUESTS", project::guest_programs()),
        ("TIDEMARK_ORACLE", tools::oracle()?),
        ("TIDEMARK_BUSYBOX", project::busybox()),
        ("TIDEMARK_PROGRAMS", project::row_programs()),
    ])
}
