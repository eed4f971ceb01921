//! New processes and threads as entries of the tables: process 1 and everything after it.
//!
//! Owns how the structures are filled and the limits on their number. What they share with or copy from their parent
//! is `clone`'s, what they execute `exec`'s.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::scheduling::Scheduling;
use super::shared::{ProcessShared, ThreadShared};
use super::thread::{Name, RunState, Thread, ThreadSignals};
use super::time::Accounted;
use super::timer::ProcessTimers;
use super::{Creds, Kept, Pid, Process, ProcessSignals, RLimits, Tid, Usage};
use crate::addr::GuestAddr;
use crate::cpu::core::SpaceId;
use crate::cpu::hart::Hart;
use crate::errno::{Errno, Result};
use crate::limits::Limits;
use crate::system::System;
use crate::time::Nanos;
use crate::wait::{Entry, ParkSeq, WaitQueue};

/// The kernel's own process: it adopts and reaps, has no threads, and takes no signals.
pub(crate) const INIT: Pid = match Tid::new(1) {
    Some(tid) => Pid(tid),
    None => panic!("1 is a thread id"),
};

/// `PR_MCE_KILL_DEFAULT`
const MCE_DEFAULT: u8 = 2;

impl Process {
    /// A process without memory and files, its own group and session.
    pub(crate) fn new(pid: Pid, parent: Option<Pid>, creds: Creds, limits: &Limits, now: Nanos) -> Process {
        let process = Process {
            pid,
            parent,
            children: Vec::new(),
            group: pid,
            session: pid,
            terminal: None,
            left_foreground: None,
            threads: Vec::new(),
            // Space 0 does not exist.
            space: SpaceId::new(0),
            exe: None,
            fd_table: None,
            fs_context: None,
            creds,
            rlimits: RLimits::new(limits),
            signals: ProcessSignals::default(),
            exiting: None,
            exec_by: None,
            stopped: None,
            held: Vec::new(),
            change: None,
            exit_signal: Some(crate::signal::Signal::CHLD),
            waiters: WaitQueue::default(),
            ended: WaitQueue::default(),
            vfork_parent: None,
            tracees: Vec::new(),
            ended_tracees: Vec::new(),
            traced_by: None,
            usage: Usage::default(),
            children_usage: Usage::default(),
            started: now,
            spawned: false,
            execed: false,
            dumpable: true,
            too_many: false,
            no_new_privs: false,
            subreaper: false,
            no_huge_pages: false,
            memory_failure: MCE_DEFAULT,
            parent_death_signal: None,
            timers: ProcessTimers::default(),
            personality: 0,
            kept: Kept::default(),
            shared: Arc::new(ProcessShared::default()),
        };
        process.publish();
        process
    }
}

impl Thread {
    /// A thread that is about to run from `hart`.
    pub(crate) fn new(
        tid: Tid,
        pid: Pid,
        name: Name,
        hart: Box<Hart>,
        process: &Arc<ProcessShared>,
        now: Nanos,
    ) -> Thread {
        let first_instruction = hart.instret();
        let shared = ThreadShared { tid: tid.get().into(), process: Arc::clone(process) };
        Thread {
            tid,
            pid,
            name,
            hart: Some(hart),
            state: RunState::Runnable,
            parked: None,
            spare: None,
            entry: Entry::First,
            park: ParkSeq::default(),
            killable_only: false,
            signals: ThreadSignals::default(),
            scheduling: Scheduling::default(),
            usage: Usage::default(),
            first_instruction,
            on_worker_since: None,
            accounted: Accounted::default(),
            started: now,
            clear_child_tid: GuestAddr::NULL,
            robust_list: GuestAddr::NULL,
            exit: None,
            early: None,
            reclaiming: false,
            futex_waits: Vec::new(),
            traced: None,
            trace: None,
            shared: Arc::new(shared),
        }
    }
}

impl System {
    /// Enters process 1.
    pub(crate) fn create_init(&mut self) -> Result<()> {
        let tid = self.tasks.allocate_id()?;
        let now = self.now.monotonic;
        debug_assert_eq!(tid, INIT.0);
        self.tasks.insert_process(Box::new(Process::new(
            Pid(tid),
            None,
            Creds::user(0, 0),
            &self.limits,
            now,
        )));
        Ok(())
    }

    /// An id for a new thread, if another may exist.
    ///
    /// # Errors
    /// `EAGAIN` when a limit of the system is reached.
    pub(crate) fn new_thread_id(&mut self, wanted: Option<Tid>) -> Result<Tid> {
        if self.tasks.thread_count() >= self.limits.threads as usize {
            return Err(Errno::EAGAIN);
        }
        match wanted {
            Some(tid) => self.tasks.take_id(tid),
            None => self.tasks.allocate_id(),
        }
    }

    /// An id for a new process, if another may exist.
    ///
    /// # Errors
    /// `EAGAIN` when a limit of the system is reached.
    pub(crate) fn new_process_id(&mut self, wanted: Option<Tid>) -> Result<Pid> {
        // Process 1 does not count.
        if self.tasks.process_count() > self.limits.processes as usize {
            return Err(Errno::EAGAIN);
        }
        self.new_thread_id(wanted).map(Pid)
    }

    /// Has every call of the process traced, or none.
    pub(crate) fn set_traced(&mut self, pid: Pid, traced: bool) {
        if let Some(process) = self.tasks.process(pid) {
            process.shared.traced.store(traced, Ordering::Relaxed);
        }
    }
}
