//! Parking and waking threads: what turns blocking as data into runnable threads.
//!
//! Owns the moves between `Running`, `Parked` and `Runnable`. When something is ready is its object's business; what a
//! call does then is its handler's.

use crate::kernel::{Kernel, Running, Step};
use crate::status::Status;
use crate::system::System;
use crate::task::{RunState, Tid};
use crate::timers::Due;
use crate::wait::{Entry, Events, Parked, WaitTarget};

impl Kernel {
    /// Parks the thread in its call. A signal that is already pending for it sends it straight back in.
    pub(crate) fn park(&mut self, running: Running, parked: Box<Parked>) -> Step {
        let Running { tid, hart, space, .. } = running;
        let deadline = parked.deadline;
        let interrupted = self.sys.has_deliverable_signal(tid);
        self.sys.leave_space(tid, &space);
        let Some(thread) = self.sys.tasks.thread_mut(tid) else { return Step::Released };
        thread.leave_worker(self.sys.now.monotonic);
        thread.usage.voluntary_switches += 1;
        thread.park.0 += 1;
        let park = thread.park.0;
        thread.hart = Some(hart);
        thread.parked = Some(parked);
        thread.state = RunState::Parked;
        if let Some(at) = deadline {
            self.sys.timers.add(at, Due::Park { tid, park });
        }
        if interrupted {
            self.sys.unpark(tid, park, Entry::Signal);
        }
        Step::Released
    }

    /// Turns what was woken into runnable threads. Runs at the end of every input.
    pub(crate) fn settle(&mut self) {
        self.sys.close_released();
        // An epoll event may wake more, which goes to the end: first come, first served. The buffer is kept.
        let mut next = 0;
        while let Some(&(target, events)) = self.sys.woken.list.get(next) {
            next += 1;
            match target {
                WaitTarget::Thread { tid, park } => self.sys.unpark(tid, park.0, Entry::Event),
                WaitTarget::Epoll { epoll, item } => self.sys.epoll_event(epoll, item, events),
                WaitTarget::Stream(stream) => self.sys.statuses.push_back(match events {
                    events if events.intersects(Events::IN.union(Events::HUP)) => {
                        Status::StreamReadable(stream)
                    }
                    _ => Status::StreamWritable(stream),
                }),
            }
        }
        self.sys.woken.list.clear();
    }
}

impl System {
    /// Makes a parked thread runnable, if it is still in this park.
    pub(crate) fn unpark(&mut self, tid: Tid, park: u64, entry: Entry) {
        let Some(thread) = self.tasks.thread_mut(tid) else { return };
        if thread.state != RunState::Parked || thread.park.0 != park {
            return;
        }
        thread.state = RunState::Runnable;
        thread.entry = entry;
        self.statuses.push_back(Status::Runnable { tid, sync: entry == Entry::Event });
    }
}
