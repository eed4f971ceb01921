//! Random schedules: what a seed determines, and that programs do the same under any.

mod support;

use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use support::{sh, with_busybox};
use tidemark_sdk::{Config, RandomSchedule, Schedule};

/// Processes that run at once, talk to each other and are waited for.
const SCRIPT: &str =
    "for i in 1 2 3; do { echo $i; od -An -N4 -x /dev/urandom >&2; } | cat & done | sort; wait";

/// What a script printed, and the system calls of all its processes in their order, on one worker.
fn run(script: &str, seed: u64) -> (String, Vec<String>) {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&calls);
    let schedule = Schedule::Random(RandomSchedule::new(seed));
    let config = Config::default().schedule(schedule).workers(1);
    let tidemark =
        with_busybox(config.trace([""; 0], move |line| sink.lock().unwrap().push(line.to_owned())));
    let output = block_on(async {
        let output = sh(&tidemark, script).output().await.unwrap();
        tidemark.shutdown().await;
        output
    });
    assert!(output.status.success(), "{} {:?}", output.status, output.stderr);
    let calls = std::mem::take(&mut *calls.lock().unwrap());
    (String::from_utf8(output.stdout).unwrap(), calls)
}

#[test]
fn with_one_worker_the_seed_determines_the_run() {
    let (told, calls) = run(SCRIPT, 1);
    assert_eq!(told, "1\n2\n3\n");
    assert!(calls.len() > 100, "{} calls", calls.len());
    let (again, the_same) = run(SCRIPT, 1);
    assert_eq!(told, again);
    let differs = calls.iter().zip(&the_same).find(|(one, other)| one != other);
    assert_eq!((differs, calls.len()), (None, the_same.len()));
    let (told, other) = run(SCRIPT, 2);
    assert_eq!(told, "1\n2\n3\n");
    assert_ne!(calls, other);
}

#[test]
fn two_workers_keep_a_pipeline_whole() {
    for seed in 0..3 {
        let schedule = RandomSchedule::new(seed).most_instructions(8);
        let tidemark = with_busybox(Config::default().schedule(Schedule::Random(schedule)).workers(2));
        let script = "seq 1000 | sort -rn | tail -n 1; for i in 1 2 3 4; do (exit $i) & done; wait; echo $?";
        let output = block_on(sh(&tidemark, script).output()).unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "1\n0\n", "{schedule:?}");
        block_on(tidemark.shutdown());
        assert_eq!(tidemark.workers(), 0);
    }
}
