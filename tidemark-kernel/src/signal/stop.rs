//! Job control: stopping and continuing processes.
//!
//! A stopped process keeps its threads where they are: one on a worker leaves it at its next trap, one that waits goes on
//! waiting, and none is given to a worker until the process continues.

use super::{ActionFlags, ChildChange, Disposition, SigInfo, Signal};
use crate::errno::Errno;
use crate::kernel::{Kernel, Running, Step};
use crate::status::Status;
use crate::system::System;
use crate::task::{Pid, RunState, Tid};
use crate::wait::{Entry, Events, Parked, Restart};
use crate::worker::ATTENTION_TRAP;

impl System {
    /// Stops a process; its threads that are on workers follow.
    pub(super) fn stop_process(&mut self, pid: Pid, signal: Signal) {
        let Some(process) = self.tasks.process_mut(pid) else { return };
        if process.exiting.is_some() || process.exec_by.is_some() {
            return;
        }
        process.stopped = Some(signal);
        self.stop_tracees(pid);
        for (index, tid) in self.current.iter().enumerate() {
            let ours = tid.and_then(|tid| self.tasks.thread(tid)).is_some_and(|thread| thread.pid == pid);
            if ours {
                self.workers[index].raise(ATTENTION_TRAP);
            }
        }
    }

    /// Continues a process that is stopped.
    pub(super) fn continue_process(&mut self, pid: Pid) {
        let Some(process) = self.tasks.process_mut(pid) else { return };
        if process.stopped.take().is_none() {
            return;
        }
        let held = core::mem::take(&mut process.held);
        self.trace_continued(pid);
        for tid in held {
            let Some(thread) = self.tasks.thread_mut(tid) else { continue };
            if thread.state == RunState::Stopped {
                thread.state = RunState::Runnable;
                self.statuses.push_back(Status::Runnable { tid, sync: false });
            }
        }
        self.tell_parent_of_change(pid, ChildChange::Continued);
        let pending = self.tasks.process(pid).map(|process| process.signals.pending.pending());
        self.find_takers(pid, pending.unwrap_or_default());
    }

    /// A thread of a stopped process that no worker runs stays off the workers.
    pub(crate) fn hold_stopped(&mut self, tid: Tid) {
        let Some(thread) = self.tasks.thread_mut(tid) else { return };
        thread.state = RunState::Stopped;
        let pid = thread.pid;
        if let Some(process) = self.tasks.process_mut(pid) {
            process.held.push(tid);
        }
    }

    /// Tells the parent that the last thread left its worker after a stop.
    fn stop_completed(&mut self, pid: Pid) {
        let Some(signal) = self.tasks.process(pid).and_then(|process| process.stopped) else { return };
        let on_worker = |tid: &Tid| self.tasks.thread(*tid).is_some_and(|thread| thread.pid == pid);
        if !self.current.iter().flatten().any(on_worker) {
            self.tell_parent_of_change(pid, ChildChange::Stopped(signal));
        }
    }

    /// A child stopped or continues: `SIGCHLD` unless the parent does not want it, and waking those that wait for it.
    fn tell_parent_of_change(&mut self, pid: Pid, change: ChildChange) {
        let Some(process) = self.tasks.process_mut(pid) else { return };
        process.change = Some(change);
        let Some(parent) = process.parent else { return };
        let Some(parent_process) = self.tasks.process_mut(parent) else { return };
        parent_process.waiters.wake(Events::IN, &mut self.woken);
        let action = parent_process.signals.actions.get(Signal::CHLD);
        if action.disposition == Disposition::Ignore || action.flags.has(ActionFlags::NOCLDSTOP) {
            return;
        }
        let info = self.child_info(pid, Signal::CHLD, change);
        // A parent that ended meanwhile needs no signal.
        let _: Result<(), Errno> = self.send_to_process(parent, info);
    }

    /// The `SIGCHLD` that tells of a child.
    pub(crate) fn child_info(&self, child: Pid, signal: Signal, change: ChildChange) -> SigInfo {
        let (uid, ticks) = self.tasks.process(child).map_or((0, 0), |process| {
            let cpu = self.process_cpu_time(process);
            (process.creds.uid, crate::time::clock_ticks(cpu))
        });
        SigInfo::child(signal, child, uid, change, ticks, 0)
    }
}

impl Kernel {
    /// The process is stopped: the thread leaves its worker, in its call if it is in one.
    pub(super) fn stop_thread(&mut self, running: Running, call: Option<(Restart, Box<Parked>)>) -> Step {
        let tid = running.tid;
        let Some(thread) = self.sys.take_off_worker(running) else { return Step::Released };
        let pid = thread.pid;
        if let Some((restart, mut parked)) = call {
            if restart == Restart::Never {
                parked.completed = Some(Err(Errno::EINTR));
            }
            thread.parked = Some(parked);
            thread.entry = Entry::Event;
        }
        self.sys.hold_stopped(tid);
        self.sys.stop_completed(pid);
        Step::Released
    }
}
