//! Time limits of programs that the application started, and signals to whole groups from outside.
//!
//! Owns who is sent what when a limit is reached: as timeout(1), `SIGTERM` and `SIGCONT` to the program's process group,
//! and `SIGKILL` after a grace.

use std::collections::HashSet;

use super::{Pid, ProcessRef};
use crate::errno::{Errno, Result};
use crate::kernel::Kernel;
use crate::signal::{SigInfo, Signal};
use crate::system::System;
use crate::time::{Nanos, Now};
use crate::timers::Due;

/// How long a program may run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeLimit {
    /// Its group gets `SIGTERM` after this long, in nanoseconds.
    pub after: Nanos,
    /// And `SIGKILL` after this much longer, in nanoseconds.
    pub grace: Nanos,
}

/// A program with a time limit.
#[derive(Debug)]
pub(crate) struct Deadline {
    leader: ProcessRef,
    group: Pid,
    grace: Nanos,
    /// When the next step is due: an earlier moment is an ended process's of the same number.
    at: Nanos,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Running,
    /// The time is over: the group is being sent `SIGTERM`.
    Ending(GroupSignal),
    Grace,
    /// That is over, too.
    Killing(GroupSignal),
}

/// Processes of a group that one step under the lock sends to.
const STEP_PROCESSES: usize = 24;

/// A signal on its way to a process group, and how far it has got.
#[derive(Clone, Debug)]
pub struct GroupSignal {
    group: Pid,
    /// Who led the group, or joined it: where it led it, nobody else may have its id.
    member: ProcessRef,
    signal: Signal,
    /// Members that have it. Not by place: members join and leave between steps.
    sent: HashSet<Pid>,
}

impl GroupSignal {
    /// A signal, by number, for the group that a process was started in.
    ///
    /// # Errors
    /// `EINVAL` for a number that is no signal.
    pub fn new(group: Pid, member: ProcessRef, signal: u8) -> Result<GroupSignal> {
        let signal = Signal::new(u32::from(signal)).ok_or(Errno::EINVAL)?;
        Ok(GroupSignal::of(group, member, signal))
    }

    fn of(group: Pid, member: ProcessRef, signal: Signal) -> GroupSignal {
        GroupSignal { group, member, signal, sent: HashSet::new() }
    }

    /// Whether anybody was there to be sent it.
    pub fn reached_somebody(&self) -> bool {
        !self.sent.is_empty()
    }
}

impl Kernel {
    /// Sends to some members of a group; whether there may be more.
    pub fn signal_group_step(&mut self, sending: &mut GroupSignal, now: Now) -> bool {
        self.sys.now = now;
        let more = self.sys.send_to_members(sending);
        self.settle();
        more
    }
}

impl System {
    fn send_to_members(&mut self, sending: &mut GroupSignal) -> bool {
        // A group keeps its number from being given again while it has members, so that then there are none.
        let leader = self.tasks.process(sending.group).map(super::Process::reference);
        if leader.is_some_and(|leader| leader.is_later(sending.member)) {
            return false;
        }
        let members = self.tasks.groups().members(sending.group).iter().copied();
        let left = members.filter(|member| *member != super::create::INIT && !sending.sent.contains(member));
        let step: Vec<Pid> = left.take(STEP_PROCESSES).collect();
        for member in &step {
            sending.sent.insert(*member);
            // A member that ended meanwhile needs none.
            let _: Result<()> = self.send_to_process(*member, SigInfo::kill(sending.signal, None, 0));
        }
        step.len() == STEP_PROCESSES
    }

    /// Limits how long a process may run from now on.
    pub(super) fn limit_time(&mut self, pid: Pid, limit: TimeLimit) {
        let Some(process) = self.tasks.process(pid) else { return };
        let (leader, group) = (process.reference(), process.group);
        let at = self.now.monotonic.saturating_add(limit.after);
        self.deadlines.insert(pid, Deadline { leader, group, grace: limit.grace, at, stage: Stage::Running });
        self.timers.add(at, Due::TimeLimit(pid));
    }

    /// A process ended; whether it had reached its time limit before. What is left of its group has the rest of the grace.
    pub(super) fn reached_time_limit(&mut self, pid: Pid) -> bool {
        let Some(deadline) = self.deadlines.get(&pid) else { return false };
        let reached = !matches!(deadline.stage, Stage::Running);
        let alone = !self.tasks.groups().members(deadline.group).iter().any(|member| *member != pid);
        if !reached || alone || matches!(deadline.stage, Stage::Killing(_)) {
            self.timers.cancel(deadline.at, Due::TimeLimit(pid));
            self.deadlines.remove(&pid);
        }
        reached
    }

    /// The time is over, or a step of what follows is due.
    pub(crate) fn time_limit_due(&mut self, pid: Pid) {
        let now = self.now.monotonic;
        let Some(mut deadline) = self.deadlines.remove(&pid) else { return };
        if deadline.at > now {
            self.deadlines.insert(pid, deadline);
            return;
        }
        let (group, leader) = (deadline.group, deadline.leader);
        deadline.stage = match deadline.stage {
            Stage::Running => Stage::Ending(GroupSignal::of(group, leader, Signal::TERM)),
            Stage::Grace => Stage::Killing(GroupSignal::of(group, leader, Signal::KILL)),
            sending => sending,
        };
        // The next step comes after others had the lock.
        let soon = now.saturating_add(1);
        let more = match &mut deadline.stage {
            Stage::Ending(sending) | Stage::Killing(sending) => self.send_to_members(sending),
            Stage::Running | Stage::Grace => false,
        };
        (deadline.stage, deadline.at) = match deadline.stage {
            stage if more => (stage, soon),
            Stage::Ending(sending) if sending.signal == Signal::TERM => {
                // Stopped programs could not act on it.
                (Stage::Ending(GroupSignal::of(group, leader, Signal::CONT)), soon)
            }
            Stage::Ending(_) => (Stage::Grace, now.saturating_add(deadline.grace)),
            // Kept until the process is gone, which is told that it had a limit.
            stage if self.tasks.referred(leader).is_some() => (stage, Nanos::MAX),
            _ => return,
        };
        if deadline.at != Nanos::MAX {
            self.timers.add(deadline.at, Due::TimeLimit(pid));
        }
        self.deadlines.insert(pid, deadline);
    }
}
