//! A process: what its threads share.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::creds::Creds;
use super::rlimit::RLimits;
use super::shared::ProcessShared;
use super::timer::ProcessTimers;
use super::usage::Usage;
use super::{Name, Tasks, Tid};
use crate::cpu::core::SpaceId;
use crate::fs::{FdTableId, FileId, FsContextId};
use crate::signal::{Actions, ChildChange, Signal, SignalQueue};
use crate::status::ExitStatus;
use crate::time::Nanos;
use crate::tty::PtyId;
use crate::wait::WaitQueue;

/// A process id: the id of its first thread.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pid(pub Tid);

impl Pid {
    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

/// A process that may have ended meanwhile, its id perhaps another's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProcessRef {
    pid: Pid,
    // No two processes of one id begin at the same time.
    started: Nanos,
}

impl ProcessRef {
    /// The id, which may be another's by now.
    pub(crate) const fn pid(self) -> Pid {
        self.pid
    }

    /// Whether both name the same id, and this one's process came after the other's.
    pub(super) fn is_later(self, other: ProcessRef) -> bool {
        self.pid == other.pid && self.started > other.started
    }
}

/// Signals as far as the process as a whole has them.
#[derive(Debug, Default)]
pub struct ProcessSignals {
    /// What to do with each.
    pub actions: Actions,
    /// Real-time signals that are pending, for the process or for one of its threads.
    pub queued: u64,
    /// Pending for whichever thread takes them.
    pub pending: SignalQueue,
    /// Who watches for pending signals: signalfd, by [`Events::IN`](crate::wait::Events::IN).
    pub watchers: WaitQueue,
}

/// What procfs keeps of a process because programs set it there or look for it.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// How likely it is to be ended for want of memory: -1000 to 1000 (`proc_pid_oom_score_adj(5)`).
    pub oom_score_adj: i16,
    /// Which mappings would be written to a core file (`core(5)`).
    pub coredump_filter: u32,
    /// The name of its first thread when that ended.
    pub last_name: Name,
    /// And its nice value.
    pub last_nice: i8,
}

impl Default for Kept {
    fn default() -> Kept {
        /// Linux's: private and shared anonymous mappings, ELF headers, private huge pages.
        const FILTER: u32 = 0x33;
        Kept { oom_score_adj: 0, coredump_filter: FILTER, last_name: Name::default(), last_nice: 0 }
    }
}

