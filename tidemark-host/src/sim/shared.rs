//! What the parts of a simulated world share: time, who is ready, who waits, and what was started and has not run.
//!
//! Owns the tables; who runs next is the driver's choice. Everything happens on one thread, so the lock is never
//! contended: it is there because the contract's handles are `Send` and `Sync`. No foreign code runs under it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

use super::config::SimConfig;
use super::dice::{Dice, Stream};
use crate::absent::Absent;
use crate::control::ControlTask;
use crate::end_report::EndReport;
use crate::wakeups::Word;
use crate::workers::Turn;

/// A worker, a control task, or the future that the simulation runs for; in the order of their start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ActorId(pub(super) u64);

/// What the simulation runs for.
pub(super) const ROOT: ActorId = ActorId(0);

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: SimConfig,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    /// Nanoseconds since the world's start.
    pub(super) now: u64,
    /// Whoever can run.
    pub(super) ready: BTreeSet<ActorId>,
    /// Whoever waits, by a number of the wait.
    pub(super) waits: BTreeMap<u64, Wait>,
    /// Started, and not yet with the driver.
    pub(super) started: Vec<(ActorId, Job)>,
    /// The world has ended: nothing starts any more.
    pub(super) over: bool,
    last_actor: u64,
    last_wait: u64,
    pub(super) clock_dice: Dice,
    pub(super) entropy_dice: Dice,
    pub(super) memory_dice: Dice,
    pub(super) workers_dice: Dice,
    pub(super) wakeups_dice: Dice,
}

/// What was started.
pub(super) enum Job {
    Worker { name: &'static str, entry: Box<dyn Turn>, report: EndReport },
    Task { task: ControlTask<Absent, Absent>, report: EndReport },
}

/// Somebody who waits on a word, or for a point in time only.
#[derive(Debug)]
pub(super) struct Wait {
    /// Kept alive for as long as somebody waits on it.
    pub(super) word: Word,
    pub(super) deadline: Option<u64>,
    /// Its time has come, and its future was told.
    pub(super) rung: bool,
    pub(super) who: Who,
}

#[derive(Debug)]
pub(super) enum Who {
    /// A parked worker: its wait is over when it is ready again.
    Worker(ActorId),
    /// An async wait: over when it was notified, or when its future says so.
    Future(Waker),
}

impl Shared {
    pub(super) fn new(config: SimConfig) -> Self {
        let dice = |stream| Dice::new(config.seed, stream);
        let state = State {
            now: 0,
            ready: BTreeSet::from([ROOT]),
            waits: BTreeMap::new(),
            started: Vec::new(),
            over: false,
            last_actor: ROOT.0,
            last_wait: 0,
            clock_dice: dice(Stream::Clock),
            entropy_dice: dice(Stream::Entropy),
            memory_dice: dice(Stream::Memory),
            workers_dice: dice(Stream::Workers),
            wakeups_dice: dice(Stream::Wakeups),
        };
        Self { config, state: Mutex::new(state) }
    }

    pub(super) fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // Nothing that is done under it panics half way.
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    /// Lets time pass.
    pub(super) fn pass(&mut self, nanos: u64) {
        self.now = self.now.saturating_add(nanos);
    }

    /// The id of what is started next.
    pub(super) fn next_actor(&mut self) -> ActorId {
        self.last_actor += 1;
        ActorId(self.last_actor)
    }

    pub(super) fn begin_wait(&mut self, wait: Wait) -> u64 {
        self.last_wait += 1;
        self.waits.insert(self.last_wait, wait);
        self.last_wait
    }

    /// Ends at most `count` of the waits on the word at `address`, chosen at random; returns how many, and whom to wake
    /// once the lock is free.
    pub(super) fn notify(&mut self, address: usize, count: u32) -> (u32, Vec<Waker>) {
        let mut there: Vec<u64> = self
            .waits
            .iter()
            .filter(|(_, wait)| wait.word.atomic().as_ptr().addr() == address)
            .map(|(number, _)| *number)
            .collect();
        let (mut ended, mut wakers) = (0, Vec::new());
        while ended < count && !there.is_empty() {
            let number = there.swap_remove(self.wakeups_dice.index(there.len()));
            wakers.extend(self.end_wait(number));
            ended += 1;
        }
        (ended, wakers)
    }

    /// Has everybody go on whose deadline has come; returns whom to wake once the lock is free.
    pub(super) fn ring(&mut self) -> Vec<Waker> {
        let now = self.now;
        let mut wakers = Vec::new();
        let mut over = Vec::new();
        for (number, wait) in &mut self.waits {
            if wait.rung || wait.deadline.is_none_or(|deadline| deadline > now) {
                continue;
            }
            match &wait.who {
                Who::Worker(_) => over.push(*number),
                Who::Future(waker) => {
                    wakers.push(waker.clone());
                    wait.rung = true;
                }
            }
        }
        for number in over {
            wakers.extend(self.end_wait(number));
        }
        wakers
    }

    /// The earliest deadline that has not come.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.waits.values().filter(|wait| !wait.rung).filter_map(|wait| wait.deadline).min()
    }

    /// Ends a wait that was notified, or a parked worker's whose time has come.
    pub(super) fn end_wait(&mut self, number: u64) -> Option<Waker> {
        match self.waits.remove(&number)?.who {
            Who::Worker(actor) => {
                self.ready.insert(actor);
                None
            }
            Who::Future(waker) => Some(waker),
        }
    }
}

/// Makes a task ready.
#[derive(Debug)]
pub(super) struct Rouse {
    pub(super) shared: Arc<Shared>,
    pub(super) actor: ActorId,
}

impl Wake for Rouse {
    fn wake(self: Arc<Self>) {
        self.shared.with(|state| state.ready.insert(self.actor));
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Worker { name, .. } => name,
            Self::Task { .. } => "control task",
        })
    }
}
