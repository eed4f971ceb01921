//! The end of threads and processes.
//!
//! Owns the steps from `exit` to zombie and from zombie to nothing. Each thread ends itself, on the worker that takes it:
//! that of a process that exits only marks the others, so that no step grows with their number.

use super::{Pid, Process, RunState, Setting, Tid};
use crate::addr::GuestAddr;
use crate::cpu::core::SpaceId;
use crate::errno::Errno;
use crate::futex::RobustWalk;
use crate::kernel::{Kernel, Running, Step};
use crate::signal::{ActionFlags, ChildChange, Disposition, SigInfo, Signal};
use crate::status::{ExitStatus, ProcessEvent, Status};
use crate::syscall::trace;
use crate::system::System;
use crate::wait::{Entry, Events};
use crate::worker::ATTENTION_TRAP;

/// Threads that are told to end, and children that are handed over, in one step under the lock.
const STEP_TASKS: usize = 32;

/// What a thread that ends does next. Between two steps others get the lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ExitStep {
    /// Tell the threads below this index to end.
    Siblings(usize),
    /// Walk along the futexes the thread holds.
    Robust(Option<RobustWalk>),
    /// Hand over the locks that others wait for.
    Locks,
    /// Leave the process; the last thread goes on.
    Thread,
    /// Let those go that the process traces.
    Tracees,
    /// Remove the timers.
    Timers,
    /// Undo operations on semaphores.
    Semaphores,
    /// Close the files.
    Files,
    /// Free the memory.
    Memory,
    /// Hand over the children.
    Children,
    /// Become a zombie and tell the parent.
    Process,
}

impl System {
    /// Whether the thread ends instead of returning to the guest.
    pub(crate) fn must_exit(&self, tid: Tid) -> bool {
        let Some(thread) = self.tasks.thread(tid) else { return true };
        if thread.exit.is_some() {
            return true;
        }
        let Some(process) = self.tasks.process(thread.pid) else { return true };
        process.exiting.is_some() || process.exec_by.is_some_and(|by| by != tid)
    }

    /// `exit(2)`: the thread ends when it next leaves the kernel. The last one's code is the process's.
    pub(crate) fn begin_thread_exit(&mut self, tid: Tid, code: u8) {
        let Some(thread) = self.tasks.thread_mut(tid) else { return };
        thread.exit.get_or_insert(ExitStep::Robust(None));
        let pid = thread.pid;
        let Some(process) = self.tasks.process_mut(pid) else { return };
        if process.threads.len() == 1 {
            process.exiting.get_or_insert(ExitStatus::Code(code));
        }
    }

    /// `exit_group(2)` or a fatal signal, on behalf of one of the process's threads: all of them end.
    pub(crate) fn begin_group_exit(&mut self, tid: Tid, status: ExitStatus) {
        let Some(pid) = self.tasks.thread(tid).map(|thread| thread.pid) else { return };
        let Some(process) = self.tasks.process_mut(pid) else { return };
        if process.exiting.is_some() {
            return;
        }
        process.exiting = Some(status);
        process.stopped = None;
        let siblings = process.threads.len();
        if let Some(thread) = self.tasks.thread_mut(tid) {
            thread.exit = Some(ExitStep::Siblings(siblings));
        }
    }

    /// Makes a thread look up: it finds by itself that it is to end.
    pub(crate) fn rouse(&mut self, tid: Tid) {
        let Some(thread) = self.tasks.thread_mut(tid) else { return };
        match thread.state {
            RunState::Runnable => {}
            RunState::Running(worker) => {
                if let Some(slot) = self.workers.get(usize::from(worker.0)) {
                    slot.raise(ATTENTION_TRAP);
                }
            }
            RunState::Parked => {
                let park = thread.park.0;
                self.unpark(tid, park, Entry::Signal);
            }
            RunState::Traced => {
                if self.must_exit(tid) {
                    self.wake_tracee(tid);
                }
            }
            RunState::Stopped => {
                thread.state = RunState::Runnable;
                self.statuses.push_back(Status::Runnable { tid, sync: false });
            }
        }
    }

