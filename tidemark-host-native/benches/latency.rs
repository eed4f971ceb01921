//! What this host's primitives cost: medians over many rounds, on this machine, now.
//!
//! `cargo bench -p tidemark-host-native`. A round trip is two notifications and two wake-ups.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use tidemark_host::{
    Clock, Control, ControlFuture, Host, Monotonic, Role, SharedMemory, TurnResult, Wakeups, Word, Workers,
};
use tidemark_host_native::{NativeConfig, NativeHost};

const ROLE: Role = Role::new("bench");

fn main() {
    let host = NativeHost::new(&NativeConfig::default()).expect("this machine has threads and memory");
    print("clock reading", &per_call(|| host.clock().monotonic()));
    print("notify, nobody waits", &per_call(|| host.wakeups().notify(&AtomicU32::new(0), 1)));
    print("grow by 2 MiB", &times(100, || host.memory().grow(2 << 20).map(drop).expect("memory")));
    print("spawn to first turn, new thread", &spawns_on_new_threads());
    print("spawn to first turn, kept thread", &times(2_000, || spawn(&host)));
    for pause in [0, 5, 50] {
        let what = format!("round trip of two workers, {pause} µs apart");
        print(&what, &round_trips(&host, Duration::from_micros(pause)));
    }
    print("round trip, event loop and worker", &async_round_trips(&host));
    print("a worker's wait of 50 µs", &waits(&host));
    print("an async wait of 50 µs", &async_waits(&host));
}

fn print(what: &str, samples: &[Duration]) {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let at = |percent: usize| sorted[(sorted.len() - 1) * percent / 100];
    println!("{what:<40} median {:>10.2?}   90 % {:>10.2?}", at(50), at(90));
}

fn times(rounds: usize, mut work: impl FnMut()) -> Vec<Duration> {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..rounds).map(time).collect()
}

/// For what takes nanoseconds: each sample is the mean of a thousand calls.
fn per_call<T>(mut work: impl FnMut() -> T) -> Vec<Duration> {
    let thousand = || (0..1_000).for_each(|_| drop(black_box(work())));
    times(1_000, thousand).into_iter().map(|sample| sample / 1_000).collect()
}

/// Starts a worker and waits until its turn came.
fn spawn(host: &NativeHost) {
    let (tell, told) = channel();
    let turn = move || {
        let _ = tell.send(());
        TurnResult::Exit
    };
    host.workers().spawn(ROLE, Box::new(turn), Box::new(|_| ())).map(drop).expect("a worker");
    let _ = told.recv();
}

/// Each on a host of its own, which has no thread to spare.
fn spawns_on_new_threads() -> Vec<Duration> {
    let hosts: Vec<_> =
        (0..100).map(|_| NativeHost::new(&NativeConfig::default()).expect("a host")).collect();
    let mut next = hosts.iter();
    times(hosts.len(), || next.next().into_iter().for_each(spawn))
}

fn waits(host: &NativeHost) -> Vec<Duration> {
    let (tell, told) = channel();
    let in_worker = host.clone();
    let turn = move || {
        let _ = tell.send(times(1_000, || {
            in_worker.wakeups().wait(&AtomicU32::new(0), 0, Some(in_micros(&in_worker, 50)));
        }));
        TurnResult::Exit
    };
    host.workers().spawn(ROLE, Box::new(turn), Box::new(|_| ())).map(drop).expect("a worker");
    told.recv().expect("the worker waits")
}

fn in_micros(host: &NativeHost, micros: u64) -> Monotonic {
    host.clock().monotonic().saturating_add(Duration::from_micros(micros))
}

/// This thread raises a word to odd numbers, a worker to even ones; `pause` passes before each.
fn round_trips(host: &NativeHost, pause: Duration) -> Vec<Duration> {
    const ROUNDS: u32 = 5_000;
    let word = Word::new(0);
    let (of_worker, in_worker) = (word.clone(), host.clone());
    let answer = move || {
        (0..ROUNDS).for_each(|round| {
            reach(&in_worker, &of_worker, 2 * round + 1);
            raise(&in_worker, &of_worker, pause);
        });
        TurnResult::Exit
    };
    host.workers().spawn(ROLE, Box::new(answer), Box::new(|_| ())).map(drop).expect("a worker");
    let mut round = 0;
    times(ROUNDS as usize, || {
        round += 1;
        raise(host, &word, pause);
        reach(host, &word, 2 * round);
    })
}

fn raise(host: &NativeHost, word: &Word, pause: Duration) {
    let start = Instant::now();
    while start.elapsed() < pause {
        std::hint::spin_loop();
    }
    word.atomic().fetch_add(1, Ordering::AcqRel);
    host.wakeups().notify(word.atomic(), 1);
}

fn reach(host: &NativeHost, word: &Word, value: u32) {
    loop {
        let now = word.atomic().load(Ordering::Acquire);
        if now >= value {
            return;
        }
        host.wakeups().wait(word.atomic(), now, None);
    }
}

/// Runs a future on the control event loop; its answer.
fn on_loop<T: Send + 'static>(host: &NativeHost, work: impl AsyncFnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = channel();
    let task = move |_| -> ControlFuture {
        Box::pin(async move {
            let _ = tell.send(work().await);
        })
    };
    host.control().start(Box::new(task), Box::new(|_| ())).expect("the loop runs");
    told.recv().expect("the task completes")
}

fn async_round_trips(host: &NativeHost) -> Vec<Duration> {
    const ROUNDS: u32 = 5_000;
    let word = Word::new(0);
    let (of_worker, in_worker, in_task) = (word.clone(), host.clone(), host.clone());
    let answer = move || {
        let now = of_worker.atomic().load(Ordering::Acquire);
        if now >= 2 * ROUNDS {
            return TurnResult::Exit;
        }
        if now % 2 == 0 {
            return TurnResult::Park { word: of_worker.clone(), expected: now, deadline: None };
        }
        raise(&in_worker, &of_worker, Duration::ZERO);
        TurnResult::Again
    };
    host.workers().spawn(ROLE, Box::new(answer), Box::new(|_| ())).map(drop).expect("a worker");
    on_loop(host, async move || {
        let mut samples = Vec::new();
        for round in 0..ROUNDS {
            let start = Instant::now();
            raise(&in_task, &word, Duration::ZERO);
            while word.atomic().load(Ordering::Acquire) == 2 * round + 1 {
                in_task.wakeups().wait_async(&word, 2 * round + 1, None).await;
            }
            samples.push(start.elapsed());
        }
        samples
    })
}

fn async_waits(host: &NativeHost) -> Vec<Duration> {
    let in_task = host.clone();
    on_loop(host, async move || {
        let mut samples = Vec::new();
        for _ in 0..1_000 {
            let start = Instant::now();
            in_task.wakeups().wait_async(&Word::new(0), 0, Some(in_micros(&in_task, 50))).await;
            samples.push(start.elapsed());
        }
        samples
    })
}
