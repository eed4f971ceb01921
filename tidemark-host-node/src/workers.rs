//! Workers: `worker_threads` that are started once and take one entry after the other.
//!
//! A slot stands for one thread. An idle thread sleeps on its slot's bell; `spawn` leaves an entry there and rings, and
//! only where no slot is idle is the control event loop asked for another thread. A thread that a panic or trap has
//! ended is told to us by the control event loop, which hears of it from Node.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidemark_host::{
    ErrorKind, HostError, OnEnd, Role, Turn, TurnResult, Wakeups, WorkerEnd, WorkerHandle, WorkerId, Workers,
};

use crate::control::{NodeControl, StartWorker};
use crate::limits::MAX_WORKERS;
use crate::wakeups::NodeWakeups;

/// The pool of threads.
#[derive(Clone)]
pub struct NodeWorkers(Arc<Pool>);

struct Pool {
    control: NodeControl,
    wakeups: NodeWakeups,
    slots: Mutex<Slots>,
    last_worker: AtomicU64,
}

#[derive(Default)]
struct Slots {
    all: BTreeMap<u32, Arc<Slot>>,
    idle: Vec<Arc<Slot>>,
    last: u32,
}

/// One thread.
struct Slot {
    number: u32,
    stack_bytes: usize,
    /// Counts the entries that were left here.
    bell: AtomicU32,
    work: Mutex<Option<Work>>,
    /// Who is told if the thread ends under the entry it runs.
    running: Mutex<Option<Running>>,
    /// What a panic said, for the report of the trap that follows it.
    panic: Mutex<Option<String>>,
}

struct Work {
    entry: Box<dyn Turn>,
    running: Running,
}

struct Running {
    state: Arc<State>,
    on_end: OnEnd,
}

struct State {
    id: WorkerId,
    end: Mutex<Option<WorkerEnd>>,
}

/// One started worker.
pub struct NodeHandle(Arc<State>);

thread_local! {
    /// The slot that this thread serves, and the entry it was running when it last returned to its event loop.
    static HERE: RefCell<Option<(Arc<Slot>, Option<Box<dyn Turn>>)>> = const { RefCell::new(None) };
}

/// Why [`NodeWorkers::serve`] returned to the thread's event loop.
pub(crate) enum Pause {
    /// The entry yielded: serve again once other events had their chance.
    Yielded,
    /// There is no such slot.
    Gone,
}

impl Workers for NodeWorkers {
    type Handle = NodeHandle;

    fn spawn(&self, role: Role, entry: Box<dyn Turn>, on_end: OnEnd) -> Result<NodeHandle, HostError> {
        let slot = match self.take_idle(role.stack().get()) {
            Some(slot) => slot,
            None => self.start(role.stack().get())?,
        };
        let id = WorkerId::from_raw(self.0.last_worker.fetch_add(1, Ordering::Relaxed) + 1);
        let state = Arc::new(State { id, end: Mutex::new(None) });
        *lock(&slot.work) = Some(Work { entry, running: Running { state: Arc::clone(&state), on_end } });
        slot.bell.fetch_add(1, Ordering::Release);
        self.0.wakeups.notify(&slot.bell, 1);
        Ok(NodeHandle(state))
    }

    fn start_ahead(&self, role: Role, count: usize) -> Result<(), HostError> {
        let stack_bytes = role.stack().get();
        let ready = lock(&self.0.slots).idle.iter().filter(|slot| slot.stack_bytes >= stack_bytes).count();
        for _ in ready..count {
            let slot = self.start(stack_bytes)?;
            lock(&self.0.slots).idle.push(slot);
        }
        Ok(())
    }
}

impl WorkerHandle for NodeHandle {
    fn id(&self) -> WorkerId {
        self.0.id
    }

    fn end(&self) -> Option<WorkerEnd> {
        lock(&self.0.end).clone()
    }
}

impl NodeWorkers {
    pub(crate) fn new(control: NodeControl, wakeups: NodeWakeups) -> Self {
        let slots = Mutex::new(Slots::default());
        Self(Arc::new(Pool { control, wakeups, slots, last_worker: AtomicU64::new(0) }))
    }

