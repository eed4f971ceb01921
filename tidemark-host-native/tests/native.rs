//! What this host promises beyond the contract: threads kept and bounded, its control loop's end, discarded memory.
//!
//! What every host must do is the conformance suite's business (`conformance.rs`).

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use tidemark_host::limits::GROWTH_STEP_BYTES;
use tidemark_host::{
    Clock, Control, Discarded, ErrorKind, Host, OnEnd, Role, SharedMemory, Turn, TurnResult, WaitOutcome,
    Wakeups, Word, WorkerEnd, Workers,
};
use tidemark_host_native::{NativeConfig, NativeHost};

const ROLE: Role = Role::new("test");

/// Far more than anything here takes, and short enough to wait for when something hangs.
const PATIENCE: Duration = Duration::from_secs(20);

fn host() -> NativeHost {
    NativeHost::new(&NativeConfig::default()).unwrap()
}

/// Tells its thread, then exits.
struct TellThread(Sender<ThreadId>);

impl Turn for TellThread {
    fn turn(&mut self) -> TurnResult {
        self.0.send(thread::current().id()).unwrap();
        TurnResult::Exit
    }
}

/// Parks until the word is not 0.
struct ParkAt(Word);

impl Turn for ParkAt {
    fn turn(&mut self) -> TurnResult {
        match self.0.atomic().load(Ordering::Acquire) {
            0 => TurnResult::Park { word: self.0.clone(), expected: 0, deadline: None },
            _ => TurnResult::Exit,
        }
    }
}

fn report_to() -> (OnEnd, Receiver<WorkerEnd>) {
    let (sender, receiver) = channel();
    (Box::new(move |end| sender.send(end).unwrap()), receiver)
}

#[test]
fn a_thread_is_kept_for_the_next_worker() {
    let host = host();
    let (tell, told) = channel();
    let mut threads = Vec::new();
    for _ in 0..3 {
        let (on_end, end) = report_to();
        host.workers().spawn(ROLE, Box::new(TellThread(tell.clone())), on_end).unwrap();
        assert_eq!(end.recv_timeout(PATIENCE), Ok(WorkerEnd::Exited));
        threads.push(told.recv_timeout(PATIENCE).unwrap());
    }
    threads.dedup();
    assert_eq!(threads.len(), 1);
}

#[test]
fn the_number_of_workers_is_bounded_and_an_exit_makes_room() {
    let host = NativeHost::new(&NativeConfig { max_workers: 2, ..NativeConfig::default() }).unwrap();
    let stop = Word::new(0);
    let mut ends = Vec::new();
    for _ in 0..2 {
        let (on_end, end) = report_to();
        host.workers().spawn(ROLE, Box::new(ParkAt(stop.clone())), on_end).unwrap();
        ends.push(end);
    }
    let (on_end, _) = report_to();
    let refused = host.workers().spawn(ROLE, Box::new(ParkAt(stop.clone())), on_end);
    assert_eq!(refused.map(|_| ()).unwrap_err().kind(), ErrorKind::Exhausted);

    stop.atomic().store(1, Ordering::Release);
    host.wakeups().notify(stop.atomic(), u32::MAX);
    for end in ends {
        assert_eq!(end.recv_timeout(PATIENCE), Ok(WorkerEnd::Exited));
    }
    let (on_end, end) = report_to();
    host.workers().spawn(ROLE, Box::new(ParkAt(stop)), on_end).unwrap();
    assert_eq!(end.recv_timeout(PATIENCE), Ok(WorkerEnd::Exited));
}

#[test]
fn a_wait_on_the_control_loop_is_refused() {
    let host = host();
    let (tell, told) = channel();
    let (on_end, _end) = report_to();
    let wakeups = host.wakeups().clone();
    let task = async move {
        let word = AtomicU32::new(0);
        tell.send(wakeups.wait(&word, 0, None)).unwrap();
    };
    host.control().start(Box::new(|_| Box::pin(task)), on_end).unwrap();
    assert_eq!(told.recv_timeout(PATIENCE), Ok(WaitOutcome::MustNotBlock));
}

#[test]
fn tasks_left_when_the_host_ends_are_reported_lost() {
    let host = host();
    let (on_end, end) = report_to();
    let (tell, told) = channel();
    let task = async move {
        tell.send(()).unwrap();
        std::future::pending().await
    };
    host.control().start(Box::new(|_| Box::pin(task)), on_end).unwrap();
    told.recv_timeout(PATIENCE).unwrap();
    drop(host);
    assert!(matches!(end.recv_timeout(PATIENCE), Ok(WorkerEnd::Lost { .. })));
}

#[test]
fn an_async_deadline_is_finer_than_a_millisecond() {
    let host = host();
    let (tell, told) = channel();
    let (on_end, _end) = report_to();
    let in_task = host.clone();
    let task = async move {
        // The best of many: others use the machine too.
        let mut best = Duration::MAX;
        for _ in 0..50 {
            let start = Instant::now();
            let deadline = in_task.clock().monotonic().saturating_add(Duration::from_micros(100));
            let outcome = in_task.wakeups().wait_async(&Word::new(0), 0, Some(deadline)).await;
            assert_eq!(outcome, WaitOutcome::TimedOut);
            best = best.min(start.elapsed());
        }
        tell.send(best).unwrap();
    };
    host.control().start(Box::new(|_| Box::pin(task)), on_end).unwrap();
    let best = told.recv_timeout(PATIENCE).unwrap();
    assert!(best >= Duration::from_micros(100) && best < Duration::from_millis(1), "{best:?}");
}

#[test]
#[cfg(unix)]
fn discarded_memory_goes_back_to_the_system() {
    let host = host();
    let range = host.memory().grow(4 * GROWTH_STEP_BYTES).unwrap();
    assert_eq!(host.memory().discard(range).unwrap(), Discarded::Zeroed);
}

#[test]
fn a_reservation_is_no_claim_on_memory() {
    // Together far more than this machine has.
    let hosts: Vec<_> = (0..8).map(|_| host()).collect();
    assert!(hosts.iter().all(|host| host.memory().committed() == 0));
}
