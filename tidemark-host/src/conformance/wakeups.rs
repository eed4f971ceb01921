//! Checks of [`Wakeups`]: no wait sleeps through a change, none ends early, notify wakes as many as it says.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;

use super::generate::for_all;
use super::suite::{Shared, Suite};
use super::{Failure, Progress, require};
use crate::Host;
use crate::clock::{Clock, Monotonic};
use crate::wakeups::{WaitOutcome, Wakeups, Word};
use crate::workers::TurnResult;

/// Round trips in a row; a lost notification in any of them stops the game.
const ROUNDS: u32 = 2_000;

/// Long enough that a worker which said that it is about to wait is asleep, even on a busy machine.
const ASLEEP: Duration = Duration::from_millis(20);

/// What the rest of the suite relies on: async waits end.
pub(super) async fn check_timed<H: Host>(suite: &Suite<H>, progress: &Progress) {
    progress.record("wakeups: an async wait at another value does not wait", async_changed(suite)).await;
    progress.record("wakeups: an async wait ends at its deadline", async_deadline(suite)).await;
}

pub(super) async fn check<H: Host>(suite: &Suite<H>, progress: &Progress) {
    progress.record("wakeups: generated async waits and notifications", generated(suite)).await;
    progress.record("wakeups: a dropped async wait passes its notification on", passes_on(suite)).await;
    progress.record("wakeups: notify wakes no more async waits than asked", async_count(suite)).await;
    progress.record("wakeups: an event loop and a worker wake each other", async_ping_pong(suite)).await;
    if !suite.is_parallel() {
        progress.record("wakeups: a worker that must not block is told so", refuses_to_block(suite)).await;
        return;
    }
    progress.record("wakeups: a wait at another value does not wait", changed(suite)).await;
    progress.record("wakeups: a wait ends at its deadline, not before", deadline(suite)).await;
    progress.record("wakeups: workers wake each other", ping_pong(suite)).await;
    progress.record("wakeups: generated hand-overs between workers", hand_overs(suite)).await;
    progress.record("wakeups: notify wakes no more workers than asked", count(suite)).await;
    progress.record("wakeups: notify wakes workers and event loops alike", wakes_all_kinds(suite)).await;
}

async fn async_changed<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let word = Word::new(7);
    let outcome = suite.host.wakeups().wait_async(&word, 8, Some(suite.patience_ends())).await;
    require(outcome == WaitOutcome::Changed, || format!("the word held 7, expected was 8: {outcome:?}"))
}

async fn async_deadline<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    for length in lengths() {
        let (word, deadline) = (Word::new(0), suite.in_time(length));
        let outcome = suite.host.wakeups().wait_async(&word, 0, Some(deadline)).await;
        on_time(suite, length, deadline, outcome)?;
    }
    let outcome = suite.host.wakeups().wait_async(&Word::new(0), 0, Some(Monotonic::ORIGIN)).await;
    require(outcome == WaitOutcome::TimedOut, || format!("a deadline long past: {outcome:?}"))
}

fn lengths() -> impl Iterator<Item = Duration> {
    [0, 1, 50, 500, 1_000, 5_000, 20_000].into_iter().map(Duration::from_micros)
}

fn on_time<H: Host>(
    suite: &Suite<H>,
    length: Duration,
    deadline: Monotonic,
    outcome: WaitOutcome,
) -> Result<(), Failure> {
    let now = suite.host.clock().monotonic();
    match outcome {
        WaitOutcome::TimedOut => require(now >= deadline, || {
            format!("a wait of {length:?} timed out {:?} before its deadline", deadline.saturating_since(now))
        })?,
        // For no reason.
        WaitOutcome::Woken => {}
        WaitOutcome::Changed | WaitOutcome::MustNotBlock => {
            return Err(Failure::new(format!("a wait of {length:?} at an unchanged word: {outcome:?}")));
        }
    }
    let late = now.saturating_since(deadline);
    require(late < suite.options.patience, || format!("a wait of {length:?} ended {late:?} late"))
}

