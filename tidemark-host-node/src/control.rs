//! The control event loop: tasks that js/control.mjs drives, a turn at a time, on the control worker.
//!
//! The loop sleeps on one doorbell, by `Atomics.waitAsync`. Whoever has something for it, from whatever worker, leaves
//! it in the inbox and rings. JavaScript values stay on the control worker, in a thread-local.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tidemark_host::{
    Absent, Control, ControlFuture, ControlSide, ControlTask, ErrorKind, HostError, OnEnd, WorkerEnd,
};

use crate::clock::now;
use crate::limits::MAX_CONTROL_SLEEP_NANOS;
use crate::wakeups::{NodeWakeups, notify_workers};

/// The way to the control event loop.
#[derive(Clone)]
pub struct NodeControl(Arc<Loop>);

struct Loop {
    wakeups: NodeWakeups,
    inbox: Mutex<Inbox>,
    last_task: AtomicU64,
    /// Changes whenever there is something new for the loop.
    doorbell: AtomicU32,
}

#[derive(Default)]
struct Inbox {
    closed: bool,
    items: VecDeque<Item>,
}

/// Something for the loop to do.
enum Item {
    Start(ControlTask<Absent, Absent>, OnEnd),
    Poll(TaskId),
    StartWorker(StartWorker),
}

/// A worker that is to be started: the number of its slot and the stack it gets, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct StartWorker {
    pub(crate) slot: u32,
    pub(crate) stack_bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct TaskId(u64);

struct Task {
    future: ControlFuture,
    on_end: OnEndHere,
}

/// As [`OnEnd`], but it stays on the control worker.
type OnEndHere = Box<dyn FnOnce(WorkerEnd)>;

thread_local! {
    /// What only the control worker has; `None` on every other.
    static HERE: RefCell<Option<Here>> = const { RefCell::new(None) };
}

#[derive(Default)]
struct Here {
    tasks: BTreeMap<TaskId, Task>,
    /// Who is told if the task that is being polled panics.
    polled: Option<OnEndHere>,
}

/// Whether this is the control worker.
pub(crate) fn is_this_thread() -> bool {
    HERE.with_borrow(Option::is_some)
}

/// Makes the calling worker the control worker.
pub(crate) fn settle_here() {
    HERE.set(Some(Here::default()));
}

/// Reports that a turn ended in a panic or trap: the task that was being polled is gone, the others go on.
pub(crate) fn turn_failed(message: String) {
    if let Some(on_end) = with_here(|here| here.polled.take()).flatten() {
        on_end(WorkerEnd::Panicked { message });
    }
}

impl Control for NodeControl {
    type Fetch = Absent;
    type Sockets = Absent;

    fn start(&self, task: ControlTask<Absent, Absent>, on_end: OnEnd) -> Result<(), HostError> {
        self.post("starting a control task", |inbox| inbox.items.push_back(Item::Start(task, on_end)))
    }
}

impl NodeControl {
    pub(crate) fn new(wakeups: NodeWakeups) -> Self {
        Self(Arc::new(Loop {
            wakeups,
            inbox: Mutex::new(Inbox::default()),
            last_task: AtomicU64::new(0),
            doorbell: AtomicU32::new(0),
        }))
    }

    /// Asks the loop to start a worker.
    pub(crate) fn start_worker(&self, worker: StartWorker) -> Result<(), HostError> {
        self.post("starting a worker", |inbox| inbox.items.push_back(Item::StartWorker(worker)))
    }

    /// The address of the doorbell, for JavaScript to wait at.
    pub(crate) fn doorbell(&self) -> usize {
        self.0.doorbell.as_ptr().addr()
    }

    /// One turn: starts what was left in the inbox, ends waits that are due, polls every task that is ready. Returns
    /// how long the loop may sleep unless the doorbell changes from what it was before the turn, in nanoseconds.
    pub(crate) fn turn(&self, start_worker: impl Fn(StartWorker)) -> u64 {
        // What comes during the turn changes the doorbell, and is for the next.
        let waiting = self.0.lock().items.len();
        for _ in 0..waiting {
            // One at a time: if it panics, the others are still there for the next turn.
            let item = self.0.lock().items.pop_front();
            match item {
                Some(Item::Start(task, on_end)) => self.start_here(task, on_end),
                Some(Item::Poll(id)) => self.poll(id),
                Some(Item::StartWorker(worker)) => start_worker(worker),
                None => break,
            }
        }
        let now = now();
        match self.0.wakeups.expire(now) {
            Some(deadline) => (deadline.as_nanos() - now.as_nanos()).min(MAX_CONTROL_SLEEP_NANOS),
            None => MAX_CONTROL_SLEEP_NANOS,
        }
    }

