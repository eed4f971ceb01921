//! Parking and waking threads: what turns blocking as data into runnable threads.
//!
//! Owns the moves between `Running`, `Parked` and `Runnable`. When something is ready is its object's business; what a
//! call does then is its handler's.

use std::sync::Arc;

use crate::kernel::{Kernel, Running, Step};
use crate::limits::STEP_ITEMS;
use crate::ptrace::Until;
use crate::status::Status;
use crate::syscall::trace;
use crate::system::System;
use crate::task::{RunState, Thread, Tid};
use crate::timers::Due;
use crate::wait::{Entry, Events, ParkSeq, Parked, WaitTarget};
use crate::worker::WorkerId;

impl Kernel {
    /// Parks the thread in its call. A signal that is already pending for it sends it straight back in.
    pub(crate) fn park(&mut self, running: Running, parked: Box<Parked>) -> Step {
        let tid = running.tid;
        let deadline = parked.deadline;
        let interrupted = self.sys.has_deliverable_signal(tid);
        // The host's answers come soon; what waits for others may wait for long.
        if self.sys.trace && parked.asking.is_none() {
            trace::waits(&mut self.sys, tid);
        }
        let Some(thread) = self.sys.take_off_worker(running) else { return Step::Released };
        thread.usage.voluntary_switches += 1;
        thread.park.0 += 1;
        let park = thread.park.0;
        let early = thread.early.take().is_some_and(|early| early.0 == park);
        thread.parked = Some(parked);
        thread.state = RunState::Parked;
        if let Some(at) = deadline {
            self.sys.timers.add(at, Due::Park { tid, park });
        }
        if interrupted {
            self.sys.unpark(tid, park, Entry::Signal);
        } else if early {
            self.sys.unpark(tid, park, Entry::Event);
        }
        Step::Released
    }

    /// Takes a thread that could run on off its worker: it is runnable again, behind the others.
    pub(crate) fn requeue(&mut self, running: Running) -> Step {
        let tid = running.tid;
        if let Some(thread) = self.sys.take_off_worker(running) {
            thread.usage.involuntary_switches += 1;
            thread.state = RunState::Runnable;
            self.sys.statuses.push_back(Status::Runnable { tid, sync: false });
        }
        Step::Released
    }

    /// Turns what was woken into runnable threads. Runs at the end of every input. Where threads are many, the end of the
    /// next inputs and the background go on with them.
    pub(crate) fn settle(&mut self) {
        self.sys.close_released();
        self.send_questions();
        self.sys.settle_terminals();
        self.sys.cut_step();
        self.sys.settle_ipc();
        self.sys.mem.free_shared();
        let mut left = STEP_ITEMS;
        while left > 0
            && let Some((tid, park)) = self.sys.woken.later.pop_front()
        {
            self.sys.unpark(tid, park.0, Entry::Event);
            left -= 1;
        }
        // An epoll event may wake more, which goes to the end: first come, first served. The buffer is kept.
        let mut next = 0;
        while let Some(&(target, events)) = self.sys.woken.list.get(next) {
            next += 1;
            match target {
                WaitTarget::Thread { tid, park } if left > 0 => {
                    self.sys.unpark(tid, park.0, Entry::Event);
                    left -= 1;
                }
                WaitTarget::Thread { tid, park } => self.sys.woken.later.push_back((tid, park)),
                WaitTarget::Epoll { epoll, item } => self.sys.epoll_event(epoll, item, events),
                WaitTarget::Owner(file) => self.sys.signal_owner(file, events),
                WaitTarget::Stream(stream) => self.sys.statuses.push_back(match events {
                    events if events.intersects(Events::IN.union(Events::HUP)) => {
                        Status::StreamReadable(stream)
                    }
                    _ => Status::StreamWritable(stream),
                }),
            }
        }
        self.sys.woken.list.clear();
        while let Some(file) = self.sys.woken.urgent.pop() {
            self.sys.signal_urgent(file);
        }
    }
}

impl System {
    /// Whether a worker that asks for the thread gets it: it is runnable, and its process is not stopped. In the middle of a
    /// call that goes in steps it does not stop: others may wait for what it has begun.
    pub(crate) fn may_run(&mut self, tid: Tid) -> bool {
        let Some(thread) = self.tasks.thread(tid) else { return false };
        if thread.state != RunState::Runnable {
            return false;
        }
        let pid = thread.pid;
        // A tracee's stops are its tracer's to end.
        let in_step = thread.parked.is_some() && thread.entry == Entry::Step;
        let stops = thread.traced.is_none() && !in_step;
        if stops && self.tasks.process(pid).is_some_and(|process| process.stopped.is_some()) {
            self.hold_stopped(tid);
            return false;
        }
        true
    }

