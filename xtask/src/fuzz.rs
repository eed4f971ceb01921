//! `fuzz`: runs the fuzz targets of `fuzz/` under libFuzzer, each for a while, from its seeds on.
//!
//! That takes a nightly compiler, cargo-fuzz and a C++ compiler, which `setup` supplies where it can. The seeds are
//! replayed by `cargo test`, everywhere.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::{project, tools};

/// What to fuzz, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// One target; all, if not given.
    target: Option<String>,
    /// How long each target runs, in seconds.
    #[arg(long, default_value_t = SECONDS)]
    seconds: u32,
}

/// How long each target runs unless told otherwise.
pub(crate) const SECONDS: u32 = 60;
/// Longest that one input may take, in seconds: what takes longer is a finding.
const INPUT_SECONDS: u32 = 10;
/// Longest input, in bytes.
const INPUT_BYTES: u32 = 4096;

/// Runs them, one after the other.
///
/// # Errors
/// If a target finds something, or can't be built.
pub(crate) fn run(options: &Options) -> Result<()> {
    if let Some(missing) = missing() {
        bail!("cannot fuzz: {missing} (`cargo xtask setup` installs it where there is rustup)");
    }
    let all = targets()?;
    let chosen: Vec<&String> =
        all.iter().filter(|name| options.target.as_ref().is_none_or(|wanted| wanted == *name)).collect();
    ensure!(!chosen.is_empty(), "no such target; there are {}", all.join(", "));
    chosen.into_iter().try_for_each(|name| run_one(name, options.seconds))
}

/// All targets for `seconds` each; where no fuzzer can be built, a notice.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_if_possible(seconds: u32) -> Result<()> {
    if let Some(missing) = missing() {
        eprintln!("skipped: {missing}; the seeds were replayed by `cargo test`");
        return Ok(());
    }
    run(&Options { target: None, seconds })
}

/// What keeps this machine from fuzzing.
pub(crate) fn missing() -> Option<&'static str> {
    if tools::on_path("cargo-fuzz").is_none() {
        return Some("cargo-fuzz is not installed");
    }
    if tools::first_line("rustc", &["+nightly", "--version"]).is_none() {
        return Some("there is no nightly toolchain");
    }
    tools::on_path("c++").is_none().then_some("there is no C++ compiler")
}

/// The programs of `fuzz/targets`.
fn targets() -> Result<Vec<String>> {
    let folder = project::root().join("fuzz/targets");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path: PathBuf = entry?.path();
        names.push(path.file_stem().context("a target has a name")?.to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn run_one(name: &str, seconds: u32) -> Result<()> {
    eprintln!("fuzz: {name} for {seconds} s");
    let target = project::target().join("fuzz");
    // What a run finds worth keeping goes to the first folder, the others are only read.
    let corpus = target.join("corpus").join(name);
    std::fs::create_dir_all(&corpus).with_context(|| format!("cannot create {}", corpus.display()))?;
    let status = Command::new("cargo")
        .args(["+nightly", "fuzz", "run", "--target-dir"])
        .arg(&target)
        .arg(name)
        .args([corpus, project::root().join("fuzz/seeds").join(name)])
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={INPUT_SECONDS}"))
        .arg(format!("-max_len={INPUT_BYTES}"))
        .args(["-verbosity=0", "-print_funcs=0", "-print_final_stats=1"])
        .current_dir(project::root())
        .status()
        .context("cannot start cargo")?;
    ensure!(status.success(), "{name} found something: see above, and the input in fuzz/artifacts/{name}");
    Ok(())
}
