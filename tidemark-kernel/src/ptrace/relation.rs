//! Who traces whom: attaching, detaching, what new threads inherit, and the end of either side.

use super::stop::Next;
use super::{Event, Options, Tracee, Until};
use crate::errno::{Errno, Result};
use crate::signal::{ChildChange, SigInfo, Signal};
use crate::system::System;
use crate::task::{CloneFlags, Pid, RunState, Tid};
use crate::wait::Events;

/// Tracees that one step of their tracer's end lets go.
const STEP_TRACEES: usize = 32;

impl System {
    /// Has a process trace a thread.
    pub(crate) fn trace(&mut self, tracer: Pid, tid: Tid, seized: bool, options: Options) {
        let Some(thread) = self.tasks.thread_mut(tid) else { return };
        thread.traced = Some(Box::new(Tracee::new(tracer, seized, options)));
        let pid = thread.pid;
        // Calls that workers answer by themselves are to be seen, too.
        self.set_traced(pid, true);
        if let Some(process) = self.tasks.process_mut(tracer) {
            process.tracees.push(tid);
        }
    }

    /// Ends tracing: the thread goes on, with a signal if there is one.
    pub(crate) fn untrace(&mut self, tid: Tid, signal: Option<Signal>) {
        self.let_go(tid, Until::Event, signal);
        let Some(thread) = self.tasks.thread_mut(tid) else { return };
        let pid = thread.pid;
        let Some(tracee) = &mut thread.traced else { return };
        let tracer = tracee.tracer;
        // What it was let go with is still to be done.
        (tracee.tracer, tracee.options, tracee.until) = (pid, Options::default(), Until::Event);
        let rest = tracee.next.is_some() || tracee.injected.is_some();
        if !rest {
            thread.traced = None;
        }
        if let Some(process) = self.tasks.process_mut(tracer) {
            process.tracees.retain(|other| *other != tid);
        }
        let traced = self.tasks.process(pid).is_some_and(|process| {
            let mut threads = process.threads.iter().filter_map(|tid| self.tasks.thread(*tid));
            threads.any(|thread| thread.is_traced())
        });
        self.set_traced(pid, traced || self.trace);
    }

    /// A thread that a traced one made: traced likewise, if its tracer wants that. The event is told when the call of its
    /// maker ends.
    pub(crate) fn trace_clone(&mut self, maker: Tid, new: Tid, flags: CloneFlags, ordinary: bool) {
        let Some(thread) = self.tasks.thread_mut(maker) else { return };
        let Some(tracee) = thread.traced.as_mut().filter(|tracee| tracee.tracer != thread.pid) else {
            return;
        };
        let event = match flags {
            flags if flags.has(CloneFlags::UNTRACED) => return,
            flags if flags.has(CloneFlags::VFORK) => Event::Vfork,
            // An ordinary fork is one whose end is told by SIGCHLD.
            _ if ordinary => Event::Fork,
            _ => Event::Clone,
        };
        if !tracee.options.has(event.option()) {
            return;
        }
        tracee.event = Some((event, u64::from(new.get())));
        let (tracer, seized, options) = (tracee.tracer, tracee.seized, tracee.options);
        self.trace(tracer, new, seized, options);
        if seized {
            if let Some(tracee) = self.tasks.thread_mut(new).and_then(|thread| thread.traced.as_mut()) {
                tracee.interrupt = true;
            }
        } else {
            // It cannot have ended.
            let _: Result<()> = self.send_to_thread(new, SigInfo::kill(Signal::STOP, None, 0));
        }
    }

    /// The parent of a `vfork` goes on: its tracer may want to know.
    pub(crate) fn trace_vfork_done(&mut self, maker: Tid, child: Pid) {
        let Some(thread) = self.tasks.thread_mut(maker) else { return };
        if let Some(tracee) = &mut thread.traced
            && tracee.options.has(Options::VFORK_DONE)
        {
            tracee.event = Some((Event::VforkDone, u64::from(child.get())));
        }
    }