    /// Tells siblings to look up, from index `next` downwards, at most [`STEP_TASKS`] of them. Answers where to go on;
    /// zero is the end. Downwards, because a thread that leaves is replaced by the last.
    pub(crate) fn rouse_siblings(&mut self, pid: Pid, but: Tid, next: usize) -> usize {
        let length = self.tasks.process(pid).map_or(0, |process| process.threads.len());
        let next = next.min(length);
        let rest = next.saturating_sub(STEP_TASKS);
        for index in (rest..next).rev() {
            let sibling = self.tasks.process(pid).and_then(|process| process.threads.get(index).copied());
            if let Some(sibling) = sibling.filter(|sibling| *sibling != but) {
                self.rouse(sibling);
            }
        }
        rest
    }
}

impl Kernel {
    /// Goes on with the end of a thread that is to end.
    pub(crate) fn exit_thread(&mut self, running: Running) -> Step {
        let tid = running.tid;
        let Some(thread) = self.sys.tasks.thread_mut(tid) else { return Step::Released };
        let pid = thread.pid;
        self.sys.leave_call(tid);
        let Some(thread) = self.sys.tasks.thread_mut(tid) else { return Step::Released };
        let next = match *thread.exit.get_or_insert(ExitStep::Robust(None)) {
            ExitStep::Siblings(next) => match self.sys.rouse_siblings(pid, tid, next) {
                0 => ExitStep::Robust(None),
                rest => ExitStep::Siblings(rest),
            },
            ExitStep::Robust(walk) => match self.sys.walk_robust_list(tid, running.space.id, walk) {
                Some(walk) => ExitStep::Robust(Some(walk)),
                None => ExitStep::Locks,
            },
            ExitStep::Locks => match self.sys.give_up_locks(tid) {
                true => ExitStep::Locks,
                false => ExitStep::Thread,
            },
            ExitStep::Thread => {
                self.sys.clear_child_tid(tid, running.space.id);
                let last = self.sys.tasks.process(pid).is_none_or(|process| process.threads.len() <= 1);
                if !last {
                    self.sys.take_off_worker(running);
                    self.sys.remove_thread(tid);
                    return Step::Released;
                }
                ExitStep::Tracees
            }
            ExitStep::Tracees => match self.sys.release_tracees(pid) {
                true => ExitStep::Tracees,
                false => ExitStep::Timers,
            },
            ExitStep::Timers => match self.sys.delete_posix_timers(pid) {
                true => ExitStep::Timers,
                false => {
                    self.sys.set_real_timer(pid, Setting::default());
                    ExitStep::Semaphores
                }
            },
            ExitStep::Semaphores => match self.sys.undo_semaphores(pid) {
                true => ExitStep::Semaphores,
                false => ExitStep::Files,
            },
            ExitStep::Files => {
                if self.sys.release_files_of(pid) {
                    ExitStep::Memory
                } else {
                    ExitStep::Files
                }
            }
            ExitStep::Memory => {
                if self.sys.release_memory_of(pid) {
                    self.sys.leave_terminal(pid);
                    ExitStep::Children
                } else {
                    ExitStep::Memory
                }
            }
            ExitStep::Children => {
                if self.sys.hand_over_children(pid) {
                    ExitStep::Process
                } else {
                    ExitStep::Children
                }
            }
            ExitStep::Process => {
                self.sys.take_off_worker(running);
                self.sys.remove_thread(tid);
                self.sys.end_process(pid);
                return Step::Released;
            }
        };
        if let Some(thread) = self.sys.tasks.thread_mut(tid) {
            thread.exit = Some(next);
        }
        Step::Again(running)
    }
}

impl System {
    /// A step along the futexes that the thread holds; where to go on, if there are more.
    pub(crate) fn walk_robust_list(
        &mut self,
        tid: Tid,
        space: SpaceId,
        walk: Option<RobustWalk>,
    ) -> Option<RobustWalk> {
        let head = self.tasks.thread(tid)?.robust_list;
        let walk = match walk {
            Some(walk) => walk,
            None => self.begin_robust_walk(space, head)?,
        };
        let rest = self.robust_step(space, tid, head, walk);
        if rest.is_none() {
            self.tasks.thread_mut(tid)?.robust_list = GuestAddr::NULL;
        }
        rest
    }

