//! Checks of [`Clock`]: it advances, never goes back on any worker, and the date is a date.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::suite::Suite;
use super::{Failure, Progress, require};
use crate::clock::{Clock, Monotonic};
use crate::wakeups::Word;
use crate::workers::TurnResult;
use crate::{Host, Wakeups};

/// Readings in a row. At 20 ns each this is a fifth of a second: more than the coarsest clock's step.
const READINGS: u32 = 10_000_000;

/// Times that a clock reading is handed from the control loop to a worker and back.
const HAND_OVERS: u32 = 200;

/// 2020-01-01T00:00:00Z: no host is older than this contract.
const EARLIEST_DATE: Duration = Duration::from_secs(1_577_836_800);

/// 2400-01-01T00:00:00Z.
const LATEST_DATE: Duration = Duration::from_secs(13_569_465_600);

/// What can be judged without waiting for anything.
pub(super) async fn check_here<H: Host>(suite: &Suite<H>, progress: &Progress) {
    progress.record("clock: the monotonic clock advances and never goes back", advances(suite)).await;
    progress.record("clock: the resolution is between 1 ns and 1 s", resolution(suite)).await;
    progress.record("clock: the realtime clock tells a date of our time", date(suite)).await;
}

/// What needs workers and waits.
pub(super) async fn check_across_workers<H: Host>(suite: &Suite<H>, progress: &Progress) {
    progress.record("clock: the monotonic clock is one on all workers", one_on_all_workers(suite)).await;
    progress
        .record("clock: the realtime clock advances with the monotonic one", realtime_advances(suite))
        .await;
}

async fn advances<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let clock = suite.host.clock();
    let first = clock.monotonic();
    let mut last = first;
    for reading in 0..READINGS {
        let now = clock.monotonic();
        require(now >= last, || format!("{now:?} was read after {last:?}"))?;
        last = now;
        // A thousand readings at least, to catch one that goes back; then the clock need only advance.
        if reading >= 1_000 && now > first {
            return Ok(());
        }
    }
    Err(Failure::new(format!("still {first:?} after {READINGS} readings")))
}

async fn resolution<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let nanos = suite.host.clock().resolution_nanos();
    require((1..=1_000_000_000).contains(&nanos), || format!("a resolution of {nanos} ns"))
}

async fn date<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let date = Duration::from_nanos(suite.host.clock().realtime().as_nanos());
    require((EARLIEST_DATE..LATEST_DATE).contains(&date), || format!("{date:?} since 1970"))
}

/// Reading and handing over alternate between the control loop and a worker, so every reading happens after the one
/// before it.
async fn one_on_all_workers<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let turn = Word::new(0);
    let readings = super::suite::Shared::empty();
    readings.set(Vec::<Monotonic>::new());

    let (host, of_worker, to) = (suite.host.clone(), turn.clone(), readings.clone());
    let worker = suite.spawn(move || {
        let number = of_worker.atomic().load(Ordering::Acquire);
        if number >= HAND_OVERS {
            return TurnResult::Exit;
        }
        if number % 2 == 0 {
            return TurnResult::Park { word: of_worker.clone(), expected: number, deadline: None };
        }
        read(&host, &to);
        pass_on(&host, &of_worker, number);
        TurnResult::Again
    })?;

    for number in (0..HAND_OVERS).step_by(2) {
        suite.until("the worker hands over", || turn.atomic().load(Ordering::Acquire) == number).await?;
        read(&suite.host, &readings);
        pass_on(&suite.host, &turn, number);
    }
    suite.exited(&worker).await?;
    let readings = readings.get().unwrap_or_default();
    require(readings.is_sorted(), || format!("readings of two workers in turn went back: {readings:?}"))
}

fn read<H: Host>(host: &H, readings: &super::suite::Shared<Vec<Monotonic>>) {
    let mut all = readings.get().unwrap_or_default();
    all.push(host.clock().monotonic());
    readings.set(all);
}

fn pass_on<H: Host>(host: &H, turn: &Word, number: u32) {
    turn.atomic().store(number + 1, Ordering::Release);
    host.wakeups().notify(turn.atomic(), u32::MAX);
}

async fn realtime_advances<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let before = suite.host.clock().realtime();
    suite.pause(Duration::from_millis(20)).await;
    let after = suite.host.clock().realtime();
    // It may be set back meanwhile; but it does not stand still.
    require(before != after, || format!("{before:?} before and after a pause of 20 ms"))
}
