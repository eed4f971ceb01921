//! The loop: tasks that one thread polls in rotation, and the waits that they wait in.
//!
//! Everything that runs on this host is a task: workers are tasks that take turns. When none can go on, the thread sleeps
//! until a deadline, or until another thread notifies.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tidemark_host::{
    Clock, ControlFuture, EndReport, ErrorKind, HostError, Monotonic, OnEnd, WorkerEnd, WorkerId,
};

use crate::clock::StdClock;

/// The loop's tables. Any thread may add to them; one thread at a time runs what is there.
#[derive(Debug)]
pub struct Rotation {
    clock: StdClock,
    tables: Mutex<Tables>,
    /// Rung when somebody is ready or something was started.
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Tables {
    started: Vec<(u64, Job)>,
    ready: VecDeque<u64>,
    waits: BTreeMap<u64, Waiting>,
    last: u64,
    over: bool,
}

/// A task that was started and has not run: it becomes a future on the loop's thread.
struct Job {
    begin: Box<dyn FnOnce() -> ControlFuture + Send>,
    report: EndReport,
}

/// Somebody waits on a word; the address is the word's.
#[derive(Debug)]
struct Waiting {
    address: usize,
    deadline: Option<Monotonic>,
    waker: Waker,
}

/// The future that [`Rotation::run`] is for.
const ROOT: u64 = 0;

impl Rotation {
    /// A loop with nothing to do.
    pub fn new(clock: StdClock) -> Arc<Self> {
        Arc::new(Self { clock, tables: Mutex::default(), bell: Condvar::new() })
    }

    /// Starts a task; `end` is set and `on_end` called when it has ended.
    ///
    /// # Errors
    /// `Closed` once [`run`](Self::run) has returned.
    pub fn start(
        &self,
        begin: Box<dyn FnOnce() -> ControlFuture + Send>,
        end: Arc<OnceLock<WorkerEnd>>,
        on_end: OnEnd,
    ) -> Result<WorkerId, HostError> {
        let mut tables = self.lock();
        if tables.over {
            return Err(HostError::new(ErrorKind::Closed, "starting a task"));
        }
        let task = tables.next_number();
        tables.started.push((task, Job { begin, report: EndReport::new(end, on_end) }));
        self.bell.notify_all();
        Ok(WorkerId::from_raw(task))
    }

    /// Runs everything until `future` completes.
    pub fn run<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        let (mut root, mut tasks) = (pin!(future), BTreeMap::new());
        self.rouse(ROOT);
        let output = loop {
            match self.next(&mut tasks) {
                ROOT => {
                    let waker = self.waker(ROOT);
                    if let Poll::Ready(output) = root.as_mut().poll(&mut Context::from_waker(&waker)) {
                        break output;
                    }
                }
                task => self.step(task, &mut tasks),
            }
        };
        // Whoever is left is told that it is lost, by its report's drop; and nobody starts anything any more.
        self.lock().over = true;
        drop((tasks, std::mem::take(&mut self.lock().started)));
        output
    }

    /// Who goes next; sleeps until there is one.
    fn next(&self, tasks: &mut BTreeMap<u64, (ControlFuture, EndReport)>) -> u64 {
        loop {
            let started = std::mem::take(&mut self.lock().started);
            for (task, Job { begin, report }) in started {
                match catch_unwind(AssertUnwindSafe(begin)) {
                    Ok(future) => {
                        tasks.insert(task, (future, report));
                        self.rouse(task);
                    }
                    Err(payload) => report.send(WorkerEnd::from_panic(payload)),
                }
            }
            let now = self.clock.monotonic();
            let due = self.lock().due(now);
            due.into_iter().for_each(Waker::wake);
            let mut tables = self.lock();
            if let Some(task) = tables.ready.pop_front() {
                return task;
            }
            if tables.started.is_empty() {
                match tables.waits.values().filter_map(|wait| wait.deadline).min() {
                    // Another look at who is due.
                    Some(deadline) => drop(self.bell.wait_timeout(tables, deadline.saturating_since(now))),
                    None => drop(self.bell.wait(tables)),
                }
            }
        }
    }

    /// Polls a task. A panic is its end, not the loop's.
    fn step(self: &Arc<Self>, task: u64, tasks: &mut BTreeMap<u64, (ControlFuture, EndReport)>) {
        let Some((future, _)) = tasks.get_mut(&task) else { return };
        let waker = self.waker(task);
        let poll = || future.as_mut().poll(&mut Context::from_waker(&waker));
        let end = match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(())) => WorkerEnd::Exited,
            Err(payload) => WorkerEnd::from_panic(payload),
        };
        let Some((future, report)) = tasks.remove(&task) else { return };
        report.send(match catch_unwind(AssertUnwindSafe(move || drop(future))) {
            Ok(()) => end,
            Err(payload) => WorkerEnd::from_panic(payload),
        });
    }

    /// Begins a wait; its number.
    pub fn begin_wait(&self, address: usize, deadline: Option<Monotonic>, waker: Waker) -> u64 {
        let mut tables = self.lock();
        let number = tables.next_number();
        tables.waits.insert(number, Waiting { address, deadline, waker });
        number
    }

    /// Goes on with a wait by another waker; `false` if it was notified.
    pub fn renew_wait(&self, number: u64, waker: &Waker) -> bool {
        match self.lock().waits.get_mut(&number) {
            Some(wait) => {
                wait.waker.clone_from(waker);
                true
            }
            None => false,
        }
    }

    /// Ends a wait; `false` if it was notified before.
    pub fn end_wait(&self, number: u64) -> bool {
        self.lock().waits.remove(&number).is_some()
    }

    /// Ends at most `count` waits at `address`, the longest first; how many.
    pub fn notify(&self, address: usize, count: u32) -> u32 {
        let mut tables = self.lock();
        let there =
            tables.waits.iter().filter(|(_, wait)| wait.address == address).map(|(number, _)| *number);
        let chosen: Vec<u64> = there.take(usize::try_from(count).unwrap_or(usize::MAX)).collect();
        let wakers: Vec<Waker> =
            chosen.iter().filter_map(|number| tables.waits.remove(number)).map(|wait| wait.waker).collect();
        // A waker may call anything.
        drop(tables);
        let woken = wakers.len();
        wakers.into_iter().for_each(Waker::wake);
        u32::try_from(woken).unwrap_or(u32::MAX)
    }

    fn waker(self: &Arc<Self>, task: u64) -> Waker {
        Waker::from(Arc::new(Rouse { rotation: Arc::clone(self), task }))
    }

    fn rouse(&self, task: u64) {
        let mut tables = self.lock();
        if !tables.ready.contains(&task) {
            tables.ready.push_back(task);
        }
        self.bell.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        // Nothing panics under it.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Takes the deadlines that have come from their waits, and whom to tell: the waits end themselves.
    fn due(&mut self, now: Monotonic) -> Vec<Waker> {
        let due =
            self.waits.values_mut().filter(|wait| wait.deadline.is_some_and(|deadline| deadline <= now));
        due.map(|wait| {
            wait.deadline = None;
            wait.waker.clone()
        })
        .collect()
    }
}

struct Rouse {
    rotation: Arc<Rotation>,
    task: u64,
}

impl Wake for Rouse {
    fn wake(self: Arc<Self>) {
        self.rotation.rouse(self.task);
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("report", &self.report).finish_non_exhaustive()
    }
}
