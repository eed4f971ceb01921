//! Checks of [`Workers`]: turns are taken as asked, ends are told once and truly, a panic harms nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::Strategy;
use proptest::prop_oneof;

use super::generate::for_all;
use super::suite::{ROLE, Suite};
use super::{Failure, Progress, require};
use crate::wakeups::{Wakeups, Word};
use crate::workers::{Role, StackBytes, Turn, TurnResult, WorkerEnd, WorkerHandle, Workers};
use crate::{Clock, Host, limits};

pub(super) async fn check<H: Host>(suite: &Suite<H>, progress: &Progress) {
    progress.record("workers: generated sequences of turns", generated(suite)).await;
    progress.record("workers: a parked worker goes on when notified", parks_until_notified(suite)).await;
    progress.record("workers: a parked worker goes on at its deadline", parks_until_deadline(suite)).await;
    progress.record("workers: a parked worker takes no turns", parked_takes_no_turns(suite)).await;
    progress.record("workers: an exit drops the entry, then is told", exit_drops_the_entry(suite)).await;
    progress.record("workers: a panic is told, and ends that worker only", panics_alone(suite)).await;
    progress.record("workers: a worker can start another", started_by_a_worker(suite)).await;
    progress.record("workers: a dropped handle detaches", dropped_handle_detaches(suite)).await;
    progress.record("workers: no two have the same id", ids_are_unique(suite)).await;
    progress.record("workers: started ahead, and with stacks of their own", started_ahead(suite)).await;
    progress.record("workers: many at once, round after round", many(suite)).await;
    if suite.is_parallel() {
        progress.record("workers: two make progress at once", parallel(suite)).await;
    } else {
        progress.record("workers: yielding lets others go on", cooperative(suite)).await;
    }
}

/// What a turn of a generated sequence results in; the last is followed by `Exit`.
#[derive(Clone, Debug)]
enum Step {
    Again,
    Yield,
    ParkAtAnotherValue,
    ParkUntilPast,
    ParkFor { micros: u64 },
}

async fn generated<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let step = prop_oneof![
        proptest::prelude::Just(Step::Again),
        proptest::prelude::Just(Step::Yield),
        proptest::prelude::Just(Step::ParkAtAnotherValue),
        proptest::prelude::Just(Step::ParkUntilPast),
        (1..300_u64).prop_map(|micros| Step::ParkFor { micros }),
    ];
    for_all(suite, vec(step, 0..24), async |steps| {
        let (turns, expected) = (Arc::new(AtomicU32::new(0)), steps.len() as u32 + 1);
        let (host, counted) = (suite.host.clone(), Arc::clone(&turns));
        let worker = suite.spawn(move || {
            let turn = counted.fetch_add(1, Ordering::Relaxed);
            match steps.get(turn as usize) {
                Some(step) => result_of(&host, step),
                None => TurnResult::Exit,
            }
        })?;
        suite.exited(&worker).await?;
        let turns = turns.load(Ordering::Relaxed);
        require(turns == expected, || format!("{turns} turns were taken, expected {expected}"))
    })
    .await
}

fn result_of<H: Host>(host: &H, step: &Step) -> TurnResult {
    let now = host.clock().monotonic();
    let word = Word::new(0);
    match *step {
        Step::Again => TurnResult::Again,
        Step::Yield => TurnResult::Yield,
        Step::ParkAtAnotherValue => TurnResult::Park { word, expected: 1, deadline: None },
        Step::ParkUntilPast => TurnResult::Park { word, expected: 0, deadline: Some(now) },
        Step::ParkFor { micros } => {
            let deadline = Some(now.saturating_add(Duration::from_micros(micros)));
            TurnResult::Park { word, expected: 0, deadline }
        }
    }
}

/// An entry that counts its turns and parks until `gate` is not 0.
fn parks_at(gate: &Word, turns: &Arc<AtomicU32>) -> impl Turn + use<> {
    let (gate, turns) = (gate.clone(), Arc::clone(turns));
    move || {
        turns.fetch_add(1, Ordering::Relaxed);
        match gate.atomic().load(Ordering::Acquire) {
            0 => TurnResult::Park { word: gate.clone(), expected: 0, deadline: None },
            _ => TurnResult::Exit,
        }
    }
}

fn open<H: Host>(suite: &Suite<H>, gate: &Word) {
    gate.atomic().store(1, Ordering::Release);
    suite.host.wakeups().notify(gate.atomic(), u32::MAX);
}

