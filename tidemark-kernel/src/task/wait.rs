//! Waiting for children (`wait4(2)`, `waitid(2)`).
//!
//! Owns which child matches and what is reported; the conversion to the guest's structures is the handlers'.

use super::{Pid, Process, Tid, Usage};
use crate::signal::{ChildChange, Signal};
use crate::system::System;

/// Which children.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Children {
    /// Any.
    Any,
    /// This one.
    One(Pid),
    /// Those of this process group.
    Group(Pid),
    /// None that can exist: the number is no process id.
    Nobody,
}

/// What about them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct WaitFor {
    /// Ends (`WEXITED`).
    pub(crate) ends: bool,
    /// Stops (`WUNTRACED`, `WSTOPPED`).
    pub(crate) stops: bool,
    /// Continuations (`WCONTINUED`).
    pub(crate) continues: bool,
    /// Only those that tell by something else than `SIGCHLD` (`__WCLONE`).
    pub(crate) clones: bool,
    /// Whatever they tell by (`__WALL`).
    pub(crate) all: bool,
    /// Leave it to be waited for again (`WNOWAIT`).
    pub(crate) keep: bool,
}

/// What a wait found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Waited {
    /// No child matches at all.
    NoChild,
    /// None has anything to tell now.
    Nothing,
    /// This one has.
    Change {
        /// The child.
        pid: Pid,
        /// Its real user id.
        uid: u32,
        /// What happened.
        change: ChildChange,
        /// What it used.
        usage: Usage,
    },
}

impl System {
    /// Looks for a child of `parent` with something to tell, and takes note that it was told.
    pub(crate) fn wait_for_child(&mut self, parent: Pid, which: Children, what: WaitFor) -> Waited {
        let wanted = |sys: &System, tid: Tid| which.matches_thread(sys, tid);
        if let Some((tid, change)) = self.wait_for_tracee(parent, wanted, what.ends, what.keep) {
            let process = self.tasks.thread(tid).and_then(|thread| self.tasks.process(thread.pid));
            let uid = process.map_or(0, |process| process.creds.uid);
            return Waited::Change { pid: Pid(tid), uid, change, usage: Usage::default() };
        }
        let Some(process) = self.tasks.process(parent) else { return Waited::NoChild };
        let mut found_any = process.tracees.iter().any(|tid| which.matches_thread(self, *tid));
        let mut found = None;
        for child in process.children.iter().filter_map(|child| self.tasks.process(*child)) {
            if !which.matches(child) || !what.heeds(child) {
                continue;
            }
            found_any = true;
            if let Some(change) = child.change.filter(|change| what.wants(*change)) {
                found = Some((child.pid, change));
                break;
            }
        }
        let Some((pid, change)) = found else {
            return if found_any { Waited::Nothing } else { Waited::NoChild };
        };
        let Some(child) = self.tasks.process(pid) else { return Waited::NoChild };
        let uid = child.creds.uid;
        let mut usage = child.usage;
        usage.add(&child.children_usage);
        if !what.keep {
            match change {
                ChildChange::Exited(_) | ChildChange::Killed { .. } => drop(self.reap(pid)),
                ChildChange::Stopped(_) | ChildChange::Continued | ChildChange::Trapped { .. } => {
                    if let Some(child) = self.tasks.process_mut(pid) {
                        child.change = None;
                    }
                }
            }
        }
        Waited::Change { pid, uid, change, usage }
    }
}

impl Children {
    /// Whether a thread that is traced is meant.
    fn matches_thread(self, sys: &System, tid: Tid) -> bool {
        match self {
            Children::Any => true,
            Children::One(pid) => pid.0 == tid,
            Children::Group(group) => {
                let process = sys.tasks.thread(tid).and_then(|thread| sys.tasks.process(thread.pid));
                process.is_some_and(|process| process.group == group)
            }
            Children::Nobody => false,
        }
    }

    fn matches(self, child: &Process) -> bool {
        match self {
            Children::Any => true,
            Children::One(pid) => child.pid == pid,
            Children::Group(group) => child.group == group,
            Children::Nobody => false,
        }
    }
}

impl WaitFor {
    fn heeds(self, child: &Process) -> bool {
        self.all || (child.exit_signal != Some(Signal::CHLD)) == self.clones
    }

    fn wants(self, change: ChildChange) -> bool {
        match change {
            ChildChange::Exited(_) | ChildChange::Killed { .. } => self.ends,
            ChildChange::Stopped(_) | ChildChange::Trapped { .. } => self.stops,
            ChildChange::Continued => self.continues,
        }
    }
}
