//! The list of processes, as an application asks for it.

use super::{Pid, Process, RunState};
use crate::addr::{GuestAddr, PAGE_SIZE};
use crate::kernel::Kernel;
use crate::mem::space::Space;
use crate::system::System;
use crate::time::{Nanos, Now};

/// What a process does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ProcessState {
    /// One of its threads runs or could.
    Running,
    /// All of its threads wait.
    Sleeping,
    /// A signal stopped it.
    Stopped,
    /// It ended, and its parent has not waited for it yet.
    Zombie,
}

/// One process of the guest.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ProcessInfo {
    /// Its id.
    pub pid: u32,
    /// Its parent's; 0 for process 1.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Its session.
    pub session: u32,
    /// The name of its first thread, at most 15 bytes.
    pub name: Vec<u8>,
    /// Its arguments, the first 4 KiB of them; empty for process 1 and zombies.
    pub arguments: Vec<Vec<u8>>,
    /// What it does.
    pub state: ProcessState,
    /// Real user id.
    pub uid: u32,
    /// Real group id.
    pub gid: u32,
    /// Threads.
    pub threads: usize,
    /// The nice value.
    pub nice: i8,
    /// CPU time of all of its threads so far, in nanoseconds.
    pub cpu: Nanos,
    /// When it began, in nanoseconds after the system did.
    pub started: Nanos,
    /// Memory that is resident, in bytes; what is shared counts for each.
    pub resident: u64,
    /// Addresses that are mapped, in bytes.
    pub mapped: u64,
}

/// Processes that one step lists at the most: each costs a look at its arguments.
const STEP_PROCESSES: usize = 16;
/// Bytes of arguments that are shown.
const ARGUMENT_BYTES: u64 = 4096;
/// Threads of one process whose states and times are looked at.
const THREADS: usize = 64;

impl Kernel {
    /// Some processes with ids above `after`, ascending; none at the end.
    pub fn processes(&mut self, after: u32, now: Now) -> Vec<ProcessInfo> {
        self.sys.now = now;
        let mut after = after;
        let mut list = Vec::new();
        while list.len() < STEP_PROCESSES
            && let Some(pid) = self.sys.tasks.next_process(after)
        {
            after = pid.get();
            list.extend(self.sys.process_info(pid));
        }
        list
    }

    /// Has every process that begins, runs another program or ends told as a [`Status`](crate::Status), or no longer.
    pub fn tell_processes(&mut self, tell: bool) {
        self.sys.tell_processes = tell;
    }
}

impl System {
    fn process_info(&mut self, pid: Pid) -> Option<ProcessInfo> {
        let arguments = self.arguments_of(pid);
        let process = self.tasks.process(pid)?;
        let space = self.mem.spaces.get(process.space);
        let threads = || process.threads.iter().take(THREADS).filter_map(|tid| self.tasks.thread(*tid));
        let now = self.now.monotonic;
        let name = match threads().next() {
            Some(thread) => thread.name.as_bytes().to_vec(),
            None if process.parent.is_none() => b"init".to_vec(),
            None => Vec::new(),
        };
        let runs = |state| matches!(state, RunState::Runnable | RunState::Running(_));
        Some(ProcessInfo {
            pid: pid.get(),
            parent: process.parent.map_or(0, Pid::get),
            group: process.group.get(),
            session: process.session.get(),
            name,
            arguments,
            state: match process {
                process if process.is_zombie() => ProcessState::Zombie,
                Process { stopped: Some(_), .. } => ProcessState::Stopped,
                _ if threads().any(|thread| runs(thread.state)) => ProcessState::Running,
                _ => ProcessState::Sleeping,
            },
            uid: process.creds.uid,
            gid: process.creds.gid,
            threads: process.threads.len(),
            nice: process.nice(&self.tasks),
            cpu: threads().fold(process.usage.cpu, |sum, thread| sum.saturating_add(thread.cpu_time(now))),
            started: process.started.saturating_sub(self.boot.monotonic),
            resident: space.map_or(0, |space| {
                let resident = space.resident();
                (resident.anonymous + resident.shared) * PAGE_SIZE
            }),
            mapped: space.map_or(0, |space| space.areas().total()),
        })
    }

    fn arguments_of(&mut self, pid: Pid) -> Vec<Vec<u8>> {
        let space = self.tasks.process(pid).and_then(|process| self.mem.spaces.get(process.space));
        let Some((id, marks)) = space.map(|space: &Space| (space.id(), space.marks())) else {
            return Vec::new();
        };
        let (start, end) = marks.arguments;
        let len = end.saturating_sub(start).min(ARGUMENT_BYTES);
        let mut bytes = vec![0; len as usize];
        // What the process has unmapped is shown as nothing.
        if self.read_space(id, GuestAddr(start), &mut bytes).is_err() {
            return Vec::new();
        }
        if bytes.last() == Some(&0) {
            bytes.pop();
        }
        if bytes.is_empty() {
            return Vec::new();
        }
        bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()
    }
}