    /// A traced thread got another id by executing a program.
    pub(crate) fn trace_renamed(&mut self, old: Tid, new: Tid) {
        let tracer = self.tasks.thread(new).and_then(|thread| Some(thread.traced.as_ref()?.tracer));
        if let Some(process) = tracer.and_then(|tracer| self.tasks.process_mut(tracer)) {
            process.tracees.iter_mut().filter(|tid| **tid == old).for_each(|tid| *tid = new);
        }
    }

    /// A traced thread is gone: its tracer is told, unless it hears of the end of its own child anyhow.
    pub(crate) fn trace_ended(&mut self, tid: Tid, pid: Pid, tracee: &Tracee, change: ChildChange) {
        let Some(process) = self.tasks.process_mut(tracee.tracer) else { return };
        process.tracees.retain(|other| *other != tid);
        let first = tid == pid.0;
        let tracer = tracee.tracer;
        if tracer == pid {
            return;
        }
        if first {
            if let Some(process) = self.tasks.process_mut(pid) {
                process.traced_by = Some(tracer);
            }
            return;
        }
        self.tell_tracer_of_end(tracer, tid, change);
    }

    /// A process whose first thread was traced ended: a tracer that is not its parent is told, too.
    pub(crate) fn trace_process_ended(&mut self, pid: Pid, change: ChildChange) {
        let Some(process) = self.tasks.process_mut(pid) else { return };
        let (tracer, parent) = (process.traced_by.take(), process.parent);
        if let Some(tracer) = tracer.filter(|tracer| Some(*tracer) != parent) {
            self.tell_tracer_of_end(tracer, pid.0, change);
        }
    }

    fn tell_tracer_of_end(&mut self, tracer: Pid, tid: Tid, change: ChildChange) {
        let Some(process) = self.tasks.process_mut(tracer) else { return };
        if process.threads.is_empty() || process.exiting.is_some() {
            return;
        }
        process.ended_tracees.push((tid, change));
        process.waiters.wake(Events::IN, &mut self.woken);
        let uid = process.creds.uid;
        let info = SigInfo::child(Signal::CHLD, Pid(tid), uid, change, 0, 0);
        // The tracer was found just now.
        let _: Result<()> = self.send_to_process(tracer, info);
    }

    /// A step of a tracer's end: its tracees go on, or end with it. Whether more are left.
    pub(crate) fn release_tracees(&mut self, tracer: Pid) -> bool {
        for _ in 0..STEP_TRACEES {
            let last = self.tasks.process(tracer).and_then(|process| process.tracees.last().copied());
            let Some(tid) = last else { return false };
            let thread = self.tasks.thread(tid);
            let kill = thread
                .and_then(|thread| thread.traced.as_ref())
                .is_some_and(|tracee| tracee.options.has(Options::EXIT_KILL));
            self.untrace(tid, None);
            if let Some(process) = self.tasks.process_mut(tracer) {
                process.tracees.retain(|other| *other != tid);
            }
            if kill {
                // One that is gone needs no killing.
                let _: Result<()> = self.send_to_thread(tid, SigInfo::kernel(Signal::KILL));
            }
        }
        true
    }

    /// Lets a tracee go on from its stop, with a signal if there is one.
    pub(crate) fn let_go(&mut self, tid: Tid, until: Until, signal: Option<Signal>) {
        let tracer_pid = self.tasks.thread(tid).and_then(|thread| Some(thread.traced.as_ref()?.tracer));
        let uid = tracer_pid.and_then(|pid| self.tasks.process(pid)).map_or(0, |tracer| tracer.creds.uid);
        let Some(thread) = self.tasks.thread_mut(tid) else { return };
        let Some(tracee) = &mut thread.traced else { return };
        tracee.until = until;
        let Some(stop) = tracee.stop.take() else { return };
        tracee.injected = signal.map(|signal| match stop.reason {
            super::Reason::Signal(info) if info.signal == signal => info,
            _ => SigInfo::kill(signal, tracer_pid, uid),
        });
        if let super::Reason::Group(_) = stop.reason {
            tracee.passed_stop = true;
        }
        // Only where a signal stopped it does its tracer's take the place; elsewhere it would be one more.
        tracee.next = Some(stop.next);
        self.wake_tracee(tid);
    }

