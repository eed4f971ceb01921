//! A pool worker: takes a runnable guest thread, runs it without the lock, brings its traps to the kernel.
//!
//! Owns the path between the run queue and a hart, time slices, and idling. What a trap means is the kernel's.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tidemark_host::{Clock, Host, Monotonic, Turn, TurnResult};
use tidemark_kernel::cpu::core::WorkerCore;
use tidemark_kernel::cpu::exit::Exit;
use tidemark_kernel::task::{Tid, fast_call};
use tidemark_kernel::time::{Nanos, Now};
use tidemark_kernel::worker::{ATTENTION_TRAP, WorkerId, WorkerSlot};
use tidemark_kernel::{Operation, Running, Step};

use crate::lock::{Dead, Guard, Locked};
use crate::queue::{RunQueue, Wake};
use crate::runtime::Shared;
use crate::schedule::{Schedule, WorkerDice};
use crate::shootdown;

/// A turn returns to the host after this long: V8 replaces a running WebAssembly function only when it is entered
/// again, and a host without threads has other turns to run.
const TURN: Nanos = 4_000_000;

/// A thread runs this long before another that waits takes its place.
const QUANTUM: Nanos = 4_000_000;

/// Instructions in one go: about 2 ms.
const BUDGET: u64 = 1_000_000;

/// Instructions in one go while a thread that the current one woke waits for this worker: if the current one does not
/// wait soon, another worker gets it. About 20 µs.
const SHORT_BUDGET: u64 = 10_000;

/// Never fewer instructions than this, however near a deadline is.
const LEAST_BUDGET: u64 = 2_000;

/// A thread that was woken and kept for this worker goes to others after this long.
const KEEP: Nanos = 30_000;

pub(crate) struct PoolWorker<H: Host> {
    shared: Arc<Shared<H>>,
    id: WorkerId,
    core: WorkerCore,
    /// The thread it runs.
    current: Option<Running>,
    /// Since when that thread runs without another having had its place.
    slice_start: Nanos,
    /// Since when a woken thread is kept for this worker.
    kept_since: Option<Nanos>,
    /// The latest reading of the monotonic clock.
    now: Nanos,
    /// Realtime minus monotonic: it saves a clock reading a system call.
    realtime_offset: u64,
    /// Counted among the idle workers.
    idle: bool,
    /// Says how long turns are and who gives way, under a random schedule.
    dice: Option<WorkerDice>,
}

/// What is brought to the kernel.
enum Op {
    Dispatch(Tid),
    Trap(Running, Exit),
    Resume(Running),
    Flushed(Running),
}

enum Next {
    Run(Running),
    Look,
    Park(TurnResult),
}

impl<H: Host> PoolWorker<H> {
    pub(crate) fn new(shared: Arc<Shared<H>>, id: WorkerId, core: WorkerCore, schedule: Schedule) -> Self {
        PoolWorker {
            dice: WorkerDice::new(schedule, id),
            shared,
            id,
            core,
            current: None,
            slice_start: 0,
            kept_since: None,
            now: 0,
            realtime_offset: 0,
            idle: false,
        }
    }

    fn slot(&self) -> &WorkerSlot {
        &self.shared.slots[usize::from(self.id.0)]
    }

    fn read_clock(&mut self) -> Now {
        self.now = self.shared.host.clock().monotonic().as_nanos();
        Now { monotonic: self.now, realtime: self.now.wrapping_add(self.realtime_offset) }
    }

