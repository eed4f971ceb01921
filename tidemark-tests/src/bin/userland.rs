//! `cargo xtask userland`: the command lines of tests/userland, checked, compared with the oracle or recorded from it.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use tidemark_sdk::Schedule;
use tidemark_tests::schedule;
use tidemark_tests::userland::{Mode, Node, Oracle, Place, Selection, pace_report, prepare, run};

/// Run real command lines of Debian's riscv64 programs.
#[derive(Parser)]
#[command(name = "cargo xtask userland", bin_name = "cargo xtask userland")]
struct Options {
    /// Run only rows whose FAMILY/NAME contains one of these
    names: Vec<String>,
    /// Run only rows with this tag
    #[arg(long)]
    tag: Vec<String>,
    /// Run also the rows tagged slow, if neither names nor tags select
    #[arg(long)]
    slow: bool,
    /// Also run each on the oracle, and compare outcomes and times; needs root
    #[arg(long)]
    oracle: bool,
    /// Write down what the oracle does; needs root
    #[arg(long, conflicts_with = "oracle")]
    record: bool,
    /// Only get the packages that they run from
    #[arg(long, conflicts_with_all = ["oracle", "record"])]
    fetch: bool,
    /// Take turns so: fair, random (a seed is drawn and told), random:SEED or random:SEED:MOST instructions a turn
    #[arg(long, value_parser = schedule, default_value = "fair", conflicts_with_all = ["oracle", "record"])]
    schedule: Schedule,
    /// Run them in Node, in the npm package
    #[arg(long, conflicts_with_all = ["schedule", "record"])]
    node: bool,
    /// How many to run at once; times are told best one at a time
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// The emulator that is the oracle
    #[arg(long, env = "TIDEMARK_ORACLE", default_value = "target/oracle/qemu-riscv64")]
    qemu: PathBuf,
}

fn main() -> ExitCode {
    match perform(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(options: &Options) -> Result<bool> {
    let qemu = || options.qemu.canonicalize().context("no oracle; run `cargo xtask setup`");
    let oracle = if options.oracle || options.record { Some(Oracle::register(&qemu()?)?) } else { None };
    let mode = match &oracle {
        None => Mode::Check,
        Some(oracle) if options.record => Mode::Record(oracle),
        Some(oracle) => Mode::Compare(oracle),
    };
    let selection = Selection { names: options.names.clone(), tags: options.tag.clone(), slow: options.slow };
    if options.fetch {
        return prepare(&selection).map(|()| true);
    }
    if let Schedule::Random(_) = options.schedule {
        println!("--schedule {} repeats this run", options.schedule);
    }
    let node = if options.node { Some(Node::from_environment()?) } else { None };
    let place = node.as_ref().map_or(Place::Here(options.schedule), Place::Node);
    let report = run(mode, &selection, place, options.jobs)?;
    for failure in &report.failures {
        println!("{failure}");
    }
    print!("{}", pace_report(&report.times));
    print!("{} rows, {} failed", report.count, report.failures.len());
    match options.schedule {
        Schedule::Random(_) => println!(", --schedule {}", options.schedule),
        _ => println!(),
    }
    Ok(report.failures.is_empty() && report.count > 0)
}
