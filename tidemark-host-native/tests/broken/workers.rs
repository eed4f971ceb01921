//! Broken workers.

use std::mem;
use std::sync::{Arc, Mutex};

use tidemark_host::{HostError, OnEnd, Role, Turn, TurnResult, WorkerEnd, WorkerHandle, WorkerId, Workers};
use tidemark_host_native::{NativeMemory, NativeWorker, NativeWorkers};

use crate::fails;
use crate::patched::Patched;

#[derive(Clone)]
struct Broken {
    workers: NativeWorkers,
    one_at_a_time: Arc<Mutex<()>>,
    how: How,
}

#[derive(Clone, Copy, PartialEq)]
enum How {
    TellsNoEnd,
    CallsPanicsExits,
    OneIdForAll,
    TurnsAfterExit,
    KeepsEntries,
    PollsWhenParked,
    ForgetsDeadlines,
    OneAtATime,
}

impl Workers for Broken {
    type Handle = BrokenWorker;

    fn spawn(&self, role: Role, mut entry: Box<dyn Turn>, on_end: OnEnd) -> Result<BrokenWorker, HostError> {
        let (how, one_at_a_time) = (self.how, Arc::clone(&self.one_at_a_time));
        let broken_turn = move || {
            let _one = (how == How::OneAtATime).then(|| one_at_a_time.lock());
            let result = entry.turn();
            match (how, result) {
                (How::TurnsAfterExit, TurnResult::Exit) => {
                    entry.turn();
                    TurnResult::Exit
                }
                (How::KeepsEntries, TurnResult::Exit) => {
                    mem::forget(mem::replace(&mut entry, Box::new(|| TurnResult::Exit)));
                    TurnResult::Exit
                }
                (How::PollsWhenParked, TurnResult::Park { .. }) => TurnResult::Yield,
                (How::ForgetsDeadlines, TurnResult::Park { word, expected, .. }) => {
                    TurnResult::Park { word, expected, deadline: None }
                }
                (_, result) => result,
            }
        };
        let broken_end: OnEnd = Box::new(move |end| match how {
            How::TellsNoEnd => {}
            How::CallsPanicsExits => on_end(WorkerEnd::Exited),
            _ => on_end(end),
        });
        let worker = self.workers.spawn(role, Box::new(broken_turn), broken_end)?;
        Ok(BrokenWorker { worker, how })
    }

    fn start_ahead(&self, role: Role, count: usize) -> Result<(), HostError> {
        self.workers.start_ahead(role, count)
    }
}

struct BrokenWorker {
    worker: NativeWorker,
    how: How,
}

impl WorkerHandle for BrokenWorker {
    fn id(&self) -> WorkerId {
        match self.how {
            How::OneIdForAll => WorkerId::from_raw(0),
            _ => self.worker.id(),
        }
    }

    fn end(&self) -> Option<WorkerEnd> {
        match self.how {
            How::CallsPanicsExits => self.worker.end().map(|_| WorkerEnd::Exited),
            _ => self.worker.end(),
        }
    }
}

fn host(how: How) -> Patched<NativeMemory, Broken> {
    Patched::with_workers(|workers| Broken { workers, one_at_a_time: Arc::default(), how })
}

#[test]
fn telling_no_end() {
    fails(&host(How::TellsNoEnd), "workers: generated sequences of turns");
}

#[test]
fn calling_a_panic_an_exit() {
    fails(&host(How::CallsPanicsExits), "workers: a panic is told, and ends that worker only");
}

#[test]
fn one_id_for_all() {
    fails(&host(How::OneIdForAll), "workers: no two have the same id");
}

#[test]
fn turns_after_the_exit() {
    fails(&host(How::TurnsAfterExit), "workers: an exit drops the entry, then is told");
}

#[test]
fn entries_that_are_never_dropped() {
    fails(&host(How::KeepsEntries), "workers: an exit drops the entry, then is told");
}

#[test]
fn polling_when_parked() {
    fails(&host(How::PollsWhenParked), "workers: a parked worker takes no turns");
}

#[test]
fn parking_without_deadlines() {
    fails(&host(How::ForgetsDeadlines), "workers: a parked worker goes on at its deadline");
}

#[test]
fn one_turn_at_a_time() {
    fails(&host(How::OneAtATime), "workers: two make progress at once");
}