async fn parks_until_notified<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    // At once, while the worker may be about to park, and later, when it has parked.
    for pause in [Duration::ZERO, Duration::from_micros(20), Duration::from_millis(20)] {
        let (gate, turns) = (Word::new(0), Arc::default());
        let worker = suite.spawn(parks_at(&gate, &turns))?;
        suite.until("the worker takes its first turn", || turns.load(Ordering::Relaxed) > 0).await?;
        suite.pause(pause).await;
        open(suite, &gate);
        suite.exited(&worker).await?;
    }
    Ok(())
}

async fn parks_until_deadline<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let deadline = suite.in_time(Duration::from_millis(10));
    let (host, word) = (suite.host.clone(), Word::new(0));
    let worker = suite.spawn(move || {
        // Parking may end for no reason before.
        if host.clock().monotonic() < deadline {
            return TurnResult::Park { word: word.clone(), expected: 0, deadline: Some(deadline) };
        }
        TurnResult::Exit
    })?;
    suite.exited(&worker).await
}

/// Parking that ends for no reason is allowed now and then; turning it into polling is not.
async fn parked_takes_no_turns<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    const TOLERATED: u32 = 10;
    /// Turns of a worker beside it that yields each time: on a busy machine a millisecond says nothing of how often a
    /// worker could have run.
    const TURNS_BESIDE: u32 = 400;
    let (gate, turns, beside) = (Word::new(0), Arc::default(), Arc::new(AtomicU32::new(0)));
    let worker = suite.spawn(parks_at(&gate, &turns))?;
    let (yields_until, counted) = (gate.clone(), Arc::clone(&beside));
    let yielding = suite.spawn(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        match yields_until.atomic().load(Ordering::Acquire) {
            0 => TurnResult::Yield,
            _ => TurnResult::Exit,
        }
    })?;
    suite.pause(Duration::from_millis(50)).await;
    suite.until("a worker that yields goes on", || beside.load(Ordering::Relaxed) >= TURNS_BESIDE).await?;
    let taken = turns.load(Ordering::Relaxed);
    open(suite, &gate);
    suite.exited(&worker).await?;
    suite.exited(&yielding).await?;
    require(taken <= TOLERATED, || format!("{taken} turns were taken while parked"))
}

/// Sets its flag when dropped.
struct TellsDrop(Arc<AtomicBool>);

impl Drop for TellsDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

async fn exit_drops_the_entry<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let dropped = Arc::new(AtomicBool::new(false));
    let turns_after_exit = Arc::new(AtomicU32::new(0));
    let (tells, counted, mut has_exited) =
        (TellsDrop(Arc::clone(&dropped)), Arc::clone(&turns_after_exit), false);
    let worker = suite.spawn(move || {
        let _kept_by_the_entry = &tells;
        counted.fetch_add(u32::from(has_exited), Ordering::Relaxed);
        has_exited = true;
        TurnResult::Exit
    })?;
    suite.exited(&worker).await?;
    require(dropped.load(Ordering::Acquire), || "the end was told, but the entry is still there".to_owned())?;
    let turns = turns_after_exit.load(Ordering::Relaxed);
    require(turns == 0, || format!("{turns} turns were taken after the exit"))
}

async fn panics_alone<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let (gate, turns) = (Word::new(0), Arc::default());
    let bystander = suite.spawn(parks_at(&gate, &turns))?;
    let mut is_first = true;
    let worker = suite.spawn(move || match std::mem::take(&mut is_first) {
        true => TurnResult::Again,
        false => panic!("on purpose, in a turn"),
    })?;
    let end = suite.ended(&worker).await?;
    let told = matches!(&end, WorkerEnd::Panicked { message } if message.contains("on purpose"));
    require(told, || format!("a worker that panics: {end}"))?;
    require(bystander.end.get().is_none(), || "another worker's panic ended this one".to_owned())?;
    open(suite, &gate);
    suite.exited(&bystander).await?;
    suite.on_worker(|| ()).await
}

async fn started_by_a_worker<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let (host, ran) = (suite.host.clone(), Word::new(0));
    let of_second = ran.clone();
    let started = suite.on_worker(move || {
        let entry = move || {
            of_second.atomic().store(1, Ordering::Release);
            TurnResult::Exit
        };
        host.workers().spawn(ROLE, Box::new(entry), Box::new(|_| ())).map(drop).map_err(Failure::from)
    });
    started.await??;
    suite.until("the second worker runs", || ran.atomic().load(Ordering::Acquire) == 1).await
}

async fn dropped_handle_detaches<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let (gate, turns) = (Word::new(0), Arc::default());
    let worker = suite.spawn(parks_at(&gate, &turns))?;
    drop(worker.handle);
    suite.until("the worker takes a turn", || turns.load(Ordering::Relaxed) > 0).await?;
    require(worker.end.get().is_none(), || "it ended with its handle".to_owned())?;
    open(suite, &gate);
    suite.until("the worker's end is told", || worker.end.get().is_some()).await
}

