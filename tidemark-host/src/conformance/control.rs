//! Checks of [`Control`]: tasks run, their ends are told, one's panic is not another's, nothing blocks the loop.

use std::sync::atomic::{AtomicU32, Ordering};

use super::suite::{Shared, Suite};
use super::{Failure, Progress, require};
use crate::control::{Control, ControlFuture};
use crate::wakeups::{WaitOutcome, Wakeups, Word};
use crate::workers::WorkerEnd;
use crate::{Host, HostError};

pub(super) async fn check<H: Host>(suite: &Suite<H>, progress: &Progress) {
    progress.record("control: a task runs to its end, which is told", runs_to_its_end(suite)).await;
    progress.record("control: a worker can start a task", started_by_a_worker(suite)).await;
    progress.record("control: a task's panic ends that task only", panics_alone(suite)).await;
    progress.record("control: tasks take turns", tasks_take_turns(suite)).await;
    progress.record("control: the loop refuses to block", refuses_to_block(suite)).await;
}

/// Starts `future` as a task; what its end was, once it has ended.
fn start<H: Host>(
    host: &H,
    future: impl Future<Output = ()> + Send + 'static,
) -> Result<Shared<WorkerEnd>, HostError> {
    let (on_end, end) = Shared::on_end();
    host.control().start(Box::new(move |_| -> ControlFuture { Box::pin(future) }), on_end)?;
    Ok(end)
}

async fn runs_to_its_end<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let ran = Word::new(0);
    let in_task = ran.clone();
    let end = start(&suite.host, async move { in_task.atomic().store(1, Ordering::Release) })?;
    suite.until("the task's end is told", || end.get().is_some()).await?;
    require(ran.atomic().load(Ordering::Acquire) == 1, || "the task ended without having run".to_owned())?;
    require(end.get() == Some(WorkerEnd::Exited), || format!("a task that completes: {:?}", end.get()))
}

async fn started_by_a_worker<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let host = suite.host.clone();
    let started = suite.on_worker(move || start(&host, async {}).map_err(Failure::from)).await?;
    let end = started?;
    suite.until("the task's end is told", || end.get().is_some()).await
}

async fn panics_alone<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let end = start(&suite.host, async { panic!("on purpose, in a control task") })?;
    suite.until("the panic is told", || end.get().is_some()).await?;
    let end = end.get();
    let told = matches!(&end, Some(WorkerEnd::Panicked { message }) if message.contains("on purpose"));
    require(told, || format!("a task that panics: {end:?}"))?;
    let next = start(&suite.host, async {})?;
    suite.until("a task started after a panic ends", || next.get().is_some()).await
}

/// Two tasks that need each other's steps.
async fn tasks_take_turns<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    const ROUNDS: u32 = 100;
    let turn = Word::new(0);
    let mut ends = Vec::new();
    for own in 0..2 {
        let (host, turn) = (suite.host.clone(), turn.clone());
        let patience_ends = suite.patience_ends();
        // Made within the task: an async wait need not be `Send`.
        let (on_end, end) = Shared::on_end();
        let task = async move || {
            for number in (own..ROUNDS).step_by(2) {
                loop {
                    let now = turn.atomic().load(Ordering::Acquire);
                    if now == number {
                        break;
                    }
                    if host.wakeups().wait_async(&turn, now, Some(patience_ends)).await
                        == WaitOutcome::TimedOut
                    {
                        return;
                    }
                }
                turn.atomic().store(number + 1, Ordering::Release);
                host.wakeups().notify(turn.atomic(), u32::MAX);
            }
        };
        suite
            .host
            .control()
            .start(Box::new(move |_| -> ControlFuture { Box::pin(async move { task().await }) }), on_end)?;
        ends.push(end);
    }
    suite.until("both tasks end", || ends.iter().all(|end| end.get().is_some())).await?;
    let rounds = turn.atomic().load(Ordering::Acquire);
    require(rounds == ROUNDS, || format!("{rounds} of {ROUNDS} rounds were made"))
}

async fn refuses_to_block<H: Host>(suite: &Suite<H>) -> Result<(), Failure> {
    let deadline = suite.patience_ends();
    let outcome = suite.host.wakeups().wait(&AtomicU32::new(0), 0, Some(deadline));
    require(outcome == WaitOutcome::MustNotBlock, || format!("a wait on the control loop: {outcome:?}"))
}
