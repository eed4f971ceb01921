//! Checks of the Node host that run inside it: tests/host.test.mjs starts a host and calls each by its name, or the
//! conformance suite.
//!
//! The checks here are about what is this host's own: threads, traps, the control event loop.

#![cfg(target_family = "wasm")]
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use js_sys::Function;
use tidemark_host::conformance::{self, Options, Progress, Report};
use tidemark_host::{
    Clock, Control, Host, Role, Turn, TurnResult, WaitOutcome, Wakeups, Word, WorkerEnd, WorkerHandle,
    Workers,
};
use tidemark_host_node::{NodeHandle, NodeHost};
use wasm_bindgen::prelude::*;

const ROLE: Role = Role::new("check");

/// Runs a check as a control task; `done` is called with nothing, or with what was wrong.
#[wasm_bindgen]
pub fn check(name: String, done: Function) {
    let host = NodeHost::current().expect("the host was started");
    let id = wait_for_answer(done);
    let running = host.clone();
    let task = Box::new(move |_| -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(async move {
            let outcome = run(&running, &name).await;
            answer(id, outcome.err());
        })
    });
    let on_end = Box::new(move |end| answer(id, Some(format!("{end}"))));
    host.control().start(task, on_end).expect("the loop runs");
}

/// Judges the host by the conformance suite; `done` is called with nothing, or with the report of a failure.
#[wasm_bindgen]
pub fn conform(seed: u64, done: Function) {
    let host = NodeHost::current().expect("the host was started");
    let id = wait_for_answer(done);
    let options = Options { seed, ..Options::default() };
    let told = move |report: Report| answer(id, (!report.is_success()).then(|| report.to_string()));
    let progress = conformance::start(&host, options, told).expect("the loop runs");
    PROGRESS.set(Some(progress));
}

/// How far the conformance suite has come.
#[wasm_bindgen]
pub fn progress() -> String {
    PROGRESS
        .with_borrow(|progress| progress.as_ref().map_or_else(String::new, |now| now.snapshot().to_string()))
}

thread_local! {
    static PROGRESS: RefCell<Option<Progress>> = const { RefCell::new(None) };
    static WAITING: RefCell<(u32, BTreeMap<u32, Function>)> = const { RefCell::new((0, BTreeMap::new())) };
}

fn wait_for_answer(done: Function) -> u32 {
    WAITING.with_borrow_mut(|(last, waiting)| {
        *last += 1;
        waiting.insert(*last, done);
        *last
    })
}

/// Only the first answer counts: that of the check, or of its end by a panic.
fn answer(id: u32, wrong: Option<String>) {
    if let Some(done) = WAITING.with_borrow_mut(|(_, waiting)| waiting.remove(&id)) {
        let _ = done.call1(&JsValue::NULL, &wrong.into());
    }
}

async fn run(host: &NodeHost, name: &str) -> Result<(), String> {
    match name {
        "workers share one memory" => workers_share_one_memory(host).await,
        "workers are reused" => workers_are_reused(host).await,
        "a panic is reported" => a_panic_is_reported(host).await,
        "a trap is reported" => a_trap_is_reported(host).await,
        "a parked worker is woken" => a_parked_worker_is_woken(host).await,
        "a worker yields" => a_worker_yields(host).await,
        "deadlines come" => deadlines_come(host).await,
        "the control loop does not block" => the_control_loop_does_not_block(host),
        "a panicking task ends alone" => a_panicking_task_ends_alone(host).await,
        "a dropped wait passes its notification on" => a_dropped_wait_passes_its_notification_on(host).await,
        _ => Err(format!("no such check: {name}")),
    }
}

/// A turn made of a closure.
struct Turns<F>(F);

impl<F: FnMut() -> TurnResult + Send + 'static> Turn for Turns<F> {
    fn turn(&mut self) -> TurnResult {
        (self.0)()
    }
}

