//! What a handler is given: the whole system, the calling thread, and how it was entered.

use crate::cpu::hart::Hart;
use crate::fs::{FdTableId, FsContextId};
use crate::system::System;
use crate::task::{Capabilities, Pid, Process, Thread, Tid};
use crate::time::{Nanos, Now};
use crate::wait::{Entry, Events, Flow, Progress, WaitTarget, Waiter};

/// The context of one entry into a handler.
pub struct Cx<'a> {
    /// Everything the kernel owns.
    pub sys: &'a mut System,
    /// The calling thread.
    pub tid: Tid,
    /// Its process.
    pub pid: Pid,
    /// Its registers; `pc` is already past the `ecall`.
    pub hart: &'a mut Hart,
    /// Why the handler is entered.
    pub entry: Entry,
    /// What it kept from its earlier entries; empty on the first.
    pub progress: &'a mut Progress,
}

impl Cx<'_> {
    /// The moment of this entry.
    pub fn now(&self) -> Now {
        self.sys.mem.seen_by_programs(self.sys.now)
    }

    /// The calling thread.
    pub fn thread(&mut self) -> &mut Thread {
        // A context is made for a live thread only, and nothing removes the thread of a context under it.
        self.sys.tasks.thread_mut(self.tid).expect("the calling thread is in the table")
    }

    /// The calling process.
    pub fn process(&mut self) -> &mut Process {
        self.sys.tasks.process_mut(self.pid).expect("the calling process is in the table")
    }

    /// The calling process's table of file descriptors.
    pub fn fd_table(&mut self) -> FdTableId {
        self.process().fd_table.expect("a process that makes calls has descriptors")
    }

    /// The calling process's working directory, root and umask.
    pub fn fs_context(&mut self) -> FsContextId {
        self.process().fs_context.expect("a process that makes calls has a working directory")
    }

    /// Whether the calling process holds all of these capabilities.
    pub fn can(&mut self, needed: Capabilities) -> bool {
        self.process().creds.can(needed)
    }

    /// An entry for the queue of something this call waits for.
    pub fn waiter(&mut self, events: Events) -> Waiter {
        // The park about to begin is the next one.
        let park = self.thread().park;
        Waiter {
            target: WaitTarget::Thread { tid: self.tid, park: crate::wait::ParkSeq(park.0 + 1) },
            events,
        }
    }

    /// What this call was about to wait for no longer matters: it does not park.
    pub fn forget_waiters(&mut self) {
        self.thread().park.0 += 1;
    }

    /// Parks with the deadline fixed at the first entry, if there is one.
    pub fn block(&self) -> Flow {
        Flow::Block { deadline: self.progress.deadline }
    }

    /// Fixes the deadline at the first entry: `after` nanoseconds from now; later entries keep it.
    pub fn deadline_after(&mut self, after: Nanos) -> Nanos {
        let now = self.sys.now.monotonic;
        *self.progress.deadline.get_or_insert(now.saturating_add(after))
    }
}
