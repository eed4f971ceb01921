//! `bench`: how fast guests run here, against `qemu-riscv64-static` on the same machine in the same run.
//!
//! Every contest alternates: one round natively, one in Node, one of the emulator's, and so on, so that a machine that slows down
//! slows both; the ratio is that of the medians. The programs are those of tests/guests/bench. A program may measure
//! itself, by lines `bench: NAME VALUE UNIT`; one that prints none is measured from start to exit. Each line
//! `// bench: ARGUMENTS` at its top is a measurement with these arguments. A program whose oracle is Linux itself, as
//! qemu's user mode cannot run it, is measured on our side only. Then come real Debian programs, with the bounds that they have to
//! keep (`debian`), and how long the kernel's lock was held (`holds`).

mod contest;
mod debian;
mod holds;
mod report;

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use xshell::{Shell, cmd};

use crate::{build, guests, project, tools};
use contest::{Contest, Outcome, Side, Where};

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Rounds for each side.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Also write the figures as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Leave Node out.
    #[arg(long)]
    no_node: bool,
    /// Leave real Debian programs out, which take root, a mirror and a quarter of an hour
    #[arg(long)]
    no_debian: bool,
    /// Fail if a Debian program breaks its bound
    #[arg(long)]
    check: bool,
    /// Only programs whose name contains this; those of Debian begin with "debian ".
    filter: Option<String>,
}

impl Options {
    /// The least that shows that measuring works.
    pub(crate) fn smoke() -> Self {
        Self { rounds: 1, json: None, no_node: false, no_debian: true, check: false, filter: None }
    }
}

/// Measures and prints a table.
///
/// # Errors
/// If something needed is missing, or a program fails.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result<()> {
    guests::run(sh)?;
    let filter = options.filter.as_deref().unwrap_or_default();
    let measurements = measurements(filter)?;
    let qemu = tools::on_path(tools::SYSTEM_QEMU)
        .with_context(|| format!("{} is missing: run `cargo xtask setup`", tools::SYSTEM_QEMU))?;
    cmd!(sh, "cargo build --release --locked --quiet -p tidemark-cli").quiet().run()?;
    let tidemark = project::target().join("release/tidemark");
    // The programs of one folder, the same for all: reading what else is built is no part of a program's time.
    let (archive, programs) = (project::target().join("guests.tar"), project::guest_programs());
    cmd!(sh, "tar -C {programs} -cf {archive} bench").quiet().run()?;
    let node = if options.no_node || measurements.is_empty() { None } else { Some(tools::node()?) };
    if node.is_some() {
        build::node()?;
    }
    let mut results = Vec::new();
    for Measurement { program, args, ours_only } in measurements {
        let args: Vec<PathBuf> = args.split_whitespace().map(PathBuf::from).collect();
        let inside = PathBuf::from(format!("/bench/{program}"));
        let outside = project::guest_programs().join("bench").join(&program);
        let side = |command: &[PathBuf]| Side::new(&[command, &args].concat());
        let native =
            [tidemark.clone(), "run".into(), "--rootfs".into(), archive.clone(), "--".into(), inside.clone()];
        let mut sides = vec![(Where::Native, side(&native))];
        if let Some(node) = &node {
            let script = project::root().join("tidemark-js/tests/measure.mjs");
            sides.push((
                Where::Node,
                side(&[node.clone(), script, build::package(), archive.clone(), inside]),
            ));
        }
        if !ours_only {
            sides.push((Where::Qemu, side(&[qemu.clone(), outside])));
        }
        let name = args.iter().fold(program, |name, arg| format!("{name} {}", arg.display()));
        results.extend(Contest { name, sides }.run(options.rounds.max(1))?);
    }
    let mut bounds = Vec::new();
    if !options.no_debian {
        for (outcome, bound) in debian::measure(&tidemark, filter, options.rounds.max(1))? {
            bounds.extend(bound.map(|bound| (results.len(), bound)));
            results.push(outcome);
        }
    }
    print!("{}", report::table(&results));
    let broken = tell_bounds(&results, &bounds);
    if options.filter.as_deref().is_none_or(|filter| "holds".contains(filter)) {
        let longest = holds::measure(&tidemark, options.rounds.max(1))?;
        println!("\nlongest hold of the kernel's lock, in work, by operation (least of all rounds)");
        for (operation, micros) in longest.iter().take(16) {
            println!("{operation:<20} {micros:9.1} µs");
        }
    }
    if let Some(file) = &options.json {
        std::fs::write(file, report::json(&results)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    ensure!(!options.check || broken == 0, "{broken} bounds are broken");
    Ok(())
}

/// Prints whether figures keep their bounds; returns how many do not.
fn tell_bounds(results: &[Outcome], bounds: &[(usize, debian::Bound)]) -> usize {
    let mut broken = 0;
    for (number, bound) in bounds {
        let Some(outcome) = results.get(*number) else { continue };
        let (is_kept, compared) = debian::verdict(outcome, *bound);
        broken += usize::from(!is_kept);
        println!("{:<7} {}: {compared}", if is_kept { "kept" } else { "BROKEN" }, outcome.name);
    }
    broken
}

/// A program with arguments.
struct Measurement {
    program: String,
    /// As in the program's text, words with spaces between.
    args: String,
    /// Whether the emulator cannot run it.
    ours_only: bool,
}

fn measurements(filter: &str) -> Result<Vec<Measurement>> {
    let folder = project::guest_sources().join("bench");
    if !folder.is_dir() {
        return Ok(vec![]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        let source = path.extension().is_some_and(|ext| ext == "c" || ext == "S");
        let name = path.file_stem().and_then(|stem| stem.to_str()).context("a program has a plain name")?;
        if !source || !name.contains(filter) {
            continue;
        }
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let ours_only =
            guests::tag_lines(&text, "oracle").any(|oracle| oracle.trim_start().starts_with("linux"));
        let mut lines: Vec<&str> = guests::tag_lines(&text, "bench").collect();
        if lines.is_empty() {
            lines.push("");
        }
        found.extend(lines.into_iter().map(|args| Measurement {
            program: name.to_owned(),
            args: args.to_owned(),
            ours_only,
        }));
    }
    found.sort_by(|a, b| a.program.cmp(&b.program));
    if found.is_empty() && !filter.is_empty() && !"holds".contains(filter) && !filter.starts_with("debian") {
        bail!("no program under tests/guests/bench has {filter:?} in its name");
    }
    Ok(found)
}
