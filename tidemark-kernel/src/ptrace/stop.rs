//! A tracee's stops: where they are on a thread's way through the kernel, and how it goes on from each.

use super::{Event, Reason, Stopped, Until};
use crate::call::{A0, A7};
use crate::errno::{Errno, Result};
use crate::kernel::{Kernel, Running, Step};
use crate::signal::{ActionFlags, ChildChange, Disposition, SigInfo, Signal};
use crate::system::System;
use crate::task::{Pid, RunState, Tid};
use crate::wait::{Entry, Events, Parked, Restart};

/// `TRAP_TRACE`: one instruction was done.
const TRAP_TRACE: i32 = 2;

/// How a stopped thread goes on.
#[derive(Debug)]
pub(crate) enum Next {
    /// It makes the call that its registers say then.
    Enter(Box<Parked>),
    /// It goes on with the call it is in.
    Call,
    /// It waits in the call it is in, unless that is over.
    Park,
    /// Its call is over, but perhaps for another stop.
    AfterCall,
    /// It leaves the kernel, with a call that was interrupted.
    Leave(Option<(Restart, Box<Parked>)>),
}

impl Kernel {
    /// Stops a tracee, and tells its tracer.
    pub(crate) fn trace_stop(&mut self, mut running: Running, reason: Reason, next: Next) -> Step {
        let tid = running.tid;
        running.hart.clear_reservation();
        if let Next::Leave(Some((restart, _))) = &next {
            running.hart.set_x(A0, shown_result(*restart));
        }
        let Some(thread) = self.sys.take_off_worker(running) else { return Step::Released };
        let pid = thread.pid;
        let Some(tracee) = &mut thread.traced else { return Step::Released };
        let code = match reason {
            Reason::Signal(info) => info.signal.number().into(),
            Reason::Group(signal) if tracee.seized => u32::from(signal.number()) | (Event::Stop as u32) << 8,
            Reason::Group(signal) => signal.number().into(),
            Reason::Entry | Reason::Exit if tracee.options.has(super::Options::SYSGOOD) => TRAP | 0x80,
            Reason::Entry | Reason::Exit => TRAP,
            Reason::Event(event) => TRAP | (event as u32) << 8,
        };
        tracee.stop = Some(Stopped { reason, code, news: true, listening: false, next });
        let tracer = tracee.tracer;
        thread.state = RunState::Traced;
        self.sys.tell_tracer(tracer, tid, pid, code);
        Step::Released
    }

    /// Goes on from a stop.
    pub(crate) fn continue_traced(&mut self, mut running: Running, next: Next) -> Step {
        let tid = running.tid;
        if self.sys.must_exit(tid) {
            return self.leave_kernel(running, None);
        }
        match next {
            Next::Enter(mut parked) => {
                parked.number = running.hart.x(A7);
                parked.args = core::array::from_fn(|i| running.hart.x(A0 + i));
                if parked.number == u64::MAX || parked.number as u32 == u32::MAX {
                    // Its tracer had it skip the call: what is in `a0` is the result.
                    self.keep_spare(tid, parked);
                    return self.after_call(running);
                }
                self.call(running, Entry::First, parked)
            }
            Next::Call => self.continue_call(running),
            Next::Park => {
                let Some(thread) = self.sys.tasks.thread_mut(tid) else { return Step::Released };
                match thread.parked.take() {
                    Some(parked) if parked.completed.is_none() => self.park(running, parked),
                    parked => {
                        thread.parked = parked;
                        self.continue_call(running)
                    }
                }
            }
            Next::AfterCall => self.after_call(running),
            Next::Leave(call) => {
                if let Some((_, parked)) = &call {
                    // The stop showed why the call ended; it may be made again.
                    running.hart.set_x(A0, parked.args[0]);
                }
                self.leave_kernel(running, call)
            }
        }
    }