    /// Tells who waits for the thread's end (`set_tid_address(2)`).
    pub(super) fn clear_child_tid(&mut self, tid: Tid, space: SpaceId) {
        let Some(thread) = self.tasks.thread_mut(tid) else { return };
        let addr = core::mem::replace(&mut thread.clear_child_tid, GuestAddr::NULL);
        if addr.is_null() {
            return;
        }
        // The guest's own doing if it cannot be written.
        if self.write_pod_in(space, addr, &0u32).is_ok()
            && let Ok(key) = self.futex_key(space, addr, false)
        {
            // Nobody else is told, whatever waits there.
            let _: Result<u32, Errno> = self.futex_wake(key, 1, u32::MAX);
        }
    }

    /// Takes a thread out of its process and the table, and its counters into its process's.
    fn remove_thread(&mut self, tid: Tid) {
        let now = self.now.monotonic;
        self.fs.forget_walks(tid);
        self.leave_call(tid);
        let Some(mut thread) = self.tasks.remove_thread(tid) else { return };
        thread.usage = thread.used(now);
        let executed = thread.hart.as_ref().map_or(0, |hart| hart.instret());
        thread.usage.instructions = executed.saturating_sub(thread.first_instruction);
        if let Some(tracee) = thread.traced.take() {
            let status = self.tasks.process(thread.pid).and_then(|process| process.exiting);
            let change = ChildChange::from(status.unwrap_or(ExitStatus::Code(0)));
            self.trace_ended(tid, thread.pid, &tracee, change);
        }
        let Some(process) = self.tasks.process_mut(thread.pid) else { return };
        process.usage.add(&thread.usage);
        if tid == process.pid.0 {
            process.kept.last_name = thread.name;
            process.kept.last_nice = thread.scheduling.nice;
        }
        if let Some(index) = process.threads.iter().position(|other| *other == tid) {
            process.threads.swap_remove(index);
        }
        if let (Some(by), [_]) = (process.exec_by, process.threads.as_slice())
            && let Some(thread) = self.tasks.thread(by)
        {
            // The others are gone: `execve` goes on.
            let park = thread.park.0;
            self.unpark(by, park, Entry::Event);
        }
    }

    /// A thread that ends gives up the files of the call that it was in.
    fn leave_call(&mut self, tid: Tid) {
        if let Some(parked) = self.tasks.thread_mut(tid).and_then(|thread| thread.parked.as_mut()) {
            self.fs.let_go_of_files(&mut parked.progress.files);
        }
    }

    fn release_files_of(&mut self, pid: Pid) -> bool {
        let Some(process) = self.tasks.process_mut(pid) else { return true };
        let (context, exe) = (process.fs_context.take(), process.exe.take());
        if let Some(context) = context {
            self.release_fs_context(context);
        }
        if let Some(exe) = exe {
            self.fs.release(exe);
        }
        let Some(table) = self.tasks.process(pid).and_then(|process| process.fd_table) else { return true };
        let finished = self.release_fd_table(table);
        if finished && let Some(process) = self.tasks.process_mut(pid) {
            process.fd_table = None;
        }
        finished
    }

    fn release_memory_of(&mut self, pid: Pid) -> bool {
        self.complete_vfork(pid);
        let Some(process) = self.tasks.process_mut(pid) else { return true };
        // Space 0 does not exist.
        let space = core::mem::replace(&mut process.space, SpaceId::new(0));
        self.count_resident(pid, space);
        self.mem.leave_space(space, pid);
        !self.release_step()
    }

    /// Children go to the nearest ancestor that asked for them, or to process 1. True when none is left.
    fn hand_over_children(&mut self, pid: Pid) -> bool {
        let heir = self.heir(pid);
        for _ in 0..STEP_TASKS {
            let Some(child) = self.tasks.process_mut(pid).and_then(|process| process.children.pop()) else {
                return true;
            };
            self.adopt(heir, child);
            self.hang_up_if_orphaned(child, Some(pid));
        }
        false
    }

    /// Who inherits the children of `pid` (`PR_SET_CHILD_SUBREAPER`).
    fn heir(&self, pid: Pid) -> Option<Pid> {
        let mut next = self.tasks.process(pid)?.parent;
        // Every chain of parents ends at process 1.
        while let Some(process) = next.and_then(|pid| self.tasks.process(pid)) {
            if process.parent.is_none() || (process.subreaper && process.exiting.is_none()) {
                return Some(process.pid);
            }
            next = process.parent;
        }
        None
    }