async fn ids_are_unique<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let mut ids = Vec::new();
    for _ in 0..4 {
        let pair = [suite.spawn(|| TurnResult::Exit)?, suite.spawn(|| TurnResult::Exit)?];
        for worker in pair {
            suite.exited(&worker).await?;
            ids.push(worker.handle.id());
        }
    }
    ids.sort_unstable();
    require(ids.windows(2).all(|pair| pair[0] != pair[1]), || format!("ids {ids:?}"))
}

async fn started_ahead<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    for bytes in [limits::MIN_STACK_BYTES, 2 * limits::DEFAULT_STACK_BYTES] {
        let role = Role::new("ahead").with_stack(StackBytes::new(bytes)?);
        suite.host.workers().start_ahead(role, 2)?;
        // More than were started ahead.
        let (gate, turns) = (Word::new(0), Arc::default());
        let mut workers = Vec::new();
        for _ in 0..4 {
            let (on_end, end) = super::suite::Shared::on_end();
            let handle = suite.host.workers().spawn(role, Box::new(parks_at(&gate, &turns)), on_end)?;
            workers.push(super::suite::Started { handle, end });
        }
        suite.until("all four take a turn", || turns.load(Ordering::Relaxed) >= 4).await?;
        open(suite, &gate);
        for worker in &workers {
            suite.exited(worker).await?;
        }
    }
    Ok(())
}

/// As many as a runtime has at most, of roles with stacks of their own; each ends by itself, and what they took is there
/// for the next round.
async fn many<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    const AT_ONCE: u32 = 32;
    const ROUNDS: usize = 3;
    let small = Role::new("small").with_stack(StackBytes::new(limits::MIN_STACK_BYTES)?);
    for round in 0..ROUNDS {
        let (gate, running) = (Word::new(0), Arc::new(AtomicU32::new(0)));
        let mut workers = Vec::new();
        for number in 0..AT_ONCE {
            let role = if number % 2 == 0 { ROLE } else { small };
            let (of_worker, counted, mut is_first) = (gate.clone(), Arc::clone(&running), true);
            let entry = move || {
                counted.fetch_add(u32::from(std::mem::take(&mut is_first)), Ordering::Relaxed);
                match of_worker.atomic().load(Ordering::Acquire) {
                    0 => TurnResult::Park { word: of_worker.clone(), expected: 0, deadline: None },
                    _ => TurnResult::Exit,
                }
            };
            let (on_end, end) = super::suite::Shared::on_end();
            let handle = suite.host.workers().spawn(role, Box::new(entry), on_end)?;
            workers.push(super::suite::Started { handle, end });
        }
        suite
            .until(&format!("all {AT_ONCE} of round {round} run"), || {
                running.load(Ordering::Relaxed) == AT_ONCE
            })
            .await?;
        let ended = workers.iter().filter(|worker| worker.end.get().is_some()).count();
        require(ended == 0, || format!("{ended} of {AT_ONCE} ended while they were parked"))?;
        open(suite, &gate);
        for worker in &workers {
            suite.exited(worker).await?;
        }
    }
    Ok(())
}

/// Each spins within one turn until the other has begun its own: impossible one after the other.
async fn parallel<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let begun = Arc::new(AtomicU32::new(0));
    let patience_ends = suite.patience_ends();
    let mut workers = Vec::new();
    for _ in 0..2 {
        let (host, begun) = (suite.host.clone(), Arc::clone(&begun));
        workers.push(suite.spawn(move || {
            begun.fetch_add(1, Ordering::AcqRel);
            while begun.load(Ordering::Acquire) < 2 && host.clock().monotonic() < patience_ends {
                std::hint::spin_loop();
            }
            TurnResult::Exit
        })?);
    }
    suite.until("both begin a turn", || begun.load(Ordering::Acquire) == 2).await?;
    for worker in &workers {
        suite.exited(worker).await?;
    }
    let end_in_time = suite.host.clock().monotonic() < patience_ends;
    require(end_in_time, || "the second began only when the first had ended".to_owned())
}

/// Two workers that yield until the other has had its turn.
async fn cooperative<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let turns = Arc::new(AtomicU32::new(0));
    let mut workers = Vec::new();
    for own in 0..2 {
        let turns = Arc::clone(&turns);
        workers.push(suite.spawn(move || match turns.load(Ordering::Acquire) {
            10.. => TurnResult::Exit,
            turn if turn % 2 == own => {
                turns.store(turn + 1, Ordering::Release);
                TurnResult::Again
            }
            _ => TurnResult::Yield,
        })?);
    }
    for worker in &workers {
        suite.exited(worker).await?;
    }
    Ok(())
}
