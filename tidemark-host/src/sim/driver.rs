//! The driver of a simulated world: who goes next, what it costs, and when time jumps.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::SimHost;
use super::config::SimConfig;
use super::dice::{Dice, Stream};
use super::shared::{ActorId, Job, ROOT, Rouse, Shared, State, Wait, Who};
use crate::absent::Absent;
use crate::clock::Monotonic;
use crate::control::{ControlFuture, ControlSide};
use crate::end_report::EndReport;
use crate::error::HostError;
use crate::workers::{Turn, TurnResult, WorkerEnd};

/// A step takes up to this long, in nanoseconds, whatever it does.
const STEP: u64 = 20_000;

/// The longest stall, in nanoseconds.
const STALL: u64 = 20_000_000;

/// A simulated world and what runs in it.
#[derive(Debug)]
pub struct Sim {
    shared: Arc<Shared>,
    host: SimHost,
    actors: BTreeMap<ActorId, Actor>,
    dice: Dice,
    steps: u64,
    digest: u64,
}

/// Who takes steps.
enum Actor {
    Worker { name: &'static str, entry: Box<dyn Turn>, report: EndReport },
    Task { future: ControlFuture, report: EndReport },
}

impl Sim {
    /// A new world at time zero.
    ///
    /// # Errors
    /// `InvalidInput` or `Exhausted` if the memory that `config` asks for cannot be reserved.
    pub fn new(config: SimConfig) -> Result<Self, HostError> {
        let dice = Dice::new(config.seed, Stream::Schedule);
        let shared = Arc::new(Shared::new(config));
        let host = SimHost::new(&shared)?;
        Ok(Self { shared, host, actors: BTreeMap::new(), dice, steps: 0, digest: FNV_OFFSET })
    }

    /// The host that this world lends.
    pub fn host(&self) -> &SimHost {
        &self.host
    }

    /// How long the world has existed, in its own time.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.shared.with(|state| state.now))
    }

    /// How many turns and polls there were.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Sums up who went when: two runs with the same digest took the same steps at the same times.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Runs the world until `future` completes. Blocks the calling thread, which does all the work. What else was started
    /// stays as it is then, and goes on with the next call.
    ///
    /// # Errors
    /// [`Stuck`] if nobody can go on and no deadline will come, or the world has taken more steps than its limit.
    pub fn run<F: Future>(&mut self, future: F) -> Result<F::Output, Stuck> {
        let mut future = pin!(future);
        let limit = self.shared.config.step_limit;
        self.shared.with(|state| state.ready.insert(ROOT));
        loop {
            if self.steps >= limit {
                return Err(self.stuck(true));
            }
            let actor = self.next()?;
            self.enter(actor);
            if actor == ROOT {
                let waker = self.waker(ROOT);
                if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return Ok(output);
                }
            } else {
                self.step(actor);
            }
        }
    }

    /// Who goes next: anybody who can, after time has passed.
    fn next(&mut self) -> Result<ActorId, Stuck> {
        let faults = self.shared.config.faults;
        let mut cost = 1 + self.dice.below(STEP);
        if self.dice.happens(faults.stalls) {
            cost += self.dice.below(STALL);
        }
        self.shared.with(|state| state.pass(cost));
        loop {
            self.take_started();
            let wakers = self.shared.with(State::ring);
            wakers.into_iter().for_each(Waker::wake);
            let dice = &mut self.dice;
            let actor = self.shared.with(|state| {
                let index = dice.index(state.ready.len());
                let actor = state.ready.iter().nth(index).copied();
                if let Some(actor) = actor {
                    state.ready.remove(&actor);
                } else if let Some(deadline) = state.next_deadline() {
                    state.now = state.now.max(deadline);
                } else {
                    return Err(());
                }
                Ok(actor)
            });
            match actor {
                // Ready, and ended meanwhile.
                Ok(Some(actor)) if actor != ROOT && !self.actors.contains_key(&actor) => {}
                Ok(Some(actor)) => return Ok(actor),
                Ok(None) => {}
                Err(()) => return Err(self.stuck(false)),
            }
        }
    }

    fn take_started(&mut self) {
        for (actor, job) in self.shared.with(|state| std::mem::take(&mut state.started)) {
            let begun = match job {
                Job::Worker { name, entry, report } => Ok(Actor::Worker { name, entry, report }),
                Job::Task { task, report } => {
                    let side = ControlSide::new(Absent, Absent);
                    match catch_unwind(AssertUnwindSafe(move || task(side))) {
                        Ok(future) => Ok(Actor::Task { future, report }),
                        Err(payload) => Err((report, WorkerEnd::from_panic(payload))),
                    }
                }
            };
            match begun {
                Ok(begun) => {
                    self.actors.insert(actor, begun);
                    self.shared.with(|state| state.ready.insert(actor));
                }
                Err((report, end)) => report.send(end),
            }
        }
    }

    /// A worker's turn, or a poll of a task. A panic ends that actor only.
    fn step(&mut self, actor: ActorId) {
        let Some(mut acting) = self.actors.remove(&actor) else { return };
        let waker = self.waker(actor);
        let went = catch_unwind(AssertUnwindSafe(|| acting.go(&waker)));
        let end = match went {
            Ok(Wish::Again) => {
                self.shared.with(|state| state.ready.insert(actor));
                None
            }
            Ok(Wish::Wait) => None,
            Ok(Wish::Park(wait)) => {
                self.park(actor, wait);
                None
            }
            Ok(Wish::End) => Some(WorkerEnd::Exited),
            Err(payload) => Some(WorkerEnd::from_panic(payload)),
        };
        match end {
            None => {
                self.actors.insert(actor, acting);
            }
            Some(end) => acting.end(end),
        }
    }

    fn park(&self, actor: ActorId, park: Park) {
        let faults = self.shared.config.faults;
        self.shared.with(|state| {
            let changed = park.word.atomic().load(Ordering::SeqCst) != park.expected;
            if changed || state.wakeups_dice.happens(faults.spurious_wakeups) {
                state.ready.insert(actor);
                return;
            }
            let deadline = park.deadline.map(Monotonic::as_nanos);
            state.begin_wait(Wait { word: park.word, deadline, rung: false, who: Who::Worker(actor) });
        });
    }

    fn waker(&self, actor: ActorId) -> Waker {
        Waker::from(Arc::new(Rouse { shared: Arc::clone(&self.shared), actor }))
    }

    fn enter(&mut self, actor: ActorId) {
        self.steps += 1;
        let now = self.shared.with(|state| state.now);
        for byte in actor.0.to_le_bytes().into_iter().chain(now.to_le_bytes()) {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
        }
    }

    fn stuck(&self, busy: bool) -> Stuck {
        let actors = self.actors.values().map(|actor| match actor {
            Actor::Worker { name, .. } => format!("worker {name}"),
            Actor::Task { .. } => "control task".to_owned(),
        });
        Stuck { at: self.elapsed(), seed: self.shared.config.seed, busy, actors: actors.collect() }
    }
}

