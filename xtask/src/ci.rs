//! `ci`: what a change must pass, in the order in which it fails fastest, with the time each step took.

use anyhow::Result;
use clap::Args;
use xshell::{Shell, cmd};

use crate::steps::Steps;
use crate::{bench, sim, test, tidy};

/// What the tests among it are told.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    test: test::Options,
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
    test::add_steps(sh, &options.test, test::Userland::All, &mut steps);
    steps.step("sim", || sim::run_all().map(nothing));
    steps.step("bench, one round", || bench::run(sh, &bench::Options::smoke()).map(nothing));
    steps.finish()
}