async fn changed<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let (host, deadline) = (suite.host.clone(), suite.patience_ends());
    let outcome = suite.on_worker(move || host.wakeups().wait(&AtomicU32::new(7), 8, Some(deadline))).await?;
    require(outcome == WaitOutcome::Changed, || format!("the word held 7, expected was 8: {outcome:?}"))
}

async fn deadline<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    for length in lengths() {
        let (host, deadline) = (suite.host.clone(), suite.in_time(length));
        let outcome =
            suite.on_worker(move || host.wakeups().wait(&AtomicU32::new(0), 0, Some(deadline))).await?;
        on_time(suite, length, deadline, outcome)?;
    }
    Ok(())
}

async fn refuses_to_block<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let (host, deadline) = (suite.host.clone(), suite.in_time(Duration::from_millis(1)));
    let outcome = suite.on_worker(move || host.wakeups().wait(&AtomicU32::new(0), 0, Some(deadline))).await?;
    require(outcome == WaitOutcome::MustNotBlock, || format!("a wait without parallel workers: {outcome:?}"))
}

/// Two workers take turns at raising a word; each waits for the other.
async fn ping_pong<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let (word, deadline) = (Word::new(0), suite.patience_ends());
    let mut workers = Vec::new();
    for own in 0..2 {
        let (host, word) = (suite.host.clone(), word.clone());
        workers.push(suite.spawn(move || {
            for number in (own..ROUNDS).step_by(2) {
                loop {
                    let now = word.atomic().load(Ordering::Acquire);
                    if now == number {
                        break;
                    }
                    if host.wakeups().wait(word.atomic(), now, Some(deadline)) == WaitOutcome::TimedOut {
                        return TurnResult::Exit;
                    }
                }
                word.atomic().store(number + 1, Ordering::Release);
                host.wakeups().notify(word.atomic(), 1);
            }
            TurnResult::Exit
        })?);
    }
    for worker in &workers {
        suite.exited(worker).await?;
    }
    let rounds = word.atomic().load(Ordering::Acquire);
    require(rounds == ROUNDS, || format!("a notification was lost in round {rounds} of {ROUNDS}"))
}

/// The same with pauses, so that a notification meets the other before, in and after each step of its wait: each round
/// has what the one busies itself with before it looks at the word, and the other before it notifies.
async fn hand_overs<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    #[derive(Clone, Debug)]
    struct Round {
        before_wait_nanos: u64,
        before_notify_nanos: u64,
    }
    let nanos = || prop_oneof![Just(0), 1..2_000_u64, 1..20_000_u64];
    let round = (nanos(), nanos()).prop_map(|(before_wait_nanos, before_notify_nanos)| Round {
        before_wait_nanos,
        before_notify_nanos,
    });
    for_all(suite, vec(round, 1..60), async |rounds: Vec<Round>| {
        let (word, deadline, rounds) = (Word::new(0), suite.patience_ends(), Arc::new(rounds));
        let mut workers = Vec::new();
        for own in 0..2 {
            let (host, word, rounds) = (suite.host.clone(), word.clone(), Arc::clone(&rounds));
            workers.push(suite.spawn(move || {
                for (number, round) in (0..).zip(&*rounds) {
                    if number % 2 == own {
                        busy(&host, round.before_notify_nanos);
                        word.atomic().store(number + 1, Ordering::Release);
                        host.wakeups().notify(word.atomic(), 1);
                        continue;
                    }
                    while word.atomic().load(Ordering::Acquire) <= number {
                        busy(&host, round.before_wait_nanos);
                        let outcome = host.wakeups().wait(word.atomic(), number, Some(deadline));
                        if outcome == WaitOutcome::TimedOut {
                            return TurnResult::Exit;
                        }
                    }
                }
                TurnResult::Exit
            })?);
        }
        for worker in &workers {
            suite.exited(worker).await?;
        }
        let made = word.atomic().load(Ordering::Acquire);
        require(made as usize == rounds.len(), || {
            format!("a notification was lost in round {made} of {}", rounds.len())
        })?;
        require(suite.host.clock().monotonic() < deadline, || {
            format!("a notification was lost in round {made}: its wait ended at its deadline")
        })
    })
    .await
}

