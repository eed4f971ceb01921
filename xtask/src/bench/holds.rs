//! How long the kernel's lock is held: the work of the longest holds, by operation.
//!
//! Runs the program that has much to do in one call, several times, under `tidemark run --stats`. The time that a thread
//! computed also has the operating system's interrupts in it, which come at random; what an operation takes in every
//! run is its own. So the figure is the least of the runs' longest holds.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::project;

/// The program under tests/guests.
const PROGRAM: &str = "/stress/holds";

/// The longest holds by operation, in microseconds, longest first.
///
/// # Errors
/// If the program fails.
pub(super) fn measure(tidemark: &Path, rounds: usize) -> Result<Vec<(String, f64)>> {
    let mut least: Option<BTreeMap<String, f64>> = None;
    for _ in 0..rounds {
        let run = Command::new(tidemark)
            .args(["run", "--stats", "--rootfs"])
            .arg(project::guest_programs())
            .args(["--", PROGRAM])
            .output()
            .with_context(|| format!("cannot run {}", tidemark.display()))?;
        ensure!(run.status.success(), "{PROGRAM}: {}", String::from_utf8_lossy(&run.stdout));
        let longest = parse(&String::from_utf8_lossy(&run.stderr));
        least = Some(match least {
            None => longest,
            // What is not among the longest of a run is shorter than those.
            Some(least) => (least.into_iter())
                .filter_map(|(name, micros)| Some((micros.min(*longest.get(&name)?), name)))
                .map(|(micros, name)| (name, micros))
                .collect(),
        });
    }
    let mut list: Vec<_> = least.unwrap_or_default().into_iter().collect();
    list.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(list)
}

/// The lines `OPERATION LONGEST µs, COUNT above 50 µs`.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let line = |line: &str| {
        let (start, _) = line.split_once(" µs, ")?;
        let (name, micros) = start.trim().rsplit_once(char::is_whitespace)?;
        let name = name.trim_end();
        // Others are sentences.
        let is_operation = name.starts_with('(') || !name.contains(' ');
        Some((name.to_owned(), micros.parse().ok()?)).filter(|_| is_operation)
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_told_from_sentences() {
        let text = "tidemark: 1.2 s; kernel lock held 9 times: half below 1.0 µs, longest 7.0 µs, 0 above 50 µs\n  \
                    without what the system ran meanwhile: longest 6.0 µs, 0 above 50 µs\n  \
                    execve                  3525.3 µs, 152 above 50 µs\n  \
                    (page fault)               9.5 µs, 0 above 50 µs\n";
        let expected = [("(page fault)".to_owned(), 9.5), ("execve".to_owned(), 3525.3)];
        assert_eq!(parse(text), BTreeMap::from(expected));
    }
}
