//! Delivery: what pending signals do to a thread that is about to leave the kernel.
//!
//! Owns the last stop before guest code: end, stop, call a handler, make an interrupted call again or not.

use super::send::fatal;
use super::{Action, ActionFlags, DefaultAction, Disposition, Fault, SigInfo, SigSet, Signal};
use crate::call::A0;
use crate::cpu::exit::ECALL_LEN;
use crate::errno::Errno;
use crate::kernel::{Kernel, Running, Step};
use crate::ptrace::{Event, Next, Reason};
use crate::syscall::trace;
use crate::system::System;
use crate::task::{Pid, Tid};
use crate::wait::{Entry, Parked, Restart};

/// A call that a signal interrupted.
type Interrupted = (Restart, Box<Parked>);

impl System {
    /// Whether the thread has something to look at: a signal it does not block, or its end.
    pub(crate) fn has_deliverable_signal(&self, tid: Tid) -> bool {
        let Some(thread) = self.tasks.thread(tid) else { return false };
        if self.must_exit(tid) {
            return true;
        }
        let Some(process) = self.tasks.process(thread.pid) else { return true };
        let pending = thread.signals.pending.pending().union(process.signals.pending.pending());
        let interrupted = thread.traced.as_ref().is_some_and(|tracee| tracee.interrupt);
        !thread.killable_only && (interrupted || !pending.without(thread.signals.mask).is_empty())
    }

    /// Takes the next signal of `among` for this thread: its own first, then its process's.
    pub(crate) fn take_signal(&mut self, tid: Tid, among: SigSet) -> Option<SigInfo> {
        let thread = self.tasks.thread_mut(tid)?;
        let pid = thread.pid;
        let info = match thread.signals.pending.take(among) {
            Some(info) => info,
            None => self.tasks.process_mut(pid)?.signals.pending.take(among)?,
        };
        if info.signal.is_realtime()
            && let Some(process) = self.tasks.process_mut(pid)
        {
            process.signals.queued = process.signals.queued.saturating_sub(1);
        }
        Some(self.with_overrun(pid, info))
    }
}

impl Kernel {
    /// Last stop before guest code.
    pub(crate) fn return_to_guest(&mut self, running: Running) -> Step {
        self.leave_kernel(running, None)
    }

    /// Delivers pending signals, stops, ends or goes on; a call that was interrupted is made again or answers `EINTR`.
    pub(crate) fn leave_kernel(&mut self, mut running: Running, mut call: Option<Interrupted>) -> Step {
        let tid = running.tid;
        loop {
            if self.sys.must_exit(tid) {
                if self.stop_before_exit(tid) {
                    return self.trace_stop(running, Reason::Event(Event::Exit), Next::Leave(None));
                }
                return self.exit_thread(running);
            }
            let Some(thread) = self.sys.tasks.thread(tid) else { return Step::Released };
            let pid = thread.pid;
            let Some(process) = self.sys.tasks.process(pid) else { return Step::Released };
            let (stopped, traced) = (process.stopped.is_some(), thread.traced.is_some());
            if traced && let Some(reason) = self.stop_before_leaving(tid) {
                return self.trace_stop(running, reason, Next::Leave(call));
            }
            if stopped && !self.sys.is_traced(tid) {
                return self.stop_thread(running, call);
            }
            let (Some(thread), Some(process)) = (self.sys.tasks.thread(tid), self.sys.tasks.process(pid))
            else {
                return Step::Released;
            };
            if thread.reclaiming {
                return self.reclaim(running, pid);
            }
            if process.timers.on_cpu {
                self.sys.check_cpu_timers(pid);
            }
            let (Some(thread), Some(process)) = (self.sys.tasks.thread(tid), self.sys.tasks.process(pid))
            else {
                return Step::Released;
            };
            let pending = thread.signals.pending.pending().union(process.signals.pending.pending());
            let deliverable = pending.without(thread.signals.mask);
            let info = match self.sys.take_injected(tid) {
                Some(info) => info,
                None => {
                    let Some(info) = self.sys.take_signal(tid, deliverable) else { break };
                    if traced && info.signal != Signal::KILL && self.sys.is_traced(tid) {
                        return self.trace_stop(running, Reason::Signal(info), Next::Leave(call));
                    }
                    info
                }
            };
            let Some(process) = self.sys.tasks.process(pid) else { return Step::Released };
            let action = process.signals.actions.get(info.signal);
            match action.disposition {
                Disposition::Ignore => {}
                Disposition::Default => self.default_action(tid, pid, action, info.signal),
                Disposition::Handler(_) => {
                    if let Some(interrupted) = call.take() {
                        self.end_interrupted(&mut running, interrupted, action);
                    }
                    if self.sys.trace {
                        trace::signal(&mut self.sys, tid, &info);
                    }
                    self.call_handler(&mut running, pid, action, &info);
                }
            }
        }
        match call {
            None => Step::Run(running),
            Some((Restart::Never, parked)) => {
                self.finish_call(&mut running, parked, Errno::EINTR.to_register());
                Step::Run(running)
            }
            // No handler ran: the call goes on where it was.
            Some((Restart::System | Restart::NoHandler | Restart::Always, parked)) => {
                if let Some(thread) = self.sys.tasks.thread_mut(tid) {
                    running.hart.set_x(A0, parked.args[0]);
                    thread.parked = Some(parked);
                    thread.entry = Entry::Event;
                }
                if self.stops_at_calls(tid) {
                    return self.trace_stop(running, Reason::Entry, Next::Call);
                }
                self.continue_call(running)
            }
        }
    }