/// Lets time pass awake.
fn busy<H: Host>(host: &H, nanos: u64) {
    let until = host.clock().monotonic().saturating_add(Duration::from_nanos(nanos));
    while host.clock().monotonic() < until {
        std::hint::spin_loop();
    }
}

/// The same between a worker that parks and this event loop.
async fn async_ping_pong<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let (word, deadline) = (Word::new(0), suite.patience_ends());
    let (host, of_worker) = (suite.host.clone(), word.clone());
    let worker = suite.spawn(move || {
        let now = of_worker.atomic().load(Ordering::Acquire);
        if now >= ROUNDS || host.clock().monotonic() >= deadline {
            return TurnResult::Exit;
        }
        if now % 2 == 1 {
            return TurnResult::Park { word: of_worker.clone(), expected: now, deadline: Some(deadline) };
        }
        of_worker.atomic().store(now + 1, Ordering::Release);
        host.wakeups().notify(of_worker.atomic(), 1);
        TurnResult::Again
    })?;
    loop {
        let now = word.atomic().load(Ordering::Acquire);
        if now >= ROUNDS {
            break;
        }
        if now % 2 == 1 {
            word.atomic().store(now + 1, Ordering::Release);
            suite.host.wakeups().notify(word.atomic(), 1);
            continue;
        }
        let outcome = suite.host.wakeups().wait_async(&word, now, Some(deadline)).await;
        require(outcome != WaitOutcome::TimedOut, || {
            format!("a notification was lost in round {now} of {ROUNDS}")
        })?;
    }
    suite.exited(&worker).await
}

/// Waits may end for no reason, and a busy machine may leave a worker awake: what counts is what comes every time.
const ATTEMPTS: u32 = 5;

/// Of three sleeping workers, none, then one, then all.
async fn count<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let expected = Woken { said: [0, 1, 2], back: 1 };
    let mut found = expected;
    for _ in 0..ATTEMPTS {
        found = woken_workers(suite).await?;
        if found == expected {
            return Ok(());
        }
    }
    Err(Failure::new(format!(
        "three workers wait: {found:?}, expected {expected:?}, {ATTEMPTS} times in a row"
    )))
}

/// What became of three workers that wait at one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Woken {
    /// What notify answered when asked for none, for one and for all.
    said: [u32; 3],
    /// How many were back from their wait before all were notified.
    back: u32,
}

async fn woken_workers<H: Host>(suite: &Suite<H>) -> Result<Woken, Failure> {
    let word = Word::new(0);
    let (about_to, back) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let deadline = suite.patience_ends();
    let mut workers = Vec::new();
    for _ in 0..3 {
        let (host, word) = (suite.host.clone(), word.clone());
        let (about_to, back) = (Arc::clone(&about_to), Arc::clone(&back));
        workers.push(suite.spawn(move || {
            about_to.fetch_add(1, Ordering::AcqRel);
            host.wakeups().wait(word.atomic(), 0, Some(deadline));
            back.fetch_add(1, Ordering::AcqRel);
            TurnResult::Exit
        })?);
    }
    suite.until("all are about to wait", || about_to.load(Ordering::Acquire) == 3).await?;
    suite.pause(ASLEEP).await;
    let notify = |count| suite.host.wakeups().notify(word.atomic(), count);
    let (none, one) = (notify(0), notify(1));
    suite.pause(ASLEEP).await;
    let back_of_one = back.load(Ordering::Acquire);

    word.atomic().store(1, Ordering::Release);
    let all = notify(u32::MAX);
    for worker in &workers {
        suite.exited(worker).await?;
    }
    Ok(Woken { said: [none, one, all], back: back_of_one })
}

/// A worker that waits, a worker that parks and an event loop, all at one word.
async fn wakes_all_kinds<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let mut said = 0;
    for _ in 0..ATTEMPTS {
        said = wake_all_kinds(suite).await?;
        if said == 3 {
            return Ok(());
        }
    }
    Err(Failure::new(format!("three waited, notify says that it woke {said}, {ATTEMPTS} times in a row")))
}

