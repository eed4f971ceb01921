//! Running rows, a few at once, and telling how it went.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tidemark_sdk::Schedule;

use super::guest::{self, Outcome};
use super::judge::{compare, judge};
use super::node::Node;
use super::oracle::Oracle;
use super::pace::{Pace, ROUNDS};
use super::roots::{Root, Roots};
use super::table::{Family, Row, SLOW, families, record};

/// What to do with each row.
#[derive(Clone, Copy)]
pub enum Mode<'a> {
    /// Run it in Tidemark and compare with what is recorded.
    Check,
    /// Run it in Tidemark and on the oracle, and compare all three.
    Compare(&'a Oracle),
    /// Run it on the oracle and write down what that did.
    Record(&'a Oracle),
}

/// Where rows run in Tidemark.
#[derive(Clone, Copy)]
pub enum Place<'a> {
    /// In this process, and threads take turns so.
    Here(Schedule),
    /// In Node, each in a process of its own.
    Node(&'a Node),
}

impl Place<'_> {
    fn run(self, family: &Family, row: &Row, root: &Root) -> Result<Outcome, String> {
        match self {
            Place::Here(schedule) => guest::run(family, row, schedule, root),
            Place::Node(node) => node.run(family, row, root).map_err(|error| format!("{error:#}")),
        }
    }
}

/// Which rows.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Those whose `family/name` contains one of these; all if there are none.
    pub names: Vec<String>,
    /// Those that have all of these tags.
    pub tags: Vec<String>,
    /// Those that take minutes, too; without, only where they are named, or asked for by their tag.
    pub slow: bool,
}

impl Selection {
    fn admits(&self, family: &Family, row: &Row) -> bool {
        let name = full_name(family, row);
        let slow = self.slow || !self.names.is_empty() || self.tags.iter().any(|tag| tag == SLOW);
        (slow || !row.tags.contains(SLOW))
            && (self.names.is_empty() || self.names.iter().any(|part| name.contains(part)))
            && self.tags.iter().all(|tag| row.tags.contains(tag))
    }
}

/// How a run went.
#[derive(Default)]
pub struct Report {
    /// How many rows were run.
    pub count: usize,
    /// What failed, with what is wrong.
    pub failures: Vec<String>,
    /// Each row's time in Tidemark and on the oracle, where both ran it.
    pub times: Vec<Pace>,
}

/// What running one row gave.
struct Done {
    failure: Option<String>,
    here: Option<Duration>,
    oracle: Option<Outcome>,
}

/// Gets what the selected rows run in, so that running them needs no network.
///
/// # Errors
/// As [`run`].
pub fn prepare(selection: &Selection) -> Result<()> {
    let families = families()?;
    prepared(&selected(&families, selection)).map(drop)
}

/// Runs the selected rows, `jobs` at once, and those in Tidemark at `place`.
///
/// # Errors
/// If the rows can't be read, or a root can't be had; what rows do wrong is in the report.
pub fn run(mode: Mode<'_>, selection: &Selection, place: Place<'_>, jobs: usize) -> Result<Report> {
    let families = families()?;
    let rows = selected(&families, selection);
    let roots = prepared(&rows)?;
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some((family, row)) = rows.get(number) else { break };
                    let outcome = one(mode, family, row, place, &roots);
                    tell(family, row, &outcome);
                    done.lock().expect("no holder panics").insert(number, outcome);
                }
            });
        }
    });
    let done = done.into_inner().expect("no holder panicked");
    if let Mode::Record(_) = mode {
        write_down(&families, &rows, &done)?;
    }
    Ok(report(&rows, done))
}

fn selected<'a>(families: &'a [Family], selection: &Selection) -> Vec<(&'a Family, &'a Row)> {
    let rows = families.iter().flat_map(|family| family.rows.iter().map(move |row| (family, row)));
    rows.filter(|(family, row)| selection.admits(family, row)).collect()
}

fn prepared(rows: &[(&Family, &Row)]) -> Result<Roots> {
    let roots = Roots::read()?;
    for (family, row) in rows {
        roots.prepare(row.root(family)).with_context(|| full_name(family, row))?;
    }
    Ok(roots)
}

