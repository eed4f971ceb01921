//! `cargo xtask`: the build, test, bench and CI steps of this repository.
//!
//! Each command has a file of its own; this one only reads the command line and routes. Nothing here is part of what
//! is shipped.

#![forbid(unsafe_code)]

mod bench;
mod build;
mod ci;
mod closing;
mod fuzz;
mod guests;
mod mutants;
mod programs;
mod project;
mod setup;
mod sim;
mod steps;
mod test;
mod tidy;
mod tools;
mod userland;
mod wasm;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Tidemark's build, test, bench and CI steps.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what the other commands need: quick when it is already there.
    Setup(setup::Options),
    /// Everything the README promises: guests, `cargo test`, WebAssembly in Node.
    Test(test::Options),
    /// What a change must pass: format, lints, tidy, test, fuzzers, a bench smoke run.
    Ci(ci::Options),
    /// Check what the style guide names and a program can see.
    Tidy(tidy::Options),
    /// Measure speed against `qemu-riscv64-static`: medians and ratios of one run.
    Bench(bench::Options),
    /// Run real command lines of Debian's riscv64 programs; compare with qemu, or record what it does.
    Userland(userland::Options),
    /// Run guest programs in simulated worlds, each from a seed.
    Sim(sim::Options),
    /// Run the fuzz targets.
    Fuzz(fuzz::Options),
    /// Change the native host in many small ways, and see that its tests notice (hours).
    Mutants(mutants::Options),
    /// Build what runs in JavaScript.
    Build(build::Options),
    /// Compile the guest programs under tests/guests into target/guests, and those of tests/userland.
    BuildGuests,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let sh = project::shell()?;
    match command {
        Command::Setup(options) => setup::run(&sh, &options),
        Command::Test(options) => test::run(&sh, &options),
        Command::Ci(options) => ci::run(&sh, &options),
        Command::Tidy(options) => tidy::run(&sh, &options),
        Command::Bench(options) => bench::run(&sh, &options),
        Command::Userland(options) => userland::run(&options),
        Command::Sim(options) => sim::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Mutants(options) => mutants::run(&options),
        Command::Build(options) => build::run(&options),
        Command::BuildGuests => guests::run(&sh).and_then(|()| programs::build()),
    }
}