/// Starts a worker; its end is left in the returned place, and the word counts ends.
fn spawn(
    host: &NodeHost,
    ends: &Ends,
    turn: impl FnMut() -> TurnResult + Send + 'static,
) -> Result<NodeHandle, String> {
    let (told, wakeups) = (ends.clone(), host.wakeups().clone());
    let on_end = Box::new(move |end| {
        told.list.lock().expect("no panic under this lock").push(end);
        told.word.atomic().fetch_add(1, Ordering::Release);
        wakeups.notify(told.word.atomic(), u32::MAX);
    });
    host.workers().spawn(ROLE, Box::new(Turns(turn)), on_end).map_err(|error| error.to_string())
}

#[derive(Clone)]
struct Ends {
    word: Word,
    list: Arc<Mutex<Vec<WorkerEnd>>>,
}

impl Ends {
    fn new() -> Self {
        Self { word: Word::new(0), list: Arc::default() }
    }

    /// Waits until `count` workers have ended.
    async fn wait(&self, host: &NodeHost, count: u32) -> Result<Vec<WorkerEnd>, String> {
        wait_for(host, &self.word, count).await?;
        Ok(self.list.lock().expect("no panic under this lock").clone())
    }
}

/// Waits, asynchronously and for ten seconds at most, until `word` has reached `value`.
async fn wait_for(host: &NodeHost, word: &Word, value: u32) -> Result<(), String> {
    let deadline = host.clock().monotonic().saturating_add(Duration::from_secs(10));
    loop {
        let seen = word.atomic().load(Ordering::Acquire);
        if seen >= value {
            return Ok(());
        }
        if host.wakeups().wait_async(word, seen, Some(deadline)).await == WaitOutcome::TimedOut {
            return Err(format!("waited in vain for {value}, there is {seen}"));
        }
    }
}

fn expect(what: bool, wrong: impl Into<String>) -> Result<(), String> {
    if what { Ok(()) } else { Err(wrong.into()) }
}

async fn workers_share_one_memory(host: &NodeHost) -> Result<(), String> {
    const WORKERS: u32 = 4;
    const ADDITIONS: u32 = 100_000;
    let (ends, atomic, locked) = (Ends::new(), Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(0_u32)));
    for _ in 0..WORKERS {
        let (atomic, locked) = (Arc::clone(&atomic), Arc::clone(&locked));
        spawn(host, &ends, move || {
            for _ in 0..ADDITIONS {
                atomic.fetch_add(1, Ordering::Relaxed);
                *locked.lock().expect("no panic under this lock") += 1;
            }
            TurnResult::Exit
        })?;
    }
    let all = ends.wait(host, WORKERS).await?;
    expect(all.iter().all(|end| *end == WorkerEnd::Exited), format!("{all:?}"))?;
    let sums = (atomic.load(Ordering::Relaxed), *locked.lock().expect("no panic under this lock"));
    expect(sums == (WORKERS * ADDITIONS, WORKERS * ADDITIONS), format!("lost additions: {sums:?}"))
}

async fn workers_are_reused(host: &NodeHost) -> Result<(), String> {
    // Far more than there may be threads.
    for round in 0..300 {
        let ends = Ends::new();
        let handle = spawn(host, &ends, || TurnResult::Exit)?;
        ends.wait(host, 1).await?;
        expect(handle.end() == Some(WorkerEnd::Exited), format!("round {round}: {:?}", handle.end()))?;
    }
    Ok(())
}

