//! The simulated host: it conforms, from any seed; what it runs can be run again; and it is as unkind as it was asked to be.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tidemark_host::conformance::{Options, Report, start};
use tidemark_host::sim::{Faults, Sim, SimConfig};
use tidemark_host::{
    Clock, Control, ErrorKind, Host, Role, SharedMemory, TurnResult, WaitOutcome, Wakeups, Word, WorkerEnd,
    WorkerHandle, Workers,
};

/// Worlds that the suite is run in; `cargo xtask sim` runs guests in many more.
const SEEDS: u64 = 6;

const ROLE: Role = Role::new("simulated");

/// Runs the suite in a world of its own.
fn judge(config: SimConfig, options: Options) -> Report {
    let mut sim = Sim::new(config).unwrap();
    let host = sim.host().clone();
    let (done, told) = (Word::new(0), Arc::new(std::sync::Mutex::new(None)));
    let (ring, report, wakeups) = (done.clone(), Arc::clone(&told), host.wakeups().clone());
    let on_report = move |found| {
        *report.lock().unwrap() = Some(found);
        ring.atomic().store(1, Ordering::SeqCst);
        wakeups.notify(ring.atomic(), 1);
    };
    let progress = start(&host, options, on_report).unwrap();
    let waiting = async {
        while done.atomic().load(Ordering::SeqCst) == 0 {
            host.wakeups().wait_async(&done, 0, None).await;
        }
    };
    if let Err(stuck) = sim.run(waiting) {
        panic!("{stuck}; {}", progress.snapshot());
    }
    told.lock().unwrap().take().unwrap()
}

#[test]
fn a_simulated_host_conforms() {
    for seed in 0..SEEDS {
        let report = judge(SimConfig::new(seed), Options { seed, ..Options::default() });
        assert!(report.is_success(), "seed {seed}: {report}");
    }
}

#[test]
fn an_unkind_host_conforms_too() {
    for seed in 0..SEEDS {
        let config = SimConfig::new(seed).with_faults(Faults::UNNOTICED);
        let report = judge(config, Options { seed, ..Options::default() });
        assert!(report.is_success(), "seed {seed}: {report}");
    }
}

/// Some workers and tasks that wait for each other: what they did in which order, and the world's digest.
fn play(seed: u64) -> (Vec<u32>, u64) {
    let mut sim = Sim::new(SimConfig::new(seed).with_faults(Faults::UNNOTICED)).unwrap();
    let host = sim.host().clone();
    let (ball, order) = (Word::new(0), Arc::new(std::sync::Mutex::new(Vec::new())));
    for player in 0..4 {
        let (ball, order, wakeups) = (ball.clone(), Arc::clone(&order), host.wakeups().clone());
        let turn = move || {
            let seen = ball.atomic().load(Ordering::SeqCst);
            if seen >= 40 {
                return TurnResult::Exit;
            }
            order.lock().unwrap().push(player);
            ball.atomic().fetch_add(1, Ordering::SeqCst);
            wakeups.notify(ball.atomic(), u32::MAX);
            TurnResult::Park { word: ball.clone(), expected: seen + 1, deadline: None }
        };
        host.workers().spawn(ROLE, Box::new(turn), Box::new(|_| {})).unwrap();
    }
    let over = async {
        loop {
            let seen = ball.atomic().load(Ordering::SeqCst);
            if seen >= 40 {
                return;
            }
            host.wakeups().wait_async(&ball, seen, None).await;
        }
    };
    sim.run(over).unwrap();
    let order = order.lock().unwrap().clone();
    (order, sim.digest())
}

#[test]
fn a_seed_gives_the_same_run_each_time_and_others_give_others() {
    let runs: Vec<_> = (0..10).map(play).collect();
    for (seed, run) in (0..).zip(&runs) {
        assert_eq!(*run, play(seed), "seed {seed}");
    }
    let mut orders: Vec<_> = runs.into_iter().map(|(order, _)| order).collect();
    orders.sort();
    orders.dedup();
    assert_eq!(orders.len(), 10, "schedules differ by their seeds");
}