    /// Runs entries on the calling thread, which serves slot `number`, until one yields.
    pub(crate) fn serve(&self, number: u32) -> Pause {
        let (slot, mut entry) = match HERE.take() {
            Some(here) => here,
            None => match lock(&self.0.slots).all.get(&number) {
                Some(slot) => (Arc::clone(slot), None),
                None => return Pause::Gone,
            },
        };
        // A panic's hook finds the slot by this.
        HERE.set(Some((Arc::clone(&slot), None)));
        loop {
            let mut running = match entry.take() {
                Some(entry) => entry,
                None => self.next(&slot),
            };
            match running.turn() {
                TurnResult::Again => entry = Some(running),
                TurnResult::Park { word, expected, deadline } => {
                    self.0.wakeups.wait(word.atomic(), expected, deadline);
                    entry = Some(running);
                }
                TurnResult::Yield => {
                    HERE.set(Some((slot, Some(running))));
                    return Pause::Yielded;
                }
                TurnResult::Exit => {
                    drop(running);
                    if let Some(ended) = lock(&slot.running).take() {
                        ended.end(WorkerEnd::Exited);
                    }
                    lock(&self.0.slots).idle.push(Arc::clone(&slot));
                }
                // Nothing else is wished yet; whatever it is, a turn too many is allowed.
                _ => entry = Some(running),
            }
        }
    }

    /// Reports that the thread of slot `number` has ended: `error` is what Node said of an exception, if there was
    /// one. Whoever started the entry that ran there is told.
    pub(crate) fn thread_ended(&self, number: u32, error: Option<String>) {
        let slot = {
            let mut slots = lock(&self.0.slots);
            slots.idle.retain(|slot| slot.number != number);
            slots.all.remove(&number)
        };
        let Some(slot) = slot else { return };
        let end = match (lock(&slot.panic).take(), error) {
            (Some(message), _) | (None, Some(message)) => WorkerEnd::Panicked { message },
            (None, None) => WorkerEnd::Lost { reason: "the thread was ended".to_owned() },
        };
        let queued = lock(&slot.work).take().map(|work| work.running);
        let running = lock(&slot.running).take();
        for ended in [running, queued].into_iter().flatten() {
            ended.end(end.clone());
        }
    }

    fn take_idle(&self, stack_bytes: usize) -> Option<Arc<Slot>> {
        let mut slots = lock(&self.0.slots);
        // The smallest stack that suffices; among equals the one that went idle last, whose caches are warm.
        let (at, _) = (slots.idle.iter().enumerate().rev())
            .filter(|(_, slot)| slot.stack_bytes >= stack_bytes)
            .min_by_key(|(_, slot)| slot.stack_bytes)?;
        Some(slots.idle.remove(at))
    }

    /// A slot whose thread is being started.
    fn start(&self, stack_bytes: usize) -> Result<Arc<Slot>, HostError> {
        let slot = {
            let mut slots = lock(&self.0.slots);
            if slots.all.len() >= MAX_WORKERS {
                return Err(HostError::new(ErrorKind::Exhausted, "starting a worker"));
            }
            slots.last += 1;
            let slot = Arc::new(Slot {
                number: slots.last,
                stack_bytes,
                bell: AtomicU32::new(0),
                work: Mutex::new(None),
                running: Mutex::new(None),
                panic: Mutex::new(None),
            });
            slots.all.insert(slot.number, Arc::clone(&slot));
            slot
        };
        self.0.control.start_worker(StartWorker { slot: slot.number, stack_bytes }).inspect_err(|_| {
            lock(&self.0.slots).all.remove(&slot.number);
        })?;
        Ok(slot)
    }

    /// Sleeps until there is an entry.
    fn next(&self, slot: &Slot) -> Box<dyn Turn> {
        loop {
            let rung = slot.bell.load(Ordering::Acquire);
            if let Some(Work { entry, running }) = lock(&slot.work).take() {
                *lock(&slot.running) = Some(running);
                return entry;
            }
            self.0.wakeups.wait(&slot.bell, rung, None);
        }
    }
}

/// Keeps a panic's message for the report of the trap that follows. Called by the panic hook, on the panicking thread.
pub(crate) fn keep_panic(message: String) {
    HERE.with(|here| {
        // Not borrowed by anything that can panic; if it is all the same, the trap alone is reported.
        if let Ok(here) = here.try_borrow()
            && let Some((slot, _)) = &*here
        {
            *lock(&slot.panic) = Some(message);
        }
    });
}

impl Running {
    fn end(self, end: WorkerEnd) {
        *lock(&self.state.end) = Some(end.clone());
        (self.on_end)(end);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
