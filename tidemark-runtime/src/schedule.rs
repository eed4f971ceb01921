//! How guest threads take turns: fairly, or at random from a seed, which looks for races.
//!
//! Owns the choice, its text form and the dice. Where they are thrown is the run queue's and the workers' business.

use std::fmt;
use std::str::FromStr;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tidemark_kernel::worker::WorkerId;

/// How guest threads take turns on the workers.
///
/// As text: `fair`, `random:SEED` or `random:SEED:MOST`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Schedule {
    /// First come, first served, some milliseconds at a time; a thread that another one woke goes first.
    #[default]
    Fair,
    /// At random: for looking for what goes wrong only with certain orders of events, in the guest or below it. Slow.
    Random(RandomSchedule),
}

/// A random schedule: each turn of a thread has a few instructions, and any runnable thread may be next, on any worker.
/// System calls that go in steps are also interrupted between them.
///
/// The seed determines all that is drawn, and the guest's randomness where [`Config::seed`](crate::Config::seed) does not.
/// It does not determine when what comes from outside comes: what the application writes and asks for, clocks and timers,
/// and what the machine does between two workers. With one worker a run is repeated the most closely.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RandomSchedule {
    /// What determines the choices.
    pub seed: u64,
    /// The most instructions of a turn; at least one.
    pub most_instructions: u64,
}

impl RandomSchedule {
    /// The most instructions of a turn, unless it is said.
    pub const INSTRUCTIONS: u64 = 16;

    /// With a seed, and turns of at most [`INSTRUCTIONS`](Self::INSTRUCTIONS).
    pub const fn new(seed: u64) -> RandomSchedule {
        RandomSchedule { seed, most_instructions: Self::INSTRUCTIONS }
    }

    /// With longer or shorter turns; none is shorter than an instruction.
    #[must_use]
    pub const fn most_instructions(mut self, most: u64) -> RandomSchedule {
        self.most_instructions = if most == 0 { 1 } else { most };
        self
    }

    /// The dice of one who throws some. Every `stream` has its own.
    fn dice(&self, stream: u64) -> ChaCha8Rng {
        let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
        generator.set_stream(stream);
        generator
    }

    /// What the guest's randomness begins with, where nothing else is said.
    pub(crate) fn guest_seed(&self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.dice(GUEST).fill_bytes(&mut seed);
        seed
    }
}

/// Streams of dice; the workers' are the others.
const QUEUE: u64 = u64::MAX;
const GUEST: u64 = QUEUE - 1;

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schedule::Fair => f.write_str("fair"),
            Schedule::Random(random) => write!(f, "random:{}:{}", random.seed, random.most_instructions),
        }
    }
}

/// A text that is no schedule.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{0:?} is not a schedule: say fair, random:SEED or random:SEED:MOST, with MOST instructions a turn at the most"
)]
pub struct NotASchedule(String);

impl FromStr for Schedule {
    type Err = NotASchedule;

    fn from_str(text: &str) -> Result<Schedule, NotASchedule> {
        let mut parts = text.split(':');
        let parsed = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("fair"), None, ..) => Some(Schedule::Fair),
            (Some("random"), Some(seed), most, None) => random(seed, most).map(Schedule::Random),
            _ => None,
        };
        parsed.ok_or_else(|| NotASchedule(text.to_owned()))
    }
}

fn random(seed: &str, most: Option<&str>) -> Option<RandomSchedule> {
    let random = RandomSchedule::new(seed.parse().ok()?);
    Some(match most {
        None => random,
        Some(most) => random.most_instructions(most.parse().ok().filter(|most| *most > 0)?),
    })
}

/// What a worker throws.
#[derive(Debug)]
pub(crate) struct WorkerDice {
    generator: ChaCha8Rng,
    most_instructions: u64,
}

/// One in so many turns, a thread leaves its worker though nobody there waits for it: another worker may take it.
const MOVE: u64 = 64;

impl WorkerDice {
    pub(crate) fn new(schedule: Schedule, worker: WorkerId) -> Option<WorkerDice> {
        let Schedule::Random(random) = schedule else { return None };
        let generator = random.dice(u64::from(worker.0));
        Some(WorkerDice { generator, most_instructions: random.most_instructions })
    }

    /// How many instructions the next turn has.
    pub(crate) fn budget(&mut self) -> u64 {
        1 + below(&mut self.generator, self.most_instructions)
    }

    /// Whether a thread that could go on leaves its worker.
    pub(crate) fn gives_way(&mut self, others_wait: bool) -> bool {
        below(&mut self.generator, if others_wait { 2 } else { MOVE }) == 0
    }
}

/// What the run queue throws: who is next.
#[derive(Debug)]
pub(crate) struct QueueDice(ChaCha8Rng);

impl QueueDice {
    pub(crate) fn new(schedule: Schedule) -> Option<QueueDice> {
        match schedule {
            Schedule::Fair => None,
            Schedule::Random(random) => Some(QueueDice(random.dice(QUEUE))),
        }
    }

    /// A place in a queue that is `length` long.
    pub(crate) fn place(&mut self, length: usize) -> usize {
        below(&mut self.0, length as u64) as usize
    }
}

/// A number below `bound`, or 0. The bounds are so small that none is favoured noticeably.
fn below(generator: &mut ChaCha8Rng, bound: u64) -> u64 {
    generator.next_u64().checked_rem(bound).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_read_as_it_is_written() {
        let short = Schedule::Random(RandomSchedule::new(7));
        let long = Schedule::Random(RandomSchedule::new(u64::MAX).most_instructions(500));
        for schedule in [Schedule::Fair, short, long] {
            assert_eq!(schedule.to_string().parse(), Ok(schedule));
        }
        assert_eq!("random:7".parse(), Ok(short));
        for wrong in ["", "fair:1", "random", "random:", "random:x", "random:1:0", "random:1:2:3", "Random:1"]
        {
            assert_eq!(wrong.parse::<Schedule>(), Err(NotASchedule(wrong.to_owned())));
        }
    }

    #[test]
    fn the_seed_determines_what_is_thrown() {
        let thrown = |seed, worker| -> Vec<u64> {
            let schedule = Schedule::Random(RandomSchedule::new(seed));
            let mut dice = WorkerDice::new(schedule, WorkerId(worker)).unwrap();
            (0..100).map(|_| dice.budget()).collect()
        };
        assert_eq!(thrown(1, 0), thrown(1, 0));
        assert_ne!(thrown(1, 0), thrown(2, 0));
        assert_ne!(thrown(1, 0), thrown(1, 1), "workers do not all do the same");
        let all = thrown(1, 0);
        assert!(all.iter().all(|budget| (1..=RandomSchedule::INSTRUCTIONS).contains(budget)));
        assert!(all.contains(&1) && all.contains(&RandomSchedule::INSTRUCTIONS));
    }
}
