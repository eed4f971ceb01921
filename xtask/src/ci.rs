//! `ci`: what a change must pass, in the order in which it fails fastest, with the time each step took.
//!
//! Command lines of real programs run whole natively, a part in Node, and another part under random scheduling; with `--full`
//! all of them everywhere, also those that take minutes.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use anyhow::Result;
use clap::Args;
use xshell::{Shell, cmd};

use crate::steps::Steps;
use crate::{bench, sim, test, tidy, userland};

/// The tag of the command lines that run under random scheduling where not all do.
const SCHEDULES: &str = "schedules";
/// The tag of those that run in Node where not all do.
const NODE: &str = "smoke";
/// The families of guest programs that run under random scheduling where not all do: what waits for each other in them.
const FAMILIES: [&str; 7] = ["events", "futex", "litmus", "processes", "signals", "sockets", "streams"];

/// What the tests among it are told.
#[derive(Args)]
pub(crate) struct Options {
    /// Everything: all command lines also in Node, and all of them and all guest programs under random scheduling.
    #[arg(long)]
    full: bool,
    /// The seed of random scheduling; drawn and told, if not given.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
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
    // Keys differ at every call, and with every process.
    let seed = options.seed.unwrap_or_else(|| RandomState::new().build_hasher().finish());
    eprintln!("cargo xtask ci --seed {seed} repeats what is at random");
    let schedule = format!("random:{seed}");
    let slow: &[&str] = if options.full { &["--slow"] } else { &[] };
    let only = |tag| if options.full { None } else { Some(tag) };
    let families = if options.full { &[][..] } else { &FAMILIES };

    steps.step("fmt", || Ok(cmd!(sh, "cargo fmt --all --check").quiet().run().map(nothing)?));
    steps.step("tidy", || tidy::run(sh, &tidy::Options::default()).map(nothing));
    steps.step("clippy", || {
        let lint = cmd!(sh, "cargo clippy --workspace --all-targets --locked -- -D warnings");
        Ok(lint.quiet().run().map(nothing)?)
    });
    test::add_steps(sh, &options.test, test::Userland::All, &mut steps);
    steps.step("sim", || sim::run_all().map(nothing));
    steps.step("userland", || userland::check(None, slow));
    steps.step("userland in Node", || userland::check(only(NODE), &[slow, &["--node"]].concat()));
    let name = |what| format!("{what}, --schedule {schedule}");
    steps.step(&name("userland"), || {
        userland::check(only(SCHEDULES), &[slow, &["--schedule", &schedule]].concat())
    });
    steps.step(&name("guests"), || test::guests_at_random(&schedule, families));
    steps.step("bench, one round", || bench::run(sh, &bench::Options::smoke()).map(nothing));
    steps.finish()
}