    /// Runs a thread until it needs the kernel, and brings it there. Calls that need no lock are answered here.
    fn run(&mut self, mut running: Running) -> Result<Next, Dead> {
        let budget = if running.single_step { 1 } else { self.budget() };
        let end = running.hart.instret().wrapping_add(budget);
        let slot = &self.shared.slots[usize::from(self.id.0)];
        let exit = loop {
            let left = end.wrapping_sub(running.hart.instret());
            // Whatever is not above zero was used up by the last call's own instruction.
            if left == 0 || left > budget {
                break Exit::Budget;
            }
            match running.hart.run(&mut self.core, &running.space.view(), left, &slot.attention) {
                Exit::Ecall if fast_call(&running.shared, &mut running.hart) => {}
                exit => break exit,
            }
        };
        if exit == Exit::Attention && slot.attention.swap(0, Ordering::SeqCst) & ATTENTION_TRAP == 0 {
            // Only old translations were to go. The next run starts from the current generation, and between here and
            // there this worker touches no guest memory.
            slot.seen.store(running.space.generation(), Ordering::SeqCst);
            return Ok(Next::Run(running));
        }
        self.enter_kernel(Op::Trap(running, exit))
    }

    /// How many instructions to run: less when a deadline is near or a thread is kept for this worker.
    fn budget(&mut self) -> u64 {
        if let Some(dice) = &mut self.dice {
            return dice.budget();
        }
        if self.kept_since.is_some() {
            return SHORT_BUDGET;
        }
        // An interpreter runs about an instruction in two nanoseconds.
        let until_deadline = self.shared.next_deadline.load(Ordering::Relaxed).saturating_sub(self.now) / 2;
        until_deadline.clamp(LEAST_BUDGET, BUDGET)
    }

    fn enter_kernel(&mut self, mut op: Op) -> Result<Next, Dead> {
        // From here to the next run no guest memory is touched outside the lock.
        self.slot().set_quiescent();
        loop {
            let step = self.locked(op)?;
            op = match step {
                Step::Run(running) => return Ok(Next::Run(running)),
                Step::Again(running) => Op::Resume(running),
                Step::Flush { running, space, generation } => {
                    let shared = &self.shared;
                    shootdown::wait(&shared.host, &shared.slots, &space, generation, self.id, || {
                        shared.crash.is_set()
                    });
                    Op::Flushed(running)
                }
                Step::Released => return Ok(Next::Look),
            };
        }
    }

    /// One entry into the kernel, and what follows from it under the same hold of the lock.
    fn locked(&mut self, op: Op) -> Result<Step, Dead> {
        let shared = Arc::clone(&self.shared);
        let mut locked = shared.lock.lock()?;
        let now = self.read_clock();
        locked.begin(now.monotonic);
        let Locked { kernel, queue } = &mut *locked;
        if kernel.next_deadline().is_some_and(|at| at <= now.monotonic) {
            kernel.tick(now);
        }
        let step = match op {
            Op::Dispatch(tid) => {
                self.slice_start = now.monotonic;
                kernel.dispatch(tid, self.id, now)
            }
            Op::Trap(running, exit) => kernel.trap(running, exit, now),
            Op::Resume(running) => kernel.resume(running, now),
            Op::Flushed(running) => kernel.flushed(running, now),
        };
        // Whatever brought it here: a thread that only calls never uses its budget up.
        let step = match step {
            Step::Run(running) if self.give_way(queue, now.monotonic) => kernel.preempt(running, now),
            Step::Again(running) if self.gives_way_in_call(queue) => kernel.set_aside(running, now),
            step => step,
        };
        if let Step::Run(running) = &step {
            // Under the lock nobody raises the generation: what runs next is no older than this.
            self.slot().seen.store(running.space.generation(), Ordering::SeqCst);
        }
        let mut wakes = shared.settle(&mut locked, Some(self.id));
        self.kept_since = if !locked.queue.has_next(self.id) {
            None
        } else if self.kept_since.is_some_and(|since| now.monotonic.saturating_sub(since) > KEEP) {
            wakes += u32::from(locked.queue.publish_next(self.id) == Wake::One);
            None
        } else {
            self.kept_since.or(Some(now.monotonic))
        };
        self.release(locked, wakes);
        Ok(step)
    }