async fn wake_all_kinds<H: Host>(suite: &Suite<H>) -> Result<u32, Failure> {
    let (word, deadline) = (Word::new(0), suite.patience_ends());
    let (host, of_first, parks, outcome) = (suite.host.clone(), word.clone(), word.clone(), Shared::empty());
    let to = outcome.clone();
    let first = suite.spawn(move || {
        to.set(host.wakeups().wait(of_first.atomic(), 0, Some(deadline)));
        TurnResult::Exit
    })?;
    let second = suite.spawn(move || match parks.atomic().load(Ordering::Acquire) {
        0 => TurnResult::Park { word: parks.clone(), expected: 0, deadline: Some(deadline) },
        _ => TurnResult::Exit,
    })?;
    let mut third = begun(suite, &word).await?;
    suite.pause(ASLEEP).await;

    word.atomic().store(1, Ordering::Release);
    let said = suite.host.wakeups().notify(word.atomic(), u32::MAX);
    let loops_outcome = completed(suite, &mut third).await?;
    require(loops_outcome == WaitOutcome::Woken, || format!("the event loop's wait: {loops_outcome:?}"))?;
    suite.exited(&first).await?;
    suite.exited(&second).await?;
    let outcome = outcome.get();
    require(outcome != Some(WaitOutcome::TimedOut), || "the worker's wait timed out".to_owned())?;
    Ok(said)
}

/// One step of a generated sequence. Values are 0 and 1; indexes count modulo what there is.
#[derive(Clone, Debug)]
enum Op {
    Store { word: usize, value: u32 },
    Wait { word: usize, expected: u32 },
    Notify { word: usize, count: u32 },
    Drop { wait: usize },
}

const WORDS: usize = 3;

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let count = prop_oneof![0..3_u32, Just(u32::MAX)];
    let op = prop_oneof![
        1 => (0..WORDS, 0..2_u32).prop_map(|(word, value)| Op::Store { word, value }),
        4 => (0..WORDS, 0..2_u32).prop_map(|(word, expected)| Op::Wait { word, expected }),
        3 => (0..WORDS, count).prop_map(|(word, count)| Op::Notify { word, count }),
        1 => any::<usize>().prop_map(|wait| Op::Drop { wait }),
    ];
    vec(op, 1..40)
}

/// A wait that has begun and not ended.
struct Waiting<W> {
    word: usize,
    future: Pin<Box<W>>,
}

async fn generated<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    for_all(suite, ops(), async |ops| {
        let words: [Word; WORDS] = std::array::from_fn(|_| Word::new(0));
        let mut waiting = Vec::new();
        for op in ops {
            apply(suite, &op, &words, &mut waiting).await?;
        }
        Ok(())
    })
    .await
}

async fn apply<H: Host>(
    suite: &Suite<H>,
    op: &Op,
    words: &[Word; WORDS],
    waiting: &mut Vec<Waiting<<H::Wakeups as Wakeups>::Wait>>,
) -> Result<(), Failure> {
    match *op {
        Op::Store { word, value } => words[word].atomic().store(value, Ordering::Release),
        Op::Wait { word, expected } => {
            let holds = words[word].atomic().load(Ordering::Acquire);
            let mut future = Box::pin(suite.host.wakeups().wait_async(&words[word], expected, None));
            match (poll_once(&mut future).await, holds == expected) {
                (Poll::Pending, true) => waiting.push(Waiting { word, future }),
                (Poll::Ready(WaitOutcome::Changed), false) | (Poll::Ready(WaitOutcome::Woken), true) => {}
                // The answer may take a pass through the event loop.
                (Poll::Pending, false) => {
                    let outcome = completed(suite, &mut future).await?;
                    require(outcome == WaitOutcome::Changed, || format!("{op:?} at {holds}: {outcome:?}"))?;
                }
                (outcome, _) => return Err(Failure::new(format!("{op:?} at {holds}: {outcome:?}"))),
            }
        }
        Op::Notify { word, count } => {
            let waits = waiting.iter().filter(|wait| wait.word == word).count();
            let must_wake = u32::try_from(waits).unwrap_or(u32::MAX).min(count);
            let said = suite.host.wakeups().notify(words[word].atomic(), count);
            require((must_wake..=count).contains(&said), || {
                format!("{waits} wait at word {word}; asked for {count}, notify says that it woke {said}")
            })?;
            let mut woken = 0;
            let patience_ends = suite.patience_ends();
            loop {
                woken += take_completed(waiting, word).await?;
                if woken >= must_wake {
                    break;
                }
                require(suite.host.clock().monotonic() < patience_ends, || {
                    format!("{waits} wait at word {word}; asked for {count}, notify woke {woken}")
                })?;
                suite.pause(Duration::from_micros(100)).await;
            }
        }
        Op::Drop { wait } => {
            if let Some(position) = wait.checked_rem(waiting.len()) {
                waiting.remove(position);
            }
        }
    }
    Ok(())
}