/// FNV-1a of 64 bits (RFC 9923, 5).
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x100_0000_01b3;

impl Drop for Sim {
    /// Whatever has not ended is lost, and its starter is told.
    fn drop(&mut self) {
        self.shared.with(|state| state.over = true);
        // An end's callback may drop handles, whose owners start nothing any more.
        while !self.actors.is_empty() || self.shared.with(|state| !state.started.is_empty()) {
            let started = self.shared.with(|state| std::mem::take(&mut state.started));
            let actors = std::mem::take(&mut self.actors);
            // A foreign drop may panic; this one must not.
            let _ = catch_unwind(AssertUnwindSafe(move || drop((started, actors))));
        }
    }
}

impl Actor {
    fn go(&mut self, waker: &Waker) -> Wish {
        match self {
            Self::Worker { entry, .. } => match entry.turn() {
                TurnResult::Park { word, expected, deadline } => {
                    Wish::Park(Park { word, expected, deadline })
                }
                TurnResult::Exit => Wish::End,
                TurnResult::Again | TurnResult::Yield => Wish::Again,
            },
            Self::Task { future, .. } => match future.as_mut().poll(&mut Context::from_waker(waker)) {
                Poll::Ready(()) => Wish::End,
                Poll::Pending => Wish::Wait,
            },
        }
    }

    /// Drops what ran, then reports its end.
    fn end(self, end: WorkerEnd) {
        let (dropping, report) = match self {
            Self::Worker { entry, report, .. } => {
                (catch_unwind(AssertUnwindSafe(move || drop(entry))), report)
            }
            Self::Task { future, report } => (catch_unwind(AssertUnwindSafe(move || drop(future))), report),
        };
        report.send(match (end, dropping) {
            (WorkerEnd::Exited, Err(payload)) => WorkerEnd::from_panic(payload),
            (end, _) => end,
        });
    }
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Worker { name, .. } => name,
            Self::Task { .. } => "control task",
        })
    }
}

/// How an actor goes on.
enum Wish {
    Again,
    /// When its waker is called.
    Wait,
    Park(Park),
    End,
}

struct Park {
    word: crate::wakeups::Word,
    expected: u32,
    deadline: Option<Monotonic>,
}

/// What a simulated world runs for will never happen: nobody can go on, or all go on without end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    at: Duration,
    seed: u64,
    busy: bool,
    actors: Vec<String>,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, seed, busy, actors } = self;
        let what =
            if *busy { "the limit of steps is reached; still there" } else { "nobody can go on; there are" };
        write!(f, "after {at:?} of seed {seed} {what}: ")?;
        match actors.is_empty() {
            true => f.write_str("no workers and no tasks"),
            false => f.write_str(&actors.join(", ")),
        }
    }
}

impl Error for Stuck {}