    /// Parks the thread in its call, after its tracer was told of what the call made so far.
    pub(crate) fn park_traced(&mut self, running: Running, parked: Box<Parked>) -> Step {
        let thread = self.sys.tasks.thread_mut(running.tid);
        if let Some(thread) = thread
            && let Some(tracee) = &mut thread.traced
            && let Some((event, message)) = tracee.event.take()
        {
            tracee.message = message;
            thread.parked = Some(parked);
            thread.entry = Entry::Event;
            return self.trace_stop(running, Reason::Event(event), Next::Park);
        }
        self.park(running, parked)
    }

    /// A tracer wants to see its tracee enter a call.
    pub(crate) fn stops_at_calls(&self, tid: Tid) -> bool {
        let tracee = self.sys.tasks.thread(tid).and_then(|thread| thread.traced.as_ref());
        tracee.is_some_and(|tracee| tracee.until == Until::Call)
    }

    /// The call of a thread is over: its tracer may want to know, of what it made and of its end.
    pub(crate) fn after_call(&mut self, running: Running) -> Step {
        let thread = self.sys.tasks.thread_mut(running.tid);
        let Some(tracee) = thread.and_then(|thread| thread.traced.as_mut()) else {
            return self.return_to_guest(running);
        };
        let until = tracee.until;
        if let Some((event, message)) = tracee.event.take() {
            tracee.message = message;
            return self.trace_stop(running, Reason::Event(event), Next::AfterCall);
        }
        if self.sys.must_exit(running.tid) {
            return self.return_to_guest(running);
        }
        match until {
            Until::Call => self.trace_stop(running, Reason::Exit, Next::Leave(None)),
            Until::Step => self.stepped(running),
            Until::Event => self.return_to_guest(running),
        }
    }

    /// A tracee executed a program: its tracer is told by an event or, as ever, by a signal.
    pub(crate) fn trace_exec(&mut self, tid: Tid) {
        let Some(thread) = self.sys.tasks.thread_mut(tid) else { return };
        let Some(tracee) = &mut thread.traced else { return };
        if tracee.options.has(super::Options::EXEC) {
            tracee.event = Some((Event::Exec, u64::from(tid.get())));
        } else if !tracee.seized && tracee.tracer != thread.pid {
            // The thread is there.
            let _: Result<()> = self.sys.send_to_thread(tid, SigInfo::kill(Signal::TRAP, None, 0));
        }
    }

    /// A tracee did the one instruction it was let go for.
    pub(crate) fn stepped(&mut self, running: Running) -> Step {
        let info = SigInfo::fault(Signal::TRAP, TRAP_TRACE, running.hart.pc());
        self.sys.force_signal(running.tid, info);
        self.return_to_guest(running)
    }

    /// A call was interrupted: its tracer sees it end so, before the signal.
    pub(crate) fn trace_interrupted(
        &mut self,
        running: Running,
        restart: Restart,
        parked: Box<Parked>,
    ) -> Step {
        if self.stops_at_calls(running.tid) && !self.sys.must_exit(running.tid) {
            return self.trace_stop(running, Reason::Exit, Next::Leave(Some((restart, parked))));
        }
        self.leave_kernel(running, Some((restart, parked)))
    }

    /// A tracee is about to leave the kernel: what makes it stop, if anything does.
    pub(crate) fn stop_before_leaving(&mut self, tid: Tid) -> Option<Reason> {
        let thread = self.sys.tasks.thread(tid)?;
        let stopped = self.sys.tasks.process(thread.pid)?.stopped;
        let traced = thread.is_traced();
        let tracee = self.sys.tasks.thread_mut(tid)?.traced.as_mut()?;
        if !traced {
            return None;
        }
        if let Some(signal) = stopped.filter(|_| !tracee.passed_stop) {
            tracee.interrupt = false;
            return Some(Reason::Group(signal));
        }
        core::mem::take(&mut tracee.interrupt).then_some(Reason::Event(Event::Stop))
    }