    /// Refuses whatever comes from now on and drops what there is.
    pub(crate) fn close(&self) {
        let dropped = {
            let mut inbox = self.0.lock();
            std::mem::replace(&mut *inbox, Inbox { closed: true, ..Inbox::default() })
        };
        let tasks = with_here(|here| std::mem::take(&mut here.tasks));
        let running = tasks.unwrap_or_default().into_values().map(|task| task.on_end);
        let waiting = dropped.items.into_iter().filter_map(|item| match item {
            Item::Start(_, on_end) => Some(on_end as OnEndHere),
            Item::Poll(_) | Item::StartWorker(_) => None,
        });
        for on_end in waiting.chain(running) {
            on_end(WorkerEnd::Lost { reason: "the control event loop has ended".to_owned() });
        }
    }

    /// Starts a task from the control worker itself: nothing of it need be `Send`.
    ///
    /// # Errors
    /// `Closed` if the loop has ended, or on another worker.
    pub fn start_local(
        &self,
        future: ControlFuture,
        on_end: impl FnOnce(WorkerEnd) + 'static,
    ) -> Result<(), HostError> {
        const DOING: &str = "starting a local control task";
        let id = self.new_task_id();
        let task = Task { future, on_end: Box::new(on_end) };
        with_here(|here| here.tasks.insert(id, task))
            .ok_or_else(|| HostError::new(ErrorKind::Closed, DOING))?;
        self.post(DOING, |inbox| inbox.items.push_back(Item::Poll(id)))
    }

    fn start_here(&self, task: ControlTask<Absent, Absent>, on_end: OnEnd) {
        let id = self.new_task_id();
        let make = || task(ControlSide::new(Absent, Absent));
        if let Some((future, on_end)) = guarded(on_end, make) {
            self.poll_task(id, Task { future, on_end });
        }
    }

    fn new_task_id(&self) -> TaskId {
        TaskId(self.0.last_task.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn poll(&self, id: TaskId) {
        // A task that has ended may still be woken.
        if let Some(task) = with_here(|here| here.tasks.remove(&id)).flatten() {
            self.poll_task(id, task);
        }
    }

    fn poll_task(&self, id: TaskId, Task { mut future, on_end }: Task) {
        let waker = Waker::from(Arc::new(TaskWaker { id, control: self.clone() }));
        match guarded(on_end, || future.as_mut().poll(&mut Context::from_waker(&waker))) {
            Some((Poll::Ready(()), on_end)) => on_end(WorkerEnd::Exited),
            Some((Poll::Pending, on_end)) => {
                with_here(|here| here.tasks.insert(id, Task { future, on_end }));
            }
            None => {}
        }
    }

    fn post(&self, doing: &'static str, leave: impl FnOnce(&mut Inbox)) -> Result<(), HostError> {
        let mut inbox = self.0.lock();
        if inbox.closed {
            return Err(HostError::new(ErrorKind::Closed, doing));
        }
        leave(&mut inbox);
        drop(inbox);
        self.ring();
        Ok(())
    }

    fn ring(&self) {
        self.0.doorbell.fetch_add(1, Ordering::Release);
        notify_workers(&self.0.doorbell, 1);
    }
}

/// Does `work` with `on_end` where [`turn_failed`] finds it: after a trap nothing on the stack is left to tell. `None`
/// on a thread that is not the control worker, which never comes here.
fn guarded<T>(on_end: OnEndHere, work: impl FnOnce() -> T) -> Option<(T, OnEndHere)> {
    with_here(|here| here.polled = Some(on_end))?;
    let result = work();
    Some((result, with_here(|here| here.polled.take())??))
}

fn with_here<T>(work: impl FnOnce(&mut Here) -> T) -> Option<T> {
    HERE.with_borrow_mut(|here| here.as_mut().map(work))
}

impl Loop {
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct TaskWaker {
    id: TaskId,
    control: NodeControl,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // A loop that has ended has no task to wake. Waking twice means polling twice, which tasks allow.
        let _ =
            self.control.post("waking a control task", |inbox| inbox.items.push_back(Item::Poll(self.id)));
    }
}