    /// A synchronous fault: its signal is next.
    pub(crate) fn fault(&mut self, running: Running, fault: Fault) -> Step {
        self.sys.force_signal(running.tid, SigInfo::fault(fault.signal, fault.code, fault.addr));
        self.return_to_guest(running)
    }

    /// Ends, step by step, what the program had that the thread executed another in place of.
    fn reclaim(&mut self, running: Running, pid: Pid) -> Step {
        let more = self.sys.after_exec_step(pid);
        if let Some(thread) = self.sys.tasks.thread_mut(running.tid) {
            thread.reclaiming = more;
        }
        Step::Again(running)
    }

    fn default_action(&mut self, tid: Tid, pid: Pid, action: Action, signal: Signal) {
        match signal.default_action() {
            DefaultAction::Ignore | DefaultAction::Continue => {}
            DefaultAction::Stop => {
                // Nobody could continue an orphaned group (`setpgid(2)`).
                let group = self.sys.tasks.process(pid).map_or(pid, |process| process.group);
                if signal == Signal::STOP || !self.sys.group_is_orphaned(group) {
                    self.sys.stop_process(pid, signal);
                }
            }
            DefaultAction::Terminate | DefaultAction::Core => {
                let status = self.sys.tasks.process(pid).and_then(|process| fatal(process, action, signal));
                if let Some(status) = status {
                    self.sys.begin_group_exit(tid, status);
                }
            }
        }
    }

    /// A handler is about to run: whether the call it interrupted is made again is settled now.
    fn end_interrupted(&mut self, running: &mut Running, (restart, parked): Interrupted, action: Action) {
        let again = match restart {
            Restart::System => action.flags.has(ActionFlags::RESTART),
            Restart::Always => true,
            Restart::NoHandler | Restart::Never => false,
        };
        if again {
            running.hart.set_pc(running.hart.pc().wrapping_sub(ECALL_LEN));
            running.hart.set_x(A0, parked.args[0]);
        } else {
            running.hart.set_x(A0, Errno::EINTR.to_register());
        }
        if self.sys.trace {
            trace::interrupted(&mut self.sys, running.tid, again);
        }
        self.sys.fs.forget_walks(running.tid);
        self.keep_spare(running.tid, parked);
    }

    fn call_handler(&mut self, running: &mut Running, pid: Pid, action: Action, info: &SigInfo) {
        let tid = running.tid;
        running.hart.clear_reservation();
        if action.flags.has(ActionFlags::RESETHAND)
            && let Some(process) = self.sys.tasks.process_mut(pid)
        {
            let reset = Action { disposition: Disposition::Default, ..action };
            process.signals.actions.set(info.signal, reset);
        }
        if self.sys.push_frame(running, action, info).is_err() {
            // `force_sigsegv`: a handler of SIGSEGV itself would need the same stack.
            if info.signal == Signal::SEGV
                && let Some(process) = self.sys.tasks.process_mut(pid)
            {
                process.signals.actions.set(Signal::SEGV, Action::DEFAULT);
            }
            self.sys.force_signal(tid, SigInfo::kernel(Signal::SEGV));
            return;
        }
        let Some(thread) = self.sys.tasks.thread_mut(tid) else { return };
        thread.signals.saved_mask = None;
        let mut mask = thread.signals.mask.union(action.mask);
        if !action.flags.has(ActionFlags::NODEFER) {
            mask.insert(info.signal);
        }
        thread.signals.mask = mask.without(SigSet::UNSTOPPABLE);
    }
}
