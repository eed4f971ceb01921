//! Process groups and sessions (`setpgid(2)`, `setsid(2)`).
//!
//! Owns membership. An id stays taken as long as a group or session has its number.

use std::collections::BTreeMap;

use super::{Pid, Process};
use crate::errno::{Errno, Result};
use crate::signal::{SigInfo, Signal};
use crate::system::System;

/// Who belongs to which group and session.
#[derive(Debug, Default)]
pub struct Groups {
    groups: BTreeMap<Pid, Vec<Pid>>,
    sessions: BTreeMap<Pid, usize>,
}

impl Groups {
    /// The members of a group; empty if there is none.
    pub fn members(&self, group: Pid) -> &[Pid] {
        self.groups.get(&group).map_or(&[], Vec::as_slice)
    }

    /// Whether a group or session has this number.
    pub fn is_taken(&self, id: Pid) -> bool {
        self.groups.contains_key(&id) || self.sessions.contains_key(&id)
    }

    /// Enters a process by its group and session.
    pub(super) fn join(&mut self, process: &Process) {
        self.groups.entry(process.group).or_default().push(process.pid);
        *self.sessions.entry(process.session).or_default() += 1;
    }

    /// Takes it out again.
    pub(super) fn leave(&mut self, process: &Process) {
        if let Some(members) = self.groups.get_mut(&process.group) {
            members.retain(|member| *member != process.pid);
            if members.is_empty() {
                self.groups.remove(&process.group);
            }
        }
        if let Some(count) = self.sessions.get_mut(&process.session) {
            *count -= 1;
            if *count == 0 {
                self.sessions.remove(&process.session);
            }
        }
    }
}

impl System {
    /// Moves a process to another group or session.
    fn regroup(&mut self, pid: Pid, group: Pid, session: Pid) -> Result<()> {
        let tasks = &mut self.tasks;
        tasks.with_groups(pid, |process, groups| {
            groups.leave(process);
            process.group = group;
            process.session = session;
            groups.join(process);
        })
    }

    /// `setpgid(2)` of `pid` by `caller`.
    ///
    /// # Errors
    /// - `ESRCH`: it is neither the caller nor a child of it.
    /// - `EACCES`: a child that has executed a program already.
    /// - `EPERM`: a session leader, another session's process, or a group of another session.
    pub(crate) fn set_group(&mut self, caller: Pid, pid: Pid, group: Pid) -> Result<()> {
        let session = self.tasks.process(caller).ok_or(Errno::ESRCH)?.session;
        let process = self.tasks.process(pid).ok_or(Errno::ESRCH)?;
        if pid != caller {
            if process.parent != Some(caller) {
                return Err(Errno::ESRCH);
            }
            if process.session != session {
                return Err(Errno::EPERM);
            }
            if process.execed {
                return Err(Errno::EACCES);
            }
        }
        if process.session == pid {
            return Err(Errno::EPERM);
        }
        if group != pid {
            let member = self.tasks.groups().members(group).first().copied();
            let member = member.and_then(|member| self.tasks.process(member)).ok_or(Errno::EPERM)?;
            if member.session != session {
                return Err(Errno::EPERM);
            }
        }
        self.regroup(pid, group, session)
    }

    /// `setsid(2)`.
    ///
    /// # Errors
    /// `EPERM` when the process leads a group already.
    pub(crate) fn new_session(&mut self, pid: Pid) -> Result<()> {
        if self.tasks.groups().is_taken(pid) {
            return Err(Errno::EPERM);
        }
        self.regroup(pid, pid, pid)?;
        if let Some(process) = self.tasks.process_mut(pid) {
            process.terminal = None;
        }
        Ok(())
    }

    /// Whether nobody outside a group but inside its session could continue it (POSIX, "Orphaned Process Group").
    /// Processes that end do not count.
    pub(crate) fn group_is_orphaned(&self, group: Pid) -> bool {
        let has_outside_parent = |member: &Pid| {
            let Some(member) = self.tasks.process(*member) else { return false };
            let parent = member.parent.and_then(|parent| self.tasks.process(parent));
            member.exiting.is_none()
                && parent.is_some_and(|parent| {
                    parent.session == member.session && parent.group != group && parent.exiting.is_none()
                })
        };
        !self.tasks.groups().members(group).iter().any(has_outside_parent)
    }

    /// A process ends, or loses the parent that ends: where that was the last tie by which somebody could have continued its
    /// group, and that has stopped members, it is hung up (`setpgid(2)`).
    pub(crate) fn hang_up_if_orphaned(&mut self, child: Pid, parent: Option<Pid>) {
        let parent = parent.and_then(|parent| self.tasks.process(parent));
        let (Some(child), Some(parent)) = (self.tasks.process(child), parent) else { return };
        let group = child.group;
        // Such a parent was no tie (Linux, `kill_orphaned_pgrp`): nothing changes.
        if parent.group == group || parent.session != child.session {
            return;
        }
        let members = self.tasks.groups().members(group).to_vec();
        let stopped = |pid: &Pid| self.tasks.process(*pid).is_some_and(|member| member.stopped.is_some());
        if !members.iter().any(stopped) || !self.group_is_orphaned(group) {
            return;
        }
        for pid in members {
            for signal in [Signal::HUP, Signal::CONT] {
                // One that ended meanwhile needs none.
                let _: Result<()> = self.send_to_process(pid, SigInfo::kernel(signal));
            }
        }
    }
}