    /// Makes a thread runnable that is in a tracer's stop.
    pub(crate) fn wake_tracee(&mut self, tid: Tid) {
        let Some(thread) = self.tasks.thread_mut(tid) else { return };
        if thread.state != RunState::Traced {
            return;
        }
        if let Some(tracee) = &mut thread.traced
            && let Some(stop) = tracee.stop.take()
        {
            tracee.next = Some(stop.next);
        }
        thread.state = RunState::Runnable;
        self.statuses.push_back(crate::status::Status::Runnable { tid, sync: true });
    }

    /// The tracee of this id, if `tracer` traces it and it is stopped.
    ///
    /// # Errors
    /// `ESRCH`.
    pub(crate) fn stopped_tracee(&mut self, tracer: Pid, tid: Tid) -> Result<&mut Tracee> {
        let tracee = self.tracee(tracer, tid)?;
        match &tracee.stop {
            Some(stop) if !stop.listening => Ok(tracee),
            _ => Err(Errno::ESRCH),
        }
    }

    /// The tracee of this id, if `tracer` traces it.
    ///
    /// # Errors
    /// `ESRCH`.
    pub(crate) fn tracee(&mut self, tracer: Pid, tid: Tid) -> Result<&mut Tracee> {
        let thread = self.tasks.thread_mut(tid).ok_or(Errno::ESRCH)?;
        let (pid, tracee) = (thread.pid, thread.traced.as_mut());
        tracee.filter(|tracee| tracee.tracer == tracer && tracer != pid).map(Box::as_mut).ok_or(Errno::ESRCH)
    }

    /// The next news of a tracee that `wanted` accepts, by id; it is taken note of unless it is to be `kept`.
    pub(crate) fn wait_for_tracee(
        &mut self,
        tracer: Pid,
        wanted: impl Fn(&System, Tid) -> bool,
        ends: bool,
        kept: bool,
    ) -> Option<(Tid, ChildChange)> {
        let process = self.tasks.process(tracer)?;
        if ends && let Some(place) = process.ended_tracees.iter().position(|(tid, _)| wanted(self, *tid)) {
            let process = self.tasks.process_mut(tracer)?;
            return match kept {
                true => process.ended_tracees.get(place).copied(),
                false => Some(process.ended_tracees.remove(place)),
            };
        }
        let process = self.tasks.process(tracer)?;
        let news = |tid: &Tid| {
            let stop = self.tasks.thread(*tid).and_then(|thread| thread.traced.as_ref()?.stop.as_ref());
            stop.is_some_and(|stop| stop.news) && wanted(self, *tid)
        };
        let tid = process.tracees.iter().copied().find(news)?;
        let stop = self.tasks.thread_mut(tid)?.traced.as_mut()?.stop.as_mut()?;
        stop.news = kept;
        Some((tid, ChildChange::Trapped { code: stop.code }))
    }
}

impl crate::task::Thread {
    /// Whether somebody traces it.
    pub(crate) fn is_traced(&self) -> bool {
        self.traced.as_ref().is_some_and(|tracee| tracee.tracer != self.pid)
    }

    /// Who traces it.
    pub(crate) fn tracer(&self) -> Option<Pid> {
        self.traced.as_ref().map(|tracee| tracee.tracer).filter(|tracer| *tracer != self.pid)
    }

    /// How it goes on, if it was let go from a stop.
    pub(crate) fn take_next(&mut self) -> Option<Next> {
        self.traced.as_mut()?.next.take()
    }
}
