//! How long rows take in Tidemark beside the oracle: which times tell something, and the report of them.
//!
//! A row's time in Tidemark has making its sandbox in it, on the oracle only the program. Both are mostly start-up where
//! a row is short, and vary by as much from run to run; so the least of several runs counts then, and no ratio is told of rows
//! that are over in no time on either side.

use std::fmt::Write as _;
use std::time::Duration;

/// Below this on both sides, a ratio tells of noise.
const TELLING: Duration = Duration::from_millis(50);
/// Below this on either side, a row is run [`ROUNDS`] times.
const SHORT: Duration = Duration::from_millis(500);
/// How often a short row is run on both sides; the least times count.
pub(super) const ROUNDS: usize = 3;
/// A row slower than this many times the oracle is counted: what issue 3 asks for.
const SLOWER: f64 = 6.0;
/// How many of the slowest are named again at the end.
const WORST: usize = 5;

/// One row's time on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The row, `family/name`.
    pub name: String,
    /// In Tidemark, its sandbox included.
    pub here: Duration,
    /// On the oracle.
    pub oracle: Duration,
}

impl Pace {
    /// Whether another run on both sides would tell more.
    pub(super) fn is_short(here: Duration, oracle: Duration) -> bool {
        here.min(oracle) < SHORT && here.max(oracle) >= TELLING
    }

    /// Tidemark's time over the oracle's, where that tells something.
    pub fn ratio(&self) -> Option<f64> {
        let tells = self.here.max(self.oracle) >= TELLING;
        tells.then(|| self.here.as_secs_f64() / self.oracle.as_secs_f64().max(f64::MIN_POSITIVE))
    }
}

/// A line a row, the slowest last; what is too short, in one sentence; then the worst.
pub fn pace_report(times: &[Pace]) -> String {
    let mut rows: Vec<(f64, &Pace)> = times.iter().filter_map(|pace| Some((pace.ratio()?, pace))).collect();
    rows.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let line = |(ratio, pace): &(f64, &Pace)| {
        let (here, oracle) = (pace.here.as_secs_f64(), pace.oracle.as_secs_f64());
        format!("{ratio:8.2} × {here:9.3} s {oracle:9.3} s  {}\n", pace.name)
    };
    let mut text: String = rows.iter().map(line).collect();
    let mut say = |sentence: std::fmt::Arguments<'_>| {
        writeln!(text, "{sentence}").expect("a string takes all");
    };
    let too_short = times.len() - rows.len();
    if too_short > 0 {
        say(format_args!("{too_short} rows take less than {} ms on both sides", TELLING.as_millis()));
    }
    if let Some((median, _)) = rows.get(rows.len() / 2) {
        let slower = rows.iter().filter(|(ratio, _)| *ratio > SLOWER).count();
        say(format_args!(
            "time, Tidemark / qemu: median {median:.2}, {slower} rows above {SLOWER}; the worst:"
        ));
        text.extend(rows.iter().rev().take(WORST).map(line));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(name: &str, here: u64, oracle: u64) -> Pace {
        let millis = Duration::from_millis;
        Pace { name: name.into(), here: millis(here), oracle: millis(oracle) }
    }

    #[test]
    fn what_is_over_in_no_time_has_no_ratio() {
        let ratio =
            |here, oracle| pace("a", here, oracle).ratio().map(|ratio| (ratio * 100.0).round() as u32);
        assert_eq!(ratio(49, 5), None);
        assert_eq!(ratio(100, 5), Some(2000));
        assert_eq!(ratio(10, 50), Some(20));
    }

    #[test]
    fn only_rows_that_tell_something_are_run_again() {
        let millis = Duration::from_millis;
        assert!(!Pace::is_short(millis(20), millis(8)));
        assert!(Pace::is_short(millis(60), millis(8)) && Pace::is_short(millis(8), millis(60)));
        assert!(!Pace::is_short(millis(600), millis(700)));
    }

    #[test]
    fn the_worst_are_named_last_and_again() {
        let times =
            [pace("slow", 700, 100), pace("short", 9, 1), pace("fast", 50, 100), pace("even", 100, 100)];
        let text = pace_report(&times);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("fast") && lines[2].ends_with("slow"), "{text}");
        assert_eq!(lines[3], "1 rows take less than 50 ms on both sides");
        assert_eq!(lines[4], "time, Tidemark / qemu: median 1.00, 1 rows above 6; the worst:");
        assert!(lines[5].trim_start().starts_with("7.00 ×") && lines[7].ends_with("fast"), "{text}");
    }
}
