//! The router: inputs in, steps and statuses out.
//!
//! Owns the path of a trap: which part handles it, and what becomes of the thread after. The parts own everything else.
//! Nothing here blocks, reads a clock or knows a worker's inside.

use std::sync::Arc;

use crate::cpu::exit::Exit;
use crate::cpu::hart::Hart;
use crate::mem::{FaultOutcome, SpaceShared};
use crate::operation::Operation;
use crate::signal::Fault;
use crate::status::Status;
use crate::system::System;
use crate::task::{Thread, ThreadShared, Tid};
use crate::time::{Nanos, Now};
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
    /// Whether it runs for one instruction only: its tracer wants that.
    pub single_step: bool,
}

/// What a worker does next with a thread it brought or asked for.
#[derive(Debug)]
pub enum Step {
    /// Run it.
    Run(Running),
    /// Without the lock, wait until every other worker in a space has [seen](crate::worker::WorkerSlot::has_seen) a
    /// generation; then [`Kernel::flushed`].
    Flush {
        /// The thread that goes on then.
        running: Running,
        /// The space: most often the thread's.
        space: Arc<SpaceShared>,
        /// The generation.
        generation: u64,
    },
    /// Give others the lock, then [`Kernel::resume`].
    Again(Running),
    /// It waits, is stopped or is gone: take another.
    Released,
}

impl Step {
    /// Waits for the others in the thread's own space.
    pub(crate) fn flush(running: Running) -> Step {
        let (space, generation) = (Arc::clone(&running.space), running.space.generation());
        Step::Flush { running, space, generation }
    }
}

/// Deadlines handled in one hold of the lock.
const STEP_TIMERS: usize = 32;

/// One guest system. See DESIGN: a plain value, driven from outside.
pub struct Kernel {
    pub(crate) sys: System,
}

impl Kernel {
    /// Takes a runnable thread onto a worker. `Released` when it is not runnable (any more).
    pub fn dispatch(&mut self, tid: Tid, worker: WorkerId, now: Now) -> Step {
        self.begin(Operation::Return, now);
        if !self.sys.may_run(tid) {
            return Step::Released;
        }
        let Some(running) = self.sys.put_on_worker(tid, worker) else { return Step::Released };
        if let Some(next) = self.sys.tasks.thread_mut(tid).and_then(Thread::take_next) {
            let step = self.continue_traced(running, next);
            return self.finish(step);
        }
        let in_call = self.sys.tasks.thread(tid).is_some_and(|thread| thread.parked.is_some());
        let step = if in_call { self.continue_call(running) } else { self.return_to_guest(running) };
        self.finish(step)
    }

    /// Handles what ended a thread's run.
    pub fn trap(&mut self, running: Running, exit: Exit, now: Now) -> Step {
        self.begin(operation_of(&exit), now);
        self.account(&running);
        let step = match exit {
            Exit::Ecall => self.first_call(running),
            Exit::PageFault { addr, access } => match self.sys.page_fault(running.tid, addr, access) {
                FaultOutcome::Resolved => self.return_to_guest(running),
                FaultOutcome::Flush => Step::flush(running),
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
            Exit::Budget if running.single_step => self.stepped(running),
            Exit::Budget | Exit::Attention => self.return_to_guest(running),
        };
        self.finish(step)
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
        self.begin(Operation::Return, now);
        self.account(&running);
        let in_call = self.sys.tasks.thread(running.tid).is_some_and(|thread| thread.parked.is_some());
        let step = if in_call { self.continue_call(running) } else { self.return_to_guest(running) };
        self.finish(step)
    }

    /// Takes a thread that could run on off its worker, for the benefit of others: it is runnable again, at the end of
    /// the queue.
    pub fn preempt(&mut self, running: Running, now: Now) -> Step {
        self.begin(Operation::Return, now);
        let step = match self.return_to_guest(running) {
            Step::Run(running) => self.requeue(running),
            step => step,
        };
        self.finish(step)
    }

    /// Takes a thread off its worker between two steps of what it asked for ([`Step::Again`]): it is runnable again, at
    /// the end of the queue, and goes on where it was. One that ends and has given up its memory stays where it is.
    pub fn set_aside(&mut self, running: Running, now: Now) -> Step {
        self.begin(Operation::Return, now);
        let process =
            self.sys.tasks.thread(running.tid).and_then(|thread| self.sys.tasks.process(thread.pid));
        let step = match process.and_then(|process| self.sys.mem.spaces.get(process.space)) {
            Some(_) => self.requeue(running),
            None => Step::Again(running),
        };
        self.finish(step)
    }

    /// Shares out the time since the thread was last here.
    fn account(&mut self, running: &Running) {
        if let Some(thread) = self.sys.tasks.thread_mut(running.tid) {
            thread.account(self.sys.now.monotonic, running.hart.instret(), &mut self.sys.pace);
        }
    }

    fn begin(&mut self, operation: Operation, now: Now) {
        self.sys.operation = operation;
        self.sys.now = now;
        self.sys.load.sample(now.monotonic, &self.sys.tasks);
    }

    /// The end of every step: turns what was woken into runnable threads, and holds back a thread that would return to
    /// its program while another worker still has translations that were taken away.
    fn finish(&mut self, step: Step) -> Step {
        self.settle();
        self.sys.mem.sync_clock(self.sys.now);
        match step {
            Step::Run(running) => {
                let generation = running.space.generation();
                match running.space.is_flushed(generation, &self.sys.workers) {
                    true => Step::Run(running),
                    false => Step::flush(running),
                }
            }
            step => step,
        }
    }

    /// Deadlines that passed: wakes what waited for them. Where they are many, some are left, and
    /// [`Kernel::next_deadline`] is in the past.
    pub fn tick(&mut self, now: Now) {
        self.begin(Operation::Timers, now);
        for _ in 0..STEP_TIMERS {
            let Some(due) = self.sys.timers.pop(now.monotonic) else { break };
            self.sys.timer_expired(due);
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
}

/// What an exit makes the kernel do, before it is known that it goes on with a call.
fn operation_of(exit: &Exit) -> Operation {
    match exit {
        Exit::PageFault { .. } => Operation::PageFault,
        Exit::Illegal { .. } | Exit::Misaligned { .. } | Exit::Ebreak => Operation::Fault,
        Exit::Ecall | Exit::Budget | Exit::Attention => Operation::Return,
    }
}
