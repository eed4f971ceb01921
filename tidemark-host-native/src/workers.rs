//! Workers as operating-system threads, kept for the next worker when theirs has exited.
//!
//! Owns the threads, their number and the report of their end. What turns do is the entry's business.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;

use tidemark_host::{
    EndReport, ErrorKind, HostError, OnEnd, Role, StackBytes, Turn, TurnResult, Wakeups, WorkerEnd,
    WorkerHandle, WorkerId, Workers,
};

use crate::limits::MAX_IDLE_WORKERS;
use crate::wakeups::{NativeWakeups, wake_in_time_here};

/// A pool of threads. When the last clone is gone, idle threads end; running ones end with their entries.
#[derive(Clone, Debug)]
pub struct NativeWorkers {
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    wakeups: NativeWakeups,
    max_threads: usize,
    next_id: AtomicU64,
    threads: Mutex<Threads>,
}

#[derive(Debug, Default)]
struct Threads {
    /// All threads there are, idle or not.
    count: usize,
    idle: Vec<Idle>,
}

/// A thread that waits for its next job; dropping this ends it.
#[derive(Debug)]
struct Idle {
    stack: StackBytes,
    jobs: Sender<Job>,
}

impl Idle {
    fn new(stack: StackBytes) -> (Self, Receiver<Job>) {
        let (jobs, queue) = mpsc::channel();
        (Self { stack, jobs }, queue)
    }
}

/// One worker's whole life. Its end is reported even if it is dropped without having run.
struct Job {
    entry: Box<dyn Turn>,
    report: EndReport,
}

impl NativeWorkers {
    pub(crate) fn new(wakeups: NativeWakeups, max_threads: usize) -> Self {
        let threads = Mutex::new(Threads::default());
        Self { pool: Arc::new(Pool { wakeups, max_threads, next_id: AtomicU64::new(0), threads }) }
    }
}

impl Workers for NativeWorkers {
    type Handle = NativeWorker;

    fn spawn(&self, role: Role, entry: Box<dyn Turn>, on_end: OnEnd) -> Result<NativeWorker, HostError> {
        let idle = match self.pool.take_idle(role.stack()) {
            Some(idle) => idle,
            None => self.pool.start_thread(role)?,
        };
        let id = WorkerId::from_raw(self.pool.next_id.fetch_add(1, Ordering::Relaxed));
        let end = Arc::new(OnceLock::new());
        let report = EndReport::new(Arc::clone(&end), on_end);
        // If the thread is gone after all, the job comes back, is dropped, and its end is reported as lost.
        let _ = idle.jobs.send(Job { entry, report });
        Ok(NativeWorker { id, end })
    }

    fn start_ahead(&self, role: Role, count: usize) -> Result<(), HostError> {
        let waiting = self.pool.lock().idle.iter().filter(|idle| idle.stack >= role.stack()).count();
        for _ in waiting..count {
            let idle = self.pool.start_thread(role)?;
            self.pool.lock().idle.push(idle);
        }
        Ok(())
    }
}

impl Pool {
    /// The idle thread with the smallest stack that suffices.
    fn take_idle(&self, stack: StackBytes) -> Option<Idle> {
        let mut threads = self.lock();
        let suitable = threads.idle.iter().enumerate().filter(|(_, idle)| idle.stack >= stack);
        let (position, _) = suitable.min_by_key(|(_, idle)| idle.stack)?;
        Some(threads.idle.swap_remove(position))
    }

    /// Starts a thread that waits for a job.
    fn start_thread(self: &Arc<Self>, role: Role) -> Result<Idle, HostError> {
        let doing = || format!("starting a worker ({})", role.name());
        let counted = Counted::new(self)
            .ok_or_else(|| HostError::new(ErrorKind::Exhausted, doing()).with_source(self.too_many()))?;
        let (idle, queue) = Idle::new(role.stack());
        let wakeups = self.wakeups.clone();
        thread::Builder::new()
            .name(format!("tidemark {}", role.name()))
            .stack_size(role.stack().get())
            .spawn(move || serve(counted, &wakeups, role.stack(), queue))
            .map_err(|error| HostError::new(ErrorKind::Exhausted, doing()).with_source(error))?;
        Ok(idle)
    }

    /// Takes the calling thread back as an idle one; `None` if there are enough.
    fn keep(&self, stack: StackBytes) -> Option<Receiver<Job>> {
        let mut threads = self.lock();
        if threads.idle.len() >= MAX_IDLE_WORKERS {
            return None;
        }
        let (idle, queue) = Idle::new(stack);
        threads.idle.push(idle);
        Some(queue)
    }

    fn too_many(&self) -> String {
        format!("all {} workers that the configuration allows are running", self.max_threads)
    }

    /// A panic cannot leave the lists half changed, so a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread's place in the pool's count, which it keeps until its end.
struct Counted {
    pool: Weak<Pool>,
}

impl Counted {
    fn new(pool: &Arc<Pool>) -> Option<Self> {
        let mut threads = pool.lock();
        if threads.count >= pool.max_threads {
            return None;
        }
        threads.count += 1;
        Some(Self { pool: Arc::downgrade(pool) })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.lock().count -= 1;
        }
    }
}

/// A thread's main function: job after job, until the pool has no more use for it.
fn serve(counted: Counted, wakeups: &NativeWakeups, stack: StackBytes, mut queue: Receiver<Job>) {
    wake_in_time_here();
    while let Ok(Job { entry, report }) = queue.recv() {
        let end = run_to_end(entry, wakeups);
        // Before the end is known: whoever is told of it finds the thread available, or not counted any more.
        match counted.pool.upgrade().and_then(|pool| pool.keep(stack)) {
            Some(next) => queue = next,
            None => {
                drop(counted);
                return report.send(end);
            }
        }
        report.send(end);
    }
}

/// Runs turns until one exits or panics, then drops the entry.
fn run_to_end(mut entry: Box<dyn Turn>, wakeups: &NativeWakeups) -> WorkerEnd {
    // What the entry shares with others may be half changed after a panic: that is for whoever is told to judge.
    let turns = catch_unwind(AssertUnwindSafe(|| run_turns(&mut *entry, wakeups)));
    let dropping = catch_unwind(AssertUnwindSafe(move || drop(entry)));
    match turns.and(dropping) {
        Ok(()) => WorkerEnd::Exited,
        Err(payload) => WorkerEnd::from_panic(payload),
    }
}

fn run_turns(entry: &mut dyn Turn, wakeups: &NativeWakeups) {
    loop {
        match entry.turn() {
            TurnResult::Again => {}
            TurnResult::Park { word, expected, deadline } => {
                // However it ends, the next turn is due.
                wakeups.wait(word.atomic(), expected, deadline);
            }
            TurnResult::Yield => thread::yield_now(),
            TurnResult::Exit => return,
            // Nothing else is wished yet; whatever it is, a turn too many is allowed.
            _ => {}
        }
    }
}

/// One started worker.
#[derive(Debug)]
pub struct NativeWorker {
    id: WorkerId,
    end: Arc<OnceLock<WorkerEnd>>,
}

impl WorkerHandle for NativeWorker {
    fn id(&self) -> WorkerId {
        self.id
    }

    fn end(&self) -> Option<WorkerEnd> {
        self.end.get().cloned()
    }
}