    /// Gives the thread to a worker.
    pub(crate) fn put_on_worker(&mut self, tid: Tid, worker: WorkerId) -> Option<Running> {
        let space = self.enter_space(tid, worker)?;
        let thread = self.tasks.thread_mut(tid)?;
        let hart = thread.hart.take()?;
        thread.state = RunState::Running(worker);
        thread.begin_accounting(self.now.monotonic, hart.instret());
        let shared = Arc::clone(&thread.shared);
        let single_step = thread.traced.as_ref().is_some_and(|tracee| tracee.until == Until::Step);
        if let Some(current) = self.current.get_mut(usize::from(worker.0)) {
            *current = Some(tid);
        }
        Some(Running { tid, hart, space, shared, single_step })
    }

    /// Takes the thread from its worker; the caller says what it does next.
    pub(crate) fn take_off_worker(&mut self, running: Running) -> Option<&mut Thread> {
        let Running { tid, hart, space, .. } = running;
        self.leave_space(tid, &space);
        let now = self.now.monotonic;
        let thread = self.tasks.thread_mut(tid)?;
        if let RunState::Running(worker) = thread.state {
            let on_it = thread.on_worker_since.map_or(0, |since| now.saturating_sub(since));
            self.load.left(worker.0, on_it);
        }
        if let RunState::Running(worker) = thread.state
            && let Some(current) = self.current.get_mut(usize::from(worker.0))
        {
            *current = None;
        }
        thread.account(now, hart.instret(), &mut self.pace);
        thread.usage.cpu = thread.cpu_time(now);
        thread.on_worker_since = None;
        thread.hart = Some(hart);
        Some(thread)
    }

    /// Makes a parked thread runnable, if it is still in this park. If the park is the one it is about to begin, it will
    /// not wait in it.
    pub(crate) fn unpark(&mut self, tid: Tid, park: u64, entry: Entry) {
        let Some(thread) = self.tasks.thread_mut(tid) else { return };
        if park == thread.park.0 + 1 {
            thread.early = Some(ParkSeq(park));
            return;
        }
        if thread.state != RunState::Parked || thread.park.0 != park {
            return;
        }
        thread.state = RunState::Runnable;
        thread.entry = entry;
        if let Some(at) = thread.parked.as_ref().and_then(|parked| parked.deadline) {
            self.timers.cancel(at, Due::Park { tid, park });
        }
        self.statuses.push_back(Status::Runnable { tid, sync: entry == Entry::Event });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Machine;
    use crate::limits::Limits;
    use crate::time::Now;
    use crate::wait::Progress;

    /// The state of a thread that parks after `before` happened, and how its call is entered next.
    fn parked_after(before: impl FnOnce(&mut System, Tid)) -> (RunState, Entry) {
        let mut machine = Machine::new(Limits::default());
        let tid = machine.start(&[], 0).0;
        let now = Now { monotonic: 5, realtime: 5 };
        let Step::Run(running) = machine.kernel.dispatch(tid, WorkerId(0), now) else { panic!("it can run") };
        before(&mut machine.kernel.sys, tid);
        let parked = Parked {
            number: 0,
            args: [0; 6],
            progress: Progress::default(),
            deadline: None,
            completed: None,
            asking: None,
        };
        machine.kernel.park(running, Box::new(parked));
        let thread = machine.kernel.sys.tasks.thread(tid).unwrap();
        (thread.state, thread.entry)
    }

    #[test]
    fn what_happens_before_a_park_begins_ends_it() {
        let wake = |sys: &mut System, tid| {
            let next = sys.tasks.thread(tid).unwrap().park.0 + 1;
            sys.unpark(tid, next, Entry::Event);
        };
        assert_eq!(parked_after(wake), (RunState::Runnable, Entry::Event));
    }

    #[test]
    fn what_was_to_end_another_park_does_not() {
        let wake = |sys: &mut System, tid| {
            let next = sys.tasks.thread(tid).unwrap().park.0 + 1;
            sys.unpark(tid, next - 1, Entry::Event);
            sys.unpark(tid, next, Entry::Event);
            // The call did not park after all; this is another.
            sys.tasks.thread_mut(tid).unwrap().park.0 += 1;
        };
        assert_eq!(parked_after(wake).0, RunState::Parked);
    }
}
