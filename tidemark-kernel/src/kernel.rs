//! The router: inputs in, steps and statuses out.
//!
//! Owns the path of a trap: which part handles it, and what becomes of the thread after. The parts own everything else.
//! Nothing here blocks, reads a clock or knows a worker's inside.

use std::sync::Arc;

use crate::cpu::exit::Exit;
use crate::cpu::hart::Hart;
use crate::mem::{FaultOutcome, SpaceShared};
use crate::signal::Fault;
use crate::status::Status;
use crate::syscall::{self, Cx};
use crate::system::System;
use crate::task::{RunState, ThreadShared, Tid};
use crate::time::{Nanos, Now};
use crate::timers::Due;
use crate::wait::{Entry, Flow, Parked, Progress};
use crate::worker::WorkerId;

/// A thread on its way through a worker: its registers, and the address space they run in.
#[derive(Debug)]
pub struct Running {
    /// The thread.
    pub tid: Tid,
    /// Its registers.
    pub hart: Box<Hart>,
    /// Where it runs.
    pub space: Arc<SpaceShared>,
    /// What [`fast_call`](crate::task::fast_call) answers from.
    pub shared: Arc<ThreadShared>,
}

/// What a worker does next with a thread it brought or asked for.
#[derive(Debug)]
pub enum Step {
    /// Run it.
    Run(Running),
    /// Without the lock, wait until every other worker in its space has [seen](crate::worker::WorkerSlot::has_seen)
    /// this generation; then [`Kernel::flushed`].
    Flush(Running, u64),
    /// Give others the lock, then [`Kernel::resume`].
    Again(Running),
    /// It waits, is stopped or is gone: take another.
    Released,
}

/// One guest system. See DESIGN: a plain value, driven from outside.
pub struct Kernel {
    pub(crate) sys: System,
}

impl Kernel {
    /// Takes a runnable thread onto a worker. `Released` when it is not runnable (any more).
    pub fn dispatch(&mut self, tid: Tid, worker: WorkerId, now: Now) -> Step {
        self.sys.now = now;
        let Some(thread) = self.sys.tasks.thread_mut(tid) else { return Step::Released };
        if thread.state != RunState::Runnable {
            return Step::Released;
        }
        let Some(space) = self.sys.enter_space(tid, worker) else { return Step::Released };
        let Some(thread) = self.sys.tasks.thread_mut(tid) else { return Step::Released };
        let Some(hart) = thread.hart.take() else { return Step::Released };
        thread.state = RunState::Running(worker);
        thread.on_worker_since = Some(now.monotonic);
        let in_call = thread.parked.is_some();
        let running = Running { tid, hart, space, shared: Arc::clone(&thread.shared) };
        let step = if in_call { self.continue_call(running) } else { self.return_to_guest(running) };
        self.settle();
        step
    }

    /// Handles what ended a thread's run.
    pub fn trap(&mut self, mut running: Running, exit: Exit, now: Now) -> Step {
        self.sys.now = now;
        let step = match exit {
            Exit::Ecall => {
                let next = running.hart.pc().wrapping_add(4);
                running.hart.set_pc(next);
                let number = running.hart.x(17);
                let args = core::array::from_fn(|i| running.hart.x(10 + i));
                self.call(running, Entry::First, Box::new(Parked::new(number, args)))
            }
            Exit::PageFault { addr, access } => match self.sys.page_fault(running.tid, addr, access) {
                FaultOutcome::Resolved => self.return_to_guest(running),
                FaultOutcome::Flush(generation) => Step::Flush(running, generation),
                FaultOutcome::Again => Step::Again(running),
                FaultOutcome::Signal(fault) => self.fault(running, fault),
            },
            Exit::Illegal { .. } => {
                let pc = running.hart.pc();
                self.fault(running, Fault::illegal(pc))
            }
            Exit::Misaligned { addr } => self.fault(running, Fault::misaligned(addr)),
            Exit::Ebreak => {
                let pc = running.hart.pc();
                self.fault(running, Fault::breakpoint(pc))
            }
            Exit::Budget | Exit::Attention => self.return_to_guest(running),
        };
        self.settle();
        step
    }
}

impl Kernel {
    /// The other workers have dropped their old translations: goes on with what [`Step::Flush`] interrupted.
    pub fn flushed(&mut self, running: Running, now: Now) -> Step {
        self.sys.now = now;
        self.sys.release_flushed_frames(&running.space);
        self.resume(running, now)
    }

