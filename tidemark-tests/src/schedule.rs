//! Under which schedule guests are run: the fair one, or random ones, to find what only certain orders of events bring about.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use tidemark_sdk::{NotASchedule, RandomSchedule, Schedule};

/// Names the schedule: `fair`, `random`, `random:SEED` or `random:SEED:MOST`.
const VARIABLE: &str = "TIDEMARK_SCHEDULE";

/// How many times as long everything may take with turns of a few instructions.
const SLOWER: u32 = 5;

/// Reads a schedule; `random` alone draws a seed.
///
/// # Errors
/// If the text is none.
pub fn schedule(text: &str) -> Result<Schedule, NotASchedule> {
    match text {
        // Keys differ at every call, and with every process.
        "random" => Ok(Schedule::Random(RandomSchedule::new(RandomState::new().build_hasher().finish()))),
        text => text.parse(),
    }
}

/// The schedule that the environment names; fair if it names none.
///
/// # Panics
/// If it names what is none.
pub(crate) fn from_environment() -> Schedule {
    match std::env::var(VARIABLE) {
        Ok(text) => schedule(&text).unwrap_or_else(|error| panic!("{VARIABLE}: {error}")),
        Err(_) => Schedule::Fair,
    }
}

/// The schedule for a program that wants turns of `turns` instructions where they are random, lest it take too long, and
/// how many times as long it may take.
pub(crate) fn for_program(schedule: Schedule, turns: Option<u64>) -> (Schedule, u32) {
    match schedule {
        Schedule::Random(random) => {
            let most = random.most_instructions.max(turns.unwrap_or(0));
            (Schedule::Random(random.most_instructions(most)), SLOWER)
        }
        schedule => (schedule, 1),
    }
}