/// Removes the waits at `word` that have ended; how many there were.
async fn take_completed<W>(waiting: &mut Vec<Waiting<W>>, word: usize) -> Result<u32, Failure>
where
    W: Future<Output = WaitOutcome>,
{
    let (mut woken, mut position) = (0, 0);
    while let Some(wait) = waiting.get_mut(position) {
        let state = if wait.word == word { poll_once(&mut wait.future).await } else { Poll::Pending };
        match state {
            Poll::Pending => position += 1,
            Poll::Ready(WaitOutcome::Woken) => {
                waiting.remove(position);
                woken += 1;
            }
            Poll::Ready(outcome) => {
                return Err(Failure::new(format!(
                    "a wait without deadline, once begun, ended with {outcome:?}"
                )));
            }
        }
    }
    Ok(woken)
}

/// An async wait at a word that holds 0, under way. One that ended for no reason is begun again.
async fn begun<H: Host>(
    suite: &Suite<H>,
    word: &Word,
) -> Result<Pin<Box<<H::Wakeups as Wakeups>::Wait>>, Failure> {
    for _ in 0..ATTEMPTS {
        let mut wait = Box::pin(suite.host.wakeups().wait_async(word, 0, None));
        match poll_once(&mut wait).await {
            Poll::Pending => return Ok(wait),
            Poll::Ready(WaitOutcome::Woken) => {}
            Poll::Ready(outcome) => {
                return Err(Failure::new(format!("a wait at an unchanged word ended with {outcome:?}")));
            }
        }
    }
    Err(Failure::new(format!("{ATTEMPTS} waits in a row at an unchanged word ended at once")))
}

/// Of two waits one is notified and one dropped, without a look at which was notified: the other ends.
async fn passes_on<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    for drop_first in [true, false] {
        let word = Word::new(0);
        let (first, second) = (begun(suite, &word).await?, begun(suite, &word).await?);
        suite.host.wakeups().notify(word.atomic(), 1);
        let (dropped, mut left) = if drop_first { (first, second) } else { (second, first) };
        drop(dropped);
        completed(suite, &mut left).await?;
    }
    Ok(())
}

/// Of three async waits, one.
async fn async_count<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    const WAITS: usize = 3;
    let mut woken = 0;
    for _ in 0..ATTEMPTS {
        let word = Word::new(0);
        let mut waiting = Vec::new();
        for _ in 0..WAITS {
            let mut future = Box::pin(suite.host.wakeups().wait_async(&word, 0, None));
            if poll_once(&mut future).await.is_pending() {
                waiting.push(Waiting { word: 0, future });
            }
        }
        suite.host.wakeups().notify(word.atomic(), 1);
        suite.pause(ASLEEP).await;
        woken = take_completed(&mut waiting, 0).await?;
        if woken == 1 {
            return Ok(());
        }
    }
    Err(Failure::new(format!("notify woke {woken} waits when asked for one, {ATTEMPTS} times in a row")))
}

/// Looks at a future once, on behalf of the suite's task.
async fn poll_once<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

/// Awaits a future, with patience.
async fn completed<H: Host, F: Future>(
    suite: &Suite<H>,
    future: &mut Pin<Box<F>>,
) -> Result<F::Output, Failure> {
    let patience_ends = suite.patience_ends();
    loop {
        if let Poll::Ready(output) = poll_once(future).await {
            return Ok(output);
        }
        require(suite.host.clock().monotonic() < patience_ends, || {
            format!("an async wait has not ended within {:?}", suite.options.patience)
        })?;
        suite.pause(Duration::from_micros(100)).await;
    }
}
