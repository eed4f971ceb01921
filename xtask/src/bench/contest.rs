//! One program on two sides: alternating rounds, and what comes of them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

/// A program and the two ways of running it; one, where the emulator can't.
pub(crate) struct Contest {
    pub(crate) name: String,
    pub(crate) ours: Side,
    pub(crate) theirs: Option<Side>,
}

/// A command line.
pub(crate) struct Side {
    command: Vec<OsString>,
}

/// One figure of one program, on both sides.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) name: String,
    pub(crate) unit: String,
    /// One value a round, in the order in which they were taken; theirs may be none.
    pub(crate) ours: Vec<f64>,
    pub(crate) theirs: Vec<f64>,
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
    /// If a run fails, or the two sides print different figures.
    pub(crate) fn run(&self, rounds: usize) -> Result<Vec<Outcome>> {
        let mut outcomes: Vec<Outcome> = Vec::new();
        for round in 0..rounds {
            let ours = self.ours.round()?;
            let theirs = self.theirs.as_ref().map(Side::round).transpose()?;
            if round == 0 {
                outcomes.extend(ours.iter().map(|(name, _, unit)| Outcome {
                    name: format!("{} {name}", self.name),
                    unit: unit.clone(),
                    ours: Vec::new(),
                    theirs: Vec::new(),
                }));
            }
            let same = |figures: &[Figure]| figures.len() == outcomes.len();
            ensure!(
                same(&ours) && theirs.as_deref().is_none_or(same),
                "{} does not print the same figures in every run",
                self.name
            );
            for (index, (outcome, ours)) in outcomes.iter_mut().zip(ours).enumerate() {
                outcome.ours.push(ours.1);
                if let Some(theirs) = theirs.as_ref().and_then(|figures| figures.get(index)) {
                    ensure!(ours.0 == theirs.0, "{}: {} against {}", self.name, ours.0, theirs.0);
                    outcome.theirs.push(theirs.1);
                }
            }
        }
        Ok(outcomes)
    }
}

impl Outcome {
    /// How many times as fast as theirs ours is; above 1 is better, whatever the unit. Without theirs, not a number.
    pub(crate) fn speed(&self) -> f64 {
        let (ours, theirs) = (median(&self.ours), median(&self.theirs));
        // Rates (`1/s`, `MB/s`) grow with speed, times shrink.
        if self.unit.contains('/') { ours / theirs } else { theirs / ours }
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
            ours: vec![10.0],
            theirs: vec![20.0],
        };
        assert_eq!(outcome("1/s").speed(), 0.5);
        assert_eq!(outcome("ns").speed(), 2.0);
    }

    #[test]
    fn rounds_alternate_and_are_all_kept() -> Result<()> {
        let contest = Contest {
            name: "made-up".into(),
            ours: side("echo 'bench: rate 10 1/s'; echo noise"),
            theirs: Some(side("echo 'bench: rate 40 1/s'")),
        };
        let outcomes = contest.run(3)?;
        assert_eq!(outcomes.len(), 1);
        assert_eq!((outcomes[0].ours.len(), outcomes[0].theirs.len()), (3, 3));
        assert_eq!(outcomes[0].speed(), 0.25);
        Ok(())
    }

    #[test]
    fn a_failing_or_different_side_is_an_error() {
        let contest = |theirs: &str| Contest {
            name: "x".into(),
            ours: side("echo 'bench: a 1 s'"),
            theirs: Some(side(theirs)),
        };
        assert!(contest("exit 3").run(1).is_err());
        assert!(contest("echo 'bench: b 1 s'").run(1).is_err());
        assert!(contest("echo 'bench: a 1 s'; echo 'bench: b 1 s'").run(1).is_err());
    }

    #[test]
    fn what_the_emulator_cannot_run_is_measured_alone() -> Result<()> {
        let outcomes =
            Contest { name: "x".into(), ours: side("echo 'bench: a 1 s'"), theirs: None }.run(2)?;
        assert_eq!((outcomes[0].ours.len(), outcomes[0].theirs.len()), (2, 0));
        assert!(outcomes[0].speed().is_nan());
        Ok(())
    }

    #[test]
    fn a_program_that_prints_nothing_is_timed() -> Result<()> {
        let outcomes = Contest { name: "x".into(), ours: side(":"), theirs: Some(side(":")) }.run(1)?;
        assert_eq!((outcomes[0].name.as_str(), outcomes[0].unit.as_str()), ("x run", "s"));
        Ok(())
    }
}