    /// Whether the thread that could run on gives its place to another.
    fn give_way(&mut self, queue: &RunQueue, now: Nanos) -> bool {
        if let Some(dice) = &mut self.dice {
            return dice.gives_way(queue.has_work(self.id));
        }
        now.saturating_sub(self.slice_start) >= QUANTUM && queue.has_work(self.id)
    }

    /// Whether a thread gives its place to another between two steps of a call: only where that is to be provoked.
    fn gives_way_in_call(&mut self, queue: &RunQueue) -> bool {
        self.dice.as_mut().is_some_and(|dice| dice.gives_way(queue.has_work(self.id)))
    }

    fn release(&self, locked: Guard<'_, H::Wakeups>, wakes: u32) {
        locked.end(|| self.shared.host.clock().monotonic().as_nanos());
        self.shared.wake_workers(wakes);
    }

    /// Takes the next thread, or does what is left to do in the background, or goes idle.
    fn look(&mut self) -> Result<Next, Dead> {
        self.slot().set_quiescent();
        let shared = Arc::clone(&self.shared);
        let mut locked = shared.lock.lock()?;
        let now = self.read_clock();
        locked.begin(now.monotonic);
        locked.kernel.begin_operation(Operation::Return);
        if locked.kernel.next_deadline().is_some_and(|at| at <= now.monotonic) {
            locked.kernel.tick(now);
        }
        let mut wakes = shared.settle(&mut locked, None);
        if self.idle {
            self.idle = false;
            locked.queue.set_idle(false);
        }
        let next = match locked.queue.pop(self.id) {
            Some(tid) => {
                self.release(locked, wakes);
                return self.enter_kernel(Op::Dispatch(tid));
            }
            None => {
                let more = locked.kernel.background_step(now);
                // That may have woken threads, and nobody else would look for them.
                wakes += shared.settle(&mut locked, None);
                if more || locked.queue.has_work(self.id) {
                    self.release(locked, wakes);
                    return Ok(Next::Look);
                }
                self.idle = true;
                locked.queue.set_idle(true);
                let word = shared.work.clone();
                let expected = word.atomic().load(Ordering::SeqCst);
                let deadline = locked.kernel.next_deadline().map(Monotonic::from_nanos);
                Next::Park(TurnResult::Park { word, expected, deadline })
            }
        };
        self.release(locked, wakes);
        Ok(next)
    }

    fn turns(&mut self) -> Result<TurnResult, Dead> {
        let start = self.shared.host.clock().monotonic().as_nanos();
        self.now = start;
        self.realtime_offset = self.shared.realtime_offset();
        if let Some(running) = &self.current {
            // This worker was quiescent between turns, and only under the lock may that end: the kernel frees frames at
            // once where it sees every worker quiescent.
            let _locked = self.shared.lock.lock()?;
            self.slot().seen.store(running.space.generation(), Ordering::SeqCst);
        }
        while self.now.saturating_sub(start) < TURN {
            let next = match self.current.take() {
                Some(running) => self.run(running)?,
                None => self.look()?,
            };
            match next {
                Next::Run(running) => self.current = Some(running),
                Next::Look => {}
                Next::Park(park) => return Ok(park),
            }
        }
        self.slot().set_quiescent();
        Ok(TurnResult::Again)
    }
}

impl<H: Host> PoolWorker<H> {
    /// Whether the sandbox is to end, or is dead.
    fn is_over(&self) -> bool {
        self.shared.crash.is_set() || self.shared.stopping.load(Ordering::SeqCst)
    }
}

impl<H: Host> Turn for PoolWorker<H> {
    fn turn(&mut self) -> TurnResult {
        if self.is_over() {
            self.slot().set_quiescent();
            self.current = None;
            return TurnResult::Exit;
        }
        match self.turns() {
            // The end may have been announced since. Whoever announces it changes the word afterwards, so that what is
            // seen neither here nor in the word can't be.
            Ok(TurnResult::Park { .. }) if self.is_over() => TurnResult::Exit,
            Ok(result) => result,
            Err(Dead) => TurnResult::Exit,
        }
    }
}