async fn a_panic_is_reported(host: &NodeHost) -> Result<(), String> {
    let ends = Ends::new();
    spawn(host, &ends, || panic!("on purpose"))?;
    let all = ends.wait(host, 1).await?;
    match &all[..] {
        [WorkerEnd::Panicked { message }] if message.contains("on purpose") => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

async fn a_trap_is_reported(host: &NodeHost) -> Result<(), String> {
    let ends = Ends::new();
    spawn(host, &ends, || core::arch::wasm32::unreachable())?;
    let all = ends.wait(host, 1).await?;
    expect(matches!(&all[..], [WorkerEnd::Panicked { .. }]), format!("{all:?}"))
}

async fn a_parked_worker_is_woken(host: &NodeHost) -> Result<(), String> {
    let (ends, bell, seen) = (Ends::new(), Word::new(0), Word::new(0));
    let (heard, shown, wakeups) = (bell.clone(), seen.clone(), host.wakeups().clone());
    spawn(host, &ends, move || {
        let value = heard.atomic().load(Ordering::Acquire);
        shown.atomic().store(value + 1, Ordering::Release);
        wakeups.notify(shown.atomic(), u32::MAX);
        match value {
            3.. => TurnResult::Exit,
            expected => TurnResult::Park { word: heard.clone(), expected, deadline: None },
        }
    })?;
    for round in 1..=3 {
        wait_for(host, &seen, round).await?;
        bell.atomic().store(round, Ordering::Release);
        host.wakeups().notify(bell.atomic(), 1);
    }
    ends.wait(host, 1).await.map(|_| ())
}

async fn a_worker_yields(host: &NodeHost) -> Result<(), String> {
    let ends = Ends::new();
    let mut turns = 0;
    spawn(host, &ends, move || {
        turns += 1;
        if turns < 100 { TurnResult::Yield } else { TurnResult::Exit }
    })?;
    let all = ends.wait(host, 1).await?;
    expect(all == [WorkerEnd::Exited], format!("{all:?}"))
}

async fn deadlines_come(host: &NodeHost) -> Result<(), String> {
    let (word, wait) = (Word::new(0), Duration::from_millis(30));
    let started = host.clock().monotonic();
    let outcome = host.wakeups().wait_async(&word, 0, Some(started.saturating_add(wait))).await;
    let took = host.clock().monotonic().saturating_since(started);
    expect(outcome == WaitOutcome::TimedOut && took >= wait, format!("{outcome:?} after {took:?}"))?;
    expect(took < wait * 20, format!("too late: {took:?}"))
}

fn the_control_loop_does_not_block(host: &NodeHost) -> Result<(), String> {
    let outcome = host.wakeups().wait(&AtomicU32::new(0), 0, None);
    expect(outcome == WaitOutcome::MustNotBlock, format!("{outcome:?}"))
}

async fn a_panicking_task_ends_alone(host: &NodeHost) -> Result<(), String> {
    let ends = Ends::new();
    for round in 0..3_u32 {
        let told = ends.clone();
        let wakeups = host.wakeups().clone();
        let on_end = Box::new(move |end| {
            told.list.lock().expect("no panic under this lock").push(end);
            told.word.atomic().fetch_add(1, Ordering::Release);
            wakeups.notify(told.word.atomic(), u32::MAX);
        });
        let task = Box::new(move |_| -> Pin<Box<dyn Future<Output = ()>>> {
            Box::pin(async move {
                if round != 1 {
                    panic!("on purpose")
                }
            })
        });
        host.control().start(task, on_end).map_err(|error| error.to_string())?;
    }
    let all = ends.wait(host, 3).await?;
    match &all[..] {
        [WorkerEnd::Panicked { message }, WorkerEnd::Exited, WorkerEnd::Panicked { .. }]
            if message.contains("on purpose") =>
        {
            Ok(())
        }
        other => Err(format!("{other:?}")),
    }
}

async fn a_dropped_wait_passes_its_notification_on(host: &NodeHost) -> Result<(), String> {
    let word = Word::new(0);
    let (first, second) = (host.wakeups().wait_async(&word, 0, None), Ends::new());
    let mut first = Box::pin(first);
    let polled = std::future::poll_fn(|context| std::task::Poll::Ready(first.as_mut().poll(context))).await;
    expect(polled.is_pending(), "it did not wait")?;
    let deadline = host.clock().monotonic().saturating_add(Duration::from_secs(10));
    let mut other = Box::pin(host.wakeups().wait_async(&word, 0, Some(deadline)));
    let polled = std::future::poll_fn(|context| std::task::Poll::Ready(other.as_mut().poll(context))).await;
    expect(polled.is_pending(), "it did not wait")?;
    expect(host.wakeups().notify(word.atomic(), 1) == 1, "nobody was notified")?;
    drop(first);
    drop(second);
    let outcome = other.await;
    expect(outcome == WaitOutcome::Woken, format!("the other waiter: {outcome:?}"))
}
