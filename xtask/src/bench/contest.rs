//! One program on several sides: alternating rounds, and what comes of them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

/// Where a program is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    /// In the native command.
    Native,
    /// In the npm package.
    Node,
    /// In the emulator.
    Qemu,
}

impl Where {
    pub(crate) const ALL: [Self; 3] = [Self::Native, Self::Node, Self::Qemu];

    /// The heading of its column.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Native => "tidemark",
            Self::Node => "in node",
            Self::Qemu => "qemu",
        }
    }
}

/// A program and the ways of running it.
pub(crate) struct Contest {
    pub(crate) name: String,
    pub(crate) sides: Vec<(Where, Side)>,
}

/// A command line.
pub(crate) struct Side {
    command: Vec<OsString>,
}

/// One figure of one program, on all sides.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) name: String,
    pub(crate) unit: String,
    /// One value a round, in the order in which they were taken.
    pub(crate) rounds: Vec<(Where, Vec<f64>)>,
}

/// What one run printed or took: name, value, unit.
type Figure = (String, f64, String);

impl Side {
    pub(crate) fn new(command: &[PathBuf]) -> Self {
        Self { command: command.iter().map(|part| part.clone().into_os_string()).collect() }
    }

    fn round(&self) -> Result<Vec<Figure>> {
        let (program, args) = self.command.split_first().context("a command line is not empty")?;
        let started = Instant::now();
        let output = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let took = started.elapsed();
        ensure!(output.status.success(), "{:?} ended with {}", self.command, output.status);
        let figures = figures(&String::from_utf8_lossy(&output.stdout));
        Ok(if figures.is_empty() { vec![("run".into(), took.as_secs_f64(), "s".into())] } else { figures })
    }
}

impl Contest {
    /// Runs `rounds` of each side, by turns.
    ///
    /// # Errors
    /// If a run fails, or the sides print different figures.
    pub(crate) fn run(&self, rounds: usize) -> Result<Vec<Outcome>> {
        let mut outcomes: Vec<Outcome> = Vec::new();
        for round in 0..rounds {
            for (index, (_, side)) in self.sides.iter().enumerate() {
                let figures = side.round()?;
                if round == 0 && index == 0 {
                    outcomes.extend(figures.iter().map(|figure| self.outcome(figure)));
                }
                let names = |name: &str| format!("{} {name}", self.name);
                let same = figures.len() == outcomes.len()
                    && figures
                        .iter()
                        .zip(&outcomes)
                        .all(|(figure, outcome)| names(&figure.0) == outcome.name);
                ensure!(same, "{} does not print the same figures in every run", self.name);
                for (outcome, (_, value, _)) in outcomes.iter_mut().zip(figures) {
                    outcome.rounds[index].1.push(value);
                }
            }
        }
        Ok(outcomes)
    }

    fn outcome(&self, (name, _, unit): &Figure) -> Outcome {
        let rounds = self.sides.iter().map(|(place, _)| (*place, Vec::new())).collect();
        Outcome { name: format!("{} {name}", self.name), unit: unit.clone(), rounds }
    }
}

impl Outcome {
    /// The median on one side; not a number where it was not run.
    pub(crate) fn median(&self, place: Where) -> f64 {
        let values = self.rounds.iter().find(|(other, _)| *other == place);
        values.map_or(f64::NAN, |(_, values)| median(values))
    }

    /// How many times as fast as in `other` it is in `place`; above 1 is better, whatever the unit. Not a number where it
    /// was not run.
    pub(crate) fn speed(&self, place: Where, other: Where) -> f64 {
        let (here, there) = (self.median(place), self.median(other));
        // Rates (`1/s`, `MB/s`) grow with speed, times shrink.
        if self.unit.contains('/') { here / there } else { there / here }
    }
}

/// The middle value; of an even number, the mean of the two in the middle; of none, not a number.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// The lines `bench: NAME VALUE UNIT` of what a program printed.
fn figures(stdout: &str) -> Vec<Figure> {
    let figure = |line: &str| {
        let mut words = line.strip_prefix("bench: ")?.split_whitespace();
        let (name, value, unit) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
        Some((name.to_owned(), value, unit.to_owned()))
    };
    stdout.lines().filter_map(figure).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(script: &str) -> Side {
        Side::new(&["sh".into(), "-c".into(), script.into()])
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn rates_and_times_both_make_faster_a_greater_speed() {
        let outcome = |unit: &str| Outcome {
            name: String::new(),
            unit: unit.into(),
            rounds: vec![(Where::Native, vec![10.0]), (Where::Qemu, vec![20.0])],
        };
        assert_eq!(outcome("1/s").speed(Where::Native, Where::Qemu), 0.5);
        assert_eq!(outcome("ns").speed(Where::Native, Where::Qemu), 2.0);
        assert!(outcome("ns").speed(Where::Node, Where::Qemu).is_nan());
    }

    fn contest(ours: &str, theirs: &str) -> Contest {
        let sides = vec![(Where::Native, side(ours)), (Where::Qemu, side(theirs))];
        Contest { name: "made-up".into(), sides }
    }

    #[test]
    fn rounds_alternate_and_are_all_kept() -> Result<()> {
        let outcomes =
            contest("echo 'bench: rate 10 1/s'; echo noise", "echo 'bench: rate 40 1/s'").run(3)?;
        assert_eq!(outcomes.len(), 1);
        assert!(outcomes[0].rounds.iter().all(|(_, values)| values.len() == 3));
        assert_eq!(outcomes[0].speed(Where::Native, Where::Qemu), 0.25);
        Ok(())
    }

    #[test]
    fn a_failing_or_different_side_is_an_error() {
        assert!(contest("echo 'bench: a 1 s'", "exit 3").run(1).is_err());
        assert!(contest("echo 'bench: a 1 s'", "echo 'bench: b 1 s'").run(1).is_err());
        assert!(contest("echo 'bench: a 1 s'", "echo 'bench: a 1 s'; echo 'bench: b 1 s'").run(1).is_err());
    }

    #[test]
    fn a_program_that_prints_nothing_is_timed() -> Result<()> {
        let outcomes = contest(":", ":").run(1)?;
        assert_eq!((outcomes[0].name.as_str(), outcomes[0].unit.as_str()), ("made-up run", "s"));
        Ok(())
    }
}
