//! Sending: from an origin to a queue, and to the thread that is to look at it.
//!
//! Owns what happens when a signal is generated (`signal(7)`): whether it is dropped, where it queues, who is woken.
//! What it does to the thread is decided when that leaves the kernel (`deliver`).

use super::{Action, DefaultAction, Disposition, SigInfo, SigSet, Signal};
use crate::errno::{Errno, Result};
use crate::signal::info::SI_USER;
use crate::status::ExitStatus;
use crate::system::System;
use crate::task::{Pid, Process, Resource, RunState, Thread, Tid};
use crate::wait::{Entry, Events};

impl System {
    /// Sends to a process: whichever of its threads does not block the signal takes it. Nothing happens to a zombie, and
    /// to process 1.
    ///
    /// # Errors
    /// - `ESRCH`: no such process.
    /// - `EAGAIN`: too many real-time signals are queued, and this one carries data.
    pub(crate) fn send_to_process(&mut self, pid: Pid, info: SigInfo) -> Result<()> {
        let process = self.tasks.process(pid).ok_or(Errno::ESRCH)?;
        let Some(&first) = process.threads.first() else { return Ok(()) };
        if !self.generate(pid, first, &info) {
            return Ok(());
        }
        self.count_queued(pid, &info)?;
        let process = self.tasks.process_mut(pid).ok_or(Errno::ESRCH)?;
        process.signals.pending.push(info);
        process.signals.watchers.wake(Events::IN, &mut self.woken);
        let process = self.tasks.process(pid).ok_or(Errno::ESRCH)?;
        let takes = |tid: &&Tid| self.tasks.thread(**tid).is_some_and(|thread| thread.takes(info.signal));
        if let Some(&tid) = process.threads.iter().find(takes) {
            self.alert(tid, info.signal);
        }
        Ok(())
    }

    /// Sends to one thread.
    ///
    /// # Errors
    /// As [`System::send_to_process`].
    pub(crate) fn send_to_thread(&mut self, tid: Tid, info: SigInfo) -> Result<()> {
        let pid = self.tasks.thread(tid).ok_or(Errno::ESRCH)?.pid;
        if !self.generate(pid, tid, &info) {
            return Ok(());
        }
        self.count_queued(pid, &info)?;
        let thread = self.tasks.thread_mut(tid).ok_or(Errno::ESRCH)?;
        thread.signals.pending.push(info);
        let takes = thread.takes(info.signal);
        if let Some(process) = self.tasks.process_mut(pid) {
            process.signals.watchers.wake(Events::IN, &mut self.woken);
        }
        if takes {
            self.alert(tid, info.signal);
        }
        Ok(())
    }

    /// Sends a thread the signal of a fault of its own. It cannot be put off: blocked or ignored, it ends the process.
    pub(crate) fn force_signal(&mut self, tid: Tid, info: SigInfo) {
        let Some(thread) = self.tasks.thread_mut(tid) else { return };
        let blocked = thread.signals.mask.contains(info.signal);
        thread.signals.mask.remove(info.signal);
        thread.signals.pending.push(info);
        let pid = thread.pid;
        let Some(process) = self.tasks.process_mut(pid) else { return };
        let action = process.signals.actions.get(info.signal);
        if blocked || action.disposition == Disposition::Ignore {
            process.signals.actions.set(info.signal, Action::DEFAULT);
        }
    }

    /// Changes what a thread blocks. A signal that others could have taken and it blocks now is theirs to look at.
    pub(crate) fn set_mask(&mut self, tid: Tid, mask: SigSet) {
        let Some(thread) = self.tasks.thread_mut(tid) else { return };
        let mask = mask.without(SigSet::UNSTOPPABLE);
        let newly = mask.without(thread.signals.mask);
        thread.signals.mask = mask;
        let pid = thread.pid;
        let Some(process) = self.tasks.process(pid) else { return };
        if process.threads.len() < 2 {
            return;
        }
        let orphaned = process.signals.pending.pending().and(newly);
        self.find_takers(pid, orphaned);
    }

