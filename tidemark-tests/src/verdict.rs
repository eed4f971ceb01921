//! A family's verdict: every program run, every failure told at once.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use tidemark_sdk::Schedule;

use crate::schedule::from_environment;
use crate::{Outcome, Program, programs, run};

/// How long one program may take. The slowest takes seconds; a loaded machine is forgiven much.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs all programs of a family and panics with what differs from the oracle.
///
/// `TIDEMARK_GUEST_FILTER` restricts the run to programs whose name contains it; `TIDEMARK_SCHEDULE` may name a random
/// schedule (`random`, `random:SEED`, `random:SEED:MOST`).
///
/// # Panics
/// If a program does other than expected, or other than its known gap says, or the family has none.
pub fn check_family(family: &str) {
    let programs = programs(family);
    assert!(!programs.is_empty(), "no programs in the family {family}");
    let filter = std::env::var("TIDEMARK_GUEST_FILTER").unwrap_or_default();
    let schedule = from_environment();
    if let Schedule::Random(_) = schedule {
        eprintln!("TIDEMARK_SCHEDULE={schedule} repeats this run");
    }
    let mut failures = Vec::new();
    let mut count = 0;
    for program in programs.iter().filter(|program| program.name.contains(&filter)) {
        let start = Instant::now();
        let outcome = run(program, schedule, LIMIT);
        count += 1;
        let failure = judge(program, &outcome);
        let word = if failure.is_some() { "FAILED" } else { "ok" };
        eprintln!("{} … {word} ({:.2} s)", program.name, start.elapsed().as_secs_f64());
        failures.extend(failure);
    }
    let failed = failures.len();
    assert!(failed == 0, "{failed} of {count} programs failed ({schedule}):\n\n{}", failures.join("\n"));
}

/// What is wrong, if something is.
fn judge(program: &Program, outcome: &Outcome) -> Option<String> {
    let expected = program.expected();
    let as_expected = outcome.output == expected;
    let mut complaint = match program.gap() {
        None if as_expected => return None,
        Some((_, known)) if outcome.output == known && !as_expected => return None,
        Some((reason, _)) if as_expected => {
            return Some(format!("{}: the gap is closed; delete its .gap file ({reason})\n", program.name));
        }
        None => format!("{}:\n{}", program.name, difference(&expected, &outcome.output)),
        Some((reason, known)) => format!(
            "{}: neither as expected nor the known gap ({reason}):\n{}",
            program.name,
            difference(&known, &outcome.output)
        ),
    };
    if !outcome.errors.is_empty() {
        writeln!(complaint, "  its standard error: {}", outcome.errors.trim_end())
            .expect("a string takes all");
    }
    Some(complaint)
}

/// From the first line that differs on, what was expected (`-`) and what came (`+`).
pub(crate) fn difference(expected: &str, got: &str) -> String {
    let same = expected.lines().zip(got.lines()).take_while(|(a, b)| a == b).count();
    let mut text = String::new();
    let removed = expected.lines().skip(same).map(|line| ("-", line));
    let added = got.lines().skip(same).map(|line| ("+", line));
    let context = expected.lines().take(same).last().map(|line| (" ", line));
    for (sign, line) in context.into_iter().chain(removed).chain(added) {
        writeln!(text, "  {sign} {line}").expect("a string takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn a_difference_starts_where_the_texts_part() {
        assert_eq!(difference("a\nb\nc\n", "a\nb\nd\n"), "    b\n  - c\n  + d\n");
        assert_eq!(difference("a\n", "a\nb\n"), "    a\n  + b\n");
        assert_eq!(difference("a\n", ""), "  - a\n");
    }
}
