//! `ci`: what a change must pass, in the order in which it fails fastest, with the time each step took.

use anyhow::Result;
use clap::Args;
use xshell::{Shell, cmd};

use crate::steps::Steps;
use crate::{bench, fuzz, test, tidy};

/// How long CI takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Trust that `setup` was run.
    #[arg(long)]
    no_setup: bool,
    /// How long each fuzz target runs, in seconds.
    #[arg(long, default_value_t = fuzz::SECONDS)]
    fuzz_seconds: u32,
}

/// Runs all steps.
///
/// # Errors
/// If any fails; all are tried.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    let mut steps = Steps::start();
    let nothing = |()| vec![];
    steps.step("fmt", || Ok(cmd!(sh, "cargo fmt --all --check").quiet().run().map(nothing)?));
    steps.step("tidy", || tidy::run(sh, &tidy::Options::default()).map(nothing));
    steps.step("clippy", || {
        let lint = cmd!(sh, "cargo clippy --workspace --all-targets --locked -- -D warnings");
        Ok(lint.quiet().run().map(nothing)?)
    });
    test::add_steps(sh, &test::Options::without_setup(options.no_setup), &mut steps);
    steps.step("fuzz", || fuzz::run_if_possible(options.fuzz_seconds).map(nothing));
    steps.step("bench, one round", || bench::run(sh, &bench::Options::smoke()).map(nothing));
    steps.finish()
}