#[test]
fn an_hour_of_sleep_takes_no_time() {
    let mut sim = Sim::new(SimConfig::new(1)).unwrap();
    let host = sim.host().clone();
    let started = Instant::now();
    let hour = host.clock().monotonic().saturating_add(Duration::from_secs(3600));
    let outcome = sim.run(host.wakeups().wait_async(&Word::new(0), 0, Some(hour))).unwrap();
    assert_eq!(outcome, WaitOutcome::TimedOut);
    assert!(sim.elapsed() >= Duration::from_secs(3600), "{:?}", sim.elapsed());
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_world_where_nobody_can_go_on_says_so() {
    let mut sim = Sim::new(SimConfig::new(2)).unwrap();
    let host = sim.host().clone();
    let word = Word::new(0);
    let parked = word.clone();
    let park = move || TurnResult::Park { word: parked.clone(), expected: 0, deadline: None };
    let worker = host.workers().spawn(ROLE, Box::new(park), Box::new(|_| {})).unwrap();
    let stuck = sim.run(host.wakeups().wait_async(&word, 0, None)).unwrap_err().to_string();
    assert!(stuck.contains("worker simulated") && stuck.contains("seed 2"), "{stuck}");
    assert_eq!(worker.end(), None);
    drop(sim);
    assert!(matches!(worker.end(), Some(WorkerEnd::Lost { .. })));
    assert_eq!(
        host.workers().spawn(ROLE, Box::new(|| TurnResult::Exit), Box::new(|_| {})).unwrap_err().kind(),
        ErrorKind::Exhausted
    );
    assert_eq!(
        host.control().start(Box::new(|_| Box::pin(async {})), Box::new(|_| {})).unwrap_err().kind(),
        ErrorKind::Closed
    );
}

#[test]
fn a_world_where_all_go_on_without_end_is_stuck_too() {
    let mut sim = Sim::new(SimConfig::new(2).with_step_limit(1000)).unwrap();
    let host = sim.host().clone();
    let on_end = Box::new(|_| {});
    host.workers().spawn(ROLE, Box::new(|| TurnResult::Again), on_end).unwrap();
    let stuck = sim.run(host.wakeups().wait_async(&Word::new(0), 0, None)).unwrap_err().to_string();
    assert!(stuck.contains("limit of steps"), "{stuck}");
    assert_eq!(sim.steps(), 1000);
}

#[test]
fn waits_end_for_no_reason_where_that_is_asked_for() {
    let mut sim = Sim::new(SimConfig::new(3).with_faults(Faults::UNNOTICED)).unwrap();
    let host = sim.host().clone();
    let word = Word::new(0);
    let woken = Rc::new(RefCell::new(0));
    sim.run(async {
        for _ in 0..1000 {
            let soon = host.clock().monotonic().saturating_add(Duration::from_micros(1));
            if host.wakeups().wait_async(&word, 0, Some(soon)).await == WaitOutcome::Woken {
                *woken.borrow_mut() += 1;
            }
        }
    })
    .unwrap();
    let woken = *woken.borrow();
    // 100 in a thousand.
    assert!((50..200).contains(&woken), "{woken}");
}

#[test]
fn memory_and_workers_are_refused_as_often_as_asked_for() {
    let faults = Faults::NONE.refusing_growth(300).losing_workers(200);
    let sim = Sim::new(SimConfig::new(4).with_faults(faults)).unwrap();
    let host = sim.host();
    let refusals = (0..1000).filter(|_| host.memory().grow(1).is_err()).count();
    assert!((200..400).contains(&refusals), "{refusals}");
    assert_eq!(host.memory().committed(), (1000 - refusals as u64) * 65536);
    let lost = Arc::new(AtomicU32::new(0));
    let refusals = (0..1000)
        .filter(|_| {
            let lost = Arc::clone(&lost);
            let on_end = move |end| {
                assert!(matches!(end, WorkerEnd::Lost { .. }));
                lost.fetch_add(1, Ordering::SeqCst);
            };
            host.workers().spawn(ROLE, Box::new(|| TurnResult::Exit), Box::new(on_end)).is_err()
        })
        .count();
    let lost = lost.load(Ordering::SeqCst) as usize;
    assert!((130..270).contains(&refusals), "{refusals}");
    assert!((100..240).contains(&lost), "{lost}");
}
