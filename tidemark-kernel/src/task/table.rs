//! The tables of processes and threads, by id.

use super::group::Groups;
use super::{INIT, Pid, Process, Scheduling, Thread, Tid};
use crate::errno::{Errno, Result};
use crate::limits::PID_MAX;

/// All processes and threads of one guest system.
#[derive(Debug, Default)]
pub struct Tasks {
    // Indexed by id: look-ups are on the path of every system call.
    threads: Vec<Option<Box<Thread>>>,
    processes: Vec<Option<Box<Process>>>,
    last_id: u32,
    created: u64,
    thread_count: usize,
    process_count: usize,
    groups: Groups,
    // Process 1 has no thread that keeps it.
    init_scheduling: Scheduling,
}

impl Tasks {
    /// An unused id, the next after the last one given, as Linux counts.
    ///
    /// # Errors
    /// `EAGAIN` when every id is taken.
    pub fn allocate_id(&mut self) -> Result<Tid> {
        for _ in 0..PID_MAX {
            self.last_id = if self.last_id >= PID_MAX { 1 } else { self.last_id + 1 };
            let tid = Tid::new(self.last_id).ok_or(Errno::EAGAIN)?;
            if !self.is_taken(tid) {
                self.created += 1;
                return Ok(tid);
            }
        }
        Err(Errno::EAGAIN)
    }

    /// Takes this id (`clone3`, `set_tid`).
    ///
    /// # Errors
    /// `EEXIST` when it is taken.
    pub fn take_id(&mut self, tid: Tid) -> Result<Tid> {
        if self.is_taken(tid) {
            return Err(Errno::EEXIST);
        }
        self.created += 1;
        Ok(tid)
    }

    fn is_taken(&self, tid: Tid) -> bool {
        let index = tid.get() as usize;
        self.threads.get(index).is_some_and(Option::is_some)
            || self.processes.get(index).is_some_and(Option::is_some)
            || self.groups.is_taken(Pid(tid))
    }

    /// The id that was given last.
    pub fn last_id(&self) -> u32 {
        self.last_id
    }

    /// How many ids were given: processes and threads ever made.
    pub fn created(&self) -> u64 {
        self.created
    }

    /// The thread of this id.
    pub fn thread(&self, tid: Tid) -> Option<&Thread> {
        self.threads.get(tid.get() as usize)?.as_deref()
    }

    /// The thread of this id.
    pub fn thread_mut(&mut self, tid: Tid) -> Option<&mut Thread> {
        self.threads.get_mut(tid.get() as usize)?.as_deref_mut()
    }

    /// How the thread of this id asked to be scheduled, and whose it is. Process 1, which has no thread, counts as one.
    pub fn scheduling(&self, tid: Tid) -> Option<(Pid, &Scheduling)> {
        match self.thread(tid) {
            Some(thread) => Some((thread.pid, &thread.scheduling)),
            None if tid == INIT.0 => Some((INIT, &self.init_scheduling)),
            None => None,
        }
    }

    /// How the thread of this id is to be scheduled; process 1 counts as one.
    pub fn scheduling_mut(&mut self, tid: Tid) -> Option<&mut Scheduling> {
        if tid == INIT.0 {
            return Some(&mut self.init_scheduling);
        }
        self.thread_mut(tid).map(|thread| &mut thread.scheduling)
    }

    /// The process of this id.
    pub fn process(&self, pid: Pid) -> Option<&Process> {
        self.processes.get(pid.0.get() as usize)?.as_deref()
    }

    /// The process of this id.
    pub fn process_mut(&mut self, pid: Pid) -> Option<&mut Process> {
        self.processes.get_mut(pid.0.get() as usize)?.as_deref_mut()
    }

    /// Enters a thread.
    pub fn insert_thread(&mut self, thread: Box<Thread>) {
        let index = thread.tid.get() as usize;
        self.thread_count += usize::from(put(&mut self.threads, index, thread));
    }

    /// Enters a process.
    pub fn insert_process(&mut self, process: Box<Process>) {
        let index = process.pid.0.get() as usize;
        self.groups.join(&process);
        self.process_count += usize::from(put(&mut self.processes, index, process));
    }

    /// Takes a thread out; its id is free again unless a process still has it.
    pub fn remove_thread(&mut self, tid: Tid) -> Option<Box<Thread>> {
        let thread = self.threads.get_mut(tid.get() as usize)?.take()?;
        self.thread_count -= 1;
        Some(thread)
    }

    /// Takes a process out.
    pub fn remove_process(&mut self, pid: Pid) -> Option<Box<Process>> {
        let process = self.processes.get_mut(pid.0.get() as usize)?.take()?;
        self.process_count -= 1;
        self.groups.leave(&process);
        Some(process)
    }

    /// Process groups and sessions.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Changes a process together with its membership.
    pub(super) fn with_groups(
        &mut self,
        pid: Pid,
        change: impl FnOnce(&mut Process, &mut Groups),
    ) -> Result<()> {
        let process = self.processes.get_mut(pid.0.get() as usize).and_then(Option::as_deref_mut);
        change(process.ok_or(Errno::ESRCH)?, &mut self.groups);
        Ok(())
    }

    /// The first id above `after` that a process has.
    pub fn next_process(&self, after: u32) -> Option<Pid> {
        let from = after as usize + 1;
        self.processes.get(from..)?.iter().flatten().next().map(|process| process.pid)
    }

    /// The first of a process's threads with this id or above.
    pub fn next_thread(&self, pid: Pid, from: u32) -> Option<Tid> {
        let later = self.threads.get(from as usize..)?.iter().flatten();
        later.into_iter().find(|thread| thread.pid == pid).map(|thread| thread.tid)
    }

    /// Live threads.
    pub fn thread_count(&self) -> usize {
        self.thread_count
    }

    /// Live processes and zombies, process 1 included.
    pub fn process_count(&self) -> usize {
        self.process_count
    }

    /// All processes, by id.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().flatten().map(Box::as_ref)
    }

    /// All threads, by id.
    pub fn threads(&self) -> impl Iterator<Item = &Thread> {
        self.threads.iter().flatten().map(Box::as_ref)
    }
}

/// Whether the place was free.
fn put<T>(table: &mut Vec<Option<Box<T>>>, index: usize, value: Box<T>) -> bool {
    if table.len() <= index {
        table.resize_with(index + 1, || None);
    }
    table[index].replace(value).is_none()
}
