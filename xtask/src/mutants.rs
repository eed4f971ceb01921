//! `mutants`: changes the native host in many small ways (cargo-mutants) and asks its tests to notice each.
//!
//! That takes hours, so it is no part of `test`; `--shard` spreads it over machines or nights. What goes unnoticed for a
//! good reason is listed in docs/mutants.md.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::Value;

use crate::{project, tools};

/// What to change.
#[derive(Args)]
pub(crate) struct Options {
    /// The part of all mutants to try: its number, from 0 on, and how many parts there are.
    #[arg(long, value_name = "K/N")]
    shard: Option<String>,
    /// Only mutants of the files that match.
    #[arg(long, value_name = "GLOB")]
    file: Option<String>,
}

const PACKAGE: &str = "tidemark-host-native";

/// The tests that are to notice. Those of broken hosts judge the suite, not this host.
const TESTS: [&str; 6] =
    ["--lib", "--test=conformance", "--test=native", "--test=https", "--test=cooperative", "--quiet"];

/// What has no effect on this machine's tests: another platform's file, and named bounds.
const EXCLUDED: [&str; 2] = ["*/memory/windows.rs", "*/limits.rs"];

/// Longest that the tests may take with a mutant, in seconds: one that hangs is noticed too.
const TEST_SECONDS: u32 = 180;

/// Of a hundred mutants that compile, how many must be noticed.
const NOTICED_PERCENT: usize = 90;

/// Where the others are explained.
const EXCUSES: &str = "docs/mutants.md";

/// Tries all mutants, or some.
///
/// # Errors
/// If too many go unnoticed, or one that docs/mutants.md does not explain.
pub(crate) fn run(options: &Options) -> Result<()> {
    if tools::on_path("cargo-mutants").is_none() {
        bail!("cargo-mutants is not installed: `cargo install --locked cargo-mutants`");
    }
    let output = project::target().join("mutants");
    let mut command = Command::new("cargo");
    command
        .args(["mutants", "--package", PACKAGE, "--no-shuffle", "--gitignore=true", "--output"])
        .arg(&output);
    command.arg(format!("--timeout={TEST_SECONDS}"));
    command.args(EXCLUDED.map(|glob| format!("--exclude={glob}")));
    command.args(options.shard.iter().map(|shard| format!("--shard={shard}")));
    command.args(options.file.iter().map(|file| format!("--file={file}")));
    command.arg("--").args(TESTS).current_dir(project::root());
    // Unnoticed mutants are a status of failure too: what was found is read from its report.
    command.status().context("cannot start cargo")?;
    judge(&Outcomes::read(&output.join("mutants.out/outcomes.json"))?)
}

/// What became of the mutants that compile.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcomes {
    noticed: usize,
    unnoticed: Vec<String>,
}

impl Outcomes {
    fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text)
    }

    fn parse(report: &str) -> Result<Self> {
        let report: Value = serde_json::from_str(report).context("the report is not JSON")?;
        let outcomes = report["outcomes"].as_array().context("the report has no outcomes")?;
        let mut found = Self::default();
        for outcome in outcomes {
            let mutant = outcome["scenario"]["Mutant"]["name"].as_str();
            match (mutant, outcome["summary"].as_str()) {
                (Some(_), Some("CaughtMutant" | "Timeout")) => found.noticed += 1,
                (Some(name), Some("MissedMutant")) => found.unnoticed.push(without_place(name)),
                (None, Some("Failure" | "Timeout")) => bail!("the tests fail without any change"),
                _ => {}
            }
        }
        Ok(found)
    }
}

/// A mutant's name without its line and column, which every edit above moves.
fn without_place(name: &str) -> String {
    let mut parts = name.splitn(4, ':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(file), Some(_line), Some(_column), Some(change)) => format!("{file}:{change}"),
        _ => name.to_owned(),
    }
}

fn judge(outcomes: &Outcomes) -> Result<()> {
    let excuses =
        std::fs::read_to_string(project::root().join(EXCUSES)).context("cannot read the excuses")?;
    let viable = outcomes.noticed + outcomes.unnoticed.len();
    ensure!(viable > 0, "no mutant compiles");
    let unexplained: Vec<_> =
        outcomes.unnoticed.iter().filter(|name| !excuses.contains(&format!("`{name}`"))).collect();
    println!("{} of {viable} mutants were noticed", outcomes.noticed);
    for name in &unexplained {
        println!("unnoticed: {name}");
    }
    ensure!(
        outcomes.noticed * 100 >= viable * NOTICED_PERCENT,
        "fewer than {NOTICED_PERCENT} % were noticed"
    );
    ensure!(unexplained.is_empty(), "{} of the others are not explained in {EXCUSES}", unexplained.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hang_is_noticed_and_what_does_not_compile_does_not_count() {
        let mutant = |name: &str, summary: &str| serde_json::json!({ "scenario": { "Mutant": { "name": name } }, "summary": summary });
        let report = serde_json::json!({ "outcomes": [
            { "scenario": "Baseline", "summary": "Success" },
            mutant("src/a.rs:1:2: replace x with y", "CaughtMutant"),
            mutant("src/a.rs:3:4: replace a with b", "Timeout"),
            mutant("src/a.rs:5:6: replace c::d with e", "MissedMutant"),
            mutant("src/a.rs:7:8: replace f with g", "Unviable"),
        ] });
        let found = Outcomes::parse(&report.to_string()).unwrap();
        let unnoticed = vec!["src/a.rs: replace c::d with e".to_owned()];
        assert_eq!(found, Outcomes { noticed: 2, unnoticed });
    }
}