fn one(mode: Mode<'_>, family: &Family, row: &Row, place: Place<'_>, roots: &Roots) -> Done {
    let root = match roots.get(row.root(family)) {
        Ok(root) => root,
        Err(error) => return Done { failure: Some(format!("  {error:#}\n")), here: None, oracle: None },
    };
    let (mut oracle, mut failure) = match mode {
        Mode::Check => (None, None),
        Mode::Compare(oracle) | Mode::Record(oracle) => match oracle.run(family, row, &root) {
            Ok(outcome) => (Some(outcome), None),
            Err(error) => (None, Some(format!("  on the oracle: {error:#}\n"))),
        },
    };
    // What differs from one run to the next is nothing to compare with.
    if let (Mode::Record(again), Some(first)) = (mode, &oracle) {
        failure = match again.run(family, row, &root) {
            Ok(second) if first.stdout == second.stdout && first.code == second.code => None,
            Ok(second) => compare(first, &second).map(|what| format!("  not the same twice:\n{what}")),
            Err(error) => Some(format!("  on the oracle: {error:#}\n")),
        };
    }
    let mut here = None;
    if !matches!(mode, Mode::Record(_)) {
        match place.run(family, row, &root) {
            Ok(outcome) => {
                here = Some(outcome.took);
                failure = failure.or_else(|| judge(row, &outcome));
            }
            Err(error) => failure = Some(format!("  {error}\n")),
        }
        if let (Some(oracle), None, None) = (&oracle, &failure, &row.differs) {
            failure = judge(row, oracle).map(|what| format!("  the oracle differs from the record:\n{what}"));
        }
    }
    if let (Mode::Compare(side), Some(here), Some(outcome), None) = (mode, &mut here, &mut oracle, &failure) {
        failure = time_again((here, &mut outcome.took), (family, row, &root), (place, side)).err();
    }
    Done { failure, here, oracle }
}

/// Runs a short row some more times on both sides, and leaves the least times.
///
/// # Errors
/// If one of these runs fails; the text says how.
fn time_again(
    (here, there): (&mut Duration, &mut Duration),
    (family, row, root): (&Family, &Row, &Root),
    (place, oracle): (Place<'_>, &Oracle),
) -> Result<(), String> {
    if Pace::is_short(*here, *there) {
        for _ in 1..ROUNDS {
            let again = place.run(family, row, root).map_err(|error| format!("  run again: {error}\n"))?;
            *here = again.took.min(*here);
            let again = oracle.run(family, row, root);
            *there = again.map_err(|error| format!("  again on the oracle: {error:#}\n"))?.took.min(*there);
        }
    }
    Ok(())
}

fn tell(family: &Family, row: &Row, done: &Done) {
    let word = if done.failure.is_some() { "FAILED" } else { "ok" };
    let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
    let mut times = done.here.map(seconds).unwrap_or_default();
    if let Some(oracle) = &done.oracle {
        write!(times, " (qemu {})", seconds(oracle.took)).expect("a string takes all");
    }
    eprintln!("{} … {word} {}", full_name(family, row), times.trim_start());
}

fn write_down(families: &[Family], rows: &[(&Family, &Row)], done: &BTreeMap<usize, Done>) -> Result<()> {
    for family in families {
        let mut outcomes = BTreeMap::new();
        for (number, done) in done {
            let Some((of, row)) = rows.get(*number) else { continue };
            if let (true, Some(outcome), None) = (of.name == family.name, &done.oracle, &done.failure) {
                outcomes.insert(row.name.clone(), outcome.clone());
            }
        }
        if !outcomes.is_empty() {
            record(family, &outcomes)?;
        }
    }
    Ok(())
}

fn report(rows: &[(&Family, &Row)], done: BTreeMap<usize, Done>) -> Report {
    let mut report = Report { count: done.len(), ..Report::default() };
    for (number, done) in done {
        let Some((family, row)) = rows.get(number) else { continue };
        let name = full_name(family, row);
        if let (Some(here), Some(oracle)) = (done.here, &done.oracle) {
            report.times.push(Pace { name: name.clone(), here, oracle: oracle.took });
        }
        if let Some(failure) = done.failure {
            report.failures.push(format!("{name}:\n{failure}"));
        }
    }
    report
}

fn full_name(family: &Family, row: &Row) -> String {
    format!("{}/{}", family.name, row.name)
}
