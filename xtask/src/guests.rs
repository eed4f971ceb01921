//! `build-guests`: compiles the C and assembly programs under tests/guests for riscv64.
//!
//! The convention (tests/guests/README.md): every `FAMILY/NAME.c` or `.S` becomes a static program
//! `target/guests/FAMILY/NAME`. A line `// flags: …` at its top adds flags to the pinned ones, `// libs: …` libraries;
//! headers are found in the program's own folder and in tests/guests. A program is compiled again only when its
//! source, a header or its command line has changed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail, ensure};
use xshell::Shell;

use crate::{project, tools};

/// Pinned, so that a failure or a measurement means the same on every machine.
const FLAGS: &[&str] = &["-std=gnu11", "-O2", "-static", "-Wall", "-Wextra", "-Werror", "-pthread"];
/// In how many lines at its top a program may say how it is built.
const TAG_LINES: usize = 12;

/// Compiles what is out of date.
///
/// # Errors
/// If the compiler is missing or refuses a program; all are tried first.
pub(crate) fn run(_sh: &Shell) -> Result<()> {
    let sources = project::guest_sources();
    if !sources.is_dir() {
        eprintln!("no guest programs yet: {} does not exist", sources.display());
        return Ok(());
    }
    ensure!(
        tools::on_path(tools::GUEST_CC).is_some(),
        "{} is missing: run `cargo xtask setup`",
        tools::GUEST_CC
    );
    let mut programs = Vec::new();
    let mut headers = DefaultHasher::new();
    collect(&sources, &mut programs, &mut headers)?;
    check_names(&programs)?;
    let headers = headers.finish();

    let (next, compiled, failures) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(program) = programs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match program.build(headers) {
                        Ok(fresh) => _ = compiled.fetch_add(usize::from(!fresh), Ordering::Relaxed),
                        Err(error) => failures.lock().expect("no holder panics").push(error),
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no holder panicked");
    failures.iter().for_each(|error| eprintln!("{error:#}"));
    eprintln!("guests: {} programs, {} compiled now", programs.len(), compiled.into_inner());
    if failures.is_empty() { Ok(()) } else { bail!("{} guest programs don't compile", failures.len()) }
}

/// One program: its source, and where it goes.
struct Program {
    source: PathBuf,
    output: PathBuf,
}

impl Program {
    /// Compiles it unless that was done with the same input. Returns whether it was fresh.
    fn build(&self, headers: u64) -> Result<bool> {
        let text = std::fs::read_to_string(&self.source)
            .with_context(|| format!("cannot read {}", self.source.display()))?;
        let args = self.arguments(&text);
        let mut hasher = DefaultHasher::new();
        (headers, &text, &args).hash(&mut hasher);
        let stamp = format!("{:016x}\n", hasher.finish());
        let stamp_file = self.output.with_added_extension("stamp");
        if self.output.is_file() && std::fs::read_to_string(&stamp_file).is_ok_and(|old| old == stamp) {
            return Ok(true);
        }
        let folder = self.output.parent().context("an output has a folder")?;
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let status = Command::new(tools::GUEST_CC)
            .args(&args)
            .status()
            .with_context(|| format!("cannot start {}", tools::GUEST_CC))?;
        ensure!(status.success(), "{} does not compile", self.source.display());
        std::fs::write(&stamp_file, stamp)
            .with_context(|| format!("cannot write {}", stamp_file.display()))?;
        Ok(false)
    }

    fn arguments(&self, text: &str) -> Vec<String> {
        let mut args: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        args.extend(tag(text, "flags").map(str::to_owned));
        if args.iter().any(|flag| flag == "-static-pie") {
            // gcc takes the two for a contradiction, and compiles for no position-independent program by itself.
            args.retain(|flag| flag != "-static");
            args.push("-fPIE".to_owned());
        }
        args.push(format!("-I{}", project::guest_sources().display()));
        args.push(self.source.display().to_string());
        args.push("-o".to_owned());
        args.push(self.output.display().to_string());
        // After the source: the linker takes from a library what it knows to be wanted.
        args.extend(tag(text, "libs").map(str::to_owned));
        args
    }
}

/// The words of the first line `// NAME: …` at the top of a program.
fn tag<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    tag_lines(text, name).next().unwrap_or_default().split_whitespace()
}

/// What follows the name in each line `// NAME: …` at the top of a program.
pub(crate) fn tag_lines<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let value = move |line: &'a str| line.strip_prefix("// ")?.strip_prefix(name)?.strip_prefix(':');
    text.lines().take(TAG_LINES).filter_map(value)
}

fn collect(folder: &Path, programs: &mut Vec<Program>, headers: &mut DefaultHasher) -> Result<()> {
    let sources = project::guest_sources();
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, programs, headers)?;
            continue;
        }
        match path.extension().and_then(|ext| ext.to_str()) {
            Some("c" | "S") => {
                let relative = path.strip_prefix(&sources).context("a source is below the sources")?;
                let output = project::guest_programs().join(relative.with_extension(""));
                programs.push(Program { source: path, output });
            }
            Some("h" | "inc") => {
                std::fs::read(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?
                    .hash(headers);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Two sources of one name would overwrite each other.
fn check_names(programs: &[Program]) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    for program in programs {
        ensure!(seen.insert(&program.output), "two sources for {}", program.output.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_at_the_top_only() {
        let text = "// What it proves.\n// flags: -O0 -g\n// libs: -lm\nint x;";
        assert_eq!(tag(text, "flags").collect::<Vec<_>>(), ["-O0", "-g"]);
        assert_eq!(tag(text, "libs").collect::<Vec<_>>(), ["-lm"]);
        assert_eq!(tag(text, "flag").count(), 0);
        let late = "\n".repeat(TAG_LINES) + "// flags: -O0";
        assert_eq!(tag(&late, "flags").count(), 0);
    }

    #[test]
    fn a_static_pie_is_not_also_plainly_static() {
        let program = Program { source: "a.c".into(), output: "a".into() };
        let args = program.arguments("// flags: -static-pie\n");
        assert!(!args.contains(&"-static".to_owned()) && args.contains(&"-fPIE".to_owned()));
        assert!(program.arguments("").contains(&"-static".to_owned()));
    }
}