    /// Whether a tracee that ends is to stop before that, once.
    pub(crate) fn stop_before_exit(&mut self, tid: Tid) -> bool {
        let Some(thread) = self.sys.tasks.thread(tid) else { return false };
        let status = self.sys.tasks.process(thread.pid).and_then(|process| process.exiting);
        let first = thread.is_traced();
        let Some(tracee) = self.sys.tasks.thread_mut(tid).and_then(|thread| thread.traced.as_mut()) else {
            return false;
        };
        let killed = matches!(status, Some(crate::ExitStatus::Signal { number: 9, .. }));
        if !first || killed || tracee.exit_told || !tracee.options.has(super::Options::EXIT) {
            return false;
        }
        tracee.exit_told = true;
        tracee.message = status.map_or(0, |status| ChildChange::from(status).wait_status() as u64);
        true
    }
}

/// `SIGTRAP`, as the status of a stop has it.
const TRAP: u32 = 5;

/// What Linux has in `a0` while an interrupted call's fate is open: `ERESTARTSYS` and its kin, or `EINTR`.
pub(crate) fn shown_result(restart: Restart) -> u64 {
    match restart {
        Restart::System => (-512_i64) as u64,
        Restart::NoHandler => (-514_i64) as u64,
        Restart::Never => Errno::EINTR.to_register(),
        Restart::Always => (-513_i64) as u64,
    }
}

impl System {
    /// Tells a tracer that its tracee stopped.
    fn tell_tracer(&mut self, tracer: Pid, tid: Tid, pid: Pid, code: u32) {
        let uid = self.tasks.process(pid).map_or(0, |process| process.creds.uid);
        let Some(process) = self.tasks.process_mut(tracer) else { return };
        process.waiters.wake(Events::IN, &mut self.woken);
        let action = process.signals.actions.get(Signal::CHLD);
        if action.disposition == Disposition::Ignore || action.flags.has(ActionFlags::NOCLDSTOP) {
            return;
        }
        let info =
            SigInfo::child(Signal::CHLD, Pid(tid), uid, ChildChange::Trapped { code: code & 0x7f }, 0, 0);
        // A tracer that ends lets its tracees go.
        let _: Result<()> = self.send_to_process(tracer, info);
    }

    /// Whether a thread is traced.
    pub(crate) fn is_traced(&self, tid: Tid) -> bool {
        self.tasks.thread(tid).is_some_and(|thread| thread.is_traced())
    }

    /// The signal that a tracer has its tracee take.
    pub(crate) fn take_injected(&mut self, tid: Tid) -> Option<SigInfo> {
        self.tasks.thread_mut(tid)?.traced.as_mut()?.injected.take()
    }

    /// A process stops: tracees tell their tracers, also where they wait in a call.
    pub(crate) fn stop_tracees(&mut self, pid: Pid) {
        let threads = self.tasks.process(pid).map(|process| process.threads.as_slice()).unwrap_or_default();
        let waits = |tid: &&Tid| {
            let thread = self.tasks.thread(**tid);
            thread.is_some_and(|thread| {
                thread.is_traced() && thread.state == RunState::Parked && !thread.killable_only
            })
        };
        let tracees: Vec<Tid> = threads.iter().filter(waits).copied().collect();
        tracees.into_iter().for_each(|tid| self.rouse(tid));
    }

    /// A stopped process goes on: tracees whose tracer listens stop anew, to tell.
    pub(crate) fn trace_continued(&mut self, pid: Pid) {
        let threads = self.tasks.process(pid).map(|process| process.threads.clone()).unwrap_or_default();
        for tid in threads {
            let Some(thread) = self.tasks.thread_mut(tid) else { continue };
            let Some(tracee) = &mut thread.traced else { continue };
            tracee.passed_stop = false;
            if let Some(stop) = tracee.stop.as_mut().filter(|stop| stop.listening) {
                stop.listening = false;
                stop.news = true;
                stop.reason = Reason::Event(Event::Stop);
                stop.code = TRAP | (Event::Stop as u32) << 8;
                let (tracer, code) = (tracee.tracer, stop.code);
                self.tell_tracer(tracer, tid, pid, code);
            }
        }
    }
}