    fn adopt(&mut self, heir: Option<Pid>, child: Pid) {
        let Some(process) = self.tasks.process_mut(child) else { return };
        process.parent = heir;
        // Reparented children tell their new parent by SIGCHLD, whatever they were created with.
        process.exit_signal = Some(Signal::CHLD);
        process.publish();
        let zombie = process.is_zombie();
        if let Some(signal) = process.parent_death_signal {
            // One that ends meanwhile needs none.
            let _: Result<(), Errno> = self.send_to_process(child, SigInfo::kernel(signal));
        }
        let Some(heir) = heir.and_then(|heir| self.tasks.process_mut(heir)) else { return };
        heir.children.push(child);
        if zombie {
            self.tell_parent_of_end(child);
        }
    }

    /// The process has no thread, files or memory left.
    fn end_process(&mut self, pid: Pid) {
        let Some(process) = self.tasks.process_mut(pid) else { return };
        let status = *process.exiting.get_or_insert(ExitStatus::Code(0));
        process.change = Some(ChildChange::from(status));
        process.ended.wake(Events::IN, &mut self.woken);
        let (parent, spawned) = (process.parent, process.spawned);
        let mut usage = process.usage;
        usage.add(&process.children_usage);
        if self.trace {
            trace::exited(self, pid, status);
        }
        self.tell_process(|| ProcessEvent::Exited { pid, status });
        if spawned {
            // Last: who hears of it may end the sandbox at once, with what was not told before.
            let timed_out = self.reached_time_limit(pid);
            self.statuses.push_back(Status::Exited { pid, status, usage, timed_out });
        }
        self.hang_up_if_orphaned(pid, parent);
        self.trace_process_ended(pid, ChildChange::from(status));
        self.tell_parent_of_end(pid);
    }

    /// Tells the parent of a zombie; where nobody will ask, the zombie is gone at once (`wait(2)`, notes).
    fn tell_parent_of_end(&mut self, pid: Pid) {
        let Some(process) = self.tasks.process(pid) else { return };
        let (Some(parent), exit_signal, change) = (process.parent, process.exit_signal, process.change)
        else {
            return;
        };
        let Some(parent_process) = self.tasks.process_mut(parent) else { return };
        if parent_process.parent.is_none() {
            // Process 1 waits for its children as they end.
            self.reap(pid);
            return;
        }
        parent_process.waiters.wake(Events::IN, &mut self.woken);
        let action = parent_process.signals.actions.get(Signal::CHLD);
        // Who ignores the signal is not even sent it where it is blocked (POSIX, `_Exit`; Linux, `do_notify_parent`).
        let default_signal = exit_signal == Some(Signal::CHLD);
        let ignored = default_signal && action.disposition == Disposition::Ignore;
        if let (Some(signal), Some(change), false) = (exit_signal, change, ignored) {
            let info = self.child_info(pid, signal, change);
            // A full queue loses it, as on Linux; the zombie tells all the same.
            let _: Result<(), Errno> = self.send_to_process(parent, info);
        }
        if ignored || (default_signal && action.flags.has(ActionFlags::NOCLDWAIT)) {
            self.reap(pid);
        }
    }

    /// Removes a zombie; what it used counts for its parent.
    pub(crate) fn reap(&mut self, pid: Pid) -> Option<Box<Process>> {
        let process = self.tasks.remove_process(pid)?;
        if let Some(parent) = process.parent.and_then(|parent| self.tasks.process_mut(parent)) {
            parent.children.retain(|child| *child != pid);
            parent.children_usage.add(&process.usage);
            parent.children_usage.add(&process.children_usage);
        }
        Some(process)
    }
}

impl From<ExitStatus> for ChildChange {
    fn from(status: ExitStatus) -> ChildChange {
        match status {
            ExitStatus::Code(code) => ChildChange::Exited(code),
            ExitStatus::Signal { number, core } => {
                let signal = Signal::new(u32::from(number)).unwrap_or(Signal::KILL);
                ChildChange::Killed { signal, core }
            }
        }
    }
}