/// One process.
#[derive(Debug)]
pub struct Process {
    /// Its id.
    pub pid: Pid,
    /// Who is told of its end; `None` for process 1, the kernel's own.
    pub parent: Option<Pid>,
    /// Children, zombies included, oldest first.
    pub children: Vec<Pid>,
    /// Its process group.
    pub group: Pid,
    /// Its session.
    pub session: Pid,
    /// Its controlling terminal.
    pub terminal: Option<PtyId>,
    /// Of a session leader whose terminal was hung up: the group that was in the foreground.
    pub(crate) left_foreground: Option<Pid>,
    /// Its live threads; empty in a zombie.
    pub threads: Vec<Tid>,
    /// The address space. Ids of spaces are not reused: that of a process that ended finds nothing.
    pub space: SpaceId,
    /// The file that runs (`/proc/PID/exe`), with a reference; `None` once it ended, and in process 1.
    pub exe: Option<FileId>,
    /// The table of file descriptors; `None` once it ended, and in process 1. Handlers ask
    /// [`Cx::fd_table`](crate::syscall::Cx::fd_table).
    pub fd_table: Option<FdTableId>,
    /// Working directory, root and umask; `None` once it ended, and in process 1. Handlers ask
    /// [`Cx::fs_context`](crate::syscall::Cx::fs_context).
    pub fs_context: Option<FsContextId>,
    /// Who it is to permission checks.
    pub creds: Creds,
    /// Resource limits.
    pub rlimits: RLimits,
    /// Dispositions and the shared queue.
    pub signals: ProcessSignals,
    /// Set once the process as a whole ends: every thread that returns from the kernel ends instead.
    pub exiting: Option<ExitStatus>,
    /// Set while a thread of it executes a new program and the others end: that thread.
    pub exec_by: Option<Tid>,
    /// The signal that stopped it, while it is stopped.
    pub stopped: Option<Signal>,
    /// Threads that wait for it to continue.
    pub(crate) held: Vec<Tid>,
    /// A change of state that its parent has not waited for.
    pub change: Option<ChildChange>,
    /// What the parent is sent when it ends; `None` is nothing (`clone(2)`).
    pub exit_signal: Option<Signal>,
    /// Threads that wait for a child.
    pub waiters: WaitQueue,
    /// Who watches for its end: pidfds, by [`Events::IN`](crate::wait::Events::IN).
    pub ended: WaitQueue,
    /// The thread whose `vfork` waits for this process.
    pub vfork_parent: Option<Tid>,
    /// Threads that it traces.
    pub(crate) tracees: Vec<Tid>,
    /// Threads that it traced, are gone and have not been waited for.
    pub(crate) ended_tracees: Vec<(Tid, ChildChange)>,
    /// Who traced its first thread, once that is gone.
    pub(crate) traced_by: Option<Pid>,
    /// CPU time and such of threads that ended.
    pub usage: Usage,
    /// Of children waited for.
    pub children_usage: Usage,
    /// When it began, on `CLOCK_MONOTONIC`.
    pub started: Nanos,
    /// Whether the application started it and is told of its end.
    pub spawned: bool,
    /// Whether it executed a program since it was forked.
    pub execed: bool,
    /// `PR_SET_DUMPABLE`.
    pub dumpable: bool,
    /// It became a user who had too many processes (`RLIMIT_NPROC`): it cannot execute programs while that is so.
    pub(crate) too_many: bool,
    /// `PR_SET_NO_NEW_PRIVS`.
    pub no_new_privs: bool,
    /// `PR_SET_CHILD_SUBREAPER`.
    pub subreaper: bool,
    /// `PR_SET_THP_DISABLE`; there are no huge pages anyhow.
    pub no_huge_pages: bool,
    /// `PR_MCE_KILL`: what was asked for; memory does not fail.
    pub memory_failure: u8,
    /// `PR_SET_PDEATHSIG`.
    pub parent_death_signal: Option<Signal>,
    /// Interval timers and POSIX timers.
    pub timers: ProcessTimers,
    /// `personality(2)`.
    pub personality: u32,
    /// What only procfs shows.
    pub kept: Kept,
    /// What workers answer without the lock.
    pub shared: Arc<ProcessShared>,
}

impl Tasks {
    /// The process that a reference was made of, unless it has been waited for.
    pub fn referred(&self, reference: ProcessRef) -> Option<&Process> {
        self.process(reference.pid).filter(|process| process.started == reference.started)
    }

    /// As [`Tasks::referred`].
    pub fn referred_mut(&mut self, reference: ProcessRef) -> Option<&mut Process> {
        self.process_mut(reference.pid).filter(|process| process.started == reference.started)
    }
}

impl Process {
    /// The nice value of its first thread, or of another if that has ended.
    pub fn nice(&self, tasks: &Tasks) -> i8 {
        let first = tasks.thread(self.pid.0).filter(|thread| thread.pid == self.pid);
        let thread = first.or_else(|| self.threads.first().and_then(|tid| tasks.thread(*tid)));
        thread.map_or(self.kept.last_nice, |thread| thread.scheduling.nice)
    }

    /// Whether it ended and waits to be waited for.
    pub fn is_zombie(&self) -> bool {
        self.threads.is_empty() && self.exiting.is_some()
    }

    /// A reference that outlives the process.
    pub fn reference(&self) -> ProcessRef {
        ProcessRef { pid: self.pid, started: self.started }
    }

    /// Publishes ids for calls that do not take the lock, after `parent` or `creds` changed.
    pub fn publish(&self) {
        let shared = &self.shared;
        shared.pid.store(self.pid.get(), Ordering::Relaxed);
        shared.ppid.store(self.parent.map_or(0, Pid::get), Ordering::Relaxed);
        shared.uid.store(self.creds.uid, Ordering::Relaxed);
        shared.euid.store(self.creds.euid, Ordering::Relaxed);
        shared.gid.store(self.creds.gid, Ordering::Relaxed);
        shared.egid.store(self.creds.egid, Ordering::Relaxed);
    }
}