    /// Makes threads look at signals of the process that are pending already.
    pub(super) fn find_takers(&mut self, pid: Pid, mut signals: SigSet) {
        while let Some(signal) = signals.first() {
            signals.remove(signal);
            let takes = |tid: &&Tid| self.tasks.thread(**tid).is_some_and(|thread| thread.takes(signal));
            let taker =
                self.tasks.process(pid).and_then(|process| process.threads.iter().find(takes).copied());
            if let Some(taker) = taker {
                self.alert(taker, signal);
            }
        }
    }

    /// What a signal does when it is generated, before anybody looks at it. False when that is all.
    fn generate(&mut self, pid: Pid, target: Tid, info: &SigInfo) -> bool {
        let signal = info.signal;
        if signal == Signal::CONT {
            self.discard_pending(pid, SigSet::STOPS);
            self.continue_process(pid);
        } else if SigSet::STOPS.contains(signal) {
            self.discard_pending(pid, SigSet::of(&[Signal::CONT]));
        }
        let Some(process) = self.tasks.process(pid) else { return false };
        if process.exiting.is_some() {
            return false;
        }
        let blocked = self.tasks.thread(target).is_some_and(|thread| thread.signals.mask.contains(signal));
        let traced = signal != Signal::KILL && self.is_traced(target);
        blocked || traced || !process.signals.actions.ignores(signal)
    }

    /// Counts a real-time signal against the limit on queued ones.
    fn count_queued(&mut self, pid: Pid, info: &SigInfo) -> Result<()> {
        if !info.signal.is_realtime() {
            return Ok(());
        }
        let Some(process) = self.tasks.process_mut(pid) else { return Err(Errno::ESRCH) };
        if process.signals.queued >= process.rlimits.soft(Resource::PendingSignals) && info.code != SI_USER {
            return Err(Errno::EAGAIN);
        }
        process.signals.queued += 1;
        Ok(())
    }

    /// Forgets pending signals of the whole process.
    pub(crate) fn discard_pending(&mut self, pid: Pid, set: SigSet) {
        let Some(process) = self.tasks.process_mut(pid) else { return };
        let mut dropped = process.signals.pending.discard(set);
        for index in 0.. {
            let tid = self.tasks.process(pid).and_then(|process| process.threads.get(index).copied());
            let Some(tid) = tid else { break };
            if let Some(thread) = self.tasks.thread_mut(tid) {
                dropped += thread.signals.pending.discard(set);
            }
        }
        if let Some(process) = self.tasks.process_mut(pid) {
            process.signals.queued = process.signals.queued.saturating_sub(dropped as u64);
        }
    }

    /// Makes a thread that is to take a signal look at it. One that ends the process does so from here on.
    fn alert(&mut self, tid: Tid, signal: Signal) {
        let Some(thread) = self.tasks.thread_mut(tid) else { return };
        let pid = thread.pid;
        if thread.signals.awaited.contains(signal) {
            if thread.state == RunState::Parked {
                let park = thread.park.0;
                self.unpark(tid, park, Entry::Event);
            }
            return;
        }
        let Some(process) = self.tasks.process(pid) else { return };
        if process.stopped.is_some() && signal != Signal::KILL {
            // It is looked at when the process continues.
            return;
        }
        let ends = fatal(process, process.signals.actions.get(signal), signal);
        // A tracer may have a tracee not take it.
        if let Some(status) = ends.filter(|_| signal == Signal::KILL || !self.is_traced(tid)) {
            self.begin_group_exit(tid, status);
            self.rouse(tid);
        } else if !self.tasks.thread(tid).is_some_and(|thread| thread.killable_only) {
            self.rouse(tid);
        }
    }
}

impl Thread {
    /// Whether a signal for the process is for this thread to take now.
    fn takes(&self, signal: Signal) -> bool {
        self.exit.is_none() && (!self.signals.mask.contains(signal) || self.signals.awaited.contains(signal))
    }
}

/// How a process ends if this action is taken, if it does.
pub(super) fn fatal(process: &Process, action: Action, signal: Signal) -> Option<ExitStatus> {
    if action.disposition != Disposition::Default {
        return None;
    }
    let core = match signal.default_action() {
        DefaultAction::Terminate => false,
        // With the limit that processes are born with, no core file is written (`core(5)`).
        DefaultAction::Core => process.rlimits.soft(Resource::Core) > 0,
        DefaultAction::Ignore | DefaultAction::Stop | DefaultAction::Continue => return None,
    };
    Some(ExitStatus::Signal { number: signal.number(), core })
}