    /// Goes on after [`Step::Again`].
    pub fn resume(&mut self, running: Running, now: Now) -> Step {
        self.sys.now = now;
        let in_call = self.sys.tasks.thread(running.tid).is_some_and(|thread| thread.parked.is_some());
        let step = if in_call { self.continue_call(running) } else { self.return_to_guest(running) };
        self.settle();
        step
    }

    /// Takes a thread that could run on off its worker, for the benefit of others: it is runnable again, at the end of
    /// the queue.
    pub fn preempt(&mut self, running: Running, now: Now) -> Step {
        self.sys.now = now;
        let step = match self.return_to_guest(running) {
            Step::Run(running) => self.requeue(running),
            step => step,
        };
        self.settle();
        step
    }

    /// Deadlines that passed: wakes what waited for them.
    pub fn tick(&mut self, now: Now) {
        self.sys.now = now;
        while let Some(due) = self.sys.timers.pop(now.monotonic) {
            match due {
                Due::Park { tid, park } => self.sys.unpark(tid, park, Entry::Timeout),
                other => self.sys.timer_expired(other),
            }
        }
        self.settle();
    }

    /// When [`Kernel::tick`] is due next, on `CLOCK_MONOTONIC`.
    pub fn next_deadline(&self) -> Option<Nanos> {
        self.sys.timers.next()
    }

    /// The next thing the runtime is to know.
    pub fn poll_status(&mut self) -> Option<Status> {
        self.sys.statuses.pop_front()
    }

    fn requeue(&mut self, running: Running) -> Step {
        let Running { tid, hart, space, .. } = running;
        self.sys.leave_space(tid, &space);
        if let Some(thread) = self.sys.tasks.thread_mut(tid) {
            thread.hart = Some(hart);
            thread.leave_worker(self.sys.now.monotonic);
            thread.state = RunState::Runnable;
            self.sys.statuses.push_back(Status::Runnable { tid, sync: false });
        }
        Step::Released
    }

    /// Enters the handler of the call that `running` is in.
    fn continue_call(&mut self, running: Running) -> Step {
        let Some(thread) = self.sys.tasks.thread_mut(running.tid) else { return Step::Released };
        let entry = thread.entry;
        match thread.parked.take() {
            Some(parked) => self.call(running, entry, parked),
            None => self.return_to_guest(running),
        }
    }

    fn call(&mut self, mut running: Running, entry: Entry, mut parked: Box<Parked>) -> Step {
        let Some(pid) = self.sys.tasks.thread(running.tid).map(|thread| thread.pid) else {
            return Step::Released;
        };
        let flow = match parked.completed.take() {
            Some(result) => result.map(Flow::Done),
            None => {
                let mut cx = Cx {
                    sys: &mut self.sys,
                    tid: running.tid,
                    pid,
                    hart: &mut running.hart,
                    entry,
                    progress: &mut parked.progress,
                };
                syscall::table::dispatch(&mut cx, parked.number, &parked.args)
            }
        };
        match flow {
            Ok(Flow::Done(value)) => {
                running.hart.set_x(10, value);
                self.return_to_guest(running)
            }
            Err(errno) => {
                running.hart.set_x(10, errno.to_register());
                self.return_to_guest(running)
            }
            Ok(Flow::Block { deadline }) => {
                parked.deadline = deadline;
                self.park(running, parked)
            }
            Ok(Flow::Again) => {
                self.keep_call(running.tid, parked);
                Step::Again(running)
            }
            Ok(Flow::Shootdown) => {
                self.keep_call(running.tid, parked);
                let generation = running.space.generation();
                Step::Flush(running, generation)
            }
            Ok(Flow::Interrupted(restart)) => {
                self.interrupted(&mut running, restart, &parked);
                self.return_to_guest(running)
            }
            Ok(Flow::Yield(value)) => {
                running.hart.set_x(10, value);
                match self.return_to_guest(running) {
                    Step::Run(running) => self.requeue(running),
                    step => step,
                }
            }
            Ok(Flow::NoReturn) => self.after_no_return(running),
        }
    }

    /// Between two steps of a call: the next entry is a step.
    fn keep_call(&mut self, tid: Tid, parked: Box<Parked>) {
        if let Some(thread) = self.sys.tasks.thread_mut(tid) {
            thread.parked = Some(parked);
            thread.entry = Entry::Step;
        }
    }
}

impl Parked {
    fn new(number: u64, args: [u64; 6]) -> Parked {
        Parked { number, args, progress: Progress::default(), deadline: None, completed: None }
    }
}
